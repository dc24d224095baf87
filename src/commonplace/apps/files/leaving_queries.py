"""Every statement of what a person takes along, and what goes when they leave: over all that is theirs."""

from typing import Final

from sqlalchemy import text

from commonplace.platform.database.query import Query

FOLDERS: Final = Query(
    text("""
    SELECT item.id, item.parent_id, item.title, item.trashed_at IS NOT NULL AS is_trashed
    FROM platform.item JOIN files.folder USING (id) WHERE item.owner_id = :person_id
    """)
)
FILES: Final = Query(
    text("""
    SELECT item.id, item.parent_id, item.title, item.trashed_at IS NOT NULL AS is_trashed, item.updated_at,
        file.object_id, file.media_type, file.sha256, file.size_bytes, object.key
    FROM platform.item JOIN files.file USING (id) JOIN platform.object ON object.id = file.object_id
    WHERE item.owner_id = :person_id ORDER BY item.created_at, item.id
    """)
)
VERSIONS: Final = Query(
    text("""
    SELECT version.item_id, version.version, version.title, version.valid_from, object.id AS object_id, object.key,
        version.state ->> 'media_type' AS media_type, object.size_bytes, encode(object.sha256, 'hex') AS sha256
    FROM platform.item JOIN platform.version ON version.item_id = item.id
    JOIN platform.object ON CAST(object.id AS text) = version.state ->> 'object_id'
    WHERE item.owner_id = :person_id AND item.kind = :kind AND version.valid_until IS NOT NULL
    ORDER BY item.created_at, item.id, version.version
    """)
)
#: The rows go with the objects; a rendition's bytes have no other row.
RENDITIONS: Final = Query(
    text("""
    SELECT rendition.key FROM files.rendition JOIN platform.object ON object.id = rendition.object_id
    WHERE object.owner_id = :person_id
    UNION
    SELECT form.key FROM files.form JOIN platform.object ON object.id = form.object_id
    WHERE object.owner_id = :person_id
    """)
)
FORGET_RENDITIONS: Final = Query(text("DELETE FROM files.rendition WHERE key = ANY(CAST(:keys AS text[]))"))
FORGET_FORMS: Final = Query(text("DELETE FROM files.form WHERE key = ANY(CAST(:keys AS text[]))"))
