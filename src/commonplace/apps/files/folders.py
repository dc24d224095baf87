"""What files does with folders. Each function returns the folder as JSON."""

from typing import NamedTuple
from uuid import UUID

from commonplace.apps.files import queries
from commonplace.apps.files.errors import FolderNotFound
from commonplace.apps.files.events import FolderCreated, FolderMoved, FolderRenamed, FolderRestored, FolderTrashed
from commonplace.apps.files.models import FOLDER
from commonplace.apps.files.names import checked_name, numbered_folder
from commonplace.apps.files.schemas import OnFolderConflict
from commonplace.platform.database.ids import new_id
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.events.event import Event
from commonplace.platform.history import places, record, trash
from commonplace.platform.history.record import ItemFields, NameTaken, NewItem, StaleVersion
from commonplace.platform.identity.caller import Caller


class WrittenFolder(NamedTuple):
    """A folder as it is now."""

    json: str
    version: int
    id: UUID


async def create_folder(
    session: WriteSession,
    caller: Caller,
    name: str,
    *,
    parent_id: UUID | None,
    on_conflict: OnFolderConflict,
    deepest: int,
) -> tuple[WrittenFolder, bool]:
    """Make a folder; whether it is a new one comes with it, for `on_conflict` may be `reuse`.

    Raises:
        InvalidName: no folder can have this name.
        ContainerNotFound: there is no folder `parent_id`.
        TooDeep: it would lie deeper than `deepest`.
        NameTaken: the name is taken and `on_conflict` is `fail`, or by a file and it is `reuse`.
    """
    await require_place(session, caller, parent_id, deepest=deepest)
    item, place = _new_item(caller, name, parent_id), parent_id or caller.person_id
    made = await _create(session, caller, item)
    if made is not None:
        return made, True
    if on_conflict == "reuse":
        named = await session.first(queries.NAMED, place=place, name_key=item["name_key"], person_id=caller.person_id)
        if named is not None and named.kind == FOLDER.name:
            return await _as_it_is(session, caller, named.id), False
    if on_conflict == "keep_both":
        await places.lock_name(session, place, name)
        title = await places.free_title(session, place, lambda number: numbered_folder(name, number))
        made = await _create(session, caller, {**item, "title": title, "name_key": places.name_key(title)})
        if made is not None:
            return made, True
    raise NameTaken(name)


async def require_place(session: ReadSession, caller: Caller, parent_id: UUID | None, *, deepest: int) -> None:
    """Refuse a place where no folder can be made.

    Raises:
        ContainerNotFound: there is no folder `parent_id`.
        TooDeep: a folder in it would lie deeper than `deepest`.
    """
    await places.require_container(session, caller.person_id, parent_id, kind=FOLDER.name)
    await places.require_depth(session, parent_id, limit=deepest)


async def create_if_free(
    session: WriteSession, caller: Caller, name: str, *, parent_id: UUID | None
) -> WrittenFolder | None:
    """Make a folder in a place that was seen to be right, when its name is free; None when it is taken.

    It is one statement. When it is taken, nothing was written.

    Raises:
        InvalidName: no folder can have this name.
    """
    return await _create(session, caller, _new_item(caller, name, parent_id))


async def change_folder(
    session: WriteSession,
    caller: Caller,
    folder_id: UUID,
    *,
    name: str | None,
    place: tuple[UUID | None] | None,
    expected: int | None,
    deepest: int,
) -> WrittenFolder:
    """Rename or move a folder, or both. `name` None: as it is; `place`: the parent in a tuple, None: where it is.

    Raises:
        FolderNotFound: there is no such folder, or the caller may not see it.
        InvalidName: no folder can have this name.
        ContainerNotFound: there is no such parent.
        MoveIntoOwnSubtree: the parent is the folder itself, or lies in it.
        TooDeep: it, or what lies in it, would lie deeper than `deepest`.
        NameTaken: something else there has this name.
        StaleVersion: `expected` is given and is not the folder's version.
    """
    locked = await _locked(session, caller, folder_id)
    if expected is not None and expected != locked.version:
        raise StaleVersion(expected=expected, actual=locked.version)
    fields: ItemFields = {}
    fact: Event = FolderRenamed(folder_id=folder_id)
    if name is not None and name != locked.title:
        fields |= {"title": checked_name(name), "name_key": places.name_key(name)}
    if place is not None and place[0] != locked.parent_id:
        await places.require_container(session, caller.person_id, place[0], kind=FOLDER.name)
        await places.require_move(session, caller.person_id, folder_id, place[0], limit=deepest)
        fields["parent_id"] = place[0]
        fact = FolderMoved(folder_id=folder_id, from_folder_id=locked.parent_id, to_folder_id=place[0])
    if not fields:
        return await _as_it_is(session, caller, folder_id)
    row = await record.change(
        session, FOLDER, locked, item=fields, fact=fact, by=caller.person_id, returning=queries.FOLDER_JSON
    )
    return WrittenFolder(row.returned, row.version, row.id)


async def trash_folder(session: WriteSession, caller: Caller, folder_id: UUID, *, expected: int | None) -> None:
    """Move a folder to the trash; what lies in it goes out of sight with it.

    Raises:
        FolderNotFound: there is no such folder, or the caller may not see it.
        StaleVersion: `expected` is given and is not the folder's version.
    """
    locked = await _locked(session, caller, folder_id)
    fact = FolderTrashed(folder_id=folder_id)
    await trash.trash(session, FOLDER, locked, fact=fact, by=caller.person_id, expected=expected)


async def restore_folder(session: WriteSession, caller: Caller, folder_id: UUID) -> WrittenFolder:
    """Take a folder out of the trash with what lies in it; one hidden in a trashed folder comes to the top level.

    A folder that can be seen stays as it is.

    Raises:
        FolderNotFound: there is no such folder, or the caller may not see it.
    """
    locked = await record.lock(session, FOLDER, folder_id)
    if locked is None or locked.owner_id != caller.person_id:
        raise FolderNotFound
    if locked.trashed_at is not None or locked.is_hidden:
        fact = FolderRestored(folder_id=folder_id)
        await trash.restore(session, FOLDER, locked, fact=fact, by=caller.person_id, numbered=numbered_folder)
    return await _as_it_is(session, caller, folder_id)


async def read_folder(session: ReadSession, caller: Caller, folder_id: UUID) -> WrittenFolder:
    """A folder.

    Raises:
        FolderNotFound: there is no such folder, or the caller may not see it.
    """
    return await _as_it_is(session, caller, folder_id)


def _new_item(caller: Caller, name: str, parent_id: UUID | None) -> NewItem:
    folder_id = new_id()
    return NewItem(
        id=folder_id,
        owner_id=caller.person_id,
        parent_id=parent_id,
        title=checked_name(name),
        name_key=places.name_key(name),
        values={},
        fact=FolderCreated(folder_id=folder_id),
    )


async def _create(session: WriteSession, caller: Caller, item: NewItem) -> WrittenFolder | None:
    rows = await record.create_where_free(session, FOLDER, [item], by=caller.person_id, returning=queries.FOLDER_JSON)
    return WrittenFolder(rows[0].returned, rows[0].version, rows[0].id) if rows else None


async def _locked(session: WriteSession, caller: Caller, folder_id: UUID) -> Row:
    """The folder, locked, if the caller may change it and it can be seen."""
    locked = await record.lock(session, FOLDER, folder_id)
    if locked is None or locked.owner_id != caller.person_id or locked.trashed_at is not None or locked.is_hidden:
        raise FolderNotFound
    return locked


async def _as_it_is(session: ReadSession, caller: Caller, folder_id: UUID) -> WrittenFolder:
    row = await session.first(queries.VISIBLE_FOLDER, folder_id=folder_id, person_id=caller.person_id)
    if row is None:
        raise FolderNotFound
    return WrittenFolder(row.json, row.version, folder_id)
