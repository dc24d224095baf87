"""The `webauthn` library as passkeys need it. Import this where a passkey is at hand: it takes a fifth of a second."""

import json
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

from commonplace.apps.accounts.factors.relying_party import NAME, RelyingParty

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


class Unreadable(Exception):
    """It is not what an authenticator of this challenge answers; the cause says why."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What a right answer says."""

    sign_count: int
    is_synced: bool


def registration_options(
    party: RelyingParty,
    *,
    user_id: bytes,
    user_name: str,
    display_name: str,
    challenge: bytes,
    timeout_ms: int,
    known: Iterable[tuple[bytes, str]],
) -> dict[str, Any]:
    """What `navigator.credentials.create` needs; `known`: id and transports of passkeys to leave out."""
    return _as_json(
        generate_registration_options(
            rp_id=party.id,
            rp_name=NAME,
            user_id=user_id,
            user_name=user_name,
            user_display_name=display_name,
            challenge=challenge,
            timeout=timeout_ms,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.PREFERRED,  # an old security key serves as a second factor still
                user_verification=UserVerificationRequirement.PREFERRED,
            ),
            exclude_credentials=_descriptors(known),
        )
    )


def request_options(
    party: RelyingParty,
    *,
    challenge: bytes,
    timeout_ms: int,
    known: Iterable[tuple[bytes, str]],
    must_verify_person: bool,
) -> dict[str, Any]:
    """What `navigator.credentials.get` needs."""
    verification = UserVerificationRequirement
    return _as_json(
        generate_authentication_options(
            rp_id=party.id,
            challenge=challenge,
            timeout=timeout_ms,
            allow_credentials=_descriptors(known),
            user_verification=verification.REQUIRED if must_verify_person else verification.PREFERRED,
        )
    )


def verify_new(party: RelyingParty, credential: Mapping[str, Any], challenge: bytes) -> VerifiedRegistration:
    """What a new passkey says of itself.

    Raises:
        Unreadable: it is not what was asked for, or comes from another origin.
    """
    try:
        return verify_registration_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
        )
    except _UNREADABLE as error:
        raise Unreadable from error


def verify_answer(
    party: RelyingParty, credential: Mapping[str, Any], challenge: bytes, *, public_key: bytes, must_verify_person: bool
) -> Verified:
    """What a passkey's answer says. Its counter is compared by who uses it, where two at once cannot both pass.

    Raises:
        Unreadable: it is not signed by this passkey for this challenge and origin.
    """
    try:
        verified = verify_authentication_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=public_key,
            credential_current_sign_count=0,
            require_user_verification=must_verify_person,
        )
    except _UNREADABLE as error:
        raise Unreadable from error
    return Verified(sign_count=verified.new_sign_count, is_synced=verified.credential_backed_up)


def known_transports(told: object) -> list[str]:
    """Those of the transports that a browser told of which there are."""
    return [name for name in told if name in _TRANSPORTS] if isinstance(told, list) else []


def _descriptors(known: Iterable[tuple[bytes, str]]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=credential_id,
            transports=[AuthenticatorTransport(name) for name in transports.split(",") if name] or None,
        )
        for credential_id, transports in known
    ]


def _as_json(options: Any) -> dict[str, Any]:
    written: dict[str, Any] = json.loads(options_to_json(options))
    return written
