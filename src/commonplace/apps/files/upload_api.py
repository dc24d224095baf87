"""Uploads over HTTP: one file as a form or as the raw body, many small ones as a form, and new bytes for a file.

The bodies are read here, chunk by chunk, as they come from the network. No connection to the database is held
meanwhile.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Final, get_args
from uuid import UUID

from fastapi import Query as QueryParameter
from fastapi import Request, Response

from commonplace.apps.files import batches, service, uploads
from commonplace.apps.files.errors import (
    BatchTooLarge,
    FileNotFound,
    FilePartMissing,
    FileTooLarge,
    InvalidName,
    MalformedUpload,
    OneFileOnly,
)
from commonplace.apps.files.forms import Form
from commonplace.apps.files.models import FOLDER
from commonplace.apps.files.names import checked_name
from commonplace.apps.files.schemas import FileBatch, FileRead, Name, OnBatchConflict, OnConflict
from commonplace.apps.files.service import NewFile, Written
from commonplace.apps.files.settings import FilesSettings
from commonplace.apps.files.uploads import SMALL_BYTES, Chunks, Received
from commonplace.platform.database.errors import QuotaExceeded
from commonplace.platform.database.session import Database
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.history import places
from commonplace.platform.history.places import ContainerNotFound
from commonplace.platform.history.record import NameTaken, StaleVersion
from commonplace.platform.http.conditional import IfMatch, MalformedPrecondition, etag
from commonplace.platform.http.dependencies import AllParts, CurrentCaller, UnitOfWork
from commonplace.platform.http.idempotency import attempt_of
from commonplace.platform.http.openapi import with_headers
from commonplace.platform.http.problems import problems
from commonplace.platform.http.routing import Router, takes_a_stream
from commonplace.platform.http.unit import Unit
from commonplace.platform.identity.caller import Caller
from commonplace.platform.parts import Parts
from commonplace.platform.sharing.errors import ReadOnly
from commonplace.platform.space.room import Room, room_of
from commonplace.platform.storage.errors import StorageFull
from commonplace.platform.storage.protocol import ObjectStorage

router = Router(prefix="/api/files", tags=["files"])

_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
_FIELDS: Final[dict[str, Any]] = {
    "folder_id": {
        "anyOf": [{"type": "string", "format": "uuid"}, {"type": "string", "maxLength": 0}],
        "description": "Left out: the query's. Empty: the top level.",
    },
    "on_conflict": {"type": "string", "enum": ["keep_both", "replace", "fail"]},
}
_ONE_FILE: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}, **_FIELDS},
                    "additionalProperties": False,
                }
            },
            "application/octet-stream": _BINARY,
        },
    }
}
_MANY_FILES: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "array", "items": {"type": "string", "format": "binary"}, "minItems": 1}
                    },
                    "additionalProperties": False,
                }
            }
        },
    }
}
# No body at all is 0 bytes.
_RAW: Final[dict[str, Any]] = {"requestBody": {"content": {"application/octet-stream": _BINARY}}}
_UNNAMED: Final = "Untitled"

NameParameter = Annotated[
    Name | None,
    QueryParameter(
        description="The file's name, when the body is the bytes themselves. Left out for `application/octet-stream`: "
        f"{_UNNAMED}."
    ),
]
FolderParameter = Annotated[UUID | None, QueryParameter(description="Where to put it; left out: the top level.")]
ConflictParameter = Annotated[
    OnConflict,
    QueryParameter(
        description="When the name is taken: keep both (the new one gets a number), replace (a version), or fail."
    ),
]


@dataclass(slots=True)
class _Arrival:
    """One file on its way in: what is wanted, and what came."""

    name: str
    folder_id: UUID | None
    on_conflict: OnConflict
    received: Received | None = None


@router.hot_post(
    "",
    status_code=HTTPStatus.CREATED,
    response_model=FileRead,
    responses={
        **problems(
            NotAuthenticated,
            MalformedUpload,
            FilePartMissing,
            OneFileOnly,
            InvalidName,
            FileTooLarge,
            ContainerNotFound,
            ReadOnly,
            NameTaken,
            StorageFull,
            QuotaExceeded,
        ),
        200: {
            "model": FileRead,
            "description": "The file was there; its bytes were replaced.",
            **with_headers("ETag", "Location"),
        },
        201: with_headers("ETag", "Location"),
    },
    openapi_extra=_ONE_FILE,
)
@takes_a_stream
async def upload_file(
    *,
    request: Request,
    caller: CurrentCaller,
    unit: UnitOfWork,
    parts: AllParts,
    name: NameParameter = None,
    folder_id: FolderParameter = None,
    on_conflict: ConflictParameter = "keep_both",
) -> Response:
    """Upload one file: as the part `file` of a form, or as the raw body with `name` in the query.

    It is stored when this answers. A repetition with the same `Idempotency-Key` and bytes stores nothing.
    """
    attempt = attempt_of(request)
    arrival = _Arrival(name or "", folder_id, on_conflict)
    await _arrive(request, parts, caller, unit, arrival, only_hash=attempt is not None and attempt.is_repetition)
    received = arrival.received
    if received is None:
        raise FilePartMissing
    if attempt is not None:
        attempt.fingerprint = uploads.fingerprint(
            arrival.name, arrival.folder_id, arrival.on_conflict, sha256=received.sha256
        )
        if attempt.is_repetition:
            return attempt.replay()
    new, folder_id = NewFile(arrival.name, received), arrival.folder_id
    if attempt is None:  # nearly always one statement is all there is to do
        owner_id = await places.require_container(await unit.reading(), caller.person_id, folder_id, kind=FOLDER.name)
        async with unit.at_once() as session:
            made = await service.create_if_free(session, caller, new, folder_id=folder_id, owner_id=owner_id)
        if made is not None:
            unit.nothing_to_undo()
            return _stored(unit, parts, received, made, HTTPStatus.CREATED)
    written, is_new = await service.create_file(
        await unit.writing(), caller, new, folder_id=folder_id, on_conflict=arrival.on_conflict
    )
    return _stored(unit, parts, received, written, HTTPStatus.CREATED if is_new else HTTPStatus.OK)


@router.hot_post(
    "/batch",
    status_code=HTTPStatus.CREATED,
    response_model=FileBatch,
    responses=problems(
        NotAuthenticated,
        MalformedUpload,
        FilePartMissing,
        InvalidName,
        BatchTooLarge,
        ContainerNotFound,
        ReadOnly,
        NameTaken,
        StorageFull,
        QuotaExceeded,
    ),
    openapi_extra=_MANY_FILES,
)
@takes_a_stream
async def upload_batch(
    request: Request,
    caller: CurrentCaller,
    unit: UnitOfWork,
    parts: AllParts,
    folder_id: FolderParameter = None,
    on_conflict: Annotated[
        OnBatchConflict,
        QueryParameter(description="When a name is taken: keep both (the new one gets a number), or fail as a whole."),
    ] = "keep_both",
) -> Response:
    """Upload many small files (each under 256 kB) as parts `file` of one form: all of them are made, or none."""
    storage, settings, attempt = parts[ObjectStorage], parts[FilesSettings], attempt_of(request)
    form = Form(_form_type(request), _body(request))
    new = await batches.receive_batch(
        storage if attempt is None or not attempt.is_repetition else None,
        form,
        limit=settings.batch_files,
        storing=lambda keys: uploads.remove_unless_committed(unit, storage, *keys),
    )
    if attempt is not None:
        names = [f"{one.name}\0{one.received.sha256}" for one in new]
        attempt.fingerprint = uploads.fingerprint(folder_id, on_conflict, *names, sha256=new[0].received.sha256)
        if attempt.is_repetition:
            return attempt.replay()
    written = await service.create_files(
        await unit.writing(), caller, new, folder_id=folder_id, keep_both=on_conflict == "keep_both"
    )
    redundant = {one.received.key for one in new} - {one.key for one in written}
    uploads.remove_once_committed(unit, storage, *(key for key in redundant if key is not None))
    body = f'{{"items":[{",".join(one.json for one in written)}]}}'
    return Response(body, status_code=HTTPStatus.CREATED, media_type="application/json")


@router.put(
    "/{file_id:uuid}/content",
    response_model=FileRead,
    responses={
        200: with_headers("ETag", "Location"),
        **problems(
            NotAuthenticated,
            FileNotFound,
            ReadOnly,
            StaleVersion,
            MalformedPrecondition,
            FileTooLarge,
            StorageFull,
            QuotaExceeded,
        ),
    },
    openapi_extra=_RAW,
)
@takes_a_stream
async def replace_content(
    file_id: UUID, request: Request, caller: CurrentCaller, unit: UnitOfWork, parts: AllParts, if_match: IfMatch
) -> Response:
    """Replace a file's bytes by the raw body: its next version. The bytes of before stay in the version before."""
    attempt = attempt_of(request)
    is_repetition = attempt is not None and attempt.is_repetition
    title, room = "", None
    if not is_repetition:  # whose answer is known, whatever became of the file
        async with parts[Database].reading() as session:  # before the bytes come, that nobody sends them in vain
            title, owner_id = await service.title_for_change(session, caller, file_id, expected=if_match)
            room = await room_of(session, owner_id, caller_id=caller.person_id)
    received = await _receive(request, parts, unit, _body(request), title, only_hash=is_repetition, room=room)
    if attempt is not None:
        attempt.fingerprint = uploads.fingerprint(if_match, sha256=received.sha256)
        if attempt.is_repetition:
            return attempt.replay()
    written = await service.replace_content(await unit.writing(), caller, file_id, received, expected=if_match)
    return _stored(unit, parts, received, written, HTTPStatus.OK)


async def _arrive(
    request: Request, parts: Parts, caller: Caller, unit: Unit, arrival: _Arrival, *, only_hash: bool
) -> None:
    """Read the body, whichever form it has, into `arrival`."""
    if _is_form(request):
        async for part in Form(_form_type(request), _body(request)):
            if part.file_name is None:
                _set_field(arrival, part.name, await part.text())
            elif part.name != "file":
                raise MalformedUpload(f"The form has a file “{part.name}”; this takes one, as the part `file`.")
            elif arrival.received is not None:
                raise OneFileOnly
            else:
                arrival.name = checked_name(part.file_name)
                room = None if only_hash else await _see_place(request, parts, caller, arrival.folder_id)
                arrival.received = await _receive(
                    request, parts, unit, aiter(part), arrival.name, only_hash=only_hash, room=room
                )
    elif arrival.name or _is_octets(request):
        arrival.name = checked_name(arrival.name or _UNNAMED)
        room = None if only_hash else await _see_place(request, parts, caller, arrival.folder_id)
        arrival.received = await _receive(
            request, parts, unit, _body(request), arrival.name, only_hash=only_hash, room=room
        )
    else:
        raise FilePartMissing


async def _receive(
    request: Request,
    parts: Parts,
    unit: Unit,
    chunks: Chunks,
    name: str,
    *,
    only_hash: bool,
    room: Room | None,
) -> Received:
    if only_hash:
        return await uploads.hash_only(chunks)
    storage = parts[ObjectStorage]
    received = await uploads.receive(
        storage,
        chunks,
        name=name,
        expected_bytes=_content_length(request),
        limit_bytes=parts[FilesSettings].largest_file_bytes,
        room=room,
    )
    if received.key is not None:
        uploads.remove_unless_committed(unit, storage, received.key)
    return received


async def _see_place(request: Request, parts: Parts, caller: Caller, folder_id: UUID | None) -> Room | None:
    """Refuse a large upload to a folder that is not there before its bytes come; how much room there is for them.

    Of a small one the transaction alone decides.
    """
    if (_content_length(request) or SMALL_BYTES) < SMALL_BYTES:
        return None
    async with parts[Database].reading() as session:
        owner_id = await places.require_container(session, caller.person_id, folder_id, kind=FOLDER.name)
        return await room_of(session, owner_id, caller_id=caller.person_id)


def _stored(unit: Unit, parts: Parts, received: Received, written: Written, status: HTTPStatus) -> Response:
    if received.key is not None and written.key != received.key:
        uploads.remove_once_committed(unit, parts[ObjectStorage], received.key)
    headers = {"ETag": etag(written.version), "Location": f"/api/files/{written.id}"}
    return Response(written.json, status_code=status, headers=headers, media_type="application/json")


def _set_field(arrival: _Arrival, name: str, value: str) -> None:
    if name == "folder_id":
        try:
            arrival.folder_id = UUID(value) if value else None
        except ValueError:
            raise MalformedUpload("The field `folder_id` is not the id of a folder.") from None
    elif name == "on_conflict":
        wanted = next((known for known in get_args(OnConflict) if known == value), None)
        if wanted is None:
            raise MalformedUpload("The field `on_conflict` is `keep_both`, `replace` or `fail`.")
        arrival.on_conflict = wanted
    else:
        raise MalformedUpload(f"The form has a field “{name}”; this takes `folder_id` and `on_conflict`.")


def _is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").lower().startswith("multipart/form-data")


def _is_octets(request: Request) -> bool:
    return request.headers.get("content-type", "").lower() == "application/octet-stream"


def _form_type(request: Request) -> str:
    if not _is_form(request):
        raise MalformedUpload("Send the files as parts `file` of a multipart/form-data body.")
    return request.headers["content-type"]


def _content_length(request: Request) -> int | None:
    value = request.headers.get("content-length", "")
    return int(value) if value.isascii() and value.isdigit() else None


async def _body(request: Request) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        if chunk:
            yield chunk
