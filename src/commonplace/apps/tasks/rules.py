"""Rules of recurrence: the RECUR value of RFC 5545, section 3.3.10, read and checked by its grammar and its tables."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Final

from commonplace.apps.tasks.errors import InvalidRecurrence

FREQUENCIES: Final = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY")
WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
LONGEST_RULE: Final = 1000  #: characters
_MOST: Final = 100_000  #: for COUNT and INTERVAL
#: Each list of numbers: the least and the greatest, and whether it may count from the end.
_NUMBERS: Final[Mapping[str, tuple[int, int, bool]]] = {
    "BYSECOND": (0, 60, False),
    "BYMINUTE": (0, 59, False),
    "BYHOUR": (0, 23, False),
    "BYMONTHDAY": (1, 31, True),
    "BYYEARDAY": (1, 366, True),
    "BYWEEKNO": (1, 53, True),
    "BYMONTH": (1, 12, False),
    "BYSETPOS": (1, 366, True),
}
#: The parts that a frequency does not admit, by the table at the end of the section.
_NOT_WITH: Final[Mapping[str, frozenset[str]]] = {
    "BYWEEKNO": frozenset(FREQUENCIES) - {"YEARLY"},
    "BYYEARDAY": frozenset({"MONTHLY", "WEEKLY", "DAILY"}),
    "BYMONTHDAY": frozenset({"WEEKLY"}),
}
_KNOWN: Final = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", *_NUMBERS}
_BYDAY: Final = re.compile(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_UNTIL: Final = re.compile(r"[0-9]{8}(T[0-9]{6}Z?)?")
_MOST_WEEKS: Final = 53

Weekday = tuple[str, int | None]
"""`("MO", None)`: each Monday; `("MO", -1)`: the last one of the month or year."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule, checked. `until` is a day, an instant in UTC, or a clock time without a zone."""

    frequency: str
    interval: int = 1
    count: int | None = None
    until: date | None = None
    week_start: str | None = None
    weekdays: Sequence[Weekday] = ()
    numbers: Mapping[str, tuple[int, ...]]  #: BYHOUR and the like, where they are given

    def with_one_less(self) -> "Rule":
        """The rule of the next occurrence: one of COUNT is used up."""
        return self if self.count is None else replace(self, count=self.count - 1)

    def __str__(self) -> str:
        parts = [f"FREQ={self.frequency}"]
        if self.interval > 1:
            parts.append(f"INTERVAL={self.interval}")
        if self.count is not None:
            parts.append(f"COUNT={self.count}")
        if self.until is not None:
            parts.append(f"UNTIL={_until_text(self.until)}")
        parts += [f"{name}={','.join(map(str, values))}" for name, values in self.numbers.items()]
        if self.weekdays:
            parts.append("BYDAY=" + ",".join(f"{number or ''}{day}" for day, number in self.weekdays))
        if self.week_start is not None:
            parts.append(f"WKST={self.week_start}")
        return ";".join(parts)


def parse_rule(text: str) -> Rule:
    """Read a rule; parts may come in any order, and a leading `RRULE:` is taken for what it is.

    Raises:
        InvalidRecurrence: it is none; the text says why.
    """
    if len(text) > LONGEST_RULE:
        raise InvalidRecurrence(f"The rule has more than {LONGEST_RULE} characters.")
    given = _parts(text.upper().removeprefix("RRULE:"))
    frequency = given.get("FREQ")
    if frequency not in FREQUENCIES:
        raise InvalidRecurrence(f"FREQ must be one of {', '.join(FREQUENCIES)}.")
    if "COUNT" in given and "UNTIL" in given:
        raise InvalidRecurrence("COUNT and UNTIL exclude each other.")
    rule = Rule(
        frequency=frequency,
        interval=_number("INTERVAL", given.get("INTERVAL", "1"), 1, _MOST),
        count=_number("COUNT", given["COUNT"], 1, _MOST) if "COUNT" in given else None,
        until=_until(given["UNTIL"]) if "UNTIL" in given else None,
        week_start=_week_start(given.get("WKST")),
        weekdays=tuple(_weekday(one) for one in given["BYDAY"].split(",")) if "BYDAY" in given else (),
        numbers={name: _list(name, given[name]) for name in _NUMBERS if name in given},
    )
    _refuse_what_does_not_go_together(rule)
    return rule


def _parts(text: str) -> dict[str, str]:
    given: dict[str, str] = {}
    for part in text.split(";"):
        name, is_one, value = part.partition("=")
        if name not in _KNOWN or not is_one:
            raise InvalidRecurrence(f"“{part[:40]}” is no part of a rule.")
        if name in given:
            raise InvalidRecurrence(f"{name} is given twice.")
        given[name] = value
    return given


def _number(name: str, text: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):  # noqa: PLR2004
        raise InvalidRecurrence(f"{name} must be a number from {least} to {most}.")
    return int(text)


def _list(name: str, text: str) -> tuple[int, ...]:
    least, most, may_be_negative = _NUMBERS[name]
    values = []
    for one in text.split(","):
        is_negative = may_be_negative and one.startswith("-")
        digits = one[1:] if is_negative or (may_be_negative and one.startswith("+")) else one
        number = _number(name, digits, least, most)
        values.append(-number if is_negative else number)
    return tuple(dict.fromkeys(values))


def _weekday(text: str) -> Weekday:
    match = _BYDAY.fullmatch(text)
    number = int(match[1]) if match and match[1] else None
    if match is None or number == 0 or abs(number or 0) > _MOST_WEEKS:
        raise InvalidRecurrence(f"“{text[:20]}” is no day for BYDAY; days are MO to SU, as in 1MO or -1FR.")
    return match[2], number


def _week_start(text: str | None) -> str | None:
    if text is not None and text not in WEEKDAYS:
        raise InvalidRecurrence("WKST must be one of MO to SU.")
    return text


def _until(text: str) -> date:
    if _UNTIL.fullmatch(text):
        with suppress(ValueError):
            if len(text) == len("20260101"):
                return date.fromisoformat(text)
            moment = datetime.strptime(text[:15], "%Y%m%dT%H%M%S")  # noqa: DTZ007 - the zone follows
            return moment.replace(tzinfo=UTC) if text.endswith("Z") else moment
    raise InvalidRecurrence("UNTIL must be a day (20261231) or a time in UTC (20261231T220000Z).")


def _until_text(until: date) -> str:
    text = until.isoformat().replace("-", "").replace(":", "")
    return text[:15] + ("Z" if isinstance(until, datetime) and until.tzinfo else "")


def _refuse_what_does_not_go_together(rule: Rule) -> None:
    for name, frequencies in _NOT_WITH.items():
        if name in rule.numbers and rule.frequency in frequencies:
            raise InvalidRecurrence(f"{name} does not go with FREQ={rule.frequency}.")
    if any(number is not None for _, number in rule.weekdays):
        if rule.frequency not in {"MONTHLY", "YEARLY"}:
            raise InvalidRecurrence("A number in BYDAY (1MO) goes with FREQ=MONTHLY or YEARLY only.")
        if "BYWEEKNO" in rule.numbers:
            raise InvalidRecurrence("A number in BYDAY (1MO) does not go with BYWEEKNO.")
    if "BYSETPOS" in rule.numbers and not rule.weekdays and len(rule.numbers) == 1:
        raise InvalidRecurrence("BYSETPOS chooses among what another BY… part gives; add one.")
