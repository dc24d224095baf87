"""What tasks does as time goes by: it tells which reminders have come, each once."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from commonplace.apps.tasks import queries
from commonplace.apps.tasks.events import ReminderDue
from commonplace.apps.tasks.times import When, in_utc
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database
from commonplace.platform.events import log
from commonplace.platform.events.event import ScheduleTick
from commonplace.platform.events.registry import Context
from commonplace.platform.identity.clock import Clock
from commonplace.platform.identity.people import People
from commonplace.platform.messages.notices import Notice
from commonplace.platform.pages.formats import moment_text
from commonplace.platform.pages.viewer import zone_named
from commonplace.platform.parts import Parts

_BATCH: Final = 200  # reminders in one transaction, which stays short
_LATE: Final = timedelta(minutes=5)  #: from here on a notice says when it was meant for
_UTC: Final = ZoneInfo("UTC")


async def tell_reminders(_tick: ScheduleTick, context: Context) -> None:
    """Tell each reminder whose moment has come, also while nothing ran; none of a task that is over.

    Its row and the fact commit together, so it is told once, whatever dies when.
    """
    parts = context.parts
    now = _now(parts)
    async with parts[Database].reading() as session:
        owners = [row.owner_id for row in await session.all(queries.OWNERS_OF_DAYS, now=now)]
    people = await parts[People].people(owners) if owners else {}
    zones = {person_id: zone_named(person.time_zone) for person_id, person in people.items()}
    after: tuple[datetime, UUID] | None = None
    while True:
        async with parts[Database].writing() as session:
            rows = await session.all(
                queries.REMINDERS_TO_TELL, now=now, limit=_BATCH, after=after and after[0], after_id=after and after[1]
            )
            for row in rows:
                moment = _moment(row, zones)
                if moment is None or moment > now:
                    continue
                await session.execute(queries.REMINDER_TOLD, task_id=row.task_id, at=row.at, is_day=row.is_day, now=now)
                if row.is_wanted and moment > row.since:
                    fact = ReminderDue(task_id=row.task_id, at=moment)
                    await log.tell(session, fact, owner_id=row.owner_id, by=None, about=row.task_id)
        if len(rows) < _BATCH:
            break
        after = (rows[-1].at, rows[-1].task_id)
    async with parts[Database].writing() as session:
        await session.execute(queries.FORGET_REMINDERS, now=now)


def _moment(row: Row, zones: Mapping[UUID, ZoneInfo]) -> datetime | None:
    """When it is to be told; None while it is not known whose clocks are meant."""
    if not row.is_day:
        moment: datetime = row.at
        return moment
    zone = zones.get(row.owner_id)
    return None if zone is None else in_utc(row.at.astimezone(UTC).replace(tzinfo=zone))


async def reminder_notice(event: ReminderDue, context: Context) -> Sequence[Notice]:
    """The task's owner is reminded, if it is still to be done by now."""
    parts = context.parts
    async with parts[Database].reading() as session:
        task = await session.first(queries.TASK_TO_REMIND_OF, task_id=event.task_id)
    if task is None:
        return []
    person = await parts[People].person(task.owner_id)
    zone = _UTC if person is None else zone_named(person.time_zone)
    lines = []
    if task.due is not None:
        lines.append(f"Due {_said(When.of(task.due), zone)}.")
    elif task.start is not None:
        lines.append(f"Starts {_said(When.of(task.start), zone)}.")
    if _now(parts) - event.at > _LATE:
        lines.append(f"The reminder was for {moment_text(event.at, zone, 'full')}.")
    return [
        Notice(
            person_id=task.owner_id,
            title=f"Reminder: {task.title}",
            text=" ".join(lines),
            path=f"/app/tasks?task={event.task_id}",
            item_id=event.task_id,
        )
    ]


def _said(when: When, zone: ZoneInfo) -> str:
    """A day as it was said; a time as the person's clocks show it."""
    if when.clock is None:
        return moment_text(when.instant, _UTC, "date")
    return moment_text(when.instant, zone, "full")


def _now(parts: Parts) -> datetime:
    clock = parts[Clock] if Clock in parts else Clock()
    return datetime.fromtimestamp(clock.time(), UTC)
