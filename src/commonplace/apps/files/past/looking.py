"""Who may look at which past, and what is seen there.

Its owner sees all of it that is kept, also of what lies in the trash by now. Who may edit a shared folder sees it since
it was shared with them (docs/decisions/0008), as long as they see the folder, and of what lay in it that which they
could see today. Who may only look at it sees nothing of the past.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Then:
    """A folder, or the whole drive, as of a moment, and who looks at it."""

    moment: Moment
    owner_id: UUID
    folder_id: UUID | None
    is_own: bool
    whole_since: datetime | None  #: since when nothing is missing of the owner's past; None: it is whole
    way: Sequence[Row]  #: the folders that it lay in and itself, the uppermost first, as far as they can be seen

    @property
    def is_whole(self) -> bool:
        """Whether nothing that was then was dropped."""
        return self.whole_since is None or self.whole_since <= self.moment.at


async def look_at(session: ReadSession, caller: Caller, folder_id: UUID | None, at: datetime) -> Then:
    """A folder as of a time; None is the caller's whole drive.

    Raises:
        FolderNotFound: there is no such folder, or the caller may not see it.
        ReadOnly: it was shared with the caller, but only to look at.
        NotKept: nothing is kept of that time, or it is older than what the caller may see.
        NotThereThen: it was not there then, or was in the trash.
    """
    way: Sequence[Row] = ()
    if folder_id is None:
        moment, owner_id, is_own = await asof.moment_at(session, at), caller.person_id, True
    else:
        moment, owner_id, is_own = await _moment_of(session, caller, FOLDER, folder_id, at)
        way = await _way(session, caller, folder_id, moment, is_own=is_own)
    whole_since = await asof.whole_since(session, owner_id)
    return Then(moment=moment, owner_id=owner_id, folder_id=folder_id, is_own=is_own, whole_since=whole_since, way=way)


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
    if page and not then.is_own:
        ids = [state.item_id for state in page]
        rows = await session.all(queries.KNOWN_SINCE, ids=ids, person_id=caller.person_id)
        since = {row.id: row.since for row in rows}
        page = [state for state in page if state.item_id in since and _was_known(state, since[state.item_id])]
    return page, last, len(found) > limit


async def file_then(session: ReadSession, caller: Caller, file_id: UUID, at: datetime) -> PastState:
    """A file as of a time.

    Raises:
        FileNotFound: there is no such file, or the caller may not see it.
        ReadOnly, NotKept, NotThereThen: as for `look_at`.
    """
    moment, _, is_own = await _moment_of(session, caller, FILE, file_id, at)
    await _way(session, caller, file_id, moment, is_own=is_own)
    state = await asof.item_as_of(session, FILE, file_id, moment)
    if state is None:
        raise NotThereThen
    return state


async def _moment_of(
    session: ReadSession, caller: Caller, kind: Kind, item_id: UUID, at: datetime
) -> tuple[Moment, UUID, bool]:
    """The moment, the item's owner, and whether that is the caller."""
    row: Any = await session.first(queries.ITEM, item_id=item_id, kind=kind.name, person_id=caller.person_id)
    if row is None:
        raise FileNotFound if kind is FILE else FolderNotFound
    if not row.is_own and not row.may_write:
        raise ReadOnly
    moment = await asof.moment_at(session, at)
    if row.since is not None and moment.at < row.since:
        raise NotKept(row.since)
    return moment, row.owner_id, row.is_own


async def _way(session: ReadSession, caller: Caller, item_id: UUID, moment: Moment, *, is_own: bool) -> Sequence[Row]:
    way = await asof.way_as_of(session, item_id, moment)
    if not way or any(row.trashed_at is not None for row in way):
        raise NotThereThen
    if is_own:
        return way
    rows = await session.all(queries.READABLE, ids=[row.item_id for row in way], person_id=caller.person_id)
    readable = {row.id for row in rows}
    return [row for row in way if row.item_id in readable]


def _was_known(state: PastState, since: datetime) -> bool:
    return state.valid_until is None or state.valid_until > since
