"""Restorations as the database knows them: what was asked for, what was planned, and what was written for it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from commonplace.apps.files.past import queries
from commonplace.platform.database.ids import new_id
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.jobs.store import start_job

JOB: Final = "files.put_back"


async def ask(
    session: WriteSession,
    owner_id: UUID,
    *,
    title: str,
    folder_id: UUID | None,
    at: datetime,
    chosen: Sequence[UUID] | None,
    undoes: UUID | None = None,
) -> Row:
    """Write down what is to be restored, and have a job do it.

    Raises:
        TooManyJobs: the person has too many under way.
        UniqueViolationError: `undoes` is being undone, or was.
    """
    restoration_id = new_id()
    job = await start_job(
        session, kind=JOB, owner_id=owner_id, title=title, given={"restoration_id": str(restoration_id)}
    )
    await session.execute(
        queries.ADD_RESTORATION,
        id=restoration_id,
        owner_id=owner_id,
        folder_id=folder_id,
        at=at,
        chosen=None if chosen is None else list(chosen),
        undoes=undoes,
        job_id=job.id,
    )
    row = await read(session, owner_id, restoration_id)
    if row is None:
        raise LookupError("What was just written is there.")
    return row


async def read(session: ReadSession, owner_id: UUID, restoration_id: UUID) -> Row | None:
    """One of a person's restorations, with the state of its job and counts of what was done."""
    return await session.first(queries.RESTORATION, id=restoration_id, owner_id=owner_id)


async def page(session: ReadSession, owner_id: UUID, *, limit: int, before: UUID | None) -> Sequence[Row]:
    """A person's restorations, the latest first."""
    return await session.all(queries.RESTORATIONS, owner_id=owner_id, limit=limit, before=before)


async def left(session: ReadSession, restoration_id: UUID, *, limit: int, after: UUID | None) -> Sequence[Row]:
    """What a restoration left as it was, or could put back only under another name, by id."""
    return await session.all(queries.LEFT, restoration_id=restoration_id, limit=limit, after=after)


async def note(session: WriteSession, restoration_id: UUID, outcomes: Sequence[Mapping[str, Any]]) -> None:
    """Write down what came of some items: each with `item_id`, `outcome`, `to_version` and `reason`."""
    await session.execute(queries.NOTE, restoration_id=restoration_id, outcomes=list(outcomes))
