"""What changed for a person: pages of the log, as clients get them by `/api/sync` and `/api/live`.

Who sees an event is decided here and nowhere else in this part. One sees what is told in one's own log; and, in the
logs of people who share with one, what happened to the items that one can see now, since one could. So a revoked grant
ends it at once, and what happened to an item before it was shared is never told.
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
from commonplace.platform.events.log import Cursor, Position
from commonplace.platform.sharing.rights import seen_since

EVENTS_A_MESSAGE: Final = 200
LONGEST_MESSAGE: Final = 256 * 1024  #: bytes of events
#: By itself, since an index then gives the order too.
_OF_ONE = Query(
    text(
        f"SELECT {log.EVENT_COLUMNS} FROM platform.event"
        f" WHERE event.owner_id = :owner_id AND {log.BETWEEN} {log.IN_ORDER}"
    )
)
_OF_OWNERS: Final = "event.owner_id = ANY(CAST(:owner_ids AS uuid[]))"
_OF_SEVERAL = Query(
    text(f"SELECT {log.EVENT_COLUMNS} FROM platform.event WHERE {_OF_OWNERS} AND {log.BETWEEN} {log.IN_ORDER}")
)
#: The same, and to whom of those with whom the owner shares (`viewer_ids`, each with an owner) an event is to be told.
_SHARED = Query(
    text(f"""
    SELECT {log.EVENT_COLUMNS}, array(
        SELECT viewer.id FROM unnest(CAST(:viewer_ids AS uuid[]), CAST(:sharer_ids AS uuid[])) AS viewer (id, owner_id)
        CROSS JOIN LATERAL (SELECT event.item_id AS id) AS item
        WHERE viewer.owner_id = event.owner_id AND event.item_id IS NOT NULL
        AND event.at >= {seen_since(person="viewer.id")}
    ) AS seen_by
    FROM platform.event WHERE {_OF_OWNERS} AND {log.BETWEEN} {log.IN_ORDER}
    """)
)
_SHARERS = Query(
    text("""
    SELECT DISTINCT person_id, owner_id FROM platform.item_grant
    WHERE person_id = ANY(CAST(:person_ids AS uuid[])) AND owner_id <> person_id
    """)
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

    There can be more though these are few, or none: what others share is looked through piece by piece.

    Raises:
        CursorTooOld: the log no longer holds what comes right after it.
    """
    at = await log.position(session)
    at.refuse_too_old(since)
    seen, last, has_more = await _read(session, [person_id], since, at, limit=limit)
    return Page([change for _, change in seen], last if has_more else max(since, at.horizon), has_more)


async def news_for(session: ReadSession, person_ids: Collection[UUID], since: Cursor, *, limit: int) -> News:
    """What happened after `since` that any of these people sees; one reading serves all clients of a process.

    Raises:
        CursorTooOld: the log no longer holds what comes right after it.
    """
    at = await log.position(session)
    at.refuse_too_old(since)
    seen: Sequence[tuple[UUID, Change]] = ()
    last, has_more = since, False
    if at.horizon > since:
        seen, last, has_more = await _read(session, person_ids, since, at, limit=limit)
    return News(seen, last if has_more else max(since, at.horizon), has_more, is_more_near=at.is_something_hidden)


async def _read(
    session: ReadSession, person_ids: Collection[UUID], since: Cursor, at: Position, *, limit: int
) -> tuple[Sequence[tuple[UUID, Change]], Cursor, bool]:
    """Up to `limit` events in the logs of these people and of those who share with them.

    Back comes each change with the person who sees it, the cursor behind the last event that was looked at, and whether
    there are more. Of what others share not every event is seen; so there can be more though there are few, or none.
    """
    sharers = await session.all(_SHARERS, person_ids=list(person_ids))
    bounds = {**since._asdict(), "horizon_xid": at.horizon.xid, "limit": limit + 1}
    if sharers:
        rows = await session.all(
            _SHARED,
            owner_ids=list({*person_ids, *(row.owner_id for row in sharers)}),
            viewer_ids=[row.person_id for row in sharers],
            sharer_ids=[row.owner_id for row in sharers],
            **bounds,
        )
    elif len(person_ids) == 1:
        rows = await session.all(_OF_ONE, owner_id=next(iter(person_ids)), **bounds)
    else:
        rows = await session.all(_OF_SEVERAL, owner_ids=list(person_ids), **bounds)
    own, seen = frozenset(person_ids), list[tuple[UUID, Change]]()
    for row in rows[:limit]:
        people = [row["owner_id"]] if row["owner_id"] in own else []
        if sharers:
            people += row["seen_by"]
        if people:
            change = _change(row)
            seen += [(person_id, change) for person_id in people]
    return seen, log.cursor_of(rows[min(limit, len(rows)) - 1]) if rows else since, len(rows) > limit


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
