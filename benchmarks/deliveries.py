"""Deliveries: from told events to finished handlers, durable, one worker."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from sqlalchemy import text

from benchmarks.report import Result
from commonplace import application
from commonplace.platform.app import App, Subscription
from commonplace.platform.database.bus import Bus
from commonplace.platform.database.embedded.server import EmbeddedServer
from commonplace.platform.database.session import Database
from commonplace.platform.events import log
from commonplace.platform.events.event import Event
from commonplace.platform.events.registry import Context, Registry
from commonplace.platform.events.settings import EventsSettings
from commonplace.platform.events.worker import Worker
from commonplace.platform.parts import Parts
from commonplace.settings import load_settings
from commonplace.startup import bring_up

COUNT = 20_000
TARGET_PER_SECOND = 3_000
_done = 0


@dataclass(frozen=True, kw_only=True)
class Ticked(Event):
    """Nothing happened, so and so often."""

    name: ClassVar[str] = "bench.ticked"
    number: int


async def nothing(_event: Ticked, _context: Context) -> None:
    """The handler that does nothing."""
    global _done  # noqa: PLW0603 - a counter of this program
    _done += 1


APP = App(
    name="bench",
    title="Bench",
    subscriptions=[Subscription(event="benchmarks.deliveries:Ticked", handler="benchmarks.deliveries:nothing")],
)


def deliveries(directory: Path) -> Iterator[Result]:
    """No-op deliveries a second on the embedded server, from the event in the log to the finished handler."""
    yield Result("deliveries", asyncio.run(_run(directory)), TARGET_PER_SECOND, "a second", "per s", 1.0)


async def _run(directory: Path) -> float:
    settings = load_settings(
        {"COMMONPLACE_DATA_DIR": str(directory), "APPS": "commonplace.apps.accounts.manifest:app"}, env_file=None
    )
    with EmbeddedServer(directory).acquire() as lease:
        address, own = application.database_of(settings)
        await bring_up(settings, address, lease)
        parts = Parts()
        parts.add(Database(address, settings.database))
        parts.add(Bus(address, settings.database))
        await parts[Bus].start()
        async with parts[Database].writing() as session:
            for number in range(COUNT):
                await log.tell(session, Ticked(number=number), owner_id=None, by=None)
        worker = Worker(parts, Registry([APP]), EventsSettings())
        began = time.monotonic()
        work = asyncio.create_task(worker.run())
        while _done < COUNT:
            await asyncio.sleep(0.01)
        async with parts[Database].reading() as session:
            while await session.scalar(text("SELECT EXISTS (SELECT FROM platform.delivery)")):
                await asyncio.sleep(0.01)
        seconds = time.monotonic() - began
        worker.stop()
        await work
        await parts[Bus].close()
        await parts[Database].close()
        if own is not None:
            own.close()
    return COUNT / seconds
