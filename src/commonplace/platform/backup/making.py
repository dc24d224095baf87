"""Making a backup while the installation runs: the database and the objects of one moment, in one file.

The sweep is held off, a snapshot taken, the objects it names listed and the database dumped; then the snapshot is let
go and the objects are copied, each checked against its digest. Objects never change, so copying them later shows the
same moment.
"""

import asyncio
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

import msgspec

from commonplace.platform.backup import programs
from commonplace.platform.backup.archive import (
    CHUNK,
    DUMP_NAME,
    HEADER_NAME,
    OBJECTS,
    Damage,
    End,
    Header,
)
from commonplace.platform.backup.archive_writer import ArchiveWriter
from commonplace.platform.backup.errors import DamagedStorage, DiskTrouble
from commonplace.platform.backup.snapshot import Wanted, moment, nothing_is_removed
from commonplace.platform.database.session import Database
from commonplace.platform.parts import Parts
from commonplace.platform.storage.errors import ObjectNotFound
from commonplace.platform.storage.protocol import ObjectStorage

SMALL_BYTES: Final = 256 * 1024  #: objects up to this size are read several at a time
_SMALL_AT_ONCE: Final = 16
_NAMED: Final = 20
Progress = Callable[[int, int], None]  #: bytes copied, bytes in all


@dataclass(frozen=True, kw_only=True)
class Made:
    """A finished backup."""

    header: Header
    end: End
    size_bytes: int
    left_out: int  #: derived objects that were gone when they were to be copied; machines make them anew


@dataclass
class _Copying:
    writer: ArchiveWriter
    storage: ObjectStorage
    progress: Progress
    total_bytes: int
    done_bytes: int = 0
    left_out: int = 0
    damaged: list[Damage] = field(default_factory=list)

    def count(self, size_bytes: int) -> None:
        self.done_bytes += size_bytes
        self.progress(self.done_bytes, self.total_bytes)


async def make_backup(
    parts: Parts, path: Path, *, keep_going: bool = False, progress: Progress = lambda _done, _total: None
) -> Made:
    """Write a backup to `path`, which must not exist. With `keep_going` objects that are damaged are left out.

    Raises:
        PlaceTaken, DiskTrouble: the file cannot be written.
        DamagedStorage: objects are missing or have other bytes than their rows say (without `keep_going`).
        InTheWay: another backup is being written to the same file, or a migration runs.
        ProgramFailed: `pg_dump` failed.
        StorageUnavailable, DatabaseUnavailable: the storage or the database is away.
    """
    writer = await asyncio.to_thread(ArchiveWriter, path)
    path = writer.path
    try:
        with _spool(path) as listing, _spool(path) as dumped:
            database = parts[Database]
            async with nothing_is_removed(database):
                async with moment(parts, listing) as now:
                    _refuse_without_room(path, now.header)
                    await programs.dump(database.address, snapshot=now.snapshot, schemas=now.header.schemas, to=dumped)
                writer.add(HEADER_NAME, msgspec.json.encode(now.header))
                copying = _Copying(writer, parts[ObjectStorage], progress, now.header.object_bytes)
                await _copy(copying, listing)
            if copying.damaged and not keep_going:
                raise _damaged(copying.damaged)
            await asyncio.to_thread(_add_file, writer, DUMP_NAME, dumped)
            end = await asyncio.to_thread(writer.finish, copying.damaged)
        return Made(header=now.header, end=end, size_bytes=path.stat().st_size, left_out=copying.left_out)
    finally:
        await asyncio.to_thread(writer.abort)


def _spool(path: Path) -> IO[bytes]:
    """A nameless file beside the backup: the disk that takes the backup has room for it."""
    try:
        return tempfile.TemporaryFile(dir=path.parent)
    except OSError as error:
        raise DiskTrouble(f"{path.parent} cannot be written: {error.strerror}.") from error


def _refuse_without_room(path: Path, header: Header) -> None:
    free = shutil.disk_usage(path.parent).free
    if free < header.object_bytes:
        raise DiskTrouble(
            f"The backup needs {header.object_bytes:,} bytes for objects and some for the database;"
            f" {path.parent} has {free:,} bytes free."
        )


async def _copy(copying: _Copying, listing: IO[bytes]) -> None:
    listing.seek(0)
    batch: list[Wanted] = []
    for line in listing:
        wanted = Wanted(*json.loads(line))
        if wanted.size_bytes > SMALL_BYTES:
            await _copy_large(copying, wanted)
            continue
        batch.append(wanted)
        if len(batch) == _SMALL_AT_ONCE:
            await _copy_small(copying, batch)
            batch = []
    await _copy_small(copying, batch)


async def _copy_small(copying: _Copying, batch: list[Wanted]) -> None:
    """Read them at the same time, since a storage that is far away answers each after a while; then write them."""
    contents = await asyncio.gather(*(_whole(copying.storage, wanted.key) for wanted in batch))

    def write() -> None:
        for wanted, content in zip(batch, contents, strict=True):
            if content is None:
                _missing(copying, wanted)
            elif wanted.sha256 is not None and hashlib.sha256(content).hexdigest() != wanted.sha256:
                copying.damaged.append(Damage(wanted.key, "Its bytes are not those that were stored."))
            else:
                copying.writer.add(OBJECTS + wanted.key, content)

    await asyncio.to_thread(write)
    copying.count(sum(wanted.size_bytes for wanted in batch))


async def _whole(storage: ObjectStorage, key: str) -> bytes | None:
    try:
        async with await storage.read(key) as reader:
            return b"".join([chunk async for chunk in reader])
    except ObjectNotFound:
        return None


async def _copy_large(copying: _Copying, wanted: Wanted) -> None:
    writer, storage = copying.writer, copying.storage
    try:
        sha256, size_bytes = wanted.sha256, wanted.size_bytes
        if sha256 is None:
            sha256, size_bytes = await _digest(storage, wanted.key)
        async with await storage.read(wanted.key) as reader:
            await asyncio.to_thread(writer.begin, OBJECTS + wanted.key, size_bytes, sha256)
            async for chunk in reader:
                await asyncio.to_thread(writer.write, chunk)
                copying.count(len(chunk))
        if not await asyncio.to_thread(writer.end_member):
            copying.damaged.append(Damage(wanted.key, "Its bytes are not those that were stored."))
    except ObjectNotFound:
        writer.give_up_member()
        _missing(copying, wanted)


async def _digest(storage: ObjectStorage, key: str) -> tuple[str, int]:
    digest, size_bytes = hashlib.sha256(), 0
    async with await storage.read(key) as reader:
        async for chunk in reader:
            digest.update(chunk)
            size_bytes += len(chunk)
    return digest.hexdigest(), size_bytes


def _missing(copying: _Copying, wanted: Wanted) -> None:
    if wanted.sha256 is None:
        copying.left_out += 1
    else:
        copying.damaged.append(Damage(wanted.key, "It is not in the storage."))


def _add_file(writer: ArchiveWriter, name: str, file: IO[bytes]) -> None:
    size_bytes = file.seek(0, os.SEEK_END)
    digest = hashlib.sha256()
    for chunk in _chunks(file):
        digest.update(chunk)
    writer.begin(name, size_bytes, digest.hexdigest())
    for chunk in _chunks(file):
        writer.write(chunk)
    if not writer.end_member():
        raise DiskTrouble(f"What was written beside {writer.path} cannot be read back; the disk fails.")


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while chunk := file.read(CHUNK):
        yield chunk


def _damaged(damaged: list[Damage]) -> DamagedStorage:
    shown = "\n".join(f"  {damage.key}: {damage.reason}" for damage in damaged[:_NAMED])
    more = f"\n  … and {len(damaged) - _NAMED} more" if len(damaged) > _NAMED else ""
    return DamagedStorage(
        f"No backup was made, for {len(damaged)} objects are damaged:\n{shown}{more}\n"
        "An older backup may have them. `--keep-going` makes a backup of everything else."
    )
