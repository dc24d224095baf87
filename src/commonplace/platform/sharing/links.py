"""Links: read access to one item, and to all that lies in it, for whoever holds the link's token.

A token is 256 random bits, told once; kept is only its SHA-256, so whoever reads the database can open nothing. A link
is looked up by each request: revoking it, or its end, counts from the next one on. It is good for as long as whoever
made it may share the item.
"""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import text

from commonplace.platform.database.ids import new_id
from commonplace.platform.database.query import Query
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.events import log
from commonplace.platform.sharing import access
from commonplace.platform.sharing.errors import LinkNotKnown, SharedItemNotFound, TooManyShares
from commonplace.platform.sharing.events import LinkCreated, LinkRevoked
from commonplace.platform.sharing.grants import LOCK_ITEM, SEE_ITEM
from commonplace.platform.sharing.rights import allows, hidden

TOKEN_PREFIX: Final = "cpl_"  # noqa: S105 - by which logs recognise a link's token
_TOKEN_BYTES: Final = 32
_LONGEST_TOKEN: Final = 100  #: characters; nothing longer is looked for
_LINK: Final = "item_link.id, item_link.item_id, item_link.created_at, item_link.created_by, item_link.expires_at"
_ITEM: Final = "item.id, item.kind, item.title, item.version, item.parent_id, item.updated_at, item.owner_id"
_FIRST_ID: Final = UUID(int=0)

_COUNT = Query(
    text("""
    SELECT count(*) FROM platform.item_link
    WHERE item_id = :item_id AND (expires_at IS NULL OR expires_at > clock_timestamp())
    """)
)
_MAKE = Query(
    text(f"""
    INSERT INTO platform.item_link (id, item_id, digest, created_by, expires_at)
    VALUES (:id, :item_id, :digest, :created_by, :expires_at) RETURNING {_LINK}
    """)
)
_PAGE = Query(
    text(f"SELECT {_LINK} FROM platform.item_link WHERE item_id = :item_id AND id > :after ORDER BY id LIMIT :limit")
)
_FIND = Query(text(f"SELECT {_LINK} FROM platform.item_link WHERE id = :id"))
_REVOKE = Query(text("DELETE FROM platform.item_link WHERE id = :id"))
_OPEN = Query(
    text(f"""
    SELECT {_ITEM}, item_link.expires_at
    FROM platform.item_link JOIN platform.item ON item.id = item_link.item_id
    WHERE item_link.digest = :digest AND (item_link.expires_at IS NULL OR item_link.expires_at > clock_timestamp())
    AND item.kind = ANY(CAST(:kinds AS text[])) AND item.trashed_at IS NULL AND NOT {hidden()}
    AND {allows("share", person="item_link.created_by")}
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


class Made(NamedTuple):
    """A new link, and the token that opens it."""

    row: Row
    token: str


async def make(
    session: WriteSession,
    caller_id: UUID,
    item_id: UUID,
    *,
    expires_at: datetime | None,
    kinds: Sequence[str],
    most: int,
) -> Made:
    """Make a link to an item of one of `kinds`, to which `most` good links can lead.

    Raises:
        SharedItemNotFound: there is no such item, or the caller may not see it.
        NotYoursToShare: the caller may not say who may see it.
        TooManyShares: as many links lead to it as may.
    """
    locked = await session.first(LOCK_ITEM, item_id=item_id, kinds=list(kinds))
    item, _ = await access.require(session, caller_id, locked, "share", SharedItemNotFound)
    if await session.scalar(_COUNT, item_id=item_id) >= most:
        raise TooManyShares("links", most, "SHARING__LINKS_PER_ITEM")
    token = TOKEN_PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)
    row = await session.first(
        _MAKE, id=new_id(), item_id=item_id, digest=_digest(token), created_by=caller_id, expires_at=expires_at
    )
    if row is None:
        raise LookupError("An INSERT that ended without an error returns its row.")
    await log.tell(session, LinkCreated(link_id=row.id, item_id=item_id), owner_id=item.owner_id, by=caller_id)
    return Made(row, token)


async def links_of(
    session: ReadSession, caller_id: UUID, item_id: UUID, *, kinds: Sequence[str], limit: int, after: UUID | None
) -> Sequence[Row]:
    """The links to an item itself, the oldest first, expired ones too.

    Raises:
        SharedItemNotFound: there is no such item, or the caller may not see it.
        NotYoursToShare: the caller may not know who may see it.
    """
    row = await session.first(SEE_ITEM, item_id=item_id, kinds=list(kinds))
    await access.require(session, caller_id, row, "share", SharedItemNotFound)
    return await session.all(_PAGE, item_id=item_id, after=after or _FIRST_ID, limit=limit)


async def revoke(session: WriteSession, caller_id: UUID, link_id: UUID, *, kinds: Sequence[str]) -> None:
    """Revoke a link: from now on it leads nowhere. Links to what is in the trash can be revoked too.

    Raises:
        LinkNotKnown: there is none, or the caller may not share what it leads to.
    """
    link = await session.first(_FIND, id=link_id)
    item = None if link is None else await session.first(LOCK_ITEM, item_id=link.item_id, kinds=list(kinds))
    if link is None or item is None or not (await access.access_of(session, caller_id, item)).may("share"):
        raise LinkNotKnown
    if not await session.execute(_REVOKE, id=link_id):
        raise LinkNotKnown
    await log.tell(session, LinkRevoked(link_id=link_id, item_id=item.id), owner_id=item.owner_id, by=caller_id)


async def opened(session: ReadSession, token: str, *, kinds: Sequence[str]) -> Row:
    """The item that a token leads to, with the `expires_at` of its link.

    Raises:
        LinkNotKnown: it leads nowhere, for whatever reason.
    """
    row = None
    if len(token) <= _LONGEST_TOKEN and token.isascii():
        row = await session.first(_OPEN, digest=_digest(token), kinds=list(kinds))
    if row is None:
        raise LinkNotKnown
    return row


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


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
