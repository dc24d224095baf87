"""Tasks on their way in from other programs: what every reader of a format makes of a file."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from commonplace.apps.tasks.errors import InvalidRecurrence, UnreadableImport
from commonplace.apps.tasks.rules import parse_rule
from commonplace.apps.tasks.schemas import LONGEST_NOTES, LONGEST_TITLE
from commonplace.apps.tasks.times import When

MOST_ENTRIES: Final = 5000
LONGEST_FILE: Final = 10 * 1024 * 1024  #: bytes
MOST_TROUBLES: Final = 500  #: that are told; the rest is counted
_MOST_TAGS: Final = 50
_LONGEST_TAG: Final = 50
_MOST_REMINDERS: Final = 20
_LONGEST_EXCERPT: Final = 80
_UNSEEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class Where:
    """Where in a file something stands: a line, counted from 1, or the path to a value in JSON."""

    line: int | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that could not be read. `is_whole`: a whole task; otherwise something of one, which is left out."""

    where: Where
    what: str
    why: str
    is_whole: bool


@dataclass(slots=True, kw_only=True)
class Entry:
    """One task as a file has it. `uid` names it in that format, the same in every file of the same origin."""

    uid: str
    where: Where
    title: str
    notes: str = ""
    status: str = "open"
    priority: str = "none"
    start: When | None = None
    due: When | None = None
    tags: Sequence[str] = ()
    list_title: str | None = None
    parent_uid: str | None = None
    recurrence: str | None = None
    reminders: Sequence[dict[str, Any]] = ()
    completed_at: datetime | None = None
    order: int | None = None


@dataclass(slots=True)
class Findings:
    """What a file holds: tasks that fit, and what did not."""

    entries: list[Entry] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)

    def lost(self, where: Where, what: object, why: str) -> None:
        """Take note of something of a task that has no place here."""
        self.troubles.append(Trouble(where, _excerpt(what), why, is_whole=False))

    def unreadable(self, where: Where, what: object, why: str) -> None:
        """Take note of a task that cannot be taken."""
        self.troubles.append(Trouble(where, _excerpt(what), why, is_whole=True))

    def add(self, entry: Entry) -> None:
        """Take a task, made to fit: what it has too much of is noted.

        Raises:
            UnreadableImport: there are more than `MOST_ENTRIES`.
        """
        title = " ".join(_UNSEEN.sub(" ", entry.title).split())
        if not title:
            self.unreadable(entry.where, entry.uid, "It has no title.")
            return
        entry.notes = entry.notes.replace("\0", "").replace("\r\n", "\n")
        if len(title) > LONGEST_TITLE:
            entry.notes = f"{title}\n\n{entry.notes}".strip()
            title = title[: LONGEST_TITLE - 1] + "…"
            self.lost(
                entry.where, title, f"Titles have {LONGEST_TITLE} characters at most; the whole of it is in the notes."
            )
        if len(entry.notes) > LONGEST_NOTES:
            self.unreadable(entry.where, title, f"Notes have {LONGEST_NOTES} characters at most.")
            return
        entry.title = title
        entry.tags = self._tags(entry)
        if entry.list_title is not None:
            entry.list_title = " ".join(_UNSEEN.sub(" ", entry.list_title).split())[:LONGEST_TITLE] or None
        if entry.recurrence is not None:
            entry.recurrence = self._rule(entry)
        if len(entry.reminders) > _MOST_REMINDERS:
            self.lost(entry.where, title, f"A task has {_MOST_REMINDERS} reminders at most.")
            entry.reminders = entry.reminders[:_MOST_REMINDERS]
        if len(self.entries) == MOST_ENTRIES:
            raise UnreadableImport(f"It holds more than {MOST_ENTRIES} tasks; import it in parts.")
        self.entries.append(entry)

    def _tags(self, entry: Entry) -> list[str]:
        tags = dict.fromkeys(" ".join(_UNSEEN.sub(" ", tag).replace(",", " ").split()) for tag in entry.tags)
        kept = [tag for tag in tags if 0 < len(tag) <= _LONGEST_TAG]
        for tag in tags:
            if len(tag) > _LONGEST_TAG:
                self.lost(entry.where, tag, f"A tag has {_LONGEST_TAG} characters at most.")
        if len(kept) > _MOST_TAGS:
            self.lost(entry.where, ", ".join(kept[_MOST_TAGS:]), f"A task has {_MOST_TAGS} tags at most.")
        return kept[:_MOST_TAGS]

    def _rule(self, entry: Entry) -> str | None:
        try:
            return str(parse_rule(entry.recurrence or ""))
        except InvalidRecurrence as error:
            self.lost(entry.where, entry.recurrence, error.detail)
            return None


def text_of(content: bytes) -> str:
    """A text file: UTF-8, or UTF-16 where it begins with its mark. Lines end in one way.

    Raises:
        UnreadableImport: it is neither; the text names the line.
    """
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UnreadableImport(f"Line {line} is not UTF-8. Save the file as UTF-8, and import that.") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def nth_of_same(texts: Iterable[str]) -> list[str]:
    """A name for each of these texts, in their order: equal ones are told apart by how many stood before."""
    seen: dict[str, int] = {}
    names = []
    for text in texts:
        seen[text] = seen.get(text, 0) + 1
        names.append(f"{seen[text]}:{text}")
    return names


def at(moment: datetime) -> dict[str, Any]:
    """A reminder at a moment, as the table keeps it."""
    return {"at": moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")}


def before(minutes: int, of: str = "due") -> dict[str, Any]:
    """A reminder so many minutes before a task is due or starts, as the table keeps it."""
    return {"minutes_before": minutes, "of": of}


def _excerpt(what: object) -> str:
    text = " ".join(_UNSEEN.sub(" ", str(what)).split())
    return text if len(text) <= _LONGEST_EXCERPT else text[: _LONGEST_EXCERPT - 1] + "…"
