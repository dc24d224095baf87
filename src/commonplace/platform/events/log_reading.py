"""Reading the log for people: its end, from a cursor on, and what comes next."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database
from commonplace.platform.events import log
from commonplace.platform.events.log import Cursor

_NAMED: Final = "(CAST(:name AS text) IS NULL OR event.name = CAST(:name AS text))"
_LATEST = Query(
    text(f"""
    SELECT * FROM (
        SELECT {log.EVENT_COLUMNS} FROM platform.event
        WHERE event.epoch = :epoch AND event.xid <= CAST(:horizon_xid AS xid8) AND {_NAMED}
        ORDER BY event.epoch DESC, event.xid DESC, event.seq DESC LIMIT :limit
    ) AS latest ORDER BY epoch, xid, seq
    """)
)
_NEXT = Query(text(f"SELECT {log.EVENT_COLUMNS} FROM platform.event WHERE {log.BETWEEN} AND {_NAMED} {log.IN_ORDER}"))


async def events(
    database: Database, *, since: str | None, name: str | None, limit: int, follow_seconds: float | None = None
) -> AsyncIterator[Row]:
    """Events of this name (None: of any), the oldest first: those behind `since`, or else the latest.

    `limit` bounds how many there are before one follows what comes next, which is looked for every `follow_seconds`.

    Raises:
        MalformedCursor: `since` is none.
        CursorTooOld: the log no longer holds what comes right after it.
    """
    async with database.reading() as session:
        at = await log.position(session)
        if since is None:
            rows = await session.all(
                _LATEST, epoch=at.horizon.epoch, horizon_xid=at.horizon.xid, name=name, limit=limit
            )
        else:
            cursor = Cursor.parse(since)
            at.refuse_too_old(cursor)
            rows = await session.all(_NEXT, **cursor._asdict(), horizon_xid=at.horizon.xid, name=name, limit=limit)
    for row in rows:
        yield row
    cursor = at.horizon
    if since is not None and len(rows) == limit:
        cursor = log.cursor_of(rows[-1])
    while follow_seconds is not None:
        await asyncio.sleep(follow_seconds)
        async with database.reading() as session:
            at = await log.position(session)
            at.refuse_too_old(cursor)
            rows = await session.all(_NEXT, **cursor._asdict(), horizon_xid=at.horizon.xid, name=name, limit=1000)
        for row in rows:
            yield row
        cursor = log.cursor_of(rows[-1]) if len(rows) == 1000 else max(cursor, at.horizon)  # noqa: PLR2004 - as above
