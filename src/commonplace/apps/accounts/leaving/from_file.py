"""Reading an archive in from a file of the server's, while a command waits."""

from pathlib import Path
from typing import Any
from uuid import UUID

from commonplace.platform.database.session import Database
from commonplace.platform.leaving import archives
from commonplace.platform.leaving.jobs import Progress
from commonplace.platform.leaving.reading_in import read_in
from commonplace.platform.leaving.settings import LeavingSettings
from commonplace.platform.parts import Parts


async def read_in_file(parts: Parts, person_id: UUID, path: Path) -> dict[str, Any]:
    """Take what the archive holds for a person; the report.

    Raises:
        ArchiveUnderWay: one is being read in for this person.
        ArchiveRefused: it is damaged, hostile, or of another format; nothing was taken.
    """
    database = parts[Database]
    async with database.writing() as session:
        row = await archives.begin_here(session, person_id)
    try:
        report = await read_in(parts, path, archive_id=row.id, person_id=person_id, on_progress=Progress(database, row))
    except BaseException as error:
        async with database.writing() as session:
            await archives.fail(session, row, getattr(error, "detail", "It was interrupted. Read it in again."))
        raise
    async with database.writing() as session:
        await archives.end(session, row, days=parts[LeavingSettings].archive_days, report=report)
    return report
