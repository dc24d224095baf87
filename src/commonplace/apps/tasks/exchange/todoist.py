"""A project of Todoist as it exports it: CSV with TYPE, CONTENT, DESCRIPTION, PRIORITY, INDENT, DATE, TIMEZONE, ….

Sections become lists, notes the end of the task's own; labels stand in the content as `@label`. Dates are words: those
that quick entry understands. The file names no task, so one is known again by what it says and where it stands.
"""

import csv
import io
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from commonplace.apps.tasks.errors import UnreadableImport
from commonplace.apps.tasks.exchange.entries import Entry, Findings, Where, text_of
from commonplace.apps.tasks.quick_entry import parse
from commonplace.apps.tasks.times import When, is_zone

_PRIORITIES: Final = {"1": "high", "2": "medium", "3": "low", "4": "none", "": "none"}
_DEEPEST: Final = 100


def read(content: bytes, *, zone: str, now: datetime | None = None) -> Findings:
    """The tasks of a project. Dates are meant by the clocks of the row's zone, or else of `zone`, from `now` on.

    Raises:
        UnreadableImport: it is no such CSV, or holds too much.
    """
    findings, now = Findings(), now or datetime.now(UTC)
    reader = csv.DictReader(io.StringIO(text_of(content)), restval="", strict=True)
    try:
        if not {"TYPE", "CONTENT"} <= set(reader.fieldnames or ()):
            raise UnreadableImport("Its first line does not name TYPE and CONTENT: this is no export of Todoist.")
        rows = [
            (reader.line_num, {name: text for name, text in row.items() if isinstance(text, str)}) for row in reader
        ]
    except csv.Error as error:
        raise UnreadableImport(f"Line {reader.line_num} is no CSV: {error}.") from None
    section: str | None = None
    above: list[str] = []  #: the ids of the tasks that the next one can lie under
    seen: dict[str, int] = {}
    for line, row in rows:
        where, content_ = Where(line=line), row["CONTENT"].strip()
        match row["TYPE"].strip().lower():
            case "section":
                section, above = content_ or None, []
            case "note" if findings.entries:
                last = findings.entries[-1]
                last.notes = f"{last.notes}\n\n{content_}".strip()
            case "task":
                indent = _indent(row.get("INDENT", ""))
                above = above[: indent - 1]
                name = "\n".join((section or "", *above[-1:], content_))
                seen[name] = seen.get(name, 0) + 1
                entry = _entry(row, f"{seen[name]}:{name}", where, zone, now, findings)
                entry.list_title = None if above else section
                entry.parent_uid = above[-1] if above else None
                above.append(entry.uid)
                findings.add(entry)
            case "" | "meta":
                pass
            case other:
                findings.unreadable(where, f"{other},{content_}", "TYPE is task, section or note.")
    return findings


def _indent(text: str) -> int:
    return min(int(text), _DEEPEST) if text.isascii() and text.isdigit() and int(text[:4]) > 0 else 1


def _entry(row: Mapping[str, str], uid: str, where: Where, zone: str, now: datetime, findings: Findings) -> Entry:
    words = row["CONTENT"].split()
    labels = [word[1:] for word in words if len(word) > 1 and word[0] == "@"]
    title = " ".join(word for word in words if len(word) < 2 or word[0] != "@") or row["CONTENT"]  # noqa: PLR2004
    entry = Entry(
        uid=uid,
        where=where,
        title=title.removeprefix("* "),  # what Todoist writes before tasks that cannot be ticked
        notes=row.get("DESCRIPTION", ""),
        priority=_PRIORITIES.get(row.get("PRIORITY", "").strip(), "none"),
        tags=labels,
    )
    own_zone = row.get("TIMEZONE", "").strip()
    said = row.get("DATE", "").strip() or row.get("DEADLINE", "").strip()
    if said:
        entry.due, entry.recurrence = _date(said, own_zone if is_zone(own_zone) else zone, now)
        if entry.due is None:
            findings.lost(where, said, "It is no date that is understood here: English words, or 2026-12-24.")
    if row.get("RESPONSIBLE", "").strip():
        findings.lost(where, row["RESPONSIBLE"], "Tasks here are nobody's by name; share the list instead.")
    return entry


def _date(said: str, zone: str, now: datetime) -> tuple[When | None, str | None]:
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        read_ = parse(f"x {said}", now=now, zone=zone)
        return (read_.due, read_.recurrence) if read_.title == "x" else (None, None)
    if len(said) == len("2026-12-24"):
        return When(moment.date()), None
    if moment.tzinfo is not None:
        try:
            moment = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        except (OverflowError, ValueError, OSError):
            return None, None
    return When(moment.date(), moment.time().replace(microsecond=0, fold=0), zone), None
