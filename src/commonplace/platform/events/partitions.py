"""The months of the log: made ahead, and dropped as a whole when they are older than what is kept.

An event that finds no month goes to the default partition, so a late schedule can never refuse a write; from there old
events are deleted row by row. Before anything goes, the cursor `forgotten` is raised over it: a reader whose cursor is
older is told to begin anew (410). Nothing goes that the dispatcher has not passed.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database, WriteSession
from commonplace.platform.events.event import ScheduleTick
from commonplace.platform.events.registry import Context
from commonplace.platform.events.settings import EventsSettings

MONTHS_AHEAD: Final = 2
_BATCH: Final = 5000
_PREFIX: Final = "event_"
_log = structlog.get_logger(__name__)

_MONTHS = Query(
    text("""
    SELECT class.relname AS name FROM pg_inherits
    JOIN pg_class AS class ON class.oid = pg_inherits.inhrelid
    WHERE pg_inherits.inhparent = CAST('platform.event' AS regclass) AND class.relname ~ '^event_[0-9]{4}_[0-9]{2}$'
    ORDER BY class.relname
    """)
)
_IN_DEFAULT = Query(text("SELECT EXISTS (SELECT FROM platform.event_default WHERE at >= :beginning AND at < :end)"))
_RAISE = Query(
    text("""
    INSERT INTO platform.consumer AS held (name, epoch, xid, seq)
    VALUES ('forgotten', :epoch, CAST(:xid AS xid8), :seq)
    ON CONFLICT (name) DO UPDATE SET epoch = excluded.epoch, xid = excluded.xid, seq = excluded.seq
    WHERE (held.epoch, held.xid, held.seq) < (excluded.epoch, excluded.xid, excluded.seq)
    """)
)
_DISPATCHED = """
    (event.epoch, event.xid, event.seq) <= (SELECT epoch, xid, seq FROM platform.consumer WHERE name = 'dispatcher')
"""
_OLD_IN_DEFAULT = Query(
    text(f"""
    WITH gone AS (
        DELETE FROM platform.event_default WHERE ctid = ANY(ARRAY(
            SELECT event.ctid FROM platform.event_default AS event WHERE event.at < :before AND {_DISPATCHED}
            LIMIT :batch))
        RETURNING epoch, xid, seq
    )
    SELECT epoch, xid, seq, count(*) OVER () AS number FROM gone ORDER BY epoch DESC, xid DESC, seq DESC LIMIT 1
    """)
)


async def keep_log(_tick: ScheduleTick, context: Context) -> None:
    """The schedule: make the months to come, and drop those that are no longer kept."""
    days = context.parts[EventsSettings].retention_days
    await make_months(context.parts[Database], now=datetime.now(UTC))
    await forget_events(context.parts[Database], before=datetime.now(UTC) - timedelta(days=days))


async def make_months(database: Database, *, now: datetime) -> list[str]:
    """Make the partitions of this month and the next ones, as far as they are not there; the names of the new ones.

    A month of which the default partition holds events already is left to it.
    """
    async with database.reading() as session:
        there = {row.name for row in await session.all(_MONTHS)}
    made = []
    beginning = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for _ in range(MONTHS_AHEAD + 1):
        end = _next_month(beginning)
        name = f"{_PREFIX}{beginning:%Y_%m}"
        if name not in there and await _make(database, name, beginning, end):
            made.append(name)
        beginning = end
    return made


async def _make(database: Database, name: str, beginning: datetime, end: datetime) -> bool:
    async with database.writing() as session:
        if await session.scalar(_IN_DEFAULT, beginning=beginning, end=end):
            return False
        await session.execute(
            Query(
                text(
                    f"CREATE TABLE platform.{name} PARTITION OF platform.event"
                    f" FOR VALUES FROM ('{beginning:%Y-%m-%d} 00:00+00') TO ('{end:%Y-%m-%d} 00:00+00')"
                )
            )
        )
    return True


async def forget_events(database: Database, *, before: datetime) -> int:
    """Drop the months that ended before `before`, and older events without a month; how many of either."""
    dropped = 0
    async with database.reading() as session:
        months = [row.name for row in await session.all(_MONTHS)]
    for name in months:
        beginning = datetime.strptime(name.removeprefix(_PREFIX), "%Y_%m").replace(tzinfo=UTC)
        if _next_month(beginning) <= before and await _drop(database, name):
            _log.info("events.month_dropped", month=name)
            dropped += 1
    number = _BATCH
    while number == _BATCH:
        async with database.writing() as session:
            last = await session.first(_OLD_IN_DEFAULT, before=before, batch=_BATCH)
            number = 0 if last is None else int(last.number)
            await _forget_up_to(session, last)
        dropped += number
    return dropped


async def _drop(database: Database, name: str) -> bool:
    async with database.writing() as session:
        waiting = await session.scalar(
            Query(text(f"SELECT EXISTS (SELECT FROM platform.{name} AS event WHERE NOT {_DISPATCHED})"))
        )
        if waiting:
            return False
        last = await session.first(
            Query(text(f"SELECT epoch, xid, seq FROM platform.{name} ORDER BY epoch DESC, xid DESC, seq DESC LIMIT 1"))
        )
        await _forget_up_to(session, last)
        await session.execute(Query(text(f"DROP TABLE platform.{name}")))
    return True


async def _forget_up_to(session: WriteSession, last: Row | None) -> None:
    if last is not None:
        await session.execute(_RAISE, epoch=last.epoch, xid=last.xid, seq=last.seq)


def _next_month(beginning: datetime) -> datetime:
    return (beginning + timedelta(days=32)).replace(day=1)
