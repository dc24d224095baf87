"""Why a live connection is refused or ended; the code is what a client acts on.

1012  the server restarts: connect again, with the last cursor
1013  this process has as many connections as it may: try again later
4400  a message or the cursor cannot be understood
4401  no credential, a refused one, or its session ended: sign in again
4408  the client does not keep up: connect again, with the last cursor
4410  the cursor is too old: load everything anew
4429  the person has as many connections as one may have
"""

from typing import Final

SERVICE_RESTART: Final = 1012
TRY_AGAIN_LATER: Final = 1013
MALFORMED: Final = 4400
SIGN_IN_AGAIN: Final = 4401
TOO_SLOW: Final = 4408
CURSOR_TOO_OLD: Final = 4410
TOO_MANY_CONNECTIONS: Final = 4429
_LONGEST_REASON: Final = 120  # bytes; a close frame holds 123


class Refused(Exception):
    """The connection ends, with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason

    @property
    def short_reason(self) -> str:
        """As much of the reason as a close frame holds."""
        return self.reason.encode()[:_LONGEST_REASON].decode(errors="ignore")
