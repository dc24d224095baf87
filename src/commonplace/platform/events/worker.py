"""The worker: dispatches the log, minds the schedules and runs handlers, with leases, heartbeats and retries."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Final

import structlog

from commonplace.platform.database.bus import Bus
from commonplace.platform.database.session import Database
from commonplace.platform.errors import Problem
from commonplace.platform.events.dispatcher import MOMENT_SECONDS, Dispatcher
from commonplace.platform.events.lane import Lane
from commonplace.platform.events.log import WAKE
from commonplace.platform.events.postgres_queue import PostgresQueue
from commonplace.platform.events.queue import Backoff, DeliveryQueue
from commonplace.platform.events.registry import QUEUES, Registry
from commonplace.platform.events.roster import Roster
from commonplace.platform.events.schedules import Scheduler
from commonplace.platform.events.settings import EventsSettings
from commonplace.platform.parts import Parts

DELIVERIES: Final = "deliveries"  #: the bus channel that says which queues got something: {"queues": [name, …]}
JOINED: Final = "worker.joined"  #: the bus channel on which a new worker says that it is there
_NEAR_SECONDS: Final = (0.002, 0.005, 0.01, 0.02, 0.05)  # waits for a transaction that hides what was committed
_AFTER_A_FAULT_SECONDS: Final = 1.0
_log = structlog.get_logger(__name__)


class Worker:
    """Runs deliveries until it is stopped. Several may run, in one installation and on many machines."""

    def __init__(
        self, parts: Parts, registry: Registry, settings: EventsSettings, *, queue: DeliveryQueue | None = None
    ) -> None:
        """Deliveries come from `queue`, by default from the database."""
        self._settings = settings
        self._bus = parts[Bus]
        database = parts[Database]
        backoff = Backoff(base_seconds=settings.retry_base_seconds, limit_seconds=settings.retry_limit_seconds)
        rows = PostgresQueue(
            database, handlers=registry.served_handlers, known_handlers=registry.handlers, backoff=backoff
        )
        self.worker_id = rows.worker_id
        self.queue: DeliveryQueue = queue or rows
        self._roster = Roster(database, self.worker_id, lease_seconds=settings.lease_seconds)
        self._dispatcher = Dispatcher(database, registry)
        self._scheduler = Scheduler(database, registry.schedules)
        self._lease = timedelta(seconds=settings.lease_seconds)
        self._lanes = {
            name: Lane(
                name,
                self.queue,
                parts=parts,
                registry=registry,
                backoff=backoff,
                limit=settings.processing_concurrency if name == "processing" else settings.concurrency,
                lease=self._lease,
                poll_seconds=settings.poll_seconds,
            )
            for name in QUEUES
        }
        self._stopping = asyncio.Event()
        self._left = asyncio.Event()
        self._log_has_news = asyncio.Event()
        self._nearby = 0
        self._has_joined = False

    async def run(self) -> None:
        """Work until `stop`; then let the handlers finish, and give back what they could not."""
        self._bus.subscribe(WAKE, lambda _payload: self._log_has_news.set())
        self._bus.subscribe(DELIVERIES, lambda payload: self._look(payload.get("queues", QUEUES)))
        self._bus.subscribe(JOINED, lambda _payload: self._roster.expect_company())
        heart = asyncio.create_task(self._keep_on(self._beat, until=self._left), name="heartbeat")
        loops = [
            asyncio.create_task(self._keep_on(self._dispatch), name="dispatch"),
            asyncio.create_task(self._keep_on(self._mind_schedules), name="schedules"),
            *(asyncio.create_task(self._keep_on(lane.run), name=lane.name) for lane in self._lanes.values()),
        ]
        try:
            await self._stopping.wait()
            await asyncio.gather(*loops)
            await self._finish()
            self._left.set()
            await heart
            await self._leave()
        finally:
            for task in (*loops, heart):
                task.cancel()
            await asyncio.gather(*loops, heart, return_exceptions=True)

    def stop(self) -> None:
        """Begin to stop; `run` returns when it is done."""
        self._stopping.set()
        self._log_has_news.set()
        for lane in self._lanes.values():
            lane.stop()

    async def _keep_on(self, work: Callable[[], Awaitable[None]], *, until: asyncio.Event | None = None) -> None:
        """Repeat one of the loops; what the database does meanwhile may delay it, and never ends it."""
        until = until or self._stopping
        while not until.is_set():
            try:
                await work()
            except Problem as problem:
                _log.warning("worker.waits", reason=problem.detail)
                await _pause(until, _AFTER_A_FAULT_SECONDS)
            except Exception:  # noqa: BLE001 - a defect in one round must not end the worker; it is logged
                _log.exception("worker.loop_failed")
                await _pause(until, _AFTER_A_FAULT_SECONDS)

    def _look(self, queues: object) -> None:
        for name, lane in self._lanes.items():
            if isinstance(queues, list | tuple | frozenset) and name in queues:
                lane.look()

    async def _announce(self, queues: frozenset[str]) -> None:
        """There is something in these queues: for us, and for the other workers if there are any."""
        self._look(queues)
        if queues and not self._roster.is_alone:
            await self._bus.publish(DELIVERIES, {"queues": sorted(queues)})

    async def _dispatch(self) -> None:
        self._log_has_news.clear()
        dispatched = await self._dispatcher.dispatch()
        await self._announce(dispatched.queues)
        if dispatched.events and dispatched.is_more_near:
            return
        if dispatched.is_more_near:
            # Committed, but an older transaction that still runs hides it; nobody will wake us when that one ends.
            await asyncio.sleep(_NEAR_SECONDS[min(self._nearby, len(_NEAR_SECONDS) - 1)])
            self._nearby += 1
            return
        self._nearby = 0
        await _pause(
            self._log_has_news, MOMENT_SECONDS if self._dispatcher.is_moment_due else self._settings.poll_seconds
        )

    async def _mind_schedules(self) -> None:
        await self._announce(await self._scheduler.tick())
        await _pause(self._stopping, self._scheduler.seconds_to_next)

    async def _beat(self) -> None:
        dead = await self._roster.sign_of_life()
        if not self._has_joined:
            self._has_joined = await self._bus.publish(JOINED, {})
        await self.queue.extend(
            [delivery for lane in self._lanes.values() for delivery in lane.held], lease=self._lease
        )
        if await self.queue.recover(dead):
            self._look(QUEUES)
        await self._roster.strike(dead)
        await _pause(self._left, self._settings.lease_seconds / 3)

    async def _finish(self) -> None:
        running = {task for lane in self._lanes.values() for task in lane.running}
        if running:
            await asyncio.wait(running, timeout=self._settings.stop_seconds)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _leave(self) -> None:
        try:
            for lane in self._lanes.values():
                await lane.settle()
            await self.queue.close()
            await self._roster.leave()
        except Problem as problem:  # the leases bring back what is left
            _log.warning("worker.left_early", reason=problem.detail)


async def _pause(event: asyncio.Event, seconds: float) -> None:
    """Wait for the event, so long at most."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
