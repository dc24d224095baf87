"""The facts of jobs. What a job is about stands in its row, and nowhere in the log."""

from dataclasses import dataclass
from typing import ClassVar, Literal
from uuid import UUID

from commonplace.platform.events.event import Event

State = Literal["queued", "running", "done", "failed", "cancelled"]


@dataclass(frozen=True, kw_only=True)
class JobAsked(Event):
    """A job is to be begun, or to be gone on with: it gave way to others after its turn."""

    name: ClassVar[str] = "job.asked"
    job_id: UUID


@dataclass(frozen=True, kw_only=True)
class JobProgressed(Event):
    """A job began, is further on, or has ended: whoever shows it looks again. Once a second at most while it runs."""

    name: ClassVar[str] = "job.progressed"
    job_id: UUID
    state: State
    done: int
    total: int | None
