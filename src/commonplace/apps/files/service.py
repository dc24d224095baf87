"""What files does with files: make, replace, rename, move, trash, restore. Each returns the file as JSON."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from commonplace.apps.files import queries
from commonplace.apps.files.errors import FileNotFound
from commonplace.apps.files.events import (
    FileMoved,
    FileRenamed,
    FileReplaced,
    FileRestored,
    FileTagged,
    FileTrashed,
    FileUploaded,
)
from commonplace.apps.files.models import FILE, FOLDER
from commonplace.apps.files.names import checked_name, numbered_file
from commonplace.apps.files.schemas import OnConflict
from commonplace.apps.files.uploads import Received
from commonplace.platform.database.ids import new_id
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.events.event import Event
from commonplace.platform.history import places, record, trash, versions
from commonplace.platform.history.record import ItemFields, NameTaken, NewItem, StaleVersion
from commonplace.platform.identity.caller import Caller
from commonplace.platform.sharing import access
from commonplace.platform.sharing.access import Access
from commonplace.platform.sharing.errors import PlaceNotYours, ReadOnly
from commonplace.platform.storage import objects

_TRIES: Final = 20  #: names that are tried, each found free, before others who take them win


class Written(NamedTuple):
    """A file as it is now, and the key of the object that holds its bytes when they were just received."""

    json: str
    version: int
    id: UUID
    key: str | None = None


class Brought(NamedTuple):
    """A file that came by a link: its id and name, and the key of the object that holds its bytes."""

    id: UUID
    title: str
    key: str


class NewFile(NamedTuple):
    """A file to be made of received bytes."""

    name: str
    received: Received


async def create_if_free(
    session: WriteSession, caller: Caller, new: NewFile, *, folder_id: UUID | None, owner_id: UUID
) -> Written | None:
    """Make a file in a folder that was seen to be there, when its name is free; None when it is taken.

    `owner_id` is the folder's owner, or the caller at the top level: what `places.require_container` gave.

    It is one statement. When it is taken, nothing was written.
    """
    rows = await _create(session, caller, [_new_item(owner_id, new, folder_id)])
    return rows[0] if rows else None


async def create_file(
    session: WriteSession, caller: Caller, new: NewFile, *, folder_id: UUID | None, on_conflict: OnConflict
) -> tuple[Written, bool]:
    """Make a file; whether it is a new one, or a version of one that was there, comes with it.

    Raises:
        ContainerNotFound: there is no such folder.
        NameTaken: the name is taken and `on_conflict` is `fail`, or by a folder and it is `replace`.
    """
    owner_id = await places.require_container(session, caller.person_id, folder_id, kind=FOLDER.name)
    item = _new_item(owner_id, new, folder_id)
    rows = await _create(session, caller, [item])
    if rows:
        return rows[0], True
    if on_conflict == "replace":
        named = await session.first(
            queries.NAMED, place=folder_id or caller.person_id, name_key=item["name_key"], person_id=caller.person_id
        )
        if named is not None and named.kind == FILE.name:
            return await replace_content(session, caller, named.id, new.received, expected=None), False
    if on_conflict != "keep_both":
        raise NameTaken(new.name)
    return await _create_beside(session, caller, item), True


async def create_files(
    session: WriteSession, caller: Caller, new: Sequence[NewFile], *, folder_id: UUID | None, keep_both: bool
) -> list[Written]:
    """Make many files in one statement, in the order given; without `keep_both` all of them, or none.

    Raises:
        ContainerNotFound: there is no such folder.
        NameTaken: a name is taken, or comes twice, and `keep_both` is false.
    """
    owner_id = await places.require_container(session, caller.person_id, folder_id, kind=FOLDER.name)
    items = [_new_item(owner_id, one, folder_id) for one in new]
    written = {one.id: one for one in await _create(session, caller, items)}
    for item in items:
        if item["id"] not in written:
            if not keep_both:
                raise NameTaken(item["title"])
            written[item["id"]] = await _create_beside(session, caller, item)
    return [written[item["id"]] for item in items]


async def create_for_visitor(session: WriteSession, new: NewFile, *, folder_id: UUID, owner_id: UUID) -> Brought:
    """Make a file that somebody without an account brought by a link, beside what has its name.

    `owner_id` is the folder's owner. That the link is good for this was found in the same transaction.
    """
    item = _new_item(owner_id, new, folder_id)
    rows = await record.create_where_free(session, FILE, [item], by=None)
    if not rows:
        await places.lock_name(session, folder_id, new.name)
    for _ in range(_TRIES):
        if rows:
            return Brought(rows[0]["id"], item["title"], rows[0]["object_key"])
        title = await places.free_title(session, folder_id, lambda number: numbered_file(new.name, number))
        item = {**item, "title": title, "name_key": places.name_key(title)}
        rows = await record.create_where_free(session, FILE, [item], by=None)
    raise NameTaken(new.name)


async def replace_content(
    session: WriteSession, caller: Caller, file_id: UUID, received: Received, *, expected: int | None
) -> Written:
    """Give a file other bytes: its next version.

    Raises:
        FileNotFound: there is no such file, or the caller may not see it.
        StaleVersion: `expected` is given and is not the file's version.
    """
    locked, _ = await _locked(session, caller, file_id)
    stored = await objects.register(session, locked.owner_id, received.as_stored())
    values = {
        "object_id": stored.id,
        "size_bytes": received.size_bytes,
        "media_type": received.media_type,
        "sha256": received.sha256,
    }
    fact = FileReplaced(
        file_id=file_id, object_id=stored.id, media_type=received.media_type, size_bytes=received.size_bytes
    )
    row = await record.change(
        session,
        FILE,
        locked,
        values=values,
        fact=fact,
        by=caller.person_id,
        expected=expected,
        returning=queries.FILE_JSON,
    )
    return Written(row.returned, row.version, row.id, stored.key)


async def change_file(
    session: WriteSession,
    caller: Caller,
    file_id: UUID,
    *,
    name: str | None,
    place: tuple[UUID | None] | None,
    expected: int | None,
    tags: Sequence[str] | None = None,
) -> Written:
    """Rename, move or tag a file. What is None stays as it is; `place` is the folder in a tuple.

    Raises:
        FileNotFound: there is no such file, or the caller may not see it.
        ReadOnly, PlaceNotYours: it was shared with the caller, but not for this.
        InvalidName: no file can have this name.
        ContainerNotFound: there is no such folder.
        OtherOwner: the folder belongs to somebody else than the file.
        NameTaken: something else there has this name.
        StaleVersion: `expected` is given and is not the file's version.
    """
    locked, rights = await _locked(session, caller, file_id)
    is_placed = name is not None or place is not None
    if is_placed and not rights.may_place:
        raise PlaceNotYours
    _require_version(locked, expected)
    fields: ItemFields = {}
    values: dict[str, Any] = {}
    fact: Event = FileRenamed(file_id=file_id)
    if tags is not None and list(tags) != locked.tags:
        values["tags"] = list(tags)
        fact = FileTagged(file_id=file_id)
    if name is not None and name != locked.title:
        fields |= {"title": checked_name(name), "name_key": places.name_key(name)}
        fact = FileRenamed(file_id=file_id)
    if place is not None and place[0] != locked.parent_id:
        owner_id = await places.require_container(session, caller.person_id, place[0], kind=FOLDER.name)
        access.refuse_other_owner(locked, owner_id)
        fields["parent_id"] = place[0]
        fact = FileMoved(file_id=file_id, from_folder_id=locked.parent_id, to_folder_id=place[0])
    if not fields and not values:
        return await _as_it_is(session, caller, file_id)
    row = await record.change(
        session, FILE, locked, values=values, item=fields, fact=fact, by=caller.person_id, returning=queries.FILE_JSON
    )
    return Written(row.returned, row.version, row.id)


async def trash_file(session: WriteSession, caller: Caller, file_id: UUID, *, expected: int | None) -> None:
    """Move a file to the trash.

    Raises:
        FileNotFound: there is no such file, or the caller may not see it.
        StaleVersion: `expected` is given and is not the file's version.
    """
    locked = await access.require_in_place(
        session, caller.person_id, await record.lock(session, FILE, file_id), FileNotFound
    )
    fact = FileTrashed(file_id=file_id)
    await trash.trash(session, FILE, locked, fact=fact, by=caller.person_id, expected=expected)


async def restore_file(session: WriteSession, caller: Caller, file_id: UUID) -> Written:
    """Take a file out of the trash; one that is hidden in a trashed folder comes to the top level.

    A file that can be seen stays as it is.

    Raises:
        FileNotFound: there is no such file, or the caller may not see it.
    """
    locked = await access.require_restore(
        session, caller.person_id, await record.lock(session, FILE, file_id), FileNotFound
    )
    if locked.trashed_at is not None or locked.is_hidden:
        fact = FileRestored(file_id=file_id)
        await trash.restore(session, FILE, locked, fact=fact, by=caller.person_id, numbered=numbered_file)
    return await _as_it_is(session, caller, file_id)


async def restore_version(
    session: WriteSession, caller: Caller, file_id: UUID, number: int, *, expected: int | None
) -> Written:
    """Make the next version of a file out of an earlier one: its bytes and its name of then.

    Raises:
        FileNotFound: there is no such file, or the caller may not see it.
        VersionNotFound: there is no such version.
        StaleVersion: `expected` is given and is not the file's version.
    """
    locked, rights = await _locked(session, caller, file_id)

    def fact(version: versions.Version) -> Event:
        state = version.state
        return FileReplaced(
            file_id=file_id,
            object_id=UUID(state["object_id"]),
            media_type=state["media_type"],
            size_bytes=state["size_bytes"],
            restored_version=number,
        )

    await versions.restore_version(
        session,
        FILE,
        locked,
        number,
        fact=fact,
        by=caller.person_id,
        expected=expected,
        since=rights.past_since,
        keep_title=not rights.may_place,
    )
    return await _as_it_is(session, caller, file_id)


def _new_item(owner_id: UUID, new: NewFile, folder_id: UUID | None) -> NewItem:
    file_id, stored, received = new_id(), new.received.as_object(), new.received
    return NewItem(
        id=file_id,
        owner_id=owner_id,
        parent_id=folder_id,
        title=checked_name(new.name),
        name_key=places.name_key(new.name),
        values={
            "size_bytes": received.size_bytes,
            "media_type": received.media_type,
            "sha256": received.sha256,
        },
        fact=FileUploaded(
            file_id=file_id,
            object_id=stored["id"],
            media_type=received.media_type,
            size_bytes=received.size_bytes,
        ),
        object=stored,
    )


async def _create(session: WriteSession, caller: Caller, items: Sequence[NewItem]) -> list[Written]:
    rows = await record.create_where_free(session, FILE, items, by=caller.person_id, returning=queries.FILE_JSON)
    return [Written(row["returned"], row["version"], row["id"], row["object_key"]) for row in rows]


async def _create_beside(session: WriteSession, caller: Caller, item: NewItem) -> Written:
    """Make an item whose name is taken under a name that is free."""
    place = item["parent_id"] or item["owner_id"]
    wanted = item["title"]
    await places.lock_name(session, place, wanted)
    for _ in range(_TRIES):
        title = await places.free_title(session, place, lambda number: numbered_file(wanted, number))
        rows = await _create(session, caller, [{**item, "title": title, "name_key": places.name_key(title)}])
        if rows:
            return rows[0]
    raise NameTaken(wanted)


async def _locked(session: WriteSession, caller: Caller, file_id: UUID) -> tuple[Row, Access]:
    """The file, locked, if the caller may change what it holds and it can be seen; and what else they may."""
    locked = await record.lock(session, FILE, file_id)
    return await access.require(session, caller.person_id, locked, "write", FileNotFound)


def _require_version(locked: Row, expected: int | None) -> None:
    if expected is not None and expected != locked.version:
        raise StaleVersion(expected=expected, actual=locked.version)


async def _as_it_is(session: WriteSession, caller: Caller, file_id: UUID) -> Written:
    row = await session.first(queries.VISIBLE_FILE, file_id=file_id, person_id=caller.person_id)
    if row is None:
        raise FileNotFound
    return Written(row.json, row.version, file_id)


async def title_for_change(
    session: ReadSession, caller: Caller, file_id: UUID, *, expected: int | None
) -> tuple[str, UUID]:
    """The name and the owner of a file whose bytes are about to be replaced.

    Raises:
        FileNotFound: there is no such file, or the caller may not see it.
        ReadOnly: the caller may see it, but not change it.
        StaleVersion: `expected` is given and is not the file's version.
    """
    row = await session.first(queries.FILE_TITLE, file_id=file_id, person_id=caller.person_id)
    if row is None:
        raise FileNotFound
    if not row.may_write:
        raise ReadOnly
    _require_version(row, expected)
    return row.title, row.owner_id
