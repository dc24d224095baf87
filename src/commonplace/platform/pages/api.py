"""Pages that belong to no app: the way in, and what the frame shows of the person's space."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request
from starlette.responses import HTMLResponse, RedirectResponse

from commonplace.platform.http.dependencies import Reading, part
from commonplace.platform.http.routing import Router
from commonplace.platform.pages.render import Pages, render
from commonplace.platform.pages.viewer import CurrentViewer
from commonplace.platform.space.usage import space_of
from commonplace.platform.storage.protocol import ObjectStorage

router = Router(include_in_schema=False)

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
    space = await space_of(session, viewer.caller.person_id)
    free = await storage.free_bytes()
    left = min((room for room in (space.left_bytes, free) if room is not None), default=None)
    return render(request, "status.html", viewer=viewer, used=space.used_bytes, quota=space.quota_bytes, left=left)
