"""Whether a session is still good, for those who act later on: a push to the browser that it belongs to."""

from typing import Protocol
from uuid import UUID


class LiveSessions(Protocol):
    """Knows the sessions. The accounts app adds it to the parts; a process without accounts has none."""

    async def is_live(self, session_id: UUID) -> bool:
        """Whether it has neither ended nor expired, and its person is not suspended. Asking does not count as use."""
        ...
