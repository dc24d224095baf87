"""Folders over HTTP."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Query as QueryParameter
from fastapi import Request, Response

from commonplace.apps.files import folders, many, queries
from commonplace.apps.files.errors import EntryNotFound, FolderNotFound, InvalidName
from commonplace.apps.files.folders import WrittenFolder
from commonplace.apps.files.listing import TagFilter, page_of, tags_of
from commonplace.apps.files.models import FOLDER
from commonplace.apps.files.schemas import (
    FolderChange,
    FolderCreate,
    FolderPage,
    FolderRead,
    FolderSort,
    OnFolderConflict,
    OnPlaceConflict,
)
from commonplace.apps.files.settings import FilesSettings
from commonplace.platform.database.pages import UnknownPage
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.history.places import ContainerNotFound, MoveIntoOwnSubtree, TooDeep
from commonplace.platform.history.record import NameTaken, StaleVersion
from commonplace.platform.http.conditional import IfMatch, MalformedPrecondition, answer_read, etag
from commonplace.platform.http.dependencies import AllParts, CurrentCaller, Reading, UnitOfWork, Writing
from commonplace.platform.http.idempotency import attempt_of
from commonplace.platform.http.openapi import UNCHANGED, with_headers
from commonplace.platform.http.problems import problems
from commonplace.platform.http.routing import Router
from commonplace.platform.jobs.api import JobRead, job_read
from commonplace.platform.jobs.errors import TooManyJobs
from commonplace.platform.sharing.errors import OtherOwner, PlaceNotYours, ReadOnly

router = Router(prefix="/api/folders", tags=["folders"])


@router.hot_post(
    "",
    status_code=HTTPStatus.CREATED,
    response_model=FolderRead,
    responses={
        **problems(NotAuthenticated, InvalidName, ContainerNotFound, ReadOnly, TooDeep, NameTaken),
        200: {
            "model": FolderRead,
            "description": "The folder was there (`on_conflict=reuse`).",
            **with_headers("ETag"),
        },
        201: with_headers("ETag", "Location"),
    },
)
async def create_folder(
    new: FolderCreate,
    request: Request,
    caller: CurrentCaller,
    unit: UnitOfWork,
    parts: AllParts,
    on_conflict: Annotated[
        OnFolderConflict,
        QueryParameter(description="When the name is taken: fail, keep both (with a number), or give the one there."),
    ] = "fail",
) -> Response:
    """Make a folder."""
    deepest = parts[FilesSettings].deepest_folder
    if attempt_of(request) is None:  # nearly always one statement is all there is to do
        owner_id = await folders.require_place(await unit.reading(), caller, new.parent_id, deepest=deepest)
        async with unit.at_once() as session:
            made = await folders.create_if_free(session, caller, new.name, parent_id=new.parent_id, owner_id=owner_id)
        if made is not None:
            return _answer(made, HTTPStatus.CREATED)
    written, is_new = await folders.create_folder(
        await unit.writing(), caller, new.name, parent_id=new.parent_id, on_conflict=on_conflict, deepest=deepest
    )
    return _answer(written, HTTPStatus.CREATED if is_new else HTTPStatus.OK)


@router.hot_get("", response_model=FolderPage, responses=problems(NotAuthenticated, ContainerNotFound, UnknownPage))
async def list_folders(
    caller: CurrentCaller,
    session: Reading,
    *,
    parent_id: UUID | None = None,
    limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
    after: Annotated[str | None, QueryParameter(description="`next` of the page before.")] = None,
    sort: FolderSort = "name",
    tag: TagFilter = None,
) -> Response:
    """The folders in a folder, or at the top level."""
    return await page_of(
        session,
        caller,
        queries.folders_page,
        container=("parent_id", parent_id),
        sort=sort,
        limit=limit,
        after=after,
        tags=tags_of(tag),
    )


@router.get(
    "/{folder_id:uuid}",
    response_model=FolderRead,
    responses={200: with_headers("ETag"), 304: UNCHANGED, **problems(NotAuthenticated, FolderNotFound)},
)
async def read_folder(folder_id: UUID, request: Request, caller: CurrentCaller, session: Reading) -> Response:
    """A folder."""
    folder = await folders.read_folder(session, caller, folder_id)
    return answer_read(request, folder.json, etag(folder.version))


@router.patch(
    "/{folder_id:uuid}",
    response_model=FolderRead,
    responses={
        200: with_headers("ETag"),
        202: {"model": JobRead, "description": "The folder there takes in much: a job does it."},
        **problems(
            NotAuthenticated,
            FolderNotFound,
            EntryNotFound,
            ReadOnly,
            PlaceNotYours,
            InvalidName,
            ContainerNotFound,
            OtherOwner,
            MoveIntoOwnSubtree,
            TooDeep,
            NameTaken,
            StaleVersion,
            TooManyJobs,
            MalformedPrecondition,
        ),
    },
)
async def change_folder(
    folder_id: UUID,
    change: FolderChange,
    caller: CurrentCaller,
    session: Writing,
    parts: AllParts,
    *,
    if_match: IfMatch,
    on_conflict: OnPlaceConflict = "fail",
) -> Response:
    """Rename, move or tag a folder; what is left out stays. What lies in it goes with it, in one version.

    With `merge` or `replace`, where a folder has the name already, that one takes in what lies in this one, and is
    answered; this one is in the trash then. Where much lies in it that is a job.
    """
    given = change.model_fields_set
    if on_conflict != "fail" and given & {"name", "parent_id"}:
        folder_id, job = await many.move_one(
            session,
            caller.person_id,
            folder_id,
            FOLDER,
            name=change.name if "name" in given else None,
            place=(change.parent_id,) if "parent_id" in given else None,
            rule=on_conflict,
            expected=if_match,
            deepest=parts[FilesSettings].deepest_folder,
        )
        if job is not None:
            headers = {"Location": f"/api/jobs/{job.id}"}
            content = job_read(job).model_dump_json()
            return Response(content, HTTPStatus.ACCEPTED, headers=headers, media_type="application/json")
        given, if_match = given - {"name", "parent_id"}, None
    written = await folders.change_folder(
        session,
        caller,
        folder_id,
        name=change.name if "name" in given else None,
        place=(change.parent_id,) if "parent_id" in given else None,
        tags=change.tags if "tags" in given else None,
        expected=if_match,
        deepest=parts[FilesSettings].deepest_folder,
    )
    return _answer(written)


@router.delete(
    "/{folder_id:uuid}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(NotAuthenticated, FolderNotFound, ReadOnly, PlaceNotYours, StaleVersion, MalformedPrecondition),
)
async def trash_folder(folder_id: UUID, caller: CurrentCaller, session: Writing, if_match: IfMatch) -> None:
    """Move a folder to the trash, with everything in it."""
    await folders.trash_folder(session, caller, folder_id, expected=if_match)


@router.post(
    "/{folder_id:uuid}/restore",
    response_model=FolderRead,
    responses={200: with_headers("ETag"), **problems(NotAuthenticated, FolderNotFound, NameTaken)},
)
async def restore_folder(folder_id: UUID, caller: CurrentCaller, session: Writing) -> Response:
    """Take a folder out of the trash, with everything in it.

    It comes to the top level when the folder it lay in is gone, and gets another name when its own was taken.
    """
    return _answer(await folders.restore_folder(session, caller, folder_id))


def _answer(written: WrittenFolder, status: HTTPStatus = HTTPStatus.OK) -> Response:
    headers = {"ETag": etag(written.version)}
    if status == HTTPStatus.CREATED:
        headers["Location"] = f"/api/folders/{written.id}"
    return Response(written.json, status_code=status, headers=headers, media_type="application/json")
