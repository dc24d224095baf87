"""What goes in and out over HTTP of the past of folders."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from commonplace.apps.files.past.activity import MOST
from commonplace.apps.files.past.comparing import LineKind, WhyNot
from commonplace.apps.files.schemas import FileVersionRead
from commonplace.platform.history.marking import LONGEST_LABEL
from commonplace.platform.http.moments import Moment

EntryKind = Literal["folder", "file"]


class PastEntry(BaseModel):
    """A file or folder as it was."""

    id: UUID
    kind: EntryKind
    name: str
    version: Annotated[int, Field(description="The number of its version of then.")]
    since: Annotated[datetime, Field(description="Since when it had been so.")]
    is_current: Annotated[bool, Field(description="Whether it is still so.")]
    size_bytes: Annotated[int | None, Field(description="Null for a folder.")]
    media_type: str | None
    sha256: str | None


class PastPage(BaseModel):
    """A page of what lay in a folder: folders first, each by name."""

    at: Annotated[datetime, Field(description="The moment that is shown: the last one saved up to the time asked for.")]
    whole_since: Annotated[
        datetime | None, Field(description="What was before this may be incomplete; null: nothing was ever dropped.")
    ]
    items: list[PastEntry]
    next: Annotated[str | None, Field(description="Send it as `after` to get the next page; null at the end.")]


What = Literal["added", "removed", "changed", "moved", "renamed"]


class ChangeRead(BaseModel):
    """What would be done with one file or folder; what lies in a folder comes and goes with it."""

    id: UUID
    kind: EntryKind
    what: Annotated[
        What,
        Field(
            description="`added`: it would be there again; `removed`: it would go to the trash, or back to where it"
            " came from; `changed`: it would have its bytes of then; `moved`, `renamed`."
        ),
    ]
    path: Annotated[str, Field(description="Below the folder: where it would be, or where what is removed lies.")]
    name: str
    size_bytes: Annotated[int | None, Field(description="Of the bytes that come back, or go; null for a folder.")]
    is_moved: bool
    is_renamed: bool
    is_replaced: bool
    version: Annotated[int, Field(description="The number of its version as it is.")]
    target_version: Annotated[int | None, Field(description="The version that comes back; null: it goes to the trash.")]


class SumRead(BaseModel):
    """How many there are, and how large."""

    items: int
    size_bytes: int
    inside: Annotated[int, Field(description="What lies in the folders among them, counted up to 10,000.")]
    inside_bytes: int


class SumsRead(BaseModel):
    """Counts and sizes of everything that would be done."""

    added: SumRead
    removed: SumRead
    changed: SumRead
    moved: SumRead
    renamed: SumRead


class ChangePage(BaseModel):
    """A page of what putting a folder back would change, by path."""

    at: datetime
    is_whole: Annotated[
        bool, Field(description="Whether all of then is kept. If not, something may be missing of what comes back.")
    ]
    whole_since: datetime | None
    lost: Annotated[int, Field(description="Files and folders that stay as they are: what they were is kept no more.")]
    sums: SumsRead
    items: list[ChangeRead]
    next: str | None


class RestorationCreate(BaseModel):
    """What is to be put back."""

    model_config = ConfigDict(extra="forbid")

    at: Annotated[Moment, Field(description="To how it was at this time.")]
    folder_id: Annotated[UUID | None, Field(description="The folder; null: the whole drive.")] = None
    items: Annotated[
        list[UUID] | None,
        Field(
            min_length=1,
            max_length=1000,
            description="Only these files and folders of then or now, with what lies in them; null: everything.",
        ),
    ] = None
    accept_gaps: Annotated[
        bool, Field(strict=True, description="Also when not everything of then is kept; without it that answers 410.")
    ] = False


class RestorationRead(BaseModel):
    """Something that was put back, or is being put back."""

    id: UUID
    folder_id: UUID | None
    at: Annotated[datetime, Field(description="To how it was at this moment; of an undoing: before what it undoes.")]
    undoes: Annotated[UUID | None, Field(description="The restoration that it undoes.")]
    undone_by: UUID | None
    job_id: Annotated[UUID | None, Field(description="`GET /api/jobs/{id}` tells how far it is.")]
    is_over: bool
    items: Annotated[int, Field(description="Files and folders that the plan has, once it is made.")]
    written: Annotated[int, Field(description="Files and folders that got a version.")]
    numbered: Annotated[int, Field(description="Of these, those whose name was taken, so that they have another.")]
    left: Annotated[int, Field(description="Left as they are; `/left` lists them with the reason.")]
    created_at: datetime
    ended_at: datetime | None


class RestorationPage(BaseModel):
    """A page of restorations, the latest first."""

    items: list[RestorationRead]
    next: str | None


class LeftRead(BaseModel):
    """Something that was left as it was, or has another name than then."""

    id: UUID
    kind: EntryKind
    name: Annotated[str | None, Field(description="As it is; null: it is gone.")]
    outcome: Literal["left", "numbered"]
    reason: Annotated[
        Literal["gone", "changed", "changed_inside", "not_kept", "place_gone", "into_itself", "too_deep", "name_taken"]
        | None,
        Field(
            description="`changed`: somebody changed it meanwhile; `changed_inside`: there is something in the folder"
            " that came or changed since; `place_gone`: the folder that it lay in is in the trash; `not_kept`: the"
            " version is kept no longer."
        ),
    ]


class LeftPage(BaseModel):
    """A page of what was left, by id."""

    items: list[LeftRead]
    next: str | None


class VersionMark(BaseModel):
    """What is noted of a version; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    kept: Annotated[bool | None, Field(strict=True, description="Keep it for ever, or let it go as others do.")] = None
    label: Annotated[
        str | None, Field(max_length=LONGEST_LABEL, pattern=r"^[^\x00]*$", description="Null or empty: no label.")
    ] = None


class LineRead(BaseModel):
    """A line of a comparison."""

    kind: Annotated[LineKind, Field(description="`gap` stands for lines that are the same and not shown.")]
    text: str
    before: Annotated[int | None, Field(description="Its number in the earlier text.")]
    after: int | None


class FileComparison(BaseModel):
    """Two versions of a file."""

    before: FileVersionRead
    after: FileVersionRead
    is_same: Annotated[bool, Field(description="Whether both have the same bytes.")]
    lines: Annotated[
        list[LineRead] | None, Field(description="From one to the other, with three lines around each change.")
    ]
    why_not: Annotated[WhyNot | None, Field(description="Why there are no lines.")]


class ActiveRead(BaseModel):
    """A day or an hour in which something changed."""

    at: Annotated[datetime, Field(description="When it began.")]
    changes: Annotated[int, Field(description="How many versions were made.")]


class ActivityRead(BaseModel):
    """When something changed, and since when nothing of the past is missing."""

    whole_since: datetime | None
    items: Annotated[list[ActiveRead], Field(max_length=MOST, description="The last ones, in their order.")]
