"""The installation's quota stands in the database, where it is counted."""

from contextlib import suppress

from commonplace.platform.database.errors import DatabaseBusy, DatabaseUnavailable
from commonplace.platform.database.session import Database
from commonplace.platform.events.event import ScheduleTick
from commonplace.platform.events.registry import Context
from commonplace.platform.parts import Parts
from commonplace.platform.space.settings import SpaceSettings
from commonplace.platform.space.usage import keep_default


async def write_down(parts: Parts) -> None:
    """Let the database know what the settings say."""
    async with parts[Database].writing() as session:
        await keep_default(session, parts[SpaceSettings].quota_bytes)


async def write_down_if_possible(parts: Parts) -> None:
    """The same, at a start: a server without its database waits for it, and the schedule makes up for this."""
    with suppress(DatabaseUnavailable, DatabaseBusy):
        await write_down(parts)


async def keep_quota(_tick: ScheduleTick, context: Context) -> None:
    """The schedule: in case the database was away at the start."""
    await write_down(context.parts)
