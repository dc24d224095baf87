"""Passkeys (W3C Web Authentication, level 3): made by a browser or a phone, looked at here by the `webauthn` library.

A passkey can be the second factor after a password, or the only one: then the authenticator must have verified the
person itself (a finger, a face, a PIN), and name the account that the passkey belongs to.
"""

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import structlog
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.events import PasskeyCountedBack
from commonplace.apps.accounts.factors import challenges, queries
from commonplace.apps.accounts.factors.challenges import Purpose
from commonplace.apps.accounts.factors.errors import PasskeyNotAccepted, PasskeyRefused
from commonplace.apps.accounts.factors.relying_party import NAME, RelyingParty
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.events import log

LONGEST_NAME: Final = 80  #: characters
LONGEST_CREDENTIAL: Final = 1023  #: bytes of a credential's id (WebAuthn section 4)
MOST_PASSKEYS: Final = 25  #: of one person: a request to sign in lists them all
_TRANSPORTS: Final = {transport.value for transport in AuthenticatorTransport}
#: What the library raises for what it cannot read; its own exceptions are not all of it.
_UNREADABLE: Final = (
    WebAuthnException,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    struct.error,
    RecursionError,
)
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
    options = generate_registration_options(
        rp_id=party.id,
        rp_name=NAME,
        user_id=person_id.bytes,
        user_name=email,
        user_display_name=name,
        challenge=challenges.make(accounts, "registration", bound_to),
        timeout=challenges.SECONDS * 1000,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,  # an old security key serves as a second factor still
            user_verification=UserVerificationRequirement.PREFERRED,
        ),
        exclude_credentials=_descriptors(await session.all(queries.PASSKEYS, person_id=person_id)),
    )
    return _as_json(options)


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
    is_alone = person_id is None
    known = [] if person_id is None else await session.all(queries.PASSKEYS, person_id=person_id)
    options = generate_authentication_options(
        rp_id=party.id,
        challenge=challenges.make(accounts, purpose, bound_to),
        timeout=challenges.SECONDS * 1000,
        allow_credentials=_descriptors(known),
        user_verification=UserVerificationRequirement.REQUIRED if is_alone else UserVerificationRequirement.PREFERRED,
    )
    return _as_json(options)


def verify_new(accounts: Accounts, party: RelyingParty, credential: Credential, *, bound_to: bytes) -> NewPasskey:
    """Look at what `navigator.credentials.create` made; `challenges.spend` its challenge when it is kept.

    Raises:
        PasskeyNotAccepted: it is not what was asked for, comes from another origin, or too late.
    """
    challenge = _challenge_of(credential)
    if challenge is None or not challenges.is_valid(accounts, challenge, "registration", bound_to):
        raise PasskeyNotAccepted("The passkey was made too late, or elsewhere. Begin again.")
    try:
        made = verify_registration_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
        )
    except _UNREADABLE as error:
        _log.info("passkey.not_accepted", reason=type(error).__name__)
        raise PasskeyNotAccepted(
            f"The browser's answer cannot be taken as a passkey for {party.origin}. Begin again."
        ) from error
    if len(made.credential_id) > LONGEST_CREDENTIAL:
        raise PasskeyNotAccepted(f"The id of this passkey is longer than {LONGEST_CREDENTIAL} bytes.")
    told = credential.get("response", {}).get("transports")
    transports = [name for name in told if name in _TRANSPORTS] if isinstance(told, list) else []
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
    try:
        credential_id = base64url_to_bytes(credential["rawId"])
        row = await session.first(queries.PASSKEY_OF_CREDENTIAL, credential_id=credential_id)
        if row is None or not _names(credential, row.person_id, must=person_id is None):
            raise PasskeyRefused
        verified = verify_authentication_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=row.public_key,
            credential_current_sign_count=0,  # `use` compares it, where two at once cannot both pass
            require_user_verification=person_id is None,
        )
    except _UNREADABLE as error:
        _log.info("passkey.refused", reason=type(error).__name__)
        raise PasskeyRefused from error
    if person_id is not None and row.person_id != person_id:
        raise PasskeyRefused
    return Answer(
        passkey_id=row.id,
        person_id=row.person_id,
        sign_count=verified.new_sign_count,
        is_synced=verified.credential_backed_up,
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


def _descriptors(rows: Sequence[Row]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=row.credential_id,
            transports=[AuthenticatorTransport(name) for name in row.transports.split(",") if name] or None,
        )
        for row in rows
    ]


def _as_json(options: Any) -> Options:
    written: Options = json.loads(options_to_json(options))
    return written


def _challenge_of(credential: Credential) -> bytes | None:
    """The challenge that the browser says it answered; whether it did is verified with the signature."""
    try:
        client_data = json.loads(base64url_to_bytes(credential["response"]["clientDataJSON"]))
        return base64url_to_bytes(client_data["challenge"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _names(credential: Credential, person_id: UUID, *, must: bool) -> bool:
    """Whether the answer names this account (WebAuthn section 7.2, step 6); an authenticator may leave it out else."""
    handle = credential["response"].get("userHandle")
    if handle is None:
        return not must
    return base64url_to_bytes(handle) == person_id.bytes
