"""What goes in and out over HTTP of the past of folders."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

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
