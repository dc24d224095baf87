"""What files does with folders. Each function returns the folder as JSON."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from commonplace.apps.files import queries
from commonplace.apps.files.errors import FolderNotFound
from commonplace.apps.files.events import (
    FolderCreated,
    FolderMoved,
    FolderRenamed,
    FolderRestored,
    FolderTagged,
    FolderTrashed,
)
from commonplace.apps.files.models import FOLDER
from commonplace.apps.files.names import checked_name, numbered_folder
from commonplace.apps.files.schemas import OnFolderConflict
from commonplace.platform.database.ids import new_id
from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.events.event import Event
from commonplace.platform.history import places, record, trash
from commonplace.platform.history.record import ItemFields, NameTaken, NewItem, StaleVersion
from commonplace.platform.identity.caller import Caller
from commonplace.platform.sharing import access
from commonplace.platform.sharing.errors import PlaceNotYours


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
    owner_id = await require_place(session, caller, parent_id, deepest=deepest)
    item, place = _new_item(owner_id, name, parent_id), parent_id or caller.person_id
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


async def require_place(session: ReadSession, caller: Caller, parent_id: UUID | None, *, deepest: int) -> UUID:
    """Refuse a place where no folder can be made; to whom everything there belongs.

    Raises:
        ContainerNotFound: there is no folder `parent_id`.
        ReadOnly: it was shared with the caller, but only to look at.
        TooDeep: a folder in it would lie deeper than `deepest`.
    """
    owner_id = await places.require_container(session, caller.person_id, parent_id, kind=FOLDER.name)
    await places.require_depth(session, parent_id, limit=deepest)
    return owner_id


async def create_if_free(
    session: WriteSession, caller: Caller, name: str, *, parent_id: UUID | None, owner_id: UUID
) -> WrittenFolder | None:
    """Make a folder in a place that was seen to be right, when its name is free; None when it is taken.

    `owner_id` is what `require_place` gave.

    It is one statement. When it is taken, nothing was written.

    Raises:
        InvalidName: no folder can have this name.
    """
    return await _create(session, caller, _new_item(owner_id, name, parent_id))


async def change_folder(
    session: WriteSession,
    caller: Caller,
    folder_id: UUID,
    *,
    name: str | None,
    place: tuple[UUID | None] | None,
    expected: int | None,
    deepest: int,
    tags: Sequence[str] | None = None,
) -> WrittenFolder:
    """Rename, move or tag a folder. What is None stays as it is; `place` is the parent in a tuple.

    Raises:
        FolderNotFound: there is no such folder, or the caller may not see it.
        ReadOnly, PlaceNotYours: it was shared with the caller, but not for this.
        InvalidName: no folder can have this name.
        ContainerNotFound: there is no such parent.
        OtherOwner: the parent belongs to somebody else than the folder.
        MoveIntoOwnSubtree: the parent is the folder itself, or lies in it.
        TooDeep: it, or what lies in it, would lie deeper than `deepest`.
        NameTaken: something else there has this name.
        StaleVersion: `expected` is given and is not the folder's version.
    """
    locked, rights = await access.require(
        session, caller.person_id, await record.lock(session, FOLDER, folder_id), "write", FolderNotFound
    )
    is_placed = name is not None or place is not None
    if is_placed and not rights.may_place:
        raise PlaceNotYours
    if expected is not None and expected != locked.version:
        raise StaleVersion(expected=expected, actual=locked.version)
    fields: ItemFields = {}
    values: dict[str, Any] = {}
    fact: Event = FolderRenamed(folder_id=folder_id)
    if tags is not None and list(tags) != locked.tags:
        values["tags"] = list(tags)
        fact = FolderTagged(folder_id=folder_id)
    if name is not None and name != locked.title:
        fields |= {"title": checked_name(name), "name_key": places.name_key(name)}
        fact = FolderRenamed(folder_id=folder_id)
    if place is not None and place[0] != locked.parent_id:
        owner_id = await places.require_container(session, caller.person_id, place[0], kind=FOLDER.name)
        access.refuse_other_owner(locked, owner_id)
        await places.require_move(session, owner_id, folder_id, place[0], limit=deepest)
        fields["parent_id"] = place[0]
        fact = FolderMoved(folder_id=folder_id, from_folder_id=locked.parent_id, to_folder_id=place[0])
    if not fields and not values:
        return await _as_it_is(session, caller, folder_id)
    row = await record.change(
        session,
        FOLDER,
        locked,
        values=values,
        item=fields,
        fact=fact,
        by=caller.person_id,
        returning=queries.FOLDER_JSON,
    )
    return WrittenFolder(row.returned, row.version, row.id)


async def trash_folder(session: WriteSession, caller: Caller, folder_id: UUID, *, expected: int | None) -> None:
    """Move a folder to the trash; what lies in it goes out of sight with it.

    Raises:
        FolderNotFound: there is no such folder, or the caller may not see it.
        StaleVersion: `expected` is given and is not the folder's version.
    """
    locked = await access.require_in_place(
        session, caller.person_id, await record.lock(session, FOLDER, folder_id), FolderNotFound
    )
    fact = FolderTrashed(folder_id=folder_id)
    await trash.trash(session, FOLDER, locked, fact=fact, by=caller.person_id, expected=expected)


async def restore_folder(session: WriteSession, caller: Caller, folder_id: UUID) -> WrittenFolder:
    """Take a folder out of the trash with what lies in it; one hidden in a trashed folder comes to the top level.

    A folder that can be seen stays as it is.

    Raises:
        FolderNotFound: there is no such folder, or the caller may not see it.
    """
    locked = await access.require_restore(
        session, caller.person_id, await record.lock(session, FOLDER, folder_id), FolderNotFound
    )
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


def _new_item(owner_id: UUID, name: str, parent_id: UUID | None) -> NewItem:
    folder_id = new_id()
    return NewItem(
        id=folder_id,
        owner_id=owner_id,
        parent_id=parent_id,
        title=checked_name(name),
        name_key=places.name_key(name),
        values={"tags": []},
        fact=FolderCreated(folder_id=folder_id),
    )


async def _create(session: WriteSession, caller: Caller, item: NewItem) -> WrittenFolder | None:
    rows = await record.create_where_free(session, FOLDER, [item], by=caller.person_id, returning=queries.FOLDER_JSON)
    return WrittenFolder(rows[0].returned, rows[0].version, rows[0].id) if rows else None


async def _as_it_is(session: ReadSession, caller: Caller, folder_id: UUID) -> WrittenFolder:
    row = await session.first(queries.VISIBLE_FOLDER, folder_id=folder_id, person_id=caller.person_id)
    if row is None:
        raise FolderNotFound
    return WrittenFolder(row.json, row.version, folder_id)
