"""Pages of entries that lie in different folders: what changed lately, and what others share with one."""

from types import SimpleNamespace
from typing import Any, Literal

from fastapi import Request
from starlette.responses import HTMLResponse

from commonplace.apps.files import lately
from commonplace.apps.files.looks import look_of, remember, side_of
from commonplace.apps.files.shown import Entries, Look, Place
from commonplace.platform.database.session import Database
from commonplace.platform.events import log
from commonplace.platform.http.dependencies import AllParts
from commonplace.platform.http.routing import Router
from commonplace.platform.identity.people import People
from commonplace.platform.pages.render import render
from commonplace.platform.pages.viewer import CurrentViewer, Viewer
from commonplace.platform.parts import Parts

router = Router(include_in_schema=False)


@router.get("/app/files/recent")
async def recent(request: Request, viewer: CurrentViewer, parts: AllParts) -> HTMLResponse:
    """What changed lately, wherever it lies."""
    return await _page(lately.RECENT, request, viewer, parts)


@router.get("/app/files/shared")
async def shared(request: Request, viewer: CurrentViewer, parts: AllParts) -> HTMLResponse:
    """What others share with the viewer."""
    return await _page(lately.SHARED, request, viewer, parts)


@router.get("/app/files/gathered")
async def gathered_listing(
    gathered: Literal["recent", "shared"], request: Request, viewer: CurrentViewer, parts: AllParts
) -> HTMLResponse:
    """A piece of such a page: its entries, for those who come back after a break."""
    look = look_of(request, in_order_of_time=True)
    found, _ = await _found(gathered, viewer, parts, look)
    return render(request, "files/listing.html", viewer=viewer, **_shown(gathered, found, look))


async def _page(place: Place, request: Request, viewer: Viewer, parts: Parts) -> HTMLResponse:
    look = look_of(request, in_order_of_time=True)
    found, cursor = await _found(place.gathered, viewer, parts, look)
    response = render(
        request,
        "files/folder.html",
        viewer=viewer,
        cursor=cursor,
        side=side_of(request),
        **_shown(place.gathered, found, look),
    )
    if "view" in request.query_params:
        remember(response, look_of(request))
    return response


async def _found(gathered: str, viewer: Viewer, parts: Parts, look: Look) -> tuple[Entries, str]:
    """The entries, and where in the log they were looked at."""
    async with parts[Database].reading() as session:
        cursor = await log.now(session)  # before the entries: what changes meanwhile is told again
        if gathered == lately.RECENT.gathered:
            return await lately.recent_entries(session, viewer, look), str(cursor)
        found, owners = await lately.shared_entries(session, viewer, look)
    people = await parts[People].people(set(owners.values()))
    return lately.from_whom(found, owners, people), str(cursor)


def _shown(gathered: str, found: Entries, look: Look) -> dict[str, Any]:
    sizes = [entry.size_bytes for entry in found.files]
    totals = SimpleNamespace(number=len(sizes), size_bytes=sum(sizes))
    return {"place": lately.GATHERED[gathered], "look": look, "entries": found, "totals": totals, "filter": ""}
