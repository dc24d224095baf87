"""Reading an archive in: everything it holds becomes the person's, with its past, as far as the apps take it.

It works in batches that commit, each with a note of which item became which; so it can be interrupted and goes on, and
what was read in once is not read in twice, nor when the same archive is sent again. An id that is free is kept; one
that is somebody else's gives way to a new one, and theirs is not touched.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import asyncpg
from sqlalchemy import text

from commonplace.platform.database.ids import new_id
from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database, WriteSession
from commonplace.platform.history import places
from commonplace.platform.history.arriving import ArrivingItem, PastVersion, arrive
from commonplace.platform.history.kind import Kind, NoWayForward
from commonplace.platform.leaving.arrival import Arrival, Arriving, NotTaken, StoredHere
from commonplace.platform.leaving.bringing import Bringing
from commonplace.platform.leaving.exporting import OnProgress
from commonplace.platform.leaving.format import ItemLine, VersionLine
from commonplace.platform.leaving.personal import PersonalData
from commonplace.platform.leaving.staging import Staged, Staging
from commonplace.platform.leaving.zip_in import ZipIn
from commonplace.platform.media.types import HEAD_BYTES, detect
from commonplace.platform.parts import Parts
from commonplace.platform.storage import objects
from commonplace.platform.storage.errors import ContentGone
from commonplace.platform.storage.keys import Category, new_key
from commonplace.platform.storage.protocol import ObjectStorage

BATCH: Final = 50
_MOST_TOLD: Final = 1000  #: things not taken that the report names; it counts them all
_REMEMBERED: Final = 1000  #: objects whose rows are not asked for again
_NUMBERS: Final = 20  #: names that are tried where one is taken
_GREATEST: Final = 2**31 - 2
_MAPPED = Query(
    text("""
    SELECT CAST(archive_item.source_id AS text) AS source_id, archive_item.item_id, archive_item.archive_id, item.kind
    FROM platform.archive_item JOIN platform.item ON item.id = archive_item.item_id
    WHERE archive_item.person_id = :person_id AND source_id = ANY(CAST(:ids AS uuid[]))
    """)
)
_TAKEN_IDS = Query(
    text("""
    SELECT id, owner_id, kind FROM platform.item WHERE id = ANY(CAST(:ids AS uuid[]))
    UNION SELECT item_id, owner_id, kind FROM platform.version WHERE item_id = ANY(CAST(:ids AS uuid[]))
    """)
)
_MAP = Query(
    text("""
    INSERT INTO platform.archive_item (person_id, archive_id, source_id, item_id)
    SELECT :person_id, :archive_id, source_id, item_id
    FROM unnest(CAST(:source_ids AS uuid[]), CAST(:item_ids AS uuid[])) AS became (source_id, item_id)
    ON CONFLICT DO NOTHING
    """)
)
_HAVE = Query(
    text("""
    SELECT id, size_bytes FROM platform.object WHERE owner_id = :owner_id AND sha256 = decode(:sha256, 'hex')
    """)
)
#: Why what stands in an archive beside items is not read in.
_LEFT_OUT: Final = {
    "account": "How one signs in is this installation's.",
    "log": "What happened elsewhere is no event here; the versions tell of it.",
    "shared-by-me": "People and their addresses are others here. Share again what you want to.",
    "shared-with-me": "It is others' and stayed with them.",
    "links": "Links lead to the installation that made them.",
    "notices": "They tell of the other installation.",
    "picture": "You have one here, or it is none that can be shown.",
    "preferences": "You have chosen here.",
    "quiet-hours": "You have chosen here.",
}
_LEFT_OUT_ELSE: Final = "It tells of the other installation, or gives access to it."


class _Known(NamedTuple):
    """What an item of an archive became."""

    item_id: UUID
    kind: str
    archive_id: UUID


class Reading:
    """One archive that is being read in."""

    def __init__(
        self, parts: Parts, archive_id: UUID, person_id: UUID, archive: ZipIn, staging: Staging, progress: OnProgress
    ) -> None:
        self._parts = parts
        self._database = parts[Database]
        self._archive_id = archive_id
        self._person_id = person_id
        self._archive = archive
        self._staging = staging
        self._progress = progress
        self._kinds: dict[str, Kind] = {kind.name: kind for _, kind in parts[PersonalData].kinds()}
        self._arrivals: Mapping[str, Arrival] = parts[PersonalData].arrivals()
        self._objects: dict[str, StoredHere] = {}
        self._taken: dict[str, int] = {}
        self._not_taken: list[dict[str, str]] = []
        self._counts = {"not_taken": 0, "already_here": 0, "renamed": 0, "versions": 0, "versions_not_taken": 0}
        self._done_bytes = self._total_bytes = 0

    async def run(self) -> dict[str, Any]:
        """Take everything that can be taken; the report."""
        self._total_bytes = await asyncio.to_thread(self._staging.content_bytes)
        batches = self._staging.batches(BATCH)
        while (batch := await asyncio.to_thread(next, batches, None)) is not None:
            kind, staged = batch
            await self._take(self._kinds[kind], self._arrivals[kind], staged)
            await self._progress(min(self._done_bytes, self._total_bytes), self._total_bytes)
        for line in self._staging.out_of_reach():
            self._refuse(line, NotTaken("It lies too deep in other things, or in itself."))
        brought = await self._bring()
        members = (name.removesuffix(".jsonl") for name in self._archive.members if name.endswith(".jsonl"))
        known = {f"{app.name}/{kind.name}" for app, kind in self._parts[PersonalData].kinds()}
        return {
            "taken": self._taken,
            **self._counts,
            "not_taken_examples": self._not_taken,
            "left_out": [
                {"name": name, "reason": _LEFT_OUT.get(name.partition("/")[2], _LEFT_OUT_ELSE)}
                for name in members
                if "/" in name and name.removesuffix(".versions") not in known and name not in brought
            ],
            "missing": [missing.name for missing in self._archive.manifest.missing][:_MOST_TOLD],
        }

    async def _bring(self) -> set[str]:
        """Let the apps take what stands beside items; the members that they took something of."""
        bringing = Bringing(parts=self._parts, person_id=self._person_id, archive=self._archive)
        brought: set[str] = set()
        for app, hook in self._parts[PersonalData].hooks("bring"):
            for member, number in (await hook(bringing)).items():
                self._taken[member] = self._taken.get(member, 0) + number
                brought.add(f"{app.name}/{member}")
        return brought

    async def _take(self, kind: Kind, arrival: Arrival, staged: Sequence[Staged]) -> None:
        known, taken_ids = await self._look_up(arrival, staged)
        arriving: list[tuple[str, ArrivingItem]] = []
        here: list[tuple[str, UUID]] = []
        for one in staged:
            if one.item.id in known:
                if known[one.item.id].archive_id == self._archive_id:  # by an earlier attempt
                    self._taken[kind.name] = self._taken.get(kind.name, 0) + 1
                else:
                    self._counts["already_here"] += 1
                continue
            owner = taken_ids.get(one.item.id)
            if owner == (self._person_id, kind.name):
                self._counts["already_here"] += 1
                here.append((one.item.id, UUID(one.item.id)))
                continue
            try:
                item = await self._item(kind, arrival, one, known, is_free=owner is None)
            except NotTaken as reason:
                self._refuse(one.item, reason)
            else:
                arriving.append((one.item.id, item))
        await self._write(kind, arrival, arriving, here)

    async def _look_up(
        self, arrival: Arrival, staged: Sequence[Staged]
    ) -> tuple[dict[str, _Known], dict[str, tuple[UUID, str]]]:
        """What became of the items that are named here, and whose of these items' ids are."""
        own = [one.item.id for one in staged if _is_id(one.item.id)]
        named = set(own)
        for one in staged:
            lines: list[ItemLine | VersionLine] = [one.item, *one.past]
            for line in lines:
                with suppress(Exception):  # whatever a hostile state does to a function that reads it, it names nothing
                    named.update(arrival.refers(line.state))
                if line.parent_id is not None:
                    named.add(line.parent_id)
        async with self._database.reading() as session:
            ids = [one for one in named if _is_id(one)]
            mapped = await session.all(_MAPPED, person_id=self._person_id, ids=ids)
            taken = await session.all(_TAKEN_IDS, ids=own)
        return (
            {row.source_id: _Known(row.item_id, row.kind, row.archive_id) for row in mapped},
            {str(row.id): (row.owner_id, row.kind) for row in taken},
        )

    async def _item(
        self,
        kind: Kind,
        arrival: Arrival,
        one: Staged,
        known: Mapping[str, _Known],
        *,
        is_free: bool,
    ) -> ArrivingItem:
        line = one.item
        if not _is_id(line.id) or not 1 <= line.version <= _GREATEST:
            raise NotTaken("Its id or version is none.")
        parent = known.get(line.parent_id) if line.parent_id is not None else None
        if parent is not None and parent.kind not in arrival.parents:
            parent = None
        ids = {source: became.item_id for source, became in known.items()}
        values = await self._values(kind, arrival, line, parent, ids)
        now = datetime.now(UTC)
        updated_at = _moment(line.updated_at, now)
        item_id = UUID(line.id) if is_free else new_id()
        title = arrival.title(line.title)
        past: list[PastVersion] = []
        until, number = updated_at, line.version
        for version in reversed(one.past):
            begins = _moment(version.valid_from, now)
            ends = until if version.version == number - 1 else min(until, _moment(version.valid_until or "", now))
            if begins >= ends:
                break  # what is older cannot be put in order
            try:
                was_in = known.get(version.parent_id) if version.parent_id is not None else None
                state = await self._values(kind, arrival, version, was_in, ids)
                was_called = arrival.title(version.title)
            except NotTaken:
                self._counts["versions_not_taken"] += 1
                continue
            past.append(
                PastVersion(
                    version=version.version,
                    parent_id=None if was_in is None else was_in.item_id,
                    title=was_called,
                    trashed_at=None if version.trashed_at is None else _moment(version.trashed_at, now).isoformat(),
                    state=state,
                    valid_from=begins.isoformat(),
                    valid_until=ends.isoformat(),
                    is_mine=version.is_mine,
                    kept=version.kept,
                )
            )
            until, number = begins, version.version
        self._counts["versions"] += len(past)
        return ArrivingItem(
            id=item_id,
            parent_id=None if parent is None else parent.item_id,
            title=title,
            name_key=None if arrival.numbered is None else places.name_key(title),
            version=line.version,
            created_at=min(_moment(line.created_at, now), updated_at).isoformat(),
            updated_at=updated_at.isoformat(),
            trashed_at=None if line.trashed_at is None else _moment(line.trashed_at, now).isoformat(),
            values=values,
            past=past[::-1],
            fact=arrival.fact(item_id, values),
        )

    async def _values(
        self,
        kind: Kind,
        arrival: Arrival,
        line: ItemLine | VersionLine,
        parent: _Known | None,
        ids: Mapping[str, UUID],
    ) -> dict[str, Any]:
        """The columns of a state, checked by its app; its bytes are stored when it names some."""
        try:
            if not 1 <= line.schema <= kind.schema:
                raise NotTaken("A newer release of Commonplace wrote it.")
            state = kind.current_state(line.state, line.schema)
            content = None
            if "object_id" in state:
                content = await self._content(str(state["object_id"]), line.title)
            parent_kind = None if parent is None else parent.kind
            return arrival.values(
                Arriving(title=line.title, state=state, parent_kind=parent_kind, object=content, ids=ids)
            )
        except (KeyError, TypeError, ValueError, AttributeError, NoWayForward) as error:
            raise NotTaken("It is not in the form that this release knows.") from error

    async def _content(self, object_id: str, name: str) -> StoredHere:
        """The bytes that a state names: those stored here already, or stored now."""
        if object_id in self._objects:
            return self._objects[object_id]
        line = await asyncio.to_thread(self._staging.object, object_id)
        member = None if line is None else self._archive.members.get(line.path)
        if line is None or member is None:
            raise NotTaken("Its bytes are not in the archive.")
        head = await asyncio.to_thread(_head, self._archive.chunks(line.path))
        media_type = detect(head[:HEAD_BYTES], name=name)
        async with self._database.reading() as session:
            row = await session.first(_HAVE, owner_id=self._person_id, sha256=member.sha256)
        if row is None:
            found_id = await self._store(line.path, name, media_type, member.size_bytes)
        else:
            found_id = row.id
            self._done_bytes += member.size_bytes
        found = StoredHere(found_id, member.sha256, member.size_bytes, media_type)
        self._objects[object_id] = found
        if len(self._objects) > _REMEMBERED:
            self._objects.pop(next(iter(self._objects)))
        return found

    async def _store(self, path: str, name: str, media_type: str, size_bytes: int) -> UUID:
        storage = self._parts[ObjectStorage]
        key = new_key(Category.FILES, name.rpartition(".")[2] if "." in name else "")
        chunks = self._counted(self._archive.chunks(path))
        stored = await storage.put(key, chunks, content_type=media_type, expected_bytes=size_bytes)
        try:
            async with self._database.writing() as session:
                registered = await objects.register(session, self._person_id, stored)
        except BaseException:
            await storage.delete(key)
            raise
        if registered.is_duplicate:
            await storage.delete(key)
        return registered.id

    async def _counted(self, chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
        while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
            self._done_bytes += len(chunk)
            yield chunk
            await self._progress(min(self._done_bytes, self._total_bytes), self._total_bytes)

    async def _write(
        self,
        kind: Kind,
        arrival: Arrival,
        arriving: list[tuple[str, ArrivingItem]],
        here: list[tuple[str, UUID]],
    ) -> None:
        try:
            await self._write_together(kind, arrival, arriving, here)
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, ContentGone) as error:
            if len(arriving) + len(here) <= 1:
                for _, item in arriving:
                    self._tell(kind.name, str(item["id"]), item["title"], _refusal(error))
                return
            await self._write(kind, arrival, [], here)
            for one in arriving:
                await self._write(kind, arrival, [one], [])

    async def _write_together(
        self,
        kind: Kind,
        arrival: Arrival,
        arriving: list[tuple[str, ArrivingItem]],
        here: list[tuple[str, UUID]],
    ) -> None:
        renamed = 0
        async with self._database.writing() as session:
            for _, item in arriving:
                for state in (item["values"], *(version["state"] for version in item["past"])):
                    if "object_id" in state:
                        await objects.reference(session, UUID(state["object_id"]))
            left = [item for _, item in arriving]
            for _ in range(_NUMBERS):
                if not left:
                    break
                made = {row.id for row in await arrive(session, kind, left, owner_id=self._person_id)}
                left = [item for item in left if item["id"] not in made]
                renamed += len(left)
                for item in left:
                    await self._rename(session, arrival, item)
            became = [(source, item["id"]) for source, item in arriving if item not in left] + here
            await session.execute(
                _MAP,
                person_id=self._person_id,
                archive_id=self._archive_id,
                source_ids=[source for source, _ in became],
                item_ids=[item_id for _, item_id in became],
            )
        for item in left:
            self._tell(kind.name, str(item["id"]), item["title"], "No name was free for it.")
        self._counts["renamed"] += renamed
        self._taken[kind.name] = self._taken.get(kind.name, 0) + len(arriving) - len(left)

    async def _rename(self, session: WriteSession, arrival: Arrival, item: ArrivingItem) -> None:
        """Give an item another name where its own is taken; where its id is, another id."""
        numbered: Callable[[str, int], str] | None = arrival.numbered
        if numbered is None:
            item["id"] = new_id()
            item["fact"] = arrival.fact(item["id"], item["values"])
            return
        wanted, place = item["title"], item["parent_id"] or self._person_id
        item["title"] = await places.free_title(session, place, lambda number: numbered(wanted, number))
        item["name_key"] = places.name_key(item["title"])

    def _refuse(self, line: ItemLine, reason: NotTaken) -> None:
        self._tell(line.kind, line.id, line.title, str(reason))

    def _tell(self, kind: str, item_id: str, title: str, reason: str) -> None:
        self._counts["not_taken"] += 1
        if len(self._not_taken) < _MOST_TOLD:
            entry = {"kind": kind[:50], "id": item_id[:50], "title": title[:200], "reason": reason}
            self._not_taken.append({name: value.replace("\0", "") for name, value in entry.items()})


def _is_id(text_: str) -> bool:
    with suppress(ValueError):
        return str(UUID(text_)) == text_
    return False


def _moment(value: str, now: datetime) -> datetime:
    """A time of the archive; what is none, or lies in the future, is now."""
    with suppress(ValueError, OverflowError):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            return min(moment.astimezone(UTC), now)
    return now


def _head(chunks: Iterator[bytes]) -> bytes:
    return next(chunks, b"")


def _refusal(error: Exception) -> str:
    if isinstance(error, asyncpg.CheckViolationError):
        return "It is larger than what is kept here, or has a value that cannot be."
    return "It has a value that cannot be kept here."
