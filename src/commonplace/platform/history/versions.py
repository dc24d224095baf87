"""Versions of an item, of any kind: list them, read one, put one back."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.errors import NotFound
from commonplace.platform.events.event import Event
from commonplace.platform.history import places
from commonplace.platform.history.kind import Kind
from commonplace.platform.history.record import ItemFields, change


class VersionNotFound(NotFound):
    """The item has no version of this number, or no longer."""

    def __init__(self) -> None:
        super().__init__(
            "There is no such version. It may be older than what is kept; the list of versions shows what there is."
        )


_COLUMNS = """
    version.item_id, version.version, version.kind, version.owner_id, version.parent_id, version.title,
    version.trashed_at, version.state, version.schema, version.valid_from, version.valid_until, version.by,
    version.kept, version.label
"""
# The version that was the newest when somebody first saw the item is theirs to see; what ended before is not.
_KNOWN: Final = "(valid_until IS NULL OR CAST(:since AS timestamptz) IS NULL OR valid_until > :since)"
_NEWEST_FIRST = Query(
    text(f"""
    SELECT {_COLUMNS} FROM platform.version
    WHERE item_id = :item_id AND kind = :kind AND version < :before AND {_KNOWN} ORDER BY version DESC LIMIT :limit
    """)
)
_ONE = f"""
    SELECT {_COLUMNS} FROM platform.version
    WHERE item_id = :item_id AND kind = :kind AND version = :version AND {_KNOWN}
"""
_READ_ONE = Query(text(_ONE))
# Whoever refers to a version's object anew keeps the version from being dropped meanwhile, and so the object.
_HOLD_ONE = Query(text(f"{_ONE} FOR KEY SHARE"))
_LATEST: Final = 2**31 - 1


class Version:
    """One state of one item. `state` is in the present shape, whichever release wrote it."""

    __slots__ = ("row", "state")

    def __init__(self, kind: Kind, row: Row) -> None:
        self.row = row
        self.state = kind.current_state(row.state, row.schema)


async def list_versions(
    session: ReadSession,
    kind: Kind,
    item_id: UUID,
    *,
    limit: int,
    before: int | None = None,
    since: datetime | None = None,
) -> Sequence[Version]:
    """An item's versions, the newest first; those older than number `before` when it is given.

    Who may see the item is for the caller to decide; `since` is how far back (`Access.past_since`).
    """
    rows = await session.all(
        _NEWEST_FIRST,
        item_id=item_id,
        kind=kind.name,
        before=_LATEST if before is None else before,
        limit=limit,
        since=since,
    )
    return [Version(kind, row) for row in rows]


async def read_version(
    session: ReadSession, kind: Kind, item_id: UUID, number: int, *, since: datetime | None = None
) -> Version:
    """One version of an item, if it is none that ended before `since`.

    Raises:
        VersionNotFound: there is none of this number.
    """
    row = await session.first(_READ_ONE, item_id=item_id, kind=kind.name, version=number, since=since)
    if row is None:
        raise VersionNotFound
    return Version(kind, row)


async def restore_version(
    session: WriteSession,
    kind: Kind,
    locked: Row,
    number: int,
    *,
    fact: Callable[[Version], Event],
    by: UUID | None,
    expected: int | None = None,
    since: datetime | None = None,
    keep_title: bool = False,
) -> Row:
    """Make the next version of a locked item out of an earlier one: its content as it was then, and its title.

    The place stays: to put an item back elsewhere is a move. The title stays too where another item bears it by now,
    and with `keep_title`. Versions that ended before `since` are out of reach.

    Raises:
        VersionNotFound: there is no version of this number.
        StaleVersion: `expected` is given and is not the item's version.
        NameTaken: somebody took the name in the same moment.
    """
    row = await session.first(_HOLD_ONE, item_id=locked.id, kind=kind.name, version=number, since=since)
    if row is None:
        raise VersionNotFound
    version = Version(kind, row)
    values: dict[str, Any] = {name: version.state[name] for name in kind.columns if name in version.state}
    fields: ItemFields = {}
    title: str = version.row.title
    if not keep_title and title != locked.title and await _is_free(session, locked, title):
        fields = {"title": title, "name_key": None if locked.name_key is None else places.name_key(title)}
    return await change(session, kind, locked, values=values, item=fields, fact=fact(version), by=by, expected=expected)


async def _is_free(session: WriteSession, locked: Row, title: str) -> bool:
    key = places.name_key(title)
    if locked.name_key is None or key == locked.name_key:
        return True
    return not await places.taken(session, locked.parent_id or locked.owner_id, [title])
