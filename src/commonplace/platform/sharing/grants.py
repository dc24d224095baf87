"""Grants: access to one item, and to all that lies in it, given to one person.

Whoever shares with an e-mail address must not learn by it whether the address has an account. So a grant to an address
is made in any case, looks the same in any case, and tells nobody's name until the person accepts it; it works at once
where there is an account, and never where there is none: an account that is made later does not inherit it.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple
from uuid import UUID

from sqlalchemy import text

from commonplace.platform.database.ids import new_id
from commonplace.platform.database.query import Query
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.events import log
from commonplace.platform.events.event import Event
from commonplace.platform.sharing import access
from commonplace.platform.sharing.errors import (
    GrantNotFound,
    NotYoursToShare,
    SharedAlready,
    SharedItemNotFound,
    SharedWithOwner,
    TooManyShares,
)
from commonplace.platform.sharing.events import ItemShared, ShareChanged, ShareRevoked
from commonplace.platform.sharing.rights import Level, hidden, visible

_GRANT: Final = """
    item_grant.id, item_grant.item_id, item_grant.owner_id, item_grant.person_id, item_grant.address, item_grant.level,
    item_grant.granted_at, item_grant.granted_by
"""
#: The item, locked against another grant or link at the same time, so that limits are limits.
LOCK_ITEM: Final = Query(
    text(f"""
    SELECT item.id, item.kind, item.owner_id, item.updated_at, item.trashed_at, {hidden()} AS is_hidden
    FROM platform.item WHERE item.id = :item_id AND item.kind = ANY(CAST(:kinds AS text[])) FOR NO KEY UPDATE
    """)
)
SEE_ITEM: Final = Query(
    text(f"""
    SELECT item.id, item.kind, item.owner_id, item.updated_at, item.trashed_at, {hidden()} AS is_hidden
    FROM platform.item WHERE item.id = :item_id AND item.kind = ANY(CAST(:kinds AS text[]))
    """)
)
# One at a time, as everything that makes grants.
_LOCK = Query(text("SELECT id FROM platform.item WHERE id = :item_id FOR NO KEY UPDATE"))
_COUNT = Query(text("SELECT count(*) FROM platform.item_grant WHERE item_id = :item_id"))
_GIVE = Query(
    text(f"""
    INSERT INTO platform.item_grant (id, item_id, owner_id, person_id, address, level, granted_by)
    VALUES (:id, :item_id, :owner_id, :person_id, :address, :level, :granted_by)
    ON CONFLICT DO NOTHING RETURNING {_GRANT}
    """)
)
_SAME = Query(
    text("""
    SELECT id FROM platform.item_grant WHERE item_id = :item_id AND CASE
        WHEN CAST(:address AS text) IS NULL THEN address IS NULL AND person_id = :person_id
        ELSE lower(address) = lower(:address) END
    """)
)
_PAGE = Query(
    text(f"""
    SELECT {_GRANT} FROM platform.item_grant WHERE item_id = :item_id AND id > :after ORDER BY id LIMIT :limit
    """)
)
_FIND = Query(text(f"SELECT {_GRANT} FROM platform.item_grant WHERE id = :id"))
_CHANGE = Query(text(f"UPDATE platform.item_grant SET level = :level WHERE id = :id RETURNING {_GRANT}"))
_REMOVE = Query(text(f"DELETE FROM platform.item_grant WHERE id = :id RETURNING {_GRANT}"))
# A person who was given the item by name already gets the better one of the two.
_MERGE = Query(
    text("""
    WITH offered AS (
        DELETE FROM platform.item_grant WHERE id = :id AND EXISTS (
            SELECT FROM platform.item_grant AS given WHERE given.item_id = item_grant.item_id
            AND given.person_id = item_grant.person_id AND given.address IS NULL)
        RETURNING item_id, person_id, level
    )
    UPDATE platform.item_grant AS given SET level = offered.level FROM offered
    WHERE given.item_id = offered.item_id AND given.person_id = offered.person_id AND given.address IS NULL
    AND array_position(ARRAY['view', 'comment', 'edit', 'own'], offered.level)
        > array_position(ARRAY['view', 'comment', 'edit', 'own'], given.level)
    """)
)
_ACCEPT = Query(text("UPDATE platform.item_grant SET address = NULL WHERE id = :id AND address IS NOT NULL"))
_RECEIVED = f"""
    SELECT {_GRANT}, item.kind, item.title, item.version, item.updated_at
    FROM platform.item_grant JOIN platform.item ON item.id = item_grant.item_id
    WHERE item_grant.person_id = :person_id AND item.owner_id <> :person_id AND {visible()} {{after}}
    ORDER BY item_grant.granted_at DESC, item_grant.id DESC LIMIT :limit
"""
_FIRST_RECEIVED = Query(text(_RECEIVED.format(after="")))
_NEXT_RECEIVED = Query(text(_RECEIVED.format(after="AND (item_grant.granted_at, item_grant.id) < (:granted_at, :id)")))
_FORGET = Query(
    text("""
    DELETE FROM platform.item_grant WHERE person_id = :person_id OR granted_by = :person_id OR owner_id = :person_id
    OR lower(address) = ANY(CAST(:addresses AS text[]))
    """)
)
_FORGET_LINKS = Query(text("DELETE FROM platform.item_link WHERE created_by = :person_id"))
_FIRST_ID: Final = UUID(int=0)


class Grantee(NamedTuple):
    """To whom access is given: a person, or an address (with the person whom it belongs to, if there is one)."""

    person_id: UUID | None
    address: str | None = None


async def grant(
    session: WriteSession,
    caller_id: UUID,
    item_id: UUID,
    grantee: Grantee,
    *,
    level: Level,
    kinds: Sequence[str],
    most: int,
) -> Row:
    """Give access to an item of one of `kinds`, which has `most` grants at most; the grant comes back.

    Raises:
        SharedItemNotFound: there is no such item, or the caller may not see it.
        NotYoursToShare: the caller may not say who may see it.
        SharedWithOwner: the caller names themself, or the owner by id.
        SharedAlready: the person, or the address, has a grant on the item.
        TooManyShares: the item has as many grants as it may.
    """
    locked = await session.first(LOCK_ITEM, item_id=item_id, kinds=list(kinds))
    item, _ = await access.require(session, caller_id, locked, "share", SharedItemNotFound)
    # Of an address nothing may be told, but that it is the caller's own.
    if grantee.person_id == caller_id or (grantee.address is None and grantee.person_id == item.owner_id):
        raise SharedWithOwner
    given = {"item_id": item_id, "person_id": grantee.person_id, "address": grantee.address}
    same = await session.scalar(_SAME, **given)
    if same is not None:
        raise SharedAlready(same)
    if await session.scalar(_COUNT, item_id=item_id) >= most:
        raise TooManyShares("grants", most, "SHARING__GRANTS_PER_ITEM")
    row = await session.first(_GIVE, **given, id=new_id(), owner_id=item.owner_id, level=level, granted_by=caller_id)
    if row is None:  # only another transaction could have made it, and the item is locked
        raise LookupError("A grant was made beside the lock of its item.")
    await _tell(
        session, row, caller_id, lambda to: ItemShared(grant_id=row.id, item_id=item_id, level=level, person_id=to)
    )
    return row


async def grants_of(
    session: ReadSession, caller_id: UUID, item_id: UUID, *, kinds: Sequence[str], limit: int, after: UUID | None
) -> Sequence[Row]:
    """The grants on an item itself, the oldest first; those on containers above are listed there.

    Raises:
        SharedItemNotFound: there is no such item, or the caller may not see it.
        NotYoursToShare: the caller may not know who may see it.
    """
    row = await session.first(SEE_ITEM, item_id=item_id, kinds=list(kinds))
    await access.require(session, caller_id, row, "share", SharedItemNotFound)
    return await session.all(_PAGE, item_id=item_id, after=after or _FIRST_ID, limit=limit)


async def known_person(session: ReadSession, grant_id: UUID) -> UUID | None:
    """Who has a grant; None where there is none, or where it was given to an address and not accepted yet."""
    found = await session.first(_FIND, id=grant_id)
    return None if found is None or found.address is not None else found.person_id


async def change(session: WriteSession, caller_id: UUID, grant_id: UUID, level: Level, *, kinds: Sequence[str]) -> Row:
    """Give a grant another level; it stays as old as it is.

    Raises:
        GrantNotFound: there is none, or it does not concern the caller.
        NotYoursToShare: it is the caller's own, or on an item that they may only see.
    """
    await _require_sharing(session, caller_id, grant_id, kinds)
    row = await session.first(_CHANGE, id=grant_id, level=level)
    if row is None:
        raise GrantNotFound
    await _tell(
        session,
        row,
        caller_id,
        lambda to: ShareChanged(grant_id=grant_id, item_id=row.item_id, level=level, person_id=to),
    )
    return row


async def end(session: WriteSession, caller_id: UUID, grant_id: UUID, *, kinds: Sequence[str]) -> None:
    """End a grant: it is revoked by whoever may share the item, or left by the person who has it.

    Raises:
        GrantNotFound: there is none, or it does not concern the caller.
        NotYoursToShare: it is somebody else's, on an item that the caller may only see.
    """
    found = await session.first(_FIND, id=grant_id)
    how: Literal["left", "revoked"] = "left"
    if found is None or found.person_id != caller_id:
        await _require_sharing(session, caller_id, grant_id, kinds)
        how = "revoked"
    row = await session.first(_REMOVE, id=grant_id)
    if row is None:
        raise GrantNotFound
    await _tell(
        session, row, caller_id, lambda to: ShareRevoked(grant_id=grant_id, item_id=row.item_id, how=how, person_id=to)
    )


async def accept(session: WriteSession, caller_id: UUID, grant_id: UUID) -> None:
    """Let those who shared an item with the caller's address know that it reached them.

    Raises:
        GrantNotFound: there is no such grant to the caller.
    """
    found = await session.first(_FIND, id=grant_id)
    if found is None or found.person_id != caller_id:
        raise GrantNotFound
    await session.first(_LOCK, item_id=found.item_id)
    await session.execute(_MERGE, id=grant_id)
    await session.execute(_ACCEPT, id=grant_id)


async def received(
    session: ReadSession, person_id: UUID, *, limit: int, after: tuple[datetime, UUID] | None
) -> Sequence[Row]:
    """What others share with the person, each with its grant, the latest first; nothing that is in the trash."""
    if after is None:
        return await session.all(_FIRST_RECEIVED, person_id=person_id, limit=limit)
    return await session.all(_NEXT_RECEIVED, person_id=person_id, limit=limit, granted_at=after[0], id=after[1])


async def forget_person(session: WriteSession, person_id: UUID, *, addresses: Sequence[str] = ()) -> dict[str, int]:
    """Remove every grant to a person or one of their addresses, and every grant and link that they made.

    It is part of erasing them; what was shared of their own items goes with the items. How many of each that were.
    """
    keys = [address.lower() for address in addresses]
    return {
        "grants": await session.execute(_FORGET, person_id=person_id, addresses=keys),
        "links": await session.execute(_FORGET_LINKS, person_id=person_id),
    }


async def _require_sharing(session: WriteSession, caller_id: UUID, grant_id: UUID, kinds: Sequence[str]) -> None:
    """Refuse a caller who may not decide about a grant. What is in the trash can be unshared too."""
    found = await session.first(_FIND, id=grant_id)
    item = None if found is None else await session.first(LOCK_ITEM, item_id=found.item_id, kinds=list(kinds))
    if found is None or item is None:
        raise GrantNotFound
    rights = await access.access_of(session, caller_id, item)
    if not rights.may("share"):
        raise NotYoursToShare if found.person_id == caller_id else GrantNotFound


async def _tell(session: WriteSession, row: Row, by: UUID, fact: Callable[[UUID | None], Event]) -> None:
    """Tell the owner, without the person, and the person; where there is none, a log that nobody reads.

    The same is written in each case, so that the time it takes tells nothing of an address. The item stands in the
    fact alone: by the envelope others to whom it is shared would see it too.
    """
    await log.tell(session, fact(None), owner_id=row.owner_id, by=by)
    await log.tell(session, fact(row.person_id), owner_id=row.person_id, by=by)
