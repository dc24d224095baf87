"""Files over HTTP: reading, changing and deleting files; and all routes of the app, the others from modules beside."""

from http import HTTPStatus
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Query as QueryParameter
from fastapi import Request, Response

from commonplace.apps.files import (
    content_api,
    folder_api,
    many,
    many_api,
    queries,
    service,
    trash_api,
    tree_api,
    tus_api,
    upload_api,
    version_api,
)
from commonplace.apps.files.archives import api as archives_api
from commonplace.apps.files.errors import EntryNotFound, FileNotFound, InvalidName
from commonplace.apps.files.listing import TagFilter, page_of, tags_of
from commonplace.apps.files.models import FILE
from commonplace.apps.files.past import api as past_api
from commonplace.apps.files.past import restoration_api
from commonplace.apps.files.past import version_api as past_version_api
from commonplace.apps.files.processing import api as processing_api
from commonplace.apps.files.schemas import FileChange, FilePage, FileRead, FileReplacement, OnPlaceConflict, Sort
from commonplace.apps.files.service import Written
from commonplace.apps.files.settings import FilesSettings
from commonplace.apps.files.space import api as space_api
from commonplace.platform.database.pages import UnknownPage
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.history.places import ContainerNotFound
from commonplace.platform.history.record import NameTaken, StaleVersion
from commonplace.platform.http.conditional import IfMatch, MalformedPrecondition, answer_read, etag
from commonplace.platform.http.dependencies import AllParts, CurrentCaller, Reading, Writing
from commonplace.platform.http.openapi import UNCHANGED, with_headers
from commonplace.platform.http.problems import problems
from commonplace.platform.http.routing import Router
from commonplace.platform.sharing.errors import OtherOwner, PlaceNotYours, ReadOnly

files = Router(prefix="/api/files", tags=["files"])

_CHANGING: Final[dict[int | str, dict[str, Any]]] = {
    200: with_headers("ETag"),
    **problems(
        NotAuthenticated,
        FileNotFound,
        EntryNotFound,
        ReadOnly,
        PlaceNotYours,
        InvalidName,
        ContainerNotFound,
        OtherOwner,
        NameTaken,
        StaleVersion,
        MalformedPrecondition,
    ),
}


@files.hot_get("", response_model=FilePage, responses=problems(NotAuthenticated, ContainerNotFound, UnknownPage))
async def list_files(
    caller: CurrentCaller,
    session: Reading,
    *,
    folder_id: Annotated[UUID | None, QueryParameter(description="Left out: the top level.")] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
    after: Annotated[str | None, QueryParameter(description="`next` of the page before.")] = None,
    sort: Sort = "name",
    tag: TagFilter = None,
) -> Response:
    """The files in a folder, or at the top level."""
    return await page_of(
        session,
        caller,
        queries.files_page,
        container=("folder_id", folder_id),
        sort=sort,
        limit=limit,
        after=after,
        tags=tags_of(tag),
    )


@files.hot_get(
    "/{file_id:uuid}",
    response_model=FileRead,
    responses={200: with_headers("ETag"), 304: UNCHANGED, **problems(NotAuthenticated, FileNotFound)},
)
async def read_file(file_id: UUID, request: Request, caller: CurrentCaller, session: Reading) -> Response:
    """A file. Its `ETag` is its version, and what became of its processing, which makes no version."""
    row = await session.first(queries.READ_FILE, file_id=file_id, person_id=caller.person_id)
    if row is None:
        raise FileNotFound
    return answer_read(request, row["json"], etag(row["version"], row["state"]))


@files.patch("/{file_id:uuid}", response_model=FileRead, responses=_CHANGING)
async def change_file(
    file_id: UUID,
    change: FileChange,
    caller: CurrentCaller,
    session: Writing,
    if_match: IfMatch,
    *,
    parts: AllParts,
    on_conflict: OnPlaceConflict = "fail",
) -> Response:
    """Rename, move or tag a file; what is left out stays as it is.

    With `replace`, where a file has the name already, that one is answered: it has a new version, and this file is in
    the trash.
    """
    given = change.model_fields_set
    if on_conflict != "fail" and given & {"name", "folder_id"}:
        file_id, _ = await many.move_one(
            session,
            caller.person_id,
            file_id,
            FILE,
            name=change.name if "name" in given else None,
            place=(change.folder_id,) if "folder_id" in given else None,
            rule=on_conflict,
            expected=if_match,
            deepest=parts[FilesSettings].deepest_folder,
        )
        given, if_match = given - {"name", "folder_id"}, None
    written = await service.change_file(
        session,
        caller,
        file_id,
        name=change.name if "name" in given else None,
        place=(change.folder_id,) if "folder_id" in given else None,
        tags=change.tags if "tags" in given else None,
        expected=if_match,
    )
    return _answer(written)


@files.put("/{file_id:uuid}", response_model=FileRead, responses=_CHANGING)
async def put_file(
    file_id: UUID, replacement: FileReplacement, caller: CurrentCaller, session: Writing, if_match: IfMatch
) -> Response:
    """Set a file's name and place."""
    written = await service.change_file(
        session, caller, file_id, name=replacement.name, place=(replacement.folder_id,), expected=if_match
    )
    return _answer(written)


@files.delete(
    "/{file_id:uuid}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(NotAuthenticated, FileNotFound, ReadOnly, PlaceNotYours, StaleVersion, MalformedPrecondition),
)
async def trash_file(file_id: UUID, caller: CurrentCaller, session: Writing, if_match: IfMatch) -> None:
    """Move a file to the trash. It can be restored for 30 days."""
    await service.trash_file(session, caller, file_id, expected=if_match)


@files.post(
    "/{file_id:uuid}/restore",
    response_model=FileRead,
    responses={200: with_headers("ETag"), **problems(NotAuthenticated, FileNotFound, NameTaken)},
)
async def restore_file(file_id: UUID, caller: CurrentCaller, session: Writing) -> Response:
    """Take a file out of the trash.

    It comes to the top level when its folder is gone, and gets another name when its own was taken meanwhile.
    """
    return _answer(await service.restore_file(session, caller, file_id))


def _answer(written: Written) -> Response:
    return Response(written.json, headers={"ETag": etag(written.version)}, media_type="application/json")


router = Router()
# Side by side, not one inside the other: the lane for hot reads looks at the routes themselves.
for part in (
    files,
    upload_api.router,
    tus_api.by_hash,
    tus_api.uploads,
    content_api.router,
    version_api.router,
    past_version_api.router,
    many_api.router,
    tree_api.router,
    folder_api.router,
    past_api.folders,
    past_api.files,
    restoration_api.folders,
    restoration_api.router,
    trash_api.router,
    content_api.links,
    processing_api.router,
    archives_api.router,
    space_api.router,
):
    router.routes.extend(part.routes)
