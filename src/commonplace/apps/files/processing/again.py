"""Reading files anew: one of them, a folder as a job, and whatever an older release left unread."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from commonplace.apps.files.events import FileToBeRead
from commonplace.apps.files.handlers import process_object
from commonplace.apps.files.processing import queries
from commonplace.platform.database.session import Database
from commonplace.platform.events.event import ScheduleTick
from commonplace.platform.events.log import tell
from commonplace.platform.events.registry import Context
from commonplace.platform.jobs.work import Job
from commonplace.platform.media.found import READER

_LOOKED_UP: Final = 200  #: files of a tree at a time
_AN_HOUR: Final = 500  #: files that are read for the installation's sake, beside what people wait for


async def read_again(event: FileToBeRead, context: Context) -> None:
    """Read a file's bytes, again when a person asked for it."""
    is_last = context.delivery.attempt >= context.delivery.max_attempts
    await process_object(context.parts, event.object_id, is_last=is_last, again=event.is_asked)


async def read_tree(job: Job) -> Mapping[str, Any]:
    """The job: read every file below a folder, or of the whole drive, one after the other.

    One at a time, so that what others upload meanwhile takes turns with it; what was read when the worker died is not
    read twice, but for the one that it was at.
    """
    given = {"place": UUID(job.given["place"]), "which": job.given["which"], "reader": READER}
    if job.total is None:
        async with job.parts[Database].reading() as session:
            total = await session.scalar(queries.COUNT_BELOW, **given)
        async with job.step() as step:
            step.total = total
    while True:
        after = None if job.cursor is None else UUID(job.cursor)
        async with job.parts[Database].reading() as session:
            files = await session.all(queries.FILES_BELOW, **given, after=after, limit=_LOOKED_UP)
        if not files:
            return {"files": job.done}
        for file in files:
            await process_object(job.parts, file.object_id, is_last=True, again=given["which"] != "outdated")
            async with job.step() as step:
                step.done += 1
                step.cursor = str(file.id)


async def read_the_rest(_tick: ScheduleTick, context: Context) -> None:
    """The schedule: have read what nobody has, or what an older release has read less well; some each hour."""
    async with context.parts[Database].reading() as session:
        files = await session.all(queries.LEFT_UNREAD, reader=READER, limit=_AN_HOUR)
    if not files:
        return
    async with context.parts[Database].writing() as session:
        for file in files:
            fact = FileToBeRead(file_id=file.id, object_id=file.object_id)
            await tell(session, fact, owner_id=file.owner_id, by=None, about=file.id)
