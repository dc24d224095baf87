"""VTODO of iCalendar (RFC 5545, section 3.6.2), read and written by the library icalendar.

Each component is read by itself, so that one that is broken is one that is reported, by the line on which it begins.
What RFC 5545 has no word for is written under names of our own: the list, the order, and a start whose form (a day or a
time) is not that of the due time, which the standard does not allow beside it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from icalendar import Alarm, Timezone, Todo, vRecur
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from commonplace.apps.tasks.errors import UnreadableImport
from commonplace.apps.tasks.exchange.entries import Entry, Findings, Where, at, before, text_of
from commonplace.apps.tasks.times import When, is_zone

_STATUSES: Final = {
    "NEEDS-ACTION": "open", "IN-PROCESS": "in_progress", "COMPLETED": "done", "CANCELLED": "cancelled",
}  # fmt: skip
_STATUS_NAMES: Final = {ours: theirs for theirs, ours in _STATUSES.items()}
_PRIORITIES: Final = {"high": 1, "medium": 5, "low": 9}
_LIST: Final = "X-COMMONPLACE-LIST"
_ORDER: Final = "X-COMMONPLACE-ORDER"
_START: Final = "X-COMMONPLACE-START"
_MOST_LINES: Final = 2000  #: of one component
_MOST_MINUTES: Final = 1_000_000
_MINUTE: Final = timedelta(minutes=1)
_NO_PLACE: Final = ("ATTACH", "ATTENDEE", "GEO", "LOCATION", "EXDATE", "RDATE", "DURATION", "COMMENT", "URL")
_RULE: Final = re.compile("RRULE[:;]", re.IGNORECASE)
_DAY_DIGITS: Final = 8

HEAD: Final = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Commonplace//Tasks//EN\r\n"
END: Final = b"END:VCALENDAR\r\n"


def read(content: bytes, *, zone: str) -> Findings:
    """The tasks of a calendar. Times without a zone are meant by the clocks of `zone`.

    Raises:
        UnreadableImport: it is no calendar, or holds too much.
    """
    lines = text_of(content).split("\n")
    if not any(line.strip().upper() == "BEGIN:VCALENDAR" for line in lines[:20]):
        raise UnreadableImport("It does not begin with BEGIN:VCALENDAR: this is no iCalendar file.")
    findings = Findings()
    for number, block in _blocks(lines, findings):
        where = Where(line=number)
        # Rules have a reader of their own: the library does without the whole task where it does not know one.
        rules = [line.partition(":")[2] for line in block if _RULE.match(line)]
        try:
            todo = Todo.from_ical("\r\n".join(line for line in block if not _RULE.match(line)) + "\r\n")
            entry = _entry(todo, where, zone, findings)
            entry.recurrence = _rule(rules, where, findings)
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            findings.unreadable(where, _summary(block), f"It is no VTODO of RFC 5545: {error}")
            continue
        findings.add(entry)
    return findings


def _blocks(lines: Sequence[str], findings: Findings) -> Iterator[tuple[int, list[str]]]:
    """Each VTODO with the number of the line on which it begins."""
    block: list[str] = []
    begins = 0
    for number, line in enumerate(lines, 1):
        word = line.strip().upper()
        if word == "BEGIN:VTODO":
            if block:
                findings.unreadable(Where(line=begins), _summary(block), "It has no end (END:VTODO).")
            block, begins = [line.strip()], number
        elif block:
            if line[:1] in {" ", "\t"}:  # folded (section 3.1)
                block[-1] += line[1:]
            else:
                block.append(line)
            if word == "END:VTODO":
                if len(block) > _MOST_LINES:
                    findings.unreadable(Where(line=begins), _summary(block), f"It has more than {_MOST_LINES} lines.")
                else:
                    yield begins, block
                block = []
    if block:
        findings.unreadable(Where(line=begins), _summary(block), "It has no end (END:VTODO).")


def _summary(block: Sequence[str]) -> str:
    return next((line for line in block if line.upper().startswith("SUMMARY")), block[0])


def _entry(todo: Any, where: Where, zone: str, findings: Findings) -> Entry:
    title = _text(todo, "SUMMARY")
    uid = _text(todo, "UID")
    if not uid:
        uid = f"{title}\n{_text(todo, 'DTSTAMP')}\n{_text(todo, 'CREATED')}"
        findings.lost(where, title, "It has no UID: if it changes where it comes from, it will be another task here.")
    due = _when(_first(todo, "DUE"), zone)
    start = _when(_first(todo, "DTSTART") or _first(todo, _START), zone)
    entry = Entry(
        uid=uid,
        where=where,
        title=title,
        notes=_text(todo, "DESCRIPTION"),
        status=_status(todo),
        priority=_priority(todo),
        start=start,
        due=due,
        tags=[tag for one in _all(todo, "CATEGORIES") for tag in _categories(one)],
        list_title=_text(todo, _LIST) or None,
        parent_uid=_parent(todo),
        completed_at=_instant(_first(todo, "COMPLETED"), zone),
        order=_whole(_text(todo, _ORDER)),
    )
    entry.reminders = list(_reminders(todo, entry, findings))
    for name in _NO_PLACE:
        if name in todo:
            findings.lost(where, name, "Tasks here have no place for it.")
    return entry


def _all(todo: Any, name: str) -> list[Any]:
    value = todo.get(name)
    return value if isinstance(value, list) else [] if value is None else [value]


def _first(todo: Any, name: str) -> Any:
    return next(iter(_all(todo, name)), None)


def _text(todo: Any, name: str) -> str:
    value = _first(todo, name)
    return "" if value is None else str(value)


def _categories(value: Any) -> list[str]:
    return [str(one) for one in getattr(value, "cats", [value])]


def _status(todo: Any) -> str:
    status = _STATUSES.get(_text(todo, "STATUS").upper())
    return status or ("done" if "COMPLETED" in todo else "open")


def _priority(todo: Any) -> str:
    number = _whole(_text(todo, "PRIORITY")) or 0
    return "none" if not 1 <= number <= 9 else "high" if number < 5 else "medium" if number == 5 else "low"  # noqa: PLR2004


def _whole(text: str) -> int | None:
    digits = text.removeprefix("-")
    is_one = digits.isascii() and digits.isdigit() and len(digits) < 17 and int(digits) < 2**53  # noqa: PLR2004
    return int(text) if is_one else None


def _parent(todo: Any) -> str | None:
    for value in _all(todo, "RELATED-TO"):
        kind = getattr(value, "params", {}).get("RELTYPE", "PARENT")
        if str(kind).upper() == "PARENT":
            return str(value)
    return None


def _rule(rules: Sequence[str], where: Where, findings: Findings) -> str | None:
    if len(rules) > 1:
        findings.lost(where, rules[1], "A task has one rule.")
    return rules[0] if rules else None


def _when(value: Any, zone: str) -> When | None:
    if value is None:
        return None
    moment = getattr(value, "dt", value)
    if isinstance(moment, str):  # a name of our own, which the library knows no type for
        moment = _moment_of(moment)
    if not isinstance(moment, datetime):
        return When(moment) if isinstance(moment, date) else None
    named = zone_named(str(getattr(value, "params", {}).get("TZID", "")))
    if named is None and moment.tzinfo is not None:
        if moment.utcoffset() == timedelta():
            named = "UTC"
        else:
            moment, named = moment.astimezone(ZoneInfo(zone)), zone
    return When(moment.date(), moment.time().replace(microsecond=0, tzinfo=None, fold=0), named or zone)


def _moment_of(text: str) -> date:
    if len(text) == _DAY_DIGITS:
        return date.fromisoformat(text)
    moment = datetime.fromisoformat(text[:15])
    return moment.replace(tzinfo=UTC) if text.endswith("Z") else moment


@lru_cache(maxsize=1024)
def zone_named(name: str) -> str | None:
    """The IANA name of a zone, by that, by Microsoft's name, or by a longer name that ends with it."""
    if name in WINDOWS_TO_OLSON and not is_zone(name):
        return WINDOWS_TO_OLSON[name]
    parts = name.strip("/").split("/")[-3:]
    tries = ("/".join(parts[begin:]) for begin in range(len(parts)))
    return next((one for one in tries if one and is_zone(one)), None)


def _instant(value: Any, zone: str) -> datetime | None:
    when = _when(value, zone)
    return None if when is None else when.instant


def _reminders(todo: Any, entry: Entry, findings: Findings) -> Iterator[dict[str, Any]]:
    for alarm in todo.subcomponents:
        trigger = alarm.get("TRIGGER") if alarm.name == "VALARM" else None
        moment = getattr(trigger, "dt", None)
        if isinstance(moment, datetime):
            yield at(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))
        elif isinstance(moment, timedelta):
            of = "due" if str(getattr(trigger, "params", {}).get("RELATED", "START")).upper() == "END" else "start"
            if entry.start is None:
                of = "due"
            if -_MOST_MINUTES * _MINUTE <= moment <= timedelta():
                yield before(round(-moment / _MINUTE), of)
            else:
                findings.lost(entry.where, f"{entry.title}: alarm", "A reminder comes before the task, not after it.")


def write(task: Mapping[str, Any], list_title: str | None, zones: set[str]) -> bytes:
    """A task, as the API answers it, as a VTODO; the zones that it needs are added to `zones`."""
    todo = Todo()
    todo.add("uid", task["id"])
    todo.add("dtstamp", _utc(task["updated_at"]))
    todo.add("created", _utc(task["created_at"]))
    todo.add("last-modified", _utc(task["updated_at"]))
    todo.add("summary", task["title"])
    if task["notes"]:
        todo.add("description", task["notes"])
    todo.add("status", _STATUS_NAMES[task["status"]])
    if task["priority"] in _PRIORITIES:
        todo.add("priority", _PRIORITIES[task["priority"]])
    _add_moments(todo, task, zones)
    if task["tags"]:
        todo.add("categories", task["tags"])
    if task["completed_at"]:
        todo.add("completed", _utc(task["completed_at"]))
    if task["parent_id"]:
        todo.add("related-to", task["parent_id"], parameters={"RELTYPE": "PARENT"})
    if list_title is not None:
        todo.add(_LIST, list_title)
    todo.add(_ORDER, str(task["order"]))
    for reminder in task["reminders"]:
        todo.add_component(_alarm(task["title"], reminder))
    written: bytes = todo.to_ical()
    return written


def _add_moments(todo: Any, task: Mapping[str, Any], zones: set[str]) -> None:
    start, due = (None if task[name] is None else When.of(task[name]) for name in ("start", "due"))
    for name, when in (("due", due), (_start_name(start, due), start)):
        if when is not None:
            _add_when(todo, name, when, zones)
    if task["recurrence"]:
        todo.add("rrule", vRecur.from_ical(task["recurrence"]))


def _start_name(start: When | None, due: When | None) -> str:
    is_alike = start is None or due is None or (start.clock is None) == (due.clock is None)
    return "dtstart" if is_alike else _START


def _add_when(todo: Any, name: str, when: When, zones: set[str]) -> None:
    value: date = when.day
    parameters = {"VALUE": "DATE"} if name == _START else {}
    if when.clock is not None and when.zone is not None:
        value = when.local.replace(tzinfo=UTC if when.zone == "UTC" else ZoneInfo(when.zone))
        parameters = {"VALUE": "DATE-TIME"} if name == _START else {}
        if when.zone != "UTC":
            zones.add(when.zone)
    todo.add(name, value, parameters=parameters)


def _alarm(title: str, reminder: Mapping[str, Any]) -> Any:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", title)
    if "at" in reminder:
        alarm.add("trigger", _utc(reminder["at"]), parameters={"VALUE": "DATE-TIME"})
    else:
        related = "END" if reminder["of"] == "due" else "START"
        alarm.add("trigger", -reminder["minutes_before"] * _MINUTE, parameters={"RELATED": related})
    return alarm


def write_zone(name: str) -> bytes:
    """A zone as a VTIMEZONE; slow enough for a thread."""
    written: bytes = Timezone.from_tzid(name).to_ical()
    return written


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
