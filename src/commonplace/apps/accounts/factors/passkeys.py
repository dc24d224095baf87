"""Passkeys (W3C Web Authentication, level 3): made by a browser or a phone, looked at here by the `webauthn` library.

A passkey can be the second factor after a password, or the only one: then the authenticator must have verified the
person itself (a finger, a face, a PIN), and name the account that the passkey belongs to.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import structlog

from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.events import PasskeyCountedBack
from commonplace.apps.accounts.factors import challenges, queries
from commonplace.apps.accounts.factors.challenges import Purpose
from commonplace.apps.accounts.factors.errors import PasskeyNotAccepted, PasskeyRefused
from commonplace.apps.accounts.factors.relying_party import RelyingParty
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.events import log

LONGEST_NAME: Final = 80  #: characters
LONGEST_CREDENTIAL: Final = 1023  #: bytes of a credential's id (WebAuthn section 4)
MOST_PASSKEYS: Final = 25  #: of one person: a request to sign in lists them all
#: What reading a credential of the wrong form raises.
_MALFORMED: Final = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
_log = structlog.get_logger(__name__)
Options = dict[str, Any]
Credential = Mapping[str, Any]  #: what `PublicKeyCredential.toJSON()` gives


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPasskey:
    """A passkey that a browser has just made, verified."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: str
    is_synced: bool
    challenge: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A passkey's answer to a challenge, verified but for its counter."""

    passkey_id: UUID
    person_id: UUID
    sign_count: int
    is_synced: bool
    challenge: bytes


async def registration_options(
    session: ReadSession,
    accounts: Accounts,
    party: RelyingParty,
    *,
    person_id: UUID,
    email: str,
    name: str,
    bound_to: bytes,
) -> Options:
    """What `navigator.credentials.create` needs; authenticators that have a passkey of the person are left out."""
    from commonplace.apps.accounts.factors import authenticator  # noqa: PLC0415 - slow to load, and seldom needed

    return authenticator.registration_options(
        party,
        user_id=person_id.bytes,
        user_name=email,
        display_name=name,
        challenge=challenges.make(accounts, "registration", bound_to),
        timeout_ms=challenges.SECONDS * 1000,
        known=_known(await session.all(queries.PASSKEYS, person_id=person_id)),
    )


async def request_options(
    session: ReadSession,
    accounts: Accounts,
    party: RelyingParty,
    *,
    purpose: Purpose,
    bound_to: bytes = b"",
    person_id: UUID | None = None,
) -> Options:
    """What `navigator.credentials.get` needs: of this person's passkeys, or of any that names its account."""
    from commonplace.apps.accounts.factors import authenticator  # noqa: PLC0415 - as above

    known = [] if person_id is None else await session.all(queries.PASSKEYS, person_id=person_id)
    return authenticator.request_options(
        party,
        challenge=challenges.make(accounts, purpose, bound_to),
        timeout_ms=challenges.SECONDS * 1000,
        known=_known(known),
        must_verify_person=person_id is None,
    )


def verify_new(accounts: Accounts, party: RelyingParty, credential: Credential, *, bound_to: bytes) -> NewPasskey:
    """Look at what `navigator.credentials.create` made; `challenges.spend` its challenge when it is kept.

    Raises:
        PasskeyNotAccepted: it is not what was asked for, comes from another origin, or too late.
    """
    challenge = _challenge_of(credential)
    if challenge is None or not challenges.is_valid(accounts, challenge, "registration", bound_to):
        raise PasskeyNotAccepted("The passkey was made too late, or elsewhere. Begin again.")
    from commonplace.apps.accounts.factors import authenticator  # noqa: PLC0415 - as above

    try:
        made = authenticator.verify_new(party, credential, challenge)
    except authenticator.Unreadable as error:
        _log.info("passkey.not_accepted", reason=type(error.__cause__).__name__)
        raise PasskeyNotAccepted(
            f"The browser's answer cannot be taken as a passkey for {party.origin}. Begin again."
        ) from error
    if len(made.credential_id) > LONGEST_CREDENTIAL:
        raise PasskeyNotAccepted(f"The id of this passkey is longer than {LONGEST_CREDENTIAL} bytes.")
    transports = authenticator.known_transports(credential.get("response", {}).get("transports"))
    return NewPasskey(
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        transports=",".join(transports),
        is_synced=made.credential_backed_up,
        challenge=challenge,
    )


async def verify(
    session: ReadSession,
    accounts: Accounts,
    party: RelyingParty,
    credential: Credential,
    *,
    purpose: Purpose,
    bound_to: bytes = b"",
    person_id: UUID | None = None,
) -> Answer:
    """Look at what `navigator.credentials.get` answered; `use` decides.

    With a `person_id` the passkey must be of that person. Without one it is the only factor: the authenticator must
    have verified the person, and name the account.

    Raises:
        PasskeyRefused: for whatever reason.
    """
    challenge = _challenge_of(credential)
    if challenge is None or not challenges.is_valid(accounts, challenge, purpose, bound_to):
        raise PasskeyRefused
    from commonplace.apps.accounts.factors import authenticator  # noqa: PLC0415 - as above

    try:
        credential_id = _bytes(credential["rawId"])
        row = await session.first(queries.PASSKEY_OF_CREDENTIAL, credential_id=credential_id)
        if row is None or not _names(credential, row.person_id, must=person_id is None):
            raise PasskeyRefused
        verified = authenticator.verify_answer(
            party, credential, challenge, public_key=row.public_key, must_verify_person=person_id is None
        )
    except _MALFORMED as error:
        _log.info("passkey.refused", reason=type(error).__name__)
        raise PasskeyRefused from error
    except authenticator.Unreadable as error:
        _log.info("passkey.refused", reason=type(error.__cause__).__name__)
        raise PasskeyRefused from error
    if person_id is not None and row.person_id != person_id:
        raise PasskeyRefused
    return Answer(
        passkey_id=row.id,
        person_id=row.person_id,
        sign_count=verified.sign_count,
        is_synced=verified.is_synced,
        challenge=challenge,
    )


async def use(accounts: Accounts, session: WriteSession, answer: Answer) -> bool:
    """Spend the challenge and move the counter on, in the transaction that lets the person in.

    False: the challenge was used before, or the counter has not risen; then `note_refused` belongs after the rollback.
    """
    if not await challenges.spend(session, answer.challenge):
        return False
    moved = await session.execute(
        queries.USE_PASSKEY,
        id=answer.passkey_id,
        sign_count=answer.sign_count,
        is_synced=answer.is_synced,
        now=accounts.now(),
    )
    return moved == 1


async def note_refused(accounts: Accounts, answer: Answer) -> None:
    """Tell of a counter that went back. A challenge that was answered twice is a repetition, and tells nothing."""
    async with accounts.database.writing() as session:
        count = await session.scalar(queries.SIGN_COUNT, id=answer.passkey_id)
        went_back = count is not None and answer.sign_count <= count != 0
        if went_back and await challenges.spend(session, answer.challenge):
            fact = PasskeyCountedBack(person_id=answer.person_id, passkey_id=answer.passkey_id)
            await log.tell(session, fact, owner_id=answer.person_id, by=None)


def clean_name(name: str) -> str:
    """A passkey's name, as its person chose it.

    Raises:
        PasskeyNotAccepted: it is empty, too long, or cannot be read.
    """
    cleaned = " ".join(name.split())
    if not cleaned or len(cleaned) > LONGEST_NAME or not cleaned.isprintable():
        raise PasskeyNotAccepted(f"A passkey's name has 1 to {LONGEST_NAME} characters that can be read.")
    return cleaned


def _known(rows: Sequence[Row]) -> list[tuple[bytes, str]]:
    return [(row.credential_id, row.transports) for row in rows]


def _bytes(text: str) -> bytes:
    """What base64url without padding says (RFC 4648, section 5)."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _challenge_of(credential: Credential) -> bytes | None:
    """The challenge that the browser says it answered; whether it did is verified with the signature."""
    try:
        client_data = json.loads(_bytes(credential["response"]["clientDataJSON"]))
        return _bytes(client_data["challenge"])
    except _MALFORMED:
        return None


def _names(credential: Credential, person_id: UUID, *, must: bool) -> bool:
    """Whether the answer names this account (WebAuthn section 7.2, step 6); an authenticator may leave it out else."""
    handle = credential["response"].get("userHandle")
    if handle is None:
        return not must
    return _bytes(handle) == person_id.bytes
