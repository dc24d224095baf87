"""Large downloads on S3: the answer is a signed URL of the bucket, and the bytes travel past the application.

Who may read was decided before; that somebody was given the URL is told as a fact in the transaction that the answer
waits for, so what was downloaded past us is known as well as what went through.
"""

from http import HTTPStatus
from typing import Final, NamedTuple
from uuid import UUID

from fastapi import Request, Response
from starlette.responses import RedirectResponse

from commonplace.apps.files.events import FileHandedOver
from commonplace.apps.files.settings import FilesSettings
from commonplace.platform.database.session import Database
from commonplace.platform.events import log
from commonplace.platform.http import context
from commonplace.platform.http.conditional import etag, is_unchanged
from commonplace.platform.media.serving import Content, media_type_header
from commonplace.platform.parts import Parts
from commonplace.platform.storage.protocol import ObjectStorage, SignedRequest

#: What a browser asks for to show it to a person or to save it. Parts of a page (`img`, `video`, `fetch`) are asked for
#: in the name of the page, whose policy and CORS know nothing of the bucket.
_FOR_A_PERSON: Final = frozenset({"navigate"})


class Taken(NamedTuple):
    """Which file's bytes are downloaded, and by whom."""

    file_id: UUID
    owner_id: UUID
    size_bytes: int
    by: UUID | None  #: None: whoever holds a link


async def redirect(
    request: Request, parts: Parts, content: Content, taken: Taken, *, wanted: bool = False
) -> Response | None:
    """The redirection to the bucket; None: these bytes go through the application.

    They go past it where the storage signs URLs of its own, when the request says so (`wanted`), or when the file has
    `FILES__SIGNED_DOWNLOAD_BYTES` or more and a program or a browser's own download asks for it. A download that goes
    on by our `ETag` goes through, since the bucket knows the bytes by another.
    """
    if context.of(request.scope).method != "GET" or not (wanted or _is_large(request, parts, content)):
        return None
    if is_unchanged(request, etag(content.tag)) or request.headers.get("if-range") == etag(content.tag):
        return None
    signed = await parts[ObjectStorage].sign_read(
        content.key, disposition=content.disposition, content_type=media_type_header(content.media_type)
    )
    if not signed.url.startswith("http"):
        return None
    await tell(parts, signed, taken)
    return RedirectResponse(signed.url, HTTPStatus.FOUND, headers={"Cache-Control": "no-store"})


async def tell(parts: Parts, signed: SignedRequest, taken: Taken) -> None:
    """Record that somebody was given a URL which needs no further credential."""
    fact = FileHandedOver(file_id=taken.file_id, size_bytes=taken.size_bytes, until=signed.expires_at)
    async with parts[Database].writing() as session:
        await log.tell(session, fact, owner_id=taken.owner_id, by=taken.by, about=taken.file_id)


def _is_large(request: Request, parts: Parts, content: Content) -> bool:
    least = parts[FilesSettings].signed_download_bytes
    if least is None or content.size_bytes < least:
        return False
    return request.headers.get("sec-fetch-mode", "navigate") in _FOR_A_PERSON
