"""Links as those see them who make them. What their holders do with them stands in `visits`.

A token is 256 random bits, told once; kept is only its SHA-256, so whoever reads the database can open nothing. A link
that was revoked leads nowhere, and stays with its ledger for as long as ledgers are kept.
"""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, get_args
from uuid import UUID

from sqlalchemy import text

from commonplace.platform.database.ids import new_id
from commonplace.platform.database.query import Query
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.events import log
from commonplace.platform.sharing import access
from commonplace.platform.sharing.errors import LinkCannot, LinkNotKnown, SharedItemNotFound, TooManyShares
from commonplace.platform.sharing.events import LinkChanged, LinkCreated, LinkRevoked
from commonplace.platform.sharing.grants import LOCK_ITEM, SEE_ITEM
from commonplace.platform.sharing.loaders import Loaders
from commonplace.platform.sharing.visits.opening import digest_of

TOKEN_PREFIX: Final = "cpl_"  # noqa: S105 - by which logs recognise a link's token
LinkAccess = Literal["view", "download", "upload"]
_TOKEN_BYTES: Final = 32
#: What of a link may be told, in the order of the answers.
FIELDS: Final = (
    "id",
    "item_id",
    "access",
    "label",
    "created_at",
    "created_by",
    "expires_at",
    "revoked_at",
    "asks_name",
    "most_downloads",
    "downloads",
    "most_files",
    "most_bytes",
    "files_taken",
    "bytes_taken",
    "tells_visits",
    "tells_uploads",
)
#: What a change may set.
CHANGEABLE: Final = (
    "access",
    "label",
    "expires_at",
    "password_hash",
    "asks_name",
    "most_downloads",
    "most_files",
    "most_bytes",
    "tells_visits",
    "tells_uploads",
)
_TYPES: Final = {
    "expires_at": "timestamptz",
    "most_downloads": "integer",
    "most_files": "integer",
    "most_bytes": "bigint",
    "asks_name": "boolean",
    "tells_visits": "boolean",
    "tells_uploads": "boolean",
}
_LINK: Final = ", ".join(f"item_link.{name}" for name in FIELDS) + ", password_hash IS NOT NULL AS has_password"
_FIRST_ID: Final = UUID(int=0)

_COUNT = Query(
    text("""
    SELECT count(*) FROM platform.item_link
    WHERE item_id = :item_id AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())
    """)
)
_MAKE = Query(
    text(f"""
    INSERT INTO platform.item_link (id, item_id, digest, created_by, {", ".join(CHANGEABLE)})
    VALUES (:id, :item_id, :digest, :created_by, {", ".join(f":{name}" for name in CHANGEABLE)}) RETURNING {_LINK}
    """)
)
_PAGE = Query(
    text(f"""
    SELECT {_LINK} FROM platform.item_link
    WHERE item_id = :item_id AND id > :after AND (revoked_at IS NULL OR :revoked) ORDER BY id LIMIT :limit
    """)
)
_FIND = Query(text(f"SELECT {_LINK} FROM platform.item_link WHERE id = :id"))
# Each column is set when it is among those that are named.
_CHANGE = Query(
    text(f"""
    UPDATE platform.item_link SET {
        ", ".join(
            f"{name} = CASE WHEN '{name}' = ANY(CAST(:changed AS text[]))"
            f" THEN CAST(:{name} AS {_TYPES.get(name, 'text')}) ELSE {name} END"
            for name in CHANGEABLE
        )
    }
    WHERE id = :id AND revoked_at IS NULL RETURNING {_LINK}
    """)
)
_RENEW = Query(
    text(f"""
    UPDATE platform.item_link SET digest = :digest WHERE id = :id AND revoked_at IS NULL RETURNING {_LINK}
    """)
)
_REVOKE = Query(
    text("UPDATE platform.item_link SET revoked_at = clock_timestamp() WHERE id = :id AND revoked_at IS NULL")
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
    values: Mapping[str, Any],
    loaders: Loaders,
    most: int,
) -> Made:
    """Make a link to an item, to which `most` good links can lead; `values` are those of `CHANGEABLE`.

    Raises:
        SharedItemNotFound: there is no such item, or the caller may not see it.
        NotYoursToShare: the caller may not say who may see it.
        LinkCannot: items of its kind give nothing that could be downloaded, or take nothing.
        TooManyShares: as many links lead to it as may.
    """
    locked = await session.first(LOCK_ITEM, item_id=item_id, kinds=list(loaders.kinds))
    item, _ = await access.require(session, caller_id, locked, "share", SharedItemNotFound)
    _require_sense(loaders, item.kind, values["access"])
    if await session.scalar(_COUNT, item_id=item_id) >= most:
        raise TooManyShares("links", most, "SHARING__LINKS_PER_ITEM")
    token = _new_token()
    row = await session.first(
        _MAKE, id=new_id(), item_id=item_id, digest=digest_of(token), created_by=caller_id, **values
    )
    if row is None:
        raise LookupError("An INSERT that ended without an error returns its row.")
    await log.tell(session, LinkCreated(link_id=row.id, item_id=item_id), owner_id=item.owner_id, by=caller_id)
    return Made(row, token)


async def links_of(
    session: ReadSession,
    caller_id: UUID,
    item_id: UUID,
    *,
    kinds: Sequence[str],
    limit: int,
    after: UUID | None,
    revoked: bool = False,
) -> Sequence[Row]:
    """The links to an item itself, the oldest first, expired ones too; revoked ones where they are asked for.

    Raises:
        SharedItemNotFound: there is no such item, or the caller may not see it.
        NotYoursToShare: the caller may not know who may see it.
    """
    row = await session.first(SEE_ITEM, item_id=item_id, kinds=list(kinds))
    await access.require(session, caller_id, row, "share", SharedItemNotFound)
    return await session.all(_PAGE, item_id=item_id, after=after or _FIRST_ID, limit=limit, revoked=revoked)


async def accesses_to(session: ReadSession, item_id: UUID, loaders: Loaders) -> list[LinkAccess]:
    """What links to an item can be for."""
    row = await session.first(SEE_ITEM, item_id=item_id, kinds=list(loaders.kinds))
    return [] if row is None else [name for name in get_args(LinkAccess) if loaders.linked(row.kind).allows(name)]


async def link_of(session: ReadSession, caller_id: UUID, link_id: UUID, *, kinds: Sequence[str]) -> Row:
    """A link, revoked or not, to an item that the caller may share, in the trash or not.

    Raises:
        LinkNotKnown: there is none.
    """
    return (await _link_and_item(session, caller_id, link_id, kinds, locks=False))[0]


async def change(
    session: WriteSession, caller_id: UUID, link_id: UUID, *, values: Mapping[str, Any], loaders: Loaders
) -> Row:
    """Change what a link is good for, at once: those of `CHANGEABLE` that are given.

    Raises:
        LinkNotKnown: there is none, it was revoked, or the caller may not share what it leads to.
        LinkCannot: items of this kind give nothing that could be downloaded, or take nothing.
    """
    _, item = await _link_and_item(session, caller_id, link_id, loaders.kinds)
    if "access" in values:
        _require_sense(loaders, item.kind, values["access"])
    given = {name: values.get(name) for name in CHANGEABLE}
    row = await session.first(_CHANGE, id=link_id, changed=list(values), **given)
    if row is None:
        raise LinkNotKnown
    await log.tell(session, LinkChanged(link_id=link_id, item_id=item.id), owner_id=item.owner_id, by=caller_id)
    return row


async def renew(session: WriteSession, caller_id: UUID, link_id: UUID, *, kinds: Sequence[str]) -> Made:
    """Give a link another token; with that of before it opens no more.

    Raises:
        LinkNotKnown: there is none, it was revoked, or the caller may not share what it leads to.
    """
    _, item = await _link_and_item(session, caller_id, link_id, kinds)
    token = _new_token()
    row = await session.first(_RENEW, id=link_id, digest=digest_of(token))
    if row is None:
        raise LinkNotKnown
    await log.tell(session, LinkChanged(link_id=link_id, item_id=item.id), owner_id=item.owner_id, by=caller_id)
    return Made(row, token)


async def revoke(session: WriteSession, caller_id: UUID, link_id: UUID, *, kinds: Sequence[str]) -> None:
    """Revoke a link: from now on it leads nowhere. Links to what is in the trash can be revoked too.

    Raises:
        LinkNotKnown: there is none, or the caller may not share what it leads to.
    """
    _, item = await _link_and_item(session, caller_id, link_id, kinds)
    if not await session.execute(_REVOKE, id=link_id):
        raise LinkNotKnown
    await log.tell(session, LinkRevoked(link_id=link_id, item_id=item.id), owner_id=item.owner_id, by=caller_id)


async def _link_and_item(
    session: ReadSession, caller_id: UUID, link_id: UUID, kinds: Sequence[str], *, locks: bool = True
) -> tuple[Row, Row]:
    link = await session.first(_FIND, id=link_id)
    item = None
    if link is not None:
        item = await session.first(LOCK_ITEM if locks else SEE_ITEM, item_id=link.item_id, kinds=list(kinds))
    if link is None or item is None or not (await access.access_of(session, caller_id, item)).may("share"):
        raise LinkNotKnown
    return link, item


def _require_sense(loaders: Loaders, kind: str, wanted: str) -> None:
    if not loaders.linked(kind).allows(wanted):
        raise LinkCannot("Nothing can be put into this." if wanted == "upload" else "There is nothing to download.")


def _new_token() -> str:
    return TOKEN_PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)
