"""What links do by the clock: tell what waits to be told, and forget what is old."""

from typing import Final

from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database
from commonplace.platform.events.event import ScheduleTick
from commonplace.platform.events.registry import Context
from commonplace.platform.sharing.settings import SharingSettings
from commonplace.platform.sharing.visits import ledger

_BATCH: Final = 500  # rows in one transaction, which stays short
_OLD: Final = "clock_timestamp() - make_interval(days => CAST(:days AS integer))"
_FORGET = tuple(
    Query(text(f"DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table} WHERE {which} LIMIT :batch))"))
    for table, which in (
        ("platform.link_visit", f"at < {_OLD}"),
        # With what is left of their ledgers.
        ("platform.item_link", f"revoked_at < {_OLD} OR expires_at < {_OLD}"),
        ("platform.link_guess", "at < clock_timestamp() - CAST(:days AS integer) * interval '1 day'"),
        ("platform.link_part", "at < clock_timestamp() - least(CAST(:days AS integer), 7) * interval '1 day'"),
    )
)
_LONG_LEDGERS = Query(
    text("SELECT link_id, count(*) AS number FROM platform.link_visit GROUP BY link_id HAVING count(*) > :most")
)
_TRIM = Query(
    text("""
    DELETE FROM platform.link_visit WHERE id = ANY(ARRAY(
        SELECT id FROM platform.link_visit WHERE link_id = :link_id ORDER BY id LIMIT :number))
    """)
)


async def tell_of_links(_tick: ScheduleTick, context: Context) -> None:
    """Tell the makers of links what came by them since they were told last, of those whose time has come."""
    database, seconds = context.parts[Database], context.parts[SharingSettings].link_notice_seconds
    while True:
        async with database.writing() as session:
            due = await ledger.links_due(session, seconds=seconds, limit=_BATCH)
            for link_id in due:
                await ledger.tell_if_due(session, link_id, seconds=seconds)
        if len(due) < _BATCH:
            return


async def forget_visits(_tick: ScheduleTick, context: Context) -> None:
    """Forget what is older than ledgers are kept, the links that ended then, and the oldest of ledgers too long."""
    database, settings = context.parts[Database], context.parts[SharingSettings]
    for statement in _FORGET:
        number = _BATCH
        while number == _BATCH:
            async with database.writing() as session:
                number = await session.execute(statement, days=settings.ledger_days, batch=_BATCH)
    async with database.reading() as session:
        long = await session.all(_LONG_LEDGERS, most=settings.ledger_entries)
    for row in long:
        left = row.number - settings.ledger_entries
        while left > 0:
            async with database.writing() as session:
                await session.execute(_TRIM, link_id=row.link_id, number=min(left, _BATCH))
            left -= _BATCH
