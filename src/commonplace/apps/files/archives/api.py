"""Folders and selections over HTTP, as ZIP archives."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Query as QueryParameter
from fastapi import Request, Response

from commonplace.apps.files.archives import archives
from commonplace.apps.files.archives.archives import MEDIA_TYPE
from commonplace.apps.files.errors import ArchiveChanged, DownloadTooLarge, FolderNotFound, NotInSelection
from commonplace.apps.files.schemas import Selection
from commonplace.platform.database.session import Database
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.http.dependencies import AllParts, CurrentCaller
from commonplace.platform.http.problems import problems
from commonplace.platform.http.routing import Router, answers_a_secret
from commonplace.platform.identity.caller import Caller
from commonplace.platform.media.serving import served
from commonplace.platform.parts import Parts

router = Router()

_ARCHIVE: Final[dict[int | str, dict[str, Any]]] = {
    **served("The archive.", MEDIA_TYPE),
    **problems(NotAuthenticated, DownloadTooLarge, ArchiveChanged),
}


@router.get(
    "/api/folders/{folder_id:uuid}/archive",
    tags=["folders"],
    response_class=Response,
    response_model=None,
    responses={**_ARCHIVE, **problems(FolderNotFound)},
)
async def read_folder_archive(folder_id: UUID, request: Request, caller: CurrentCaller, parts: AllParts) -> Response:
    """A folder with everything in it, as a ZIP archive of one moment.

    Its length is known and its `ETag` names its content: a download that broke off goes on by `Range` with `If-Range`
    (the whole again when anything in the folder changed) or `If-Match` (412 then).
    """
    try:
        return await _archive_of(request, parts, caller, [folder_id])
    except NotInSelection:
        raise FolderNotFound from None


@router.get(
    "/api/files/archive",
    tags=["files"],
    response_class=Response,
    response_model=None,
    responses={**_ARCHIVE, **problems(NotInSelection)},
)
async def read_archive(
    request: Request,
    caller: CurrentCaller,
    parts: AllParts,
    ids: Annotated[
        list[UUID],
        QueryParameter(alias="id", min_length=1, max_length=200, description="Files and folders; repeat it for each."),
    ],
) -> Response:
    """Some files and folders as a ZIP archive, like that of a folder. For more than 200 there is POST."""
    return await _archive_of(request, parts, caller, ids)


@router.post(
    "/api/files/archive",
    tags=["files"],
    response_class=Response,
    response_model=None,
    responses={200: _ARCHIVE[200], **problems(NotAuthenticated, DownloadTooLarge, ArchiveChanged, NotInSelection)},
)
@answers_a_secret  # not one that is told once, but nothing that could be kept for an `Idempotency-Key`
async def make_archive(selection: Selection, request: Request, caller: CurrentCaller, parts: AllParts) -> Response:
    """The same for a selection that no address has room for. It has its `ETag` and length; by POST nothing resumes."""
    return await _archive_of(request, parts, caller, selection.ids)


async def _archive_of(request: Request, parts: Parts, caller: Caller, ids: list[UUID]) -> Response:
    async with parts[Database].reading() as session:
        roots = await archives.choose(session, caller.person_id, ids)
    return await archives.answer(request, parts, roots)
