"""The next occurrence of a recurring task, by a rule of RFC 5545 (section 3.3.10), worked out by dateutil.

The present occurrence is the rule's DTSTART: it is in phase with the series, and counts as one of COUNT. The rule runs
over what clocks show, so "at nine" stays at nine when the clocks change; `times` turns that into an instant.

dateutil does not stop at a rule that never comes true (31 February) before the year 9999. So a series is moved to the
end of the calendar by multiples of 400 years, after which the calendar repeats itself, weekdays included: it looks a
hundred years ahead at least and five hundred at most. DAILY and shorter rules are looked through day by day: dateutil
says which days there are, and the times on them are counted here, a bounded number.
"""

import math
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import product
from typing import Any, Final

from dateutil import rrule  # type: ignore[import-untyped]
from dateutil.rrule import rrule as Series  # type: ignore[import-untyped]  # noqa: N812 - a class

from commonplace.apps.tasks.rules import WEEKDAYS, Rule
from commonplace.apps.tasks.times import When

_CYCLE_YEARS: Final = 400
_LAST_FIRST_YEAR: Final = 9899
_MOST_DAYS: Final = 40_000
_MOST_STEPS: Final = 200_000  #: times of day that are looked at
_DAY: Final = timedelta(days=1)
_WEEKDAYS: Final = dict(
    zip(WEEKDAYS, (rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR, rrule.SA, rrule.SU), strict=True)
)
_FREQUENCIES: Final = {
    "YEARLY": rrule.YEARLY,
    "MONTHLY": rrule.MONTHLY,
    "WEEKLY": rrule.WEEKLY,
    "DAILY": rrule.DAILY,
    "HOURLY": rrule.HOURLY,
    "MINUTELY": rrule.MINUTELY,
    "SECONDLY": rrule.SECONDLY,
}
_STEPS: Final = {
    "DAILY": _DAY,
    "HOURLY": timedelta(hours=1),
    "MINUTELY": timedelta(minutes=1),
    "SECONDLY": timedelta(seconds=1),
}
_SHORT: Final = ("DAILY", "HOURLY", "MINUTELY", "SECONDLY")
_CLOCK: Final = ("hour", "minute", "second")  #: what is finer than each of these


def next_occurrence(rule: Rule, present: When) -> When | None:
    """The first occurrence after the present one; None where the series ends, or none is found.

    Clock times and zones stay as they are. A whole day is followed by a later day.
    """
    if rule.count is not None and rule.count <= 1:
        return None
    years = _CYCLE_YEARS * ((_LAST_FIRST_YEAR - present.day.year) // _CYCLE_YEARS)
    anchor = present.local.replace(year=present.day.year + years)
    after = anchor if present.clock is not None else datetime.combine(anchor.date(), time(23, 59, 59))
    try:
        found = _first_after(rule, anchor, after)
        found = None if found is None else found.replace(year=found.year - years)
    except (ValueError, OverflowError):  # dateutil's word for an empty rule; the end of the calendar
        return None
    if found is None:
        return None
    following = When(found.date(), None if present.clock is None else found.time(), present.zone)
    return None if _is_over(rule, following) else following


def _is_over(rule: Rule, when: When) -> bool:
    until = rule.until
    if until is None:
        return False
    if not isinstance(until, datetime):
        return when.day > until
    if until.tzinfo is None:
        return when.local > until
    return when.instant > until if when.clock is not None else when.day > until.date()


def _first_after(rule: Rule, anchor: datetime, after: datetime) -> datetime | None:
    if rule.frequency in _STEPS:
        return _first_by_day(rule, anchor, after)
    series = Series(
        _FREQUENCIES[rule.frequency],
        dtstart=anchor,
        interval=rule.interval,
        wkst=None if rule.week_start is None else _WEEKDAYS[rule.week_start],
        byweekday=_by_weekday(rule),
        **_by(rule, "MONTH", "MONTHDAY", "YEARDAY", "WEEKNO", "SETPOS"),
        **{f"by{name}": numbers for name in _CLOCK if (numbers := _numbers(rule, name))},
    )
    found: datetime | None = series.after(after)
    return found


def _first_by_day(rule: Rule, anchor: datetime, after: datetime) -> datetime | None:
    """For DAILY and shorter rules, in which a BY… part of a day only leaves days out."""
    step = _STEPS[rule.frequency] * rule.interval
    finer = _CLOCK[_SHORT.index(rule.frequency) :]
    base = anchor.replace(**dict.fromkeys(finer, 0))  # type: ignore[arg-type]
    # Within each hour, or whatever the period is: the times that the BY… parts give, or the anchor's own.
    times = [_numbers(rule, name) or [getattr(anchor, name)] for name in finer]
    kept = {name: set(numbers) for name in _CLOCK if name not in finer and (numbers := _numbers(rule, name))}
    steps = 0
    for number, day in enumerate(_days(rule, after.date())):
        period = base + math.ceil(max(datetime.combine(day, time()) - base, timedelta()) / step) * step
        while period.date() == day:
            steps += 1
            if all(getattr(period, name) in values for name, values in kept.items()):
                for found in _times_in(rule, period, finer, times):
                    if found > after:
                        return found
            period += step
        if steps > _MOST_STEPS or number > _MOST_DAYS:
            break
    return None


def _times_in(rule: Rule, period: datetime, finer: Sequence[str], times: Sequence[Sequence[int]]) -> Sequence[datetime]:
    """The times in one day, hour, minute or second; of them those that BYSETPOS chooses."""
    found = [period.replace(**dict(zip(finer, one, strict=True))) for one in product(*times)]  # type: ignore[arg-type]
    positions = rule.numbers.get("BYSETPOS")
    if positions is None:
        return found
    chosen = {number - 1 if number > 0 else len(found) + number for number in positions}
    return [one for index, one in enumerate(found) if index in chosen]


def _numbers(rule: Rule, name: str) -> list[int]:
    """BYHOUR and the like, in order. A leap second is the one before it (the same section)."""
    return sorted({min(number, 59) for number in rule.numbers.get(f"BY{name.upper()}", ())})


def _days(rule: Rule, first: date) -> Iterator[date]:
    """The days from `first` on that the BY… parts of days leave."""
    series = Series(
        rrule.YEARLY,
        dtstart=datetime.combine(first, time()),
        byweekday=_by_weekday(rule) or list(_WEEKDAYS.values()),
        **_by(rule, "MONTH", "MONTHDAY", "YEARDAY"),
    )
    for moment in series:
        yield moment.date()


def _by_weekday(rule: Rule) -> list[Any] | None:
    return [_WEEKDAYS[day] if number is None else _WEEKDAYS[day](number) for day, number in rule.weekdays] or None


def _by(rule: Rule, *names: str) -> dict[str, Any]:
    """The BY… parts of these names, as dateutil takes them."""
    return {f"by{name.lower()}": list(rule.numbers[f"BY{name}"]) for name in names if f"BY{name}" in rule.numbers}
