"""Tasks as pages show them: under which heading each stands, and how its day and its rule are told."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from markupsafe import Markup

from commonplace.apps.tasks.errors import InvalidRecurrence
from commonplace.apps.tasks.fields import ENDED
from commonplace.apps.tasks.filters import PRIORITIES
from commonplace.apps.tasks.rule_words import words_of
from commonplace.apps.tasks.rules import parse_rule
from commonplace.platform.database.row import Row
from commonplace.platform.pages import formats

STATUSES: Final = {"open": "To do", "in_progress": "In progress", "done": "Done", "cancelled": "Cancelled"}
LEVELS: Final = {"none": "None", "low": "Low", "medium": "Medium", "high": "High"}
ORDERS: Final = {"date": "Date", "order": "My order", "priority": "Priority", "title": "Title", "created": "Newest"}
_A_WEEK: Final = timedelta(days=6)
_A_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTask:
    """A task on a page."""

    id: UUID
    title: str
    version: int
    status: str
    priority: str
    due_day: date | None
    due_at: datetime | None  #: None for a whole day
    due: dict[str, Any] | None
    start_day: date | None
    tags: Sequence[str]
    position: int
    recurrence: str | None
    has_notes: bool
    reminder_count: int
    attachment_count: int
    next_id: UUID | None
    place_id: UUID | None
    place_title: str | None
    place_kind: str | None
    steps: tuple[int, int]  #: how many of its direct subtasks are done, and how many there are
    may_write: bool
    zone: ZoneInfo
    today: date

    @classmethod
    def of(cls, row: Row, zone: ZoneInfo, today: date) -> Self:
        """The task of a row of `page_queries`."""
        same = (
            "id", "title", "version", "status", "due_day", "due", "start_day", "tags", "position", "recurrence",
            "has_notes", "reminder_count", "attachment_count", "next_id", "place_id", "place_title", "place_kind",
            "may_write",
        )  # fmt: skip
        has_time = row.due is not None and row.due["time"] is not None
        return cls(
            **{name: row[name] for name in same},
            priority=PRIORITIES[row.priority],
            due_at=row.due_at if has_time else None,
            steps=tuple(row.steps),
            zone=zone,
            today=today,
        )

    @property
    def is_done(self) -> bool:
        """Whether it is done."""
        return self.status == "done"

    @property
    def is_ended(self) -> bool:
        """Whether there is nothing left to do about it."""
        return self.status in ENDED

    @property
    def is_overdue(self) -> bool:
        """Whether it was due before today."""
        return not self.is_ended and self.due_day is not None and self.due_day < self.today

    @property
    def when(self) -> Markup:
        """When it is due, as short as it can be said: a time today, a weekday within a week, else a day."""
        if self.due_day is None:
            return Markup()
        if self.due_at is None:
            return Markup("Today") if self.due_day == self.today else self._day()
        time = moment(self.due_at, self.zone, "time")
        return time if self.due_day == self.today else Markup("{} {}").format(self._day(), time)

    @property
    def when_time(self) -> Markup:
        """The time of its day, where it has one."""
        return Markup() if self.due_at is None else moment(self.due_at, self.zone, "time")

    def _day(self) -> Markup:
        assert self.due_day is not None  # noqa: S101 - for the type checker; asked before
        if self.due_day == self.today + _A_DAY:
            return Markup("Tomorrow")
        if self.due_day == self.today - _A_DAY:
            return Markup("Yesterday")
        return formats.day(self.due_day, "weekday" if abs(self.due_day - self.today) <= _A_WEEK else "day")

    @property
    def rule(self) -> str:
        """How it recurs, in words."""
        return "" if self.recurrence is None else rule_text(self.recurrence)

    @property
    def sort_in_day(self) -> tuple[Any, ...]:
        """Within a day: what is for the whole day first, in the person's order; then by the time."""
        return (self.due_at is not None, self.due_at or _NEVER, self.position, self.id)


_NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Tasks under one heading."""

    key: str
    title: str | Markup
    tasks: Sequence[ShownTask]
    day: date | None = None  #: what is dropped here becomes due on this day
    is_without_day: bool = False  #: what is dropped here has no day any more


def moment(at: datetime, zone: ZoneInfo, style: formats.WhenStyle) -> Markup:
    """A moment as pages write it; at the ends of the calendar, which a zone can lead out of, by UTC."""
    try:
        return formats.when(at, zone, style)
    except OverflowError:
        return formats.when(at, ZoneInfo("UTC"), style, is_fixed=True)


def rule_text(rule: str) -> str:
    """A rule of recurrence in words."""
    try:
        return words_of(parse_rule(rule))
    except InvalidRecurrence:  # of an older release
        return "repeats"


def later(day: date, days: int) -> date:
    """The day that many days after; the last one of the calendar where it ends before."""
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return date.max


def in_groups(tasks: Iterable[ShownTask], order: str, today: date) -> list[Group]:
    """Open tasks under their headings: by date under days, by priority under levels, else under none."""
    found = list(tasks)
    if order == "date":
        return _by_date(found, today)
    if order == "priority":
        levels = [(level, f"{LEVELS[level]} priority" if level != "none" else "No priority") for level in LEVELS]
        return _grouped(found, lambda task: task.priority, reversed(levels))
    return [Group(key="open", title="To do", tasks=found)] if found else []


def by_day(tasks: Iterable[ShownTask], today: date) -> list[Group]:
    """Tasks of the time to come: each day of the next week under its own heading, then months."""
    found = sorted(tasks, key=lambda task: (task.due_day or today, *task.sort_in_day))
    groups: dict[str, list[ShownTask]] = {}
    for task in found:
        day = task.due_day or today
        groups.setdefault(day.isoformat() if day - today <= timedelta(days=14) else f"{day:%Y-%m}", []).append(task)
    return [_coming(key, inside, today) for key, inside in groups.items()]


def _coming(key: str, tasks: Sequence[ShownTask], today: date) -> Group:
    day = tasks[0].due_day or today
    if len(key) < len("2026-11-21"):
        return Group(key=key, title=formats.day(day.replace(day=1), "month"), tasks=tasks)
    title = Markup("Tomorrow") if day == today + _A_DAY else formats.day(day, "date")
    return Group(key=key, title=title, tasks=tasks, day=day)


def _by_date(tasks: Sequence[ShownTask], today: date) -> list[Group]:
    week = later(today, 7)

    def key(task: ShownTask) -> str:
        day = task.due_day
        if day is None:
            is_begun = task.start_day is not None and task.start_day <= today
            return "today" if is_begun else "none"
        if day < today:
            return "overdue"
        if day <= later(today, 1):
            return "today" if day == today else "tomorrow"
        return "week" if day < week else "later"

    ordered = sorted(tasks, key=lambda task: (task.due_day or date.max, *task.sort_in_day))
    names = [("overdue", "Overdue"), ("today", "Today"), ("tomorrow", "Tomorrow"), ("week", "Next days"),
             ("later", "Later"), ("none", "No date")]  # fmt: skip
    days = {"today": today, "tomorrow": later(today, 1)}
    return [
        Group(key=group.key, title=group.title, tasks=group.tasks, day=days.get(group.key),
              is_without_day=group.key == "none")
        for group in _grouped(ordered, key, names)
    ]  # fmt: skip


def _grouped(
    tasks: Iterable[ShownTask], key_of: Callable[[ShownTask], str], names: Iterable[tuple[str, str]]
) -> list[Group]:
    inside: dict[str, list[ShownTask]] = {}
    for task in tasks:
        inside.setdefault(key_of(task), []).append(task)
    return [Group(key=key, title=title, tasks=inside[key]) for key, title in names if key in inside]
