"""An installation with events and workers only: facts to tell, handlers made on the spot, queues of two kinds."""

import asyncio
import itertools
import sys
import types
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Protocol
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import text

from commonplace.platform.app import App, Schedule, Subscription
from commonplace.platform.database.address import Address
from commonplace.platform.database.bus import Bus
from commonplace.platform.database.errors import DatabaseUnavailable
from commonplace.platform.database.ids import new_id
from commonplace.platform.database.session import Database
from commonplace.platform.database.settings import DatabaseSettings
from commonplace.platform.events.event import Envelope, Event
from commonplace.platform.events.log import WAKE, tell
from commonplace.platform.events.postgres_queue import PostgresQueue
from commonplace.platform.events.queue import Delivery, DeliveryQueue
from commonplace.platform.events.registry import Context, Registry
from commonplace.platform.events.settings import EventsSettings
from commonplace.platform.events.worker import Worker
from commonplace.platform.parts import Parts

HANDLERS = "handlers_under_test"
_names = itertools.count()


@dataclass(frozen=True, kw_only=True)
class Happened(Event):
    """Something happened in a test."""

    name: ClassVar[str] = "test.happened"
    number: int = 0
    subject: str | None = None


@dataclass(frozen=True, kw_only=True)
class HappenedElsewhere(Event):
    """Something else did."""

    name: ClassVar[str] = "test.happened_elsewhere"
    place: str


Handler = Callable[[Any, Context], Awaitable[None]]


@dataclass
class Installation:
    """Parts, workers and a way to tell facts; everything is stopped when the test ends."""

    database: Database
    bus: Bus
    parts: Parts
    module: types.ModuleType
    running: dict[Worker, asyncio.Task[None]] = field(default_factory=dict)

    def subscription(self, handler: Handler, event: type[Event] = Happened, **options: Any) -> Subscription:
        name = f"handler_{next(_names)}"
        setattr(self.module, name, handler)
        setattr(self.module, event.__name__, event)
        return Subscription(event=f"{HANDLERS}:{event.__name__}", handler=f"{HANDLERS}:{name}", **options)

    def schedule(self, handler: Handler, cron: str, name: str = "nightly", **options: Any) -> Schedule:
        attribute = f"handler_{next(_names)}"
        setattr(self.module, attribute, handler)
        return Schedule(name=name, cron=cron, handler=f"{HANDLERS}:{attribute}", **options)

    def app(self, *subscriptions: Subscription, schedules: Sequence[Schedule] = (), name: str = "test") -> App:
        return App(name=name, title="Test", subscriptions=subscriptions, schedules=schedules)

    def start(self, *apps: App, queue: DeliveryQueue | None = None, **settings: Any) -> Worker:
        defaults = {"poll_seconds": 0.5, "retry_base_seconds": 0.02, "stop_seconds": 5}
        worker = Worker(self.parts, Registry(apps), EventsSettings(**{**defaults, **settings}), queue=queue)
        self.running[worker] = asyncio.create_task(worker.run())
        return worker

    async def stop(self, worker: Worker) -> None:
        worker.stop()
        await self.running.pop(worker)

    async def kill(self, worker: Worker) -> None:
        """What `kill -9` leaves behind: no settling, no farewell."""
        task = self.running.pop(worker)
        loops = [worker_task for lane in worker._lanes.values() for worker_task in lane.running]
        for lane in worker._lanes.values():
            lane._queue = _Dead()
        for loop_task in [task, *loops]:
            loop_task.cancel()
        await asyncio.gather(task, *loops, return_exceptions=True)

    async def tell(self, *facts: Event, owner_id: UUID | None = None) -> None:
        async with self.database.writing() as session:
            for fact in facts:
                await tell(session, fact, owner_id=owner_id, by=None)

    async def scalar(self, statement: str, **parameters: Any) -> Any:
        async with self.database.reading() as session:
            return await session.scalar(text(statement), **parameters)

    async def execute(self, statement: str, **parameters: Any) -> None:
        async with self.database.reading() as session:
            await session.execute(text(statement), **parameters)

    async def all_settled(self, seconds: float = 20) -> None:
        """Wait until every event is dispatched and every delivery ended."""
        await self.until_true(
            """
            SELECT NOT EXISTS (SELECT FROM platform.delivery)
            AND NOT EXISTS (SELECT FROM platform.event, platform.consumer
                WHERE consumer.name = 'dispatcher'
                AND (event.epoch, event.xid, event.seq) > (consumer.epoch, consumer.xid, consumer.seq))
            """,
            seconds,
        )

    async def until_true(self, statement: str, seconds: float = 20) -> None:
        async with asyncio.timeout(seconds):
            while not await self.scalar(statement):
                await asyncio.sleep(0.01)


class _Dead:
    """The queue of a worker that is gone: nothing gets through any more."""

    def __getattr__(self, name: str) -> Any:
        async def refuse(*_arguments: Any, **_options: Any) -> None:
            raise DatabaseUnavailable

        return refuse


async def until(condition: Callable[[], Any], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.002)


@pytest.fixture(name="until")
def until_fixture() -> Callable[..., Awaitable[None]]:
    return until


@pytest.fixture
def happened() -> type[Happened]:
    return Happened


@pytest.fixture
def happened_elsewhere() -> type[HappenedElsewhere]:
    return HappenedElsewhere


@pytest.fixture
def database_address(shared_database_address: Address) -> Address:
    """One database for all tests; `database` finds it empty."""
    return shared_database_address


@pytest.fixture
async def database(database_address: Address) -> AsyncIterator[Database]:
    database = Database(database_address, DatabaseSettings())
    async with database.writing() as session:
        await session.execute(
            text(
                "TRUNCATE platform.event, platform.moment, platform.delivery, platform.dead_letter,"
                " platform.schedule_tick, platform.worker"
            )
        )
        await session.execute(text("UPDATE platform.epoch SET current = 1"))
        await session.execute(text("UPDATE platform.consumer SET epoch = 1, xid = '0', seq = 0"))
    yield database
    await database.close()


@pytest.fixture
async def bus(database_address: Address) -> AsyncIterator[Bus]:
    bus = Bus(database_address, DatabaseSettings())
    await bus.start()
    yield bus
    await bus.close()


@pytest.fixture
async def installation(database: Database, bus: Bus, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Installation]:
    module = types.ModuleType(HANDLERS)
    monkeypatch.setitem(sys.modules, HANDLERS, module)
    database.on_news = lambda: bus.wake(WAKE)
    parts = Parts()
    parts.add(database)
    parts.add(bus)
    installation = Installation(database, bus, parts, module)
    yield installation
    for worker in list(installation.running):
        await installation.stop(worker)


@dataclass
class Dead:
    """A dead letter, as far as every queue can tell."""

    id: str
    errors: list[str]


class Desk(Protocol):
    """One kind of queue under test: how deliveries get in, time passes, and dead letters are seen."""

    def worker(self) -> DeliveryQueue: ...

    async def send(
        self, *, queue: str = ..., handler: str = ..., number: int = ..., priority: int = ..., max_attempts: int = ...
    ) -> str: ...

    async def send_unreadable(self) -> str: ...

    async def pass_time(self, seconds: float) -> None: ...

    async def dead(self) -> list[Dead]: ...


def envelope(number: int = 0) -> Envelope:
    return Envelope(seq=number, at=datetime.now(UTC), name=Happened.name, payload={"number": number})


class PostgresDesk:
    """Rows of a real database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def worker(self) -> PostgresQueue:
        return PostgresQueue(self._database)

    async def send(
        self,
        *,
        queue: str = "notifications",
        handler: str = "app:handler",
        number: int = 0,
        priority: int = 0,
        max_attempts: int = 3,
    ) -> str:
        event = msgspec.to_builtins(envelope(number))
        return await self._send(queue, handler, event, priority, max_attempts)

    async def send_unreadable(self) -> str:
        return await self._send("notifications", "app:handler", {"what": "is this?"}, 0, 3)

    async def _send(self, queue: str, handler: str, event: Any, priority: int, max_attempts: int) -> str:
        async with self._database.writing() as session:
            delivery_id = await session.scalar(
                text(
                    "INSERT INTO platform.delivery (queue, handler, event, priority, max_attempts) VALUES"
                    " (:queue, :handler, CAST(:event AS jsonb), CAST(:priority AS smallint),"
                    " CAST(:attempts AS smallint))"
                    " RETURNING id"
                ),
                queue=queue,
                handler=handler,
                event=event,
                priority=priority,
                attempts=max_attempts,
            )
        return str(delivery_id)

    async def pass_time(self, seconds: float) -> None:
        async with self._database.writing() as session:
            await session.execute(
                text(
                    "UPDATE platform.delivery SET run_at = run_at - CAST(:time AS interval),"
                    " lease_until = lease_until - CAST(:time AS interval)"
                ),
                time=timedelta(seconds=seconds),
            )

    async def dead(self) -> list[Dead]:
        async with self._database.reading() as session:
            rows = await session.all(text("SELECT id, history FROM platform.dead_letter ORDER BY id"))
        return [Dead(str(row.id), [failure["error"] for failure in row.history]) for row in rows]


@dataclass
class _Message:
    """A message as SQS keeps it, and what an adapter would keep in its attributes."""

    delivery: Delivery | None
    priority: int = 0
    sent: int = 0
    visible_at: float = 0.0
    receipt: str | None = None
    errors: list[str] = field(default_factory=list)


class MemoryDesk:
    """A queue with nothing but what SQS has: visibility timeouts, receipts, delays and a dead-letter queue."""

    def __init__(self) -> None:
        self.now = 0.0
        self.messages: dict[str, _Message] = {}
        self.buried: list[Dead] = []
        self.ids = itertools.count(1)

    def worker(self) -> "MemoryQueue":
        return MemoryQueue(self)

    async def send(
        self,
        *,
        queue: str = "notifications",
        handler: str = "app:handler",
        number: int = 0,
        priority: int = 0,
        max_attempts: int = 3,
    ) -> str:
        identifier = f"message-{next(self.ids)}"
        delivery = Delivery(
            id=identifier,
            queue=queue,
            handler=handler,
            envelope=envelope(number),
            attempt=0,
            max_attempts=max_attempts,
        )
        self.messages[identifier] = _Message(delivery, priority, sent=next(self.ids))
        return identifier

    async def send_unreadable(self) -> str:
        identifier = f"message-{next(self.ids)}"
        self.messages[identifier] = _Message(None, sent=next(self.ids))
        return identifier

    async def pass_time(self, seconds: float) -> None:
        self.now += seconds

    async def dead(self) -> list[Dead]:
        return self.buried


class MemoryQueue:
    """The adapter over it."""

    def __init__(self, desk: MemoryDesk) -> None:
        self._desk = desk
        self._held: set[str] = set()

    async def claim(self, queue: str, *, limit: int, lease: timedelta) -> Sequence[Delivery]:
        claimed: list[Delivery] = []
        by_rank = sorted(self._desk.messages.items(), key=lambda entry: (-entry[1].priority, entry[1].sent))
        for identifier, message in by_rank:
            if len(claimed) == limit or message.visible_at > self._desk.now:
                continue
            if message.delivery is None:
                del self._desk.messages[identifier]
                self._desk.buried.append(Dead(identifier, ["It cannot be read."]))
            elif message.delivery.queue == queue and self._may_be_tried(message):
                message.receipt = str(new_id())
                message.visible_at = self._desk.now + lease.total_seconds()
                message.delivery = replace(message.delivery, attempt=message.delivery.attempt + 1)
                self._held.add(identifier)
                claimed.append(replace(message.delivery, receipt=message.receipt))
        return claimed

    def _may_be_tried(self, message: _Message) -> bool:
        """As SQS's redrive policy: whoever was received too often goes to the dead-letter queue."""
        delivery = message.delivery
        if delivery is None or delivery.attempt < delivery.max_attempts:
            return True
        del self._desk.messages[delivery.id]
        self._desk.buried.append(Dead(delivery.id, [*message.errors, "It was lost at its last attempt."]))
        return False

    def _mine(self, delivery: Delivery) -> _Message | None:
        message = self._desk.messages.get(delivery.id)
        return message if message is not None and message.receipt == delivery.receipt else None

    async def extend(self, deliveries: Iterable[Delivery], *, lease: timedelta) -> None:
        for delivery in deliveries:
            if (message := self._mine(delivery)) is not None:
                message.visible_at = self._desk.now + lease.total_seconds()

    async def done(self, deliveries: Iterable[Delivery]) -> None:
        for delivery in deliveries:
            if self._mine(delivery) is not None:
                del self._desk.messages[delivery.id]

    async def retry(self, delivery: Delivery, *, after: timedelta, error: str) -> None:
        if (message := self._mine(delivery)) is not None:
            message.receipt = None
            message.visible_at = self._desk.now + after.total_seconds()
            message.errors.append(error)

    async def bury(self, delivery: Delivery, *, error: str) -> None:
        if (message := self._mine(delivery)) is not None:
            del self._desk.messages[delivery.id]
            self._desk.buried.append(Dead(delivery.id, [*message.errors, error]))

    async def release(self, deliveries: Iterable[Delivery]) -> None:
        for delivery in deliveries:
            if (message := self._mine(delivery)) is not None and message.delivery is not None:
                message.receipt = None
                message.visible_at = self._desk.now
                message.delivery = replace(message.delivery, attempt=message.delivery.attempt - 1)

    async def recover(self, dead_workers: Sequence[UUID] = ()) -> int:
        return 0

    async def close(self) -> None:
        held = [
            message.delivery for name in self._held if (message := self._desk.messages.get(name)) and message.receipt
        ]
        await self.release(
            [replace(delivery, receipt=self._desk.messages[delivery.id].receipt or "") for delivery in held if delivery]
        )


@pytest.fixture(params=["postgres", "memory"])
def desk(request: pytest.FixtureRequest) -> Desk:
    """Each kind of queue; an adapter for another one adds itself here."""
    if request.param == "memory":
        return MemoryDesk()
    return PostgresDesk(request.getfixturevalue("database"))


@pytest.fixture
def memory_desk() -> MemoryDesk:
    return MemoryDesk()
