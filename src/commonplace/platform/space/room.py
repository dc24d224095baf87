"""How much may still come in: asked before bytes are received, so that nobody sends them in vain.

The answer is of this moment. What decides is the count at the commit: of several uploads at once that fit one by one,
as many are kept as fit together.
"""

from uuid import UUID

from commonplace.platform.database.errors import QuotaExceeded
from commonplace.platform.database.session import ReadSession
from commonplace.platform.space.usage import Space, space_of


class Room:
    """What an owner may still add."""

    def __init__(self, space: Space, *, is_own: bool) -> None:
        self._space = space
        self._is_own = is_own

    def refuse(self, size_bytes: int) -> None:
        """Let pass what fits.

        Raises:
            QuotaExceeded: it does not.
        """
        left = self._space.left_bytes
        if left is not None and size_bytes > left:
            space = self._space
            raise QuotaExceeded(quota_bytes=space.quota_bytes, used_bytes=space.used_bytes, is_own=self._is_own)


async def room_of(session: ReadSession, owner_id: UUID, *, caller_id: UUID | None) -> Room:
    """What may be added for an owner; to others than them it is not told how much that is."""
    return Room(await space_of(session, owner_id), is_own=owner_id == caller_id)
