"""An export of Vikunja: a zip archive whose `data.json` holds projects with their tasks, or that file by itself.

Projects become lists, labels tags, `parenttask` relations subtasks, comments the end of the notes. Descriptions are
HTML there, and text here. Files and saved filters are not taken.
"""

import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

from commonplace.apps.tasks.errors import UnreadableImport
from commonplace.apps.tasks.exchange.entries import LONGEST_FILE, Entry, Findings, Where, at, before
from commonplace.apps.tasks.exchange.json_values import decoded, instant, mapping, number, objects, shown_text, string
from commonplace.apps.tasks.times import When

_PRIORITIES: Final = ("none", "low", "medium", "high", "high", "high")
_DEEPEST: Final = 50  #: projects in each other
_RELATED: Final = {"due_date": "due", "start_date": "start"}
_MONTHLY: Final = 1
_STEPS: Final = ((7 * 86400, "WEEKLY"), (86400, "DAILY"), (3600, "HOURLY"), (60, "MINUTELY"), (1, "SECONDLY"))
_MOST_SECONDS: Final = 10 * 365 * 86400
_MOST_MINUTES: Final = 1_000_000


def read(content: bytes, *, zone: str) -> Findings:
    """The tasks of an export; times are told by the clocks of `zone`.

    Raises:
        UnreadableImport: it is no such export, or holds too much.
    """
    root = decoded(_data(content) if content.startswith(b"PK") else content)
    if not isinstance(root, list):
        raise UnreadableImport("Its data.json is no list of projects.")
    findings = Findings()
    for path, project in _projects(root, "$", 0):
        for task_path, task in objects(project.get("tasks"), f"{path}.tasks"):
            _add(task, string(project, "title") or None, Where(path=task_path), zone, findings)
    return findings


def _data(archive: bytes) -> bytes:
    """`data.json`, unpacked up to the size that a file may have: what is packed into little may be endless."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as files, files.open("data.json") as file:
            data = file.read(LONGEST_FILE + 1)
    except KeyError:
        raise UnreadableImport("There is no data.json in the archive.") from None
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise UnreadableImport(f"The archive cannot be unpacked: {error}.") from None
    if len(data) > LONGEST_FILE:
        raise UnreadableImport(f"Its data.json has more than {LONGEST_FILE // 2**20} MB.")
    return data


def _projects(value: Any, path: str, depth: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for place, project in objects(value, path):
        yield place, project
        if depth < _DEEPEST:
            yield from _projects(project.get("child_projects"), f"{place}.child_projects", depth + 1)


def _add(task: Mapping[str, Any], list_title: str | None, where: Where, zone: str, findings: Findings) -> None:
    title = string(task, "title")
    notes = [shown_text(string(task, "description"))]
    for _, comment in objects(task.get("comments"), ""):
        author = mapping(comment, "author")
        name = string(author, "name") or string(author, "username")
        notes.append(f"— {name or 'somebody'}: {shown_text(string(comment, 'comment'))}")
    parent = next((one for _, one in objects(mapping(task, "related_tasks").get("parenttask"), "")), {})
    entry = Entry(
        uid=_uid(task),
        where=where,
        title=title,
        notes="\n\n".join(note for note in notes if note),
        status="done" if task.get("done") is True else "open",
        priority=_PRIORITIES[min(max(number(task, "priority"), 0), len(_PRIORITIES) - 1)],
        tags=[string(label, "title") for _, label in objects(task.get("labels"), "")],
        list_title=list_title,
        parent_uid=_uid(parent) if parent else None,
        due=_when(string(task, "due_date"), zone),
        start=_when(string(task, "start_date"), zone),
        completed_at=instant(string(task, "done_at")),
        recurrence=_rule(task),
    )
    entry.reminders = list(_reminders(task, where, findings))
    for name, why in (("attachments", "Files are not taken; upload them."), ("assignees", "Share the list instead.")):
        if task.get(name):
            findings.lost(where, f"{title}: {name}", why)
    if instant(string(task, "end_date")) is not None:
        findings.lost(where, f"{title}: end_date", "Tasks here have a start and a due time, and no end.")
    findings.add(entry)


def _uid(task: Mapping[str, Any]) -> str:
    """Ids are numbers, the same in every installation; the moment of making tells them apart."""
    return f"{number(task, 'id')} {string(task, 'created')}"


def _when(text: str, zone: str) -> When | None:
    moment = instant(text)
    if moment is None:
        return None
    try:
        local = moment.astimezone(ZoneInfo(zone))
    except OverflowError:
        return None
    return When(local.date(), local.time().replace(microsecond=0, tzinfo=None, fold=0), zone)


def _rule(task: Mapping[str, Any]) -> str | None:
    if number(task, "repeat_mode") == _MONTHLY:
        return "FREQ=MONTHLY"
    seconds = number(task, "repeat_after")
    if not 0 < seconds <= _MOST_SECONDS:
        return None
    step, frequency = next((step, name) for step, name in _STEPS if seconds % step == 0)
    return f"FREQ={frequency};INTERVAL={seconds // step}"


def _reminders(task: Mapping[str, Any], where: Where, findings: Findings) -> Iterator[dict[str, Any]]:
    for _, reminder in objects(task.get("reminders"), ""):
        seconds, of = number(reminder, "relative_period"), _RELATED.get(string(reminder, "relative_to"))
        moment = instant(string(reminder, "reminder"))
        if of is not None and 0 <= -seconds <= _MOST_MINUTES * 60:
            yield before(round(-seconds / 60), of)
        elif moment is not None:
            yield at(moment)
        else:
            findings.lost(where, reminder, "It is no reminder at a time, or before the task is due or starts.")
