"""Refresh tokens: single use, each naming its session and proving that it belongs to its family.

A token is the session's id, a secret that the whole family shares, and a secret of its own. The database holds digests
of the last two. A token whose family is right and whose own secret is not the current one was used before: nobody can
make one up who never held a token of the family.

The successor's secret is derived from that of the token it replaces and a key of the installation. So a token that is
sent twice at once, by two tabs, gives one successor, which no third party can compute.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Final, Self
from uuid import UUID

from commonplace.apps.accounts.errors import InvalidRefreshToken

PREFIX: Final = "cpr_"  #: lets people and scanners for leaked secrets see what it is
_ID_BYTES: Final = 16
_FAMILY_BYTES: Final = 16
_SECRET_BYTES: Final = 32
_LENGTH: Final = len(PREFIX) + -(-(_ID_BYTES + _FAMILY_BYTES + _SECRET_BYTES) * 8 // 6)


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """One refresh token in its parts."""

    session_id: UUID
    family: bytes = field(repr=False)
    secret: bytes = field(repr=False)

    @classmethod
    def first(cls, session_id: UUID) -> Self:
        """The first token of a new session."""
        return cls(session_id, secrets.token_bytes(_FAMILY_BYTES), secrets.token_bytes(_SECRET_BYTES))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` wrote.

        Raises:
            InvalidRefreshToken: it is something else.
        """
        if len(text) != _LENGTH or not text.isascii() or not text.startswith(PREFIX):
            raise InvalidRefreshToken
        encoded = text.removeprefix(PREFIX)
        try:
            value = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
        except ValueError as error:
            raise InvalidRefreshToken from error
        token = cls(
            UUID(bytes=value[:_ID_BYTES]),
            value[_ID_BYTES : _ID_BYTES + _FAMILY_BYTES],
            value[_ID_BYTES + _FAMILY_BYTES :],
        )
        if str(token) != text:  # the bits that base64 leaves over
            raise InvalidRefreshToken
        return token

    def __str__(self) -> str:
        value = self.session_id.bytes + self.family + self.secret
        return PREFIX + base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    def successor(self, key: bytes) -> Self:
        """The token that replaces this one."""
        secret = hmac.digest(key, self.session_id.bytes + self.secret, "sha256")
        return type(self)(self.session_id, self.family, secret)

    @property
    def family_digest(self) -> bytes:
        """What the database holds of the family's secret."""
        return hashlib.sha256(self.family).digest()

    @property
    def digest(self) -> bytes:
        """What the database holds of the token's own secret."""
        return hashlib.sha256(self.secret).digest()
