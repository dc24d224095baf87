"""Days, times of day and recurrences as people write them in English: “tomorrow”, “at 9”, “every last friday”.

Each function looks at one place of a text and answers what is said there and where it ends, or None. A comma, semicolon
or full stop directly behind it belongs to it. Nothing here fails on any text, date or number.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple

from dateutil.relativedelta import relativedelta  # type: ignore[import-untyped]

from commonplace.apps.tasks.errors import InvalidRecurrence
from commonplace.apps.tasks.rules import WEEKDAYS, Rule, parse_rule

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ORDINALS: Final = ("first", "second", "third", "fourth", "fifth")
_NUMBERS: Final = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_LAST_FEBRUARY: Final = 9  #: years within which there is a 29 February
_LEAP_YEAR: Final = 2000
_NOON: Final = 12
_MOST_OF_A_WEEKDAY: Final = 5  #: in a month

_FULL_DAY: Final = r"monday|tuesday|wednesday|thursday|friday|saturday|sunday"
#: Not “sun”, “sat” and “wed”, which are words of their own: they need “on”, “every” or the like before them.
_SHORT_DAY: Final = r"mon|tues?|thu(?:rs?)?|fri"
_ANY_DAY: Final = rf"(?:{_FULL_DAY}|{_SHORT_DAY}|wed|sat|sun)s?"
_MONTH: Final = (
    r"jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?"
)
_NTH: Final = rf"[0-9]{{1,2}}(?:st|nd|rd|th)|{'|'.join(_ORDINALS)}|last"
_COUNT: Final = rf"[0-9]{{1,4}}|an?|{'|'.join(_NUMBERS)}"
_AND: Final = r"(?:\s*,\s*(?:and\s+)?|\s*&\s*|\s+and\s+)"
_DAYS: Final = rf"{_ANY_DAY}(?:{_AND}{_ANY_DAY})*"
_NTHS: Final = rf"(?:{_NTH})(?:{_AND}(?:the\s+)?(?:{_NTH}))*"
_DAY_MONTH: Final = r"[0-9]{1,2}(?:st|nd|rd|th)?\s+(?:of\s+)?(?:MONTH)|(?:MONTH)\s+[0-9]{1,2}(?:st|nd|rd|th)?".replace(
    "MONTH", _MONTH
)
_LEAD: Final = r"(?:(?:due\s+(?:on|by)|due|on|by)\s+(?:the\s+)?)"


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{text})[,;.]?(?=\s|$)", re.IGNORECASE)


_DAY: Final = _pattern(
    rf"(?P<lead>{_LEAD})?(?:"
    r"(?P<named>today|tomorrow|(?:the\s+)?day\s+after\s+tomorrow)"
    rf"|(?:(?P<which>next|this)\s+)?(?P<weekday>{_FULL_DAY}|{_SHORT_DAY}|wed|sat|sun)"
    r"|next\s+(?P<next>week|month|year)"
    rf"|in\s+(?P<count>{_COUNT})\s+(?P<unit>day|week|month|year)s?"
    r"|(?P<iso>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    rf"|(?P<month_day>{_DAY_MONTH})(?:,?\s+(?P<year>(?:19|20|21)[0-9]{{2}}))?"
    rf"|(?P<nth>[0-9]{{1,2}}(?:st|nd|rd|th)))"
)
_FROM: Final = re.compile(r"(?:from|start(?:ing)?(?:\s+on)?)\s+", re.IGNORECASE)
_UNTIL: Final = re.compile(r"(?:until|till)\s+", re.IGNORECASE)
_TIME: Final = _pattern(
    r"(?P<at>at\s+)?(?:(?P<noon>noon)"
    r"|(?P<hour>[0-9]{1,2})(?:(?P<mark>[:.])(?P<minute>[0-5][0-9]))?(?:\s*(?P<half>am|pm))?)"
)
_SPAN: Final = _pattern(rf"in\s+(?P<count>{_COUNT})\s+(?P<unit>hour|minute|min)s?")
_EVERY: Final = _pattern(
    r"every\s+(?:"
    rf"(?:(?P<other>other|second|third|[0-9]{{1,2}}(?:nd|rd|th))\s+|(?P<count>{_COUNT})\s+)?"
    r"(?P<unit>minute|hour|day|week|month|year)s?(?!\s+of\s)"
    rf"(?:(?:(?<=week)|(?<=weeks))\s+on\s+(?P<days>{_DAYS})"
    rf"|(?:(?<=year)|(?<=years))\s+on\s+(?:the\s+)?(?P<date>{_DAY_MONTH})"
    r"|(?:(?<=month)|(?<=months))\s+on\s+(?:the\s+)?"
    rf"(?:(?P<nth_of_month>{_NTH})\s+(?P<day_of_month>{_ANY_DAY})|(?P<nths_of_month>{_NTHS})(?:\s+day)?))?"
    r"|(?P<set>weekday|workday|weekend)s?"
    rf"|(?:(?P<other_day>other)\s+)?(?P<each>{_DAYS})"
    rf"|(?P<yearly>{_DAY_MONTH})"
    rf"|(?P<nth>{_NTH})\s+(?P<nth_day>{_ANY_DAY})(?:\s+of\s+(?:the|each|every)\s+month)?"
    rf"|(?P<nths>{_NTHS})(?:\s+day)?(?:\s+of\s+(?:the|each|every)\s+month)?)"
)
_FREQUENCY: Final = {
    "minute": "MINUTELY",
    "hour": "HOURLY",
    "day": "DAILY",
    "week": "WEEKLY",
    "month": "MONTHLY",
    "year": "YEARLY",
}


class SaidDay(NamedTuple):
    """A day, said up to `end`."""

    day: date
    end: int


class SaidTime(NamedTuple):
    """A time of day; with `day` it is on that day, as “in 20 minutes” says it."""

    clock: time
    day: date | None
    end: int


@dataclass(frozen=True, slots=True)
class SaidRule:
    """A recurrence, said up to `end`."""

    rule: Rule
    end: int


def day_at(text: str, place: int, today: date) -> SaidDay | None:
    """The day that is said at `place`; what has no year is the next of its kind from today on."""
    match = _DAY.match(text, place)
    if match is None:
        return None
    try:
        day = _day(match, today)
    except (ValueError, OverflowError):  # 31 February; the end of the calendar
        return None
    return None if day is None else SaidDay(day, match.end())


def first_day_at(text: str, place: int, today: date) -> SaidDay | None:
    """The day from which on something recurs: “from monday”, “starting 24 dec”."""
    return _day_behind(_FROM, text, place, today)


def last_day_at(text: str, place: int, today: date) -> SaidDay | None:
    """The day until which something recurs: “until 24 dec”."""
    return _day_behind(_UNTIL, text, place, today)


def time_at(text: str, place: int, now: datetime) -> SaidTime | None:
    """The time of day that is said at `place`; `now` is the time of the person's clock."""
    span = _SPAN.match(text, place)
    if span is not None:
        try:
            then = now + timedelta(**{"hours" if _word(span, "unit") == "hour" else "minutes": _count(span["count"])})
        except OverflowError:
            return None
        return SaidTime(then.time().replace(second=0, microsecond=0, tzinfo=None, fold=0), then.date(), span.end())
    match = _TIME.match(text, place)
    clock = None if match is None else _clock(match)
    return None if match is None or clock is None else SaidTime(clock, None, match.end())


def rule_at(text: str, place: int) -> SaidRule | None:
    """The recurrence that is said at `place`."""
    match = _EVERY.match(text, place)
    if match is None:
        return None
    try:
        return SaidRule(parse_rule(_rule(match)), match.end())
    except (InvalidRecurrence, ValueError):  # every 0 days; every 45th
        return None


def _day_behind(lead: re.Pattern[str], text: str, place: int, today: date) -> SaidDay | None:
    match = lead.match(text, place)
    return None if match is None else day_at(text, match.end(), today)


def _word(match: re.Match[str], name: str) -> str:
    return (match[name] or "").casefold()


def _count(word: str) -> int:
    word = word.casefold()
    if word in {"a", "an"}:
        return 1
    return _NUMBERS.index(word) + 1 if word in _NUMBERS else int(word)


def _weekday(word: str) -> int:
    return WEEKDAYS.index(word.casefold()[:2].upper())


def _day(match: re.Match[str], today: date) -> date | None:
    if match["named"]:
        named = _word(match, "named")
        return today + timedelta(days={"today": 0, "tomorrow": 1}.get(named, 2))
    if match["weekday"]:
        return _coming_weekday(match, today)
    if match["next"]:
        return _next(_word(match, "next"), today)
    if match["unit"]:
        return _later(today, **{f"{_word(match, 'unit')}s": _count(match["count"])})
    return date.fromisoformat(match["iso"]) if match["iso"] else _by_calendar(match, today)


def _next(unit: str, today: date) -> date:
    """The first day of the next week, month or year."""
    if unit == "week":
        return _monday(today) + timedelta(days=7)
    return _later(today.replace(day=1), months=1) if unit == "month" else date(today.year + 1, 1, 1)


def _by_calendar(match: re.Match[str], today: date) -> date | None:
    if match["month_day"]:
        month, day = _month_day(match["month_day"])
        if match["year"]:
            return date(int(match["year"]), month, day)
        return _first_from(today, (_date_or_none(today.year + n, month, day) for n in range(_LAST_FEBRUARY)))
    if not match["lead"]:  # “the 1st chapter” is no day; “on the 1st” is
        return None
    months = (today.year * 12 + today.month - 1 + n for n in range(12))
    day = int(match["nth"][:-2])
    return _first_from(today, (_date_or_none(month // 12, month % 12 + 1, day) for month in months))


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _coming_weekday(match: re.Match[str], today: date) -> date | None:
    word, which = _word(match, "weekday"), _word(match, "which")
    if word in {"wed", "sat", "sun"} and not which and not match["lead"]:
        return None
    number = _weekday(word)
    if which == "next":  # the one of the week that begins with the next Monday
        return _monday(today) + timedelta(days=7 + number)
    return today + timedelta(days=(number - today.weekday() - 1) % 7 + 1)


def _later(day: date, **by: int) -> date:
    later: date = day + relativedelta(**by)
    return later


def _date_or_none(year: int, month: int, day: int) -> date | None:
    """The day, if the calendar has it."""
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _first_from(today: date, days: Iterable[date | None]) -> date | None:
    return next((day for day in days if day is not None and day >= today), None)


def _month_day(text: str) -> tuple[int, int]:
    words = text.casefold().replace(" of ", " ").split()
    number, name = (words[0], words[-1]) if words[0][0].isdigit() else (words[-1], words[0])
    return _MONTHS.index(name[:3]) + 1, int(number.rstrip("stndrh"))


def _clock(match: re.Match[str]) -> time | None:
    if match["noon"]:
        return time(_NOON) if match["at"] else None
    hour, half = int(match["hour"]), _word(match, "half")
    if not (match["at"] or half or match["mark"] == ":"):  # a number, or a decimal fraction
        return None
    if half and not 1 <= hour <= _NOON:
        return None
    if half:
        hour = hour % _NOON + (_NOON if half == "pm" else 0)
    return time(hour, int(match["minute"] or 0)) if hour < 24 else None  # noqa: PLR2004 - hours of a day


def _rule(match: re.Match[str]) -> str:
    if match["unit"]:
        return _rule_of_units(match)
    if match["set"]:
        return "FREQ=WEEKLY;BYDAY=" + ("SA,SU" if _word(match, "set") == "weekend" else "MO,TU,WE,TH,FR")
    if match["each"]:
        interval = ";INTERVAL=2" if match["other_day"] else ""
        return f"FREQ=WEEKLY{interval};BYDAY={','.join(_weekdays(match['each']))}"
    if match["yearly"]:
        return _rule_of_date(match["yearly"], 1)
    if match["nth"]:
        return f"FREQ=MONTHLY;BYDAY={_nth_weekday(match['nth'], match['nth_day'])}"
    return f"FREQ=MONTHLY;BYMONTHDAY={_nths(match['nths'])}"


def _rule_of_units(match: re.Match[str]) -> str:
    unit, other = _word(match, "unit"), _word(match, "other")
    interval = 1
    if other:
        interval = 2 if other == "other" else _nth(other)
    elif match["count"]:
        interval = _count(match["count"])
    rule = f"FREQ={_FREQUENCY[unit]};INTERVAL={interval}"
    if match["days"]:
        return f"{rule};BYDAY={','.join(_weekdays(match['days']))}"
    if match["date"]:
        return _rule_of_date(match["date"], interval)
    if match["nth_of_month"]:
        return f"{rule};BYDAY={_nth_weekday(match['nth_of_month'], match['day_of_month'])}"
    if match["nths_of_month"]:
        return f"{rule};BYMONTHDAY={_nths(match['nths_of_month'])}"
    return rule


def _rule_of_date(text: str, interval: int) -> str:
    month, day = _month_day(text)
    date(_LEAP_YEAR, month, day)  # 31 February never comes
    return f"FREQ=YEARLY;INTERVAL={interval};BYMONTH={month};BYMONTHDAY={day}"


def _weekdays(text: str) -> Sequence[str]:
    days = {_weekday(word) for word in re.findall(_ANY_DAY, text, re.IGNORECASE)}
    return [WEEKDAYS[day] for day in sorted(days)]


def _nth_weekday(nth: str, day: str) -> str:
    number = _nth(nth)
    if number > _MOST_OF_A_WEEKDAY:
        raise ValueError("No month has six Mondays.")
    return f"{number}{WEEKDAYS[_weekday(day)]}"


def _nth(word: str) -> int:
    word = word.casefold()
    if word == "last":
        return -1
    return _ORDINALS.index(word) + 1 if word in _ORDINALS else int(word[:-2])


def _nths(text: str) -> str:
    return ",".join(str(_nth(word)) for word in re.findall(_NTH, text, re.IGNORECASE))
