"""What is read of many files and folders together, and of what lies in folders that are copied or merged."""

from typing import Final

from sqlalchemy import text

from commonplace.apps.files.queries import FILE_JSON, FOLDER_JSON
from commonplace.platform.database.query import Query
from commonplace.platform.sharing.rights import open_container, visible

KINDS: Final = "('file', 'folder')"
#: Which of these ids are files and folders, and whose: nobody's right is looked at.
KNOWN = Query(
    text(f"""
    SELECT item.id, item.kind, item.owner_id FROM platform.item
    WHERE item.id = ANY(CAST(:ids AS uuid[])) AND item.kind IN {KINDS}
    """)
)
#: What has one of these names in a place.
NAMED = Query(
    text("""
    SELECT item.id, item.kind, item.name_key FROM platform.item
    WHERE coalesce(item.parent_id, item.owner_id) = :place AND item.name_key = ANY(CAST(:keys AS text[]))
    AND item.trashed_at IS NULL AND item.name_key IS NOT NULL
    """)
)
#: Files and folders that can be seen, as they are answered: `kind`, `json`.
SHOWN = Query(
    text(f"""
    SELECT item.id, item.kind, {FILE_JSON} AS json FROM platform.item JOIN files.file AS app USING (id)
    WHERE item.id = ANY(CAST(:ids AS uuid[])) AND {visible()}
    UNION ALL
    SELECT item.id, item.kind, {FOLDER_JSON} AS json FROM platform.item JOIN files.folder AS app USING (id)
    WHERE item.id = ANY(CAST(:ids AS uuid[])) AND {visible()}
    """)
)
CHILDREN = Query(
    text(f"""
    SELECT item.id FROM platform.item
    WHERE coalesce(item.parent_id, item.owner_id) = :folder_id AND item.kind IN {KINDS} AND item.trashed_at IS NULL
    LIMIT :limit
    """)
)
#: How many files and folders these are with all that lies below them, counted up to `most`.
WITHIN = Query(
    text(f"""
    WITH RECURSIVE below AS (
        SELECT item.id FROM platform.item WHERE item.id = ANY(CAST(:ids AS uuid[]))
        UNION ALL
        SELECT child.id FROM below CROSS JOIN LATERAL (
            SELECT item.id FROM platform.item WHERE coalesce(item.parent_id, item.owner_id) = below.id
            AND item.kind IN {KINDS} AND item.trashed_at IS NULL OFFSET 0) AS child
    )
    SELECT count(*) FROM (SELECT FROM below LIMIT :most) AS counted
    """)
)

_SOURCE: Final = """
    item.id, item.kind, item.title, item.owner_id, item.parent_id, app.size_bytes, app.media_type, app.sha256, app.tags,
    object.key
"""
#: Files that the person may read, to be copied.
FILES_TO_COPY = Query(
    text(f"""
    SELECT {_SOURCE} FROM platform.item JOIN files.file AS app USING (id)
    JOIN platform.object ON object.id = app.object_id
    WHERE item.id = ANY(CAST(:ids AS uuid[])) AND {visible()}
    """)
)
FOLDERS_TO_COPY = Query(
    text(f"""
    SELECT item.id, item.kind, item.title, item.owner_id, item.parent_id, app.tags
    FROM platform.item JOIN files.folder AS app USING (id)
    WHERE item.id = ANY(CAST(:ids AS uuid[])) AND {visible()}
    """)
)
_AFTER: Final = "(CAST(:title AS text) IS NULL OR (item.title, item.id) > (CAST(:title AS text), CAST(:id AS uuid)))"
# The folder is looked at in each statement: what is moved out of a share meanwhile is not copied any more.
_IN_FOLDER: Final = f"""
    coalesce(item.parent_id, item.owner_id) = CAST(:folder_id AS uuid) AND item.trashed_at IS NULL AND {_AFTER}
    AND {open_container("CAST(:folder_id AS uuid)", action="read", kind="folder")}
    ORDER BY item.title, item.id LIMIT :limit
"""
NEXT_FILES = Query(
    text(f"""
    SELECT {_SOURCE} FROM platform.item JOIN files.file AS app USING (id)
    JOIN platform.object ON object.id = app.object_id WHERE item.kind = 'file' AND {_IN_FOLDER}
    """)
)
NEXT_FOLDER = Query(
    text(f"""
    SELECT item.id, item.kind, item.title, item.owner_id, item.parent_id, app.tags
    FROM platform.item JOIN files.folder AS app USING (id) WHERE item.kind = 'folder' AND {_IN_FOLDER}
    """)
)
#: Those of these bytes that an owner has: they are locked against the sweep until the transaction ends.
OWN_OBJECTS = Query(
    text("""
    SELECT id, encode(sha256, 'hex') AS sha256 FROM platform.object
    WHERE owner_id = :owner_id AND sha256 = ANY(SELECT decode(one, 'hex') FROM unnest(CAST(:hashes AS text[])) AS one)
    FOR KEY SHARE
    """)
)
