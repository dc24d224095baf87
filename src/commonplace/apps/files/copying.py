"""Copying files and folders, by whoever may read them, to where they may put things.

A copy of one's own shares the bytes: two files point to one object. What comes from, or goes to, somebody else's drive
gets an object of its new owner, unless they have these bytes already.

A copy is a walk: `Walk` says what is still to be copied and in which folder the walk is, so a job goes on from there.
What is added to a folder behind the place where the walk is may be missed, as with any copy of what is being changed.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypedDict
from uuid import UUID

from commonplace.apps.files import entry_queries as queries
from commonplace.apps.files.entries import Names, lock_entries
from commonplace.apps.files.errors import EntryNotFound
from commonplace.apps.files.events import FileReplaced, FileUploaded, FolderCreated
from commonplace.apps.files.models import FILE, FOLDER
from commonplace.apps.files.names import checked_name
from commonplace.apps.files.schemas import Rule
from commonplace.platform.database.ids import new_id
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.history import places, record
from commonplace.platform.history.places import TooDeep
from commonplace.platform.history.record import Changed, ItemFields, NameTaken, NewItem
from commonplace.platform.storage import objects
from commonplace.platform.storage.protocol import Stored

_FILES_AT_ONCE: Final = 100

Fetched = Mapping[str, str]
"""Bytes that were stored for the new owner: their SHA-256 and the key where they are."""


class Frame(TypedDict):
    """A folder that the walk is in."""

    source: str
    target: str
    are_files_done: bool
    after: list[str] | None  #: title and id of the last one that was copied
    rule: Rule


class Walk(TypedDict):
    """What is still to be copied, as JSON values."""

    folder_id: str | None  #: where to
    files: list[str]
    folders: list[str]
    names: dict[str, str]  #: other names for some of them
    rule: Rule
    frames: list[Frame]  #: from the outermost folder to the one that the walk is in
    tops: list[str]  #: what was made in `folder_id`
    skipped: list[str]


class Copying:
    """One copy under way, in one transaction: `walk` is brought up to date as far as it goes."""

    def __init__(
        self, session: WriteSession, person_id: UUID, walk: Walk, *, owner_id: UUID, deepest: int, fetched: Fetched
    ) -> None:
        """`owner_id` is whose everything in the target is; `fetched` are bytes that were brought for it."""
        self.walk = walk
        self.used: set[str] = set()  #: keys among `fetched` that objects have now
        self._session = session
        self._person_id = person_id
        self._owner_id = owner_id
        self._deepest = deepest
        self._fetched = fetched

    async def some(self, most: int) -> int:
        """Copy up to `most` files and folders; how many. 0: all is done, or bytes have to be brought first.

        Raises:
            EntryNotFound: what was to be copied is gone, or out of sight.
            ContainerNotFound, ReadOnly: where it was to go is.
            TooDeep: it would lie deeper than folders may.
            NameTaken: the rule is `fail`, or somebody took a name in the same moment.
        """
        count = 0
        while count < most and (self.walk["frames"] or self.walk["folders"] or self.walk["files"]):
            made, is_stuck = await (self._in_frame(most - count) if self.walk["frames"] else self._top(most - count))
            count += made
            if is_stuck:
                break
        return count

    async def _top(self, most: int) -> tuple[int, bool]:
        walk, place = self.walk, _uuid(self.walk["folder_id"])
        await places.require_container(self._session, self._person_id, place, kind=FOLDER.name)
        if walk["files"]:
            ids = [UUID(one) for one in walk["files"][: min(most, _FILES_AT_ONCE)]]
            rows = {row.id: row for row in await self._readable(queries.FILES_TO_COPY, ids)}
            wanted = [rows[one] for one in ids]
            handled, made = await self._copy_files(wanted, place, walk["rule"], walk["names"])
            walk["tops"] += [str(one) for one in made]
            walk["files"] = walk["files"][handled:]
            return handled, handled < len(ids)
        [row] = await self._readable(queries.FOLDERS_TO_COPY, [UUID(walk["folders"][0])])
        folder = await self._copy_folder(row, place, walk["rule"], walk["names"])
        walk["folders"] = walk["folders"][1:]
        if folder is None:
            walk["skipped"].append(str(row.id))
            return 1, False
        target, is_new = folder
        walk["tops"].append(str(target))
        self._enter(row.id, target, "keep_both" if is_new else walk["rule"])
        return 1, False

    async def _readable(self, statement: Any, ids: Sequence[UUID]) -> Sequence[Row]:
        rows = await self._session.all(statement, ids=list(ids), person_id=self._person_id)
        for entry_id in {*ids} - {row.id for row in rows}:
            raise EntryNotFound(entry_id)
        return rows

    def _enter(self, source: UUID, target: UUID, rule: Rule) -> None:
        frame = Frame(source=str(source), target=str(target), are_files_done=False, after=None, rule=rule)
        self.walk["frames"].append(frame)

    async def _in_frame(self, most: int) -> tuple[int, bool]:
        frame = self.walk["frames"][-1]
        target = UUID(frame["target"])
        await places.require_container(self._session, self._person_id, target, kind=FOLDER.name)
        if not frame["are_files_done"]:
            rows = await next_files(self._session, self._person_id, frame, limit=min(most, _FILES_AT_ONCE))
            handled, _ = await self._copy_files(rows, target, frame["rule"], {})
            if handled:
                frame["after"] = [rows[handled - 1].title, str(rows[handled - 1].id)]
            if not rows:
                frame["are_files_done"], frame["after"] = True, None
            return handled, handled < len(rows)
        rows = await self._session.all(queries.NEXT_FOLDER, **_after(frame, self._person_id), limit=1)
        if not rows:
            self.walk["frames"].pop()
            return 0, False
        [row] = rows
        frame["after"] = [row.title, str(row.id)]
        if str(row.id) in self.walk["tops"]:  # the copy lies in what is copied: somebody moved it there meanwhile
            return 0, False
        if len(self.walk["frames"]) >= self._deepest:
            raise TooDeep(self._deepest)
        folder = await self._copy_folder(row, target, frame["rule"], {})
        if folder is not None:
            self._enter(row.id, folder[0], "keep_both" if folder[1] else frame["rule"])
        return 1, False

    async def _copy_folder(
        self, row: Row, place: UUID | None, rule: Rule, renamed: Mapping[str, str]
    ) -> tuple[UUID, bool] | None:
        """The folder that stands for a source, and whether it is new; None: the rule says to leave it out."""
        names = Names(self._session, place or self._owner_id)
        title = checked_name(renamed.get(str(row.id), row.title))
        await names.load([title])
        other = names.at(title)
        if other is not None:
            if rule == "fail":
                raise NameTaken(title)
            if rule == "skip":
                return None
            if rule in {"merge", "replace"} and other[1] == FOLDER.name and other[0] != row.id:
                return other[0], False
            title = await names.free(self._session, title, FOLDER)
        folder_id = new_id()
        item = NewItem(
            id=folder_id,
            owner_id=self._owner_id,
            parent_id=place,
            title=title,
            name_key=places.name_key(title),
            values={"tags": row.tags},
            fact=FolderCreated(folder_id=folder_id, copied_from=row.id),
        )
        await record.create_many(self._session, FOLDER, [item], by=self._person_id)
        return folder_id, True

    async def _copy_files(
        self, rows: Sequence[Row], place: UUID | None, rule: Rule, renamed: Mapping[str, str]
    ) -> tuple[int, list[UUID]]:
        """Copy the first of these files, as far as their bytes are there: how many, and what they became."""
        have = await self._objects(rows)
        there = next((number for number, row in enumerate(rows) if row.sha256 not in have), len(rows))
        names = Names(self._session, place or self._owner_id)
        wanted = [checked_name(renamed.get(str(row.id), row.title)) for row in rows[:there]]
        await names.load(wanted)
        new: list[NewItem] = []
        replaced: list[tuple[Row, UUID]] = []
        for row, wish in zip(rows[:there], wanted, strict=True):
            title, other = wish, names.at(wish)
            if other is not None:
                if rule == "fail":
                    raise NameTaken(title)
                if rule == "skip":
                    self.walk["skipped"].append(str(row.id))
                    continue
                if rule == "replace" and other[1] == FILE.name and other[0] not in names.new and other[0] != row.id:
                    names.new.add(other[0])
                    replaced.append((row, other[0]))
                    continue
                title = await names.free(self._session, title, FILE)
            item = self._new_file(row, have[row.sha256], place, title)
            names.take(title, item["id"], FILE)
            new.append(item)
        await record.create_many(self._session, FILE, new, by=self._person_id)
        await self._replace(replaced, have)
        return there, [*(item["id"] for item in new), *(other for _, other in replaced)]

    def _new_file(self, row: Row, object_id: UUID, place: UUID | None, title: str) -> NewItem:
        file_id = new_id()
        return NewItem(
            id=file_id,
            owner_id=self._owner_id,
            parent_id=place,
            title=title,
            name_key=places.name_key(title),
            values={
                "object_id": object_id,
                "size_bytes": row.size_bytes,
                "media_type": row.media_type,
                "sha256": row.sha256,
                "tags": row.tags,
            },
            fact=FileUploaded(
                file_id=file_id,
                object_id=object_id,
                media_type=row.media_type,
                size_bytes=row.size_bytes,
                copied_from=row.id,
            ),
        )

    async def _replace(self, replaced: Sequence[tuple[Row, UUID]], have: Mapping[str, UUID]) -> None:
        if not replaced:
            return
        others = await lock_entries(self._session, self._person_id, [other for _, other in replaced])
        changes = []
        for (row, other_id), other in zip(replaced, others, strict=True):
            object_id = have[row.sha256]
            values = {
                "object_id": object_id,
                "size_bytes": row.size_bytes,
                "media_type": row.media_type,
                "sha256": row.sha256,
            }
            fact = FileReplaced(
                file_id=other_id, object_id=object_id, media_type=row.media_type, size_bytes=row.size_bytes
            )
            changes.append(Changed(other.row, values, ItemFields(), fact))
        await record.change_many(self._session, FILE, changes, by=self._person_id)

    async def _objects(self, rows: Sequence[Row]) -> dict[str, UUID]:
        """The objects of the new owner with these bytes, by their SHA-256; locked against the sweep."""
        hashes = list({row.sha256 for row in rows})
        have = await own_objects(self._session, self._owner_id, hashes)
        for row in rows:
            key = self._fetched.get(row.sha256)
            if row.sha256 not in have and key is not None:
                stored = Stored(key, row.size_bytes, bytes.fromhex(row.sha256))
                registered = await objects.register(self._session, self._owner_id, stored)
                have[row.sha256] = registered.id
                if registered.key == key:
                    self.used.add(key)
        return have


async def own_objects(session: ReadSession, owner_id: UUID, hashes: Sequence[str]) -> dict[str, UUID]:
    """Those of these bytes that the owner has as objects, by their SHA-256."""
    if not hashes:
        return {}
    rows = await session.all(queries.OWN_OBJECTS, owner_id=owner_id, hashes=list(hashes))
    return {row.sha256: row.id for row in rows}


async def next_files(session: ReadSession, person_id: UUID, frame: Frame, *, limit: int) -> Sequence[Row]:
    """The files that the walk comes to next in the folder it is in."""
    return await session.all(queries.NEXT_FILES, **_after(frame, person_id), limit=limit)


def _after(frame: Frame, person_id: UUID) -> dict[str, Any]:
    title, last = frame["after"] or (None, None)
    return {"folder_id": UUID(frame["source"]), "person_id": person_id, "title": title, "id": _uuid(last)}


def _uuid(value: str | None) -> UUID | None:
    return None if value is None else UUID(value)
