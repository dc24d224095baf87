"""What was found in files, from what the caller may see; and what is still to be read, which jobs ask for."""

from typing import Final

from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.sharing.rights import may, own, visible

_FILES: Final = "platform.item JOIN files.file AS app USING (id)"
_SEEN: Final = f"item.id = :file_id AND item.kind = 'file' AND {visible()}"
#: The place of what others have is theirs to tell.
_MAY_SEE_PLACE: Final = f"({own()} OR found.is_place_shared)"

FOUND = Query(
    text(f"""
    SELECT item.id, item.title, app.media_type, app.object_id, {own()} AS is_own, found.state, found.reason,
        found.facts, found.is_cut, found.text IS NOT NULL AS has_text, found.entries IS NOT NULL AS has_entries,
        found.reader, found.processed_at, found.latitude, found.longitude, found.is_place_shared,
        {_MAY_SEE_PLACE} AS may_see_place
    FROM {_FILES} LEFT JOIN files.found ON found.object_id = app.object_id WHERE {_SEEN}
    """)
)
FOUND_TEXT = Query(
    text(f"""
    SELECT found.text, found.reason FROM {_FILES} LEFT JOIN files.found ON found.object_id = app.object_id
    WHERE {_SEEN}
    """)
)
#: A part of the entries, in their order; `number` of all of them that are kept.
ENTRIES = Query(
    text(f"""
    SELECT found.reason, found.is_cut, jsonb_array_length(found.entries) AS number,
        jsonb_path_query_array(found.entries, '$[$first to $last]',
            jsonb_build_object('first', CAST(:first AS integer), 'last', CAST(:last AS integer))) AS entries
    FROM {_FILES} LEFT JOIN files.found ON found.object_id = app.object_id WHERE {_SEEN}
    """)
)
MAY_PROCESS = Query(
    text(f"SELECT app.object_id, item.owner_id, {may('write')} AS may_write FROM {_FILES} WHERE {_SEEN}")
)
SHARE_PLACE = Query(
    text("UPDATE files.found SET is_place_shared = CAST(:is_shared AS boolean) WHERE object_id = :object_id")
)
#: Of one's own, counted up to `most`.
OVERVIEW = Query(
    text(f"""
    SELECT
        (SELECT count(*) FROM (SELECT FROM {_FILES} LEFT JOIN files.found ON found.object_id = app.object_id
            WHERE {own()} AND item.kind = 'file' AND item.trashed_at IS NULL AND found.object_id IS NULL
            LIMIT :most) AS waiting) AS waiting,
        (SELECT count(*) FROM (SELECT FROM {_FILES} JOIN files.found ON found.object_id = app.object_id
            WHERE {own()} AND item.kind = 'file' AND item.trashed_at IS NULL AND found.state = 'failed'
            LIMIT :most) AS failed) AS failed
    """)
)
FAILED = Query(
    text(f"""
    SELECT item.id, item.title, item.parent_id, app.media_type, found.reason, found.processed_at
    FROM files.found JOIN files.file AS app ON app.object_id = found.object_id JOIN platform.item ON item.id = app.id
    WHERE found.state = 'failed' AND {own()} AND item.kind = 'file' AND item.trashed_at IS NULL
    AND (CAST(:before AS uuid) IS NULL OR item.id < CAST(:before AS uuid))
    ORDER BY item.id DESC LIMIT :limit
    """)
)
FOLDER_TO_PROCESS = Query(
    text(f"""
    SELECT item.title, item.owner_id, {may("write")} AS may_write
    FROM platform.item WHERE item.id = :folder_id AND item.kind = 'folder' AND {visible()}
    """)
)

# What jobs and handlers need: they act for who was found to be allowed to.
_BELOW: Final = """
    WITH RECURSIVE below AS (
        SELECT CAST(:place AS uuid) AS id
        UNION ALL
        SELECT item.id FROM platform.item JOIN below ON coalesce(item.parent_id, item.owner_id) = below.id
        WHERE item.kind = 'folder' AND item.trashed_at IS NULL
    )
"""
_WANTED: Final = """
    FROM platform.item JOIN below ON coalesce(item.parent_id, item.owner_id) = below.id
    JOIN files.file AS app ON app.id = item.id LEFT JOIN files.found ON found.object_id = app.object_id
    WHERE item.kind = 'file' AND item.trashed_at IS NULL
    AND CASE CAST(:which AS text)
        WHEN 'failed' THEN found.state = 'failed'
        WHEN 'outdated' THEN found.reader IS NULL OR found.reader < :reader
        ELSE true END
"""
COUNT_BELOW = Query(text(f"{_BELOW} SELECT count(*) {_WANTED}"))
#: `place` is a folder, or a person for all that is theirs.
FILES_BELOW = Query(
    text(f"""
    {_BELOW} SELECT item.id, app.object_id {_WANTED}
    AND (CAST(:after AS uuid) IS NULL OR item.id > CAST(:after AS uuid)) ORDER BY item.id LIMIT :limit
    """)
)
#: What nobody has read, or only an older reader, though its time has come: from before an upgrade, say.
LEFT_UNREAD = Query(
    text("""
    SELECT item.id, item.owner_id, app.object_id FROM platform.item JOIN files.file AS app USING (id)
    LEFT JOIN files.found ON found.object_id = app.object_id
    WHERE (found.reader IS NULL OR found.reader < :reader) AND item.updated_at < clock_timestamp() - interval '1 hour'
    ORDER BY item.id LIMIT :limit
    """)
)
PAGE = Query(
    text(f"""
    SELECT app.object_id, app.sha256, app.media_type, object.key AS source_key, found.facts, found.processed_at,
        form.key, form.media_type AS form_media_type, form.size_bytes
    FROM {_FILES} JOIN platform.object ON object.id = app.object_id
    LEFT JOIN files.found ON found.object_id = app.object_id
    LEFT JOIN files.form ON form.object_id = app.object_id AND form.form = :form AND form.size = :size
    WHERE {_SEEN}
    """)
)
#: Pictures that were rendered from pixels, and the forms that their renditions are kept in already.
TO_FORM = Query(
    text("""
    SELECT object.key, ARRAY(SELECT DISTINCT form.form FROM files.form WHERE form.object_id = object.id) AS forms
    FROM platform.object JOIN files.processing ON processing.object_id = object.id
    WHERE object.id = :object_id AND processing.state = 'done' AND processing.media_type = ANY(:media_types)
    """)
)
WRITE_FORM = Query(
    text("""
    INSERT INTO files.form (object_id, form, size, key, media_type, width, height, size_bytes)
    VALUES (:object_id, :form, :size, :key, :media_type, :width, :height, :size_bytes) ON CONFLICT DO NOTHING
    """)
)
#: Of the pages kept of a document those that are furthest from this one, beyond so many. Gives the keys they used.
FORGET_PAGES = Query(
    text("""
    DELETE FROM files.form WHERE (object_id, form, size) IN (
        SELECT object_id, form, size FROM files.form WHERE object_id = :object_id AND form LIKE 'page %'
        ORDER BY abs(CAST(substr(form, 6) AS integer) - CAST(:page AS integer)), size DESC OFFSET :most)
    RETURNING key
    """)
)
