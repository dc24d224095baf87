"""Web Push (RFC 8030): what is sent to a browser, and where."""

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey

from commonplace.platform.http.addresses import is_public_host

LONGEST_ENDPOINT: Final = 2048  #: characters; browsers' are 150 to 800
LARGEST_CONTENT: Final = 3993  #: bytes: 4096 (RFC 8291, section 4) less header, padding mark and tag
_AUTH_BYTES: Final = 16  # RFC 8291, section 3.2
_HTTPS_PORT: Final = 443

Urgency = Literal["very-low", "low", "normal", "high"]  # RFC 8030, section 5.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """A browser's subscription: whoever has all of it and our key can send it notices."""

    endpoint: str = field(repr=False)
    public_key: bytes = field(repr=False)  #: a point of P-256, uncompressed
    auth: bytes = field(repr=False)

    @property
    def origin(self) -> str:
        """The push service, without what names the browser there."""
        parts = urlsplit(self.endpoint)
        return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PushMessage:
    """One notice on its way to one browser."""

    content: bytes = field(repr=False)  #: what its service worker reads; `LARGEST_CONTENT` at most
    topic: str  #: a later message of the same topic takes the place of one still waiting; 32 of A-Z a-z 0-9 - _ at most
    ttl_seconds: int  #: how long the push service keeps it for a browser that is away
    urgency: Urgency = "normal"


def parse_receiver(*, endpoint: str, p256dh: str, auth: str, allows_private: bool = False) -> Receiver:
    """Read what `PushSubscription.toJSON()` gives.

    Raises:
        ValueError: something cannot be as it is; the text ends the sentence "The subscription …".
    """
    try:
        parts = urlsplit(endpoint)
        port = parts.port or _HTTPS_PORT
    except ValueError:
        raise ValueError("has an endpoint that is no address") from None
    host = parts.hostname or ""
    if len(endpoint) > LONGEST_ENDPOINT or not re.fullmatch(r"[!-~]+", endpoint):
        raise ValueError(f"has an endpoint of more than {LONGEST_ENDPOINT} characters, or of others than ASCII")
    if parts.scheme != "https" or not host or "@" in parts.netloc or parts.fragment:
        raise ValueError("has an endpoint that is no https:// address")
    if not allows_private and (port != _HTTPS_PORT or not is_public_host(host)):
        raise ValueError("has an endpoint that is no address on the public internet")
    public_key, secret = _bytes(p256dh, "p256dh"), _bytes(auth, "auth")
    try:
        EllipticCurvePublicKey.from_encoded_point(SECP256R1(), public_key)
    except ValueError:
        raise ValueError("has a p256dh that is no point of P-256") from None
    if len(secret) != _AUTH_BYTES:
        raise ValueError(f"has an auth that is not {_AUTH_BYTES} bytes")
    return Receiver(endpoint=endpoint, public_key=public_key, auth=secret)


def _bytes(text: str, name: str) -> bytes:
    """Base64url, padded or not."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"has a {name} that is no base64url") from None
