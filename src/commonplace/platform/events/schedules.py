"""Schedules: cron lines that become deliveries, each moment once, however many workers look at the clock.

The clock is the database's, so that workers agree. A moment that passed while nothing ran is made up for, once, at the
next start. The first time a schedule is seen it only takes note of the clock: a new installation does not begin by
making up for the past.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from croniter import croniter
from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database
from commonplace.platform.events.event import Envelope, ScheduleTick, payload_of
from commonplace.platform.events.registry import NamedSchedule

Clock = Callable[[], Awaitable[datetime]]

LONGEST_WAIT: Final = timedelta(seconds=60)  #: a worker looks at the clock at least so often
_MAX_ATTEMPTS: Final = 3

_NOW = Query(text("SELECT clock_timestamp()"))
_SEEN = Query(text("SELECT schedule, max(tick) AS tick FROM platform.schedule_tick GROUP BY schedule"))
_CLAIM = Query(
    text("INSERT INTO platform.schedule_tick (schedule, tick) VALUES (:schedule, :tick) ON CONFLICT DO NOTHING")
)
# A tick that still waits absorbs the next: work that is behind is done once, not once for each moment missed.
_DELIVER = Query(
    text("""
    INSERT INTO platform.delivery (queue, handler, event, max_attempts, deduplication_key)
    VALUES (:queue, :handler, CAST(:event AS jsonb), :max_attempts, :schedule)
    ON CONFLICT (handler, deduplication_key) WHERE deduplication_key IS NOT NULL AND lease_until IS NULL
    DO UPDATE SET run_at = excluded.run_at WHERE delivery.run_at > excluded.run_at
    """)
)


def last_moment(cron: str, now: datetime) -> datetime:
    """The latest moment of a cron line that is not after `now`."""
    moment: datetime = croniter(cron, now + timedelta(seconds=1)).get_prev(datetime)
    return moment if moment <= now else croniter(cron, now).get_prev(datetime)


def next_moment(cron: str, now: datetime) -> datetime:
    """The first moment of a cron line after `now`."""
    moment: datetime = croniter(cron, now).get_next(datetime)
    return moment


async def timetable(database: Database, schedules: Sequence[NamedSchedule]) -> list[dict[str, Any]]:
    """Each schedule's `name, cron, queue, handler`, its `last` moment that was seen (None: never) and the `next`."""
    async with database.reading() as session:
        now: datetime = await session.scalar(_NOW)
        seen = {row.schedule: row.tick for row in await session.all(_SEEN)}
    return [
        {
            "name": named.name,
            "cron": named.schedule.cron,
            "queue": named.schedule.queue,
            "handler": named.schedule.handler,
            "last": seen.get(named.name),
            "next": next_moment(named.schedule.cron, now),
        }
        for named in schedules
    ]


class Scheduler:
    """Minds the schedules of the apps that this process serves."""

    def __init__(self, database: Database, schedules: Sequence[NamedSchedule], *, clock: Clock | None = None) -> None:
        self._database = database
        self._schedules = schedules
        self._clock = clock or self._database_clock
        self._seen: dict[str, datetime] | None = None
        self.seconds_to_next = 0.0  #: when `tick` should be called again

    async def tick(self) -> frozenset[str]:
        """Deliver every schedule whose moment has come and was not delivered; the queues that got something."""
        if not self._schedules:
            self.seconds_to_next = LONGEST_WAIT.total_seconds()
            return frozenset()
        now = await self._clock()
        if self._seen is None:
            async with self._database.reading() as session:
                self._seen = {row.schedule: row.tick for row in await session.all(_SEEN)}
        queues = set()
        for named in self._schedules:
            moment = last_moment(named.schedule.cron, now)
            seen = self._seen.get(named.name)
            if seen is None or moment > seen:
                if await self._take(named, moment, deliver=seen is not None):
                    queues.add(named.schedule.queue)
                self._seen[named.name] = moment
        nearest = min(next_moment(named.schedule.cron, now) for named in self._schedules)
        self.seconds_to_next = min(nearest - now, LONGEST_WAIT).total_seconds()
        return frozenset(queues)

    async def _take(self, named: NamedSchedule, moment: datetime, *, deliver: bool) -> bool:
        """Claim a moment for the whole installation; whether it was ours and became a delivery."""
        async with self._database.writing() as session:
            claimed = await session.execute(_CLAIM, schedule=named.name, tick=moment)
            if not (claimed and deliver):
                return False
            await session.execute(
                _DELIVER,
                queue=named.schedule.queue,
                handler=named.schedule.handler,
                event=_envelope(named, moment),
                max_attempts=_MAX_ATTEMPTS,
                schedule=named.name,
            )
            return True

    async def _database_clock(self) -> datetime:
        async with self._database.reading() as session:
            now: datetime = await session.scalar(_NOW)
        return now


def _envelope(named: NamedSchedule, moment: datetime) -> dict[str, Any]:
    tick = ScheduleTick(schedule=named.name, tick=moment)
    fields: dict[str, Any] = msgspec.to_builtins(
        Envelope(seq=0, at=moment, name=ScheduleTick.name, payload=payload_of(tick))
    )
    return fields
