"""Restoring a backup into an empty place.

Objects are put first, each checked against its digest; then the database is loaded in one transaction, whose commit is
the moment at which the backup is restored. Until then the database is as it was, so an interrupted restore is repeated
by running it again: a mark in the storage says which backup the objects that lie there belong to.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple
from uuid import UUID

from alembic.script import ScriptDirectory
from sqlalchemy import text

from commonplace.platform.backup import programs
from commonplace.platform.backup.archive import DUMP_NAME, OBJECTS, Header, Member
from commonplace.platform.backup.archive_reader import ArchiveReader
from commonplace.platform.backup.errors import DamagedStorage, InTheWay, MadeByAnother, PlaceTaken
from commonplace.platform.backup.events import InstallationRestored
from commonplace.platform.backup.making import SMALL_BYTES, Progress
from commonplace.platform.backup.snapshot import schemas_of
from commonplace.platform.database.bus import Bus
from commonplace.platform.database.migrate import configuration, migrate
from commonplace.platform.database.query import Query
from commonplace.platform.database.schema import Migrations
from commonplace.platform.database.session import Database, ReadSession
from commonplace.platform.events.registry import Registry
from commonplace.platform.leaving.replay import replay
from commonplace.platform.parts import Parts
from commonplace.platform.storage.errors import ObjectNotFound
from commonplace.platform.storage.keys import ERASED, Category
from commonplace.platform.storage.protocol import ObjectStorage

MARK: Final = f"{Category.BACKUPS}/restoring.json"
_SMALL_AT_ONCE: Final = 32
_EPOCHS_SINCE: Final = datetime(2026, 1, 1, tzinfo=UTC)
_FILLED = Query(
    text("""
    SELECT (SELECT count(*) FROM platform.item) AS items, (SELECT count(*) FROM platform.version) AS versions,
        (SELECT count(*) FROM platform.object) AS objects
    """)
)
_IS_RESTORED = Query(
    text("SELECT EXISTS (SELECT FROM platform.event WHERE name = :name AND payload ->> 'backup_id' = :id)")
)
_OTHERS = Query(
    text("""
    SELECT DISTINCT application_name AS name FROM pg_stat_activity
    WHERE datname = current_database() AND starts_with(application_name, 'commonplace-bus:')
    AND application_name IS DISTINCT FROM :own
    """)
)
_OBJECTS = Query(
    text("""
    SELECT key, size_bytes, encode(sha256, 'hex') AS sha256 FROM platform.object WHERE key > :after
    ORDER BY key LIMIT 1000
    """)
)


class Restored(NamedTuple):
    """What was restored."""

    header: Header
    damaged: int  #: objects that the backup says it could not have
    erased: int  #: people who were in the backup and had been erased since


async def restore(
    parts: Parts,
    path: Path,
    *,
    ledgers: Sequence[Path] = (),
    progress: Progress = lambda _done, _total: None,
    say: Callable[[str], None] = print,
) -> Restored:
    """Restore the backup at `path` into this installation, which must be empty and not running.

    Whoever was erased since the backup was made is erased again: those in the ledger of this place, and in `ledgers`.

    Raises:
        NoSuchBackup, NotABackup, DamagedBackup: the file cannot be restored.
        MadeByAnother: it holds what this release does not know.
        PlaceTaken: there are items or objects already.
        InTheWay: the installation runs.
        ProgramFailed: the database refused what the backup holds; it is as it was.
        DamagedStorage: what was restored cannot be read back as it was.
        StorageFull, StorageUnavailable, DatabaseUnavailable: storage or database cannot take it just now.
    """
    reader = await asyncio.to_thread(ArchiveReader, path)
    try:
        header = reader.header
        _refuse_unknown(parts[Migrations], header)
        await _refuse_while_running(parts)
        if not await _is_loaded(parts, header):
            await _refuse_unless_empty(parts, header)
            say(f"Restoring {header.objects:,} objects and {sum(header.tables.values()):,} rows of {header.taken_at}.")
            await parts[ObjectStorage].put(MARK, json.dumps({"backup_id": header.id}).encode())
            dumped = await _put_objects(parts[ObjectStorage], reader, progress)
            await _load(parts, reader, header, dumped)
        else:
            await asyncio.to_thread(reader.read_through)
    finally:
        reader.close()
    await migrate(parts[Database].address, parts[Migrations].locations)
    say("Checking what was restored.")
    damaged = 0 if reader.end is None else len(reader.end.damaged)
    await _check_objects(parts, known_damage=damaged, progress=progress, total_bytes=header.object_bytes)
    erased = await replay(parts, ledgers)
    await parts[ObjectStorage].delete(MARK)
    return Restored(header, damaged, erased)


def _refuse_unknown(migrations: Migrations, header: Header) -> None:
    scripts = ScriptDirectory.from_config(configuration(migrations.locations))
    known = {script.revision for script in scripts.walk_revisions()}
    unknown = [head for head in header.heads if head not in known]
    if unknown:
        raise MadeByAnother(
            f"Commonplace {header.release} made this backup, and it holds what this release does not know"
            f" ({', '.join(unknown)}). Restore it with that release or a newer one, and with the same apps."
        )


async def _refuse_while_running(parts: Parts) -> None:
    async with parts[Database].reading() as session:
        others = await session.all(_OTHERS, own=parts[Bus].application_name)
    if others:
        raise InTheWay(f"{len(others)} processes of this installation run. Stop Commonplace, then restore.")


async def _is_loaded(parts: Parts, header: Header) -> bool:
    """Whether an earlier try came as far as the database, and only the check is left."""
    if await _mark(parts[ObjectStorage]) != header.id:
        return False
    async with parts[Database].reading() as session:
        return bool(await session.scalar(_IS_RESTORED, name=InstallationRestored.name, id=header.id))


async def _refuse_unless_empty(parts: Parts, header: Header) -> None:
    async with parts[Database].reading() as session:
        filled = await session.first(_FILLED)
    found = [f"{number:,} {name}" for name, number in (filled or {}).items() if number]
    if found:
        raise PlaceTaken(
            f"The database holds {', '.join(found)} already. Restore into an empty one:"
            " another COMMONPLACE_DATA_DIR, or another DATABASE_URL."
        )
    mark = await _mark(parts[ObjectStorage])
    if mark == header.id:
        return  # what lies there is of an earlier try with the same backup
    first = None
    async for info in parts[ObjectStorage].list():
        if not info.key.startswith(f"{ERASED}/"):  # the ledger outlives what it is about
            first = info
            break
    if mark is not None:
        raise PlaceTaken("The restore of another backup was interrupted here. Finish it, or use an empty storage.")
    if first is not None:
        raise PlaceTaken(f"The storage is not empty: it has {first.key}. Restore into an empty directory or bucket.")


async def _mark(storage: ObjectStorage) -> str | None:
    with suppress(ObjectNotFound):
        async with await storage.read(MARK) as reader:
            mark: str = json.loads(b"".join([chunk async for chunk in reader]))["backup_id"]
            return mark
    return None


async def _put_objects(storage: ObjectStorage, reader: ArchiveReader, progress: Progress) -> Member:
    """Put every object where it belongs; the member that is the database, checked but not looked into."""
    batch: list[tuple[str, bytes]] = []
    done = 0
    members = reader.members()
    while (member := await asyncio.to_thread(next, members, None)) is not None:
        key = member.name.removeprefix(OBJECTS)
        content = reader.content(member)
        if member.name == DUMP_NAME:
            async for _ in _streamed(content):
                pass
        elif member.size_bytes <= SMALL_BYTES:
            batch.append((key, await asyncio.to_thread(b"".join, content)))
            if len(batch) == _SMALL_AT_ONCE:
                await storage.put_many(batch)
                batch = []
        else:
            await storage.put(key, _streamed(content), expected_bytes=member.size_bytes)
        done += member.size_bytes
        progress(min(done, reader.header.object_bytes), reader.header.object_bytes)
    if batch:
        await storage.put_many(batch)
    return reader.database()


async def _streamed(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
        yield chunk


async def _load(parts: Parts, reader: ArchiveReader, header: Header, dumped: Member) -> None:
    database = parts[Database]
    async with database.reading() as session:
        server_version = int(await session.scalar(Query(text("SELECT current_setting('server_version_num')"))))
        schemas = sorted({*await _present_schemas(session, parts), *header.schemas})
    await programs.load(
        database.address,
        reader.bytes_of(dumped),
        before=_emptying(schemas),
        after=_finishing(header),
        server_version=server_version,
    )
    await database.close()  # its connections remember tables that are gone


async def _present_schemas(session: ReadSession, parts: Parts) -> Sequence[str]:
    return await schemas_of(session, parts[Registry].app_names)


def _emptying(schemas: Sequence[str]) -> str:
    """Make way: what is there was made by migrations and holds nothing, which is asked once more under a lock."""
    names = ", ".join(f'"{schema}"' for schema in schemas)
    return f"""
    SET LOCAL client_min_messages = warning;
    SET LOCAL lock_timeout = '10s';
    SET LOCAL statement_timeout = 0;
    LOCK TABLE platform.item, platform.version, platform.object IN ACCESS EXCLUSIVE MODE;
    DO $check$ BEGIN
        IF EXISTS (SELECT FROM platform.item) OR EXISTS (SELECT FROM platform.version)
            OR EXISTS (SELECT FROM platform.object)
        THEN RAISE EXCEPTION 'The database is not empty any more.'; END IF;
    END $check$;
    DROP SCHEMA {names} CASCADE;
    """


def _finishing(header: Header) -> str:
    """After the load and before its commit: count, begin a new epoch, and tell everybody.

    The epoch is made from the clock, so that two restores of one backup do not begin the same: a cursor of the one
    must not be taken by the other.
    """
    counts = "".join(
        f"IF (SELECT count(*) FROM {table}) <> {number} THEN RAISE EXCEPTION"
        f" '{table} has other rows than the {number} that were backed up.'; END IF;\n"
        for table, number in header.tables.items()
    )
    seconds = int((datetime.now(UTC) - _EPOCHS_SINCE).total_seconds())
    fact = InstallationRestored(backup_id=UUID(header.id), taken_at=datetime.fromisoformat(header.taken_at))
    payload = json.dumps({"backup_id": str(fact.backup_id), "taken_at": fact.taken_at.isoformat()})
    return f"""
    SET LOCAL search_path = pg_catalog;
    DO $check$ BEGIN
    {counts}
    END $check$;
    UPDATE platform.epoch SET current = greatest(current + 1, {seconds});
    TRUNCATE platform.idempotency, platform.worker;
    INSERT INTO platform.event (epoch, at, name, payload)
    SELECT current, clock_timestamp(), '{fact.name}', '{payload}' FROM platform.epoch;
    """


async def _check_objects(parts: Parts, *, known_damage: int, progress: Progress, total_bytes: int) -> None:
    """Read every object back, as the rows name them.

    Raises:
        DamagedStorage: more of them are missing or different than the backup said.
    """
    storage, after, done = parts[ObjectStorage], "", 0
    wrong: list[str] = []
    while True:
        async with parts[Database].reading() as session:
            rows = await session.all(_OBJECTS, after=after)
        for start in range(0, len(rows), _SMALL_AT_ONCE):
            some = rows[start : start + _SMALL_AT_ONCE]
            small = [row for row in some if row.size_bytes <= SMALL_BYTES]
            right = await asyncio.gather(*(_is_right(storage, row.key, row.sha256) for row in small))
            wrong += [row.key for row, is_right in zip(small, right, strict=True) if not is_right]
            for row in some:
                if row.size_bytes > SMALL_BYTES and not await _is_right(storage, row.key, row.sha256):
                    wrong.append(row.key)
            done += sum(row.size_bytes for row in some)
            progress(min(done, total_bytes), total_bytes)
        if not rows:
            break
        after = rows[-1].key
    if len(wrong) > known_damage:
        raise DamagedStorage(
            f"{len(wrong)} of the restored objects cannot be read back as they were, {wrong[0]} for one."
            " The disk may be failing. Restore into another storage."
        )


async def _is_right(storage: ObjectStorage, key: str, sha256: str) -> bool:
    digest = hashlib.sha256()
    try:
        async with await storage.read(key) as reader:
            async for chunk in reader:
                digest.update(chunk)
    except ObjectNotFound:
        return False
    return digest.hexdigest() == sha256
