"""When somebody signed in from a new device: the link that ends their session and asks for a new password.

The link stands in a mail to the person and works without being signed in, once, for `new_device_link_hours`. To open
its page changes nothing, since programs that look for harm in mails follow links; its button does. Nothing in the
database opens it: its token is made of the session's id by a key of the installation, so that each attempt to send the
mail writes the same one.

The button ends the session, forgets the device, and gives a second token, for `_PASSWORD_MINUTES`, with which the page
that follows sets the password.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from commonplace.apps.accounts import device_queries, queries
from commonplace.apps.accounts.api_tokens import revoke_tokens_of
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.errors import NoticeNotValid
from commonplace.apps.accounts.events import IdentityUnlinked, PasswordReset, SecondFactorRemoved
from commonplace.apps.accounts.password_rules import refuse_unfit
from commonplace.apps.accounts.sessions import end_sessions_of, tell_ended
from commonplace.apps.accounts.user_agents import program_of
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import WriteSession
from commonplace.platform.events import log

NOTICE_PATH: Final = "/app/account/not-me"
_PASSWORD_MINUTES: Final = 60
_FACTORS: Final[tuple[Literal["totp", "passkey", "recovery_codes"], ...]] = ("totp", "passkey", "recovery_codes")
_ID_BYTES: Final = 16
_SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A sign-in from a new device, as its person is told of it."""

    session_id: UUID
    email: str
    name: str
    time_zone: str
    device: str  #: the program and its system
    address: str
    at: datetime
    expires_at: datetime  #: when the link ends
    is_used: bool
    token: str = field(repr=False)  #: of the link


async def notice_of(accounts: Accounts, session_id: UUID) -> Notice | None:
    """The notice of a session; None when it did not begin on a new device, or is long over."""
    async with accounts.database.reading() as session:
        row = await session.first(device_queries.NOTICE, session_id=session_id)
    return None if row is None else _notice(accounts, row)


async def open_notice(accounts: Accounts, token: str) -> Notice:
    """The notice that a link leads to.

    Raises:
        NoticeNotValid: the link is none of ours, was used, or has expired.
    """
    session_id = _session_of(accounts, token)
    notice = None if session_id is None else await notice_of(accounts, session_id)
    if notice is None or notice.is_used or notice.expires_at <= accounts.now():
        raise NoticeNotValid
    return notice


async def disown(accounts: Accounts, token: str) -> str:
    """End the session of a link, which is used up by it; the token that comes back sets a new password.

    When this returns, no process admits the session. The device is new again.

    Raises:
        NoticeNotValid: the link is none of ours, was used, or has expired.
    """
    session_id = _session_of(accounts, token)
    if session_id is None:
        raise NoticeNotValid
    secret = secrets.token_bytes(_SECRET_BYTES)
    now = accounts.now()
    async with accounts.database.writing() as session:
        row = await session.first(
            device_queries.USE_NOTICE,
            session_id=session_id,
            now=now,
            password_digest=hashlib.sha256(secret).digest(),
            password_until=now + timedelta(minutes=_PASSWORD_MINUTES),
        )
        if row is None:
            raise NoticeNotValid
        await session.execute(device_queries.FORGET_DEVICE_OF_SESSION, session_id=session_id)
        ended = await session.first(queries.END_SESSION, session_id=session_id, now=now, reason="disowned")
        if ended is not None:
            await tell_ended(session, ended, "disowned", by=row.person_id)
    await accounts.announce_ended([session_id])
    return _written(session_id, secret)


async def set_password(accounts: Accounts, token: str, password: str) -> None:
    """Set the person's password by the token that `disown` gave, which works once; all their sessions end.

    Their API tokens are revoked, and second factors and linked accounts added since the session began are
    removed: whoever held it may have left them to come back by.

    Raises:
        NoticeNotValid: the token is none of ours, was used, or an hour has passed.
        PasswordNotAllowed: the password is one that nobody, or not this person, may have; the token still holds.
        SignInBusy: too many wait for a hash in this process; the token still holds.
    """
    session_id, secret = _read(token)
    digest = hashlib.sha256(secret).digest()
    async with accounts.database.reading() as reading:
        person = await reading.first(
            device_queries.PASSWORD_AWAITED, session_id=session_id, password_digest=digest, now=accounts.now()
        )
    if person is None:  # before the hash, which is work that strangers must not cause
        raise NoticeNotValid
    refuse_unfit(password, fewest=accounts.settings.fewest_password_characters, about=(person.email, person.name))
    async with accounts.passwords.turn():
        password_hash = await accounts.passwords.hash(password)
    async with accounts.database.writing() as session:
        row = await session.first(
            device_queries.END_PASSWORD_AWAITED, session_id=session_id, password_digest=digest, now=accounts.now()
        )
        if row is None:
            raise NoticeNotValid
        person_id: UUID = row.person_id
        await _remove_factors(session, accounts, person_id, since=row.began_at)
        await session.execute(queries.SET_PASSWORD, person_id=person_id, hash=password_hash, now=accounts.now())
        await session.execute(queries.FORGIVE_PERSON, person_id=person_id)
        await log.tell(session, PasswordReset(person_id=person_id), owner_id=person_id, by=person_id)
        ended = await end_sessions_of(session, accounts, person_id, reason="password_reset", by=person_id)
        revoked = await revoke_tokens_of(session, person_id, reason="password_reset", by=person_id)
    await accounts.announce_ended([*ended, *revoked])


async def _remove_factors(session: WriteSession, accounts: Accounts, person_id: UUID, *, since: datetime) -> None:
    unlinked = await session.all(device_queries.REMOVE_IDENTITIES_SINCE, person_id=person_id, since=since)
    for row in unlinked:
        name = accounts.issuers.name_of(row.issuer)
        told = IdentityUnlinked(person_id=person_id, identity_id=row.id, issuer=name)
        await log.tell(session, told, owner_id=person_id, by=person_id)
    removed = await session.first(device_queries.REMOVE_FACTORS_SINCE, person_id=person_id, since=since)
    for factor in _FACTORS:
        if removed is not None and removed[factor]:
            fact = SecondFactorRemoved(person_id=person_id, factor=factor)
            await log.tell(session, fact, owner_id=person_id, by=person_id)


def _notice(accounts: Accounts, row: Row) -> Notice:
    return Notice(
        session_id=row.session_id,
        email=row.email,
        name=row.name,
        time_zone=row.time_zone,
        device=str(program_of(row.user_agent)),
        address=row.address,
        at=row.created_at,
        expires_at=row.expires_at,
        is_used=row.used_at is not None,
        token=_written(row.session_id, _secret(accounts, row.session_id)),
    )


def _secret(accounts: Accounts, session_id: UUID) -> bytes:
    return hmac.digest(accounts.keys.disowning, session_id.bytes, "sha256")


def _is_secret(accounts: Accounts, session_id: UUID, secret: bytes) -> bool:
    codes = (hmac.digest(key, session_id.bytes, "sha256") for key in accounts.keys.all("disowning"))
    return any(hmac.compare_digest(secret, code) for code in codes)


def _session_of(accounts: Accounts, token: str) -> UUID | None:
    """The session of a link's token; None when it is none of ours."""
    session_id, secret = _read(token)
    return session_id if _is_secret(accounts, session_id, secret) else None


def _written(session_id: UUID, secret: bytes) -> str:
    return base64.urlsafe_b64encode(session_id.bytes + secret).decode()


def _read(token: str) -> tuple[UUID, bytes]:
    """The session's id and the secret in a token; of what is no token, those that nothing has."""
    try:
        value = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
    except ValueError:
        value = b""
    if len(value) != _ID_BYTES + _SECRET_BYTES:
        value = bytes(_ID_BYTES + _SECRET_BYTES)
    return UUID(bytes=value[:_ID_BYTES]), value[_ID_BYTES:]
