"""Copying, moving by rules, and changing many files and folders in one call, over HTTP."""

from http import HTTPStatus
from typing import Annotated, Any, Final, Self
from uuid import UUID

import msgspec
from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from commonplace.apps.files import copy_job, many
from commonplace.apps.files.entries import shown
from commonplace.apps.files.errors import CopyIntoItself, EntryNamedTwice, EntryNotFound, InvalidName, TooManyTags
from commonplace.apps.files.schemas import RULES, FileRead, FolderRead, Name, OnPlaceConflict, Rule, Tags
from commonplace.apps.files.settings import FilesSettings
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import WriteSession
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.history.places import ContainerNotFound, MoveIntoOwnSubtree, TooDeep
from commonplace.platform.history.record import NameTaken
from commonplace.platform.http.dependencies import AllParts, CurrentCaller, Writing
from commonplace.platform.http.problems import problems
from commonplace.platform.http.routing import Router
from commonplace.platform.jobs.api import JobRead, job_read
from commonplace.platform.jobs.errors import TooManyJobs
from commonplace.platform.parts import Parts
from commonplace.platform.sharing.errors import OtherOwner, PlaceNotYours, ReadOnly

router = Router()

MOST_IN_A_BATCH: Final = 1000
_PLACING: Final = (
    NotAuthenticated,
    EntryNotFound,
    ReadOnly,
    ContainerNotFound,
    TooDeep,
    InvalidName,
    NameTaken,
    TooManyJobs,
)
Ids = Annotated[list[UUID], Field(max_length=MOST_IN_A_BATCH)]


class CopyRequest(BaseModel):
    """Where a copy is to lie."""

    model_config = ConfigDict(extra="forbid")

    folder_id: Annotated[UUID | None, Field(description="null: the caller's top level.")]
    name: Annotated[Name | None, Field(description="Another name for the copy.")] = None


class MoveMany(BaseModel):
    """Files and folders to be moved."""

    model_config = ConfigDict(extra="forbid")

    ids: Ids
    folder_id: Annotated[UUID | None, Field(description="null: the top level.")]
    on_conflict: Annotated[Rule, Field(description=RULES)] = "fail"


class CopyMany(MoveMany):
    """Files and folders to be copied."""

    on_conflict: Annotated[Rule, Field(description=RULES)] = "keep_both"


class TagMany(BaseModel):
    """Files and folders to be tagged."""

    model_config = ConfigDict(extra="forbid")

    ids: Ids
    add: Tags = []
    remove: Tags = []


class BatchChange(BaseModel):
    """Changes to up to a thousand files and folders: all of them happen, or none."""

    model_config = ConfigDict(extra="forbid")

    restore: Ids = []
    tag: TagMany | None = None
    copy_: Annotated[CopyMany | None, Field(alias="copy")] = None
    move: MoveMany | None = None
    trash: Ids = []

    @property
    def ids(self) -> list[UUID]:
        """All that are named."""
        parts = (self.tag, self.copy_, self.move)
        return [*self.restore, *self.trash, *(one for part in parts if part is not None for one in part.ids)]

    @model_validator(mode="after")
    def _is_not_too_large(self) -> Self:
        if len(self.ids) > MOST_IN_A_BATCH:
            raise ValueError(f"A batch may hold {MOST_IN_A_BATCH} files and folders at most; send several.")
        return self


class EntriesChanged(BaseModel):
    """What a batch came to."""

    files: Annotated[list[FileRead], Field(description="The files as they are now; without those that are trashed.")]
    folders: list[FolderRead]
    skipped: Annotated[list[UUID], Field(description="What stays where it was, for its name is taken.")]
    jobs: Annotated[list[JobRead], Field(description="What takes longer, and goes on by itself.")]


class _Changes:
    """What a request has done so far."""

    def __init__(self) -> None:
        self.ids: list[UUID] = []
        self.skipped: list[UUID] = []
        self.jobs: list[Row] = []


@router.post(
    "/api/files/batch-change",
    response_model=EntriesChanged,
    responses=problems(
        *_PLACING, PlaceNotYours, OtherOwner, MoveIntoOwnSubtree, CopyIntoItself, EntryNamedTwice, TooManyTags
    ),
    tags=["files"],
)
async def change_many(batch: BatchChange, caller: CurrentCaller, session: Writing, parts: AllParts) -> Response:
    """Restore, tag, copy, move and trash up to a thousand files and folders, in this order: all of it, or nothing.

    Each may be named once. A copy of much, and folders with much in them that are merged, go on as jobs.
    """
    if len(set(batch.ids)) < len(batch.ids):
        raise EntryNamedTwice
    person_id, deepest, changes = caller.person_id, parts[FilesSettings].deepest_folder, _Changes()
    if batch.restore:
        await many.restore(session, person_id, batch.restore)
        changes.ids += batch.restore
    if batch.tag is not None and batch.tag.ids:
        await many.tag(session, person_id, batch.tag.ids, add=batch.tag.add, remove=batch.tag.remove)
        changes.ids += batch.tag.ids
    if batch.copy_ is not None and batch.copy_.ids:
        await _copy(session, person_id, batch.copy_, deepest, changes)
    if batch.move is not None and batch.move.ids:
        outcome, job = await many.move(
            session, person_id, batch.move.ids, batch.move.folder_id, rule=batch.move.on_conflict, deepest=deepest
        )
        changes.ids += [*batch.move.ids, *(other for _, other in (*outcome.replaced, *outcome.merges))]
        changes.skipped += outcome.skipped
        changes.jobs += [] if job is None else [job]
    if batch.trash:
        await many.trash(session, person_id, batch.trash)
    return await _answer(session, person_id, changes)


_OTHERWISE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": EntriesChanged, "description": "Nothing new: it was skipped, or merged into what was there."},
    202: {"model": EntriesChanged, "description": "It is being copied, by the job that is named."},
}


@router.post(
    "/api/files/{file_id:uuid}/copy",
    status_code=HTTPStatus.CREATED,
    response_model=EntriesChanged,
    responses={**_OTHERWISE, **problems(*_PLACING)},
    tags=["files"],
)
async def copy_file(
    file_id: UUID,
    request: CopyRequest,
    caller: CurrentCaller,
    session: Writing,
    parts: AllParts,
    on_conflict: OnPlaceConflict = "keep_both",
) -> Response:
    """Copy a file that the caller may read. Its bytes are shared, unless the copy belongs to somebody else.

    Then they have to be copied: that is a job, and the answer is 202.
    """
    return await _copy_one(file_id, request, on_conflict, caller.person_id, session, parts)


@router.post(
    "/api/folders/{folder_id:uuid}/copy",
    status_code=HTTPStatus.CREATED,
    response_model=EntriesChanged,
    responses={**_OTHERWISE, **problems(*_PLACING, CopyIntoItself)},
    tags=["folders"],
)
async def copy_folder(
    folder_id: UUID,
    request: CopyRequest,
    caller: CurrentCaller,
    session: Writing,
    parts: AllParts,
    on_conflict: OnPlaceConflict = "keep_both",
) -> Response:
    """Copy a folder with all that lies in it; what is in the trash is left out.

    More than 200 files and folders, or those of somebody else, are copied by a job, and the answer is 202.
    """
    return await _copy_one(folder_id, request, on_conflict, caller.person_id, session, parts)


async def _copy_one(
    entry_id: UUID, request: CopyRequest, rule: Rule, person_id: UUID, session: WriteSession, parts: Parts
) -> Response:
    changes, names = _Changes(), {} if request.name is None else {entry_id: request.name}
    wanted = CopyMany(ids=[entry_id], folder_id=request.folder_id, on_conflict=rule)
    await _copy(session, person_id, wanted, parts[FilesSettings].deepest_folder, changes, names)
    status = HTTPStatus.ACCEPTED if changes.jobs else HTTPStatus.CREATED if changes.ids else HTTPStatus.OK
    return await _answer(session, person_id, changes, status)


async def _copy(
    session: WriteSession,
    person_id: UUID,
    wanted: CopyMany,
    deepest: int,
    changes: _Changes,
    names: dict[UUID, str] | None = None,
) -> None:
    copied = await copy_job.copy_entries(
        session,
        person_id,
        wanted.ids,
        wanted.folder_id,
        rule=wanted.on_conflict,
        deepest=deepest,
        names=names,
    )
    changes.ids += copied.ids
    changes.skipped += copied.skipped
    changes.jobs += [] if copied.job is None else [copied.job]


async def _answer(
    session: WriteSession, person_id: UUID, changes: _Changes, status: HTTPStatus = HTTPStatus.OK
) -> Response:
    ids = list(dict.fromkeys(changes.ids))
    found = await shown(session, person_id, ids) if ids else {}
    written = {
        kind: [msgspec.Raw(found[one][1].encode()) for one in ids if one in found and found[one][0] == kind]
        for kind in ("file", "folder")
    }
    jobs: list[dict[str, Any]] = [job_read(row).model_dump(mode="json") for row in changes.jobs]
    content = msgspec.json.encode(
        {"files": written["file"], "folders": written["folder"], "skipped": changes.skipped, "jobs": jobs}
    )
    headers = {"Location": f"/api/jobs/{jobs[0]['id']}"} if status == HTTPStatus.ACCEPTED else {}
    return Response(content, status_code=status, headers=headers, media_type="application/json")
