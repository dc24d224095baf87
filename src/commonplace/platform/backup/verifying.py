"""Looking whether a backup is whole, without an installation: every byte is read and compared with its digest."""

import asyncio
from pathlib import Path
from typing import NamedTuple

from commonplace.platform.backup import programs
from commonplace.platform.backup.archive import Damage, Header
from commonplace.platform.backup.archive_reader import ArchiveReader


class Verified(NamedTuple):
    """What a whole backup holds."""

    header: Header
    objects: int
    damaged: list[Damage]


async def verify(path: Path) -> Verified:
    """Read a backup from start to end.

    Raises:
        NoSuchBackup, NotABackup: it is none.
        DamagedBackup: it is not what was written.
        ProgramFailed: the dump of the database cannot be read.
    """
    reader = await asyncio.to_thread(ArchiveReader, path)
    try:
        dumped = await asyncio.to_thread(reader.read_through)
        await programs.contents(reader.bytes_of(dumped))
        return Verified(reader.header, reader.objects, [] if reader.end is None else reader.end.damaged)
    finally:
        reader.close()
