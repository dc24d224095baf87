"""Bytes over HTTP: a file's content, its thumbnails, signed links to it, and what such a link leads to."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import Query as QueryParameter
from fastapi import Request, Response

from commonplace.apps.files import handing_over, queries
from commonplace.apps.files.errors import (
    ContentMismatch,
    FileNotFound,
    LinkNotFound,
    NoThumbnail,
    ThumbnailNotReady,
)
from commonplace.apps.files.handing_over import Taken
from commonplace.apps.files.schemas import SignedUrl
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.http.dependencies import AllParts, CurrentCaller
from commonplace.platform.http.openapi import with_headers
from commonplace.platform.http.problems import problems
from commonplace.platform.http.routing import Router, takes_a_stream
from commonplace.platform.identity.caller import Caller
from commonplace.platform.media.readable import may_have_picture
from commonplace.platform.media.serving import (
    FOR_EVER,
    REVALIDATE,
    Content,
    disposition_of,
    media_type_header,
    respond,
    served,
)
from commonplace.platform.parts import Parts
from commonplace.platform.storage.errors import (
    ObjectExists,
    ObjectNotFound,
    SignatureRefused,
    StorageFull,
)
from commonplace.platform.storage.protocol import ObjectStorage

router = Router(prefix="/api/files", tags=["files"])
links = Router(prefix="/api/storage", tags=["files"])

_PICTURE: Final = served("The picture.", "image/jpeg", "image/webp", "image/avif")
_FORMS: Final = ("avif", "webp")
_NOT_YET: Final = problems(FileNotFound, ThumbnailNotReady, NoThumbnail)
_ELSEWHERE: Final[dict[int | str, dict[str, Any]]] = {
    302: {"description": "The signed URL, with `redirect`, or of a large file.", **with_headers("Location")}
}

Download = Annotated[bool, QueryParameter(description="As an attachment, whatever it is.")]
Redirect = Annotated[
    bool, QueryParameter(description="Answer 302 with a signed URL of the storage, where it has such (S3).")
]
Size = Annotated[
    Literal["256", "1024", "2048"],
    QueryParameter(description="Pixels of the longer side, at most: smaller pictures are not enlarged."),
]
Shown = Annotated[
    str | None,
    QueryParameter(
        alias="v",
        max_length=64,
        description="The file's `sha256`: an answer for these bytes may be kept for ever without asking again.",
    ),
]


@router.hot_get(
    "/{file_id:uuid}/content",
    response_class=Response,
    responses={**served("The bytes."), **_ELSEWHERE, **problems(NotAuthenticated, FileNotFound)},
    response_model=None,
)
async def read_content(
    file_id: UUID,
    request: Request,
    caller: CurrentCaller,
    parts: AllParts,
    download: Download = False,
    redirect: Redirect = False,
) -> Response:
    """A file's bytes. One range a request (`Range: bytes=…`); conditional by `ETag` (its SHA-256) and by date.

    From `FILES__SIGNED_DOWNLOAD_BYTES` on the answer is a redirection to the bucket, where there is one.
    """
    row = await _content_row(parts, caller, file_id)
    content = Content(
        key=row["key"],
        size_bytes=row["size_bytes"],
        media_type=row["media_type"],
        tag=row["sha256"],
        modified_at=row["updated_at"],
        disposition=disposition_of(row["title"], row["media_type"], as_download=download),
    )
    taken = Taken(file_id, row["owner_id"], row["size_bytes"], by=caller.person_id)
    past_us = await handing_over.redirect(request, parts, content, taken, wanted=redirect)
    return past_us or await respond(request, parts[ObjectStorage], content)


@router.get("/{file_id:uuid}/url", responses=problems(NotAuthenticated, FileNotFound))
async def sign_url(
    file_id: UUID, request: Request, caller: CurrentCaller, parts: AllParts, download: Download = False
) -> SignedUrl:
    """A link that reads the bytes of now without any credential, until it expires (60 minutes by default)."""
    row = await _content_row(parts, caller, file_id)
    signed = await parts[ObjectStorage].sign_read(
        row.key,
        disposition=disposition_of(row.title, row.media_type, as_download=download),
        content_type=media_type_header(row.media_type),
    )
    await handing_over.tell(parts, signed, Taken(file_id, row.owner_id, row.size_bytes, by=caller.person_id))
    url = signed.url if signed.url.startswith("http") else str(request.base_url).rstrip("/") + signed.url
    return SignedUrl(url=url, expires_at=signed.expires_at)


@router.hot_get(
    "/{file_id:uuid}/thumbnail",
    response_class=Response,
    responses={
        **_PICTURE,
        404: {**_NOT_YET[404], **with_headers("Retry-After")},
        **problems(NotAuthenticated),
    },
    response_model=None,
)
async def read_thumbnail(
    file_id: UUID,
    request: Request,
    caller: CurrentCaller,
    parts: AllParts,
    size: Size = "256",
    shown: Shown = None,
) -> Response:
    """A smaller picture of a file, as AVIF or WebP where `Accept` names them and they are made.

    404 with `Retry-After` until there is one; 404 without where there will be none.
    """
    async with parts[Database].reading() as session:
        row = await session.first(
            queries.THUMBNAIL,
            file_id=file_id,
            person_id=caller.person_id,
            size=int(size),
            forms=[form for form in _FORMS if f"image/{form}" in request.headers.get("accept", "")],
        )
    if row is None:
        raise FileNotFound
    if row["key"] is None:
        if row["state"] is None and not row["is_read"] and may_have_picture(row["media_type"]):
            raise ThumbnailNotReady
        raise NoThumbnail(row["reason"])
    content = Content(
        key=row["key"],
        size_bytes=row["size_bytes"],
        media_type=row["rendition_media_type"],
        tag=f"{row['sha256']}-{size}{row['form']}",
        vary="Accept",
        modified_at=row["processed_at"],
        cache_control=FOR_EVER if shown == row["sha256"] else REVALIDATE,
    )
    return await respond(request, parts[ObjectStorage], content)


@links.get(
    "/{token}",
    response_class=Response,
    response_model=None,
    responses={**served("The bytes."), **problems(SignatureRefused, LinkNotFound)},
)
async def follow_link(token: str, request: Request, parts: AllParts) -> Response:
    """The bytes that a signed link leads to. The token is the credential, for this object and for its time."""
    storage = parts[ObjectStorage]
    grant = storage.redeem(token, method=request.method)
    try:
        info = await storage.stat(grant.key)
        content = Content(
            key=grant.key,
            size_bytes=info.size_bytes,
            media_type=grant.content_type or "application/octet-stream",
            tag=grant.key.rpartition("/")[2].partition(".")[0],
            modified_at=info.modified_at,
            disposition=grant.disposition or "attachment",
            cache_control=f"private, max-age={max(0, int((grant.expires_at - datetime.now(UTC)).total_seconds()))}",
        )
        return await respond(request, storage, content)
    except ObjectNotFound as error:
        raise LinkNotFound from error


@links.put(
    "/{token}",
    status_code=HTTPStatus.NO_CONTENT,
    response_class=Response,
    responses=problems(SignatureRefused, ContentMismatch, ObjectExists, StorageFull),
    openapi_extra={"requestBody": {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}},
)
@takes_a_stream
async def upload_to_link(token: str, request: Request, parts: AllParts) -> Response:
    """Take the bytes that a link was signed for: exactly so many, of that type, once."""
    storage = parts[ObjectStorage]
    grant = storage.redeem(token, method="PUT")
    _require_what_was_signed(request, grant.size_bytes, grant.content_type)
    async with await storage.open_writer(
        grant.key, content_type=grant.content_type, expected_bytes=grant.size_bytes, only_if_absent=True
    ) as writer:
        async for chunk in request.stream():
            await writer.write(chunk)
            if grant.size_bytes is not None and writer.size_bytes > grant.size_bytes:
                break
        if writer.size_bytes != grant.size_bytes:
            raise ContentMismatch(f"The link takes exactly {grant.size_bytes} bytes.")
        await writer.commit()
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _require_what_was_signed(request: Request, size_bytes: int | None, content_type: str | None) -> None:
    if request.headers.get("content-length") != str(size_bytes):
        raise ContentMismatch(f"The link takes exactly {size_bytes} bytes; say so in Content-Length.")
    if request.headers.get("content-type") != content_type:
        raise ContentMismatch(f"The link takes {content_type}; send it as Content-Type.")


async def _content_row(parts: Parts, caller: Caller, file_id: UUID) -> Row:
    """The row of `queries.CONTENT`; the connection is given back before any byte is read.

    Raises:
        FileNotFound: there is no such file, or the caller may not see it.
    """
    async with parts[Database].reading() as session:
        row = await session.first(queries.CONTENT, file_id=file_id, person_id=caller.person_id)
    if row is None:
        raise FileNotFound
    return row
