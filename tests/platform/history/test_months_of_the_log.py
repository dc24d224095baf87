"""The months of the log: made ahead, dropped when they are old, and readers are told."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database
from commonplace.platform.events import log, partitions
from commonplace.platform.events.log import Cursor, CursorTooOld

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 21, tzinfo=UTC)


async def sql(database: Database, statement: str) -> Any:
    async with database.writing() as session:
        return await session.all(Query(text(statement)))


async def tell_at(database: Database, *times: str) -> None:
    for time in times:
        await sql(
            database,
            f"INSERT INTO platform.event (epoch, at, name, payload) VALUES (1, '{time}', 'x', '{{}}') RETURNING 1",
        )


async def dispatch_everything(database: Database) -> None:
    await sql(
        database,
        "UPDATE platform.consumer SET xid = CAST('999999' AS xid8), seq = 0 WHERE name = 'dispatcher' RETURNING 1",
    )


async def where(database: Database) -> list[tuple[str, str]]:
    rows = await sql(
        database,
        "SELECT CAST(tableoid AS regclass) AS place, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day"
        " FROM platform.event ORDER BY at",
    )
    return [(str(row.place).removeprefix("platform."), row.day) for row in rows]


async def test_this_month_and_the_next_two_are_made_once(database: Database) -> None:
    assert await partitions.make_months(database, now=NOW) == ["event_2026_11", "event_2026_12", "event_2027_01"]
    assert await partitions.make_months(database, now=NOW) == []
    await tell_at(database, "2026-11-30T23:59:59Z", "2026-12-01T00:00:00Z", "2027-05-01T00:00:00Z")
    assert await where(database) == [
        ("event_2026_11", "2026-11-30"),
        ("event_2026_12", "2026-12-01"),
        ("event_default", "2027-05-01"),
    ]


async def test_a_month_whose_events_lie_elsewhere_already_is_left_to_that(database: Database) -> None:
    await tell_at(database, "2026-11-20T00:00:00Z")
    assert await partitions.make_months(database, now=NOW) == ["event_2026_12", "event_2027_01"]


async def test_old_months_are_dropped_as_a_whole_and_readers_are_told(database: Database) -> None:
    await partitions.make_months(database, now=datetime(2026, 6, 1, tzinfo=UTC))
    await partitions.make_months(database, now=NOW)
    await tell_at(database, "2026-06-10T00:00:00Z", "2026-06-20T00:00:00Z", "2026-07-10T00:00:00Z")
    await tell_at(database, "2026-11-10T00:00:00Z")
    rows = await sql(database, "SELECT epoch, xid, seq FROM platform.event ORDER BY at")
    cursors = [Cursor(row.epoch, row.xid, row.seq) for row in rows]
    await dispatch_everything(database)
    assert await partitions.forget_events(database, before=datetime(2026, 7, 1, tzinfo=UTC)) == 1
    assert [day for _, day in await where(database)] == ["2026-07-10", "2026-11-10"]
    async with database.reading() as session:
        assert len(await log.since(session, cursors[1], limit=9)) == 2
        with pytest.raises(CursorTooOld):
            await log.since(session, cursors[0], limit=9)
    assert await partitions.forget_events(database, before=datetime(2026, 7, 31, tzinfo=UTC)) == 0
    assert await partitions.forget_events(database, before=datetime(2026, 9, 1, tzinfo=UTC)) == 2
    async with database.reading() as session:
        with pytest.raises(CursorTooOld):
            await log.since(session, cursors[1], limit=9)
        assert len(await log.since(session, cursors[2], limit=9)) == 1


async def test_nothing_goes_that_the_dispatcher_has_not_passed(database: Database) -> None:
    await partitions.make_months(database, now=datetime(2026, 6, 1, tzinfo=UTC))
    await tell_at(database, "2026-06-10T00:00:00Z", "2025-01-01T00:00:00Z")
    assert await partitions.forget_events(database, before=NOW) == 2  # the two months in which nothing happened
    assert len(await where(database)) == 2
    await dispatch_everything(database)
    assert await partitions.forget_events(database, before=NOW) == 2
    assert await where(database) == []


async def test_events_without_a_month_go_in_batches(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "_BATCH", 2)
    await tell_at(database, *(f"2025-01-0{day}T00:00:00Z" for day in range(1, 6)), "2026-11-20T00:00:00Z")
    await dispatch_everything(database)
    assert await partitions.forget_events(database, before=datetime(2026, 1, 1, tzinfo=UTC)) == 5
    assert [day for _, day in await where(database)] == ["2026-11-20"]
