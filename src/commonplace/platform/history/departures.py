"""Telling those who lose sight of items that are moved: the log of their owner is not theirs to read any more."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.session import WriteSession
from commonplace.platform.sharing.events import ItemLeft
from commonplace.platform.sharing.rights import seen_since
from commonplace.platform.telemetry.correlation import correlation_id

_PERSON = "concerned.person_id"
_TELL = Query(
    text(f"""
    WITH RECURSIVE above AS (
        SELECT item.id, item.parent_id FROM platform.item WHERE item.id = ANY(CAST(:from_ids AS uuid[]))
        UNION
        SELECT item.id, item.parent_id FROM platform.item JOIN above ON item.id = above.parent_id
    ), concerned AS (
        SELECT DISTINCT item_grant.person_id FROM above JOIN platform.item_grant ON item_grant.item_id = above.id
        WHERE item_grant.person_id IS NOT NULL
    )
    INSERT INTO platform.event (epoch, at, name, owner_id, by, correlation_id, payload)
    SELECT epoch.current, item.updated_at, '{ItemLeft.name}', {_PERSON}, CAST(:by AS uuid),
        CAST(:correlation_id AS text),
        jsonb_build_object('item_id', item.id, 'container_id', place.id)
    FROM unnest(CAST(:ids AS uuid[]), CAST(:from_ids AS uuid[])) AS moved (id, from_id)
    JOIN platform.item ON item.id = moved.id JOIN platform.item AS place ON place.id = moved.from_id
    CROSS JOIN concerned CROSS JOIN platform.epoch
    WHERE {seen_since(item="place", person=_PERSON)} IS NOT NULL
    AND {seen_since(item="item", person=_PERSON)} IS NULL
    """)
)


async def tell_departures(session: WriteSession, moved: Sequence[tuple[UUID, UUID]], *, by: UUID | None) -> None:
    """Tell each person who could see an item where it lay, and cannot where it lies now.

    `moved` are ids of items, each with that of the container it was just moved out of.
    """
    ids, from_ids = [item_id for item_id, _ in moved], [from_id for _, from_id in moved]
    await session.execute(_TELL, ids=ids, from_ids=from_ids, by=by, correlation_id=correlation_id.get())
