"""What can go wrong with tasks.

Problem
└── TasksError
    ├── InvalidRecurrence      422  no rule of RFC 5545, or none that is taken
    ├── RecurrenceNeverComes   422  a rule after whose first occurrence there is none
    ├── TwoPlaces              422  a list and a parent at once
    ├── NothingToDo            422  a quick entry that says when or where, and not what
    ├── UnreadableImport       422  a file that is not of the format, or holds too much
    ├── ImportRefused          422  a file with tasks that cannot be read
    ├── ImportTooLarge         413
    ├── NamedTwice             422  a batch that says two things of one task
    ├── TaskNotFound           404
    ├── TaskListNotFound       404
    ├── TaskFilterNotFound     404
    ├── PlaceNotFound          404  the list or task that a task is to lie in
    ├── AttachmentNotFound     404  a file that is to be attached
    ├── TaskInsideItself       409
    └── SubtasksTooDeep        409

`ReadOnly`, `PlaceNotYours` and `OtherOwner` (platform/sharing/errors.py), `StaleVersion` (platform/history/record.py),
`VersionNotFound` (platform/history/versions.py) and `UnknownPage` (platform/database/pages.py) come from the platform.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from uuid import UUID

from commonplace.platform.errors import Problem


class TasksError(Problem):
    """The root of the errors that tasks raises."""


class InvalidRecurrence(TasksError):
    """No rule of RFC 5545, section 3.3.10; the text says why."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason} A recurrence is a rule of RFC 5545 such as FREQ=MONTHLY;BYMONTHDAY=1.")


class RecurrenceNeverComes(TasksError):
    """A rule after whose first occurrence there is none."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, rule: str) -> None:
        super().__init__(
            f"By {rule} it would not come again: there is no such day, COUNT allows one occurrence only, or UNTIL is"
            " over by then. Give a rule that has a next occurrence after the due time (or else the start), or none."
        )


class TwoPlaces(TasksError):
    """A task was given a list and a parent."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self) -> None:
        super().__init__("A task lies in a list or under a task: give `list_id` or `parent_id`, not both.")


class NothingToDo(TasksError):
    """A quick entry has words for when, where or how, and none for what."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self) -> None:
        super().__init__("Say what is to be done, too. A backslash before a word (\\tomorrow) keeps it in the title.")


class UnreadableImport(TasksError):
    """A file is not of the format that it was said to be, or holds more than is taken."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, reason: str) -> None:
        super().__init__(f"The file cannot be imported. {reason}")


class ImportRefused(TasksError):
    """Some tasks of a file cannot be read; `troubles` names each, and nothing was imported."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, unreadable: int, troubles: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(
            f"{unreadable} of the file's tasks cannot be read, so nothing was imported; `troubles` names them. Put them"
            " right, or leave them out with `unreadable=skip`.",
            troubles=troubles,
        )


class ImportTooLarge(TasksError):
    """A file is larger than an import may be."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"A file to import has {limit_bytes // 2**20} MB at most; import it in parts.")


class NamedTwice(TasksError):
    """A batch names a task twice."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self) -> None:
        super().__init__("A batch may name each task once; put all that is to happen to it into one.")


class TaskNotFound(TasksError):
    """There is no such task, or the caller may not see it."""

    status = HTTPStatus.NOT_FOUND

    def __init__(self, task_id: UUID) -> None:
        super().__init__("There is no such task. It may be in the trash.", task_id=str(task_id))


class TaskListNotFound(TasksError):
    """There is no such list, or the caller may not see it."""

    status = HTTPStatus.NOT_FOUND

    def __init__(self) -> None:
        super().__init__("There is no such list. It may be in the trash.")


class TaskFilterNotFound(TasksError):
    """There is no such saved filter, or the caller may not see it."""

    status = HTTPStatus.NOT_FOUND

    def __init__(self) -> None:
        super().__init__("There is no such saved filter. It may be in the trash.")


class PlaceNotFound(TasksError):
    """There is no such list or task to put a task into, or the caller may not do that."""

    status = HTTPStatus.NOT_FOUND

    def __init__(self) -> None:
        super().__init__("There is no such list or task to put it into. It may be in the trash; choose another one.")


class AttachmentNotFound(TasksError):
    """There is no such file, or the caller may not see it."""

    status = HTTPStatus.NOT_FOUND

    def __init__(self) -> None:
        super().__init__("There is no such file to attach. Upload it first, to /api/files.")


class TaskInsideItself(TasksError):
    """A task is to lie under itself, or under one of its subtasks."""

    status = HTTPStatus.CONFLICT

    def __init__(self) -> None:
        super().__init__("A task cannot lie under itself or one of its subtasks; choose one outside of it.")


class SubtasksTooDeep(TasksError):
    """Tasks would lie in each other deeper than the limit."""

    status = HTTPStatus.CONFLICT

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"Tasks can lie in each other {limit} levels deep (TASKS__DEEPEST_SUBTASK); choose a place further up."
        )
