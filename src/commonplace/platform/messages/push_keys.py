"""The key by which push services know this installation (VAPID, RFC 8292).

It comes from the operator, or is derived from `JWT__SECRET_KEY` like every other key of the installation: so it is the
same in every process and after each start, and stands nowhere. A browser's subscription holds for one key; when the
key changes, browsers subscribe anew as their people come by.
"""

import base64
import time
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, derive_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256 (SP 800-186)
_SEED_BYTES: Final = 40  # 64 bits more than the order has, as FIPS 186-5, A.2.1, asks
_SCALAR_BYTES: Final = 32
_VALID_SECONDS: Final = 12 * 3600  # RFC 8292, section 2: 24 hours at most
_RENEWED_SECONDS: Final = 3600
_MOST_TOKENS: Final = 100


class PushKey:
    """Signs for one installation."""

    def __init__(self, private_key: EllipticCurvePrivateKey, *, contact: str) -> None:
        """`contact`: `mailto:…` or `https://…`, where a push service reaches the operator."""
        self._private_key = private_key
        self._contact = contact
        self._tokens: dict[str, tuple[float, str]] = {}
        point = private_key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.public_key = _text(point)  #: base64url, as `pushManager.subscribe` takes it

    def authorization(self, origin: str) -> str:
        """The `Authorization` header for the push service at `origin`; a signature is used for an hour."""
        made_at, token = self._tokens.get(origin, (0.0, ""))
        now = time.time()
        if not 0 <= now - made_at < _RENEWED_SECONDS:
            import jwt  # noqa: PLC0415 - only where it is used

            claims = {"aud": origin, "exp": int(now) + _VALID_SECONDS, "sub": self._contact}
            token = jwt.encode(claims, self._private_key, algorithm="ES256")
            if len(self._tokens) >= _MOST_TOKENS:
                self._tokens.clear()
            self._tokens[origin] = (now, token)
        return f"vapid t={token}, k={self.public_key}"


def derived_key(secret: bytes) -> EllipticCurvePrivateKey:
    """The key that an installation with this secret has when nobody gave it another."""
    seed = HKDF(algorithm=SHA256(), length=_SEED_BYTES, salt=None, info=b"commonplace: web push").derive(secret)
    return derive_private_key(int.from_bytes(seed) % (_ORDER - 1) + 1, SECP256R1())


def read_key(text: str) -> EllipticCurvePrivateKey:
    """A private key as the tools for Web Push print it: 32 bytes in base64url.

    Raises:
        ValueError: it is none.
    """
    try:
        scalar = base64.b64decode(text.strip() + "=" * (-len(text.strip()) % 4), altchars=b"-_", validate=True)
        number = int.from_bytes(scalar) if len(scalar) == _SCALAR_BYTES else 0
        return derive_private_key(number, SECP256R1())  # which refuses 0, and what is no less than the order
    except ValueError:
        raise ValueError("is no private key of P-256: 32 bytes in base64url") from None


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
