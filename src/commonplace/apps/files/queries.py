"""Every SELECT of files, each from what the caller may see (`platform/sharing`).

What is read often comes from the database as JSON: it passes through Python as one piece of text.
"""

from functools import cache
from typing import Final

from sqlalchemy import text

from commonplace.platform.database.pages import json_time, page_of_json
from commonplace.platform.database.query import Query
from commonplace.platform.sharing.rights import may, open_container, own, visible

#: The condition that `app` has all of the tags in the parameter; the index has those that have any.
TAGGED: Final = "app.tags <> '{}' AND app.tags @> CAST(:tags AS text[])"
_PROCESSING: Final = f"""
    SELECT json_build_object('state', processing.state, 'reason', processing.reason, 'width', processing.width,
        'height', processing.height, 'taken_at', {json_time("processing.taken_at")})
    FROM files.processing WHERE processing.object_id = app.object_id
"""
_UNPROCESSED: Final = """
    json_build_object('state', CASE WHEN app.media_type LIKE 'image/%' THEN 'pending' ELSE 'none' END,
        'reason', NULL, 'width', NULL, 'height', NULL, 'taken_at', NULL)
"""
#: A file as `schemas.FileRead` describes it, over `item` (platform.item) and `app` (files.file).
FILE_JSON: Final = f"""
    CAST(json_build_object('id', item.id, 'name', item.title, 'folder_id', item.parent_id,
        'size_bytes', app.size_bytes, 'media_type', app.media_type, 'sha256', app.sha256, 'tags', app.tags,
        'version', item.version,
        'created_at', {json_time("item.created_at")}, 'updated_at', {json_time("item.updated_at")},
        'processing', coalesce(({_PROCESSING}), {_UNPROCESSED})) AS text)
"""
#: A folder as `schemas.FolderRead` describes it, over `item` and `app` (files.folder).
FOLDER_JSON: Final = f"""
    CAST(json_build_object('id', item.id, 'name', item.title, 'parent_id', item.parent_id, 'tags', app.tags,
        'version', item.version, 'created_at', {json_time("item.created_at")},
        'updated_at', {json_time("item.updated_at")}) AS text)
"""
_FILES: Final = "platform.item JOIN files.file AS app USING (id)"
_FOLDERS: Final = "platform.item JOIN files.folder AS app USING (id)"
_VISIBLE_FILE: Final = f"item.id = :file_id AND item.kind = 'file' AND {visible()}"

VISIBLE_FILE = Query(text(f"SELECT {FILE_JSON} AS json, item.version FROM {_FILES} WHERE {_VISIBLE_FILE}"))
#: The same, and how it differs from the version alone: what processing found out makes no version.
READ_FILE = Query(
    text(f"""
    SELECT {FILE_JSON} AS json, item.version,
        (SELECT processing.state FROM files.processing WHERE processing.object_id = app.object_id) AS state
    FROM {_FILES} WHERE {_VISIBLE_FILE}
    """)
)
VISIBLE_FOLDER = Query(
    text(
        f"SELECT {FOLDER_JSON} AS json, item.version FROM {_FOLDERS}"
        f" WHERE item.id = :folder_id AND item.kind = 'folder' AND {visible()}"
    )
)
#: The parts of a file that its bytes are served with.
CONTENT = Query(
    text(f"""
    SELECT item.title, item.owner_id, item.updated_at, app.size_bytes, app.media_type, app.sha256, object.key
    FROM {_FILES} JOIN platform.object ON object.id = app.object_id WHERE {_VISIBLE_FILE}
    """)
)
FILE_TITLE = Query(
    text(f"""
    SELECT item.id, item.owner_id, item.title, item.version, item.updated_at, {may("write")} AS may_write
    FROM platform.item WHERE {_VISIBLE_FILE}
    """)
)
FOLDER_IS_OPEN = Query(text(f"SELECT {open_container('CAST(:folder_id AS uuid)', action='read', kind='folder')}"))
THUMBNAIL = Query(
    text(f"""
    SELECT app.sha256, app.media_type, processing.state, processing.reason, processing.processed_at,
        coalesce(form.key, rendition.key) AS key, coalesce(form.size_bytes, rendition.size_bytes) AS size_bytes,
        coalesce(form.media_type, rendition.media_type) AS rendition_media_type, coalesce(form.form, '') AS form,
        EXISTS (SELECT FROM files.found WHERE found.object_id = app.object_id) AS is_read
    FROM {_FILES}
    LEFT JOIN files.processing USING (object_id)
    LEFT JOIN files.rendition ON rendition.object_id = app.object_id AND rendition.size = :size
    LEFT JOIN LATERAL (
        SELECT form.key, form.size_bytes, form.media_type, form.form FROM files.form
        WHERE form.object_id = app.object_id AND form.size = :size AND form.form = ANY(CAST(:forms AS text[]))
        ORDER BY form.size_bytes LIMIT 1
    ) AS form ON true
    WHERE {_VISIBLE_FILE}
    """)
)
#: The live file or folder of a name in a place.
NAMED = Query(
    text(f"""
    SELECT item.id, item.kind FROM platform.item
    WHERE coalesce(item.parent_id, item.owner_id) = :place AND item.name_key = :name_key
    AND item.trashed_at IS NULL AND {may("read")}
    """)
)
#: Whoever holds a link to them was found to be allowed to see them before (`platform/sharing/links.py`).
FILE_DETAILS = Query(
    text("""
    SELECT file.id, file.size_bytes, file.media_type, file.sha256, EXISTS (
        SELECT FROM files.rendition WHERE rendition.object_id = file.object_id) AS has_picture
    FROM files.file WHERE file.id = ANY(CAST(:ids AS uuid[]))
    """)
)
#: For search, which acts for nobody. A text's beginning, of as many characters as are indexed.
FILES_TO_INDEX = Query(
    text("""
    SELECT file.id, file.tags, file.size_bytes, coalesce(found.media_type, file.media_type) AS media_type,
        processing.taken_at, left(found.text, :longest) AS text, found.facts, found.latitude, found.longitude,
        found.is_place_shared,
        jsonb_path_query_array(found.entries, '$[0 to 999].name') AS entries,
        EXISTS (SELECT FROM files.rendition WHERE rendition.object_id = file.object_id) AS has_thumbnail
    FROM files.file LEFT JOIN files.processing USING (object_id) LEFT JOIN files.found USING (object_id)
    WHERE file.id = ANY(CAST(:ids AS uuid[]))
    """)
)
FOLDERS_TO_INDEX = Query(text("SELECT id, tags FROM files.folder WHERE id = ANY(CAST(:ids AS uuid[]))"))
OBJECT_KEY = Query(text("SELECT key FROM platform.object WHERE id = :object_id"))

# What the handlers need: they act for nobody.
#: `state` is null when it is still to be read, or was read by an older reader than `reader`.
OBJECT_TO_PROCESS = Query(
    text("""
    SELECT object.owner_id, object.key,
        (SELECT found.state FROM files.found WHERE found.object_id = object.id AND found.reader >= :reader) AS state,
        (SELECT item.title FROM files.file JOIN platform.item USING (id)
            WHERE file.object_id = object.id ORDER BY file.id DESC LIMIT 1) AS name
    FROM platform.object WHERE object.id = :object_id
    """)
)
FILES_OF_OBJECT = Query(
    text("SELECT file.id FROM files.file WHERE file.object_id = :object_id ORDER BY file.id DESC LIMIT :limit")
)

_SORT_KEYS: Final = {"name": "item.title", "updated_at": "item.updated_at", "size_bytes": "app.size_bytes"}
_KEY_TYPES: Final = {"name": "text", "updated_at": "timestamptz", "size_bytes": "bigint"}


@cache
def files_page(sort: str, *, in_folder: bool, is_later_page: bool, is_tagged: bool = False) -> Query:
    """A page of the visible files of one place, as one row (see `page_of_json`).

    Parameters: `person_id`, `limit`; `folder_id` when `in_folder`; `key` (text) and `id` when `is_later_page`; `tags`
    when `is_tagged`: all of which a file has.
    """
    return Query(
        text(
            page_of_json(
                f"SELECT {FILE_JSON} AS json, {_key(sort)} AS key, item.id FROM {_FILES}"
                + _page(
                    sort,
                    kind="file",
                    container="folder_id" if in_folder else None,
                    is_later_page=is_later_page,
                    is_tagged=is_tagged,
                )
            )
        )
    )


@cache
def folders_page(sort: str, *, in_folder: bool, is_later_page: bool, is_tagged: bool = False) -> Query:
    """A page of the visible folders of one place; parameters as for `files_page`, with `parent_id`."""
    return Query(
        text(
            page_of_json(
                f"SELECT {FOLDER_JSON} AS json, {_key(sort)} AS key, item.id FROM {_FOLDERS}"
                + _page(
                    sort,
                    kind="folder",
                    container="parent_id" if in_folder else None,
                    is_later_page=is_later_page,
                    is_tagged=is_tagged,
                )
            )
        )
    )


def _key(sort: str) -> str:
    """The sort key as text, exactly: a cursor must lead back to the same entry."""
    column = _SORT_KEYS[sort.removeprefix("-")]
    return json_time(column) if sort.endswith("updated_at") else f"CAST({column} AS text)"


def _page(sort: str, *, kind: str, container: str | None, is_later_page: bool, is_tagged: bool) -> str:
    name = sort.removeprefix("-")
    column, direction = _SORT_KEYS[name], ("DESC" if sort.startswith("-") else "ASC")
    # As an equation, which the indexes of the listings are ordered by; `parent_id IS NULL` would have to be sorted.
    place = f"coalesce(item.parent_id, item.owner_id) = CAST(:{container or 'person_id'} AS uuid)"
    if container is None:
        place += f" AND {own()}"
    else:
        # A condition without a column of the row is looked at once a query: the chain above is the same for all.
        place += f" AND {open_container(f'CAST(:{container} AS uuid)', action='read', kind='folder')}"
    tagged = f" AND {TAGGED}" if is_tagged else ""
    beyond, key = "<" if direction == "DESC" else ">", f"CAST(CAST(:key AS text) AS {_KEY_TYPES[name]})"
    after = f"AND ({column}, item.id) {beyond} ({key}, :id)" if is_later_page else ""
    return (
        f" WHERE item.kind = '{kind}' AND item.trashed_at IS NULL AND {place}{tagged} {after}"
        f" ORDER BY {column} {direction}, item.id {direction} LIMIT :limit"
    )


#: Says 1 row when nobody else has read the object meanwhile; later readings replace earlier ones when `again`.
WRITE_FOUND = Query(
    text("""
    INSERT INTO files.found AS found
        (object_id, state, reason, media_type, text, is_cut, facts, entries, latitude, longitude, reader)
    VALUES (:object_id, :state, :reason, :media_type, :text, :is_cut, CAST(:facts AS jsonb), CAST(:entries AS jsonb),
        :latitude, :longitude, :reader)
    ON CONFLICT (object_id) DO UPDATE SET state = excluded.state, reason = excluded.reason,
        media_type = excluded.media_type, text = excluded.text, is_cut = excluded.is_cut, facts = excluded.facts,
        entries = excluded.entries, latitude = excluded.latitude, longitude = excluded.longitude,
        reader = excluded.reader, processed_at = clock_timestamp()
    WHERE found.reader < excluded.reader OR CAST(:again AS boolean)
    """)
)
WRITE_PROCESSING = Query(
    text("""
    INSERT INTO files.processing
        (object_id, state, reason, media_type, width, height, taken_at, is_zone_known)
    VALUES (:object_id, :state, :reason, :media_type, :width, :height, :taken_at, :is_zone_known)
    """)
)
#: Before what is found anew is written down: nothing that stood there before stays. Gives the keys that it used.
FORGET_PICTURES = Query(
    text("""
    WITH forms AS (
        DELETE FROM files.form WHERE object_id = :object_id RETURNING key
    ), renditions AS (
        SELECT key FROM files.rendition WHERE object_id = :object_id
    ), gone AS (
        DELETE FROM files.processing WHERE object_id = :object_id
    )
    SELECT key FROM forms UNION SELECT key FROM renditions
    """)
)
WRITE_RENDITION = Query(
    text("""
    INSERT INTO files.rendition (object_id, size, key, media_type, width, height, size_bytes)
    VALUES (:object_id, :size, :key, :media_type, :width, :height, :size_bytes)
    """)
)
