"""Pages of files: a folder, a piece of one, the trash."""

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Final
from uuid import UUID

from fastapi import Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from commonplace.apps.files import gathered_pages, page_queries, shown, side_pages
from commonplace.apps.files.errors import FileNotFound
from commonplace.apps.files.looks import look_of, remember, side_of
from commonplace.apps.files.past import pages as past_pages
from commonplace.apps.files.past import version_pages
from commonplace.apps.files.space import pages as space_pages
from commonplace.platform.database.session import ReadSession
from commonplace.platform.events import log
from commonplace.platform.history import trash
from commonplace.platform.history.settings import HistorySettings
from commonplace.platform.http.dependencies import AllParts, Reading
from commonplace.platform.http.routing import Router
from commonplace.platform.pages.render import render
from commonplace.platform.pages.viewer import CurrentViewer, Viewer

router = Router(include_in_schema=False)
router.include_router(side_pages.router)
router.include_router(space_pages.router)
router.include_router(past_pages.router)
router.include_router(version_pages.router)
router.include_router(gathered_pages.router)

_MOST_IDS: Final = 200
_IN_TRASH: Final = 200  #: entries of the trash on its page
_KINDS: Final = ("file", "folder")

Filter = Annotated[str, Query(alias="filter", max_length=255)]
After = Annotated[str | None, Query(max_length=2048)]
Ids = Annotated[list[UUID], Query(alias="id", max_length=_MOST_IDS)]


@router.get("/app/files")
async def top_level(
    request: Request,
    viewer: CurrentViewer,
    session: Reading,
    file: UUID | None = None,
    filter_text: Filter = "",
    after: After = None,
) -> Response:
    """The top level of the drive; with `file`, the folder that it lies in, and the file opened."""
    if file is None:
        return await _folder(request, viewer, session, None, filter_text, after)
    place = await session.first(page_queries.PLACE_OF_FILE, file_id=file, person_id=viewer.caller.person_id)
    if place is None:
        raise FileNotFound
    folder = "" if place.parent_id is None else f"/folder/{place.parent_id}"
    return RedirectResponse(f"/app/files{folder}?open={file}", HTTPStatus.SEE_OTHER)


@router.get("/app/files/folder/{folder_id:uuid}")
async def folder(
    folder_id: UUID,
    request: Request,
    viewer: CurrentViewer,
    session: Reading,
    filter_text: Filter = "",
    after: After = None,
) -> Response:
    """A folder."""
    return await _folder(request, viewer, session, folder_id, filter_text, after)


@router.get("/app/files/listing")
async def listing(
    request: Request,
    viewer: CurrentViewer,
    session: Reading,
    folder: UUID | None = None,
    filter_text: Filter = "",
) -> HTMLResponse:
    """A piece of a folder's page: its entries, for those who filter them or come back after a break."""
    look = look_of(request)
    place = await shown.place_of(session, viewer, folder)
    entries = await shown.entries_of(session, viewer, place, look, filter_text=filter_text)
    totals = await shown.totals_of(session, viewer, place, filter_text)
    return render(
        request,
        "files/listing.html",
        viewer=viewer,
        place=place,
        look=look,
        entries=entries,
        totals=totals,
        filter=filter_text,
    )


@router.get("/app/files/more")
async def more(  # noqa: PLR0917 - called by name only
    request: Request,
    viewer: CurrentViewer,
    session: Reading,
    after: After,
    folder: UUID | None = None,
    day: str = "",
    filter_text: Filter = "",
) -> HTMLResponse:
    """A piece of a folder's page: the files after the cursor; `day` is that of the last one before it."""
    look = look_of(request)
    place = await shown.place_of(session, viewer, folder)
    entries = await shown.entries_of(session, viewer, place, look, filter_text=filter_text, after=after)
    return render(
        request, "files/more.html", viewer=viewer, place=place, look=look, entries=entries, day=day, filter=filter_text
    )


@router.get("/app/files/entries")
async def entries(request: Request, viewer: CurrentViewer, session: Reading, ids: Ids) -> HTMLResponse:
    """Pieces of a folder's page: these entries, as they are now; those that are gone are left out."""
    look = look_of(request)
    found = await shown.entries_by_id(session, viewer, ids, look)
    return render(request, "files/entries.html", viewer=viewer, look=look, found=found)


@router.get("/app/files/facts")
async def facts(
    request: Request, viewer: CurrentViewer, session: Reading, folder: UUID | None = None, filter_text: Filter = ""
) -> HTMLResponse:
    """A piece of a folder's page: how many files there are, and how large."""
    place = await shown.place_of(session, viewer, folder)
    totals = await shown.totals_of(session, viewer, place, filter_text)
    return render(request, "files/facts.html", viewer=viewer, totals=totals, filter=filter_text)


@router.get("/app/trash")
async def trash_page(request: Request, viewer: CurrentViewer, session: Reading, parts: AllParts) -> HTMLResponse:
    """What was deleted and can be put back."""
    rows = await trash.in_trash(session, viewer.caller.person_id, limit=_IN_TRASH + 1)
    return render(
        request,
        "files/trash.html",
        viewer=viewer,
        rows=[row for row in rows[:_IN_TRASH] if row.kind in _KINDS],
        has_more=len(rows) > _IN_TRASH,
        kept_for=timedelta(days=parts[HistorySettings].trash_days),
    )


async def _folder(
    request: Request, viewer: Viewer, session: ReadSession, folder_id: UUID | None, filter_text: str, after: str | None
) -> Response:
    look = look_of(request)
    cursor = await log.now(session)  # before the entries: what changes meanwhile is told again, nothing is missed
    place = await shown.place_of(session, viewer, folder_id)
    found = await shown.entries_of(session, viewer, place, look, filter_text=filter_text, after=after)
    totals = await shown.totals_of(session, viewer, place, filter_text)
    response = render(
        request,
        "files/folder.html",
        viewer=viewer,
        place=place,
        look=look,
        entries=found,
        totals=totals,
        filter=filter_text,
        cursor=cursor,
        side=side_of(request),
    )
    if {"view", "sort"} & request.query_params.keys():
        remember(response, look)
    return response
