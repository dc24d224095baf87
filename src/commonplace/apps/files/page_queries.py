"""What pages of files read: the entries of a folder with what is shown of them, and the way to it.

As in `queries.py`, each statement starts from what the caller may see.
"""

from functools import cache
from typing import Final

from sqlalchemy import text

from commonplace.platform.database.pages import json_time
from commonplace.platform.database.query import Query
from commonplace.platform.sharing.rights import may, open_container, own, visible

#: When a photograph was taken; for other files, and those that do not tell, when they came.
_SHOWN_AT: Final = "coalesce(processing.taken_at, item.created_at)"
_SORT_KEYS: Final = {
    "taken_at": _SHOWN_AT,
    "name": "lower(item.title)",
    "size_bytes": "app.size_bytes",
    "updated_at": "item.updated_at",
    "media_type": "app.media_type || ' ' || lower(item.title)",
}
_KEY_TYPES: Final = {
    "taken_at": "timestamptz",
    "name": "text",
    "size_bytes": "bigint",
    "updated_at": "timestamptz",
    "media_type": "text",
}
MOST_CHILDREN: Final = 1000  #: counted on a folder's card; beyond it says "more than"
MOST_COUNTED: Final = 10_000  #: files that the line under the title counts
_FILES: Final = """
    platform.item JOIN files.file AS app USING (id)
    LEFT JOIN files.processing ON processing.object_id = app.object_id
"""
_FILE_COLUMNS: Final = f"""
    item.id, item.kind, item.title, item.parent_id, item.version, item.updated_at, {_SHOWN_AT} AS shown_at,
    app.size_bytes, app.media_type, app.sha256, processing.state, processing.reason, processing.width,
    processing.height, processing.taken_at IS NOT NULL AND NOT processing.is_zone_known AS is_cameras_clock
"""
_FOLDER_COLUMNS: Final = f"""
    item.id, item.kind, item.title, item.parent_id, item.version, item.updated_at,
    (SELECT array[count(*) FILTER (WHERE kind = 'file'), count(*) FILTER (WHERE kind = 'folder')] FROM (
        SELECT child.kind FROM platform.item AS child
        WHERE child.parent_id = item.id AND child.trashed_at IS NULL LIMIT {MOST_CHILDREN + 1}
    ) AS children) AS children
"""
_MATCHES: Final = "item.title ILIKE :pattern"
_SEEN_FOLDER: Final = f"item.id = :folder_id AND item.kind = 'folder' AND {visible()}"

#: The folder and those above it that can be seen, the uppermost first: id, title. Nothing when it cannot be seen.
TRAIL = Query(
    text(f"""
    WITH RECURSIVE above AS (
        SELECT item.id, item.title, item.parent_id, 0 AS height FROM platform.item WHERE {_SEEN_FOLDER}
        UNION ALL
        SELECT parent.id, parent.title, parent.parent_id, above.height + 1
        FROM platform.item AS parent JOIN above ON parent.id = above.parent_id AND {may("read", item="parent")}
    )
    SELECT id, title FROM above ORDER BY height DESC
    """)
)
PLACE_OF_FILE = Query(
    text(f"SELECT item.parent_id FROM platform.item WHERE item.id = :file_id AND item.kind = 'file' AND {visible()}")
)
FILES_BY_ID = Query(
    text(f"SELECT {_FILE_COLUMNS} FROM {_FILES} WHERE item.id = ANY(:ids) AND item.kind = 'file' AND {visible()}")
)
FOLDERS_BY_ID = Query(
    text(f"SELECT {_FOLDER_COLUMNS} FROM platform.item WHERE item.id = ANY(:ids) AND item.kind = 'folder'"
         f" AND {visible()}")
)  # fmt: skip
#: The latest of one's own files to which something happened, by the log: that is in order, unlike all files together.
RECENT = Query(
    text(f"""
    WITH lately AS (
        SELECT told.item_id, min(told.age) AS age FROM (
            SELECT event.item_id, row_number() OVER (ORDER BY event.epoch DESC, event.xid DESC, event.seq DESC) AS age
            FROM platform.event
            WHERE event.owner_id = :person_id AND event.kind = 'file' AND event.name <> 'file.processed'
            ORDER BY event.epoch DESC, event.xid DESC, event.seq DESC LIMIT 1000
        ) AS told GROUP BY told.item_id
    )
    SELECT {_FILE_COLUMNS} FROM lately JOIN platform.item ON item.id = lately.item_id
    JOIN files.file AS app ON app.id = item.id
    LEFT JOIN files.processing ON processing.object_id = app.object_id
    WHERE {visible()} ORDER BY lately.age LIMIT :limit
    """)
)


@cache
def folders_level(*, in_folder: bool) -> Query:
    """The folders in one place for the tree: id, title, and whether there are folders in it. As for `files_shown`."""
    return Query(
        text(
            """SELECT item.id, item.title, EXISTS (SELECT FROM platform.item AS child WHERE child.parent_id = item.id
            AND child.kind = 'folder' AND child.trashed_at IS NULL) AS has_folders FROM platform.item"""
            f" WHERE {_in_place('folder', in_folder=in_folder, is_filtered=False)}"
            " ORDER BY lower(item.title), item.id LIMIT :limit"
        )
    )


@cache
def files_shown(sort: str, *, in_folder: bool, is_filtered: bool, is_later_page: bool) -> Query:
    """A page of the files in one place, each with its sort key as text.

    Parameters: `person_id`, `limit`; `folder_id` when `in_folder`, `pattern` when `is_filtered`, `key` (text) and `id`
    when `is_later_page`. The folder was found visible before (`TRAIL`).
    """
    name = sort.removeprefix("-")
    column, direction = _SORT_KEYS[name], ("DESC" if sort.startswith("-") else "ASC")
    as_text = json_time(column) if _KEY_TYPES[name] == "timestamptz" else f"CAST({column} AS text)"
    key = f"CAST(CAST(:key AS text) AS {_KEY_TYPES[name]})"
    after = f"AND ({column}, item.id) {'<' if direction == 'DESC' else '>'} ({key}, :id)" if is_later_page else ""
    return Query(
        text(
            f"SELECT {_FILE_COLUMNS}, {as_text} AS key FROM {_FILES}"
            f" WHERE {_in_place('file', in_folder=in_folder, is_filtered=is_filtered)} {after}"
            f" ORDER BY {column} {direction}, item.id {direction} LIMIT :limit"
        )
    )


@cache
def folders_shown(*, in_folder: bool, is_filtered: bool, is_descending: bool) -> Query:
    """The folders in one place by name. Parameters as for `files_shown`."""
    direction = "DESC" if is_descending else "ASC"
    return Query(
        text(
            f"SELECT {_FOLDER_COLUMNS}, lower(item.title) AS key FROM platform.item"
            f" WHERE {_in_place('folder', in_folder=in_folder, is_filtered=is_filtered)}"
            f" ORDER BY lower(item.title) {direction}, item.id {direction} LIMIT :limit"
        )
    )


@cache
def totals(*, in_folder: bool, is_filtered: bool) -> Query:
    """How many files are in one place (counted up to `MOST_COUNTED`) and how large they are together."""
    return Query(
        text(
            "SELECT count(*) AS number, CAST(coalesce(sum(size_bytes), 0) AS bigint) AS size_bytes FROM ("
            "SELECT app.size_bytes FROM platform.item JOIN files.file AS app USING (id)"
            f" WHERE {_in_place('file', in_folder=in_folder, is_filtered=is_filtered)} LIMIT {MOST_COUNTED + 1}"
            ") AS counted"
        )
    )


def pattern_of(filter_text: str) -> str:
    """The `ILIKE` pattern for titles that contain the text; its own special characters mean themselves."""
    plain = filter_text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{plain}%"


def _in_place(kind: str, *, in_folder: bool, is_filtered: bool) -> str:
    place = f"item.parent_id IS NULL AND {own()}"
    if in_folder:  # looked at once a query, for all that lies in it
        place = f"item.parent_id = :folder_id AND {open_container(':folder_id', action='read', kind='folder')}"
    matches = f" AND {_MATCHES}" if is_filtered else ""
    return f"item.kind = '{kind}' AND item.trashed_at IS NULL AND {place}{matches}"
