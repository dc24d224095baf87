"""What a person has, in numbers."""

from typing import Final

from sqlalchemy import text

from commonplace.platform.database.query import Query

ITEMS_BY_KIND: Final = Query(
    text("""
    SELECT item.kind, count(*) FILTER (WHERE item.trashed_at IS NULL) AS there,
        count(*) FILTER (WHERE item.trashed_at IS NOT NULL) AS trashed
    FROM platform.item WHERE item.owner_id = :person_id AND item.kind <> 'person' GROUP BY item.kind
    """)
)
#: Each object counts once, for a kind that a version of it is of.
BYTES_BY_KIND: Final = Query(
    text("""
    SELECT used.kind, CAST(sum(object.size_bytes) AS bigint) AS size_bytes
    FROM platform.object CROSS JOIN LATERAL (
        SELECT version.kind FROM platform.version
        WHERE version.state ? 'object_id' AND version.state ->> 'object_id' = CAST(object.id AS text) LIMIT 1
    ) AS used
    WHERE object.owner_id = :person_id GROUP BY used.kind
    """)
)
