"""How tasks, lists and saved filters are read in out of an archive: as if a client had sent each of their states."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError

from commonplace.apps.tasks.errors import InvalidRecurrence
from commonplace.apps.tasks.events import TaskCreated, TaskFilterCreated, TaskListCreated
from commonplace.apps.tasks.fields import columns_of, given_fields
from commonplace.apps.tasks.filters import PRIORITIES
from commonplace.apps.tasks.models import TASK, TASK_FILTER, TASK_LIST
from commonplace.apps.tasks.schemas import TaskCreate, TaskFilterCreate, TaskListCreate
from commonplace.platform.leaving.arrival import Arrival, Arriving, NotTaken

M = TypeVar("M", bound=BaseModel)
_OF_TASK: Final = ("notes", "status", "start", "due", "tags", "recurrence", "reminders")


def _title(title: str) -> str:
    return _sound(lambda: TaskListCreate(title=title)).title


def _task(arriving: Arriving) -> dict[str, Any]:
    """The columns; attachments that were not read in are left out."""
    state, ids = arriving.state, arriving.ids
    attachments = [{"kind": one["kind"], "id": str(ids[one["id"]])} for one in state["attachments"] if one["id"] in ids]
    priority = state["priority"]
    if not isinstance(priority, int) or not 0 <= priority < len(PRIORITIES):
        raise NotTaken("Its priority is none.")
    given = {name: state[name] for name in _OF_TASK}
    model = _sound(
        lambda: TaskCreate(
            title=arriving.title,
            priority=PRIORITIES[priority],
            order=state["position"],
            attachments=attachments,
            **given,
        )
    )
    try:
        columns = columns_of({name: value for name, value in given_fields(model).items() if name != "attachments"})
    except InvalidRecurrence as problem:
        raise NotTaken(problem.detail) from problem
    following = str(state["next_id"])
    return {
        **columns,
        "attachments": attachments,
        "is_subtask": arriving.parent_kind == TASK.name,
        "completed_at": _moment(state["completed_at"]) if columns["status"] == "done" else None,
        "next_id": str(ids[following]) if following in ids else None,
    }


def _list(arriving: Arriving) -> dict[str, Any]:
    state = arriving.state
    model = _sound(lambda: TaskListCreate(title=arriving.title, colour=state["colour"], order=state["position"]))
    return {"colour": model.colour, "position": model.order or 0}


def _filter(arriving: Arriving) -> dict[str, Any]:
    state = arriving.state
    model = _sound(lambda: TaskFilterCreate(title=arriving.title, query=state["query"], order=state["position"]))
    return {"query": model.query.given(), "position": model.order or 0}


def _refers(state: Mapping[str, Any]) -> Iterable[str]:
    named = [str(one["id"]) for one in state.get("attachments", ())]
    return [*named, str(state["next_id"])] if state.get("next_id") else named


def _sound(make: Callable[[], M]) -> M:
    """The model, if what it is made of can be."""
    try:
        return make()
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise NotTaken(f"{field or 'It'}: {first['msg']}") from error


def _moment(value: Any) -> str | None:
    return None if value is None else datetime.fromisoformat(value).isoformat()


def _made(task_id: UUID, _values: Mapping[str, Any]) -> TaskCreated:
    return TaskCreated(task_id=task_id)


def _list_made(list_id: UUID, _values: Mapping[str, Any]) -> TaskListCreated:
    return TaskListCreated(list_id=list_id)


def _filter_made(filter_id: UUID, _values: Mapping[str, Any]) -> TaskFilterCreated:
    return TaskFilterCreated(filter_id=filter_id)


ARRIVALS: Final = {
    TASK_LIST.name: Arrival(values=_list, title=_title, fact=_list_made),
    TASK.name: Arrival(
        values=_task, title=_title, fact=_made, parents=frozenset({TASK_LIST.name, TASK.name}), refers=_refers
    ),
    TASK_FILTER.name: Arrival(values=_filter, title=_title, fact=_filter_made),
}
