"""Deliveries waiting for their handlers: the interface that a worker knows.

A handler never knows which queue it runs from. On one machine deliveries are rows claimed with `SKIP LOCKED`
(`PostgresQueue`); on AWS the same interface stands before SQS, whose visibility timeout is the lease and whose
dead-letter queue holds what was buried. `tests/platform/events/test_queue_contract.py` is what each has to pass.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from commonplace.platform.events.event import Envelope


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One event on its way to one handler, as one worker holds it for the length of a lease."""

    id: str  #: the same at each attempt
    queue: str
    handler: str  #: the subscription's dotted reference
    envelope: Envelope
    attempt: int  #: 1 at the first try
    max_attempts: int
    receipt: str = ""  #: by what the queue itself knows this lease again, should the id not be enough


@dataclass(frozen=True, kw_only=True)
class Backoff:
    """How long a failed delivery waits: exponentially longer, and for what failed together not equally long."""

    base_seconds: float = 1.0
    limit_seconds: float = 3600.0

    def after(self, attempt: int) -> timedelta:
        """The wait after attempt number `attempt`: half to one and a half times the doubled base."""
        seconds = min(self.base_seconds * 2.0 ** min(attempt - 1, 62), self.limit_seconds)
        return timedelta(seconds=seconds * random.uniform(0.5, 1.5))  # noqa: S311 - no secret hangs on it


class DeliveryQueue(Protocol):
    """Where a worker takes deliveries from.

    A delivery is leased; then it is finished in one of three ways (`done`, `retry`, `bury`), or given back, or its
    lease runs out and somebody else gets it. Whoever lost a lease can no longer finish: the call does nothing. So a
    delivery may run more than once, and never not at all.
    """

    async def claim(self, queue: str, *, limit: int, lease: timedelta) -> Sequence[Delivery]:
        """Take up to `limit` deliveries that are due, the highest priority first and in it the oldest.

        Nobody else gets them until `lease` is over. What cannot be read as a delivery becomes a dead letter.
        """

    async def extend(self, deliveries: Sequence[Delivery], *, lease: timedelta) -> None:
        """The heartbeat: the handlers are still at work, `lease` counts from now."""

    async def done(self, deliveries: Sequence[Delivery]) -> None:
        """They succeeded and are forgotten; durable on return."""

    async def retry(self, delivery: Delivery, *, after: timedelta, error: str) -> None:
        """It failed and is due again after a while; the failure goes into its history."""

    async def bury(self, delivery: Delivery, *, error: str) -> None:
        """It failed for good: a dead letter, with its history."""

    async def release(self, deliveries: Sequence[Delivery]) -> None:
        """They were not done; they are due again at once and no attempt is counted."""

    async def recover(self, dead_workers: Sequence[UUID] = ()) -> int:
        """Give back what was lost: leases that are over, and all that `dead_workers` held; how many there were.

        The lost attempt stays counted, since a delivery that kills its worker each time must end too: as a dead
        letter. A queue whose leases run out by themselves has nothing to do here.
        """

    async def close(self) -> None:
        """Give back, uncounted, whatever this worker still holds."""
