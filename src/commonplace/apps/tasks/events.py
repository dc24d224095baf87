"""The facts that tasks tells. What a task is like stands in its versions; what happened to which one is here."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from commonplace.platform.events.event import Event


@dataclass(frozen=True, kw_only=True)
class TaskCreated(Event):
    """A new task is there; `previous_id` is the occurrence whose completion made it, if one did."""

    name: ClassVar[str] = "task.created"
    task_id: UUID
    previous_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class TaskChanged(Event):
    """A task is otherwise than before."""

    name: ClassVar[str] = "task.changed"
    task_id: UUID
    fields: tuple[str, ...]  #: what changed, by the names of the API
    restored_version: int | None = None  #: the version that came back


@dataclass(frozen=True, kw_only=True)
class TaskMoved(Event):
    """A task lies in another list, or under another task, with its subtasks; other fields may have changed with it."""

    name: ClassVar[str] = "task.moved"
    task_id: UUID
    fields: tuple[str, ...]
    from_id: UUID | None
    to_id: UUID | None


@dataclass(frozen=True, kw_only=True)
class TaskCompleted(Event):
    """A task is done; other fields may have changed with it."""

    name: ClassVar[str] = "task.completed"
    task_id: UUID
    fields: tuple[str, ...]
    next_id: UUID | None = None  #: the next occurrence, if this one recurs


@dataclass(frozen=True, kw_only=True)
class TaskReopened(Event):
    """A task that was done or cancelled is to be done again."""

    name: ClassVar[str] = "task.reopened"
    task_id: UUID
    fields: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class TaskTrashed(Event):
    """A task was moved to the trash, and its subtasks went out of sight with it. Told once, for the task."""

    name: ClassVar[str] = "task.trashed"
    task_id: UUID


@dataclass(frozen=True, kw_only=True)
class TaskRestored(Event):
    """A task came back from the trash with its subtasks; at the top level when what it lay in is gone."""

    name: ClassVar[str] = "task.restored"
    task_id: UUID


@dataclass(frozen=True, kw_only=True)
class ReminderDue(Event):
    """The moment of a task's reminder has come. Told once for each moment of a task, and never of one that is over."""

    name: ClassVar[str] = "task.reminder_due"
    task_id: UUID
    at: datetime  #: when it was to be told; later than that where nothing ran then


@dataclass(frozen=True, kw_only=True)
class TaskListCreated(Event):
    """A new list is there."""

    name: ClassVar[str] = "task_list.created"
    list_id: UUID


@dataclass(frozen=True, kw_only=True)
class TaskListChanged(Event):
    """A list has another title, colour or place among the lists."""

    name: ClassVar[str] = "task_list.changed"
    list_id: UUID


@dataclass(frozen=True, kw_only=True)
class TaskListTrashed(Event):
    """A list was moved to the trash, and its tasks went out of sight with it. Told once, for the list."""

    name: ClassVar[str] = "task_list.trashed"
    list_id: UUID


@dataclass(frozen=True, kw_only=True)
class TaskListRestored(Event):
    """A list came back from the trash with its tasks."""

    name: ClassVar[str] = "task_list.restored"
    list_id: UUID


@dataclass(frozen=True, kw_only=True)
class TaskFilterCreated(Event):
    """A filter was saved."""

    name: ClassVar[str] = "task_filter.created"
    filter_id: UUID


@dataclass(frozen=True, kw_only=True)
class TaskFilterChanged(Event):
    """A saved filter asks for something else, or has another title or place."""

    name: ClassVar[str] = "task_filter.changed"
    filter_id: UUID


@dataclass(frozen=True, kw_only=True)
class TaskFilterTrashed(Event):
    """A saved filter was moved to the trash."""

    name: ClassVar[str] = "task_filter.trashed"
    filter_id: UUID


@dataclass(frozen=True, kw_only=True)
class TaskFilterRestored(Event):
    """A saved filter came back from the trash."""

    name: ClassVar[str] = "task_filter.restored"
    filter_id: UUID
