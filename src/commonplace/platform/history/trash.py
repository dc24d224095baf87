"""The trash: deleting is a version that says so, and undoing it is the next one.

Trashing a container writes one row; what lies in it is hidden with it and comes back with it. The name of what is in
the trash is free for others.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.events.event import Event
from commonplace.platform.history import places
from commonplace.platform.history.kind import Kind
from commonplace.platform.history.record import ItemFields, NameTaken, change
from commonplace.platform.sharing.rights import own

Numbered = Callable[[str, int], str]
"""Another name beside one that is taken: `("a.txt", 2)` to `"a (2).txt"`."""

_TRIES: Final = 3

_PAGE = f"""
    SELECT item.id, item.kind, item.title, item.parent_id, container.title AS parent_title, item.version,
        item.trashed_at
    FROM platform.item LEFT JOIN platform.item AS container ON container.id = item.parent_id
    WHERE {own()} AND item.trashed_at IS NOT NULL {{after}}
    ORDER BY item.trashed_at DESC, item.id DESC LIMIT :limit
"""
_FIRST_PAGE = Query(text(_PAGE.format(after="")))
_NEXT_PAGE = Query(text(_PAGE.format(after="AND (item.trashed_at, item.id) < (:trashed_at, :id)")))


async def trash(
    session: WriteSession, kind: Kind, locked: Row, *, fact: Event, by: UUID | None, expected: int | None = None
) -> Row:
    """Move a locked item to the trash.

    Raises:
        StaleVersion: `expected` is given and is not its version.
    """
    return await change(
        session, kind, locked, item={"trashed_at": datetime.now(UTC)}, fact=fact, by=by, expected=expected
    )


async def restore(
    session: WriteSession, kind: Kind, locked: Row, *, fact: Event, by: UUID | None, numbered: Numbered
) -> Row:
    """Put a locked item back where it was; at the top level of its owner when the container is gone or in the trash.

    When its name was taken meanwhile it gets another one by `numbered`.

    Raises:
        NameTaken: others took each name that was found free, in the same moment.
    """
    owner_id: UUID = locked.owner_id
    parent_id: UUID | None = locked.parent_id
    if parent_id is not None and not await places.is_open(session, owner_id, parent_id):
        parent_id = None
    fields = ItemFields(parent_id=parent_id, trashed_at=None)
    for attempt in range(_TRIES):
        if locked.name_key is not None:
            title = await _free_title(session, parent_id or owner_id, locked.title, numbered)
            fields |= {"title": title, "name_key": places.name_key(title)}
        await session.execute(_SAVEPOINT)
        try:
            return await change(session, kind, locked, item=fields, fact=fact, by=by)
        except NameTaken:
            if attempt == _TRIES - 1:
                raise
            await session.execute(_BACK)
    raise AssertionError  # pragma: no cover - the loop returns or raises


_SAVEPOINT = Query(text("SAVEPOINT before_restoring"))
_BACK = Query(text("ROLLBACK TO SAVEPOINT before_restoring"))


async def _free_title(session: WriteSession, place: UUID, title: str, numbered: Numbered) -> str:
    if not await places.taken(session, place, [title]):
        return title
    await places.lock_name(session, place, title)
    return await places.free_title(session, place, lambda number: numbered(title, number))


async def in_trash(
    session: ReadSession, person_id: UUID, *, limit: int, after: tuple[datetime, UUID] | None = None
) -> Sequence[Row]:
    """What of the person's own is in the trash, of any kind, the latest first; behind the entry with the keys `after`.

    What others put there out of a shared container is among it, and in no list of theirs. Listed is what was trashed by
    itself; what only lies in a trashed container is not.
    """
    if after is None:
        return await session.all(_FIRST_PAGE, person_id=person_id, limit=limit)
    return await session.all(_NEXT_PAGE, person_id=person_id, limit=limit, trashed_at=after[0], id=after[1])
