"""Schedules: each moment once, however many workers look at the clock."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from commonplace.platform.events.registry import MalformedManifest, Registry
from commonplace.platform.events.schedules import Scheduler, last_moment, next_moment, timetable

pytestmark = pytest.mark.anyio

NOON = datetime(2126, 11, 21, 12, 0, tzinfo=UTC)  # The worker looks at the real clock: no moment of its own may come


class Clock:
    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    async def __call__(self) -> datetime:
        return self.now


async def nothing(_tick: Any, _context: Any) -> None:
    """A handler that is never called here."""


@pytest.fixture
def registry(installation: Any) -> Registry:
    return Registry([installation.app(schedules=[installation.schedule(nothing, "30 * * * *")])])


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def ticks(installation: Any) -> list[str]:
    async with installation.database.reading() as session:
        rows = await session.all(text("SELECT event FROM platform.delivery ORDER BY id"))
    return [row.event["payload"]["tick"] for row in rows]


@pytest.mark.parametrize(
    ("cron", "now", "last", "next_"),
    [
        ("30 * * * *", "12:00:00", "11:30:00", "12:30:00"),
        ("30 * * * *", "12:30:00", "12:30:00", "13:30:00"),
        ("30 * * * *", "12:29:59.9", "11:30:00", "12:30:00"),
        ("30 * * * *", "12:30:00.1", "12:30:00", "13:30:00"),
        ("* * * * *", "12:00:59.999999", "12:00:00", "12:01:00"),
    ],
)
def test_the_moments_around_now(cron: str, now: str, last: str, next_: str) -> None:
    moment = datetime.fromisoformat(f"2126-11-21T{now}+00:00")
    assert f"{last_moment(cron, moment):%H:%M:%S}" == last
    assert f"{next_moment(cron, moment):%H:%M:%S}" == next_


async def test_a_new_installation_makes_up_for_nothing(installation: Any, registry: Registry, clock: Clock) -> None:
    assert await Scheduler(installation.database, registry.schedules, clock=clock).tick() == frozenset()
    assert await ticks(installation) == []


async def test_a_moment_is_delivered_once_by_several_workers(
    installation: Any, registry: Registry, clock: Clock
) -> None:
    schedulers = [Scheduler(installation.database, registry.schedules, clock=clock) for _ in range(5)]
    await asyncio.gather(*(scheduler.tick() for scheduler in schedulers))
    clock.now = NOON + timedelta(minutes=30)
    results = await asyncio.gather(*(scheduler.tick() for scheduler in schedulers))
    assert sum(map(len, results)) == 1
    assert await ticks(installation) == ["2126-11-21T12:30:00Z"]
    clock.now += timedelta(minutes=20)
    await asyncio.gather(*(scheduler.tick() for scheduler in schedulers))
    assert len(await ticks(installation)) == 1


async def test_what_was_missed_is_made_up_for_once(installation: Any, registry: Registry, clock: Clock) -> None:
    await Scheduler(installation.database, registry.schedules, clock=clock).tick()
    clock.now = NOON + timedelta(hours=5)
    restarted = Scheduler(installation.database, registry.schedules, clock=clock)
    assert await restarted.tick() == {"analytics"}
    assert await ticks(installation) == ["2126-11-21T16:30:00Z"]
    assert await restarted.tick() == frozenset()


async def test_a_tick_that_waits_absorbs_the_next(installation: Any, registry: Registry, clock: Clock) -> None:
    scheduler = Scheduler(installation.database, registry.schedules, clock=clock)
    await scheduler.tick()
    for hours in (1, 2, 3):
        clock.now = NOON + timedelta(hours=hours)
        await scheduler.tick()
    assert await ticks(installation) == ["2126-11-21T12:30:00Z"]


async def test_a_clock_that_goes_back_repeats_nothing(installation: Any, registry: Registry, clock: Clock) -> None:
    await Scheduler(installation.database, registry.schedules, clock=clock).tick()
    clock.now = NOON - timedelta(hours=3)
    assert await Scheduler(installation.database, registry.schedules, clock=clock).tick() == frozenset()
    assert await ticks(installation) == []


async def test_an_earlier_line_does_not_run_at_once(installation: Any, clock: Clock) -> None:
    """A release that moves a nightly job from three to two must not run it again in the afternoon."""
    before = Registry([installation.app(schedules=[installation.schedule(nothing, "0 3 * * *")])])
    await Scheduler(installation.database, before.schedules, clock=clock).tick()
    after = Registry([installation.app(schedules=[installation.schedule(nothing, "0 2 * * *")])])
    assert await Scheduler(installation.database, after.schedules, clock=clock).tick() == frozenset()


async def test_it_says_when_to_look_again(installation: Any, registry: Registry, clock: Clock) -> None:
    scheduler = Scheduler(installation.database, registry.schedules, clock=clock)
    await scheduler.tick()
    assert scheduler.seconds_to_next == 60  # it looks at least once a minute
    clock.now = NOON + timedelta(minutes=29, seconds=50)
    await scheduler.tick()
    assert scheduler.seconds_to_next == 10


async def test_the_handler_gets_the_moment(installation: Any) -> None:
    heard: list[Any] = []

    async def handle(tick: Any, _context: Any) -> None:
        heard.append(tick)

    registry = Registry([app := installation.app(schedules=[installation.schedule(handle, "30 * * * *")])])
    clock = Clock()
    scheduler = Scheduler(installation.database, registry.schedules, clock=clock)
    await scheduler.tick()
    clock.now = NOON + timedelta(minutes=31)
    await scheduler.tick()
    installation.start(app)
    await installation.all_settled()
    assert [(tick.schedule, tick.tick) for tick in heard] == [("test.nightly", NOON + timedelta(minutes=30))]


async def test_a_worker_minds_the_schedules_by_the_databases_clock(installation: Any) -> None:
    heard: list[Any] = []

    async def handle(tick: Any, _context: Any) -> None:
        heard.append(tick)

    app = installation.app(schedules=[installation.schedule(handle, "* * * * *")])
    await installation.execute(
        """
        INSERT INTO platform.schedule_tick VALUES ('test.nightly', date_trunc('minute', now()) - interval '5 min')
        """
    )
    installation.start(app)
    await installation.until_true("SELECT count(*) >= 2 FROM platform.schedule_tick")
    await installation.all_settled()
    assert heard
    assert abs((heard[0].tick - datetime.now(UTC)).total_seconds()) < 125


async def test_the_timetable(installation: Any, registry: Registry, clock: Clock) -> None:
    (entry,) = await timetable(installation.database, registry.schedules)
    assert (entry["name"], entry["last"]) == ("test.nightly", None)
    await Scheduler(installation.database, registry.schedules, clock=clock).tick()
    (entry,) = await timetable(installation.database, registry.schedules)
    assert entry["last"] == NOON - timedelta(minutes=30)
    assert entry["next"].minute == 30


@pytest.mark.parametrize("cron", ["often", "* * * *", "61 * * * *", "* * * * * *"])
async def test_a_line_that_is_none_is_refused(installation: Any, cron: str) -> None:
    with pytest.raises(MalformedManifest, match="no cron line"):
        Registry([installation.app(schedules=[installation.schedule(nothing, cron)])])


async def test_two_schedules_of_one_name_are_refused(installation: Any) -> None:
    with pytest.raises(MalformedManifest, match="two schedules"):
        Registry([installation.app(schedules=[installation.schedule(nothing, "1 * * * *") for _ in "ab"])])


async def test_a_queue_that_does_not_exist_is_refused(installation: Any) -> None:
    with pytest.raises(MalformedManifest, match="no queue 'mail'"):
        Registry([installation.app(installation.subscription(nothing, queue="mail"))])


async def test_subscribing_twice_is_refused(installation: Any) -> None:
    subscription = installation.subscription(nothing)
    with pytest.raises(MalformedManifest, match="twice"):
        Registry([installation.app(subscription, subscription)])
