"""From the fields of the API to the columns of the table."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from time import thread_time
from typing import Any, Final
from uuid import UUID

from commonplace.apps.tasks.errors import InvalidRecurrence, RecurrenceNeverComes
from commonplace.apps.tasks.filters import PRIORITIES
from commonplace.apps.tasks.order import last
from commonplace.apps.tasks.recurrence import next_occurrence
from commonplace.apps.tasks.rules import parse_rule
from commonplace.apps.tasks.schemas import Attachment, Moment, ReminderAt, ReminderBefore, TaskChange, TaskCreate
from commonplace.apps.tasks.times import When, in_utc
from commonplace.platform.database.row import Row

ENDED: Final = frozenset({"done", "cancelled"})
_LONGEST_LOOK: Final = 2.0  #: seconds of a processor
#: What the next occurrence has from the one before it; its dates, status and rule are its own.
_INHERITED: Final = ("is_subtask", "notes", "priority", "tags", "position", "reminders", "attachments")


def given_fields(model: TaskCreate | TaskChange) -> dict[str, Any]:
    """What a client gave, each field as the model reads it; a field that was left out is not there."""
    names = TaskCreate.model_fields if isinstance(model, TaskCreate) else model.model_fields_set
    return {name: getattr(model, name) for name in names if name in TaskCreate.model_fields}


def columns_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that `given` sets, as JSON values; title and place are the item's and not among them.

    Raises:
        InvalidRecurrence: the recurrence is no rule.
    """
    columns: dict[str, Any] = {}
    for name, value in given.items():
        match name:
            case "title" | "list_id" | "parent_id":
                pass
            case "priority":
                columns["priority"] = PRIORITIES.index(value)
            case "order":
                columns["position"] = last() if value is None else value
            case "start" | "due":
                columns |= moment_columns(name, None if value is None else _when(value))
            case "recurrence":
                columns["recurrence"] = None if value is None else str(parse_rule(value))
            case "reminders":
                columns["reminders"] = [_reminder(one) for one in value]
            case "attachments":
                columns["attachments"] = [_attachment(one) for one in value]
            case _:
                columns[name] = value
    return columns


def moment_columns(name: str, when: When | None) -> dict[str, Any]:
    """The two columns of a start or due time."""
    if when is None:
        return {name: None, f"{name}_at": None}
    return {name: when.stored(), f"{name}_at": when.instant}


def differing(columns: Mapping[str, Any], locked: Row) -> dict[str, Any]:
    """Those columns that are to be otherwise than they are."""
    return {
        name: value
        for name, value in columns.items()
        if locked[name] != value
        # The instant goes with what was said; the rules of a zone may have changed since, which is no change by anyone.
        and not (
            name in {"start_at", "due_at"} and columns[name.removesuffix("_at")] == locked[name.removesuffix("_at")]
        )
    }


def next_columns(columns: Mapping[str, Any], done_at: datetime) -> dict[str, Any] | None:
    """The columns of the occurrence after a task with these columns; None where it does not recur, or no more.

    A task without dates recurs from the day on which it is done.
    """
    if columns["recurrence"] is None:
        return None
    rule = parse_rule(columns["recurrence"])
    start = None if columns["start"] is None else When.of(columns["start"])
    due = None if columns["due"] is None else When.of(columns["due"])
    following = next_occurrence(rule, _present(columns, done_at))
    if following is None:
        return None
    if start is not None and due is not None:
        start = _moved(start, following.day - due.day)
    elif start is not None:
        start = following
    return {
        **{name: columns[name] for name in _INHERITED},
        "status": "open",
        "recurrence": str(rule.with_one_less()),
        "completed_at": None,
        "next_id": None,
        **moment_columns("start", start),
        **moment_columns("due", None if due is None and start is not None else following),
    }


def refuse_what_never_comes(tasks: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Look for the next occurrence of each of these tasks, given by their columns. Slow: meant for a thread.

    Raises:
        RecurrenceNeverComes: one has a rule, and no next occurrence.
        InvalidRecurrence: to look for all of them takes longer than two seconds.
    """
    began = thread_time()
    looked_for = set()
    for columns in tasks:
        rule, present = columns["recurrence"], _present(columns, now)
        if rule is None or (rule, present) in looked_for:
            continue
        looked_for.add((rule, present))
        if next_occurrence(parse_rule(rule), present) is None:
            raise RecurrenceNeverComes(rule)
        if thread_time() - began > _LONGEST_LOOK:
            raise InvalidRecurrence(
                f"It takes more than {_LONGEST_LOOK:g} seconds to work out when these tasks come again: send fewer at"
                " once, or with simpler rules."
            )


def _present(columns: Mapping[str, Any], now: datetime) -> When:
    """The occurrence that a task is: the rule's DTSTART."""
    stored = columns["due"] or columns["start"]
    return When(now.date()) if stored is None else When.of(stored)


def _moved(when: When, by: timedelta) -> When | None:
    try:
        return When(when.day + by, when.clock, when.zone)
    except OverflowError:  # before the first day of the calendar
        return None


def _when(value: Moment) -> When:
    return value.when()


def _reminder(value: ReminderBefore | ReminderAt) -> dict[str, Any]:
    if isinstance(value, ReminderBefore):
        return {"minutes_before": value.minutes_before, "of": value.of}
    at = in_utc(value.at)
    return {"at": at.isoformat(timespec="microseconds").replace("+00:00", "Z")}


def _attachment(value: Attachment) -> dict[str, Any]:
    return {"kind": value.kind, "id": str(value.id)}


def attached(columns: Mapping[str, Any]) -> set[UUID]:
    """The files in the column `attachments`."""
    return {UUID(one["id"]) for one in columns.get("attachments", ())}
