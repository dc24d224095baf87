"""Rules of recurrence in words: “every 2 weeks on Monday and Thursday”."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from commonplace.apps.tasks.rules import WEEKDAYS, Rule

_UNITS: Final = {
    "YEARLY": "year", "MONTHLY": "month", "WEEKLY": "week", "DAILY": "day", "HOURLY": "hour", "MINUTELY": "minute",
    "SECONDLY": "second",
}  # fmt: skip
_DAYS: Final = dict(
    zip(WEEKDAYS, ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), strict=True)
)
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_WORKING: Final = frozenset(WEEKDAYS[:5])
_SAID: Final = frozenset({"BYMONTHDAY", "BYMONTH"})


def words_of(rule: Rule) -> str:
    """The rule in words; where it says more than words can do briefly, how often it comes, and that there is more."""
    unit = _UNITS[rule.frequency]
    how_often = f"every {unit}" if rule.interval == 1 else f"every {rule.interval} {unit}s"
    weekdays = list(rule.weekdays)
    if weekdays and rule.frequency in {"WEEKLY", "DAILY"} and {day for day, _ in weekdays} == _WORKING:
        how_often, weekdays = ("every working day" if rule.interval == 1 else f"{how_often} on working days"), []
    elif weekdays and rule.frequency in {"WEEKLY", "DAILY"} and rule.interval == 1:
        how_often, weekdays = f"every {_and([_DAYS[day] for day, _ in weekdays])}", []
    parts = [how_often]
    if weekdays:
        parts.append(f"on {_and([_weekday(day, number) for day, number in weekdays])}")
    days = rule.numbers.get("BYMONTHDAY", ())
    months = [_MONTHS[number - 1] for number in rule.numbers.get("BYMONTH", ())]
    if days:
        parts.append(f"on the {_and([_ordinal(day) for day in days])}{' of ' + _and(months) if months else ''}")
    elif months:
        parts.append(f"in {_and(months)}")
    if rule.numbers.keys() - _SAID:
        parts.append("by its own rule")
    if rule.count is not None:
        parts.append(
            f"{rule.count} more time{'' if rule.count == 1 else 's'}" if rule.count > 1 else "for the last time"
        )
    if rule.until is not None:
        parts.append(f"until {_date(rule.until)}")
    return ", ".join([" ".join(parts[:1] + [part for part in parts[1:] if part.startswith(("on ", "in "))]),
                      *(part for part in parts[1:] if not part.startswith(("on ", "in ")))])  # fmt: skip


def _weekday(day: str, number: int | None) -> str:
    return _DAYS[day] if number is None else f"the {_ordinal(number)} {_DAYS[day]}"


def _ordinal(number: int) -> str:
    if number < 0:
        return "last" if number == -1 else f"{_ordinal(-number)} last"
    ending = "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")  # noqa: PLR2004
    return f"{number}{ending}"


def _and(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _date(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
