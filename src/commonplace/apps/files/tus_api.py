"""Resumable uploads over HTTP: the tus protocol 1.0.0, and making a file of bytes that are there already.

Who is calling, whose upload it is, and whether these bytes are wanted is decided before the first byte is read. No
connection to the database is held while they come.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from fastapi import Request, Response
from starlette.requests import ClientDisconnect

from commonplace.apps.files import known, resumable, service, tus
from commonplace.apps.files.errors import (
    ChecksumMismatch,
    ContentUnknown,
    FileNotFound,
    FileTooLarge,
    InvalidName,
    MalformedUpload,
    NotOffsetStream,
    TooManyUploads,
    TusVersionUnknown,
    UploadBusy,
    UploadConflict,
    UploadFinal,
    UploadNotFound,
    UploadTooLong,
)
from commonplace.apps.files.models import FOLDER
from commonplace.apps.files.resumable import Progress
from commonplace.apps.files.schemas import ContentByHash, FileRead, UploadRead
from commonplace.apps.files.service import NewFile
from commonplace.apps.files.settings import FilesSettings
from commonplace.platform.database.errors import QuotaExceeded
from commonplace.platform.database.session import Database
from commonplace.platform.errors import NotAuthenticated, Problem
from commonplace.platform.history import places
from commonplace.platform.history.places import ContainerNotFound
from commonplace.platform.history.record import NameTaken, StaleVersion
from commonplace.platform.http.arguments import Handle
from commonplace.platform.http.conditional import etag
from commonplace.platform.http.dependencies import AllParts, CurrentCaller, UnitOfWork
from commonplace.platform.http.openapi import with_headers
from commonplace.platform.http.problems import problems
from commonplace.platform.http.routing import Route, Router, takes_a_stream
from commonplace.platform.identity.caller import Caller
from commonplace.platform.parts import Parts
from commonplace.platform.sharing.errors import ReadOnly
from commonplace.platform.storage.errors import ContentGone, StorageFull
from commonplace.platform.storage.objects import reference

PATH: Final = "/api/files/uploads"
_IDLE_SECONDS: Final = 30.0  #: a line that brings nothing for so long is taken for dead; what came counts
_BYTES: Final[dict[str, Any]] = {
    "requestBody": {"content": {tus.OFFSET_STREAM: {"schema": {"type": "string", "format": "binary"}}}}
}


class TusRoute(Route):
    """A route that speaks tus: every answer says so, also one that refuses; a request that does not is refused."""

    def get_route_handler(self) -> Handle:
        """The route's handler, between the protocol's headers."""
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                if request.method not in ("OPTIONS", "GET"):
                    tus.require_version(request.headers)
                response = await inner(request)
            except Problem as problem:
                problem.more_headers |= {"Tus-Resumable": tus.VERSION}
                raise
            response.headers["Tus-Resumable"] = tus.VERSION
            return response

        return handle


uploads = Router(prefix=PATH, tags=["uploads"], route_class=TusRoute)
by_hash = Router(prefix="/api/files", tags=["uploads"])

_CREATING: Final = (
    ContainerNotFound,
    ReadOnly,
    NameTaken,
    FileNotFound,
    StaleVersion,
    FileTooLarge,
    StorageFull,
    QuotaExceeded,
)
_SENDING: Final = (
    MalformedUpload,
    NotOffsetStream,
    UploadNotFound,
    UploadConflict,
    UploadBusy,
    UploadFinal,
    UploadTooLong,
    ChecksumMismatch,
)


def _header(name: str, description: str, *, required: bool = False, **schema: Any) -> dict[str, Any]:
    about = {"type": "string", **schema}
    return {"name": name, "in": "header", "required": required, "description": description, "schema": about}


_VERSION: Final = _header("Tus-Resumable", "The protocol's version.", required=True, enum=[tus.VERSION])
_OFFSET: Final = _header(
    "Upload-Offset", "The number of the first byte that is sent.", required=True, pattern="^[0-9]+$"
)
_LENGTH: Final = _header("Upload-Length", "How many bytes there will be.", pattern="^[0-9]+$")
_CHECKSUM: Final = _header("Upload-Checksum", f"Algorithm ({', '.join(tus.ALGORITHMS)}) and digest of this body.")
_CREATION: Final[dict[str, Any]] = {
    **_BYTES,
    "parameters": [
        _VERSION,
        _LENGTH,
        _header("Upload-Defer-Length", "The length comes later, with a PATCH.", enum=["1"]),
        _header(
            "Upload-Metadata",
            "Pairs of a key and a value in base64: `filename`; `folder_id` (left out: the top level); `on_conflict` "
            "(`keep_both`, `replace`, `fail`); `file_id` to give that file these bytes, if it still has the version "
            "`file_version`; `sha256`, in hexadecimal: if you have these bytes already, none is wanted.",
        ),
        _header("Upload-Concat", "`partial`, or `final;` and the addresses of partial uploads."),
        _CHECKSUM,
    ],
}
_PATCHING: Final[dict[str, Any]] = {**_BYTES, "parameters": [_VERSION, _OFFSET, _LENGTH, _CHECKSUM]}


@uploads.options("", status_code=HTTPStatus.NO_CONTENT, response_class=Response)
async def tell_abilities(parts: AllParts) -> Response:
    """What of the tus protocol is spoken here, and the largest file that is taken."""
    return _abilities(parts)


@uploads.options("/{upload_id:uuid}", status_code=HTTPStatus.NO_CONTENT, response_class=Response)
async def tell_abilities_of(upload_id: UUID, parts: AllParts) -> Response:  # noqa: ARG001 - all are alike
    """The same, of any upload."""
    return _abilities(parts)


@uploads.post(
    "",
    status_code=HTTPStatus.CREATED,
    response_class=Response,
    responses={
        201: with_headers("Location"),
        **problems(NotAuthenticated, TusVersionUnknown, InvalidName, TooManyUploads, *_CREATING, *_SENDING),
    },
    openapi_extra=_CREATION,
)
@takes_a_stream
async def begin_upload(request: Request, caller: CurrentCaller, parts: AllParts) -> Response:
    """Begin an upload that can be resumed; its first bytes may come along.

    `Upload-Offset` in the answer says how many are there; all of them, where you have the `sha256` already, and then
    `Content-Location` is the file that was made.
    """
    creation, checksum = tus.creation(request.headers), tus.checksum(request.headers)
    has_body = request.headers.get("content-type") is not None and request.headers.get("content-length") != "0"
    if creation.purpose == "final":
        if has_body:
            raise UploadFinal
        row, progress = await resumable.put_together(parts, caller, creation)
        return _created(row.id, progress)
    if has_body:
        tus.require_offset_stream(request.headers)
    have = await resumable.known_to(parts, caller, creation)
    row = await resumable.begin(parts, caller, creation)
    if have is not None:
        try:
            return _created(row.id, await resumable.finish_known(parts, caller, row, have))
        except ContentGone:
            pass  # Swept away since we looked: then it has to be sent.
    if has_body or row.size_bytes == 0:
        progress = await resumable.send(
            parts,
            caller,
            row.id,
            _chunks(request),
            offset=0,
            announced_bytes=_announced(request) if has_body else None,
            checksum=checksum,
        )
        return _created(row.id, progress)
    return _created(row.id, Progress(0, row.expires_at))


@uploads.get(
    "/{upload_id:uuid}",
    responses=problems(NotAuthenticated, UploadNotFound),
)
async def read_upload(
    upload_id: UUID, request: Request, response: Response, caller: CurrentCaller, parts: AllParts
) -> UploadRead:
    """How far an upload is. With HEAD, `Upload-Offset` says it: that many bytes are durable."""
    if request.headers.get("tus-resumable", tus.VERSION) != tus.VERSION:
        raise TusVersionUnknown
    async with parts[Database].reading() as session:
        row = await resumable.find(session, caller, upload_id)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Upload-Offset"] = str(row.received_bytes)
    if row.size_bytes is None:
        response.headers["Upload-Defer-Length"] = "1"
    else:
        response.headers["Upload-Length"] = str(row.size_bytes)
    if row.sent_metadata:
        response.headers["Upload-Metadata"] = row.sent_metadata
    if row.concat is not None:
        response.headers["Upload-Concat"] = row.concat
    if row.received_bytes != row.size_bytes:
        response.headers["Upload-Expires"] = tus.expires(row.expires_at.astimezone(UTC))
    if row.made_id is not None:
        response.headers["Content-Location"] = f"/api/files/{row.made_id}"
    return UploadRead(
        id=row.id,
        name=row.name,
        size_bytes=row.size_bytes,
        received_bytes=row.received_bytes,
        file_id=row.made_id,
        expires_at=row.expires_at,
    )


@uploads.patch(
    "/{upload_id:uuid}",
    status_code=HTTPStatus.NO_CONTENT,
    response_class=Response,
    responses=problems(NotAuthenticated, TusVersionUnknown, *_CREATING, *_SENDING),
    openapi_extra=_PATCHING,
)
@takes_a_stream
async def send_bytes(upload_id: UUID, request: Request, caller: CurrentCaller, parts: AllParts) -> Response:
    """Send bytes from `Upload-Offset` on. The answer to the last of them means that the file is made."""
    return await _send(upload_id, request, caller, parts)


@uploads.post(
    "/{upload_id:uuid}",
    status_code=HTTPStatus.NO_CONTENT,
    response_class=Response,
    responses=problems(NotAuthenticated, TusVersionUnknown, *_CREATING, *_SENDING),
    openapi_extra={
        **_PATCHING,
        "parameters": [
            _VERSION,
            _header("X-HTTP-Method-Override", "What is meant.", required=True, enum=["PATCH", "DELETE"]),
        ],
    },
)
@takes_a_stream
async def send_otherwise(upload_id: UUID, request: Request, caller: CurrentCaller, parts: AllParts) -> Response:
    """PATCH or DELETE, for clients that can send neither."""
    method = request.headers.get("x-http-method-override", "").upper()
    if method == "PATCH":
        return await _send(upload_id, request, caller, parts)
    if method == "DELETE":
        await resumable.give_up(parts, caller, upload_id)
        return Response(status_code=HTTPStatus.NO_CONTENT)
    raise MalformedUpload("Say with `X-HTTP-Method-Override` whether this is a PATCH or a DELETE.")


@uploads.delete(
    "/{upload_id:uuid}",
    status_code=HTTPStatus.NO_CONTENT,
    response_class=Response,
    responses=problems(NotAuthenticated, TusVersionUnknown, UploadNotFound, UploadBusy),
    openapi_extra={"parameters": [_VERSION]},
)
async def give_up_upload(upload_id: UUID, caller: CurrentCaller, parts: AllParts) -> Response:
    """Give an upload up, and remove its bytes. A file that was made of it stays."""
    await resumable.give_up(parts, caller, upload_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@by_hash.post(
    "/by-hash",
    status_code=HTTPStatus.CREATED,
    response_model=FileRead,
    responses={
        200: {
            "model": FileRead,
            "description": "The file was there; its bytes were replaced.",
            **with_headers("ETag", "Location"),
        },
        201: with_headers("ETag", "Location"),
        **problems(
            NotAuthenticated,
            ContentUnknown,
            InvalidName,
            ContainerNotFound,
            ReadOnly,
            NameTaken,
            ContentGone,
            QuotaExceeded,
        ),
    },
)
async def make_by_hash(wanted: ContentByHash, caller: CurrentCaller, parts: AllParts, unit: UnitOfWork) -> Response:
    """Make a file of bytes that you have already, known by their SHA-256, without sending them.

    404 `content-unknown`: you have nothing with these bytes, whatever others have; then send them.
    """
    async with parts[Database].reading() as session:
        owner_id = await places.require_container(session, caller.person_id, wanted.folder_id, kind=FOLDER.name)
    have = await known.find_known(parts, caller, wanted.sha256, wanted.size_bytes, name=wanted.name)
    if have is None or owner_id != caller.person_id:
        raise ContentUnknown
    session = await unit.writing()
    await reference(session, have.object_id)
    written, is_new = await service.create_file(
        session,
        caller,
        NewFile(wanted.name, have.received),
        folder_id=wanted.folder_id,
        on_conflict=wanted.on_conflict,
    )
    return Response(
        written.json,
        status_code=HTTPStatus.CREATED if is_new else HTTPStatus.OK,
        headers={"ETag": etag(written.version), "Location": f"/api/files/{written.id}"},
        media_type="application/json",
    )


async def _send(upload_id: UUID, request: Request, caller: Caller, parts: Parts) -> Response:
    tus.require_offset_stream(request.headers)
    progress = await resumable.send(
        parts,
        caller,
        upload_id,
        _chunks(request),
        offset=tus.offset(request.headers),
        announced_bytes=_announced(request),
        size_bytes=tus.length(request.headers),
        checksum=tus.checksum(request.headers),
    )
    return Response(status_code=HTTPStatus.NO_CONTENT, headers=_progress(progress))


def _created(upload_id: UUID, progress: Progress) -> Response:
    headers = {"Location": f"{PATH}/{upload_id}", **_progress(progress)}
    return Response(status_code=HTTPStatus.CREATED, headers=headers)


def _progress(progress: Progress) -> dict[str, str]:
    headers = {"Upload-Offset": str(progress.received_bytes)}
    if progress.expires_at is not None:
        headers["Upload-Expires"] = tus.expires(progress.expires_at.astimezone(UTC))
    if progress.made_id is not None:
        headers["Content-Location"] = f"/api/files/{progress.made_id}"
    return headers


def _abilities(parts: Parts) -> Response:
    limit = parts[FilesSettings].largest_file_bytes
    headers = {
        "Tus-Version": tus.VERSION,
        "Tus-Extension": tus.EXTENSIONS,
        "Tus-Checksum-Algorithm": ",".join(tus.ALGORITHMS),
        **({} if limit is None else {"Tus-Max-Size": str(limit)}),
    }
    return Response(status_code=HTTPStatus.NO_CONTENT, headers=headers)


def _announced(request: Request) -> int | None:
    value = request.headers.get("content-length", "")
    return int(value) if value.isascii() and value.isdigit() else None


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    stream = aiter(request.stream())
    while True:
        try:
            async with asyncio.timeout(_IDLE_SECONDS):
                chunk = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise ClientDisconnect from error
        if chunk:
            yield chunk
