"""Lists of tasks over HTTP."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Query as QueryParameter
from fastapi import Request, Response

from commonplace.apps.tasks.errors import TaskListNotFound
from commonplace.apps.tasks.plain import LISTS, Written
from commonplace.apps.tasks.schemas import TaskListChange, TaskListCreate, TaskListPage, TaskListRead
from commonplace.platform.database.pages import UnknownPage
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.history.record import StaleVersion
from commonplace.platform.http.conditional import IfMatch, MalformedPrecondition, answer_read, etag
from commonplace.platform.http.dependencies import CurrentCaller, Reading, Writing
from commonplace.platform.http.openapi import UNCHANGED, with_headers
from commonplace.platform.http.problems import problems
from commonplace.platform.http.routing import Router
from commonplace.platform.sharing.errors import PlaceNotYours, ReadOnly

router = Router(prefix="/api/task-lists", tags=["task lists"])


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    response_model=TaskListRead,
    responses={201: with_headers("ETag", "Location"), **problems(NotAuthenticated)},
)
async def create_list(new: TaskListCreate, caller: CurrentCaller, session: Writing) -> Response:
    """Make a list."""
    values = {"colour": new.colour, "position": new.order}
    return _answer(await LISTS.create(session, caller, new.title, values), HTTPStatus.CREATED)


@router.hot_get("", response_model=TaskListPage, responses=problems(NotAuthenticated, UnknownPage))
async def list_lists(
    caller: CurrentCaller,
    session: Reading,
    limit: Annotated[int, QueryParameter(ge=1, le=200)] = 200,
    after: Annotated[str | None, QueryParameter(description="`next` of the page before.")] = None,
) -> Response:
    """The lists, in their order."""
    return await LISTS.page(session, caller, limit=limit, after=after)


@router.get(
    "/{list_id:uuid}",
    response_model=TaskListRead,
    responses={200: with_headers("ETag"), 304: UNCHANGED, **problems(NotAuthenticated, TaskListNotFound)},
)
async def read_list(list_id: UUID, request: Request, caller: CurrentCaller, session: Reading) -> Response:
    """A list."""
    found = await LISTS.read(session, caller, list_id)
    return answer_read(request, found.json, etag(found.version))


@router.patch(
    "/{list_id:uuid}",
    response_model=TaskListRead,
    responses={
        200: with_headers("ETag"),
        **problems(NotAuthenticated, TaskListNotFound, ReadOnly, StaleVersion, MalformedPrecondition),
    },
)
async def change_list(
    list_id: UUID, change: TaskListChange, caller: CurrentCaller, session: Writing, if_match: IfMatch
) -> Response:
    """Change a list; what is left out stays as it is."""
    given = change.model_dump(exclude_unset=True)
    title = given.pop("title", None)
    if "order" in given:
        given["position"] = given.pop("order")
    return _answer(await LISTS.change(session, caller, list_id, title=title, values=given, expected=if_match))


@router.delete(
    "/{list_id:uuid}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(
        NotAuthenticated, TaskListNotFound, ReadOnly, PlaceNotYours, StaleVersion, MalformedPrecondition
    ),
)
async def trash_list(list_id: UUID, caller: CurrentCaller, session: Writing, if_match: IfMatch) -> None:
    """Move a list to the trash, with all its tasks."""
    await LISTS.trash(session, caller, list_id, expected=if_match)


@router.post(
    "/{list_id:uuid}/restore",
    response_model=TaskListRead,
    responses={200: with_headers("ETag"), **problems(NotAuthenticated, TaskListNotFound)},
)
async def restore_list(list_id: UUID, caller: CurrentCaller, session: Writing) -> Response:
    """Take a list out of the trash, with all its tasks."""
    return _answer(await LISTS.restore(session, caller, list_id))


def _answer(written: Written, status: HTTPStatus = HTTPStatus.OK) -> Response:
    headers = {"ETag": etag(written.version)}
    if status == HTTPStatus.CREATED:
        headers["Location"] = f"/api/task-lists/{written.id}"
    return Response(written.json, status_code=status, headers=headers, media_type="application/json")
