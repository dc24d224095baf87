"""The details of one task: all of its fields, its subtasks, and where asked for, its history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from markupsafe import Markup

from commonplace.apps.tasks import page_queries
from commonplace.apps.tasks.models import TASK
from commonplace.apps.tasks.shown import LEVELS, STATUSES, ShownTask, rule_text
from commonplace.apps.tasks.version_api import changed, fields_of
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession
from commonplace.platform.history import versions
from commonplace.platform.history.versions import Version
from commonplace.platform.pages.viewer import Viewer
from commonplace.platform.sharing.access import access_of

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_MOST_VERSIONS: Final = 50
_TAGS: Final = (
    "a", "blockquote", "br", "code", "del", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s", "strong",
    "table", "tbody", "td", "th", "thead", "tr", "ul",
)  # fmt: skip
_FIELDS: Final = {
    "title": "Title", "notes": "Notes", "status": "Status", "priority": "Priority", "start": "Start", "due": "Due",
    "tags": "Tags", "list_id": "List", "parent_id": "Part of", "order": "Place in the order",
    "recurrence": "Repeats", "reminders": "Reminders", "attachments": "Files", "is_trashed": "Trash",
}  # fmt: skip
#: Presets of recurrence, beside rules of one's own.
RULES: Final = {
    "FREQ=DAILY": "Every day",
    "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR": "Every working day",
    "FREQ=WEEKLY": "Every week",
    "FREQ=WEEKLY;INTERVAL=2": "Every 2 weeks",
    "FREQ=MONTHLY": "Every month",
    "FREQ=YEARLY": "Every year",
}
#: Presets of reminders, in minutes before the task is due.
REMINDERS: Final = {0: "When it is due", 10: "10 minutes before", 60: "1 hour before", 1440: "1 day before"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field before and after a change, as text."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownVersion:
    """A version of a task, and what it changed."""

    number: int
    at: datetime
    by: UUID | None
    is_current: bool
    is_first: bool
    differences: Sequence[Difference]


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """A task and all that is shown of it."""

    task: ShownTask
    row: Row
    notes: Markup
    trail: Sequence[Row]
    steps: Sequence[ShownTask]
    files: Sequence[Row]
    reminders: Sequence[tuple[int, str | datetime]]  #: the index of each, and its words or its moment
    history: Sequence[ShownVersion] | None

    @property
    def people(self) -> set[UUID]:
        """Those whose names are shown."""
        owner = {self.row.owner_id}
        return owner | {version.by for version in self.history or () if version.by is not None}

    @property
    def list_id(self) -> UUID | None:
        """The list that it lies in itself."""
        return None if self.row.is_subtask else self.row.place_id


async def read_detail(
    session: ReadSession, viewer: Viewer, task_id: UUID, today: date, *, has_history: bool
) -> Detail | None:
    """A task's details; None where there is no such task, or the viewer may not see it."""
    who = {"person_id": viewer.caller.person_id, "zone": viewer.zone.key}
    row = await session.first(page_queries.TASK, task_id=task_id, **who)
    if row is None:
        return None
    steps = await session.all(page_queries.STEPS, task_id=task_id, **who)
    files: Sequence[Row] = ()
    if row.attachments:
        ids = [UUID(one["id"]) for one in row.attachments]
        files = await session.all(page_queries.FILES, ids=ids, person_id=viewer.caller.person_id)
    return Detail(
        task=ShownTask.of(row, viewer.zone, today),
        row=row,
        notes=markdown(row.notes),
        trail=await session.all(page_queries.TRAIL, task_id=task_id, person_id=viewer.caller.person_id),
        steps=[ShownTask.of(step, viewer.zone, today) for step in steps],
        files=files,
        reminders=[(index, _reminder(one)) for index, one in enumerate(row.reminders)],
        history=await _history(session, viewer, row) if has_history else None,
    )


def markdown(text: str) -> Markup:
    """Notes as HTML: links, lists, tables, code; nothing that runs, loads or looks like part of the page."""
    if not text:
        return Markup()
    import nh3  # noqa: PLC0415 - only pages of tasks with notes need it

    cleaned = nh3.clean(
        _markdown().render(text),
        tags=set(_TAGS),
        attributes={"a": {"href", "title"}, "ol": {"start"}},
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel="noopener noreferrer nofollow",
    )
    return Markup(cleaned)  # noqa: S704 - cleaned


@cache
def _markdown() -> "MarkdownIt":
    from markdown_it import MarkdownIt  # noqa: PLC0415 - as above

    parser = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])
    parser.disable("image")
    parser.add_render_rule("heading_open", _lower_heading)
    parser.add_render_rule("heading_close", _lower_heading)
    return parser


def _lower_heading(self: Any, tokens: Sequence[Any], index: int, options: Any, env: Any) -> str:
    """The page has headings of its own above those of the notes."""
    token = tokens[index]
    token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
    return str(self.renderToken(tokens, index, options, env))


def _reminder(stored: Mapping[str, Any]) -> str | datetime:
    if "at" in stored:
        return datetime.fromisoformat(stored["at"])
    minutes, of = stored["minutes_before"], stored["of"]
    if of == "due" and minutes in REMINDERS:
        return REMINDERS[minutes]
    what = "it is due" if of == "due" else "it starts"
    return f"When {what.removeprefix('it ')}" if not minutes else f"{_duration(minutes)} before {what}"


def _duration(minutes: int) -> str:
    for size, name in ((10_080, "week"), (1440, "day"), (60, "hour"), (1, "minute")):
        if minutes % size == 0:
            number = minutes // size
            return f"{number} {name}{'' if number == 1 else 's'}"
    raise AssertionError  # pragma: no cover - everything is divided by 1


async def _history(session: ReadSession, viewer: Viewer, row: Row) -> list[ShownVersion]:
    since = (await access_of(session, viewer.caller.person_id, row)).past_since
    found = await versions.list_versions(session, TASK, row.id, limit=_MOST_VERSIONS + 1, before=2**31 - 1, since=since)
    return [
        _version(version, before, row.version)
        for version, before in zip(found[:_MOST_VERSIONS], [*found[1:], None], strict=False)
    ]


def _version(version: Version, before: Version | None, current: int) -> ShownVersion:
    new = fields_of(version)
    old = fields_of(before) if before is not None else None
    names = changed(old, new) if old is not None else []
    return ShownVersion(
        number=version.row.version,
        at=version.row.valid_from,
        by=version.row.by,
        is_current=version.row.version == current,
        is_first=version.row.version == 1,
        differences=[
            Difference(field=_FIELDS[name], before=_text(name, (old or {}).get(name)), after=_text(name, new[name]))
            for name in names
            if name in _FIELDS
        ],
    )


def _text(name: str, value: Any) -> str:  # noqa: PLR0911 - a table of fields
    if name == "is_trashed":
        return "in the trash" if value else "not in the trash"
    if value is None or value in ("", []):
        return "nothing"
    match name:
        case "status":
            return STATUSES[value]
        case "priority":
            return LEVELS[value]
        case "start" | "due":
            return " ".join(str(value[part]) for part in ("date", "time", "time_zone") if value[part] is not None)
        case "tags":
            return ", ".join(value)
        case "recurrence":
            return rule_text(value)
        case "reminders" | "attachments":
            return str(len(value))
        case "list_id" | "parent_id":
            return "another"
        case _:
            return str(value)
