"""The inbox: each notice once, for whom it is, read and unread, dismissed and back."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from commonplace.apps.notifications import handlers
from commonplace.platform.database.pages import write_cursor
from commonplace.platform.events.event import ScheduleTick
from commonplace.platform.events.registry import Context
from commonplace.platform.parts import Parts
from tests.apps.notifications.conftest import Ring, SetClock
from tests.visitor import Visitor

pytestmark = pytest.mark.anyio
Deliver = Callable[[], Awaitable[None]]
NOWHERE = "01a1fdce-98f6-70a9-970b-f64d4c09118c"


async def titles(visitor: Visitor, query: str = "") -> list[str]:
    answer = await visitor.get(f"/api/notifications{query}")
    assert answer.status_code == 200, answer.text
    return [item["title"] for item in answer.json()["items"]]


async def unread(visitor: Visitor) -> int:
    number: int = (await visitor.get("/api/notifications/unread")).json()["unread"]
    return number


async def test_each_person_is_told_once_however_often_it_is_delivered(
    ana: Visitor, ben: Visitor, ring: Ring, deliver: Deliver, again: Deliver
) -> None:
    await ring(ana, ben, who="Cleo", path="/app/files", listener=ana)
    await deliver()
    await again()
    await deliver()
    answer = (await ben.get("/api/notifications")).json()
    (notice,) = answer["items"]
    assert answer["next"] is None
    assert (notice["kind"], notice["title"], notice["text"]) == (
        "doorbell.rung",
        "Cleo is at the door",
        "Since a minute.",
    )
    assert (notice["path"], notice["item_id"], notice["read_at"]) == ("/app/files", None, None)
    assert sorted(await titles(ana)) == ["Cleo is at the door", "Heard"], "two kinds of one event are two notices"
    assert (await unread(ana), await unread(ben)) == (2, 1)


async def test_several_workers_at_once_tell_once(
    ana: Visitor, ring: Ring, deliver: Deliver, again: Deliver, parts: Parts
) -> None:
    for number in range(5):
        await ring(ana, who=f"Visitor {number}")
    await asyncio.gather(deliver(), deliver(), deliver())
    await again()
    await asyncio.gather(deliver(), deliver())
    assert len(await titles(ana)) == 5


async def test_it_takes_somebody_to_be_told(ana: Visitor, nobody: Visitor, ring: Ring, deliver: Deliver) -> None:
    for method, path in (
        ("GET", ""),
        ("GET", "/unread"),
        ("GET", "/preferences"),
        ("PATCH", "/preferences"),
        ("POST", "/read"),
        ("PATCH", f"/{NOWHERE}"),
        ("DELETE", f"/{NOWHERE}"),
        ("POST", f"/{NOWHERE}/restore"),
    ):
        answer = await nobody.request(method, f"/api/notifications{path}", json={"is_read": True})
        assert answer.status_code == 401, (method, path)


async def test_pages_are_whole_and_in_order(ana: Visitor, ring: Ring, deliver: Deliver) -> None:
    for number in range(7):
        await ring(ana, who=f"Visitor {number}")
        await deliver()
    found, after = [], ""
    while True:
        page = (await ana.get(f"/api/notifications?limit=3{after}")).json()
        assert len(page["items"]) <= 3
        found += [item["title"] for item in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert found == [f"Visitor {number} is at the door" for number in reversed(range(7))]
    for keys in (["none", 1], *([moment, NOWHERE] for moment in ("2026", "2026-11-21T15:00:00", "2026-W01-1T00:00Z"))):
        wrong = write_cursor(*keys)
        assert (await ana.get(f"/api/notifications?after={wrong}")).status_code == 404
    for moment in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
        assert (await ana.get(f"/api/notifications?after={write_cursor(moment, NOWHERE)}")).status_code == 200
    assert (await ana.get("/api/notifications?after=x")).status_code == 404


async def test_reading_and_unreading(ana: Visitor, ben: Visitor, ring: Ring, deliver: Deliver) -> None:
    for who in ("Cleo", "Dan"):
        await ring(ana, who=who)
    await deliver()
    dan, cleo = (await ana.get("/api/notifications")).json()["items"]
    for _ in range(2):
        answer = await ana.patch(f"/api/notifications/{cleo['id']}", json={"is_read": True})
        assert answer.status_code == 200
    read_at = answer.json()["read_at"]
    assert datetime.fromisoformat(read_at) > datetime.fromisoformat(cleo["created_at"])
    assert await titles(ana, "?unread=true") == ["Dan is at the door"]
    assert await unread(ana) == 1
    await ana.patch(f"/api/notifications/{cleo['id']}", json={"is_read": False})
    assert await unread(ana) == 2
    assert (await ana.post("/api/notifications/read", json={"up_to": cleo["id"]})).json() == {"changed": 1}
    assert await titles(ana, "?unread=true") == ["Dan is at the door"], "what came after it stays unread"
    assert (await ana.post("/api/notifications/read")).json() == {"changed": 1}
    assert (await ana.post("/api/notifications/read")).json() == {"changed": 0}
    for method, path in (("PATCH", ""), ("DELETE", ""), ("POST", "/restore")):
        answer = await ben.request(method, f"/api/notifications/{dan['id']}{path}", json={"is_read": True})
        assert answer.status_code == 404, "another person's notice does not exist"
    assert (await ben.post("/api/notifications/read", json={"up_to": dan["id"]})).json() == {"changed": 0}


async def test_dismissing_and_putting_back(ana: Visitor, ring: Ring, deliver: Deliver, again: Deliver) -> None:
    await ring(ana)
    await deliver()
    (notice,) = (await ana.get("/api/notifications")).json()["items"]
    path = f"/api/notifications/{notice['id']}"
    assert (await ana.delete(path)).status_code == 204
    assert (await ana.delete(path)).status_code == 404
    assert (await ana.patch(path, json={"is_read": True})).status_code == 404
    assert (await titles(ana), await unread(ana)) == ([], 0)
    await again()
    await deliver()
    assert await titles(ana) == [], "a repeated delivery does not bring back what was dismissed"
    for _ in range(2):
        assert (await ana.post(f"{path}/restore")).json()["id"] == notice["id"]
    assert (await titles(ana), await unread(ana)) == (["Cleo is at the door"], 1)


async def test_what_changes_is_told_to_the_person_alone(
    ana: Visitor, ben: Visitor, ring: Ring, deliver: Deliver
) -> None:
    since = {visitor.email: (await visitor.get("/api/sync")).json()["next"] for visitor in (ana, ben)}
    await ring(ana)
    await deliver()
    (notice,) = (await ana.get("/api/notifications")).json()["items"]
    for _ in range(2):  # the second time nothing changes, and nothing is told
        await ana.patch(f"/api/notifications/{notice['id']}", json={"is_read": True})
    await ana.delete(f"/api/notifications/{notice['id']}")
    told = (await ana.get("/api/sync", params={"since": since[ana.email]})).json()["events"]
    assert [change["name"] for change in told] == [
        "notice.given",
        "notice.mail_due",
        "notices.changed",
        "notices.changed",
    ]
    assert "Cleo" not in str(told), "what a notice says is not in the log"
    assert (await ben.get("/api/sync", params={"since": since[ben.email]})).json()["events"] == []


@pytest.mark.parametrize("path", ["https://evil.example", "//evil.example/app/", "/app/\\evil", "javascript:alert(1)"])
async def test_a_notice_leads_nowhere_else(ana: Visitor, ring: Ring, deliver: Deliver, path: str) -> None:
    await ring(ana, who="C\r\nleo" + "o" * 300, path=path)
    await deliver()
    (notice,) = (await ana.get("/api/notifications")).json()["items"]
    assert notice["path"] is None
    assert notice["title"].startswith("C leooo")
    assert len(notice["title"]) == 200


async def test_old_notices_go(ana: Visitor, ring: Ring, deliver: Deliver, parts: Parts, clock: SetClock) -> None:
    await ring(ana)
    await deliver()
    context: Any = Context(parts, None)  # type: ignore[arg-type]
    tick = ScheduleTick(schedule="notifications.forget_notices", tick=datetime.now(UTC))
    clock.at = datetime.now(UTC) + timedelta(days=179)
    await handlers.forget_notices(tick, context)
    clock.at = None  # a token does not last so long
    assert len(await titles(ana)) == 1
    clock.at = datetime.now(UTC) + timedelta(days=181)
    await handlers.forget_notices(tick, context)
    clock.at = None
    assert await titles(ana) == []
