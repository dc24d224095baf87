"""`GET /api/sync`: what changed since a cursor."""

from typing import Any

import pytest
from sqlalchemy import text

from commonplace.platform.database.ids import new_id

pytestmark = pytest.mark.anyio


async def test_without_a_cursor_it_begins_now(installation: Any) -> None:
    web, ana = await installation.start(), await installation.person()
    await installation.note(ana, 1)
    answer = await web.get("/api/sync", ana)
    assert answer.status_code == 200
    body = answer.json()
    assert body["events"] == []
    assert body["more"] is False
    await installation.note(ana, 2)
    later = (await web.get("/api/sync", ana, since=body["next"])).json()
    assert [event["payload"]["number"] for event in later["events"]] == [2]


async def test_a_change_says_what_happened_to_what(installation: Any) -> None:
    web, ana = await installation.start(), await installation.person()
    start = (await web.get("/api/sync", ana)).json()["next"]
    item_id = new_id()
    await installation.note_item(ana, item_id, 7)
    (event,) = (await web.get("/api/sync", ana, since=start)).json()["events"]
    assert event["name"] == "note.noted"
    assert event["item"] == {"kind": "note", "id": str(item_id), "version": 3, "parent_id": None}
    assert event["by"] == str(ana.id)
    assert event["payload"] == {"number": 7}
    assert event["at"].endswith("Z")


async def test_one_sees_nothing_of_another(installation: Any) -> None:
    web, ana, ben = await installation.start(), await installation.person(), await installation.person()
    start = (await web.get("/api/sync", ana)).json()["next"]
    await installation.note(ben, 1)
    answer = (await web.get("/api/sync", ana, since=start)).json()
    assert answer["events"] == []
    assert answer["next"] != start  # it moves on all the same, so that a quiet client's cursor never grows old


async def test_pages_join_without_gap_or_repetition(installation: Any) -> None:
    web, ana, ben = await installation.start(), await installation.person(), await installation.person()
    cursor = (await web.get("/api/sync", ana)).json()["next"]
    for number in range(25):
        await installation.note(ana, number)
        await installation.note(ben, 100 + number)
    seen, more = [], True
    while more:
        page = (await web.get("/api/sync", ana, since=cursor, limit=10)).json()
        seen += [event["payload"]["number"] for event in page["events"]]
        cursor, more = page["next"], page["more"]
    assert seen == list(range(25))
    assert (await web.get("/api/sync", ana, since=cursor)).json()["events"] == []


async def test_each_change_is_a_place_to_go_on_from(installation: Any) -> None:
    web, ana = await installation.start(), await installation.person()
    start = (await web.get("/api/sync", ana)).json()["next"]
    await installation.note(ana, 1, 2, 3)
    events = (await web.get("/api/sync", ana, since=start)).json()["events"]
    rest = (await web.get("/api/sync", ana, since=events[0]["cursor"])).json()["events"]
    assert [event["payload"]["number"] for event in rest] == [2, 3]


async def test_an_event_behind_an_open_transaction_comes_later_and_is_not_lost(installation: Any) -> None:
    """The order in which transactions commit is not that of their numbers."""
    web, ana = await installation.start(), await installation.person()
    cursor = (await web.get("/api/sync", ana)).json()["next"]
    seen = []
    async with installation.database.writing() as session:
        await session.scalar(text("SELECT pg_current_xact_id()"))
        await installation.note(ana, 2)
        page = (await web.get("/api/sync", ana, since=cursor)).json()
        seen += [event["payload"]["number"] for event in page["events"]]
        assert seen == []  # the older transaction may still tell something that goes before
        await installation.note_in(session, ana, 1)
    page = (await web.get("/api/sync", ana, since=page["next"])).json()
    seen += [event["payload"]["number"] for event in page["events"]]
    assert seen == [1, 2]


@pytest.mark.parametrize(
    "cursor", ["", "abc", "1-2", "1-2-3-4", "-1-2-3", "1-2-x", "1-2-9223372036854775808", "1-\u0661-1"]
)
async def test_what_is_no_cursor_is_refused(installation: Any, cursor: str) -> None:
    web, ana = await installation.start(), await installation.person()
    answer = await web.get("/api/sync", ana, since=cursor)
    assert answer.status_code == 400
    assert answer.json()["type"] == "/problems/malformed-cursor"


async def test_a_cursor_of_an_older_epoch_is_gone(installation: Any) -> None:
    web, ana = await installation.start(), await installation.person()
    cursor = (await web.get("/api/sync", ana)).json()["next"]
    await installation.begin_the_log_anew()
    answer = await web.get("/api/sync", ana, since=cursor)
    assert answer.status_code == 410
    assert answer.json()["type"] == "/problems/cursor-too-old"


@pytest.mark.parametrize(("epochs", "transactions"), [(1, 0), (0, 1_000_000)])
async def test_a_cursor_from_another_log_is_gone(installation: Any, epochs: int, transactions: int) -> None:
    """Of an epoch that is not yet, or a transaction that has not been: another database gave it."""
    web, ana = await installation.start(), await installation.person()
    epoch, xid, seq = map(int, (await web.get("/api/sync", ana)).json()["next"].split("-"))
    cursor = f"{epoch + epochs}-{xid + transactions}-{seq}"
    assert (await web.get("/api/sync", ana, since=cursor)).status_code == 410


async def test_a_cursor_before_what_was_forgotten_is_gone(installation: Any) -> None:
    web, ana = await installation.start(), await installation.person()
    start = (await web.get("/api/sync", ana)).json()["next"]
    await installation.note(ana, 1)
    (event,) = (await web.get("/api/sync", ana, since=start)).json()["events"]
    epoch, xid, seq = event["cursor"].split("-")
    async with installation.database.writing() as session:
        await session.execute(text("DELETE FROM platform.event"))
        await session.execute(
            text("INSERT INTO platform.consumer VALUES ('forgotten', :epoch, CAST(:xid AS xid8), :seq)"),
            epoch=int(epoch),
            xid=int(xid),
            seq=int(seq),
        )
    try:
        assert (await web.get("/api/sync", ana, since=start)).status_code == 410
        assert (await web.get("/api/sync", ana, since=event["cursor"])).status_code == 200
    finally:
        async with installation.database.writing() as session:
            await session.execute(text("DELETE FROM platform.consumer WHERE name = 'forgotten'"))


@pytest.mark.parametrize("limit", [0, 1001, "many"])
async def test_the_limit_has_limits(installation: Any, limit: Any) -> None:
    web, ana = await installation.start(), await installation.person()
    assert (await web.get("/api/sync", ana, limit=limit)).status_code == 422


async def test_nobody_gets_nothing(installation: Any) -> None:
    web = await installation.start()
    assert (await web.get("/api/sync")).status_code == 401
