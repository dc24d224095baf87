"""`GET /api/tasks`: what is asked for, as conditions of a query, and the pages of the answer."""

from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Any, Final, NamedTuple
from uuid import UUID

from starlette.responses import Response

from commonplace.apps.tasks import queries
from commonplace.apps.tasks.errors import TaskFilterNotFound
from commonplace.apps.tasks.filters import PRIORITIES, Filter, TaskQuery, moment_of
from commonplace.platform.database.pages import UnknownPage, json_page, read_cursor, whole_of_cursor, write_cursor
from commonplace.platform.database.session import ReadSession
from commonplace.platform.http.moments import moment_of_cursor
from commonplace.platform.identity.caller import Caller

_ALL: Final = 2**31 - 1
_SAID: Final = ("start_from", "start_before", "due_from", "due_before")
_MEASURED: Final = (
    "created_from", "created_before", "updated_from", "updated_before", "completed_from", "completed_before"
)  # fmt: skip


class _Cursor(NamedTuple):
    """Where a page ended: in which order, and at which entry."""

    sort: str
    key: str | None
    id: UUID


async def page_of_tasks(session: ReadSession, caller: Caller, query: TaskQuery) -> Response:
    """The tasks that were asked for: all of them, or with a limit one page.

    Raises:
        TaskFilterNotFound: there is no such saved filter.
        UnknownPage: `after` is no cursor of this list in this order.
    """
    wanted = await _with_saved(session, caller, query)
    sort = wanted.sort or "created_at"
    conditions = conditions_of(wanted)
    parameters: dict[str, Any] = {"person_id": caller.person_id, "limit": _ALL, **conditions}
    if query.limit is not None:
        parameters["limit"] = query.limit + 1
    if query.after is not None:
        parameters |= _place_in(query.after, sort)
    reach = "all" if wanted.is_mine is None else "own" if wanted.is_mine else "shared"
    statement = queries.tasks_page(tuple(conditions), sort, reach=reach, is_later_page=query.after is not None)
    row = await session.first(statement, **parameters)
    if row is None:
        raise LookupError("An aggregate always answers with a row.")
    has_more = query.limit is not None and row["found"] > query.limit
    following = write_cursor(sort, row["key"], row["id"]) if has_more else None
    return Response(json_page(row["items"], following), media_type="application/json")


async def _with_saved(session: ReadSession, caller: Caller, query: TaskQuery) -> Filter:
    if query.filter_id is None:
        return query
    saved = await session.scalar(queries.READ_FILTER_QUERY, filter_id=query.filter_id, person_id=caller.person_id)
    if saved is None:
        raise TaskFilterNotFound
    given = query.model_dump(exclude_none=True, exclude={"filter_id", "limit", "after"})
    return Filter.model_validate(saved).model_copy(update=given)


def conditions_of(query: Filter) -> dict[str, Any]:
    """The parameters of `queries.CONDITIONS` that say what the filter says."""
    given: Mapping[str, Any] = query.model_dump(
        exclude_none=True, exclude={"sort", "is_mine", "filter_id", "limit", "after"}
    )
    conditions: dict[str, Any] = {}
    for name, value in given.items():
        match name:
            case "status":
                conditions[name] = value.split(",")
            case "priority":
                conditions[name] = [PRIORITIES.index(one) for one in value.split(",")]
            case "tag":
                conditions[name] = [one.strip() for one in value.split(",") if one.strip()]
            case "list_id" if value == "none":
                conditions["in_no_list"] = True
            case "parent_id" if value == "none":
                conditions["is_no_subtask"] = True
            case "attachment_id":
                conditions[name] = str(value)
            case _ if name in _SAID or name in _MEASURED:
                conditions |= _moment(name, value)
            case _:
                conditions[name] = value
    return conditions


def _moment(name: str, value: str) -> dict[str, Any]:
    moment = moment_of(value)
    if isinstance(moment, datetime):
        return {name: moment}
    if name in _SAID:
        return {f"{name}_day": moment.isoformat()}
    return {name: datetime.combine(moment, time(), UTC)}


def _place_in(after: str, sort: str) -> dict[str, Any]:
    cursor = read_cursor(after, _Cursor)
    if cursor.sort != sort:
        raise UnknownPage
    return {"key": _key(cursor.key, sort.removeprefix("-")), "id": cursor.id}


def _key(key: str | None, sort: str) -> str | None:
    """`key` as the database reads what the list is sorted by."""
    type_ = queries.SORTS[sort][1]
    if key is None and sort not in queries.NEVER_NULL:
        return None
    if key is None or "\0" in key:
        raise UnknownPage
    if type_ == "timestamptz":
        return moment_of_cursor(key).isoformat()
    if type_ == "bigint":
        return str(whole_of_cursor(key))
    return key
