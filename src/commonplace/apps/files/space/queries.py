"""Where a person's space went.

Every object counts once, as what it is most of all: a file that is there, before one in the trash, before the past.
"""

from typing import Final

from sqlalchemy import text

from commonplace.platform.database.query import Query

_KIND: Final = """
    CASE WHEN media_type LIKE 'image/%' THEN 'pictures' WHEN media_type LIKE 'video/%' THEN 'films'
        WHEN media_type LIKE 'audio/%' THEN 'sound'
        WHEN media_type IN ('application/zip', 'application/gzip', 'application/x-tar', 'application/x-7z-compressed',
            'application/x-xz', 'application/x-bzip2', 'application/vnd.rar', 'application/zstd') THEN 'archives'
        WHEN media_type LIKE 'text/%' OR media_type IN ('application/pdf', 'application/rtf', 'application/json',
            'application/xml', 'application/msword', 'application/epub+zip', 'message/rfc822')
            OR media_type LIKE 'application/vnd.o%' OR media_type LIKE 'application/vnd.ms-%' THEN 'documents'
        ELSE 'other' END
"""
#: A row for each part, kind and year: `part` is `files`, `trash`, `versions` or `other` (the picture of the person, and
#: what is on its way in or out); kind and year are null but of files that are there.
BY_PART: Final = Query(
    text(f"""
    WITH hidden AS MATERIALIZED (
        SELECT id FROM platform.hidden_containers(ARRAY[CAST(:person_id AS uuid)], ARRAY['folder']) AS hidden (id)
    ), file AS (
        SELECT app.object_id, bool_or(is_there) AS is_there, max(item.updated_at) FILTER (WHERE is_there) AS changed_at,
            min(app.media_type) FILTER (WHERE is_there) AS media_type
        FROM platform.item JOIN files.file AS app USING (id)
        CROSS JOIN LATERAL (SELECT item.trashed_at IS NULL
            AND (item.parent_id IS NULL OR item.parent_id NOT IN (SELECT id FROM hidden)) AS is_there) AS place
        WHERE item.owner_id = :person_id AND item.kind = 'file'
        GROUP BY app.object_id
    ), past AS (
        SELECT DISTINCT CAST(state ->> 'object_id' AS uuid) AS object_id FROM platform.version
        WHERE owner_id = :person_id AND kind = 'file'
    )
    SELECT CASE WHEN file.is_there THEN 'files' WHEN file.object_id IS NOT NULL THEN 'trash'
            WHEN past.object_id IS NOT NULL THEN 'versions' ELSE 'other' END AS part,
        CASE WHEN file.is_there THEN {_KIND} END AS kind,
        CAST(extract(year FROM file.changed_at) AS integer) AS year,
        count(*) AS number, CAST(sum(object.size_bytes) AS bigint) AS size_bytes
    FROM platform.object LEFT JOIN file ON file.object_id = object.id LEFT JOIN past ON past.object_id = object.id
    WHERE object.owner_id = :person_id GROUP BY 1, 2, 3 ORDER BY 5 DESC
    """)
)
#: The folders of one place with all that lies below them, the heaviest first. Files of the same bytes count each.
BY_FOLDER: Final = Query(
    text("""
    WITH RECURSIVE below AS (
        SELECT item.id, item.id AS top FROM platform.item
        WHERE coalesce(item.parent_id, item.owner_id) = coalesce(CAST(:folder_id AS uuid), :person_id)
            AND item.owner_id = :person_id AND item.kind = 'folder' AND item.trashed_at IS NULL
        UNION ALL
        SELECT child.id, below.top FROM below JOIN platform.item AS child
            ON coalesce(child.parent_id, child.owner_id) = below.id
            AND child.kind = 'folder' AND child.trashed_at IS NULL
    )
    SELECT folder.id, folder.title AS name, weight.number, weight.size_bytes
    FROM (
        SELECT below.top, count(*) AS number, CAST(sum(app.size_bytes) AS bigint) AS size_bytes
        FROM below JOIN platform.item ON coalesce(item.parent_id, item.owner_id) = below.id
            AND item.kind = 'file' AND item.trashed_at IS NULL
        JOIN files.file AS app ON app.id = item.id
        GROUP BY below.top
    ) AS weight JOIN platform.item AS folder ON folder.id = weight.top
    ORDER BY weight.size_bytes DESC, folder.id LIMIT :limit
    """)
)
LARGEST: Final = Query(
    text("""
    SELECT item.id, item.title AS name, item.parent_id AS folder_id, app.size_bytes, app.media_type, item.updated_at
    FROM platform.item JOIN files.file AS app USING (id)
    WHERE item.owner_id = :person_id AND item.kind = 'file' AND item.trashed_at IS NULL
        AND (item.parent_id IS NULL OR item.parent_id NOT IN (
            SELECT id FROM platform.hidden_containers(ARRAY[CAST(:person_id AS uuid)], ARRAY['folder']) AS hidden (id)))
    ORDER BY app.size_bytes DESC, item.id LIMIT :limit
    """)
)
FOLDER: Final = Query(
    text("""
    SELECT item.title AS name, item.parent_id FROM platform.item
    WHERE item.id = :folder_id AND item.kind = 'folder' AND item.owner_id = :person_id AND item.trashed_at IS NULL
    """)
)
