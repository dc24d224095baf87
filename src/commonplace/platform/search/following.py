"""Keeping the index: it follows the log from a cursor of its own, and is made anew when it cannot.

Cursor and entries move in one transaction, so a process may die at any point; and whoever holds the cursor's row writes
the index, so several may try. A rebuilding is a place among the items; what changes meanwhile follows behind it.
"""

from typing import Final, NamedTuple
from uuid import UUID

import structlog
from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database, WriteSession
from commonplace.platform.events.event import LogGrew
from commonplace.platform.events.log import Cursor, cursor_of
from commonplace.platform.events.registry import Context
from commonplace.platform.parts import Parts
from commonplace.platform.search.document import Indexers
from commonplace.platform.search.index import write_entries

BATCH: Final = 100  #: items that are written together: what a transaction can hold in its time
_EVENTS_AT_ONCE: Final = 500
_log = structlog.get_logger(__name__)

_CURSOR = Query(text("SELECT epoch, xid, seq FROM platform.consumer WHERE name = 'search' FOR UPDATE"))
_MOVE = Query(
    text("UPDATE platform.consumer SET epoch = :epoch, xid = CAST(:xid AS xid8), seq = :seq WHERE name = 'search'")
)
_FORGOTTEN = Query(text("SELECT epoch, xid, seq FROM platform.consumer WHERE name = 'forgotten'"))
# As the dispatcher reads them: epochs may follow each other, for a backup holds index and log as of one moment. Only as
# far as it came: behind it comes another delivery.
_EVENTS = Query(
    text("""
    SELECT event.epoch, event.xid, event.seq, event.kind, event.item_id
    FROM platform.event JOIN platform.consumer AS dispatcher ON dispatcher.name = 'dispatcher'
    WHERE (event.epoch, event.xid, event.seq) > (:epoch, CAST(:xid AS xid8), :seq)
    AND (event.epoch, event.xid, event.seq) <= (dispatcher.epoch, dispatcher.xid, dispatcher.seq)
    ORDER BY event.epoch, event.xid, event.seq LIMIT :limit
    """)
)
_DISPATCHED = Query(text("SELECT epoch, xid, seq FROM platform.consumer WHERE name = 'dispatcher'"))
_REBUILD = Query(
    text("""
    INSERT INTO platform.search_rebuild (after_id) VALUES ('00000000-0000-0000-0000-000000000000')
    ON CONFLICT (is_the_one) DO NOTHING
    """)
)
_REBUILDING = Query(text("SELECT after_id, done FROM platform.search_rebuild FOR UPDATE"))
_NEXT_ITEMS = Query(
    text("""
    SELECT item.id FROM platform.item WHERE item.id > :after_id AND item.kind = ANY(CAST(:kinds AS text[]))
    ORDER BY item.id LIMIT :limit
    """)
)
_NO_WORDS = Query(text("TRUNCATE platform.search_word"))
_STRAYS = Query(text("DELETE FROM platform.search_entry WHERE NOT kind = ANY(CAST(:kinds AS text[]))"))
_REBUILT = Query(text("UPDATE platform.search_rebuild SET after_id = :after_id, done = done + :number"))
_END_REBUILD = Query(text("DELETE FROM platform.search_rebuild"))


class Step(NamedTuple):
    """What one step did."""

    number: int  #: items that were looked at
    is_more: bool  #: whether there is more to do at once


async def follow(_event: LogGrew, context: Context) -> None:
    """Bring the index to where the log stands."""
    await catch_up(context.parts)


async def catch_up(parts: Parts) -> int:
    """Write everything that there is to write; how many items were looked at."""
    number, is_more = 0, True
    while is_more:
        step = await advance(parts)
        number += step.number
        is_more = step.is_more
    return number


async def ask_for_rebuild(session: WriteSession) -> None:
    """Have every entry written anew, by whoever next calls `advance`. One that is under way goes on."""
    await session.execute(_REBUILD)


async def advance(parts: Parts) -> Step:
    """One step in one transaction: of what happened first, then of a rebuilding."""
    async with parts[Database].writing() as session:
        held = await session.first(_CURSOR)
        if held is None:
            return Step(0, is_more=False)
        cursor = cursor_of(held)
        forgotten = await session.first(_FORGOTTEN)
        if forgotten is not None and cursor < cursor_of(forgotten):
            _log.warning(
                "search.rebuilds", reason="What happened since the index was last kept is no longer in the log."
            )
            await _follow_from_here(session, forgotten)
            await ask_for_rebuild(session)
            return Step(0, is_more=True)
        step = await _follow(session, parts, cursor)
        return step if step.is_more else await _rebuild(session, parts, step)


async def _follow_from_here(session: WriteSession, forgotten: Row) -> None:
    """Go on behind all that was dispatched: a rebuilding looks at what happened before."""
    here = await session.first(_DISPATCHED) or forgotten
    cursor = max(cursor_of(here), cursor_of(forgotten))
    await session.execute(_MOVE, **cursor._asdict())


async def _follow(session: WriteSession, parts: Parts, cursor: Cursor) -> Step:
    events = await session.all(_EVENTS, **cursor._asdict(), limit=_EVENTS_AT_ONCE)
    kinds = set(parts[Indexers].kinds)
    ids: set[UUID] = set()
    seen = 0
    for event in events:
        if event.kind in kinds and event.item_id not in ids:
            if len(ids) == BATCH:
                break
            ids.add(event.item_id)
        seen += 1
    if not seen:
        return Step(0, is_more=False)
    last = events[seen - 1]
    await write_entries(session, parts, ids)
    await session.execute(_MOVE, epoch=last.epoch, xid=last.xid, seq=last.seq)
    return Step(len(ids), is_more=seen < len(events) or len(events) == _EVENTS_AT_ONCE)


async def _rebuild(session: WriteSession, parts: Parts, step: Step) -> Step:
    place = await session.first(_REBUILDING)
    if place is None:
        return step
    kinds = list(parts[Indexers].kinds)
    if not place.done:
        await session.execute(_NO_WORDS)
        await session.execute(_STRAYS, kinds=kinds)
    rows = await session.all(_NEXT_ITEMS, after_id=place.after_id, kinds=kinds, limit=BATCH)
    if not rows:
        await session.execute(_END_REBUILD)
        _log.info("search.rebuilt", items=place.done)
        return step
    await write_entries(session, parts, [row.id for row in rows])
    await session.execute(_REBUILT, after_id=rows[-1].id, number=len(rows))
    return Step(step.number + len(rows), is_more=True)
