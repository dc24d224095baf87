"""Jobs as the database knows them: asked for, at work, ended, forgotten.

A job is long work that a person waits for: copying a tree, emptying the trash. It is asked for in the transaction of
the request (`start_job`), done by a worker in batches (`work.py`), shown with a bar, and can be stopped.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text

from commonplace.platform.database.ids import new_id
from commonplace.platform.database.query import Query
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.events import log
from commonplace.platform.jobs.errors import JobNotFound, TooManyJobs
from commonplace.platform.jobs.events import JobAsked, JobProgressed

MOST_AT_ONCE: Final = 50  #: jobs of one person that are waiting or at work
KEPT_DAYS: Final = 7  #: how long a job that has ended can be read
RUN: Final = "commonplace.platform.jobs.work:run_job"  #: the handler that does jobs

_COLUMNS: Final = """
    id, owner_id, kind, title, state, done, total, unit, given, cursor, result, problem, turn, created_at, started_at,
    updated_at, ended_at
"""
IS_ACTIVE: Final = "state IN ('queued', 'running')"
# The lock makes the count hold: two requests of one person at once do not both take the last place.
_ADD = Query(
    text(f"""
    INSERT INTO platform.job (id, owner_id, kind, title, total, unit, given)
    SELECT :id, :owner_id, CAST(:kind AS text), CAST(:title AS text), CAST(:total AS bigint), CAST(:unit AS text),
        CAST(:given AS jsonb)
    WHERE (SELECT count(*) FROM platform.job WHERE owner_id = :owner_id AND {IS_ACTIVE}) < :most
    RETURNING {_COLUMNS}
    """)
)
_LOCK = Query(
    text("SELECT pg_advisory_xact_lock(hashtextextended('jobs ' || CAST(CAST(:owner_id AS uuid) AS text), 0))")
)
_READ = Query(text(f"SELECT {_COLUMNS} FROM platform.job WHERE id = :id"))
_LIST = Query(
    text(f"""
    SELECT {_COLUMNS} FROM platform.job
    WHERE owner_id = :owner_id AND (CAST(:before AS uuid) IS NULL OR id < CAST(:before AS uuid))
    AND (CAST(:active AS boolean) IS NULL OR ({IS_ACTIVE}) = CAST(:active AS boolean))
    ORDER BY id DESC LIMIT :limit
    """)
)
_BEGIN = Query(
    text(f"""
    UPDATE platform.job SET state = 'running', turn = turn + 1, updated_at = clock_timestamp(),
        started_at = coalesce(started_at, clock_timestamp())
    WHERE id = :id AND {IS_ACTIVE} RETURNING {_COLUMNS}
    """)
)
_HOLD = Query(
    text("SELECT id FROM platform.job WHERE id = :id AND turn = :turn AND state = 'running' FOR NO KEY UPDATE")
)
_PROGRESS = Query(
    text("""
    UPDATE platform.job SET done = :done, total = :total, cursor = CAST(:cursor AS jsonb),
        updated_at = clock_timestamp()
    WHERE id = :id AND turn = :turn AND state = 'running'
    """)
)
_END = Query(
    text(f"""
    UPDATE platform.job SET state = :state, result = CAST(:result AS jsonb), problem = CAST(:problem AS text),
        updated_at = clock_timestamp(), ended_at = clock_timestamp()
    WHERE id = :id AND {IS_ACTIVE} AND (CAST(:turn AS integer) IS NULL OR turn = CAST(:turn AS integer))
    RETURNING {_COLUMNS}
    """)
)
_REMOVE = Query(text(f"DELETE FROM platform.job WHERE id = :id AND owner_id = :owner_id AND NOT {IS_ACTIVE}"))
_REMOVE_ENDED = Query(text(f"DELETE FROM platform.job WHERE owner_id = :owner_id AND NOT {IS_ACTIVE}"))
_FORGET = Query(
    text("DELETE FROM platform.job WHERE ended_at < clock_timestamp() - make_interval(days => CAST(:days AS integer))")
)
_STOP_ALL = Query(
    text(f"""
    UPDATE platform.job SET state = 'cancelled', updated_at = clock_timestamp(), ended_at = clock_timestamp()
    WHERE owner_id = :owner_id AND {IS_ACTIVE}
    """)
)
_ABANDONED = Query(
    text(f"""
    SELECT job.id FROM platform.job
    WHERE {IS_ACTIVE} AND EXISTS (
        SELECT FROM platform.dead_letter WHERE handler = :handler
        AND event #>> '{{payload,job_id}}' = CAST(job.id AS text) AND dead_letter.died_at > job.updated_at)
    AND NOT EXISTS (
        SELECT FROM platform.delivery WHERE handler = :handler
        AND event #>> '{{payload,job_id}}' = CAST(job.id AS text))
    """)
)


async def start_job(
    session: WriteSession,
    *,
    kind: str,
    owner_id: UUID,
    title: str,
    given: Mapping[str, Any] | None = None,
    total: int | None = None,
    unit: str = "items",
) -> Row:
    """Ask for a job; a worker begins it after the commit.

    `owner_id` is the person who waits for it. `title` says to them what is done: “Copying “Photos””. `given` is what
    the runner needs, as JSON values: ids of items, never a person's or a secret. `total` counts in `unit` (`items`,
    `files`; `bytes` are shown as a size); None: it is not known yet.

    Raises:
        TooManyJobs: the person has `MOST_AT_ONCE` under way.
    """
    await session.execute(_LOCK, owner_id=owner_id)
    row = await session.first(
        _ADD,
        id=new_id(),
        owner_id=owner_id,
        kind=kind,
        title=title,
        total=total,
        unit=unit,
        given=dict(given or {}),
        most=MOST_AT_ONCE,
    )
    if row is None:
        raise TooManyJobs(MOST_AT_ONCE)
    await ask(session, row)
    return row


async def ask(session: WriteSession, row: Row) -> None:
    """Have a worker begin a job, or go on with it."""
    await log.tell(session, JobAsked(job_id=row.id), owner_id=row.owner_id, by=row.owner_id)


async def jobs_of(
    session: ReadSession, owner_id: UUID, *, limit: int, before: UUID | None = None, active: bool | None = None
) -> Sequence[Row]:
    """A person's jobs, the latest first; of those asked for before `before`, and only active or ended ones if given."""
    return await session.all(_LIST, owner_id=owner_id, limit=limit, before=before, active=active)


async def read_job(session: ReadSession, job_id: UUID, owner_id: UUID | None = None) -> Row:
    """One job.

    Raises:
        JobNotFound: there is none such, or not of this person.
    """
    row = await session.first(_READ, id=job_id)
    if row is None or (owner_id is not None and row.owner_id != owner_id):
        raise JobNotFound
    return row


async def stop_or_forget(session: WriteSession, job_id: UUID, owner_id: UUID) -> None:
    """Stop a job that is waiting or at work; forget one that has ended. What it did stays done.

    Raises:
        JobNotFound: the person has none such.
    """
    row = await read_job(session, job_id, owner_id)
    if not await end(session, row, state="cancelled"):
        await session.execute(_REMOVE, id=job_id, owner_id=owner_id)
        await tell_progress(session, row)


async def forget_ended(session: WriteSession, owner_id: UUID) -> int:
    """Forget all jobs of a person that have ended; how many."""
    return await session.execute(_REMOVE_ENDED, owner_id=owner_id)


async def stop_all(session: WriteSession, owner_id: UUID) -> int:
    """Stop every job of a person who is about to be erased; how many."""
    return await session.execute(_STOP_ALL, owner_id=owner_id)


async def begin(session: WriteSession, job_id: UUID) -> Row | None:
    """Begin or take over a job; None: there is nothing to do any more. Whoever had it before has lost it."""
    row = await session.first(_BEGIN, id=job_id)
    if row is not None:
        await tell_progress(session, row)
    return row


async def hold(session: WriteSession, row: Row) -> bool:
    """Lock the job until the transaction ends; False: it was stopped, or is somebody else's by now."""
    return await session.first(_HOLD, id=row.id, turn=row.turn) is not None


async def progress(session: WriteSession, row: Row, *, done: int, total: int | None, cursor: Any) -> bool:
    """Write down how far a job is; False: it was stopped, or is somebody else's by now."""
    return bool(await session.execute(_PROGRESS, id=row.id, turn=row.turn, done=done, total=total, cursor=cursor))


async def end(
    session: WriteSession,
    row: Row,
    *,
    state: str,
    result: Mapping[str, Any] | None = None,
    problem: str | None = None,
    turn: int | None = None,
) -> bool:
    """Write down how a job ended, whoever has it or only in this `turn`; False: it had ended, or is somebody else's."""
    ended = await session.first(
        _END,
        id=row.id,
        state=state,
        result=None if result is None else dict(result),
        problem=problem,
        turn=turn,
    )
    if ended is None:
        return False
    await tell_progress(session, ended)
    return True


async def tell_progress(session: WriteSession, row: Row, *, done: int | None = None, total: int | None = None) -> None:
    """Have whoever shows the job look again."""
    fact = JobProgressed(
        job_id=row.id,
        state=row.state,
        done=row.done if done is None else done,
        total=row.total if done is None else total,
    )
    await log.tell(session, fact, owner_id=row.owner_id, by=None)


async def abandoned(session: ReadSession) -> Sequence[UUID]:
    """Jobs that no worker will come to any more: their delivery is a dead letter."""
    return [row.id for row in await session.all(_ABANDONED, handler=RUN)]


async def forget_old(session: WriteSession) -> int:
    """Forget jobs that ended some days ago; how many."""
    return await session.execute(_FORGET, days=KEPT_DAYS)
