"""What is read of trees of folders: the way to one, the next level of a tree, how much lies in one.

As in `queries.py`, each statement starts from what the caller may see. A tree is followed by its folders alone: the
index of listings gives those in a folder, however many files lie beside them.
"""

from functools import cache
from typing import Final

from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.sharing.rights import may, open_container, own, visible

MOST_COUNTED: Final = 100_000  #: files and folders that the size of a folder counts

#: The folder and those above it that can be seen, the uppermost first. Nothing when it cannot be seen.
PATH = Query(
    text(f"""
    WITH RECURSIVE above AS (
        SELECT item.id, item.title, item.owner_id, item.parent_id, 0 AS height
        FROM platform.item WHERE item.id = :folder_id AND item.kind = 'folder' AND {visible()}
        UNION ALL
        SELECT parent.id, parent.title, parent.owner_id, parent.parent_id, above.height + 1
        FROM platform.item AS parent JOIN above ON parent.id = above.parent_id AND {may("read", item="parent")}
    )
    SELECT id, title, owner_id FROM above ORDER BY height DESC
    """)
)
_HAS_FOLDERS: Final = """
    EXISTS (SELECT FROM platform.item AS child WHERE coalesce(child.parent_id, child.owner_id) = item.id
        AND child.kind = 'folder' AND child.trashed_at IS NULL)
"""


@cache
def branches(*, in_folder: bool, is_later_page: bool) -> Query:
    """The folders of one place by name, each with whether folders lie in it.

    Parameters: `person_id`, `limit`; `parent_id` when `in_folder`; `title` and `id` when `is_later_page`.
    """
    if in_folder:
        place = f"CAST(:parent_id AS uuid) AND {open_container(':parent_id', action='read', kind='folder')}"
    else:
        place = f"CAST(:person_id AS uuid) AND {own()}"
    after = "AND (item.title, item.id) > (:title, :id)" if is_later_page else ""
    return Query(
        text(f"""
        SELECT item.id, item.title, item.parent_id, item.version, {_HAS_FOLDERS} AS has_folders FROM platform.item
        WHERE coalesce(item.parent_id, item.owner_id) = {place} AND item.kind = 'folder' AND item.trashed_at IS NULL
        {after} ORDER BY item.title, item.id LIMIT :limit
        """)
    )


# `OFFSET 0` keeps each step a look-up in the index: how many folders there will be the planner cannot know, and would
# rather read whole tables.
#: Files and folders below a folder, what is in the trash left out: `files`, `folders`, `size_bytes`. Each is counted up
#: to `most`, so that a tree of millions costs no more than that.
SIZE = Query(
    text("""
    WITH RECURSIVE below AS (
        SELECT CAST(:folder_id AS uuid) AS id
        UNION ALL
        SELECT child.id FROM below CROSS JOIN LATERAL (
            SELECT item.id FROM platform.item WHERE coalesce(item.parent_id, item.owner_id) = below.id
            AND item.kind = 'folder' AND item.trashed_at IS NULL OFFSET 0) AS child
    ), folders AS MATERIALIZED (
        SELECT id FROM below LIMIT :most + 1
    ), files AS (
        SELECT app.size_bytes FROM folders CROSS JOIN LATERAL (
            SELECT item.id FROM platform.item WHERE coalesce(item.parent_id, item.owner_id) = folders.id
            AND item.kind = 'file' AND item.trashed_at IS NULL OFFSET 0) AS child
        CROSS JOIN LATERAL (SELECT file.size_bytes FROM files.file WHERE file.id = child.id OFFSET 0) AS app
        LIMIT :most + 1
    )
    SELECT count(*) AS files, CAST(coalesce(sum(size_bytes), 0) AS bigint) AS size_bytes,
        (SELECT count(*) - 1 FROM folders) AS folders FROM files
    """)
)
#: Tags of the person's own files and folders, the most used first; what is in the trash counts like the rest.
TAGS = Query(
    text(f"""
    SELECT tag, count(*) AS number FROM (
        SELECT unnest(app.tags) AS tag FROM files.file AS app JOIN platform.item USING (id)
        WHERE app.tags <> '{{}}' AND {own()}
        UNION ALL
        SELECT unnest(app.tags) AS tag FROM files.folder AS app JOIN platform.item USING (id)
        WHERE app.tags <> '{{}}' AND {own()}
    ) AS used GROUP BY tag ORDER BY count(*) DESC, tag LIMIT :limit
    """)
)
