"""What becomes of uploads that nobody goes on with: their bytes go, and then what was known of them."""

from typing import Final

from commonplace.apps.files import resumable, resumable_queries
from commonplace.platform.database.session import Database
from commonplace.platform.events.event import ScheduleTick
from commonplace.platform.events.registry import Context

_AT_ONCE: Final = 100


async def remove_uploads(_tick: ScheduleTick, context: Context) -> None:
    """Remove what is left of uploads that are over, or that waited too long for their next byte."""
    async with context.parts[Database].writing() as session:
        await session.execute(resumable_queries.MARK_EXPIRED)
    while True:
        async with context.parts[Database].reading() as session:
            rows = await session.all(resumable_queries.RUBBISH, limit=_AT_ONCE)
        await resumable.remove(context.parts, [row.id for row in rows], [key for row in rows for key in row.keys_])
        if len(rows) < _AT_ONCE:
            return
