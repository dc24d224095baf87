"""What changed for a person: pages of the log, as clients get them by `/api/sync` and `/api/live`.

Who sees an event is decided here and nowhere else in this part: `_SEEN` is the condition. So far one's own items are
all that one sees.
"""

from collections import deque
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession
from commonplace.platform.events import log
from commonplace.platform.events.log import Cursor

EVENTS_A_MESSAGE: Final = 200
LONGEST_MESSAGE: Final = 256 * 1024  #: bytes of events
_SEEN: Final = "event.owner_id = {person}"
_SEEN_BY_ONE: Final = _SEEN.format(person="CAST(:person_id AS uuid)")
_SEEN_BY_SOME: Final = _SEEN.format(person="ANY(CAST(:person_ids AS uuid[]))")
_FOR_ONE = Query(
    text(f"SELECT {log.EVENT_COLUMNS} FROM platform.event WHERE {_SEEN_BY_ONE} AND {log.BETWEEN} {log.IN_ORDER}")
)
_FOR_SOME = Query(
    text(f"SELECT {log.EVENT_COLUMNS} FROM platform.event WHERE {_SEEN_BY_SOME} AND {log.BETWEEN} {log.IN_ORDER}")
)
_encode = msgspec.json.Encoder().encode


class Change(NamedTuple):
    """One event, ready to be sent."""

    cursor: Cursor
    json: bytes


class Page(NamedTuple):
    """Some changes, and where to go on."""

    changes: Sequence[Change]
    next: Cursor  #: behind these changes, and behind everything that does not concern the person
    has_more: bool  #: whether more is visible already


class News(NamedTuple):
    """What is new for several people."""

    changes: Sequence[tuple[UUID, Change]]  #: in order, each with the person who sees it
    next: Cursor
    has_more: bool  #: whether more is visible already
    is_more_near: bool  #: whether something was committed that becomes visible in a moment


async def present(session: ReadSession) -> Cursor:
    """The cursor behind everything up to now."""
    return await log.now(session)


async def changes_for(session: ReadSession, person_id: UUID, since: Cursor, *, limit: int) -> Page:
    """What happened after `since` that this person sees, the oldest first, `limit` at most.

    Raises:
        CursorTooOld: the log no longer holds what comes right after it.
    """
    at = await log.position(session)
    at.refuse_too_old(since)
    rows = await session.all(
        _FOR_ONE, person_id=person_id, **since._asdict(), horizon_xid=at.horizon.xid, limit=limit + 1
    )
    has_more = len(rows) > limit
    changes = [_change(row) for row in rows[:limit]]
    return Page(changes, changes[-1].cursor if has_more else max(since, at.horizon), has_more)


async def news_for(session: ReadSession, person_ids: Collection[UUID], since: Cursor, *, limit: int) -> News:
    """What happened after `since` that any of these people sees; one reading serves all clients of a process.

    Raises:
        CursorTooOld: the log no longer holds what comes right after it.
    """
    at = await log.position(session)
    at.refuse_too_old(since)
    rows: Sequence[Row] = ()
    if at.horizon > since:
        rows = await session.all(
            _FOR_SOME, person_ids=list(person_ids), **since._asdict(), horizon_xid=at.horizon.xid, limit=limit
        )
    changes = [(row["owner_id"], _change(row)) for row in rows]
    has_more = len(rows) == limit
    return News(
        changes,
        changes[-1][1].cursor if has_more else max(since, at.horizon),
        has_more,
        is_more_near=at.is_something_hidden,
    )


def page_json(page: Page) -> bytes:
    """A page as `/api/sync` answers it."""
    more = b"true" if page.has_more else b"false"
    return b'{"events":[%b],"next":"%b","more":%b}' % (
        b",".join(change.json for change in page.changes),
        str(page.next).encode(),
        more,
    )


def next_message(waiting: deque[Change], cursor: Cursor) -> str:
    """Take as much of `waiting` as one message of `/api/live` holds; `cursor` is behind all of it.

    No message is longer than 256 kB, unless a single change is: clients refuse messages of a megabyte and more.
    """
    events: list[str] = []
    size = 0
    while waiting and len(events) < EVENTS_A_MESSAGE and (not events or size + len(waiting[0].json) <= LONGEST_MESSAGE):
        change = waiting.popleft()
        events.append(change.json.decode())
        size += len(change.json)
        reached = change.cursor
    return f'{{"cursor":"{reached if waiting else cursor}","events":[{",".join(events)}]}}'


def _change(row: Row) -> Change:
    cursor = log.cursor_of(row)
    item = None
    if row["item_id"] is not None:
        item = {"kind": row["kind"], "id": row["item_id"], "version": row["version"], "parent_id": row["parent_id"]}
    return Change(
        cursor,
        _encode(
            {
                "cursor": str(cursor),
                "name": row["name"],
                "at": row["at"],
                "item": item,
                "by": row["by"],
                "payload": row["payload"],
            }
        ),
    )
