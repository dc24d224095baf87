"""Who stands before a link, and what it opens to them.

Links that never were, that were revoked and that have expired are answered alike, by one look-up. A link is looked up
by each request: revoking it, its end, and another password count from the next one on. It is good for as long as
whoever made it may share the item.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import text
from starlette.requests import Request

from commonplace.platform.database.query import Query
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession
from commonplace.platform.http import context
from commonplace.platform.parts import Parts
from commonplace.platform.sharing.errors import (
    LinkForbids,
    LinkNameNeeded,
    LinkNotKnown,
    LinkPasswordNeeded,
    SharedItemNotFound,
)
from commonplace.platform.sharing.loaders import Loaders
from commonplace.platform.sharing.rights import allows, hidden
from commonplace.platform.sharing.visits.gate import LinkGate, Pass, address_class

PASS_HEADER: Final = "Link-Pass"  # noqa: S105 - a name
PASS_COOKIE: Final = "commonplace_link"  # noqa: S105 - a name
_LONGEST_TOKEN: Final = 100  #: characters; nothing longer is looked for
_ITEM: Final = "item.id, item.kind, item.title, item.version, item.parent_id, item.updated_at, item.owner_id"
#: The condition that a link with its item is good; over `item_link` joined with `item`.
GOOD: Final = f"""
    item_link.revoked_at IS NULL AND (item_link.expires_at IS NULL OR item_link.expires_at > clock_timestamp())
    AND item.trashed_at IS NULL AND NOT {hidden()} AND {allows("share", person="item_link.created_by")}
"""
_OPEN = Query(
    text(f"""
    SELECT {_ITEM}, item_link.id AS link_id, item_link.created_by, item_link.expires_at, item_link.access,
        item_link.password_hash, item_link.asks_name, item_link.most_downloads, item_link.downloads,
        item_link.most_files, item_link.most_bytes, item_link.files_taken, item_link.bytes_taken,
        item_link.tells_visits, item_link.tells_uploads
    FROM platform.item_link JOIN platform.item ON item.id = item_link.item_id
    WHERE item_link.digest = :digest AND item.kind = ANY(CAST(:kinds AS text[])) AND {GOOD}
    """)
)
_BELOW = Query(
    text(f"""
    SELECT {_ITEM} FROM platform.item
    WHERE item.id = :item_id AND item.kind = ANY(CAST(:kinds AS text[])) AND item.trashed_at IS NULL AND NOT {hidden()}
    AND EXISTS (
        WITH RECURSIVE above AS (
            SELECT item.id, item.parent_id
            UNION ALL
            SELECT ancestor.id, ancestor.parent_id FROM platform.item AS ancestor
            JOIN above ON ancestor.id = above.parent_id
        )
        SELECT FROM above WHERE id = :root_id
    )
    """)
)
# In the order of the index of listings.
_CHILDREN = f"""
    SELECT {_ITEM} FROM platform.item
    WHERE coalesce(item.parent_id, item.owner_id) = :container_id AND item.trashed_at IS NULL
    AND item.kind = ANY(CAST(:kinds AS text[])) {{after}}
    ORDER BY item.kind, item.title, item.id LIMIT :limit
"""
_FIRST_CHILDREN = Query(text(_CHILDREN.format(after="")))
_NEXT_CHILDREN = Query(
    text(_CHILDREN.format(after="AND (item.kind, item.title, item.id) > (CAST(:kind AS text), :title, :id)"))
)
#: The way from the root of a link down to an item, the root first.
_WAY = Query(
    text("""
    WITH RECURSIVE above AS (
        SELECT item.id, item.title, item.parent_id, 0 AS level FROM platform.item WHERE item.id = :item_id
        UNION ALL
        SELECT ancestor.id, ancestor.title, ancestor.parent_id, above.level + 1 FROM platform.item AS ancestor
        JOIN above ON ancestor.id = above.parent_id WHERE above.id <> :root_id
    )
    SELECT id, title FROM above ORDER BY level DESC
    """)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request by a link that let it in."""

    link: Row  #: the link with its item: see `opened`
    key: bytes  #: by which this visitor is told from others of the same link
    name: str | None  #: what they said their name is
    address_class: str

    def require(self, *accesses: str, what: str) -> None:
        """Refuse what the link is not for.

        Raises:
            LinkForbids: it has none of these kinds of access.
        """
        if self.link.access not in accesses:
            raise LinkForbids(what)


def digest_of(token: str) -> bytes:
    """What is kept of a link's token."""
    return hashlib.sha256(token.encode()).digest()


async def opened(session: ReadSession, token: str, *, kinds: Sequence[str]) -> Row:
    """The item that a token leads to, and its link (`link_id`, `access` and so on), whoever asks.

    Raises:
        LinkNotKnown: it leads nowhere, for whatever reason.
    """
    row = None
    if len(token) <= _LONGEST_TOKEN and token.isascii():
        row = await session.first(_OPEN, digest=digest_of(token), kinds=list(kinds))
    if row is None:
        raise LinkNotKnown
    return row


async def enter(session: ReadSession, parts: Parts, request: Request, token: str) -> Visit:
    """Let a request in by a link, with its pass where one is needed.

    Raises:
        LinkNotKnown: the token leads nowhere, for whatever reason.
        LinkPasswordNeeded, LinkNameNeeded: the request has no good pass.
    """
    link = await opened(session, token, kinds=parts[Loaders].kinds)
    shown = _pass_of(parts, request, link)
    if link.password_hash is not None and shown is None:
        raise LinkPasswordNeeded
    if link.asks_name and (shown is None or shown.name is None):
        raise LinkNameNeeded
    return visit_of(parts, request, link, None if shown is None or not link.asks_name else shown.name)


def visit_of(parts: Parts, request: Request, link: Row, name: str | None) -> Visit:
    """The visit of whoever sent the request, under the name that they gave."""
    address = context.of(request.scope).client_address
    browser = request.headers.get("user-agent", "")[:500]
    key = parts[LinkGate].visitor_key(link.link_id, address, f"{browser}\0{name or ''}")
    return Visit(link=link, key=key, name=name, address_class=address_class(address))


async def item_below(session: ReadSession, root_id: UUID, item_id: UUID, *, kinds: Sequence[str]) -> Row:
    """An item that is the root of a link, or lies in it at any depth.

    Raises:
        SharedItemNotFound: it is neither, or is in the trash.
    """
    row = await session.first(_BELOW, root_id=root_id, item_id=item_id, kinds=list(kinds))
    if row is None:
        raise SharedItemNotFound
    return row


async def children(
    session: ReadSession, container_id: UUID, *, kinds: Sequence[str], limit: int, after: tuple[str, str, UUID] | None
) -> Sequence[Row]:
    """What lies in a container that was found to be below a link's root, by kind, title and id."""
    given = {"container_id": container_id, "kinds": list(kinds), "limit": limit}
    if after is None:
        return await session.all(_FIRST_CHILDREN, **given)
    return await session.all(_NEXT_CHILDREN, **given, kind=after[0], title=after[1], id=after[2])


async def way_to(session: ReadSession, root_id: UUID, item_id: UUID) -> Sequence[Row]:
    """The containers from a link's root down to an item that was found to be below it, and the item."""
    return await session.all(_WAY, root_id=root_id, item_id=item_id)


def _pass_of(parts: Parts, request: Request, link: Row) -> Pass | None:
    given = request.headers.get(PASS_HEADER) or request.cookies.get(PASS_COOKIE)
    return None if given is None else parts[LinkGate].read_pass(given, link.link_id, link.password_hash)
