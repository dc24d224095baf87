"""Every SELECT of tasks, each from what the caller may see (`platform/sharing`).

What is read comes from the database as JSON: it passes through Python as one piece of text.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from sqlalchemy import text

from commonplace.platform.database.pages import json_time, page_of_json
from commonplace.platform.database.query import Query
from commonplace.platform.sharing.rights import hidden, may, open_container, own, visible

_END: Final = f"""
    'version', item.version, 'created_at', {json_time("item.created_at")}, 'updated_at', {json_time("item.updated_at")})
"""


def _instant(name: str) -> str:
    return f"CASE WHEN app.{name} ->> 'time' IS NOT NULL THEN {json_time(f'app.{name}_at')} END"


def _moment(name: str) -> str:
    """As the table keeps it: written by us alone, in three members."""
    return f"'{name}', app.{name}, '{name}_at', {_instant(name)}"


#: A task as `schemas.TaskRead` describes it, over `item` (platform.item) and `app` (tasks.task).
TASK_JSON: Final = f"""
    CAST(json_build_object('id', item.id, 'owner_id', item.owner_id, 'title', item.title, 'notes', app.notes,
        'status', app.status, 'priority', (ARRAY['none', 'low', 'medium', 'high'])[app.priority + 1],
        {_moment("start")}, {_moment("due")}, 'tags', app.tags,
        'list_id', CASE WHEN NOT app.is_subtask THEN item.parent_id END,
        'parent_id', CASE WHEN app.is_subtask THEN item.parent_id END,
        'order', app.position, 'recurrence', app.recurrence, 'reminders', app.reminders,
        'attachments', app.attachments, 'completed_at', {json_time("app.completed_at")}, 'next_id', app.next_id,
        {_END} AS text)
"""
TASK_LIST_JSON: Final = f"""
    CAST(json_build_object('id', item.id, 'owner_id', item.owner_id, 'title', item.title, 'colour', app.colour,
        'order', app.position, {_END} AS text)
"""
TASK_FILTER_JSON: Final = f"""
    CAST(json_build_object('id', item.id, 'owner_id', item.owner_id, 'title', item.title, 'query', app.query,
        'order', app.position, {_END} AS text)
"""
_TASKS: Final = "platform.item JOIN tasks.task AS app USING (id)"

READ_TASK = Query(
    text(
        f"SELECT {TASK_JSON} AS json, item.version FROM {_TASKS}"
        f" WHERE item.id = :task_id AND item.kind = 'task' AND {visible()}"
    )
)
#: Tasks that were just written, whoever asks: their writing was decided on before.
WRITTEN_TASKS = Query(
    text(f"SELECT item.id, item.version, {TASK_JSON} AS json FROM {_TASKS} WHERE item.id = ANY(CAST(:ids AS uuid[]))")
)
TASK_VERSION = Query(
    text(
        "SELECT item.id, item.owner_id, item.updated_at, item.version FROM platform.item"
        f" WHERE item.id = :task_id AND item.kind = 'task' AND {visible()}"
    )
)
#: For loaders, which are asked about what may be seen.
TASK_DETAILS = Query(
    text(
        "SELECT id, notes, status, priority, start, due, tags, recurrence FROM tasks.task"
        " WHERE id = ANY(CAST(:ids AS uuid[]))"
    )
)
#: For search, which acts for nobody.
TASKS_TO_INDEX = Query(text("SELECT id, notes, tags, due_at FROM tasks.task WHERE id = ANY(CAST(:ids AS uuid[]))"))
LIST_DETAILS = Query(text("SELECT id, colour FROM tasks.task_list WHERE id = ANY(CAST(:ids AS uuid[]))"))
_MAY_WRITE_PLACE: Final = f"""
    EXISTS (SELECT FROM platform.item AS place WHERE place.id = item.parent_id AND {may("write", item="place")})
"""
#: What the caller may do with items of one kind, in the trash or not, by the rules of `platform/sharing/access.py`, for
#: many at once. `is_seen`: it can be seen; `may_place`: move and trash it; `may_put_back`: out of the trash.
RIGHTS = Query(
    text(f"""
    SELECT right_.*, right_.is_owner OR right_.may_write_place AS may_place,
        right_.is_owner OR right_.may_write_place AND right_.is_place_open AS may_put_back
    FROM (
        SELECT item.id, {visible()} AS is_seen, {may("read")} AS may_read, {may("write")} AS may_write,
            {own()} AS is_owner, {open_container("item.parent_id")} AS is_place_open,
            {_MAY_WRITE_PLACE} AS may_write_place
        FROM platform.item WHERE item.id = ANY(CAST(:ids AS uuid[])) AND item.kind = :kind
    ) AS right_
    """)
)
#: Lists and tasks that the caller may put tasks into, and whose they are.
PLACES = Query(
    text(f"""
    SELECT item.id, item.kind, item.owner_id FROM platform.item
    WHERE item.id = ANY(CAST(:ids AS uuid[])) AND item.kind IN ('task', 'task_list') AND {visible("write")}
    """)
)
#: The lists that the caller may put tasks into, in their order, one's own first.
OPEN_LISTS = Query(
    text(f"""
    SELECT item.id, item.title, item.owner_id FROM platform.item JOIN tasks.task_list AS app USING (id)
    WHERE item.kind = 'task_list' AND {own()} AND item.trashed_at IS NULL
    UNION ALL
    SELECT item.id, item.title, item.owner_id
    FROM platform.item_grant JOIN platform.item ON item.id = item_grant.item_id
    JOIN tasks.task_list AS app ON app.id = item.id
    WHERE item_grant.person_id = CAST(:person_id AS uuid) AND NOT {own()} AND {visible("write")}
    """)
)
#: Which of these tasks the caller may read, in the trash or not.
READABLE_TASKS = Query(
    text(
        "SELECT item.id FROM platform.item WHERE item.id = ANY(CAST(:ids AS uuid[])) AND item.kind = 'task'"
        f" AND {may('read')}"
    )
)
#: Which of these ids are given to some item.
TAKEN_IDS = Query(text("SELECT item.id FROM platform.item WHERE item.id = ANY(CAST(:ids AS uuid[]))"))
#: The titles of these lists, for those that the caller can see.
LIST_TITLES = Query(
    text(
        "SELECT item.id, item.title FROM platform.item WHERE item.id = ANY(CAST(:ids AS uuid[]))"
        f" AND item.kind = 'task_list' AND {visible()}"
    )
)
#: Those of the files that the caller can see; every app's items stand in `platform.item`.
SEEN_FILES = Query(
    text(
        f"SELECT item.id FROM platform.item WHERE item.id = ANY(CAST(:ids AS uuid[])) AND item.kind = 'file'"
        f" AND {visible()}"
    )
)
#: How deep the tasks around these lie in each other, and whether one lies in itself. Looks no further than `limit`.
NESTING = Query(
    text("""
    WITH RECURSIVE above AS (
        SELECT item.id AS start, item.parent_id, 1 AS level FROM platform.item
        WHERE item.id = ANY(CAST(:ids AS uuid[]))
        UNION ALL
        SELECT above.start, item.parent_id, above.level + 1
        FROM platform.item JOIN above ON item.id = above.parent_id
        WHERE item.kind = 'task' AND above.level <= :limit
    ), below AS (
        SELECT item.id AS start, item.id, 1 AS level FROM platform.item WHERE item.id = ANY(CAST(:ids AS uuid[]))
        UNION ALL
        SELECT below.start, item.id, below.level + 1 FROM platform.item JOIN below ON item.parent_id = below.id
        WHERE item.kind = 'task' AND item.trashed_at IS NULL AND below.level <= :limit
    )
    SELECT coalesce(max(up.level + down.level - 1), 0) AS depth, coalesce(bool_or(up.is_in_itself), false) AS is_ring
    FROM (SELECT start, max(level) AS level, bool_or(parent_id = start) AS is_in_itself FROM above GROUP BY start) AS up
    JOIN (SELECT start, max(level) AS level FROM below GROUP BY start) AS down USING (start)
    """)
)

_WORDS: Final = """
    to_tsquery('simple', coalesce((
        SELECT string_agg('''' || replace(replace(lexeme, '\\', '\\\\'), '''', '''''') || ''':*', ' & ')
        FROM unnest(to_tsvector('simple', :q))), ''))
"""
_BELOW: Final = """
    item.id = ANY(ARRAY(
        WITH RECURSIVE below AS (
            SELECT child.id FROM platform.item AS child WHERE child.parent_id = CAST(:list_id AS uuid)
            UNION ALL
            SELECT child.id FROM platform.item AS child JOIN below ON child.parent_id = below.id
        )
        SELECT id FROM below))
"""
# One's own are found by an index; what is shared is looked for from the grants down. As one condition they would be
# asked of every row there is.
_OWN: Final = f"{own()} AND item.trashed_at IS NULL AND NOT {hidden()}"
_SHARED: Final = f"""
    NOT {own()} AND item.id = ANY(ARRAY(
        WITH RECURSIVE reached AS (
            SELECT item_grant.item_id AS id FROM platform.item_grant
            WHERE item_grant.person_id = CAST(:person_id AS uuid)
            UNION
            SELECT child.id FROM platform.item AS child JOIN reached ON child.parent_id = reached.id
        )
        SELECT id FROM reached)) AND {visible()}
"""
REACHES: Final[Mapping[str, tuple[str, ...]]] = {"all": (_OWN, _SHARED), "own": (_OWN,), "shared": (_SHARED,)}


def reached(select: str, where: str, order: str, reach: str) -> str:
    """The first rows of one's own and of what is shared, merged; `order` names `sorted` and `id` of `select`."""
    parts = [f"({select} WHERE {where} AND {part} ORDER BY {order} LIMIT :limit)" for part in REACHES[reach]]
    return f"SELECT * FROM ({' UNION ALL '.join(parts)}) AS reached ORDER BY {order} LIMIT :limit"


def _times(name: str, column: str) -> dict[str, str]:
    return {
        f"{name}_from": f"{column} >= CAST(:{name}_from AS timestamptz)",
        f"{name}_before": f"{column} < CAST(:{name}_before AS timestamptz)",
    }


def _days(name: str) -> dict[str, str]:
    said = f"app.{name} ->> 'date'"
    return {
        f"{name}_from_day": f"{said} >= CAST(:{name}_from_day AS text)",
        f"{name}_before_day": f"{said} < CAST(:{name}_before_day AS text)",
    }


def _has(name: str, expression: str) -> dict[str, str]:
    return {name: f"({expression}) = CAST(:{name} AS boolean)"}


def _contains(name: str, column: str) -> dict[str, str]:
    return {name: f"strpos(lower({column}), lower(CAST(:{name} AS text))) > 0"}


#: Each condition by the name of its parameter; see `listing.conditions_of`.
CONDITIONS: Final[Mapping[str, str]] = {
    "q": f"item.id IN (SELECT search.id FROM tasks.search WHERE search.words @@ {_WORDS})",
    **_contains("title", "item.title"),
    **_contains("notes", "app.notes"),
    **_contains("recurrence", "app.recurrence"),
    "status": "app.status = ANY(CAST(:status AS text[]))",
    "priority": "app.priority = ANY(CAST(:priority AS smallint[]))",
    "tag": "app.tags @> CAST(:tag AS text[])",
    "list_id": _BELOW,
    "in_no_list": "item.parent_id IS NULL AND CAST(:in_no_list AS boolean)",
    "parent_id": "app.is_subtask AND item.parent_id = CAST(:parent_id AS uuid)",
    "is_no_subtask": "(NOT app.is_subtask OR item.parent_id IS NULL) AND CAST(:is_no_subtask AS boolean)",
    **_times("start", "app.start_at"),
    **_days("start"),
    **_has("has_start", "app.start IS NOT NULL"),
    **_times("due", "app.due_at"),
    **_days("due"),
    **_has("has_due", "app.due IS NOT NULL"),
    "order_from": "app.position >= CAST(:order_from AS bigint)",
    "order_before": "app.position < CAST(:order_before AS bigint)",
    **_has("is_recurring", "app.recurrence IS NOT NULL"),
    **_has("has_reminders", "app.reminders <> '[]'"),
    **_has("has_attachments", "app.attachments <> '[]'"),
    "attachment_id": "app.attachments @> jsonb_build_array(jsonb_build_object('id', CAST(:attachment_id AS text)))",
    **_times("created", "item.created_at"),
    **_times("updated", "item.updated_at"),
    **_times("completed", "app.completed_at"),
}

#: What each order goes by, and its type. Of a long text its beginning: a cursor repeats it.
SORTS: Final[Mapping[str, tuple[str, str]]] = {
    "created_at": ("item.created_at", "timestamptz"),
    "updated_at": ("item.updated_at", "timestamptz"),
    "completed_at": ("app.completed_at", "timestamptz"),
    "start": ("app.start_at", "timestamptz"),
    "due": ("app.due_at", "timestamptz"),
    "title": ("left(item.title, 250)", "text"),
    "notes": ("left(app.notes, 250)", "text"),
    "recurrence": ("left(app.recurrence, 250)", "text"),
    "tags": ("left(array_to_string(app.tags, ','), 250)", "text"),
    "status": ("array_position(ARRAY['in_progress', 'open', 'done', 'cancelled'], app.status)", "bigint"),
    "priority": ("CAST(app.priority AS bigint)", "bigint"),
    "order": ("app.position", "bigint"),
    "reminders": ("CAST(jsonb_array_length(app.reminders) AS bigint)", "bigint"),
    "attachments": ("CAST(jsonb_array_length(app.attachments) AS bigint)", "bigint"),
    "list_id": ("CAST(CASE WHEN NOT app.is_subtask THEN item.parent_id END AS text)", "text"),
    "parent_id": ("CAST(CASE WHEN app.is_subtask THEN item.parent_id END AS text)", "text"),
}
NEVER_NULL: Final = frozenset({"created_at", "updated_at", "title", "notes", "tags", "status", "priority", "order"})


@lru_cache(maxsize=512)
def tasks_page(conditions: tuple[str, ...], sort: str, *, reach: str, is_later_page: bool) -> Query:
    """A page of the visible tasks, as one row (see `page_of_json`); `reach` is a name of `REACHES`.

    Parameters: `person_id`, `limit`, one for each name of `CONDITIONS`; when `is_later_page` also `id`, and `key`
    (text), which is None behind what has a value for the order.
    """
    name, is_descending = sort.removeprefix("-"), sort.startswith("-")
    column, type_ = SORTS[name]
    direction, beyond = ("DESC", "<") if is_descending else ("ASC", ">")
    shown = json_time(column) if type_ == "timestamptz" else f"CAST({column} AS text)"
    later = f"({column}, item.id) {beyond} (CAST(CAST(:key AS text) AS {type_}), :id)"
    nulls = ""
    if name not in NEVER_NULL:
        nulls = " NULLS LAST"
        later = f"""
            CASE WHEN CAST(:key AS text) IS NULL THEN {column} IS NULL AND item.id {beyond} :id
            ELSE {column} IS NULL OR {later} END
        """
    where = ["item.kind = 'task'", *(CONDITIONS[condition] for condition in conditions)]
    if is_later_page:
        where.append(f"({later})")
    select = f"SELECT {TASK_JSON} AS json, {shown} AS key, item.id, {column} AS sorted FROM {_TASKS}"
    order = f"sorted {direction}{nulls}, id {direction}"
    return Query(text(page_of_json(reached(select, " AND ".join(where), order, reach))))


def plain_page(table: str, json: str, kind: str) -> tuple[Query, Query]:
    """The first and a later page of lists or saved filters, in their order; the later one has `key` and `id`."""
    select = (
        f"SELECT {json} AS json, CAST(app.position AS text) AS key, item.id, app.position AS sorted"
        f" FROM platform.item JOIN {table} AS app USING (id)"
    )
    of_kind = f"item.kind = '{kind}'"
    later = f"{of_kind} AND (app.position, item.id) > (CAST(CAST(:key AS text) AS bigint), :id)"
    return (
        Query(text(page_of_json(reached(select, of_kind, "sorted, id", "all")))),
        Query(text(page_of_json(reached(select, later, "sorted, id", "all")))),
    )


def plain_one(table: str, json: str, kind: str) -> Query:
    """One list or saved filter that the caller can see."""
    return Query(
        text(
            f"SELECT {json} AS json, item.version FROM platform.item JOIN {table} AS app USING (id)"
            f" WHERE item.id = :id AND item.kind = '{kind}' AND {visible()}"
        )
    )


READ_FILTER_QUERY = Query(
    text(
        "SELECT app.query FROM platform.item JOIN tasks.task_filter AS app USING (id)"
        f" WHERE item.id = :filter_id AND item.kind = 'task_filter' AND {visible()}"
    )
)

# A reminder by the clocks of its owner may come 14 hours before the same hour of UTC.
_NEAR: Final = "reminder.at <= CAST(:now AS timestamptz) + interval '14 hours'"
_IS_TO_BE_DONE: Final = f"task.status IN ('open', 'in_progress') AND item.trashed_at IS NULL AND NOT {hidden()}"
#: Whose clocks decide on reminders that are near.
OWNERS_OF_DAYS = Query(
    text(f"""
    SELECT DISTINCT item.owner_id FROM tasks.reminder JOIN platform.item ON item.id = reminder.task_id
    WHERE reminder.told_at IS NULL AND reminder.is_day AND {_NEAR}
    """)
)
#: The reminders that have come, or may have, locked, behind `after` and `after_id` (None: from the first).
REMINDERS_TO_TELL = Query(
    text(f"""
    SELECT reminder.task_id, reminder.at, reminder.is_day, reminder.since, item.owner_id,
        {_IS_TO_BE_DONE} AS is_wanted
    FROM tasks.reminder JOIN platform.item ON item.id = reminder.task_id JOIN tasks.task ON task.id = reminder.task_id
    WHERE reminder.told_at IS NULL AND {_NEAR} AND (reminder.is_day OR reminder.at <= CAST(:now AS timestamptz))
    AND (CAST(:after AS timestamptz) IS NULL
        OR (reminder.at, reminder.task_id) > (CAST(:after AS timestamptz), CAST(:after_id AS uuid)))
    ORDER BY reminder.at, reminder.task_id LIMIT :limit FOR UPDATE OF reminder SKIP LOCKED
    """)
)
REMINDER_TOLD = Query(
    text("UPDATE tasks.reminder SET told_at = :now WHERE task_id = :task_id AND at = :at AND is_day = :is_day")
)
#: Two days later no moment of a reminder can be written anew: it lies behind.
FORGET_REMINDERS = Query(
    text("DELETE FROM tasks.reminder WHERE told_at < CAST(:now AS timestamptz) - interval '2 days'")
)
TASK_TO_REMIND_OF = Query(
    text(f"""
    SELECT item.owner_id, item.title, task.start, task.due
    FROM platform.item JOIN tasks.task ON task.id = item.id
    WHERE item.id = :task_id AND {_IS_TO_BE_DONE}
    """)
)
