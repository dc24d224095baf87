"""Jobs over HTTP: what is being done for one, how far it is, and a way to stop it."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from fastapi import Query as QueryParameter
from pydantic import BaseModel, Field

from commonplace.platform.database.pages import UnknownPage, read_cursor, write_cursor
from commonplace.platform.database.row import Row
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.http.dependencies import CurrentCaller, Reading, Writing
from commonplace.platform.http.problems import problems
from commonplace.platform.http.routing import Router
from commonplace.platform.jobs import store
from commonplace.platform.jobs.errors import JobNotFound
from commonplace.platform.jobs.events import State

router = Router(prefix="/api/jobs", tags=["jobs"])


class JobRead(BaseModel):
    """Long work that the caller waits for."""

    id: UUID
    kind: Annotated[str, Field(examples=["files.copy"])]
    title: Annotated[str, Field(description="What is done, for people.")]
    state: State
    done: int
    total: Annotated[int | None, Field(description="null: it is not known yet.")]
    unit: Annotated[str, Field(description="What `done` and `total` count, such as `items` or `bytes`.")]
    result: Annotated[dict[str, Any] | None, Field(description="What came of it; depends on the kind.")]
    problem: Annotated[str | None, Field(description="Why it failed, for people.")]
    created_at: datetime
    started_at: datetime | None
    updated_at: datetime
    ended_at: datetime | None


class JobPage(BaseModel):
    """A page of jobs, the latest first."""

    items: list[JobRead]
    next: Annotated[str | None, Field(description="Send it as `after` to get the next page; null at the end.")]


class _AfterId(NamedTuple):
    """Where a page ended."""

    id: UUID


@router.get("", responses=problems(NotAuthenticated, UnknownPage))
async def list_jobs(
    caller: CurrentCaller,
    session: Reading,
    limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
    after: Annotated[str | None, QueryParameter(description="`next` of the page before.")] = None,
    active: Annotated[
        bool | None, QueryParameter(description="Only those that wait or are at work, or only those that have ended.")
    ] = None,
) -> JobPage:
    """The caller's jobs, the latest first. Those that ended are listed for a week."""
    before = None if after is None else read_cursor(after, _AfterId).id
    rows = await store.jobs_of(session, caller.person_id, limit=limit + 1, before=before, active=active)
    items = [job_read(row) for row in rows[:limit]]
    return JobPage(items=items, next=write_cursor(items[-1].id) if len(rows) > limit else None)


@router.get("/{job_id:uuid}", responses=problems(NotAuthenticated, JobNotFound))
async def read_job(job_id: UUID, caller: CurrentCaller, session: Reading) -> JobRead:
    """A job. While it is at work, `job.progressed` on the live connection tells when to look again."""
    return job_read(await store.read_job(session, job_id, caller.person_id))


@router.delete("/{job_id:uuid}", status_code=HTTPStatus.NO_CONTENT, responses=problems(NotAuthenticated, JobNotFound))
async def stop_job(job_id: UUID, caller: CurrentCaller, session: Writing) -> None:
    """Stop a job that waits or is at work; what it has done stays done. One that has ended is forgotten."""
    await store.stop_or_forget(session, job_id, caller.person_id)


def job_read(row: Row) -> JobRead:
    """A job's row as it is told."""
    return JobRead(**{name: row[name] for name in JobRead.model_fields})
