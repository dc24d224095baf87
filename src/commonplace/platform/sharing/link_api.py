"""What the holder of a link reads, without an account: the item, and page by page what lies in it.

Nothing here tells of what lies outside: not the owner, nor the container that the item lies in. Links that never were,
that were revoked and that have expired are answered alike. These operations count in the limits of requests as all do.
"""

from collections.abc import Sequence
from typing import Annotated, Final, NamedTuple
from uuid import UUID

from fastapi import Path, Response
from fastapi import Query as QueryParameter

from commonplace.platform.database.pages import UnknownPage, read_cursor, write_cursor
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession
from commonplace.platform.http.dependencies import AllParts, Reading
from commonplace.platform.http.problems import problems
from commonplace.platform.http.routing import Router
from commonplace.platform.sharing import links
from commonplace.platform.sharing.errors import LinkNotKnown, SharedItemNotFound
from commonplace.platform.sharing.loaders import Loaders
from commonplace.platform.sharing.schemas import LinkOpened, SharedItem, SharedItemPage

router = Router(prefix="/api/links/{token}", tags=["sharing"])

#: Operations without a credential: the token is one.
PUBLIC: Final = frozenset(
    {"GET /api/links/{token}", "GET /api/links/{token}/items", "GET /api/links/{token}/items/{item_id}"}
)
_FIRST_PAGE: Final = 50
_HEADERS: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}

Token = Annotated[str, Path(min_length=1, max_length=100, description="What the link was told with.")]


class _Cursor(NamedTuple):
    """Where a page ended."""

    kind: str
    title: str
    id: UUID


@router.get("", responses=problems(LinkNotKnown))
async def open_link(token: Token, session: Reading, parts: AllParts, response: Response) -> LinkOpened:
    """What a link leads to, with the first page of what lies in it."""
    response.headers.update(_HEADERS)
    loaders = parts[Loaders]
    root = await links.opened(session, token, kinds=loaders.kinds)
    (item,) = await _shown(session, loaders, root.id, [root])
    page = await _page(session, loaders, root.id, root.id, limit=_FIRST_PAGE, after=None)
    return LinkOpened(item=item, expires_at=root.expires_at, access="view", children=page)


@router.get("/items", responses=problems(LinkNotKnown, SharedItemNotFound, UnknownPage))
async def list_linked_items(
    *,
    token: Token,
    session: Reading,
    parts: AllParts,
    response: Response,
    container_id: Annotated[UUID | None, QueryParameter(description="Left out: what the link leads to.")] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=200)] = _FIRST_PAGE,
    after: Annotated[str | None, QueryParameter(description="`next` of the page before.")] = None,
) -> SharedItemPage:
    """What lies in a container that a link leads to, or in one at any depth below it."""
    response.headers.update(_HEADERS)
    loaders = parts[Loaders]
    root = await links.opened(session, token, kinds=loaders.kinds)
    place = None if after is None else read_cursor(after, _Cursor)
    if place is not None and "\0" in place.kind + place.title:
        raise UnknownPage
    container = root.id
    if container_id is not None:
        container = (await links.item_below(session, root.id, container_id, kinds=loaders.kinds)).id
    return await _page(session, loaders, root.id, container, limit=limit, after=place)


@router.get("/items/{item_id:uuid}", responses=problems(LinkNotKnown, SharedItemNotFound))
async def read_linked_item(
    token: Token, item_id: UUID, session: Reading, parts: AllParts, response: Response
) -> SharedItem:
    """An item that a link leads to, or one at any depth below it."""
    response.headers.update(_HEADERS)
    loaders = parts[Loaders]
    root = await links.opened(session, token, kinds=loaders.kinds)
    row = await links.item_below(session, root.id, item_id, kinds=loaders.kinds)
    (item,) = await _shown(session, loaders, root.id, [row])
    return item


async def _page(
    session: ReadSession, loaders: Loaders, root_id: UUID, container_id: UUID, *, limit: int, after: _Cursor | None
) -> SharedItemPage:
    rows = await links.children(session, container_id, kinds=loaders.kinds, limit=limit + 1, after=after)
    last = rows[limit - 1] if len(rows) > limit else None
    return SharedItemPage(
        items=await _shown(session, loaders, root_id, rows[:limit]),
        next=None if last is None else write_cursor(last.kind, last.title, last.id),
    )


async def _shown(session: ReadSession, loaders: Loaders, root_id: UUID, rows: Sequence[Row]) -> list[SharedItem]:
    details = await loaders.details(session, [(row.id, row.kind) for row in rows])
    return [
        SharedItem(
            id=row.id,
            kind=row.kind,
            name=row.title,
            parent_id=None if row.id == root_id else row.parent_id,
            version=row.version,
            updated_at=row.updated_at,
            details=dict(details.get(row.id, {})),
        )
        for row in rows
    ]
