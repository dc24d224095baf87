"""Access tokens that somebody else makes out, and that are credentials here all the same."""

from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from starlette.requests import HTTPConnection

LONGEST_FOREIGN_TOKEN: Final = 16_384  #: characters; with groups in it one may have several thousand


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """What a verified token stands for here."""

    person_id: UUID
    session_id: UUID  #: a session of ours, which can be ended here while the token still holds elsewhere
    expires_at: float  #: Unix seconds


class ForeignTokens(Protocol):
    """Who knows such tokens: the accounts app, where AUTH_PROVIDER says so."""

    def is_foreign(self, token: str) -> bool:
        """Whether somebody else claims to have made this token. Nothing is verified, and nobody is asked."""

    async def admit(self, token: str, connection: HTTPConnection) -> Admitted:
        """Verify a token, and find or begin the session that it stands for.

        Raises:
            InvalidCredential: it is forged, over, or not for us.
            SessionOver: the session was ended here, or the person is suspended.
        """
