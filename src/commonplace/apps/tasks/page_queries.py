"""What pages of tasks read: tasks with what is shown of them, and the lists and filters beside them.

As in `queries.py`, each statement starts from what the caller may see. A day is the one that the person's calendar
shows: that of a whole day as it was said, that of a time by the clocks of their zone (the parameter `zone`).
"""

from functools import lru_cache
from typing import Final

from sqlalchemy import text

from commonplace.apps.tasks.queries import CONDITIONS, reached
from commonplace.platform.database.query import Query
from commonplace.platform.sharing.rights import may, own, visible


def _day(name: str) -> str:
    """Within the years that a calendar knows, wherever the zone would lead."""
    return f"""
    CASE WHEN app.{name} ->> 'time' IS NULL THEN CAST(app.{name} ->> 'date' AS date)
    ELSE least(greatest(CAST(app.{name}_at AT TIME ZONE CAST(:zone AS text) AS date), DATE '0001-01-01'),
        DATE '9999-12-31') END
    """


_IS_OPEN: Final = "app.status IN ('open', 'in_progress')"
_DUE_DAY: Final = _day("due")
_START_DAY: Final = _day("start")
_PLACE: Final = f"""
    LEFT JOIN platform.item AS place ON place.id = item.parent_id AND {may("read", item="place")}
"""
_FROM: Final = f"platform.item JOIN tasks.task AS app USING (id) {_PLACE}"
_COLUMNS: Final = f"""
    item.id, item.title, item.owner_id, item.parent_id, item.version, item.created_at, item.updated_at,
    app.status, app.priority, app.due, app.due_at, {_DUE_DAY} AS due_day, app.start, app.start_at,
    {_START_DAY} AS start_day, app.tags, app.position, app.recurrence, app.notes <> '' AS has_notes,
    jsonb_array_length(app.reminders) AS reminder_count, jsonb_array_length(app.attachments) AS attachment_count,
    app.completed_at, app.next_id, app.is_subtask, place.title AS place_title, place.kind AS place_kind,
    place.id AS place_id,
    (SELECT array[count(*) FILTER (WHERE step.status = 'done'), count(*)]
        FROM platform.item AS child JOIN tasks.task AS step USING (id)
        WHERE child.parent_id = item.id AND child.kind = 'task' AND child.trashed_at IS NULL) AS steps,
    {may("write")} AS may_write
"""
#: Conditions of pages, beside those of `queries.CONDITIONS`.
_OWN_CONDITIONS: Final = {
    "is_open": _IS_OPEN,
    "is_ended": "app.status IN ('done', 'cancelled')",
    "for_day": f"({_DUE_DAY} <= :for_day OR app.due IS NULL AND {_START_DAY} <= :for_day)",
    "after_day": f"{_DUE_DAY} > :after_day",
    "first_day": f"{_DUE_DAY} >= :first_day",
    "last_day": f"{_DUE_DAY} <= :last_day",
    "ended_since": "coalesce(app.completed_at, item.updated_at) >= :ended_since",
    # A step stands with what it is a step of; by itself only where it has a day of its own, or is shared by itself.
    "stands_alone": "(NOT app.is_subtask OR place.id IS NULL OR app.due IS NOT NULL)",
}
#: What each order goes by; then the day, and the person's own order.
_ORDERS: Final = {
    "date": ("app.due_at", "ASC"),
    "order": ("app.position", "ASC"),
    "priority": ("app.priority", "DESC"),
    "title": ("lower(left(item.title, 250))", "ASC"),
    "created": ("item.created_at", "DESC"),
    "ended": ("coalesce(app.completed_at, item.updated_at)", "DESC"),
}
MOST_COUNTED: Final = 999


@lru_cache(maxsize=256)
def tasks_shown(conditions: tuple[str, ...], order: str, reach: str = "all") -> Query:
    """The first tasks for which all conditions hold, in an order of `_ORDERS`.

    Parameters: `person_id`, `zone`, `limit`, and those of the conditions.
    """
    column, direction = _ORDERS[order]
    where = ["item.kind = 'task'", *(_OWN_CONDITIONS.get(name) or CONDITIONS[name] for name in conditions)]
    select = f"SELECT {_COLUMNS}, {column} AS sorted FROM {_FROM}"
    by = f"sorted {direction} NULLS LAST, due_at NULLS LAST, position, id"
    return Query(text(reached(select, " AND ".join(where), by, reach)))


#: A task that can be seen, with all there is of it. Parameters: `task_id`, `person_id`, `zone`.
TASK = Query(
    text(f"""
    SELECT {_COLUMNS}, app.notes, app.reminders, app.attachments, {own()} AS is_own,
        (item.owner_id = CAST(:person_id AS uuid) OR place.id IS NOT NULL AND {may("write", item="place")}) AS may_place
    FROM {_FROM} WHERE item.id = :task_id AND item.kind = 'task' AND {visible()}
    """)
)
#: The steps of a task that was found visible before, in their order. Parameters: `task_id`, `person_id`, `zone`.
STEPS = Query(
    text(f"""
    SELECT {_COLUMNS} FROM {_FROM}
    WHERE item.parent_id = :task_id AND item.kind = 'task' AND item.trashed_at IS NULL
    ORDER BY app.position, item.id LIMIT 500
    """)
)
#: The way to a task that was found visible before: what it lies in, the uppermost first, as far as it can be seen.
TRAIL = Query(
    text(f"""
    WITH RECURSIVE above AS (
        SELECT item.parent_id, 0 AS height, item.id, item.kind, item.title FROM platform.item WHERE item.id = :task_id
        UNION ALL
        SELECT parent.parent_id, above.height + 1, parent.id, parent.kind, parent.title
        FROM platform.item AS parent JOIN above ON parent.id = above.parent_id AND {may("read", item="parent")}
    )
    SELECT id, kind, title FROM above WHERE height > 0 ORDER BY height DESC
    """)
)
#: Those of the files that the person can see.
FILES = Query(
    text(f"""
    SELECT item.id, item.title FROM platform.item
    WHERE item.id = ANY(CAST(:ids AS uuid[])) AND item.kind = 'file' AND {visible()}
    """)
)
_LIST_COLUMNS: Final = f"""
    item.id, item.title, item.owner_id, item.version, app.colour, app.position AS sorted, {own()} AS is_own,
    {may("write")} AS may_write, {may("share")} AS may_share,
    (SELECT count(*) FROM (
        SELECT FROM platform.item AS child JOIN tasks.task AS task USING (id)
        WHERE child.parent_id = item.id AND child.kind = 'task' AND child.trashed_at IS NULL
            AND task.status IN ('open', 'in_progress') LIMIT {MOST_COUNTED + 1}) AS counted) AS number,
    (SELECT count(*) FROM platform.item_grant WHERE item_grant.item_id = item.id) AS grants
"""
#: Lists, in their order. Parameters: `person_id`, `limit`.
LISTS = Query(
    text(
        reached(
            f"SELECT {_LIST_COLUMNS} FROM platform.item JOIN tasks.task_list AS app USING (id)",
            "item.kind = 'task_list'",
            "sorted, id",
            "all",
        )
    )
)
FILTERS = Query(
    text(
        reached(
            "SELECT item.id, item.title, item.version, app.query, app.position AS sorted"
            " FROM platform.item JOIN tasks.task_filter AS app USING (id)",
            "item.kind = 'task_filter'",
            "sorted, id",
            "own",
        )
    )
)
#: How many tasks are for a day or before. Parameters: `person_id`, `zone`, `for_day`, `limit`.
FOR_TODAY = Query(
    text(
        "SELECT count(*) FROM ("
        + reached(
            "SELECT item.id FROM platform.item JOIN tasks.task AS app USING (id)",
            f"item.kind = 'task' AND {_IS_OPEN} AND {_OWN_CONDITIONS['for_day']}",
            "id",
            "all",
        )
        + ") AS counted"
    )
)
#: Tags that the person used lately, for their fields. Parameters: `person_id`.
TAGS = Query(
    text(f"""
    SELECT DISTINCT tag FROM (
        SELECT unnest(app.tags) AS tag FROM platform.item JOIN tasks.task AS app USING (id)
        WHERE item.kind = 'task' AND {own()} AND item.trashed_at IS NULL AND app.tags <> '{{}}'
        ORDER BY item.created_at DESC LIMIT 500
    ) AS used ORDER BY tag LIMIT 100
    """)
)
#: What of the person's own is in the trash, the latest first. Parameters: `person_id`, `limit`.
IN_TRASH = Query(
    text(f"""
    SELECT item.id, item.kind, item.title, item.trashed_at, place.title AS place_title
    FROM platform.item LEFT JOIN platform.item AS place ON place.id = item.parent_id
    WHERE {own()} AND item.trashed_at IS NOT NULL AND item.kind IN ('task', 'task_list', 'task_filter')
    ORDER BY item.trashed_at DESC, item.id DESC LIMIT :limit
    """)
)
