"""What every function of accounts needs: the parts it stands on, its settings, and the time."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from commonplace.apps.accounts.derived_keys import DerivedKeys
from commonplace.apps.accounts.factors.proof_source import StoredProofs
from commonplace.apps.accounts.issuers.errors import LocalPasswordsOff
from commonplace.apps.accounts.issuers.issuers import Issuers
from commonplace.apps.accounts.issuers.web import Web
from commonplace.apps.accounts.passwords import Passwords
from commonplace.apps.accounts.person_source import StoredPeople
from commonplace.apps.accounts.refused_lately import RefusedLately
from commonplace.apps.accounts.session_source import StoredSessions
from commonplace.apps.accounts.settings import AccountsSettings
from commonplace.apps.accounts.signing_keys import SigningKeys
from commonplace.platform.database.bus import Bus
from commonplace.platform.database.session import Database
from commonplace.platform.identity.clock import Clock
from commonplace.platform.identity.live_sessions import LiveSessions
from commonplace.platform.identity.people import People
from commonplace.platform.identity.proofs import Proofs
from commonplace.platform.identity.settings import JwtSettings
from commonplace.platform.identity.tokens import AccessTokens
from commonplace.platform.identity.verifier import SESSION_CHANGED, SESSION_ENDED, Identity
from commonplace.platform.messages.mail import Mailer
from commonplace.platform.messages.settings import MailSettings
from commonplace.platform.parts import Parts
from commonplace.platform.secrets.watch import SecretsWatch

_SESSIONS_A_MESSAGE: Final = 100  # 4 kB; NOTIFY carries 8


@dataclass(frozen=True, kw_only=True)
class Accounts:
    """The accounts app of one process.

    Signing in, refreshing and signing out commit by themselves rather than with the request: a failure must be counted
    though the answer is an error, and the other processes can be told only after the commit.
    """

    database: Database
    bus: Bus
    settings: AccountsSettings
    passwords: Passwords
    tokens: AccessTokens
    signing_keys: SigningKeys
    sessions: StoredSessions
    identity: Identity
    refused_lately: RefusedLately
    mailer: Mailer
    issuers: Issuers
    hides_addresses: bool  #: whether nobody may learn which addresses have accounts: registration goes by mail then
    keys: DerivedKeys = field(repr=False)
    clock: Callable[[], float]

    def require_passwords(self) -> None:
        """Let pass where accounts have passwords of this installation.

        Raises:
            LocalPasswordsOff: accounts are kept by an issuer.
        """
        if not self.settings.keeps_passwords:
            raise LocalPasswordsOff

    def now(self) -> datetime:
        """The present moment, UTC."""
        return datetime.fromtimestamp(self.clock(), UTC)

    async def announce_ended(self, session_ids: Iterable[UUID]) -> None:
        """Tell every process that these sessions ended (call it after the commit); returns when all know.

        A process that does not answer is out of touch: within a second it trusts its memory no more.
        """
        await self._announce(SESSION_ENDED, session_ids)

    async def announce_changed(self, session_ids: Iterable[UUID]) -> None:
        """Tell every process that these sessions go on, but with another role (call it after the commit)."""
        await self._announce(SESSION_CHANGED, session_ids)

    async def _announce(self, channel: str, session_ids: Iterable[UUID]) -> None:
        remaining = list(session_ids)
        self.identity.forget(remaining)
        while remaining:
            batch, remaining = remaining[:_SESSIONS_A_MESSAGE], remaining[_SESSIONS_A_MESSAGE:]
            await self.bus.publish_and_wait(channel, {"sids": [str(session_id) for session_id in batch]})

    async def close(self) -> None:
        """End the threads that hash."""
        self.passwords.close()


async def compose(parts: Parts) -> None:
    """Add `Accounts` and `Identity` to the parts. Touches no database; `Database`, `Bus` and the settings are there.

    Raises:
        ValueError: there is no JWT secret.
    """
    jwt_settings, settings = parts[JwtSettings], parts[AccountsSettings]
    if jwt_settings.secret_key is None:
        raise ValueError("JWT__SECRET_KEY is not set.")
    database, bus = parts[Database], parts[Bus]
    clock = (parts[Clock] if Clock in parts else Clock()).time
    factor_key, previous = settings.second_factor_key, jwt_settings.previous_secret_key
    keys = DerivedKeys(
        jwt_settings.secret_key.get_secret_value().encode(),
        None if previous is None else previous.get_secret_value().encode(),
        factor_secret=None if factor_key is None else factor_key.get_secret_value().encode(),
    )
    signing_keys = SigningKeys(
        database=database,
        bus=bus,
        keys=keys,
        token_seconds=jwt_settings.access_seconds,
        clock=clock,
    )
    tokens = AccessTokens(signing_keys, jwt_settings, clock=clock)
    sessions = StoredSessions(database=database, idle_days=settings.session_idle_days, clock=clock)
    identity = Identity(tokens=tokens, sessions=sessions, bus=bus, clock=clock)
    accounts = Accounts(
        database=database,
        bus=bus,
        settings=settings,
        passwords=Passwords(settings),
        tokens=tokens,
        signing_keys=signing_keys,
        sessions=sessions,
        identity=identity,
        refused_lately=RefusedLately(),
        mailer=parts[Mailer],
        issuers=Issuers(settings.issuers, parts[Web] if Web in parts else Web()),
        hides_addresses=_hides_addresses(settings, parts),
        keys=keys,
        clock=clock,
    )
    parts.add(identity)
    parts.add(sessions, as_=LiveSessions)
    parts.add(StoredPeople(database, only_proven=accounts.hides_addresses, mail_leaves=_mail_leaves(parts)), as_=People)
    parts.add(StoredProofs(database=database, minutes=settings.proof_minutes, clock=clock), as_=Proofs)
    parts.add(accounts)
    if settings.takes_pool_tokens:
        from commonplace.apps.accounts.issuers.pool_tokens import PoolTokens  # noqa: PLC0415 - it needs this module

        identity.foreign = PoolTokens(accounts)
    parts.on_close(accounts.close)
    if SecretsWatch in parts:

        def take(secret: str, before: str | None) -> None:
            keys.take(secret.encode(), None if before is None else before.encode())
            signing_keys.grow_stale()

        parts[SecretsWatch].on_jwt_secret(take)


def _mail_leaves(parts: Parts) -> bool:
    """Whether mail goes out by a server. What goes into files is read by whoever runs the installation."""
    address = parts[MailSettings].address
    return address is not None and address.scheme != "file"


def _hides_addresses(settings: AccountsSettings, parts: Parts) -> bool:
    """Where mail reaches people, unless a setting says otherwise."""
    if settings.registration_by_mail is None:
        return _mail_leaves(parts)
    return settings.registration_by_mail and parts[Mailer].is_configured
