"""What an archive is made of, and what is kept of having made one."""

from typing import Final

from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.sharing.rights import visible

#: What of a selection can be seen, and can be put into an archive.
CHOSEN: Final = Query(
    text(f"""
    SELECT item.id, item.kind, item.title FROM platform.item
    WHERE item.id = ANY(CAST(:ids AS uuid[])) AND item.kind IN ('file', 'folder') AND {visible()}
    """)
)
#: One moment is shown, nothing is written, and nothing waits for it: so it may take longer than other statements.
AS_OF_NOW: Final = (
    Query(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")),
    Query(text("SET LOCAL statement_timeout = '60s'")),
    Query(text("SET LOCAL idle_in_transaction_session_timeout = '60s'")),
)
# LATERAL with OFFSET: one look into the index of listings for each folder, however wrong the guess of their number is.
#: Everything in and below the items `:ids`, which stand at the top under `:names`; a folder before what lies in it.
CONTENTS: Final = Query(
    text("""
    WITH RECURSIVE tree AS (
        SELECT item.id, item.kind, item.updated_at, CAST(chosen.name AS text) AS path
        FROM unnest(CAST(:ids AS uuid[]), CAST(:names AS text[])) AS chosen (id, name)
        JOIN platform.item ON item.id = chosen.id
        WHERE item.kind IN ('file', 'folder') AND item.trashed_at IS NULL
        UNION ALL
        SELECT child.id, child.kind, child.updated_at, tree.path || '/' || child.title
        FROM tree CROSS JOIN LATERAL (
            SELECT item.id, item.kind, item.updated_at, item.title FROM platform.item
            WHERE coalesce(item.parent_id, item.owner_id) = tree.id AND item.kind IN ('file', 'folder')
            AND item.trashed_at IS NULL OFFSET 0
        ) AS child
        WHERE tree.kind = 'folder'
    ), entry AS (SELECT * FROM tree LIMIT :limit)
    SELECT entry.path, entry.kind, CAST(extract(epoch FROM entry.updated_at) AS bigint) AS changed,
        object.id AS object_id, object.key, object.sha256, object.size_bytes, checksum.crc32
    FROM entry LEFT JOIN files.file ON file.id = entry.id AND entry.kind = 'file'
    LEFT JOIN platform.object ON object.id = file.object_id
    LEFT JOIN files.checksum ON checksum.object_id = object.id
    ORDER BY (entry.path || CASE entry.kind WHEN 'folder' THEN '/' ELSE '' END) COLLATE "C", entry.id
    """)
)
#: An object may have gone meanwhile.
KEEP_CHECKSUMS: Final = Query(
    text("""
    INSERT INTO files.checksum (object_id, crc32)
    SELECT known.object_id, known.crc32
    FROM unnest(CAST(:object_ids AS uuid[]), CAST(:crc32s AS bigint[])) AS known (object_id, crc32)
    JOIN platform.object ON object.id = known.object_id
    ON CONFLICT (object_id) DO NOTHING
    """)
)
