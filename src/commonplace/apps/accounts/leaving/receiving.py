"""An archive on its way in: its bytes are stored first, then it is noted and a job begins."""

from collections.abc import AsyncIterator
from functools import partial
from uuid import UUID

from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database
from commonplace.platform.http.unit import Unit
from commonplace.platform.leaving import archives
from commonplace.platform.leaving.errors import ArchiveTooLarge
from commonplace.platform.leaving.settings import LeavingSettings
from commonplace.platform.parts import Parts
from commonplace.platform.storage.keys import Category, new_key
from commonplace.platform.storage.protocol import ObjectStorage


async def receive(parts: Parts, unit: Unit, person_id: UUID, chunks: AsyncIterator[bytes]) -> Row:
    """Store what `chunks` brings, and note it; a block is in memory at a time, and nothing is left after an error.

    Raises:
        ArchiveUnderWay: one is being read in for this person.
        ArchiveTooLarge: it is larger than the setting allows.
        StorageFull: it does not fit.
    """
    storage, limit = parts[ObjectStorage], parts[LeavingSettings].read_in_bytes
    async with parts[Database].reading() as session:
        await archives.refuse_if_reading(session, person_id)
    key = new_key(Category.EXPORTS, "zip")
    async with await storage.open_writer(key, content_type="application/zip") as writer:
        async for chunk in chunks:
            if writer.size_bytes + len(chunk) > limit:
                raise ArchiveTooLarge(limit)
            await writer.write(chunk)
        stored = await writer.commit()
    unit.after_rollback(partial(storage.delete, key))
    return await archives.sent(
        await unit.writing(), person_id, key=key, size_bytes=stored.size_bytes, sha256=stored.sha256_hex
    )
