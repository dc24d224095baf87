"""Archives and erasure as they go out over HTTP."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from commonplace.platform.database.row import Row


class ArchiveRead(BaseModel):
    """An archive of all that a person has: one that is made for them, or one that they sent to be read in."""

    id: UUID
    direction: Annotated[Literal["out", "in"], Field(description="`out`: made here; `in`: read in here.")]
    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    asked_at: datetime
    ended_at: datetime | None
    expires_at: Annotated[datetime | None, Field(description="When its bytes go; null: not known yet.")]
    done_bytes: Annotated[int, Field(ge=0, description="How far the work is.")]
    total_bytes: Annotated[int | None, Field(ge=0, description="Of how much; null: not known yet.")]
    size_bytes: Annotated[int | None, Field(ge=0, description="Of the file.")]
    sha256: Annotated[str | None, Field(description="Of the file: 64 hexadecimal digits.")]
    is_there: Annotated[bool, Field(description="Whether it can be downloaded.")]
    problem: Annotated[str | None, Field(description="Why it failed.")]
    report: Annotated[dict[str, Any] | None, Field(description="What was read in, and what was not and why.")]

    @classmethod
    def of(cls, row: Row) -> "ArchiveRead":
        """A row of `archives`."""
        is_there = row.direction == "out" and row.state == "done" and row.key is not None
        return cls(is_there=is_there, **{name: row[name] for name in cls.model_fields if name != "is_there"})


class ArchivePage(BaseModel):
    """A page of archives, the latest first."""

    items: list[ArchiveRead]
    next: Annotated[str | None, Field(description="Send it as `after` to get the next page; null at the end.")]
