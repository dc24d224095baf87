"""What the holder of a link reads and sends, without an account: the item, and page by page what lies in it.

Nothing here tells of what lies outside: not the owner, nor the container that the item lies in. Links that never were,
that were revoked and that have expired are answered alike. These operations count in the limits of requests as all do.
"""

import re
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import Path, Request, Response
from fastapi import Query as QueryParameter

from commonplace.platform.database.pages import UnknownPage
from commonplace.platform.database.session import Database
from commonplace.platform.http.dependencies import AllParts, UnitOfWork
from commonplace.platform.http.problems import problems
from commonplace.platform.http.routing import Router, takes_a_stream
from commonplace.platform.media.serving import served
from commonplace.platform.sharing.errors import (
    DownloadsUsedUp,
    LinkBusy,
    LinkForbids,
    LinkFull,
    LinkNameNeeded,
    LinkNotKnown,
    LinkPasswordNeeded,
    NoPreview,
    SharedItemNotFound,
    TooManyGuesses,
    WrongLinkPassword,
)
from commonplace.platform.sharing.link_schemas import (
    LinkOpened,
    PassAsked,
    PassGiven,
    SharedItem,
    SharedItemPage,
    Uploaded,
    UploadedFile,
)
from commonplace.platform.sharing.visits import doing, showing
from commonplace.platform.sharing.visits.opening import enter
from commonplace.platform.storage.errors import StorageFull

router = Router(prefix="/api/links/{token}", tags=["sharing"])

#: Operations without a credential: the token is one.
PUBLIC: Final = frozenset(
    {
        "GET /api/links/{token}",
        "POST /api/links/{token}/pass",
        "GET /api/links/{token}/items",
        "GET /api/links/{token}/items/{item_id}",
        "GET /api/links/{token}/items/{item_id}/preview",
        "GET /api/links/{token}/items/{item_id}/content",
        "GET /api/links/{token}/items/{item_id}/archive",
        "POST /api/links/{token}/files",
    }
)
_STREAMS: Final = re.compile(
    r"GET (?:/api/links|/s)/[^/]+/items/[^/]+/(?:content|archive)|POST (?:/api/links|/s)/[^/]+/files"
)
_HEADERS: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
_ENTERING: Final = (LinkNotKnown, LinkPasswordNeeded, LinkNameNeeded)
_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
_FILES: Final[dict[str, Any]] = {
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
            },
            "application/octet-stream": _BINARY,
        },
    }
}

Token = Annotated[str, Path(min_length=1, max_length=100, description="What the link was told with.")]


def is_stream(method: str, path: str) -> bool:
    """Whether the body or the answer may be of any size and take any time."""
    return path.startswith(("/api/links/", "/s/")) and _STREAMS.fullmatch(f"{method} {path}") is not None


@router.get("", responses=problems(*_ENTERING))
async def open_link(
    token: Token, request: Request, unit: UnitOfWork, parts: AllParts, response: Response
) -> LinkOpened:
    """What a link leads to, with the first page of what lies in it."""
    response.headers.update(_HEADERS)
    session = await unit.reading()
    visit = await enter(session, parts, request, token)
    opened = await showing.opened_of(session, parts, visit)
    await doing.note_visit(unit, parts, visit)
    return opened


@router.post(
    "/pass",
    responses=problems(LinkNotKnown, WrongLinkPassword, LinkPasswordNeeded, LinkNameNeeded, TooManyGuesses, LinkBusy),
)
async def give_pass(token: Token, shown: PassAsked, request: Request, parts: AllParts, response: Response) -> PassGiven:
    """Show the password of a link, and a name where one is asked for. The pass is good for some hours."""
    response.headers.update(_HEADERS)
    link_pass, until = await doing.give_pass(parts, request, token, password=shown.password, name=shown.name)
    return PassGiven(link_pass=link_pass, expires_at=datetime.fromtimestamp(until, UTC))


@router.get("/items", responses=problems(*_ENTERING, LinkForbids, SharedItemNotFound, UnknownPage))
async def list_linked_items(
    *,
    token: Token,
    request: Request,
    unit: UnitOfWork,
    parts: AllParts,
    response: Response,
    container_id: Annotated[UUID | None, QueryParameter(description="Left out: what the link leads to.")] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=200)] = showing.FIRST_PAGE,
    after: Annotated[str | None, QueryParameter(description="`next` of the page before.")] = None,
) -> SharedItemPage:
    """What lies in a container that a link leads to, or in one at any depth below it."""
    response.headers.update(_HEADERS)
    session = await unit.reading()
    visit = await enter(session, parts, request, token)
    return await showing.page_of(session, parts, visit, container_id, limit=limit, after=after)


@router.get("/items/{item_id:uuid}", responses=problems(*_ENTERING, LinkForbids, SharedItemNotFound))
async def read_linked_item(
    token: Token, item_id: UUID, request: Request, unit: UnitOfWork, parts: AllParts, response: Response
) -> SharedItem:
    """An item that a link leads to, or one at any depth below it."""
    response.headers.update(_HEADERS)
    session = await unit.reading()
    visit = await enter(session, parts, request, token)
    return await showing.item_of(session, parts, visit, item_id)


@router.get(
    "/items/{item_id:uuid}/preview",
    response_class=Response,
    response_model=None,
    responses={
        **served("A picture, or the beginning of a text.", "image/jpeg", "image/webp", "text/plain"),
        **problems(*_ENTERING, LinkForbids, SharedItemNotFound, NoPreview),
    },
)
async def preview_linked_item(
    token: Token,
    item_id: UUID,
    request: Request,
    unit: UnitOfWork,
    parts: AllParts,
    size: Annotated[Literal["256", "1024", "2048"], QueryParameter(description="Pixels of the longer side.")] = "1024",
) -> Response:
    """How an item looks: smaller pictures than it has, or its first lines. This is no download."""
    visit = await enter(await unit.reading(), parts, request, token)
    return await doing.preview(request, unit, parts, visit, item_id, size=int(size))


@router.get(
    "/items/{item_id:uuid}/content",
    response_class=Response,
    response_model=None,
    responses={
        **served("The bytes."),
        **problems(*_ENTERING, LinkForbids, SharedItemNotFound, DownloadsUsedUp),
    },
)
async def download_linked_item(
    token: Token, item_id: UUID, request: Request, unit: UnitOfWork, parts: AllParts
) -> Response:
    """The bytes of a file. One range a request; counted when the last byte has left, once for a resumed download."""
    visit = await enter(await unit.reading(), parts, request, token)
    return await doing.download(request, unit, parts, visit, item_id)


@router.get(
    "/items/{item_id:uuid}/archive",
    response_class=Response,
    response_model=None,
    responses={
        **served("The archive.", "application/zip"),
        **problems(*_ENTERING, LinkForbids, SharedItemNotFound, DownloadsUsedUp),
    },
)
async def download_linked_archive(
    token: Token, item_id: UUID, request: Request, unit: UnitOfWork, parts: AllParts
) -> Response:
    """A folder with all that lies in it, as a ZIP archive: one download, however much is in it."""
    visit = await enter(await unit.reading(), parts, request, token)
    return await doing.download(request, unit, parts, visit, item_id, is_archive=True)


@router.post(
    "/files",
    status_code=HTTPStatus.CREATED,
    responses=problems(*_ENTERING, LinkForbids, LinkFull, StorageFull),
    openapi_extra=_FILES,
)
@takes_a_stream
async def upload_by_link(
    token: Token,
    request: Request,
    unit: UnitOfWork,
    parts: AllParts,
    name: Annotated[  # noqa: ARG001 - read by the app, which knows what a file may be called
        str | None, QueryParameter(max_length=255, description="The file's name, when the body is its bytes.")
    ] = None,
) -> Uploaded:
    """Put files into the folder of a link: parts `file` of a form, or one as the raw body. All are kept, or none.

    What has the same name stays; the new one gets a number.
    """
    async with parts[Database].reading() as session:
        visit = await enter(session, parts, request, token)
    put = await doing.upload(request, unit, parts, visit)
    return Uploaded(items=[UploadedFile(name=one.name, size_bytes=one.size_bytes) for one in put])
