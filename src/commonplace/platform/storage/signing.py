"""Tokens for the signed URLs of local storage.

A token says what may be done (method, key, until when, and how the answer is to look) and carries an HMAC over it, so
it needs no row, and nobody without the secret can change a word of it. It is read-only or write-only, for one key, and
contains nothing secret. S3 has its own signatures; see `sigv4.py`.
"""

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import msgspec

from commonplace.platform.storage.errors import SignatureRefused

TOKEN_LIMIT = 4096  # characters; a longer one is not ours, and is not looked at
LIFETIME_LIMIT = timedelta(days=7)
_PURPOSE = b"commonplace storage url 1"  # the secret serves other purposes too; their keys must differ
_DIGEST_BYTES = 32


class Grant(msgspec.Struct, frozen=True, array_like=True):
    """What a token allows."""

    method: str  #: GET (which includes HEAD) or PUT
    key: str
    expires_at: datetime
    disposition: str | None = None  #: GET: the `Content-Disposition` of the answer
    content_type: str | None = None  #: GET: the `Content-Type` of the answer; PUT: the one that must be sent
    size_bytes: int | None = None  #: PUT: exactly so many bytes must be sent


def lasting(lifetime: timedelta) -> timedelta:
    """Give `lifetime` back, when a signature may live so long.

    Raises:
        ValueError: it is less than a second, or more than the 7 days that S3 allows.
    """
    if not timedelta(seconds=1) <= lifetime <= LIFETIME_LIMIT:
        raise ValueError(f"A signed URL lives between 1 second and 7 days; {lifetime} is outside.")
    return lifetime


class UrlSigner:
    """Makes tokens with the secret, and checks them with it and the one before."""

    def __init__(self, secret: bytes, previous: bytes | None = None) -> None:
        self.take(secret, previous)
        self._decoder = msgspec.json.Decoder(Grant)

    def take(self, secret: bytes, previous: bytes | None = None) -> None:
        """Sign with another secret from now on.

        Raises:
            ValueError: it is empty.
        """
        if not secret:
            raise ValueError("Signed URLs need a secret.")
        self._keys = [hmac.digest(one, _PURPOSE, hashlib.sha256) for one in (secret, previous) if one]

    def sign(self, grant: Grant) -> str:
        """The token for `grant`: characters that need no escaping in a path."""
        body = msgspec.json.encode(grant)
        return _to_text(hmac.digest(self._keys[0], body, hashlib.sha256) + body)

    def verify(self, token: str, *, method: str, now: datetime | None = None) -> Grant:
        """What `token` allows, if it allows `method` now.

        Raises:
            SignatureRefused: it does not; the text does not tell which of the reasons a forger would like to know.
        """
        raw = _from_text(token)
        digest, body = raw[:_DIGEST_BYTES], raw[_DIGEST_BYTES:]
        if not any(hmac.compare_digest(digest, hmac.digest(key, body, hashlib.sha256)) for key in self._keys):
            raise SignatureRefused("This link is not valid; ask for a new one.")
        grant = self._decoder.decode(body)  # Ours, so it decodes.
        if (now or datetime.now(UTC)) >= grant.expires_at:
            raise SignatureRefused("This link has expired; ask for a new one.")
        if ("GET" if method == "HEAD" else method) != grant.method:
            raise SignatureRefused(f"This link is good for {grant.method} only.")
        return grant


def _to_text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _from_text(text: str) -> bytes:
    """The bytes of `text`; empty when it is nothing that `_to_text` makes (also not another spelling of the same)."""
    if len(text) > TOKEN_LIMIT or not text.isascii():
        return b""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return b""
    return raw if _to_text(raw) == text else b""
