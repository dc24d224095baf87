"""The page that says where one's space went."""

from typing import Final
from uuid import UUID

from fastapi import Request
from starlette.responses import HTMLResponse

from commonplace.apps.files.space.report import folder_of, space_report
from commonplace.platform.http.dependencies import AllParts, Reading
from commonplace.platform.http.routing import Router
from commonplace.platform.pages.render import render
from commonplace.platform.pages.viewer import CurrentViewer
from commonplace.platform.storage.protocol import ObjectStorage

router = Router(include_in_schema=False)

_PARTS: Final = {"files": "Files", "trash": "Trash", "versions": "Earlier versions", "other": "Everything else"}
_KINDS: Final = {
    "pictures": "Pictures",
    "films": "Films",
    "sound": "Sound",
    "documents": "Documents",
    "archives": "Archives",
    "other": "Other files",
}


@router.get("/app/space")
async def space(
    request: Request, viewer: CurrentViewer, parts: AllParts, session: Reading, folder: UUID | None = None
) -> HTMLResponse:
    """What the person keeps, and the folders of one place by what lies in them."""
    person_id = viewer.caller.person_id
    here = None if folder is None else await folder_of(session, person_id, folder)
    return render(
        request,
        "files/space.html",
        viewer=viewer,
        report=await space_report(session, person_id, folder),
        here=here,
        here_id=folder,
        free=await parts[ObjectStorage].free_bytes(),
        part_names=_PARTS,
        kind_names=_KINDS,
    )
