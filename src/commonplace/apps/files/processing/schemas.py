"""What goes in and out over `/api/process`."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from commonplace.apps.files.schemas import ProcessingState

Which = Literal["all", "failed", "outdated"]


class PlaceRead(BaseModel):
    """Where on earth a photograph was taken (WGS 84)."""

    latitude: Annotated[float, Field(description="Degrees; north is positive.")]
    longitude: Annotated[float, Field(description="Degrees; east is positive.")]
    is_shared: Annotated[bool, Field(description="Whether others than the owner are shown it.")]


class FoundRead(BaseModel):
    """What was found in a file by reading it."""

    file_id: UUID
    state: Annotated[
        ProcessingState, Field(description="`pending`: nobody has read it yet; `none`: nothing reads such files.")
    ]
    reason: Annotated[
        str | None, Field(description="Why it failed, or why only a part was read: a code, then text for people.")
    ]
    media_type: str
    facts: Annotated[
        dict[str, Any],
        Field(
            description="Only what the file tells: `title`, `author`, `pages`, `duration_seconds`, `camera` and so on.",
            examples=[{"title": "The sea", "pages": 12}],
        ),
    ]
    has_text: Annotated[bool, Field(description="Whether `text` beside this address has something.")]
    is_cut: Annotated[bool, Field(description="Whether there was more than is kept, of the text or of the entries.")]
    has_entries: Annotated[bool, Field(description="Whether it is an archive that was listed: see `entries`.")]
    place: Annotated[PlaceRead | None, Field(description="null: it tells none, or the owner keeps it to themselves.")]
    is_outdated: Annotated[bool, Field(description="Whether this release reads files better than what read it.")]
    processed_at: datetime | None


class Overview(BaseModel):
    """How far the reading of the caller's files is."""

    waiting: Annotated[int, Field(description="Files that nobody has read yet; counted up to 10,000.")]
    failed: Annotated[int, Field(description="Files that could not be read; counted up to 10,000.")]


class FailedRead(BaseModel):
    """A file that could not be read."""

    file_id: UUID
    name: str
    folder_id: UUID | None
    media_type: str
    reason: Annotated[str | None, Field(description="A code, then text for people.")]
    processed_at: datetime


class FailedPage(BaseModel):
    """A page of files that could not be read, the newest first."""

    items: list[FailedRead]
    next: Annotated[str | None, Field(description="Send it as `after` to get the next page; null at the end.")]


class EntryRead(BaseModel):
    """One entry of an archive, as the archive tells it: neither its name nor its size is to be trusted."""

    name: str
    size_bytes: int | None
    is_folder: bool
    modified_at: Annotated[
        str | None, Field(description="By the clock of whoever packed it where there is no time zone.")
    ]


class EntryPage(BaseModel):
    """A page of the entries of an archive, in its order."""

    items: list[EntryRead]
    number: Annotated[int, Field(description="How many are listed; of a larger archive the first 10,000.")]
    next: Annotated[str | None, Field(description="Send it as `after` to get the next page; null at the end.")]


class PagesRead(BaseModel):
    """The pages of a document that can be looked at as pictures."""

    pages: int
    sizes: Annotated[list[int], Field(description="Pixels of the longer side that a page can be asked for in.")]


class PlaceChange(BaseModel):
    """Whether the place of a photograph is shown to others."""

    model_config = ConfigDict(extra="forbid")

    is_shared: bool
