"""Jobs at work: what a runner is given, and the handler that has them run.

A runner works in batches. Each is a short transaction that commits what was done together with how far the job is, so
whoever goes on after `kill -9` begins where the last batch ended, and no batch counts twice. After its turn a job gives
way: it is asked for anew, behind what was waiting meanwhile, so that a long one does not keep a short one waiting.
"""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

import structlog

from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database, WriteSession
from commonplace.platform.errors import Problem
from commonplace.platform.events.event import ScheduleTick
from commonplace.platform.events.registry import Context
from commonplace.platform.jobs import store
from commonplace.platform.jobs.errors import JobNotFound, Stopped
from commonplace.platform.jobs.events import JobAsked
from commonplace.platform.jobs.kinds import JobKinds
from commonplace.platform.parts import Parts

TURN_SECONDS: Final = 20.0  #: how long a job works until it gives way
_TELL_SECONDS: Final = 1.0
_OURS: Final = "It could not be done. The fault is the server's; tell who runs it."
_log = structlog.get_logger(__name__)


class _TurnOver(Exception):
    """The job has worked long enough; it was asked for anew."""


@dataclass
class Step:
    """One batch under way. What a runner sets here is written with the batch."""

    session: WriteSession
    done: int  #: how much of the job is done, with this batch
    total: int | None
    cursor: Any  #: where to go on, as JSON values; None at the beginning


class Job:
    """One job at work: what a runner is given. A runner takes what it needs from the platform's `parts`."""

    def __init__(self, parts: Parts, row: Row) -> None:
        self.parts = parts
        self.id: UUID = row.id
        self.owner_id: UUID = row.owner_id  #: the person who waits for it: what it does is done by them
        self.given: Mapping[str, Any] = row.given
        self.done: int = row.done
        self.total: int | None = row.total
        self.cursor: Any = row.cursor
        self._row = row
        self._began = self._told = time.monotonic()

    @asynccontextmanager
    async def step(self) -> AsyncIterator[Step]:
        """One batch: a transaction, committed at the end with the `done`, `total` and `cursor` that the runner set.

        A batch takes half a second or so, five at most (a transaction may not be longer).

        Raises:
            Stopped: the person stopped the job, or another worker has it: nothing of this batch is kept.
        """
        async with self.parts[Database].writing() as session:
            if not await store.hold(session, self._row):
                raise Stopped
            step = Step(session, self.done, self.total, self.cursor)
            yield step
            is_over = time.monotonic() - self._began >= TURN_SECONDS
            await self._write(session, step.done, step.total, step.cursor)
            if is_over:
                await store.ask(session, self._row)
        self.done, self.total, self.cursor = step.done, step.total, step.cursor
        if is_over:
            raise _TurnOver

    async def progress(self, done: int, *, total: int | None = None, cursor: Any = None) -> None:
        """Say how far work is that no transaction holds, such as bytes; written once a second at most.

        What is None stays as it is.

        Raises:
            Stopped: the person stopped the job, or another worker has it.
        """
        self.done = done
        self.total = self.total if total is None else total
        self.cursor = self.cursor if cursor is None else cursor
        if not self._is_time_to_tell:
            return
        async with self.parts[Database].writing() as session:
            await self._write(session, self.done, self.total, self.cursor)

    @property
    def _is_time_to_tell(self) -> bool:
        return time.monotonic() - self._told >= _TELL_SECONDS

    async def _write(self, session: WriteSession, done: int, total: int | None, cursor: Any) -> None:
        if not await store.progress(session, self._row, done=done, total=total, cursor=cursor):
            raise Stopped
        if self._is_time_to_tell:
            await store.tell_progress(session, self._row, done=done, total=total)
            self._told = time.monotonic()


async def run_job(event: JobAsked, context: Context) -> None:
    """Do a job, or go on with it, until it has ended or its turn is over."""
    database = context.parts[Database]
    async with database.writing() as session:
        row = await store.begin(session, event.job_id)
    if row is None:
        return
    job = Job(context.parts, row)
    try:
        result = await context.parts[JobKinds].runner(row.kind)(job)
        await _end(job, row, state="done", result=result)
    except Stopped:
        _log.info("job.stopped", job_id=str(row.id))
    except _TurnOver:
        return
    except Exception as error:
        is_last = context.delivery.attempt >= context.delivery.max_attempts
        is_refused = isinstance(error, Problem) and error.status < HTTPStatus.INTERNAL_SERVER_ERROR
        if not (is_last or is_refused):
            raise
        await _end(job, row, state="failed", problem=error.detail if isinstance(error, Problem) else _OURS)
        if not isinstance(error, Problem):  # a defect is not hidden
            raise


async def _end(
    job: Job, row: Row, *, state: str, result: Mapping[str, Any] | None = None, problem: str | None = None
) -> None:
    async with job.parts[Database].writing() as session:
        await store.progress(session, row, done=job.done, total=job.total, cursor=job.cursor)
        await store.end(session, row, state=state, result=result, problem=problem, turn=row.turn)


async def mind_jobs(_tick: ScheduleTick, context: Context) -> None:
    """The schedule: jobs that ended some days ago are forgotten; one that killed its worker each time has failed."""
    database = context.parts[Database]
    async with database.reading() as session:
        lost = await store.abandoned(session)
    for job_id in lost:
        async with database.writing() as session:
            try:
                row = await store.read_job(session, job_id)
            except JobNotFound:
                continue
            await store.end(session, row, state="failed", problem=_OURS)
    async with database.writing() as session:
        await store.forget_old(session)
