"""Pages of the past: a folder as of any time, what putting it back would change, and what came of that.

All of them work without scripts.
"""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Query, Request
from pydantic import TypeAdapter, ValidationError
from starlette.responses import HTMLResponse, RedirectResponse, Response

from commonplace.apps.files.past import listing, looking, planning, restoration_api, store
from commonplace.apps.files.past.errors import NotThereThen, RestorationNotFound
from commonplace.apps.files.past.listing import Listed
from commonplace.apps.files.past.looking import Then
from commonplace.apps.files.past.schemas import RestorationCreate
from commonplace.apps.files.past.showing import moment_of, timeline
from commonplace.platform.database.session import ReadSession
from commonplace.platform.history.asof import NotKept
from commonplace.platform.http.dependencies import Reading, Writing
from commonplace.platform.http.routing import Router
from commonplace.platform.pages.render import render
from commonplace.platform.pages.viewer import CurrentViewer, Viewer

router = Router(include_in_schema=False)

_PAGE: Final = 200  #: entries or changes on one page
_LEFT: Final = 200
_IDS: Final = TypeAdapter(list[UUID])

At = Annotated[str, Query(max_length=64)]
After = Annotated[str | None, Query(max_length=2048)]
Items = Annotated[list[UUID] | None, Query(alias="item", max_length=1000)]


@router.get("/app/files/past")
async def drive_then(
    request: Request, viewer: CurrentViewer, session: Reading, at: At = "", after: After = None
) -> HTMLResponse:
    """The top level of the drive as of a time."""
    return await _then(request, viewer, session, None, at, after)


@router.get("/app/files/folder/{folder_id:uuid}/past")
async def folder_then(
    folder_id: UUID, request: Request, viewer: CurrentViewer, session: Reading, at: At = "", after: After = None
) -> HTMLResponse:
    """A folder as of a time."""
    return await _then(request, viewer, session, folder_id, at, after)


@router.get("/app/files/past/changes")
async def drive_changes(
    request: Request, viewer: CurrentViewer, session: Reading, at: At, item: Items = None
) -> Response:
    """What putting the drive back would change."""
    return await _changes(request, viewer, session, None, at, item)


@router.get("/app/files/folder/{folder_id:uuid}/past/changes")
async def folder_changes(
    folder_id: UUID, request: Request, viewer: CurrentViewer, session: Reading, at: At, item: Items = None
) -> Response:
    """What putting a folder back would change."""
    return await _changes(request, viewer, session, folder_id, at, item)


@router.post("/app/files/put-back")
async def put_back(request: Request, viewer: CurrentViewer, session: Writing) -> Response:
    """Put a folder back, and lead to how far that is."""
    form = await request.form()
    try:
        new = RestorationCreate.model_validate(
            {
                "at": form.get("at"),
                "folder_id": form.get("folder") or None,
                "items": form.getlist("item") or None,
                "accept_gaps": form.get("accept_gaps") == "yes",
            }
        )
    except ValidationError:
        return RedirectResponse("/app/files/past", HTTPStatus.SEE_OTHER)
    row = await restoration_api.begin(session, viewer.caller, new)
    return RedirectResponse(f"/app/files/restored/{row.id}", HTTPStatus.SEE_OTHER)


@router.get("/app/files/restored/{restoration_id:uuid}")
async def restored(restoration_id: UUID, request: Request, viewer: CurrentViewer, session: Reading) -> HTMLResponse:
    """How far something is that is put back, what was left, and a way to undo it."""
    row = await store.read(session, viewer.caller.person_id, restoration_id)
    if row is None:
        raise RestorationNotFound
    left = await store.left(session, restoration_id, limit=_LEFT, after=None)
    return render(
        request,
        "files/restored.html",
        viewer=viewer,
        one=restoration_api.restoration_read(row),
        state=row.job_state,
        done=row.job_done,
        total=row.job_total,
        left=left,
        path=_path(row.folder_id),
    )


@router.post("/app/files/restored/{restoration_id:uuid}/undo")
async def undo(restoration_id: UUID, viewer: CurrentViewer, session: Writing) -> Response:
    """Undo it, and lead to how far that is."""
    row = await restoration_api.begin_undo(session, viewer.caller, restoration_id)
    return RedirectResponse(f"/app/files/restored/{row.id}", HTTPStatus.SEE_OTHER)


async def _then(
    request: Request, viewer: Viewer, session: ReadSession, folder_id: UUID | None, written: str, after: str | None
) -> HTMLResponse:
    at = moment_of(written, viewer.zone) or datetime.now(UTC)
    place = await looking.place_of(session, viewer.caller, folder_id)
    then: Then | None = None
    listed = Listed([], None)
    problem = None
    try:
        then = await looking.look_at(session, viewer.caller, folder_id, at)
        listed = await listing.page_of(session, viewer.caller, then, limit=_PAGE, after=after)
    except (NotKept, NotThereThen) as error:
        problem = error.detail
    line = await timeline(session, viewer, place.owner_id, folder_id, at, since=place.since)
    return render(
        request,
        "files/past.html",
        viewer=viewer,
        place=place,
        at=at,
        then=then,
        listed=listed,
        problem=problem,
        line=line,
        trail=_trail(then, at),
        path=_path(folder_id),
        is_later_page=after is not None,
    )


async def _changes(
    request: Request, viewer: Viewer, session: ReadSession, folder_id: UUID | None, written: str, chosen: Any
) -> Response:
    at = moment_of(written, viewer.zone)
    if at is None:
        return RedirectResponse(f"{_path(folder_id)}/past", HTTPStatus.SEE_OTHER)
    name = await restoration_api.require_own_folder(session, viewer.caller, folder_id)
    then = await looking.look_at(session, viewer.caller, folder_id, at)
    made = await planning.plan(session, viewer.caller.person_id, folder_id, then.moment, chosen)
    return render(
        request,
        "files/changes.html",
        viewer=viewer,
        name=name,
        at=at,
        then=then,
        plan=made,
        sums=await planning.sums(session, made),
        shown=made.changes[:_PAGE],
        chosen=chosen or [],
        folder_id=folder_id,
        path=_path(folder_id),
    )


def _path(folder_id: UUID | None) -> str:
    return "/app/files" if folder_id is None else f"/app/files/folder/{folder_id}"


def _trail(then: Then | None, at: datetime) -> list[tuple[str, str]]:
    """The folders above, each as of the same time."""
    if then is None or then.folder_id is None:
        return []
    moment = at.isoformat().replace("+00:00", "Z")
    top = [("Files", f"/app/files/past?at={moment}")] if then.is_own else []
    return top + [(row.title, f"{_path(row.item_id)}/past?at={moment}") for row in then.way[:-1]]
