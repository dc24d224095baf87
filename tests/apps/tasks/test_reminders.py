"""Reminders: told once, at their moment, of what is still to be done."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from commonplace.apps.tasks import handlers
from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database
from commonplace.platform.events.event import ScheduleTick
from commonplace.platform.events.registry import Context
from commonplace.platform.identity.clock import Clock
from commonplace.platform.parts import Parts
from tests.apps.tasks.conftest import Make, Told

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("whole")]

Look = Callable[[datetime], Awaitable[None]]
TODAY = datetime.now(UTC).replace(microsecond=0)
SOON = TODAY + timedelta(hours=1)


class SetClock(Clock):
    at = TODAY

    def time(self) -> float:
        return self.at.timestamp()


@pytest.fixture
def look(app: Any, parts: Parts) -> Look:
    """`await look(moment)`: the schedule looks at the clock, which shows this moment."""
    clock = SetClock()
    parts.add(clock, as_=Clock)

    async def run(moment: datetime) -> None:
        clock.at = moment
        context: Any = Context(parts=parts, delivery=None)  # type: ignore[arg-type]
        await handlers.tell_reminders(ScheduleTick(schedule="tasks.tell_reminders", tick=moment), context)

    return run


@pytest.fixture
def due(told: Told) -> Callable[[], Awaitable[list[tuple[str, str]]]]:
    """The reminders that were told: task and moment."""

    async def find() -> list[tuple[str, str]]:
        return [
            (str(event.item_id), event.payload["at"][:19])
            for event in await told()
            if event.name == "task.reminder_due"
        ]

    return find


def at(moment: datetime) -> dict[str, Any]:
    return {"at": moment.isoformat()}


def said(moment: datetime) -> dict[str, str]:
    return {"date": moment.date().isoformat(), "time": f"{moment:%H:%M:%S}", "time_zone": "UTC"}


def shown(moment: datetime) -> str:
    return moment.isoformat()[:19]


async def rows(parts: Parts) -> Sequence[Any]:
    async with parts[Database].reading() as session:
        return await session.all(Query(text("SELECT at, told_at FROM tasks.reminder ORDER BY at")))


async def test_each_moment_is_told_once_by_however_many(
    ana: Any, make: Make, look: Look, due: Any, parts: Parts
) -> None:
    past = at(TODAY - timedelta(days=1))
    task = await make(ana, due=said(SOON), reminders=[{"minutes_before": 30}, {"minutes_before": 0}, at(SOON), past])
    assert [row.at for row in await rows(parts)] == [SOON - timedelta(minutes=30), SOON]  # two of one moment are one
    await look(SOON - timedelta(minutes=31))
    assert await due() == []
    await look(SOON - timedelta(minutes=30))
    first = (task["id"], shown(SOON - timedelta(minutes=30)))
    assert await due() == [first]
    await asyncio.gather(*(look(SOON) for _ in range(5)))
    assert await due() == [first, (task["id"], shown(SOON))]
    # A moment that was told is over, though the task goes away and comes back to it.
    later = SOON + timedelta(days=1)
    await ana.patch(f"/tasks/{task['id']}", json={"due": said(later)})
    await ana.patch(f"/tasks/{task['id']}", json={"due": said(SOON)})
    await look(SOON + timedelta(minutes=1))
    assert len(await due()) == 2
    await look(SOON + timedelta(days=3))
    assert await rows(parts) == []


async def test_what_came_while_nothing_ran_is_told_with_its_moment(ana: Any, make: Make, look: Look, due: Any) -> None:
    moments = [SOON + timedelta(minutes=n) for n in range(3)]
    tasks = [await make(ana, str(n), reminders=[at(moment)]) for n, moment in enumerate(moments)]
    await look(SOON + timedelta(days=2))
    assert await due() == [(task["id"], shown(moment)) for task, moment in zip(tasks, moments, strict=True)]


async def test_a_transaction_that_dies_tells_nothing_and_the_next_all(
    ana: Any, make: Make, look: Look, due: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        await make(ana, str(number), reminders=[at(SOON)])
    told, count = handlers.log.tell, 0

    async def dies(*args: Any, **named: Any) -> None:
        nonlocal count
        count += 1
        if count == 3:
            raise ConnectionResetError
        await told(*args, **named)

    monkeypatch.setattr(handlers.log, "tell", dies)
    with pytest.raises(ConnectionResetError):
        await look(SOON)
    assert await due() == []
    await look(SOON)
    assert len(await due()) == 3


async def test_of_what_is_over_nothing_is_told(ana: Any, make: Make, make_list: Make, look: Look, due: Any) -> None:
    home = await make_list(ana)
    fields = {"due": said(SOON), "reminders": [{"minutes_before": 0}]}
    kept = await make(ana, "kept", **fields)
    done = await make(ana, "done", **fields)
    await make(ana, "done from the beginning", status="done", **fields)
    trashed = await make(ana, "trashed", **fields)
    await make(ana, "in a trashed list", list_id=home["id"], **fields)
    put_off = await make(ana, "put off", **fields)
    await ana.patch(f"/tasks/{done['id']}", json={"status": "done"})
    await ana.delete(f"/tasks/{trashed['id']}")
    await ana.delete(f"/api/task-lists/{home['id']}")
    await ana.patch(f"/tasks/{put_off['id']}", json={"due": None})
    await look(SOON)
    assert await due() == [(kept["id"], shown(SOON))]
    await ana.post(f"/api/task-lists/{home['id']}/restore")
    await ana.patch(f"/tasks/{done['id']}", json={"status": "open"})
    await look(SOON + timedelta(minutes=1))
    # The one that was done and is open again before its moment reminds: that moment is still to come for the database.
    assert [task_id for task_id, _ in await due()] == [kept["id"], done["id"]]


async def test_each_occurrence_of_a_series_reminds(ana: Any, make: Make, look: Look, due: Any) -> None:
    made = await make(ana, due=said(SOON), recurrence="FREQ=DAILY", reminders=[{"minutes_before": 10}])
    await look(SOON)
    done = (await ana.patch(f"/tasks/{made['id']}", json={"status": "done"})).json()
    await look(SOON + timedelta(days=1))
    moments = [SOON - timedelta(minutes=10), SOON + timedelta(days=1, minutes=-10)]
    assert await due() == [(made["id"], shown(moments[0])), (done["next_id"], shown(moments[1]))]


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "UTC", "Etc/GMT+12"])
async def test_a_whole_day_begins_by_the_owners_clocks(ana: Any, make: Make, look: Look, due: Any, zone: str) -> None:
    assert (await ana.put("/auth/profile", json={"time_zone": zone})).status_code == 200
    day = (TODAY + timedelta(days=3)).date()
    await make(ana, due={"date": day.isoformat()}, reminders=[{"minutes_before": 60}])
    moment = datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC) - timedelta(hours=1)
    await look(moment - timedelta(minutes=1))
    assert await due() == []
    await look(moment)
    assert [when for _, when in await due()] == [shown(moment)]
    # What lay behind when it was written reminds of nothing.
    yesterday = date.today() - timedelta(days=2)  # noqa: DTZ011 - two days back, it lies behind everywhere
    await make(ana, due={"date": yesterday.isoformat()}, reminders=[{"minutes_before": 0}])
    await look(moment)
    assert len(await due()) == 1


async def test_the_owner_finds_it_in_the_inbox(ana: Any, ben: Any, make: Make, look: Look, deliver: Any) -> None:
    task = await make(ana, "Pay the rent", due=said(SOON), reminders=[{"minutes_before": 5}])
    over = await make(ana, "over", due=said(SOON), reminders=[{"minutes_before": 5}])
    await look(SOON)
    await ana.patch(f"/tasks/{over['id']}", json={"status": "done"})  # after it was told, before it is delivered
    await deliver()
    (notice,) = (await ana.get("/api/notifications")).json()["items"]
    assert (notice["kind"], notice["title"]) == ("tasks.reminder", "Reminder: Pay the rent")
    assert (notice["path"], notice["item_id"]) == (f"/app/tasks?task={task['id']}", task["id"])
    assert notice["text"].startswith("Due ")
    assert (await ben.get("/api/notifications")).json()["items"] == []
    kinds = (await ana.get("/api/notifications/preferences")).json()["kinds"]
    assert "A task of mine has a reminder" in {kind["title"] for kind in kinds}
