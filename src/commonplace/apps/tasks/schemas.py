"""What goes in and out over HTTP.

The bytes of `TaskRead`, `TaskListRead` and `TaskFilterRead` are written by the database (`queries.py`); a test holds
them to the classes.
"""

from datetime import date, datetime, time
from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from commonplace.apps.tasks.filters import Filter
from commonplace.apps.tasks.rules import LONGEST_RULE
from commonplace.apps.tasks.times import TIME_PATTERN, When, is_zone, zones
from commonplace.platform.http.moments import Instant

MOST_IN_A_BATCH: Final = 1000
LONGEST_TITLE: Final = 500
LONGEST_QUICK_TEXT: Final = 2000
LONGEST_NOTES: Final = 50_000  #: characters; a state is 256 kB at most, and a character four bytes
_UNSEEN: Final = r"\u0000-\u001f\u007f-\u009f\u2028\u2029"  #: control characters and ends of lines
_LINE: Final = rf"^[^{_UNSEEN}]*[^\s{_UNSEEN}][^{_UNSEEN}]*$"
_GREATEST: Final = 2**53 - 1  #: of a whole number in JSON (RFC 8259, section 6)


def _without_default(schema: dict[str, Any]) -> None:
    """What is left out is not what stands here as the default: it stays as it is."""
    for field in schema["properties"].values():
        field.pop("default", None)


def _day(value: str) -> str:
    date.fromisoformat(value)
    return value


def _clock(value: str) -> str:
    return time.fromisoformat(value).isoformat("seconds")


def _zone(value: str) -> str:
    if not is_zone(value):
        raise ValueError("There is no such time zone. Use a name of the IANA database, such as Europe/Vienna.")
    return value


def _each_once(values: list[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _list_zones(schema: dict[str, Any]) -> None:
    schema["enum"] = [*zones(), None]  # when the documentation is asked for, not when a process starts


Day = Annotated[
    str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", json_schema_extra={"format": "date"}), AfterValidator(_day)
]
Clock = Annotated[str, Field(pattern=TIME_PATTERN), AfterValidator(_clock)]
Zone = Annotated[str, AfterValidator(_zone)]
Title = Annotated[str, Field(min_length=1, max_length=LONGEST_TITLE, pattern=_LINE, examples=["Pay the rent"])]
Notes = Annotated[
    str, Field(max_length=LONGEST_NOTES, pattern=r"^[^\u0000]*$", description="Markdown, kept as it was written.")
]
Tag = Annotated[
    str,
    Field(
        pattern=r"^[^\s,\u0000-\u001f\u007f-\u009f]+( [^\s,\u0000-\u001f\u007f-\u009f]+)*$",
        max_length=50,
        description="1 to 50 characters, single spaces inside, no comma.",
    ),
]
Tags = Annotated[list[Tag], Field(max_length=50), AfterValidator(_each_once)]
Status = Literal["open", "in_progress", "done", "cancelled"]
Priority = Literal["none", "low", "medium", "high"]
Order = Annotated[
    int,
    Field(
        strict=True,
        ge=-_GREATEST,
        le=_GREATEST,
        description="Where it stands among its neighbours: the lesser goes first. To put one between two, take the"
        " mean. A new one gets microseconds since 1970: behind all that are there.",
    ),
]
Recurrence = Annotated[
    str,
    Field(
        min_length=1,
        max_length=LONGEST_RULE,
        description="A rule of RFC 5545, section 3.3.10. The due time, or else the start, is the first occurrence;"
        " completing it makes the next one.",
        examples=["FREQ=MONTHLY;BYMONTHDAY=1"],
    ),
]
Colour = Annotated[str, Field(pattern="^#[0-9a-f]{6}$", examples=["#3b82f6"])]


class Moment(BaseModel):
    """A day, or with a `time` that time by the clocks of `time_zone`."""

    model_config = ConfigDict(extra="forbid")

    date: Day
    time: Clock | None = None
    time_zone: Annotated[
        Zone | None,
        Field(
            description="IANA name, such as Europe/Vienna. Left out beside a time: UTC. Without a time there is none.",
            json_schema_extra=_list_zones,
        ),
    ] = None

    @model_validator(mode="after")
    def _has_a_time_with_its_zone(self) -> Self:
        if self.time is None and self.time_zone is not None:
            raise ValueError("A time zone goes with a time: a whole day is the same everywhere. Leave it out.")
        return self

    def when(self) -> When:
        """The same, for reckoning."""
        clock = None if self.time is None else time.fromisoformat(self.time)
        return When(date.fromisoformat(self.date), clock, None if clock is None else self.time_zone or "UTC")


class ReminderBefore(BaseModel):
    """Some minutes before it is due, or before it starts."""

    model_config = ConfigDict(extra="forbid")

    minutes_before: Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
    of: Literal["due", "start"] = "due"


class ReminderAt(BaseModel):
    """At a time that does not move with the task."""

    model_config = ConfigDict(extra="forbid")

    at: Instant


class ReminderAtRead(BaseModel):
    """At a time that does not move with the task."""

    at: datetime


class Attachment(BaseModel):
    """A reference to an item of the files app."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["file"] = "file"
    id: UUID


Reminders = Annotated[list[ReminderBefore | ReminderAt], Field(max_length=20)]
Attachments = Annotated[list[Attachment], Field(max_length=100)]


class TaskCreate(BaseModel):
    """A task: a new one, or what takes the place of the present one."""

    model_config = ConfigDict(extra="forbid")

    title: Title
    notes: Notes = ""
    status: Status = "open"
    priority: Priority = "none"
    start: Moment | None = None
    due: Moment | None = None
    tags: Tags = []
    list_id: Annotated[UUID | None, Field(description="The list it lies in; null for a subtask, or in none.")] = None
    parent_id: Annotated[UUID | None, Field(description="The task it is a subtask of.")] = None
    order: Annotated[Order | None, Field(description="Left out: the last.")] = None
    recurrence: Recurrence | None = None
    reminders: Reminders = []
    attachments: Attachments = []


class TaskChange(BaseModel):
    """Changes to a task; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_without_default)

    title: Title = ""
    notes: Notes = ""
    status: Status = "open"
    priority: Priority = "none"
    start: Moment | None = None
    due: Moment | None = None
    tags: Tags = []
    list_id: UUID | None = None
    parent_id: UUID | None = None
    order: Order = 0
    recurrence: Recurrence | None = None
    reminders: Reminders = []
    attachments: Attachments = []


class TaskChangeInBatch(TaskChange):
    """Changes to one task of a batch."""

    id: UUID
    version: Annotated[
        int | None, Field(strict=True, ge=1, le=2**31 - 1, description="As `If-Match`: the version that was read.")
    ] = None


class TaskBatch(BaseModel):
    """Changes to up to a thousand tasks: all of them happen, or none."""

    model_config = ConfigDict(extra="forbid")

    create: Annotated[list[TaskCreate], Field(max_length=MOST_IN_A_BATCH)] = []
    change: Annotated[list[TaskChangeInBatch], Field(max_length=MOST_IN_A_BATCH)] = []
    trash: Annotated[list[UUID], Field(max_length=MOST_IN_A_BATCH)] = []
    restore: Annotated[list[UUID], Field(max_length=MOST_IN_A_BATCH)] = []

    @model_validator(mode="after")
    def _is_not_too_large(self) -> Self:
        if len(self.create) + len(self.change) + len(self.trash) + len(self.restore) > MOST_IN_A_BATCH:
            raise ValueError(f"A batch may hold {MOST_IN_A_BATCH} tasks at most; send several.")
        return self


class MomentRead(BaseModel):
    """A day, or a time of it by the clocks of a zone."""

    date: str
    time: str | None
    time_zone: str | None


class TaskRead(BaseModel):
    """A task."""

    id: UUID
    owner_id: UUID
    title: str
    notes: str
    status: Status
    priority: Priority
    start: MomentRead | None
    start_at: Annotated[datetime | None, Field(description="The instant; null for a whole day.")]
    due: MomentRead | None
    due_at: Annotated[datetime | None, Field(description="The instant; null for a whole day.")]
    tags: list[str]
    list_id: Annotated[UUID | None, Field(description="The list it lies in; null for a subtask, or in none.")]
    parent_id: UUID | None
    order: int
    recurrence: str | None
    reminders: list[ReminderBefore | ReminderAtRead]
    attachments: list[Attachment]
    completed_at: datetime | None
    next_id: Annotated[UUID | None, Field(description="The next occurrence, which its completion made.")]
    version: int
    created_at: datetime
    updated_at: datetime


class TaskPage(BaseModel):
    """A page of tasks, or all of them."""

    items: list[TaskRead]
    next: Annotated[str | None, Field(description="Send it as `after` to get the next page; null at the end.")]


class QuickText(BaseModel):
    """A task as one line: “pay rent every 1st at 9 #home !high +Household”."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[
        str,
        Field(
            min_length=1,
            max_length=LONGEST_QUICK_TEXT,
            description="English words for a day, a time and a recurrence; `#tag`, `!high`, `+List`. What is not"
            " understood is the title; double quotes and a backslash keep words in it.",
            examples=["pay rent every 1st at 9 #home !high"],
        ),
    ]
    list_id: Annotated[UUID | None, Field(description="The list it lies in, where the text names none.")] = None
    parent_id: Annotated[UUID | None, Field(description="The task it is a subtask of; then `+List` is not read.")] = (
        None
    )
    day: Annotated[Day | None, Field(description="The day it is due, where the text names none.")] = None
    written_at: Annotated[
        Instant | None,
        Field(description="When it was written, where that was before: “tomorrow” is counted from then."),
    ] = None
    time_zone: Annotated[
        Zone | None,
        Field(
            description="By whose clocks days and times are meant. Left out: the person's time zone.",
            json_schema_extra=_list_zones,
        ),
    ] = None


class QuickPart(BaseModel):
    """A piece of the text that was understood."""

    kind: Literal["day", "time", "recurrence", "until", "tag", "priority", "list"]
    start: Annotated[int, Field(description="Its first character, counted in Unicode code points from 0.")]
    end: Annotated[int, Field(description="The character behind its last one.")]
    text: str


class QuickRead(BaseModel):
    """What a text would become. The parts are in their order and do not overlap."""

    title: Annotated[str, Field(description="What was not understood; may be empty, and then no task can be made.")]
    due: MomentRead | None
    recurrence: str | None
    tags: list[str]
    priority: Priority
    list_id: UUID | None
    list_title: Annotated[str | None, Field(description="Of the list that the text names.")]
    parts: list[QuickPart]


class ImportTrouble(BaseModel):
    """Something in a file that could not be read."""

    line: Annotated[int | None, Field(description="Of a text file, from 1.")]
    path: Annotated[str | None, Field(description="Of JSON, such as $[0].tasks[3].")]
    what: Annotated[str, Field(description="What stands there, shortened.")]
    why: str
    is_whole: Annotated[bool, Field(description="The whole task cannot be taken; otherwise only this of it.")]


class ImportRead(BaseModel):
    """What an import did, or would do."""

    is_dry_run: bool
    created: Annotated[int, Field(description="Tasks that are new.")]
    present: Annotated[int, Field(description="Tasks of the file that were imported before; they stay as they are.")]
    unreadable: Annotated[int, Field(description="Tasks that cannot be taken.")]
    lists_created: int
    troubles: Annotated[list[ImportTrouble], Field(description="The first 500, those of whole tasks first.")]
    troubles_left_out: int


class TaskBatchRead(BaseModel):
    """The tasks as they are after a batch: those made, changed and restored, in the order in which they were sent."""

    items: list[TaskRead]


class TaskVersionRead(BaseModel):
    """A version of a task."""

    version: int
    title: str
    state: Annotated[dict[str, Any], Field(description="The task's fields as they were, by the names of the API.")]
    changed: Annotated[
        list[str], Field(description="What differs from the version before; empty where that is no longer kept.")
    ]
    created_at: Annotated[datetime, Field(description="Since when the task was so.")]
    created_by: UUID | None
    is_current: bool
    is_trashed: bool


class TaskVersionPage(BaseModel):
    """A page of versions, the newest first."""

    items: list[TaskVersionRead]
    next: str | None


class FieldDifference(BaseModel):
    """One field in two versions."""

    field: str
    before: Any
    after: Any


class TaskDifference(BaseModel):
    """What differs between two versions of a task."""

    from_version: int
    to_version: int
    fields: list[FieldDifference]


class TaskListCreate(BaseModel):
    """A new list."""

    model_config = ConfigDict(extra="forbid")

    title: Title
    colour: Colour | None = None
    order: Annotated[Order | None, Field(description="Left out: the last.")] = None


class TaskListChange(BaseModel):
    """Changes to a list; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_without_default)

    title: Title = ""
    colour: Colour | None = None
    order: Order = 0


class TaskListRead(BaseModel):
    """A list of tasks."""

    id: UUID
    owner_id: UUID
    title: str
    colour: str | None
    order: int
    version: int
    created_at: datetime
    updated_at: datetime


class TaskListPage(BaseModel):
    """A page of lists, in their order."""

    items: list[TaskListRead]
    next: str | None


class TaskFilterCreate(BaseModel):
    """A filter to be saved: parameters of `GET /api/tasks`, under a title."""

    model_config = ConfigDict(extra="forbid")

    title: Title
    query: Filter
    order: Annotated[Order | None, Field(description="Left out: the last.")] = None


class TaskFilterChange(BaseModel):
    """Changes to a saved filter; what is left out stays as it is. A `query` replaces the whole of it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_without_default)

    title: Title = ""
    query: Filter = Filter()
    order: Order = 0


class TaskFilterRead(BaseModel):
    """A saved filter; `GET /api/tasks?filter_id=` applies it."""

    id: UUID
    owner_id: UUID
    title: str
    query: dict[str, Any]
    order: int
    version: int
    created_at: datetime
    updated_at: datetime


class TaskFilterPage(BaseModel):
    """A page of saved filters, in their order."""

    items: list[TaskFilterRead]
    next: str | None
