"""Microsoft To Do. It exports nothing itself; read is what Microsoft Graph answers and what exporters write of it.

- JSON: lists with their tasks (`[{"displayName": …, "tasks": [todoTask, …]}]`, also below `value`), one such list (also
  as `{"list": …, "tasks": …}`), or the answer of Graph with tasks only (`{"value": [todoTask, …]}`).
- CSV with the columns Type, ID, Title, Status, Note, Due Date; a row of the type `list` begins a list.

A due date is a day there, told as midnight of somebody's zone: in UTC it is the day by the clocks of whoever imports.
"""

import csv
import io
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from commonplace.apps.tasks.errors import UnreadableImport
from commonplace.apps.tasks.exchange.entries import Entry, Findings, Where, at, text_of
from commonplace.apps.tasks.exchange.json_values import decoded, mapping, number, objects, shown_text, string, strings
from commonplace.apps.tasks.exchange.vtodo import zone_named
from commonplace.apps.tasks.times import When

_STATUSES: Final = {"inProgress": "in_progress", "completed": "done"}
_IMPORTANCES: Final = {"high": "high", "low": "low"}
_INDEXES: Final = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
_DAYS: Final = {
    "monday": "MO", "tuesday": "TU", "wednesday": "WE", "thursday": "TH", "friday": "FR", "saturday": "SA",
    "sunday": "SU",
}  # fmt: skip
_FREQUENCIES: Final = {
    "daily": "DAILY", "weekly": "WEEKLY", "absoluteMonthly": "MONTHLY", "relativeMonthly": "MONTHLY",
    "absoluteYearly": "YEARLY", "relativeYearly": "YEARLY",
}  # fmt: skip
_SHORTEST_MONTH: Final = 28


def read(content: bytes, *, zone: str) -> Findings:
    """The tasks of an export; checklists become subtasks. Days are meant by the clocks of `zone`.

    Raises:
        UnreadableImport: it is none of these forms, or holds too much.
    """
    findings = Findings()
    if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in {b"{", b"["}:
        _read_csv(text_of(content), zone, findings)
        return findings
    root = decoded(content)
    if isinstance(root, dict) and isinstance(root.get("tasks"), list):
        lists: list[tuple[str, Mapping[str, Any]]] = [("$", root)]
    else:
        below = root if isinstance(root, list) else mapping(root).get("value")
        if not isinstance(below, list):
            raise UnreadableImport(
                "It holds neither lists with `tasks` nor tasks in `value`, as Microsoft Graph has them."
            )
        found = list(objects(below, "$" if isinstance(root, list) else "$.value"))
        lists = found if any("tasks" in one for _, one in found) else [("$", {"tasks": below})]
    for path, one in lists:
        title = string(one, "displayName") or string(mapping(one, "list"), "displayName")
        for task_path, task in objects(one.get("tasks"), f"{path}.tasks"):
            _add(task, title or string(task, "list_name") or None, Where(path=task_path), zone, findings)
    return findings


def _add(task: Mapping[str, Any], list_title: str | None, where: Where, zone: str, findings: Findings) -> None:
    title = string(task, "title")
    uid = string(task, "id") or f"{list_title}\n{title}\n{string(task, 'createdDateTime')}"
    body = task.get("body")
    notes = body if isinstance(body, str) else string(mapping(body), "content")
    is_html = string(mapping(body), "contentType").lower() == "html"
    entry = Entry(
        uid=uid,
        where=where,
        title=title,
        notes=shown_text(notes) if is_html else notes,
        status=_STATUSES.get(string(task, "status"), "open"),
        priority=_IMPORTANCES.get(string(task, "importance"), "none"),
        tags=strings(task.get("categories")),
        list_title=list_title,
        due=_day(mapping(task, "dueDateTime"), zone),
        start=_day(mapping(task, "startDateTime"), zone),
        completed_at=_moment(mapping(task, "completedDateTime")),
        recurrence=_rule(mapping(task, "recurrence"), where, findings),
    )
    reminder = _moment(mapping(task, "reminderDateTime"))
    if reminder is not None and task.get("isReminderOn") is not False:
        entry.reminders = [at(reminder)]
    if task.get("hasAttachments") is True:
        findings.lost(where, title, "Its attachments are not in the export.")
    findings.add(entry)
    for path, item in objects(task.get("checklistItems"), f"{where.path}.checklistItems"):
        name = string(item, "displayName")
        subtask = Entry(
            uid=f"{uid}\n{string(item, 'id') or name}",
            where=Where(path=path),
            title=name,
            status="done" if item.get("isChecked") is True else "open",
            parent_uid=uid,
        )
        findings.add(subtask)


def _local(value: Mapping[str, Any]) -> tuple[datetime, str] | None:
    """A `dateTimeTimeZone`: what the clocks show, and where."""
    text = string(value, "dateTime")
    try:
        moment = datetime.fromisoformat(text[:19])
    except ValueError:
        return None
    return moment, zone_named(string(value, "timeZone")) or "UTC"


def _day(value: Mapping[str, Any], zone: str) -> When | None:
    local = _local(value)
    if local is None:
        return None
    moment, own_zone = local
    try:
        return When((moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)) if own_zone == "UTC" else moment).date())
    except OverflowError:
        return None


def _moment(value: Mapping[str, Any]) -> datetime | None:
    local = _local(value)
    return None if local is None else When(local[0].date(), local[0].time(), local[1]).instant


def _rule(recurrence: Mapping[str, Any], where: Where, findings: Findings) -> str | None:
    pattern, range_ = mapping(recurrence, "pattern"), mapping(recurrence, "range")
    if not recurrence:
        return None
    kind = string(pattern, "type")
    if kind not in _FREQUENCIES:
        findings.lost(where, kind or "recurrence", "It is no pattern of Microsoft Graph that is known here.")
        return None
    parts = [f"FREQ={_FREQUENCIES[kind]}", f"INTERVAL={max(number(pattern, 'interval'), 1)}"]
    days = [_DAYS[day.lower()] for day in strings(pattern.get("daysOfWeek")) if day.lower() in _DAYS]
    if kind.endswith("Yearly"):
        parts.append(f"BYMONTH={number(pattern, 'month')}")
    if kind.startswith("absolute"):
        day = number(pattern, "dayOfMonth")
        # The 31st is the last day of a shorter month there.
        ends = ",".join(map(str, range(_SHORTEST_MONTH, day + 1)))
        parts += [f"BYMONTHDAY={ends}", "BYSETPOS=-1"] if day > _SHORTEST_MONTH else [f"BYMONTHDAY={day}"]
    elif days:
        parts.append(f"BYDAY={','.join(days)}")
        if kind.startswith("relative"):
            parts.append(f"BYSETPOS={_INDEXES.get(string(pattern, 'index'), 1)}")
    parts += _end(range_)
    return ";".join(parts)


def _end(range_: Mapping[str, Any]) -> list[str]:
    if string(range_, "type") == "numbered" and number(range_, "numberOfOccurrences") > 0:
        return [f"COUNT={number(range_, 'numberOfOccurrences')}"]
    if string(range_, "type") == "endDate":
        return [f"UNTIL={string(range_, 'endDate').replace('-', '')}"]
    return []


def _read_csv(text: str, zone: str, findings: Findings) -> None:
    reader = csv.DictReader(io.StringIO(text), restval="", restkey="more", strict=True)
    list_title: str | None = None
    try:
        if not {"Type", "ID", "Title"} <= set(reader.fieldnames or ()):
            raise UnreadableImport("It is neither JSON nor a CSV whose first line names Type, ID and Title.")
        for row in reader:
            where = Where(line=reader.line_num)
            if "more" in row:
                findings.unreadable(where, row["Title"], "It has more cells than columns: a comma without quotes?")
            elif row["Type"] == "list":
                list_title = row["Title"] or None
            else:
                status = _STATUSES.get(row.get("Status", ""), "open")
                entry = Entry(
                    uid=row["ID"] or f"{list_title}\n{row['Title']}", where=where, title=row["Title"], status=status
                )
                entry.notes, entry.list_title = row.get("Note", ""), list_title
                entry.due = _csv_day(row.get("Due Date", ""), zone, where, findings)
                findings.add(entry)
    except csv.Error as error:
        raise UnreadableImport(f"Line {reader.line_num} is no CSV: {error}.") from None


def _csv_day(text: str, zone: str, where: Where, findings: Findings) -> When | None:
    if not text or text.startswith("0001-"):
        return None
    try:
        if " UTC" in text:
            return _day({"dateTime": text[:19].replace(" ", "T"), "timeZone": "UTC"}, zone)
        return When(date.fromisoformat(text[:10]))
    except ValueError:
        findings.lost(where, text, "It is no day such as 2026-12-24.")
        return None
