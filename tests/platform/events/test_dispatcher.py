"""The dispatcher: each event becomes its deliveries once, in order; and "as of" has its moments."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from commonplace.platform.events import dispatcher as module
from commonplace.platform.events.dispatcher import Dispatcher
from commonplace.platform.events.registry import Registry

pytestmark = pytest.mark.anyio


async def nothing(_event: Any, _context: Any) -> None:
    """A handler that is never called here."""


@pytest.fixture
def dispatcher(installation: Any) -> Any:
    def make(**options: Any) -> Dispatcher:
        return Dispatcher(
            installation.database, Registry([installation.app(installation.subscription(nothing, **options))])
        )

    return make


async def numbers(installation: Any) -> list[int]:
    async with installation.database.reading() as session:
        rows = await session.all(text("SELECT event FROM platform.delivery ORDER BY id"))
    return [row.event["payload"]["number"] for row in rows]


async def test_each_event_once_however_many_dispatch(installation: Any, happened: Any) -> None:
    registry = Registry([installation.app(installation.subscription(nothing))])
    dispatchers = [Dispatcher(installation.database, registry) for _ in range(4)]
    for start in range(0, 200, 20):
        await asyncio.gather(
            installation.tell(*(happened(number=number) for number in range(start, start + 20))),
            *(one.dispatch() for one in dispatchers),
        )
    while (await dispatchers[0].dispatch()).events:
        pass
    assert await numbers(installation) == list(range(200))


async def test_a_batch_is_bounded(
    installation: Any, dispatcher: Any, happened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 10)
    await installation.tell(*(happened(number=number) for number in range(25)))
    one = dispatcher()
    rounds = [await one.dispatch() for _ in range(4)]
    assert [(dispatched.events, dispatched.is_more_near) for dispatched in rounds] == [
        (10, True),
        (10, True),
        (5, False),
        (0, False),
    ]
    assert await numbers(installation) == list(range(25))


async def test_an_event_with_an_older_transaction_open_waits_for_it(
    installation: Any, dispatcher: Any, happened: Any
) -> None:
    one = dispatcher()
    async with installation.database.writing() as session:
        await session.scalar(text("SELECT pg_current_xact_id()"))
        await installation.tell(happened(number=1))
        dispatched = await one.dispatch()
        assert (dispatched.events, dispatched.is_more_near) == (0, True)
    assert (await one.dispatch()).events == 1


async def test_what_an_older_epoch_left_is_dispatched(installation: Any, dispatcher: Any, happened: Any) -> None:
    """After a restore: what the backup held undelivered goes out, whatever transaction numbers are now."""
    await installation.tell(happened(number=1))
    await installation.execute("UPDATE platform.event SET xid = '4000000000'")
    await installation.execute("UPDATE platform.epoch SET current = 9")
    await installation.tell(happened(number=2))
    one = dispatcher()
    while (await one.dispatch()).events:
        pass
    assert await numbers(installation) == [1, 2]


async def test_a_waiting_delivery_absorbs_a_new_one_with_its_key(
    installation: Any, dispatcher: Any, happened: Any
) -> None:
    one = dispatcher(deduplicate_by="subject")
    await installation.tell(*(happened(number=number, subject=subject) for number, subject in enumerate("aabab")))
    await installation.tell(happened(number=5), happened(number=6))  # without a key each is its own
    await one.dispatch()
    await installation.tell(happened(number=7, subject="a"))
    await one.dispatch()
    assert await numbers(installation) == [0, 2, 5, 6]


async def test_one_that_is_under_way_absorbs_nothing(installation: Any, dispatcher: Any, happened: Any) -> None:
    one = dispatcher(deduplicate_by="subject")
    await installation.tell(happened(number=1, subject="a"))
    await one.dispatch()
    await installation.execute("UPDATE platform.delivery SET lease_until = now() + interval '1 min'")
    await installation.tell(happened(number=2, subject="a"))
    await one.dispatch()
    assert await numbers(installation) == [1, 2]


async def test_one_that_waits_after_a_failure_is_due_at_once_when_it_absorbs(
    installation: Any, dispatcher: Any, happened: Any
) -> None:
    one = dispatcher(deduplicate_by="subject")
    await installation.tell(happened(number=1, subject="a"))
    await one.dispatch()
    await installation.execute("UPDATE platform.delivery SET run_at = now() + interval '1 hour', attempts = 5")
    await installation.tell(happened(number=2, subject="a"))
    await one.dispatch()
    assert await installation.scalar("SELECT run_at <= clock_timestamp() AND attempts = 5 FROM platform.delivery")


async def test_the_key_may_be_the_item(installation: Any, dispatcher: Any, happened: Any) -> None:
    one = dispatcher(deduplicate_by="item_id")
    item_id = uuid4()
    await installation.tell(happened(number=1), happened(number=2))
    await installation.execute("UPDATE platform.event SET item_id = :item", item=item_id)
    await one.dispatch()
    assert await installation.scalar("SELECT deduplication_key FROM platform.delivery") == str(item_id)


async def test_a_moment_is_saved_while_something_changes(
    installation: Any, dispatcher: Any, happened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOMENT_SECONDS", 0.05)
    one = dispatcher()
    await one.dispatch()
    assert await installation.scalar("SELECT count(*) FROM platform.moment") == 0
    await installation.tell(happened(number=1))
    await one.dispatch()
    assert await installation.scalar("SELECT count(*) FROM platform.moment") == 1
    await installation.tell(happened(number=2))
    await one.dispatch()
    assert one.is_moment_due
    async with asyncio.timeout(10):
        while one.is_moment_due:
            await one.dispatch()
    assert await installation.scalar("SELECT count(*) FROM platform.moment") == 2
    xid = await installation.scalar("SELECT max(CAST(CAST(xid AS text) AS bigint)) FROM platform.event")
    assert await installation.scalar(
        "SELECT pg_visible_in_snapshot(CAST(CAST(:xid AS text) AS xid8), snapshot) FROM platform.moment"
        " ORDER BY at DESC LIMIT 1",
        xid=str(xid),
    )
    for _ in range(3):
        await one.dispatch()
    assert await installation.scalar("SELECT count(*) FROM platform.moment") == 2
