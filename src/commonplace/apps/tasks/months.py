"""A month as a calendar shows it: whole weeks, and on each day its tasks."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final, Self

from commonplace.apps.tasks.shown import ShownTask

_DAYS: Final = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day and what is due on it."""

    date: date
    is_in_month: bool
    is_today: bool
    tasks: Sequence[ShownTask] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """The weeks that a month touches."""

    start: date  #: its first day
    days: Sequence[Day]

    @property
    def first(self) -> date:
        """The first day that is shown."""
        return self.days[0].date

    @property
    def last(self) -> date:
        """The last day that is shown."""
        return self.days[-1].date

    @property
    def weeks(self) -> list[tuple[Day, ...]]:
        """The days, seven and seven."""
        return [tuple(self.days[at : at + _DAYS]) for at in range(0, len(self.days), _DAYS)]

    @property
    def before(self) -> str:
        """The month before, `2026-10`; empty where the calendar begins."""
        return "" if self.start == date.min else f"{self.start - timedelta(days=1):%Y-%m}"

    @property
    def after(self) -> str:
        """The month after."""
        return f"{self.start + timedelta(days=32):%Y-%m}"

    def with_tasks(self, tasks: Iterable[ShownTask]) -> Self:
        """The same month, with these tasks on their days."""
        found: dict[date, list[ShownTask]] = {}
        for task in tasks:
            if task.due_day is not None:
                found.setdefault(task.due_day, []).append(task)
        days = [replace(day, tasks=sorted(found.get(day.date, ()), key=_in_day)) for day in self.days]
        return replace(self, days=days)


def month_named(name: str, today: date, first_weekday: int) -> Month:
    """The month `2026-11`, in weeks that begin on `first_weekday` (0 is Monday); today's, where the name is none."""
    start = today.replace(day=1)
    if re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", name) and "1900" < name < "9999":
        start = date.fromisoformat(f"{name}-01")
    shown = start - timedelta(days=(start.weekday() - first_weekday) % _DAYS)
    days: list[Day] = []
    while shown.month == start.month or shown < start or len(days) % _DAYS:
        days.append(Day(date=shown, is_in_month=shown.month == start.month, is_today=shown == today))
        shown += timedelta(days=1)
    return Month(start=start, days=days)


def _in_day(task: ShownTask) -> tuple[object, ...]:
    return (task.is_ended, *task.sort_in_day)
