"""Archives and erasure as they go out over HTTP."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from pydantic import BaseModel, Field

from commonplace.platform.database.row import Row
from commonplace.platform.leaving import erasures


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


class ErasureReceipt(BaseModel):
    """What was removed, when, and of which id; nothing else about the person."""

    kind: str
    format: int
    id: UUID
    person_id: UUID
    asked_by: Literal["person", "administrator", "server", "ledger"]
    asked_at: datetime
    erased_at: datetime
    removed: Annotated[dict[str, int], Field(description="How many of what.")]


class ErasureRead(BaseModel):
    """An erasure that was asked for."""

    id: UUID
    state: Literal["waiting", "erasing", "done", "cancelled", "refused"]
    asked_at: datetime
    due_at: Annotated[datetime, Field(description="Until then it can be cancelled.")]
    ended_at: datetime | None
    problem: Annotated[str | None, Field(description="Why it was refused.")]
    receipt: Annotated[ErasureReceipt | None, Field(description="Once it is `done`.")]

    @classmethod
    def of(cls, row: Row) -> "ErasureRead":
        """A row of `erasures`."""
        receipt = msgspec.to_builtins(erasures.receipt_of(row)) if row.state == "done" else None
        return cls(receipt=receipt, **{name: row[name] for name in cls.model_fields if name != "receipt"})


class ErasureAsked(ErasureRead):
    """An erasure that was asked for just now. `token` is told here, and never again."""

    token: Annotated[str, Field(description="Reads what comes of it, when no session does any more.", repr=False)]
    receipt_at: Annotated[str, Field(description="Where: a link that works for 90 days after the end.")]


class ErasureCreate(BaseModel):
    """How somebody is to be erased."""

    at_once: Annotated[bool, Field(description="Without the waiting time; it cannot be cancelled then.")] = False
