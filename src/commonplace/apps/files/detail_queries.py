"""What the details panel reads of one file or folder."""

from typing import Final

from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.sharing.rights import may, visible

_CHILDREN: Final = """
    (SELECT array[count(*) FILTER (WHERE kind = 'file'), count(*) FILTER (WHERE kind = 'folder')] FROM (
        SELECT child.kind FROM platform.item AS child
        WHERE child.parent_id = item.id AND child.trashed_at IS NULL LIMIT 10001
    ) AS children)
"""

#: One file or folder that the person can see, and where it lies as far as they can see that.
DETAILS = Query(
    text(f"""
    SELECT item.id, item.kind, item.title, item.parent_id, item.owner_id, item.version, item.created_at,
        item.updated_at, app.object_id, app.size_bytes, app.media_type, app.sha256, processing.state,
        processing.reason, processing.width, processing.height, processing.taken_at,
        processing.taken_at IS NOT NULL AND NOT processing.is_zone_known AS is_cameras_clock,
        found.facts, found.latitude, found.longitude, found.is_place_shared,
        coalesce(app.tags, folder.tags) AS tags, place.title AS place_title, place.id AS place_id,
        CASE WHEN item.kind = 'folder' THEN {_CHILDREN} END AS children
    FROM platform.item
    LEFT JOIN files.file AS app USING (id)
    LEFT JOIN files.folder ON folder.id = item.id
    LEFT JOIN files.processing ON processing.object_id = app.object_id
    LEFT JOIN files.found ON found.object_id = app.object_id
    LEFT JOIN platform.item AS place ON place.id = item.parent_id AND {may("read", item="place")}
    WHERE item.id = :id AND item.kind IN ('file', 'folder') AND {visible()}
    """)
)
#: What a preview is made of: the bytes of a text, else what was found in it.
PREVIEW = Query(
    text(f"""
    SELECT item.title, app.size_bytes, app.media_type, object.key, found.is_cut, found.facts,
        left(found.text, :longest) AS text,
        jsonb_path_query_array(found.entries, '$[0 to 999]') AS entries
    FROM platform.item JOIN files.file AS app USING (id) JOIN platform.object ON object.id = app.object_id
    LEFT JOIN files.found ON found.object_id = app.object_id
    WHERE item.id = :file_id AND item.kind = 'file' AND {visible()}
    """)
)
#: The containers above an item that are shared themselves, the nearest first, as far as the person may share them.
SHARED_ABOVE = Query(
    text(f"""
    WITH RECURSIVE above AS (
        SELECT parent.id, parent.owner_id, parent.title, parent.parent_id, 0 AS height
        FROM platform.item JOIN platform.item AS parent ON parent.id = item.parent_id
        WHERE item.id = :id AND {visible()}
        UNION ALL
        SELECT parent.id, parent.owner_id, parent.title, parent.parent_id, above.height + 1
        FROM platform.item AS parent JOIN above ON parent.id = above.parent_id
    )
    SELECT above.id, above.title FROM above
    WHERE {may("share", item="above")} AND (
        EXISTS (SELECT FROM platform.item_grant WHERE item_grant.item_id = above.id)
        OR EXISTS (SELECT FROM platform.item_link WHERE item_link.item_id = above.id AND revoked_at IS NULL
            AND (expires_at IS NULL OR expires_at > clock_timestamp())))
    ORDER BY above.height
    """)
)
