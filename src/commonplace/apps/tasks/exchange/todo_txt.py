"""todo.txt: a task a line, after the rules of its format, and the keys that its programs agree on.

    (A) 2026-06-01 Call the dentist +Health @phone due:2026-06-14 rec:1y id:…
    x 2026-06-14 2026-06-01 Pay the rent pri:A

`+project` is the list, `@context` a tag. Keys: `due`, `t` (the start), `rec`, `pri`, `id`, `p` (the parent's id), and
of our own `rrule`, `tz`, `status`. Written is what the format has a place for: notes and reminders are not in it.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any, Final

from commonplace.apps.tasks.exchange.entries import Entry, Findings, Where, nth_of_same, text_of
from commonplace.apps.tasks.times import When, is_zone

_LONGEST_LINE: Final = 10_000
_DAY: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_LINE: Final = re.compile(
    rf"(?P<done>x\s+)?(?:\((?P<priority>[A-Z])\)\s+)?(?P<first>{_DAY}\s+)?(?P<second>{_DAY}\s+)?(?P<text>.*)"
)
_KEY: Final = re.compile(r"(?P<key>due|t|rec|rrule|pri|id|p|tz|status):(?P<value>\S+)")
_REC: Final = re.compile(r"\+?(?P<number>[0-9]{1,4})(?P<unit>[dwmyb])")
_MOMENT: Final = re.compile(rf"(?P<day>{_DAY})(?:T(?P<clock>[0-9]{{2}}:[0-9]{{2}}(?::[0-9]{{2}})?))?")
_UNITS: Final = {"d": "DAILY", "w": "WEEKLY", "m": "MONTHLY", "y": "YEARLY"}
_LETTERS: Final = {"high": "A", "medium": "B", "low": "C"}
_PRIORITIES: Final = {"A": "high", "B": "medium"}
_STATUSES: Final = ("in_progress", "cancelled")


def read(content: bytes, *, zone: str) -> Findings:
    """The tasks of a file. Times are meant by the clocks of `zone` where no `tz:` says otherwise.

    Raises:
        UnreadableImport: it is no text, or holds too much.
    """
    findings = Findings()
    lines = text_of(content).split("\n")
    for number, (line, name) in enumerate(zip(lines, nth_of_same(lines), strict=True), 1):
        where = Where(line=number)
        if len(line) > _LONGEST_LINE:
            findings.unreadable(where, line, f"A line has {_LONGEST_LINE} characters at most.")
        elif line.strip():
            findings.add(_entry(line.strip(), name, where, zone, findings))
    return findings


def _entry(line: str, name: str, where: Where, zone: str, findings: Findings) -> Entry:
    match = _LINE.fullmatch(line)
    if match is None:
        return Entry(uid=name, where=where, title=line)
    words, keys, tags, list_title = [], {}, [], None
    for word in match["text"].split():
        key = _KEY.fullmatch(word)
        if key is not None and key["key"] not in keys:
            keys[key["key"]] = key["value"]
        elif len(word) > 1 and word[0] == "@":
            tags.append(word[1:])
        elif len(word) > 1 and word[0] == "+" and list_title is None:
            list_title = word[1:]
        else:
            words.append(word)
    zone = keys["tz"] if "tz" in keys and is_zone(keys["tz"]) else zone
    letter = match["priority"] or keys.get("pri", "")
    status = keys.get("status", "")
    entry = Entry(
        uid=keys.get("id") or name,
        where=where,
        title=" ".join(words),
        status=status if status in _STATUSES else "done" if match["done"] else "open",
        priority=_PRIORITIES.get(letter, "low") if letter else "none",
        tags=tags,
        list_title=list_title,
        parent_uid=keys.get("p"),
        recurrence=_rule(keys, where, findings),
    )
    if "due" in keys:
        entry.due = _when("due", keys["due"], zone, where, findings)
    if "t" in keys:
        entry.start = _when("t", keys["t"], zone, where, findings)
    if match["done"] and match["first"]:
        entry.completed_at = _noon(match["first"].strip())
    return entry


def _when(key: str, value: str, zone: str, where: Where, findings: Findings) -> When | None:
    match = _MOMENT.fullmatch(value)
    try:
        if match is not None:
            day = date.fromisoformat(match["day"])
            return When(day, time.fromisoformat(match["clock"]), zone) if match["clock"] else When(day)
    except ValueError:
        pass
    findings.lost(where, f"{key}:{value}", "It is no day such as 2026-06-14.")
    return None


def _noon(text: str) -> datetime | None:
    """Only the day is known: the middle of it."""
    try:
        return datetime.combine(date.fromisoformat(text), time(12), UTC)
    except ValueError:
        return None


def _rule(keys: Mapping[str, str], where: Where, findings: Findings) -> str | None:
    if "rrule" in keys:
        return keys["rrule"]
    if "rec" not in keys:
        return None
    match = _REC.fullmatch(keys["rec"])
    if match is None or int(match["number"]) == 0 or (match["unit"] == "b" and match["number"] != "1"):
        findings.lost(where, f"rec:{keys['rec']}", "It is no recurrence such as rec:2w or rec:+1m.")
        return None
    if match["unit"] == "b":
        return "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"
    return f"FREQ={_UNITS[match['unit']]};INTERVAL={int(match['number'])}"


def _beginning(task: Mapping[str, Any]) -> list[str]:
    letter = _LETTERS.get(task["priority"])
    if task["status"] != "done":
        return [f"({letter})"] if letter else []
    return ["x", (task["completed_at"] or task["updated_at"])[:10]]


def _ending(task: Mapping[str, Any]) -> list[str]:
    """The keys that say what it is to other tasks, and what it was before it was done."""
    words = []
    if task["status"] == "done" and task["priority"] in _LETTERS:
        words.append(f"pri:{_LETTERS[task['priority']]}")
    if task["status"] in _STATUSES:
        words.append(f"status:{task['status']}")
    if task["parent_id"]:
        words.append(f"p:{task['parent_id']}")
    return [*words, f"id:{task['id']}"]


def write(task: Mapping[str, Any], list_title: str | None) -> bytes:
    """A task, as the API answers it, as a line."""
    words = _beginning(task)
    words += [task["created_at"][:10], task["title"]]
    if list_title is not None:
        words.append("+" + "_".join(list_title.split()))
    words += ["@" + "_".join(tag.split()) for tag in task["tags"]]
    moments = {key: task[name] for key, name in (("due", "due"), ("t", "start")) if task[name] is not None}
    for key, moment in moments.items():
        words.append(f"{key}:{moment['date']}" + (f"T{moment['time']}" if moment["time"] else ""))
    words += [f"tz:{zone}" for zone in [*{moment["time_zone"] for moment in moments.values()} - {None}][:1]]
    if task["recurrence"]:
        words.append(f"rrule:{task['recurrence']}")
    return " ".join([*words, *_ending(task)]).encode() + b"\n"
