"""Pages that belong to no app: the way in, and what the frame shows of the person's space."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import text
from starlette.responses import HTMLResponse, RedirectResponse

from commonplace.platform.database.query import Query
from commonplace.platform.http.dependencies import Reading, part
from commonplace.platform.http.routing import Router
from commonplace.platform.pages.render import Pages, render
from commonplace.platform.pages.viewer import CurrentViewer
from commonplace.platform.storage.protocol import ObjectStorage

router = Router(include_in_schema=False)

_KEPT = Query(
    text("SELECT CAST(coalesce(sum(size_bytes), 0) AS bigint) FROM platform.object WHERE owner_id = :person_id")
)
ThePages = Annotated[Pages, Depends(part(Pages))]
TheStorage = Annotated[ObjectStorage, Depends(part(ObjectStorage))]


@router.get("/")
@router.get("/app")
async def enter(pages: ThePages) -> RedirectResponse:
    """Lead to the first page of the side rail."""
    return RedirectResponse(pages.home, HTTPStatus.SEE_OTHER)


@router.get("/app/status")
async def status(request: Request, viewer: CurrentViewer, storage: TheStorage, session: Reading) -> HTMLResponse:
    """A piece of the frame: how much the person keeps, and how much room there is."""
    person_id = viewer.caller.person_id
    return render(
        request,
        "status.html",
        viewer=viewer,
        free=await storage.free_bytes(),
        used=await session.scalar(_KEPT, person_id=person_id),
    )
