"""The inbox: reading it, marking, dismissing."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from commonplace.apps.notifications import queries
from commonplace.apps.notifications.errors import NoticeNotFound
from commonplace.apps.notifications.events import NoticesChanged
from commonplace.platform.database.pages import UnknownPage, json_page, read_cursor, write_cursor
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.events import log

MOST_COUNTED: Final = 1000


class _Cursor(NamedTuple):
    created_at: datetime
    id: UUID


class Rows(NamedTuple):
    """Some notices as rows, and the cursor of the next ones."""

    rows: Sequence[Row]
    next: str | None


async def page(session: ReadSession, person_id: UUID, *, unread: bool, limit: int, after: str | None) -> bytes:
    """A page of the inbox as JSON, the newest first.

    Raises:
        UnknownPage: `after` is no cursor of this list.
    """
    statement = queries.inbox_page(is_later_page=after is not None, unread=unread)
    row = await session.first(statement, person_id=person_id, limit=limit + 1, **_place(after))
    if row is None:
        raise LookupError("An aggregate always answers with a row.")
    return json_page(row["items"], write_cursor(row["key"], row["id"]) if row["found"] > limit else None)


async def rows(session: ReadSession, person_id: UUID, *, unread: bool, limit: int, after: str | None) -> Rows:
    """A page of the inbox as rows.

    Raises:
        UnknownPage: `after` is no cursor of this list.
    """
    statement = queries.inbox_rows(is_later_page=after is not None, unread=unread)
    found = await session.all(statement, person_id=person_id, limit=limit + 1, **_place(after))
    shown = found[:limit]
    return Rows(shown, write_cursor(shown[-1].key, shown[-1].id) if len(found) > limit else None)


async def unread(session: ReadSession, person_id: UUID) -> int:
    """How many notices are unread, `MOST_COUNTED` at most."""
    return int(await session.scalar(queries.UNREAD, person_id=person_id, most=MOST_COUNTED))


async def mark(session: WriteSession, person_id: UUID, notice_id: UUID, *, is_read: bool) -> str:
    """Mark a notice as read or unread; how it is now, as JSON.

    Raises:
        NoticeNotFound: it is not in the person's inbox.
    """
    if await session.first(queries.MARK, person_id=person_id, notice_id=notice_id, is_read=is_read):
        await _tell(session, person_id, notice_id)
    json = await session.scalar(queries.READ_NOTICE, person_id=person_id, notice_id=notice_id)
    if json is None:
        raise NoticeNotFound
    return str(json)


async def mark_all(session: WriteSession, person_id: UUID, *, up_to: UUID | None) -> int:
    """Mark everything as read, up to the notice `up_to` if one is given; how many that were."""
    changed = await session.execute(queries.MARK_ALL, person_id=person_id, up_to=up_to)
    if changed:
        await _tell(session, person_id, None)
    return changed


async def dismiss(session: WriteSession, person_id: UUID, notice_id: UUID) -> None:
    """Take a notice out of the inbox.

    Raises:
        NoticeNotFound: it is not in it.
    """
    if not await session.execute(queries.DISMISS, person_id=person_id, notice_id=notice_id):
        raise NoticeNotFound
    await _tell(session, person_id, notice_id)


async def put_back(session: WriteSession, person_id: UUID, notice_id: UUID) -> str:
    """Undo a dismissal; the notice, as JSON. One that is in the inbox stays there.

    Raises:
        NoticeNotFound: the person has no such notice (any more).
    """
    if await session.execute(queries.PUT_BACK, person_id=person_id, notice_id=notice_id):
        await _tell(session, person_id, notice_id)
    json = await session.scalar(queries.READ_NOTICE, person_id=person_id, notice_id=notice_id)
    if json is None:
        raise NoticeNotFound
    return str(json)


async def _tell(session: WriteSession, person_id: UUID, notice_id: UUID | None) -> None:
    await log.tell(session, NoticesChanged(notice_id=notice_id), owner_id=person_id, by=person_id)


def _place(after: str | None) -> dict[str, object]:
    if after is None:
        return {}
    cursor = read_cursor(after, _Cursor)
    if cursor.created_at.tzinfo is None:
        raise UnknownPage
    return {"created_at": cursor.created_at, "id": cursor.id}
