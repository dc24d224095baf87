"""The trash over HTTP: items of every kind, for their restoring is the same everywhere."""

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, NamedTuple
from uuid import UUID

from fastapi import Query as QueryParameter
from fastapi import Response

from commonplace.apps.files.schemas import TrashedRead, TrashPage
from commonplace.platform.database.pages import UnknownPage, read_cursor, write_cursor
from commonplace.platform.database.row import Row
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.history import emptying, trash
from commonplace.platform.history.emptying import NotInTrash
from commonplace.platform.history.settings import HistorySettings
from commonplace.platform.http.dependencies import AllParts, CurrentCaller, Reading, Writing
from commonplace.platform.http.moments import moment_of_cursor
from commonplace.platform.http.openapi import with_headers
from commonplace.platform.http.problems import problems
from commonplace.platform.http.routing import Router
from commonplace.platform.jobs.api import JobRead, job_read
from commonplace.platform.jobs.errors import TooManyJobs

router = Router(prefix="/api/trash", tags=["trash"])


class _Cursor(NamedTuple):
    """Where a page ended."""

    trashed_at: datetime
    id: UUID


@router.get("", responses=problems(NotAuthenticated, UnknownPage))
async def list_trash(
    caller: CurrentCaller,
    session: Reading,
    parts: AllParts,
    limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
    after: Annotated[str | None, QueryParameter(description="`next` of the page before.")] = None,
) -> TrashPage:
    """What was moved to the trash, the latest first. What lies in a trashed folder comes and goes with the folder."""
    place = None if after is None else read_cursor(after, _Cursor)
    keys = None if place is None else (moment_of_cursor(place.trashed_at), place.id)
    rows = await trash.in_trash(session, caller.person_id, limit=limit + 1, after=keys)
    kept_for = timedelta(days=parts[HistorySettings].trash_days)
    items = [
        TrashedRead(
            id=row.id,
            kind=row.kind,
            name=row.title,
            parent_id=row.parent_id,
            parent_name=row.parent_title,
            version=row.version,
            trashed_at=row.trashed_at,
            removed_at=row.trashed_at + kept_for,
        )
        for row in rows[:limit]
    ]
    following = write_cursor(items[-1].trashed_at, items[-1].id) if len(rows) > limit else None
    return TrashPage(items=items, next=following)


@router.delete(
    "",
    status_code=HTTPStatus.ACCEPTED,
    response_model=JobRead,
    responses={202: with_headers("Location"), **problems(NotAuthenticated, TooManyJobs)},
)
async def empty_trash(caller: CurrentCaller, session: Writing) -> Response:
    """Remove for good what is in the trash now: a job. What has a version that is kept for ever stays."""
    return _job(await emptying.empty_trash(session, caller.person_id))


@router.delete(
    "/{item_id:uuid}",
    status_code=HTTPStatus.ACCEPTED,
    response_model=JobRead,
    responses={202: with_headers("Location"), **problems(NotAuthenticated, NotInTrash, TooManyJobs)},
)
async def remove_for_good(item_id: UUID, caller: CurrentCaller, session: Writing) -> Response:
    """Remove one thing in the trash for good, with all that lies in it: a job."""
    return _job(await emptying.empty_trash(session, caller.person_id, item_id))


def _job(row: Row) -> Response:
    headers = {"Location": f"/api/jobs/{row.id}"}
    content = job_read(row).model_dump_json()
    return Response(content, HTTPStatus.ACCEPTED, headers=headers, media_type="application/json")
