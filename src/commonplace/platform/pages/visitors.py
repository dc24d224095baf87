"""Pages for those who hold a link: no account, and no script needed.

What they may do is decided where the API for them decides it (`sharing/visits`). A page tells nothing of what lies
outside of the link, is not to be found by search engines, and sends nobody on with its address.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final, NamedTuple
from uuid import UUID

from fastapi import Form, Request
from fastapi import Query as QueryParameter
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from commonplace.platform.database.session import Database, ReadSession
from commonplace.platform.errors import Problem
from commonplace.platform.history.kinds import Kinds
from commonplace.platform.http import context
from commonplace.platform.http.dependencies import AllParts, UnitOfWork
from commonplace.platform.http.routing import Router, takes_a_stream
from commonplace.platform.http.unit import Unit
from commonplace.platform.pages.render import render
from commonplace.platform.parts import Parts
from commonplace.platform.sharing.errors import (
    LinkBusy,
    LinkNameNeeded,
    LinkPasswordNeeded,
    TooManyGuesses,
    WrongLinkPassword,
)
from commonplace.platform.sharing.link_api import Token
from commonplace.platform.sharing.link_schemas import SharedItem
from commonplace.platform.sharing.loaders import Loaders
from commonplace.platform.sharing.settings import SharingSettings
from commonplace.platform.sharing.visits import doing, opening, showing
from commonplace.platform.sharing.visits.opening import PASS_COOKIE, Visit

router = Router(prefix="/s/{token}", include_in_schema=False)

_FOLDERS: Final = 200  #: containers that are shown of one place
_ENTRIES: Final = 60
_ICONS: Final = {"image": "file-image", "video": "file-video", "audio": "file-music", "text": "file-text"} | {
    "application/pdf": "file-text",
    "application/zip": "file-archive",
}
_HEADERS: Final = {"X-Robots-Tag": "noindex, nofollow", "Cache-Control": "no-store", "Referrer-Policy": "same-origin"}
_LONGEST_NAME: Final = 80


class _At(NamedTuple):
    """What a page is made with."""

    request: Request
    unit: Unit
    parts: Parts
    token: str


@router.get("")
async def open_page(
    token: Token,
    request: Request,
    unit: UnitOfWork,
    parts: AllParts,
    after: Annotated[str | None, QueryParameter(max_length=2048)] = None,
    kept: Annotated[int | None, QueryParameter(ge=1, le=100_000)] = None,
) -> Response:
    """What a link leads to: a folder, an item, or a place to put files; or else the question for what is missing."""
    session = await unit.reading()
    try:
        visit = await opening.enter(session, parts, request, token)
    except (LinkPasswordNeeded, LinkNameNeeded):
        link = await opening.opened(session, token, kinds=parts[Loaders].kinds)
        return _gate(request, token, asks_password=link.password_hash is not None, asks_name=link.asks_name)
    if visit.link.access == "upload":
        page = _upload_page(request, token, visit, kept)
    else:
        page = await _item_page(_At(request, unit, parts, token), visit, None, after)
    await doing.note_visit(unit, parts, visit)
    return page


@router.post("")
async def show_pass(
    token: Token,
    request: Request,
    parts: AllParts,
    password: Annotated[str | None, Form(max_length=1024)] = None,
    name: Annotated[str | None, Form(max_length=500)] = None,
) -> Response:
    """Take the password and the name; the pass for them is a cookie of this link's pages."""
    name = None if name is None else "".join(filter(str.isprintable, name)).strip()[:_LONGEST_NAME]
    try:
        link_pass, _ = await doing.give_pass(parts, request, token, password=password, name=name)
    except (WrongLinkPassword, LinkPasswordNeeded, LinkNameNeeded, TooManyGuesses, LinkBusy) as problem:
        asks_password = password is not None or isinstance(problem, LinkPasswordNeeded)
        return _gate(
            request, token, asks_password=asks_password, asks_name=name is not None, problem=problem, name=name
        )
    response = RedirectResponse(f"/s/{token}", HTTPStatus.SEE_OTHER, headers=_HEADERS)
    response.set_cookie(
        PASS_COOKIE,
        link_pass,
        max_age=parts[SharingSettings].link_pass_seconds,
        path=f"/s/{token}",
        secure=context.of(request.scope).scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return response


@router.get("/items/{item_id:uuid}")
async def item_page(
    token: Token,
    item_id: UUID,
    request: Request,
    unit: UnitOfWork,
    parts: AllParts,
    after: Annotated[str | None, QueryParameter(max_length=2048)] = None,
) -> Response:
    """A folder or an item below what a link leads to."""
    visit = await _entered(await unit.reading(), parts, request, token)
    return await _item_page(_At(request, unit, parts, token), visit, item_id, after)


@router.get("/items/{item_id:uuid}/preview")
async def preview(
    token: Token,
    item_id: UUID,
    request: Request,
    unit: UnitOfWork,
    parts: AllParts,
    size: Annotated[int, QueryParameter(ge=256, le=2048)] = 1024,
) -> Response:
    """A picture of an item."""
    visit = await _entered(await unit.reading(), parts, request, token)
    return await doing.preview(request, unit, parts, visit, item_id, size=size)


@router.get("/items/{item_id:uuid}/content")
async def content(token: Token, item_id: UUID, request: Request, unit: UnitOfWork, parts: AllParts) -> Response:
    """The bytes of an item."""
    visit = await _entered(await unit.reading(), parts, request, token)
    return await doing.download(request, unit, parts, visit, item_id)


@router.get("/items/{item_id:uuid}/archive")
async def archive(token: Token, item_id: UUID, request: Request, unit: UnitOfWork, parts: AllParts) -> Response:
    """A folder as a ZIP archive."""
    visit = await _entered(await unit.reading(), parts, request, token)
    return await doing.download(request, unit, parts, visit, item_id, is_archive=True)


@router.post("/files")
@takes_a_stream
async def put_files(token: Token, request: Request, unit: UnitOfWork, parts: AllParts) -> Response:
    """Take the files of the form; a script that sends them is told their names."""
    async with parts[Database].reading() as session:
        visit = await _entered(session, parts, request, token)
    put = await doing.upload(request, unit, parts, visit)
    if "text/html" not in request.headers.get("accept", ""):
        return JSONResponse({"items": [{"name": one.name} for one in put]}, HTTPStatus.CREATED)
    return RedirectResponse(f"/s/{token}?kept={len(put)}", HTTPStatus.SEE_OTHER, headers=_HEADERS)


async def _entered(session: ReadSession, parts: Parts, request: Request, token: str) -> Visit:
    """Let a request in, or lead it to where what is missing can be shown.

    Raises:
        LinkNotKnown: the token leads nowhere.
        LinkPasswordNeeded, LinkNameNeeded: with the page to continue at.
    """
    try:
        return await opening.enter(session, parts, request, token)
    except (LinkPasswordNeeded, LinkNameNeeded) as problem:
        problem.extensions["continue_at"] = f"/s/{token}"
        raise


async def _item_page(at: _At, visit: Visit, item_id: UUID | None, after: str | None) -> HTMLResponse:
    parts, unit, token, root, kinds = at.parts, at.unit, at.token, visit.link, at.parts[Kinds]
    session = await unit.reading()
    item = await showing.item_of(session, parts, visit, item_id or root.id)
    way = [] if item.id == root.id else list(await opening.way_to(session, root.id, item.id))[:-1]
    linked = parts[Loaders].linked(item.kind)
    shared: dict[str, Any] = {
        "token": token,
        "item": item,
        "trail": [(row.title, f"/s/{token}" if row.id == root.id else f"/s/{token}/items/{row.id}") for row in way],
        "may_download": root.access == "download",
        "downloads_left": showing.left(root.most_downloads, root.downloads),
        "expires_at": root.expires_at,
        "icon_of": lambda one: _icon_of(one, kinds),
    }
    if kinds[item.kind].is_container:
        containers = [name for name in parts[Loaders].kinds if kinds[name].is_container]
        others = [name for name in parts[Loaders].kinds if name not in containers]
        folders = None
        if after is None:
            folders = await showing.page_of(
                session, parts, visit, item.id, limit=_FOLDERS, after=None, kinds=containers
            )
        entries = await showing.page_of(session, parts, visit, item.id, limit=_ENTRIES, after=after, kinds=others)
        shared |= {"folders": folders, "entries": entries, "has_archive": linked.archive is not None}
        return _page(at.request, "visitors/folder.html", **shared)
    excerpt = None
    text = None if linked.text is None or item.details.get("has_picture") else await linked.text(session, item.id)
    if text is not None or item.details.get("has_picture"):
        await doing.note_preview(unit, visit, item.id, item.name)
    if text is not None:
        await unit.commit()  # no connection is held while the storage is asked
        excerpt = await doing.beginning_of(parts, text)
    return _page(at.request, "visitors/item.html", **shared, excerpt=excerpt, has_content=linked.content is not None)


def _upload_page(request: Request, token: str, visit: Visit, kept: int | None) -> HTMLResponse:
    link = visit.link
    return _page(
        request,
        "visitors/upload.html",
        token=token,
        title=link.title,
        name=visit.name,
        kept=kept,
        files_left=showing.left(link.most_files, link.files_taken),
        bytes_left=showing.left(link.most_bytes, link.bytes_taken),
        expires_at=link.expires_at,
    )


def _gate(
    request: Request,
    token: str,
    *,
    asks_password: bool,
    asks_name: bool,
    problem: Problem | None = None,
    name: str | None = None,
) -> HTMLResponse:
    status = HTTPStatus.OK if problem is None else problem.status
    headers = {} if problem is None else problem.headers()
    return _page(
        request,
        "visitors/gate.html",
        status=status,
        headers=headers,
        token=token,
        asks_password=asks_password,
        asks_name=asks_name,
        problem=problem,
        name=name or "",
    )


def _page(
    request: Request,
    template: str,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
    **shared: Any,
) -> HTMLResponse:
    return render(request, template, status=status, headers={**_HEADERS, **(headers or {})}, **shared)


def _icon_of(item: SharedItem, kinds: Kinds) -> str:
    media_type = str(item.details.get("media_type", ""))
    known = _ICONS.get(media_type.partition("/")[0]) or _ICONS.get(media_type)
    return known or kinds[item.kind].icon
