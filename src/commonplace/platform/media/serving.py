"""Serving stored bytes: whole or a range, conditionally, and so that they never run as a page of ours."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from commonplace.platform.http import context
from commonplace.platform.http.conditional import etag, is_unchanged
from commonplace.platform.http.openapi import with_headers
from commonplace.platform.http.problems import problems
from commonplace.platform.http.security_headers import USER_CONTENT
from commonplace.platform.media.types import may_be_inline
from commonplace.platform.storage.errors import RangeNotSatisfiable, StorageUnavailable
from commonplace.platform.storage.protocol import ObjectReader, ObjectStorage

_RANGE: Final = re.compile(r"bytes=(\d{0,19})-(\d{0,19})", re.ASCII)
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$&+.^_`|~ ()-]+", re.ASCII)
REVALIDATE: Final = "private, no-cache"
FOR_EVER: Final = "private, max-age=31536000, immutable"


@dataclass(frozen=True, kw_only=True)
class Content:
    """Stored bytes and how they are to be served."""

    key: str
    size_bytes: int
    media_type: str
    tag: str  #: names these bytes among all; without quotes
    modified_at: datetime | None  #: None: no date tells them from what was there before
    disposition: str | None = None  #: the header's value; None: none
    cache_control: str = REVALIDATE
    vary: str | None = None  #: the header of the request that another answer might depend on


def disposition_of(name: str, media_type: str, *, as_download: bool = False) -> str:
    """The `Content-Disposition` (RFC 6266, 8187) for a file of this name: inline only what cannot run anything."""
    kind = "inline" if may_be_inline(media_type) and not as_download else "attachment"
    plain = "".join(character if _TOKEN.fullmatch(character) else "_" for character in name)
    if plain == name:
        return f'{kind}; filename="{plain}"'
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def media_type_header(media_type: str) -> str:
    """The `Content-Type`: texts of ours are read as UTF-8, which nearly all are."""
    is_bare_text = media_type.startswith("text/") and ";" not in media_type
    return f"{media_type}; charset=utf-8" if is_bare_text else media_type


def served(what: str, *media_types: str) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses=`: what `respond` answers. Without media types: of any type."""
    schema = {"schema": {"type": "string", "format": "binary"}}
    content = dict.fromkeys(media_types or ("*/*",), schema)
    headers = ("ETag", "Content-Disposition")
    return {
        200: {"description": what, "content": content, **with_headers(*headers)},
        206: {"description": "The range asked for.", "content": content, **with_headers("Content-Range", *headers)},
        304: {
            "description": "The client has these bytes (`If-None-Match`, `If-Modified-Since`).",
            **with_headers("ETag"),
        },
        416: {**problems(RangeNotSatisfiable)[416], **with_headers("Content-Range")},
    }


async def respond(request: Request, storage: ObjectStorage, content: Content) -> Response:
    """The answer to a GET or HEAD for `content`: 200, 206 or 304.

    Raises:
        RangeNotSatisfiable: the range asked for has none of the bytes.
    """
    can_send_files = "http.response.pathsend" in request.scope.get("extensions", ())
    path = partial(storage.local_path, content.key) if can_send_files else None
    return await respond_from(request, content, partial(storage.read, content.key), path=path)


async def respond_from(
    request: Request,
    content: Content,
    read: Callable[[int, int], Awaitable[ObjectReader]],
    *,
    path: Callable[[], Awaitable[Path | None]] | None = None,
) -> Response:
    """The same for bytes that `read(start, end)` opens, or whole by the file that `path` names, if it names one."""
    headers = {**USER_CONTENT, "ETag": etag(content.tag)}
    if content.modified_at is not None:
        headers["Last-Modified"] = format_datetime(content.modified_at.astimezone(UTC), usegmt=True)
    headers |= {"Cache-Control": content.cache_control, "Accept-Ranges": "bytes"}
    if content.vary is not None:
        headers["Vary"] = content.vary
    if _is_unchanged(request, content):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    headers["Content-Type"] = media_type_header(content.media_type)
    if content.disposition is not None:
        headers["Content-Disposition"] = content.disposition
    wanted = _range(request, content)
    start, end = wanted or (0, content.size_bytes)
    headers["Content-Length"] = str(end - start)
    if wanted is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{content.size_bytes}"
    status = HTTPStatus.OK if wanted is None else HTTPStatus.PARTIAL_CONTENT
    if context.of(request.scope).method == "HEAD" or content.size_bytes == 0:
        return Response(status_code=status, headers=headers)
    if wanted is None and path is not None and (file := await path()) is not None:
        return PathResponse(file, headers)
    reader = await read(start, end)
    if reader.size_bytes != content.size_bytes:  # what lies there is something else: damaged, or under a key unknown
        await reader.aclose()
        raise StorageUnavailable("The stored bytes are not those that were stored; restore them from a backup.")
    return StreamResponse(reader, status, headers)


class PathResponse(Response):
    """A file that the server sends by itself (ASGI's `http.response.pathsend`); no byte of it passes through Python."""

    def __init__(self, path: Path, headers: Mapping[str, str]) -> None:
        super().__init__(headers=dict(headers))
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        """Hand the path to the server."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.pathsend", "path": str(self._path)})


class StreamResponse(Response):
    """Bytes read from the storage, at most two chunks in memory; the reader is open already, so errors came before."""

    def __init__(self, reader: ObjectReader, status: HTTPStatus, headers: Mapping[str, str]) -> None:
        super().__init__(status_code=status, headers=dict(headers))
        self.reader = reader

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        """Send the bytes as they come. A client that goes away ends it: the server raises, or cancels."""
        async with self.reader as chunks:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async for chunk in chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def _is_unchanged(request: Request, content: Content) -> bool:
    """RFC 9110, section 13.2.2: the date counts only where no tag was sent."""
    if "if-none-match" in request.headers:
        return is_unchanged(request, etag(content.tag))
    since = _date(request.headers.get("if-modified-since"))
    return since is not None and content.modified_at is not None and content.modified_at.replace(microsecond=0) <= since


def _range(request: Request, content: Content) -> tuple[int, int] | None:
    """The range asked for, from byte to before byte; None: the whole, also for what is no single range of bytes."""
    match = _RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
    if match is None or context.of(request.scope).method != "GET" or not _range_applies(request, content):
        return None
    first, last = match[1], match[2]
    size = content.size_bytes
    if first:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
    elif last:
        start, end = max(0, size - int(last)), size
    else:
        return None
    if start >= size or start >= end:
        raise RangeNotSatisfiable(start=start, end=None, size_bytes=size)
    return start, end


def _range_applies(request: Request, content: Content) -> bool:
    """Whether the bytes are still those that `If-Range` speaks of (RFC 9110, section 13.1.5)."""
    condition = request.headers.get("if-range")
    if condition is None:
        return True
    if condition.startswith('"'):
        return condition == etag(content.tag)
    return content.modified_at is not None and _date(condition) == content.modified_at.astimezone(UTC).replace(
        microsecond=0
    )


def _date(value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
