"""Saved filters over HTTP."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Query as QueryParameter
from fastapi import Request, Response

from commonplace.apps.tasks.errors import TaskFilterNotFound
from commonplace.apps.tasks.plain import FILTERS, Written
from commonplace.apps.tasks.schemas import TaskFilterChange, TaskFilterCreate, TaskFilterPage, TaskFilterRead
from commonplace.platform.database.pages import UnknownPage
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.history.record import StaleVersion
from commonplace.platform.http.conditional import IfMatch, MalformedPrecondition, answer_read, etag
from commonplace.platform.http.dependencies import CurrentCaller, Reading, Writing
from commonplace.platform.http.openapi import UNCHANGED, with_headers
from commonplace.platform.http.problems import problems
from commonplace.platform.http.routing import Router
from commonplace.platform.sharing.errors import PlaceNotYours, ReadOnly

router = Router(prefix="/api/task-filters", tags=["task filters"])


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    response_model=TaskFilterRead,
    responses={201: with_headers("ETag", "Location"), **problems(NotAuthenticated)},
)
async def create_filter(new: TaskFilterCreate, caller: CurrentCaller, session: Writing) -> Response:
    """Save a filter."""
    values = {"query": new.query.given(), "position": new.order}
    return _answer(await FILTERS.create(session, caller, new.title, values), HTTPStatus.CREATED)


@router.hot_get("", response_model=TaskFilterPage, responses=problems(NotAuthenticated, UnknownPage))
async def list_filters(
    caller: CurrentCaller,
    session: Reading,
    limit: Annotated[int, QueryParameter(ge=1, le=200)] = 200,
    after: Annotated[str | None, QueryParameter(description="`next` of the page before.")] = None,
) -> Response:
    """The saved filters, in their order."""
    return await FILTERS.page(session, caller, limit=limit, after=after)


@router.get(
    "/{filter_id:uuid}",
    response_model=TaskFilterRead,
    responses={200: with_headers("ETag"), 304: UNCHANGED, **problems(NotAuthenticated, TaskFilterNotFound)},
)
async def read_filter(filter_id: UUID, request: Request, caller: CurrentCaller, session: Reading) -> Response:
    """A saved filter."""
    found = await FILTERS.read(session, caller, filter_id)
    return answer_read(request, found.json, etag(found.version))


@router.patch(
    "/{filter_id:uuid}",
    response_model=TaskFilterRead,
    responses={
        200: with_headers("ETag"),
        **problems(NotAuthenticated, TaskFilterNotFound, ReadOnly, StaleVersion, MalformedPrecondition),
    },
)
async def change_filter(
    filter_id: UUID, change: TaskFilterChange, caller: CurrentCaller, session: Writing, if_match: IfMatch
) -> Response:
    """Change a saved filter; what is left out stays as it is."""
    given = change.model_dump(exclude_unset=True, exclude={"query"})
    if "query" in change.model_fields_set:
        given["query"] = change.query.given()
    title = given.pop("title", None)
    if "order" in given:
        given["position"] = given.pop("order")
    return _answer(await FILTERS.change(session, caller, filter_id, title=title, values=given, expected=if_match))


@router.delete(
    "/{filter_id:uuid}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(
        NotAuthenticated, TaskFilterNotFound, ReadOnly, PlaceNotYours, StaleVersion, MalformedPrecondition
    ),
)
async def trash_filter(filter_id: UUID, caller: CurrentCaller, session: Writing, if_match: IfMatch) -> None:
    """Move a saved filter to the trash."""
    await FILTERS.trash(session, caller, filter_id, expected=if_match)


@router.post(
    "/{filter_id:uuid}/restore",
    response_model=TaskFilterRead,
    responses={200: with_headers("ETag"), **problems(NotAuthenticated, TaskFilterNotFound)},
)
async def restore_filter(filter_id: UUID, caller: CurrentCaller, session: Writing) -> Response:
    """Take a saved filter out of the trash."""
    return _answer(await FILTERS.restore(session, caller, filter_id))


def _answer(written: Written, status: HTTPStatus = HTTPStatus.OK) -> Response:
    headers = {"ETag": etag(written.version)}
    if status == HTTPStatus.CREATED:
        headers["Location"] = f"/api/task-filters/{written.id}"
    return Response(written.json, status_code=status, headers=headers, media_type="application/json")
