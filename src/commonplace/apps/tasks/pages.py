"""Pages of tasks: lists, board, calendar, each with the lists beside it and one task's details; and the trash."""

from datetime import timedelta
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Query, Request
from starlette.responses import Response

from commonplace.apps.tasks import page_queries, page_reading
from commonplace.apps.tasks.page_reading import View, Wishes
from commonplace.platform.database.session import Database
from commonplace.platform.history.settings import HistorySettings
from commonplace.platform.http.dependencies import AllParts
from commonplace.platform.http.routing import Router
from commonplace.platform.pages.render import render
from commonplace.platform.pages.viewer import CurrentViewer, Viewer
from commonplace.platform.parts import Parts

router = Router(include_in_schema=False)

_IN_TRASH: Final = 200  #: entries of the trash on its page
FilterId = Annotated[UUID | None, Query(alias="filter")]
Shown = Annotated[UUID | None, Query(alias="task")]
Month = Annotated[str, Query(max_length=10)]
List = Annotated[UUID | None, Query(alias="list")]


@router.get("/app/tasks")
async def today(
    request: Request, viewer: CurrentViewer, parts: AllParts, saved: FilterId = None, task: Shown = None
) -> Response:
    """What is for today, and what should have been done before; with `filter`, what a saved filter finds."""
    if saved is not None:
        return await _tasks(request, viewer, parts, View(key="filter", filter_id=saved), task)
    return await _tasks(request, viewer, parts, View(key="today"), task)


@router.get("/app/tasks/upcoming")
async def upcoming(request: Request, viewer: CurrentViewer, parts: AllParts, task: Shown = None) -> Response:
    """What is due after today, day by day."""
    return await _tasks(request, viewer, parts, View(key="upcoming"), task)


@router.get("/app/tasks/all")
async def everything(request: Request, viewer: CurrentViewer, parts: AllParts, task: Shown = None) -> Response:
    """All tasks, of all lists and of none."""
    return await _tasks(request, viewer, parts, View(key="all"), task)


@router.get("/app/tasks/list/{list_id:uuid}")
async def one_list(
    list_id: UUID, request: Request, viewer: CurrentViewer, parts: AllParts, task: Shown = None
) -> Response:
    """A list."""
    return await _tasks(request, viewer, parts, View(key="list", list_id=list_id), task)


@router.get("/app/tasks/board")
async def board(
    request: Request, viewer: CurrentViewer, parts: AllParts, list_id: List = None, task: Shown = None
) -> Response:
    """Tasks in a column for each status."""
    return await _tasks(request, viewer, parts, View(key="board", list_id=list_id), task)


@router.get("/app/tasks/calendar")
async def calendar(
    request: Request,
    viewer: CurrentViewer,
    parts: AllParts,
    list_id: List = None,
    month: Month = "",
    task: Shown = None,
) -> Response:
    """The tasks of a month (`2026-11`) on their days."""
    return await _tasks(request, viewer, parts, View(key="calendar", list_id=list_id, month=month), task)


@router.get("/app/tasks/trash")
async def trash_page(request: Request, viewer: CurrentViewer, parts: AllParts) -> Response:
    """What was deleted and can be put back."""
    async with parts[Database].reading() as session:
        rows = await session.all(page_queries.IN_TRASH, person_id=viewer.caller.person_id, limit=_IN_TRASH + 1)
    return render(
        request,
        "tasks/trash.html",
        viewer=viewer,
        rows=rows[:_IN_TRASH],
        has_more=len(rows) > _IN_TRASH,
        kept_for=timedelta(days=parts[HistorySettings].trash_days),
    )


async def _tasks(request: Request, viewer: Viewer, parts: Parts, view: View, task_id: UUID | None) -> Response:
    wishes = Wishes.of(request.query_params)
    context: dict[str, Any] = await page_reading.read(parts, viewer, view, wishes, task_id)
    return render(request, "tasks/page.html", viewer=viewer, **context)
