"""What the holder of a link is shown: items as they see them."""

from collections.abc import Sequence
from typing import Final, NamedTuple
from uuid import UUID

from commonplace.platform.database.pages import UnknownPage, read_cursor, write_cursor
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession
from commonplace.platform.parts import Parts
from commonplace.platform.sharing.link_schemas import LinkOpened, SharedItem, SharedItemPage
from commonplace.platform.sharing.loaders import Loaders
from commonplace.platform.sharing.visits import opening
from commonplace.platform.sharing.visits.opening import Visit

FIRST_PAGE: Final = 50


class Cursor(NamedTuple):
    """Where a page ended."""

    kind: str
    title: str
    id: UUID


async def opened_of(session: ReadSession, parts: Parts, visit: Visit) -> LinkOpened:
    """What a link leads to. Where files can only be put in, nothing of what is there is told."""
    link = visit.link
    is_upload = link.access == "upload"
    (item,) = await shown(session, parts, link.id, [link])
    if is_upload:
        children, item.details = SharedItemPage(items=[], next=None), {}
    else:
        children = await page_of(session, parts, visit, None, limit=FIRST_PAGE, after=None)
    return LinkOpened(
        item=item,
        expires_at=link.expires_at,
        access=link.access,
        downloads_left=left(link.most_downloads, link.downloads),
        files_left=left(link.most_files, link.files_taken) if is_upload else None,
        bytes_left=left(link.most_bytes, link.bytes_taken) if is_upload else None,
        children=children,
    )


async def page_of(
    session: ReadSession,
    parts: Parts,
    visit: Visit,
    container_id: UUID | None,
    *,
    limit: int,
    after: str | None,
    kinds: Sequence[str] | None = None,
) -> SharedItemPage:
    """A page of what lies in a container below the link's root; None: in the root. With `kinds`, only those.

    Raises:
        LinkForbids: it is a link to put files in.
        SharedItemNotFound: there is no such container below the root.
        UnknownPage: `after` is no cursor of this list.
    """
    visit.require("view", "download", what="seeing what is there")
    root_id, all_kinds = visit.link.id, parts[Loaders].kinds
    place = None if after is None else read_cursor(after, Cursor)
    if place is not None and "\0" in place.kind + place.title:
        raise UnknownPage
    container = root_id
    if container_id is not None:
        container = (await opening.item_below(session, root_id, container_id, kinds=all_kinds)).id
    rows = await opening.children(session, container, kinds=kinds or all_kinds, limit=limit + 1, after=place)
    last = rows[limit - 1] if len(rows) > limit else None
    return SharedItemPage(
        items=await shown(session, parts, root_id, rows[:limit]),
        next=None if last is None else write_cursor(last.kind, last.title, last.id),
    )


async def item_of(session: ReadSession, parts: Parts, visit: Visit, item_id: UUID) -> SharedItem:
    """The root of a link, or an item below it.

    Raises:
        LinkForbids: it is a link to put files in.
        SharedItemNotFound: it is neither.
    """
    visit.require("view", "download", what="seeing what is there")
    row = await opening.item_below(session, visit.link.id, item_id, kinds=parts[Loaders].kinds)
    (item,) = await shown(session, parts, visit.link.id, [row])
    return item


async def shown(session: ReadSession, parts: Parts, root_id: UUID, rows: Sequence[Row]) -> list[SharedItem]:
    """The items as the holder of a link to `root_id` sees them."""
    details = await parts[Loaders].details(session, [(row.id, row.kind) for row in rows])
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


def left(most: int | None, used: int) -> int | None:
    """How much of a limit is left; None: there is none."""
    return None if most is None else max(0, most - used)
