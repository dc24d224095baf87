"""Tasks over HTTP; and all routes of the app, the others from modules beside."""

from http import HTTPStatus
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Request, Response

from commonplace.apps.tasks import exchange_api, filter_api, list_api, queries, quick_api, service, version_api
from commonplace.apps.tasks.errors import (
    AttachmentNotFound,
    InvalidRecurrence,
    NamedTwice,
    PlaceNotFound,
    RecurrenceNeverComes,
    SubtasksTooDeep,
    TaskFilterNotFound,
    TaskInsideItself,
    TaskNotFound,
    TwoPlaces,
)
from commonplace.apps.tasks.fields import given_fields
from commonplace.apps.tasks.filters import TaskQuery, documented_query, task_query
from commonplace.apps.tasks.listing import page_of_tasks
from commonplace.apps.tasks.schemas import TaskBatch, TaskBatchRead, TaskChange, TaskCreate, TaskPage, TaskRead
from commonplace.apps.tasks.service import Change, Written
from commonplace.apps.tasks.settings import TasksSettings
from commonplace.platform.database.pages import UnknownPage
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.history.record import StaleVersion
from commonplace.platform.http.conditional import IfMatch, MalformedPrecondition, answer_read, etag
from commonplace.platform.http.dependencies import AllParts, CurrentCaller, Reading, UnitOfWork, Writing
from commonplace.platform.http.idempotency import attempt_of
from commonplace.platform.http.openapi import UNCHANGED, with_headers
from commonplace.platform.http.problems import ValidationFailed, problems
from commonplace.platform.http.routing import Router
from commonplace.platform.sharing.errors import OtherOwner, PlaceNotYours, ReadOnly

tasks = Router(prefix="/api/tasks", tags=["tasks"])

_CREATING: Final = (
    NotAuthenticated, TwoPlaces, InvalidRecurrence, RecurrenceNeverComes, PlaceNotFound, AttachmentNotFound,
    SubtasksTooDeep,
)  # fmt: skip
_CHANGING: Final = (*_CREATING, TaskNotFound, ReadOnly, PlaceNotYours, OtherOwner, TaskInsideItself, StaleVersion)
_CHANGED: Final[dict[int | str, dict[str, Any]]] = {
    200: with_headers("ETag"),
    **problems(*_CHANGING, MalformedPrecondition),
}


@tasks.hot_post(
    "",
    status_code=HTTPStatus.CREATED,
    response_model=TaskRead,
    responses={201: with_headers("ETag", "Location"), **problems(*_CREATING)},
)
async def create_task(
    new: TaskCreate, request: Request, caller: CurrentCaller, unit: UnitOfWork, parts: AllParts
) -> Response:
    """Make a task."""
    items = await service.new_items(await unit.reading(), caller, [given_fields(new)])
    deepest = parts[TasksSettings].deepest_subtask
    if new.parent_id is None and attempt_of(request) is None:  # one statement is all there is to do
        async with unit.at_once() as session:
            (made,) = await service.create_tasks(session, caller, items, deepest=deepest)
    else:
        (made,) = await service.create_tasks(await unit.writing(), caller, items, deepest=deepest)
    headers = {"ETag": etag(made.version), "Location": f"/api/tasks/{made.id}"}
    return Response(made.json, status_code=HTTPStatus.CREATED, headers=headers, media_type="application/json")


@tasks.hot_get(
    "",
    response_model=TaskPage,
    responses=problems(NotAuthenticated, TaskFilterNotFound, UnknownPage, ValidationFailed),
    openapi_extra={"parameters": documented_query()},
)
async def list_tasks(
    caller: CurrentCaller, query: Annotated[TaskQuery, Depends(task_query)], session: Reading
) -> Response:
    """One's own tasks and those that are shared: all of them, or pages where a `limit` is given."""
    return await page_of_tasks(session, caller, query)


@tasks.hot_get(
    "/{task_id:uuid}",
    response_model=TaskRead,
    responses={200: with_headers("ETag"), 304: UNCHANGED, **problems(NotAuthenticated, TaskNotFound)},
)
async def read_task(task_id: UUID, request: Request, caller: CurrentCaller, session: Reading) -> Response:
    """A task."""
    row = await session.first(queries.READ_TASK, task_id=task_id, person_id=caller.person_id)
    if row is None:
        raise TaskNotFound(task_id)
    return answer_read(request, row["json"], etag(row["version"]))


@tasks.put("/{task_id:uuid}", response_model=TaskRead, responses=_CHANGED)
async def put_task(
    task_id: UUID, replacement: TaskCreate, caller: CurrentCaller, session: Writing, parts: AllParts, if_match: IfMatch
) -> Response:
    """Set everything of a task; what is left out gets the value that a new one has. The order stays if left out."""
    given = given_fields(replacement)
    if replacement.order is None:
        del given["order"]
    if replacement.list_id is None and replacement.parent_id is None:
        given |= {"list_id": None, "parent_id": None}
    changes = [Change(task_id, given, if_match)]
    await service.change_tasks(session, caller, changes, deepest=parts[TasksSettings].deepest_subtask)
    return _answer((await service.as_written(session, [task_id]))[0])


@tasks.patch("/{task_id:uuid}", response_model=TaskRead, responses=_CHANGED)
async def change_task(
    task_id: UUID, change: TaskChange, caller: CurrentCaller, session: Writing, parts: AllParts, if_match: IfMatch
) -> Response:
    """Change a task; what is left out stays. To complete one that recurs makes its next occurrence (`next_id`)."""
    changes = [Change(task_id, given_fields(change), if_match)]
    await service.change_tasks(session, caller, changes, deepest=parts[TasksSettings].deepest_subtask)
    return _answer((await service.as_written(session, [task_id]))[0])


@tasks.delete(
    "/{task_id:uuid}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(NotAuthenticated, TaskNotFound, ReadOnly, PlaceNotYours, StaleVersion, MalformedPrecondition),
)
async def trash_task(task_id: UUID, caller: CurrentCaller, session: Writing, if_match: IfMatch) -> None:
    """Move a task to the trash, with its subtasks. It can be restored for 30 days."""
    await service.trash_tasks(session, caller, {task_id: if_match})


@tasks.post(
    "/{task_id:uuid}/restore",
    response_model=TaskRead,
    responses={200: with_headers("ETag"), **problems(NotAuthenticated, TaskNotFound)},
)
async def restore_task(task_id: UUID, caller: CurrentCaller, session: Writing) -> Response:
    """Take a task out of the trash, with its subtasks; to the top level when what it lay in is gone."""
    await service.restore_tasks(session, caller, [task_id])
    return _answer((await service.as_written(session, [task_id]))[0])


@tasks.post("/batch", response_model=TaskBatchRead, responses=problems(*_CHANGING, NamedTwice))
async def change_in_batch(batch: TaskBatch, caller: CurrentCaller, session: Writing, parts: AllParts) -> Response:
    """Make, change, trash and restore up to a thousand tasks: all of it happens, or nothing."""
    deepest = parts[TasksSettings].deepest_subtask
    items = await service.new_items(session, caller, [given_fields(new) for new in batch.create])
    changes = [Change(one.id, given_fields(one), one.version) for one in batch.change]
    ids = [*(change.id for change in changes), *batch.trash, *batch.restore]
    if len(set(ids)) < len(ids):
        raise NamedTwice
    made = await service.create_tasks(session, caller, items, deepest=deepest)
    await service.change_tasks(session, caller, changes, deepest=deepest)
    await service.restore_tasks(session, caller, batch.restore)
    await service.trash_tasks(session, caller, dict.fromkeys(batch.trash))
    kept = [*(one.id for one in made), *(change.id for change in changes), *batch.restore]
    written = await service.as_written(session, kept)
    return Response(f'{{"items":[{",".join(one.json for one in written)}]}}', media_type="application/json")


def _answer(written: Written) -> Response:
    return Response(written.json, headers={"ETag": etag(written.version)}, media_type="application/json")


router = Router()
# Side by side, not one inside the other: the lane for hot reads looks at the routes themselves.
for part in (tasks, quick_api.router, exchange_api.router, version_api.router, list_api.router, filter_api.router):
    router.routes.extend(part.routes)
