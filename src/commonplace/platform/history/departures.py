"""Telling those who lose or regain sight of items by what happens where they cannot see it.

An item that is moved out of a shared container is told of in a log that is not theirs to read any more; and the trash
takes a container with all that lies in it, also what was shared by itself with people who never saw the container.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.session import WriteSession
from commonplace.platform.sharing.events import ItemLeft, ShareHidden, ShareShown
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

_TELL_BELOW = Query(
    text("""
    INSERT INTO platform.event (epoch, at, name, owner_id, by, correlation_id, payload)
    SELECT epoch.current, container.updated_at, CAST(:name AS text), item_grant.person_id, CAST(:by AS uuid),
        CAST(:correlation_id AS text), jsonb_build_object('grant_id', item_grant.id, 'item_id', item_grant.item_id)
    FROM platform.item AS container
    JOIN platform.item_grant ON item_grant.owner_id = container.owner_id AND item_grant.item_id <> container.id
    CROSS JOIN platform.epoch
    WHERE container.id = ANY(CAST(:ids AS uuid[])) AND item_grant.person_id IS NOT NULL AND EXISTS (
        WITH RECURSIVE above AS (
            SELECT item.id, item.parent_id FROM platform.item WHERE item.id = item_grant.item_id
            UNION ALL
            SELECT item.id, item.parent_id FROM platform.item JOIN above ON item.id = above.parent_id
        )
        SELECT FROM above WHERE above.id = container.id)
    """)
)


async def tell_below(session: WriteSession, container_ids: Sequence[UUID], *, is_hidden: bool, by: UUID | None) -> None:
    """Tell those with whom something in these containers is shared by itself: they were trashed, or came back."""
    name = ShareHidden.name if is_hidden else ShareShown.name
    await session.execute(_TELL_BELOW, ids=list(container_ids), name=name, by=by, correlation_id=correlation_id.get())


async def tell_departures(session: WriteSession, moved: Sequence[tuple[UUID, UUID]], *, by: UUID | None) -> None:
    """Tell each person who could see an item where it lay, and cannot where it lies now.

    `moved` are ids of items, each with that of the container it was just moved out of.
    """
    ids, from_ids = [item_id for item_id, _ in moved], [from_id for _, from_id in moved]
    await session.execute(_TELL, ids=ids, from_ids=from_ids, by=by, correlation_id=correlation_id.get())
