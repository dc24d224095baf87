"""Reading one archive in, from where it lies to the report: verified as a whole first, then taken."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from commonplace.platform.leaving.arriving import Reading
from commonplace.platform.leaving.exporting import OnProgress
from commonplace.platform.leaving.personal import PersonalData
from commonplace.platform.leaving.settings import LeavingSettings
from commonplace.platform.leaving.staging import Staging
from commonplace.platform.leaving.zip_in import ZipIn
from commonplace.platform.parts import Parts
from commonplace.platform.storage.protocol import ObjectStorage


async def read_in(
    parts: Parts, path: Path, *, archive_id: UUID, person_id: UUID, on_progress: OnProgress
) -> dict[str, Any]:
    """Take what the archive at `path` holds for a person; the report of what was taken, and what not and why.

    Raises:
        ArchiveRefused: it is damaged, hostile, or of another format. Nothing of it was taken.
        StorageFull, StorageUnavailable, DatabaseUnavailable: run it again; what was taken is not taken twice.
    """
    limit = parts[LeavingSettings].read_in_bytes
    archive = await asyncio.to_thread(ZipIn, path, limit_bytes=limit)
    try:
        await on_progress(0, archive.size_bytes)
        await asyncio.to_thread(archive.verify, lambda _done: None)
        with Staging() as staging:
            data = parts[PersonalData]
            arrivals = data.arrivals()
            kinds = [(app.name, kind.name) for app, kind in data.kinds() if kind.name in arrivals]
            await asyncio.to_thread(staging.load, archive, kinds)
            return await Reading(parts, archive_id, person_id, archive, staging, on_progress).run()
    finally:
        archive.close()


@asynccontextmanager
async def on_disk(storage: ObjectStorage, key: str) -> AsyncIterator[Path]:
    """The bytes of an object as a file: the storage's own where it has such, else a copy that goes afterwards.

    Raises:
        ObjectNotFound: there are none.
        OSError: there is no room for the copy.
    """
    path = await storage.local_path(key)
    if path is not None:
        yield path
        return
    directory = Path(tempfile.mkdtemp(prefix="commonplace-read-in-"))
    try:
        copy = directory / "archive.zip"
        descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            async with await storage.read(key) as reader:
                async for chunk in reader:
                    await asyncio.to_thread(file.write, chunk)
        yield copy
    finally:
        await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)
