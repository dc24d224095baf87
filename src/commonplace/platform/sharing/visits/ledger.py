"""The ledger of a link: who came by it, when, and what they did.

A visitor has no account; what is known of them is the name they gave, if one was asked for, and in which network they
are. What somebody looks at again within half an hour stands there once.
"""

from collections.abc import Sequence
from typing import Final, Literal
from uuid import UUID

from sqlalchemy import text

from commonplace.platform.database.ids import new_id
from commonplace.platform.database.query import Query
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.events import log
from commonplace.platform.sharing.events import LinkUsed
from commonplace.platform.sharing.visits.opening import Visit

What = Literal["visit", "preview", "download", "upload"]
_ENTRY: Final = "id, at, what, visitor_name, address_class, item_id, item_name, size_bytes"
_FIRST: Final = UUID(int=2**128 - 1)  # the newest come first

_KNOWN = Query(
    text("""
    SELECT EXISTS (
        SELECT FROM platform.link_visit
        WHERE link_id = :link_id AND what = :what AND visitor = :visitor
        AND item_id IS NOT DISTINCT FROM CAST(:item_id AS uuid) AND at > clock_timestamp() - interval '30 minutes')
    """)
)
_ENTER = Query(
    text("""
    INSERT INTO platform.link_visit
        (id, link_id, made_by, what, visitor, visitor_name, address_class, item_id, item_name, size_bytes)
    VALUES (:id, :link_id, :made_by, :what, :visitor, :visitor_name, :address_class, :item_id, :item_name, :size_bytes)
    """)
)
_REMOVE = Query(text("DELETE FROM platform.link_visit WHERE id = :id"))
_COUNT_UNTOLD = Query(
    text("""
    UPDATE platform.item_link
    SET visits_untold = visits_untold + CAST(:visits AS integer),
        uploads_untold = uploads_untold + CAST(:uploads AS integer)
    WHERE id = :link_id
    """)
)
_DUE: Final = """
    revoked_at IS NULL AND visits_untold + uploads_untold > 0
    AND (told_at IS NULL OR told_at <= clock_timestamp() - make_interval(secs => CAST(:seconds AS integer)))
"""
# The counts of before come from the locked row itself: `RETURNING` tells those of after.
_TELL = Query(
    text(f"""
    WITH due AS (
        SELECT id, visits_untold, uploads_untold FROM platform.item_link WHERE id = :link_id AND {_DUE}
        FOR NO KEY UPDATE
    )
    UPDATE platform.item_link SET told_at = clock_timestamp(), visits_untold = 0, uploads_untold = 0
    FROM due WHERE item_link.id = due.id
    RETURNING item_link.id, item_link.item_id, item_link.created_by, due.visits_untold AS visits,
        due.uploads_untold AS uploads
    """)
)
_ALL_DUE = Query(text(f"SELECT id FROM platform.item_link WHERE {_DUE} ORDER BY told_at LIMIT :limit"))
_PAGE = Query(
    text(f"""
    SELECT {_ENTRY} FROM platform.link_visit WHERE link_id = :link_id AND id < :before ORDER BY id DESC LIMIT :limit
    """)
)
_FORGET = Query(
    text("""
    DELETE FROM platform.link_visit WHERE id = ANY(ARRAY(
        SELECT id FROM platform.link_visit WHERE link_id = :link_id
        AND (CAST(:name AS text) IS NULL OR visitor_name = :name) LIMIT :batch))
    """)
)
_LATEST_NAMES = Query(
    text("""
    SELECT visitor_name FROM (
        SELECT visitor_name, max(id::text) AS latest FROM platform.link_visit
        WHERE link_id = :link_id AND visitor_name IS NOT NULL AND at > clock_timestamp() - interval '7 days'
        GROUP BY visitor_name) AS names
    ORDER BY latest DESC LIMIT :limit
    """)
)


async def is_known(session: ReadSession, visit: Visit, what: What, item_id: UUID | None) -> bool:
    """Whether it stands in the ledger already that this visitor does this now."""
    given = {"link_id": visit.link.link_id, "what": what, "visitor": visit.key, "item_id": item_id}
    known: bool = await session.scalar(_KNOWN, **given)
    return known


async def enter(
    session: WriteSession,
    visit: Visit,
    what: What,
    *,
    item: tuple[UUID, str] | None = None,
    size_bytes: int | None = None,
) -> UUID:
    """Write one line, about this item (id and name) or about the link as a whole; the line's id comes back."""
    link, entry_id = visit.link, new_id()
    await session.execute(
        _ENTER,
        id=entry_id,
        link_id=link.link_id,
        made_by=link.created_by,
        what=what,
        visitor=visit.key,
        visitor_name=visit.name,
        address_class=visit.address_class,
        item_id=None if item is None else item[0],
        item_name=None if item is None else item[1],
        size_bytes=size_bytes,
    )
    return entry_id


async def take_back(session: WriteSession, entry_id: UUID) -> None:
    """Remove a line: what it says did not happen after all."""
    await session.execute(_REMOVE, id=entry_id)


async def count_untold(session: WriteSession, visit: Visit, *, visits: int = 0, uploads: int = 0, seconds: int) -> None:
    """Have the link's maker told of these, as far as they want to be: now, or with others when `seconds` are over."""
    link = visit.link
    visits, uploads = visits if link.tells_visits else 0, uploads if link.tells_uploads else 0
    if visits or uploads:
        await session.execute(_COUNT_UNTOLD, link_id=link.link_id, visits=visits, uploads=uploads)
        await tell_if_due(session, link.link_id, seconds=seconds)


async def tell_if_due(session: WriteSession, link_id: UUID, *, seconds: int) -> None:
    """Tell what came by a link since it was told last, unless that is less than `seconds` ago."""
    row = await session.first(_TELL, link_id=link_id, seconds=seconds)
    if row is not None:
        fact = LinkUsed(link_id=row.id, item_id=row.item_id, visits=row.visits, uploads=row.uploads)
        await log.tell(session, fact, owner_id=row.created_by, by=None)


async def links_due(session: ReadSession, *, seconds: int, limit: int) -> Sequence[UUID]:
    """The links of which there is something to tell."""
    return [row.id for row in await session.all(_ALL_DUE, seconds=seconds, limit=limit)]


async def page(session: ReadSession, link_id: UUID, *, limit: int, before: UUID | None) -> Sequence[Row]:
    """Lines of a link's ledger, the newest first."""
    return await session.all(_PAGE, link_id=link_id, before=before or _FIRST, limit=limit)


async def forget(session: WriteSession, link_id: UUID, name: str | None, *, batch: int) -> int:
    """Remove lines, all of them or those of a visitor's name, `batch` at most; how many that were."""
    return await session.execute(_FORGET, link_id=link_id, name=name, batch=batch)


async def latest_names(session: ReadSession, link_id: UUID, *, limit: int) -> Sequence[str]:
    """The names that visitors gave in the last days, the latest first, each once."""
    return [row.visitor_name for row in await session.all(_LATEST_NAMES, link_id=link_id, limit=limit)]
