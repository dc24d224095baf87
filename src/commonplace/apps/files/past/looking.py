"""Who may look at which past, and what is seen there.

Its owner sees all of it that is kept, also of what lies in the trash by now. Who may edit a shared folder sees it since
it was shared with them (docs/decisions/0008), as long as they see the folder, and of what lay in it that which they
could see today. Who may only look at it sees nothing of the past.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from commonplace.apps.files.errors import FileNotFound, FolderNotFound
from commonplace.apps.files.models import FILE, FOLDER
from commonplace.apps.files.past import queries
from commonplace.apps.files.past.errors import NotThereThen
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession
from commonplace.platform.history import asof
from commonplace.platform.history.asof import Moment, NotKept, PastState
from commonplace.platform.history.kind import Kind
from commonplace.platform.identity.caller import Caller
from commonplace.platform.sharing.errors import ReadOnly


class Step(NamedTuple):
    """A folder, or what lies at the end, on the way to something."""

    item_id: UUID
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Then:
    """A folder, or the whole drive, as of a moment, and who looks at it."""

    moment: Moment
    owner_id: UUID
    folder_id: UUID | None
    is_own: bool
    whole_since: datetime | None  #: since when nothing is missing of the owner's past; None: it is whole
    way: Sequence[Step]  #: the folders that it lay in and itself, the uppermost first, as far as they can be seen

    @property
    def is_whole(self) -> bool:
        """Whether nothing that was then was dropped."""
        return self.whole_since is None or self.whole_since <= self.moment.at


@dataclass(frozen=True, slots=True, kw_only=True)
class PastPlace:
    """A folder, or the whole drive, whose past somebody may look at."""

    folder_id: UUID | None
    name: str
    owner_id: UUID
    is_own: bool
    since: datetime | None  #: what was before is not theirs to see; None: all of it is


async def look_at(session: ReadSession, caller: Caller, folder_id: UUID | None, at: datetime) -> Then:
    """A folder as of a time; None is the caller's whole drive.

    Raises:
        FolderNotFound: there is no such folder, or the caller may not see it.
        ReadOnly: it was shared with the caller, but only to look at.
        NotKept: nothing is kept of that time, or it is older than what the caller may see.
        NotThereThen: it was not there then, or was in the trash.
    """
    if folder_id is None:
        row: Any = await session.first(queries.DRIVE_THEN, at=at, person_id=caller.person_id)
        if row is None:
            raise NotKept(None)
        return _then(row, owner_id=caller.person_id, folder_id=None, is_own=True, way=())
    row = await _item_then(session, caller, FOLDER, folder_id, at)
    way = await _way(session, caller, row)
    return _then(row, owner_id=row.owner_id, folder_id=folder_id, is_own=row.is_own, way=way)


def _then(row: Row, *, owner_id: UUID, folder_id: UUID | None, is_own: bool, way: Sequence[Step]) -> Then:
    return Then(
        moment=_moment(row),
        owner_id=owner_id,
        folder_id=folder_id,
        is_own=is_own,
        whole_since=row["whole_since"],
        way=way,
    )


def _moment(row: Row) -> Moment:
    return Moment(at=row["at"], epoch=row["epoch"], snapshot=row["snapshot"])


async def first_entries(
    session: ReadSession, caller: Caller, then: Then, *, limit: int
) -> tuple[Sequence[tuple[Kind, PastState]], tuple[Kind, PastState] | None, bool]:
    """The first folders and files that lay there: see `entries`."""
    found = await asof.first_children_as_of(
        session, (FOLDER, FILE), then.owner_id, then.folder_id, then.moment, limit=limit + 1
    )
    page = found[:limit]
    last = page[-1] if page else None
    known = await _known(session, caller, then, [state for _, state in page])
    return [one for one in page if one[1].item_id in known], last, len(found) > limit


async def entries(
    session: ReadSession, caller: Caller, then: Then, kind: Kind, *, limit: int, after: tuple[str, UUID] | None
) -> tuple[Sequence[PastState], PastState | None, bool]:
    """The files or folders that lay there, by name; the one that the page ends with, and whether there are more.

    `after` is the name and id of the last one of the page before. For who is not the owner some of them may be left
    out, so that there can be more behind a page that is empty.
    """
    found = await asof.children_as_of(
        session, kind, then.owner_id, then.folder_id, then.moment, limit=limit + 1, after=after
    )
    page = found[:limit]
    last = page[-1] if page else None
    known = await _known(session, caller, then, page)
    return [state for state in page if state.item_id in known], last, len(found) > limit


async def _known(session: ReadSession, caller: Caller, then: Then, page: Sequence[PastState]) -> set[UUID]:
    """Which of these the caller may know of, as they were."""
    ids = [state.item_id for state in page]
    if then.is_own or not page:
        return set(ids)
    rows = await session.all(queries.KNOWN_SINCE, ids=ids, person_id=caller.person_id)
    since = {row.id: row.since for row in rows}
    return {state.item_id for state in page if state.item_id in since and _was_known(state, since[state.item_id])}


async def file_then(session: ReadSession, caller: Caller, file_id: UUID, at: datetime) -> PastState:
    """A file as of a time.

    Raises:
        FileNotFound: there is no such file, or the caller may not see it.
        ReadOnly, NotKept, NotThereThen: as for `look_at`.
    """
    row = await _item_then(session, caller, FILE, file_id, at)
    await _way(session, caller, row)
    state = await asof.item_as_of(session, FILE, file_id, _moment(row))
    if state is None:
        raise NotThereThen
    return state


async def place_of(session: ReadSession, caller: Caller, folder_id: UUID | None) -> PastPlace:
    """A folder that has a past to look at, whenever; None is the caller's whole drive.

    Raises:
        FolderNotFound: there is no such folder, or the caller may not see it.
        ReadOnly: it was shared with the caller, but only to look at.
    """
    if folder_id is None:
        return PastPlace(folder_id=None, name="Files", owner_id=caller.person_id, is_own=True, since=None)
    row = await _item(session, caller, FOLDER, folder_id)
    return PastPlace(folder_id=folder_id, name=row.title, owner_id=row.owner_id, is_own=row.is_own, since=row.since)


async def _item(session: ReadSession, caller: Caller, kind: Kind, item_id: UUID) -> Any:
    row: Any = await session.first(queries.ITEM, item_id=item_id, kind=kind.name, person_id=caller.person_id)
    _require(row, kind)
    return row


async def _item_then(session: ReadSession, caller: Caller, kind: Kind, item_id: UUID, at: datetime) -> Any:
    """A row of `queries.ITEM_THEN`, if the caller may look at this."""
    row = await session.first(queries.ITEM_THEN, item_id=item_id, kind=kind.name, person_id=caller.person_id, at=at)
    _require(row, kind)
    moment_at: datetime | None = None if row is None else row["at"]
    if row is None or moment_at is None:
        raise NotKept(None)
    if row.since is not None and moment_at < row.since:
        raise NotKept(row.since)
    return row


def _require(row: Row | None, kind: Kind) -> None:
    if row is None:
        raise FileNotFound if kind is FILE else FolderNotFound
    if not row.is_own and not row.may_write:
        raise ReadOnly


async def _way(session: ReadSession, caller: Caller, row: Any) -> Sequence[Step]:
    """The way in a row of `queries.ITEM_THEN`, as far as the caller may see it."""
    way = [Step(UUID(item_id), title) for item_id, title, is_trashed in row.way or () if not is_trashed]
    if not way or len(way) < len(row.way):
        raise NotThereThen
    if row.is_own:
        return way
    rows = await session.all(queries.READABLE, ids=[step.item_id for step in way], person_id=caller.person_id)
    readable = {one.id for one in rows}
    return [step for step in way if step.item_id in readable]


def _was_known(state: PastState, since: datetime) -> bool:
    return state.valid_until is None or state.valid_until > since
