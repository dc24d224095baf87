"""Emptying the trash because its owner says so: what the schedule of `purge.py` does after its days, now, as a job.

What was trashed after the job was asked for stays, as does every tree in which a version is to be kept for ever. A job
that is stopped, or whose process dies, has removed some trees, and of one perhaps a part; the rest is in the trash.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database, WriteSession
from commonplace.platform.errors import NotFound
from commonplace.platform.history.kinds import Kinds
from commonplace.platform.history.purge import purge_tree
from commonplace.platform.jobs.store import start_job
from commonplace.platform.jobs.work import Job

KIND: Final = "trash.empty"
_BATCH: Final = 200
_MOST_COUNTED: Final = 1_000_000

_NOW: Final = Query(text("SELECT clock_timestamp()"))
_ONE: Final = Query(
    text("SELECT title FROM platform.item WHERE id = :id AND owner_id = :owner_id AND trashed_at IS NOT NULL")
)
_ROOTS: Final = Query(
    text("""
    SELECT id, trashed_at FROM platform.item
    WHERE owner_id = :owner_id AND trashed_at < :before AND (trashed_at, id) > (:trashed_at, :id)
    AND (CAST(:only AS uuid) IS NULL OR id = CAST(:only AS uuid))
    ORDER BY trashed_at, id LIMIT :batch
    """)
)
_COUNT: Final = Query(
    text("""
    WITH RECURSIVE tree AS (
        SELECT id FROM platform.item WHERE owner_id = :owner_id AND trashed_at < :before
        AND (CAST(:only AS uuid) IS NULL OR id = CAST(:only AS uuid))
        UNION
        SELECT item.id FROM platform.item JOIN tree ON item.parent_id = tree.id
    )
    SELECT count(*) FROM (SELECT FROM tree LIMIT :most) AS counted
    """)
)


class NotInTrash(NotFound):
    """There is no such thing in the caller's trash."""

    def __init__(self) -> None:
        super().__init__("There is no such thing in your trash. What lies in a trashed folder goes with the folder.")


async def empty_trash(session: WriteSession, owner_id: UUID, item_id: UUID | None = None) -> Row:
    """Ask for the trash of a person to be emptied, or for one thing in it to be removed for good: the job.

    Raises:
        NotInTrash: `item_id` is none that the person trashed, or that others trashed out of what is theirs.
        TooManyJobs: the person has too many under way.
    """
    title = "Emptying the trash"
    if item_id is not None:
        found = await session.scalar(_ONE, id=item_id, owner_id=owner_id)
        if found is None:
            raise NotInTrash
        title = f"Removing “{found}” for good"
    before: datetime = await session.scalar(_NOW)
    given = {"before": before.isoformat(), "only": None if item_id is None else str(item_id)}
    return await start_job(session, kind=KIND, owner_id=owner_id, title=title, given=given)


async def empty(job: Job) -> Mapping[str, Any]:
    """The runner."""
    database, kinds = job.parts[Database], job.parts[Kinds]
    before = datetime.fromisoformat(job.given["before"])
    only = None if job.given["only"] is None else UUID(job.given["only"])
    if job.total is None:
        async with database.reading() as session:
            total = await session.scalar(_COUNT, owner_id=job.owner_id, before=before, only=only, most=_MOST_COUNTED)
        async with job.step() as step:
            step.total = total
    kept = 0
    trashed_at, last = datetime(1970, 1, 1, tzinfo=UTC), UUID(int=0)

    async def removed(number: int) -> None:
        async with job.step() as step:  # which gives way to others, too, when the job has had its turn
            step.done += number

    while True:
        async with database.reading() as session:
            roots = await session.all(
                _ROOTS,
                owner_id=job.owner_id,
                before=before,
                only=only,
                trashed_at=trashed_at,
                id=last,
                batch=_BATCH,
            )
        for root in roots:
            if not await purge_tree(database, kinds, root.id, before=before, on_removed=removed):
                kept += 1
        if len(roots) < _BATCH:
            return {"removed": job.done, "kept": kept, "path": "/app/trash"}
        trashed_at, last = roots[-1].trashed_at, roots[-1].id
