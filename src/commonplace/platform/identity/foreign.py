"""Access tokens that somebody else makes out, and that are credentials here all the same."""

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from starlette.requests import HTTPConnection

LONGEST_FOREIGN_TOKEN: Final = 16_384  #: characters; with groups in it one may have several thousand
_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a token came from, as far as a request tells."""

    address: str  #: of the client, the proxies that are trusted discounted; empty when unknown
    user_agent: str  #: as sent, cut; empty when none was
    is_secure: bool  #: whether the person's connection is HTTPS


@dataclass(frozen=True, slots=True)
class OriginOf:
    """A part: tells where a request came from."""

    of: Callable[[HTTPConnection], Origin]


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """What a verified token stands for here."""

    person_id: UUID
    session_id: UUID  #: a session of ours, which can be ended here while the token still holds elsewhere
    expires_at: float  #: Unix seconds


class ForeignTokens(Protocol):
    """Who knows such tokens: the accounts app, where AUTH_PROVIDER says so, or a client of it in a separate service."""

    def is_foreign(self, token: str) -> bool:
        """Whether somebody else claims to have made this token. Nothing is verified, and nobody is asked."""

    async def admit(self, token: str, origin: Origin) -> Admitted:
        """Verify a token, and find or begin the session that it stands for.

        Raises:
            InvalidCredential: it is forged, over, or not for us.
            SessionOver: the session was ended here, or the person is suspended.
        """


def claimed_issuer(token: str) -> str | None:
    """Who `token` says made it, for choosing whom to ask; nothing of it is verified."""
    if len(token) > LONGEST_FOREIGN_TOKEN or not _SHAPE.fullmatch(token):
        return None
    body = token.split(".")[1]
    try:
        claims = json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (ValueError, RecursionError):
        return None
    said = claims.get("iss") if isinstance(claims, dict) else None
    return said if isinstance(said, str) else None
