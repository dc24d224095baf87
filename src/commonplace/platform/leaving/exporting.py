"""Gathering all that a person has, as of one moment, and writing it as an archive.

First, in one snapshot of the database, everything that stands in rows is written down, and which bytes are to come;
then, with no transaction open, the bytes are copied. What is said in the archive is of one moment, then, and a copy
that takes hours holds nothing back.
"""

import json
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib import metadata
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database, ReadSession
from commonplace.platform.history.kind import Kind
from commonplace.platform.identity.people import People
from commonplace.platform.leaving.errors import ArchiveNotFound
from commonplace.platform.leaving.format import FORMAT, KIND, MANIFEST, OBJECTS, Head, Missing, ObjectLine, Whose
from commonplace.platform.leaving.personal import PersonalData, PersonalTable
from commonplace.platform.leaving.safe_names import LONGEST_PATH
from commonplace.platform.leaving.spool import Lines, Spool
from commonplace.platform.leaving.zip_out import ZipOut
from commonplace.platform.parts import Parts
from commonplace.platform.storage.errors import ObjectNotFound
from commonplace.platform.storage.protocol import ObjectStorage, Stored

OnProgress = Callable[[int, int], Awaitable[None]]  #: bytes done, and of how many
COPIED_BYTES: Final = 16 * 1024 * 1024  #: bytes up to which each file with the same content gets a copy of its own
_PACKED: Final = ("image/", "video/", "audio/", "application/zip", "application/gzip", "application/x-7z", "font/woff")
_SAMPLE_BYTES: Final = 64 * 1024
_MOMENT: Final = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
_UNLIMITED: Final = "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0"
_ITEMS: Final = """
    SELECT item.id, item.kind, item.parent_id, item.title, item.version, item.created_at, item.updated_at,
        item.trashed_at, CAST({schema} AS integer) AS schema, to_jsonb(app) - 'id' AS state
    FROM platform.item JOIN {table} AS app USING (id)
    WHERE item.owner_id = :person_id AND item.kind = '{kind}' ORDER BY item.created_at, item.id
"""
_VERSIONS: Final = Query(
    text("""
    SELECT version.item_id, version.version, version.parent_id, version.title, version.trashed_at, version.schema,
        version.state, version.valid_from, version.valid_until, version.by IS NOT DISTINCT FROM :person_id AS is_mine,
        version.kept
    FROM platform.item JOIN platform.version ON version.item_id = item.id
    WHERE item.owner_id = :person_id AND item.kind = :kind ORDER BY item.created_at, item.id, version.version
    """)
)
_OBJECTS: Final = Query(
    text("""
    SELECT object.id, object.key, object.size_bytes, encode(object.sha256, 'hex') AS sha256, object.created_at
    FROM platform.object WHERE object.owner_id = :person_id AND EXISTS (
        SELECT FROM platform.version
        WHERE version.state ? 'object_id' AND version.state ->> 'object_id' = CAST(object.id AS text))
    ORDER BY object.id
    """)
)


class StoredBytes(NamedTuple):
    """An object, as rows name it."""

    object_id: UUID
    key: str
    size_bytes: int
    sha256: str  #: 64 hexadecimal digits


class Export:
    """What an app's `export` is given: the moment, and where to put what it has."""

    def __init__(self, session: ReadSession, spool: Spool, person_id: UUID) -> None:
        self.session = session  #: shows one moment; writes nothing
        self.person_id = person_id
        self.written: list[Lines] = []
        self.content_bytes = 0
        self.bytes_to_copy = spool.lines("")
        self._spool = spool
        self._objects = spool.lines(OBJECTS)
        self._placed: set[bytes] = set()

    async def lines(self, name: str, rows: AsyncIterator[Row]) -> None:
        """Write rows as the member `name`.jsonl; without a row there is none."""
        lines = self._spool.lines(f"{name}.jsonl")
        async for row in rows:
            lines.add(dict(row))
        if lines.number:
            self._done(lines)

    def place(
        self,
        stored: StoredBytes,
        path: str,
        *,
        at: datetime,
        media_type: str = "",
        title: str | None = None,
        extra: bool = True,
    ) -> None:
        """Have the bytes of an object stand under a path.

        Args:
            stored: The object.
            path: Made of safe names; one that is too long is replaced.
            at: The time that the file is to have.
            media_type: Tells whether packing is of any use.
            title: What the person calls it, where the path says something else.
            extra: Whether small content that stands somewhere already may stand here, too.
        """
        is_there = stored.object_id.bytes in self._placed
        if is_there and (not extra or stored.size_bytes > COPIED_BYTES):
            return
        if len(path.encode()) > LONGEST_PATH:
            path = f"files/long-paths/{stored.object_id.hex}-{self.bytes_to_copy.number}"
        if not is_there:
            self._placed.add(stored.object_id.bytes)
            line = ObjectLine(id=str(stored.object_id), path=path, sha256=stored.sha256, size_bytes=stored.size_bytes)
            self._objects.add(msgspec.to_builtins(line))
        self.content_bytes += stored.size_bytes
        self.bytes_to_copy.add([path, stored.key, stored.sha256, at, media_type, title])

    def finish(self) -> None:
        """Nothing more is added."""
        if self._objects.number:
            self._done(self._objects)
        self.bytes_to_copy.finish()

    def _done(self, lines: Lines) -> None:
        lines.finish()
        self.content_bytes += lines.size_bytes
        self.written.append(lines)


async def export(parts: Parts, person_id: UUID, key: str, on_progress: OnProgress) -> Stored:
    """Write the archive of a person under `key`; durable on return, and absent after any error.

    Raises:
        ArchiveNotFound: there is no such person (any more).
        StorageFull, StorageUnavailable, OSError: there is no room for it.
    """
    person = await parts[People].person(person_id)
    if person is None:
        raise ArchiveNotFound
    whose = Whose(id=str(person_id), name=person.name, email=person.email)
    spool = Spool()
    try:
        async with _moment(parts[Database]) as session:
            gathered = Export(session, spool, person_id)
            await _gather(parts, gathered)
        await on_progress(0, gathered.content_bytes)
        async with await parts[ObjectStorage].open_writer(
            key, content_type="application/zip", expected_bytes=None
        ) as writer:
            archive = _Writing(parts[ObjectStorage], ZipOut(writer), spool, gathered.content_bytes, on_progress)
            return await archive.write(gathered, whose)
    finally:
        spool.close()


@asynccontextmanager
async def _moment(database: Database) -> AsyncIterator[ReadSession]:
    """A transaction that shows one moment and writes nothing, for as long as it takes: it holds no event back."""
    async with database.writing() as session:
        await session.execute(text(_MOMENT))
        for statement in _UNLIMITED.split("; "):
            await session.execute(text(statement))
        yield session


async def _gather(parts: Parts, gathered: Export) -> None:
    data, session, person_id = parts[PersonalData], gathered.session, gathered.person_id
    for app, kind in data.kinds():
        await gathered.lines(f"{app.name}/{kind.name}", session.stream(_items_of(kind), person_id=person_id))
        versions = session.stream(_VERSIONS, person_id=person_id, kind=kind.name)
        await gathered.lines(f"{app.name}/{kind.name}.versions", versions)
    for app, table in data.tables():
        if table.member is not None:
            rows = session.stream(_rows_of(table), person_id=person_id)
            await gathered.lines(f"{app.name}/{table.member}", rows)
    for _, hook in data.hooks("export"):
        await hook(gathered)
    async for row in session.stream(_OBJECTS, person_id=person_id):
        stored = StoredBytes(row.id, row.key, row.size_bytes, row.sha256)
        gathered.place(stored, f"objects/{row.sha256}", at=row.created_at, extra=False)
    gathered.finish()


def _items_of(kind: Kind) -> Query:
    return Query(text(_ITEMS.format(schema=kind.schema, table=kind.qualified_table, kind=kind.name)))


def _rows_of(table: PersonalTable) -> Query:
    return Query(
        text(
            f"SELECT {', '.join(table.columns)} FROM {table.table}"
            f" WHERE {table.person} = :person_id ORDER BY {table.order}"
        )
    )


class _Writing:
    def __init__(
        self, storage: ObjectStorage, out: ZipOut, spool: Spool, total_bytes: int, on_progress: OnProgress
    ) -> None:
        self._storage = storage
        self._out = out
        self._members = spool.lines(MANIFEST)
        self._missing: list[Missing] = []
        self._total_bytes = total_bytes
        self._done_bytes = 0
        self._on_progress = on_progress

    async def write(self, gathered: Export, whose: Whose) -> Stored:
        now = datetime.now(UTC)
        counts: dict[str, int] = {}
        for lines in gathered.written:
            counts[lines.name.removesuffix(".jsonl")] = lines.number
            chunks = self._counted(lines.chunks())
            self._members.add(await self._out.add(lines.name, chunks, at=now, pack=True, lines=lines.number))
        for line in gathered.bytes_to_copy.read_lines():
            await self._copy(*json.loads(line))
        head = Head(
            kind=KIND,
            format=FORMAT,
            release=metadata.version("commonplace"),
            made_at=now.isoformat(timespec="microseconds"),
            person=whose,
            counts=counts,
            missing=self._missing,
        )
        self._members.finish()
        await self._out.add(MANIFEST, _manifest(head, self._members), at=now, pack=True)
        return await self._out.commit()

    async def _copy(self, path: str, key: str, sha256: str, at: str, media_type: str, title: str | None) -> None:
        try:
            reader = await self._storage.read(key)
        except ObjectNotFound:
            self._missing.append(Missing(path, "The storage has lost these bytes."))
            return
        async with reader:
            first = await anext(aiter(reader), b"")
            pack = not media_type.startswith(_PACKED) and _can_be_packed(first)
            chunks = self._counted(_with_first(first, reader))
            member = await self._out.add(path, chunks, at=datetime.fromisoformat(at), pack=pack, title=title)
        if member.sha256 != sha256:
            self._missing.append(Missing(path, "These bytes are not those that were stored once."))
        self._members.add(member)

    async def _counted(self, chunks: Any) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            self._done_bytes += len(chunk)
            yield chunk
            await self._on_progress(self._done_bytes, self._total_bytes)


async def _manifest(head: Head, members: Lines) -> AsyncIterator[bytes]:
    """The head's fields, then the members, one a line: it is JSON, and never as a whole in memory."""
    yield msgspec.json.format(msgspec.json.encode(head), indent=1).rstrip(b"}\n ") + b',\n "members": ['
    separator = b"\n  "
    for line in members.read_lines():
        yield separator + line.rstrip(b"\n")
        separator = b",\n  "
    yield b"\n ]\n}\n"


async def _with_first(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for chunk in rest:
        yield chunk


def _can_be_packed(first: bytes) -> bool:
    """Whether packing the beginning saves a tenth: the type of content does not always tell."""
    sample = first[:_SAMPLE_BYTES]
    return len(zlib.compress(sample, 1)) < len(sample) * 0.9
