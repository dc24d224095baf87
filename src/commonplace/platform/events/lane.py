"""A lane: what one worker does for one queue. Claims what is due as places come free, runs it, settles what ended."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Final

import structlog

from commonplace.platform.cancellation import is_being_cancelled
from commonplace.platform.errors import Problem
from commonplace.platform.events.queue import Backoff, Delivery, DeliveryQueue
from commonplace.platform.events.registry import Context, Discard, Registry
from commonplace.platform.parts import Parts
from commonplace.platform.telemetry.correlation import correlation_id
from commonplace.platform.telemetry.metrics import Metrics
from commonplace.platform.telemetry.tracing import Attribute, Tracing

_UNKNOWN_HANDLER_SECONDS: Final = 60.0
_log = structlog.get_logger(__name__)


class TookTooLong(Exception):
    """A handler did not end within its time."""


class Lane:
    """One queue's deliveries in one worker: `limit` of them at a time."""

    def __init__(
        self,
        name: str,
        queue: DeliveryQueue,
        *,
        parts: Parts,
        registry: Registry,
        backoff: Backoff,
        limit: int,
        lease: timedelta,
        poll_seconds: float,
    ) -> None:
        self.name = name
        self.running: dict[asyncio.Task[None], Delivery] = {}
        self._queue = queue
        self._parts = parts
        self._registry = registry
        self._backoff = backoff
        self._limit = limit
        self._lease = lease
        self._poll_seconds = poll_seconds
        self._finished: list[Delivery] = []
        self._wake = asyncio.Event()
        self._may_be_more = True
        self._is_stopping = False
        self._count = _Counts(parts, name)
        self._tracing = parts[Tracing] if Tracing in parts else Tracing()
        self._run_handler = self._trace if self._tracing.enabled else self._handle

    def look(self) -> None:
        """Something may be due: claim as soon as there is room."""
        self._may_be_more = True
        self._wake.set()

    def stop(self) -> None:
        """Claim nothing more; `run` returns after the claim under way."""
        self._is_stopping = True
        self._wake.set()

    @property
    def held(self) -> list[Delivery]:
        """What is leased to us: running, or finished and not yet settled."""
        return [*self.running.values(), *self._finished]

    async def run(self) -> None:
        """Work until `stop`.

        Raises:
            Problem: the queue cannot be reached; call it again. Handlers go on meanwhile.
        """
        while not self._is_stopping:
            self._wake.clear()
            room = self._limit - len(self.running)
            if self._may_be_more and room:
                await asyncio.gather(self._claim(room), self.settle())
            else:
                await self.settle()
            if self._may_be_more and len(self.running) < self._limit:
                continue
            try:
                async with asyncio.timeout(self._poll_seconds):
                    await self._wake.wait()
            except TimeoutError:
                self._may_be_more = True

    async def settle(self) -> None:
        """Have forgotten what succeeded, all at once."""
        finished, self._finished = self._finished, []
        if finished:
            try:
                await self._queue.done(finished)
            except BaseException:
                self._finished.extend(finished)
                raise

    async def _claim(self, room: int) -> None:
        self._may_be_more = False  # before the claim: what comes while it runs counts
        try:
            claimed = await self._queue.claim(self.name, limit=room, lease=self._lease)
        except BaseException:
            self._may_be_more = True
            raise
        if len(claimed) == room:
            self._may_be_more = True
        for delivery in claimed:
            task = asyncio.create_task(self._deliver(delivery))
            self.running[task] = delivery
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self.running[task]
        self._wake.set()

    async def _deliver(self, delivery: Delivery) -> None:
        """Run one handler; whatever it does ends as done, retry or dead letter."""
        token = correlation_id.set(delivery.envelope.correlation_id)
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            await self._run_handler(delivery)
            self._finished.append(delivery)
            self._count.ended("done", loop.time() - began)
        except asyncio.CancelledError:
            if not is_being_cancelled():  # not we cancelled it: something inside the handler did itself
                await self._failed(delivery, "The handler ended as cancelled.")
                return
            with suppress(Problem):  # else the lease brings it back
                await asyncio.shield(self._queue.release([delivery]))
            raise
        except Discard as reason:
            await self._failed(delivery, str(reason) or "The handler discarded it.", for_good=True)
        except ImportError as error:  # a release before or after this one may have it
            await self._failed(delivery, str(error), after=timedelta(seconds=_UNKNOWN_HANDLER_SECONDS))
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is a failed attempt
            if not isinstance(error, Problem | TookTooLong):
                _log.exception("delivery.failed", handler=delivery.handler, attempt=delivery.attempt)
            await self._failed(delivery, f"{type(error).__name__}: {error}")
        finally:
            correlation_id.reset(token)

    async def _handle(self, delivery: Delivery) -> None:
        handler, event_class = self._registry.handler(delivery.handler, delivery.envelope.name)
        event = delivery.envelope.event(event_class)
        limit_seconds = self._registry.timeout_seconds(delivery.handler)
        timeout = asyncio.timeout(limit_seconds)
        try:
            async with timeout:
                await handler(event, Context(self._parts, delivery))
        except TimeoutError as error:
            if not timeout.expired():
                raise
            raise TookTooLong(f"The handler did not end within {limit_seconds:g} s.") from error

    async def _trace(self, delivery: Delivery) -> None:
        """Run the handler as a step of the trace that the event was told in: its correlation id names both."""
        name = delivery.envelope.name
        attributes: dict[str, Attribute] = {
            "messaging.system": "commonplace",
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.name": name,
            "messaging.destination.subscription.name": delivery.handler,
            "messaging.message.id": delivery.id,
            "commonplace.delivery.queue": delivery.queue,
            "commonplace.delivery.attempt": delivery.attempt,
        }
        with self._tracing.span(f"process {name}", kind="consumer", attributes=attributes):
            await self._handle(delivery)

    async def _failed(
        self, delivery: Delivery, error: str, *, for_good: bool = False, after: timedelta | None = None
    ) -> None:
        try:
            if for_good or delivery.attempt >= delivery.max_attempts:
                _log.error("delivery.died", handler=delivery.handler, delivery=delivery.id, error=error)
                await self._queue.bury(delivery, error=error)
                self._count.ended("dead")
                return
            after = after or self._backoff.after(delivery.attempt)
            await self._queue.retry(delivery, after=after, error=error)
            self._count.ended("retried")
            asyncio.get_running_loop().call_later(after.total_seconds() + 0.001, self.look)
        except Problem as problem:  # the lease brings it back
            _log.warning("delivery.not_settled", delivery=delivery.id, reason=problem.detail)


class _Counts:
    """What is measured of a lane, where the process measures at all."""

    def __init__(self, parts: Parts, queue: str) -> None:
        self._queue = queue
        self._is_measuring = Metrics in parts
        if self._is_measuring:
            metrics = parts[Metrics]
            self._outcomes = metrics.counter(
                "commonplace_deliveries", "Deliveries by how an attempt ended.", ("queue", "outcome")
            )
            self._durations = metrics.histogram(
                "commonplace_delivery_seconds", "How long handlers took that succeeded.", ("queue",)
            )

    def ended(self, outcome: str, seconds: float | None = None) -> None:
        """Count one attempt."""
        if self._is_measuring:
            self._outcomes.add(1, self._queue, outcome)
            if seconds is not None:
                self._durations.observe(seconds, self._queue)
