"""Authenticator apps: time-based one-time passwords (RFC 6238), six digits, 30 seconds, SHA-1 as all apps know them.

A code of the step before and of the one after is accepted too, for clocks that differ. The step of an accepted code is
kept, and neither it nor an earlier one is ever accepted again (RFC 6238, section 5.2).
"""

import hmac
import io
import re
import secrets
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

import pyotp
import segno
import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.factors import queries
from commonplace.apps.accounts.factors.errors import FactorUnreadable
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import WriteSession

STEP_SECONDS: Final = 30
_SKEW_STEPS: Final = 1
_NONCE_BYTES: Final = 12
_ISSUER: Final = "Commonplace"
_CODE: Final = re.compile(r"[0-9]{6}")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TotpEnrolment:
    """What an authenticator app is set up with; it is shown once."""

    secret: str = field(repr=False)  #: Base32, to be typed where no camera is at hand
    uri: str = field(repr=False)  #: `otpauth://totp/…`
    qr_code: str = field(repr=False)  #: the URI as an SVG picture


def enrolment(secret: str, *, email: str, base_url: str) -> TotpEnrolment:
    """What the app needs to know; it shows the address and the host, so that several installations stay apart."""
    host = urlsplit(base_url).hostname or ""
    issuer = f"{_ISSUER} ({host})" if host else _ISSUER
    uri = pyotp.TOTP(secret, interval=STEP_SECONDS).provisioning_uri(name=email, issuer_name=issuer)
    picture = io.BytesIO()
    # No colours of its own: cameras need dark on light, and the page gives it a light ground.
    segno.make(uri, error="m", micro=False).save(
        picture, kind="svg", scale=1, border=4, xmldecl=False, svgns=True, omitsize=True, dark="#000", light="#fff"
    )
    return TotpEnrolment(secret=secret, uri=uri, qr_code=picture.getvalue().decode())


def new_secret() -> str:
    """160 bits, the length of the hash (RFC 4226, section 4)."""
    return pyotp.random_base32()


def seal(accounts: Accounts, person_id: UUID, secret: str) -> bytes:
    """The secret as it is stored: encrypted with a key of the installation, and of use for this person only."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(accounts.keys.factors).encrypt(nonce, secret.encode(), person_id.bytes)


def unseal(accounts: Accounts, person_id: UUID, sealed: bytes) -> str | None:
    """The secret; None when it was sealed under a key that this installation has no more."""
    secret = _opened(accounts.keys.factors, person_id, sealed)
    for key in accounts.keys.former_factors if secret is None else ():
        secret = secret or _opened(key, person_id, sealed)
    if secret is None:
        _log.warning("totp.sealed_with_another_secret", person_id=str(person_id))
    return secret


def sealed_anew(accounts: Accounts, person_id: UUID, sealed: bytes) -> bytes | None:
    """The same secret under the present key; None when it is, or when no key opens it."""
    if _opened(accounts.keys.factors, person_id, sealed) is not None:
        return None
    secret = unseal(accounts, person_id, sealed)
    return None if secret is None else seal(accounts, person_id, secret)


async def refuse_unreadable(accounts: Accounts, person_id: UUID) -> None:
    """Let a code be looked at, unless none can be right.

    Raises:
        FactorUnreadable: the app's secret was sealed under a key that this installation has no more.
    """
    async with accounts.database.reading() as session:
        row = await session.first(queries.TOTP, person_id=person_id)
    if row is not None and row.confirmed_at is not None and unseal(accounts, person_id, row.sealed_secret) is None:
        raise FactorUnreadable


def _opened(key: bytes, person_id: UUID, sealed: bytes) -> str | None:
    nonce, encrypted = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        return AESGCM(key).decrypt(nonce, encrypted, person_id.bytes).decode()
    except InvalidTag:
        return None


def matching_step(accounts: Accounts, person_id: UUID, sealed: bytes, code: str) -> int | None:
    """The step whose code this is, the latest that fits; None when it is of none near now."""
    digits = code.replace(" ", "").replace("-", "")
    secret = unseal(accounts, person_id, sealed)
    if secret is None or not _CODE.fullmatch(digits):
        return None
    generator = pyotp.TOTP(secret, interval=STEP_SECONDS)
    present = int(accounts.clock()) // STEP_SECONDS
    found = None
    for step in range(present - _SKEW_STEPS, present + _SKEW_STEPS + 1):  # all of them, whichever fits
        if hmac.compare_digest(generator.generate_otp(step), digits):
            found = step
    return found


async def use_code(session: WriteSession, accounts: Accounts, person_id: UUID, code: str) -> bool:
    """Whether the code is right now, and was not used; it cannot be used again when the transaction commits."""
    row: Row | None = await session.first(queries.TOTP, person_id=person_id)
    if row is None or row.confirmed_at is None:
        return False
    step = matching_step(accounts, person_id, row.sealed_secret, code)
    if step is None:
        return False
    used = await session.execute(queries.USE_STEP, person_id=person_id, step=step, sealed_secret=row.sealed_secret)
    return used == 1
