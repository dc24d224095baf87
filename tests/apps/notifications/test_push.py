"""Notices on devices: at least once under one tag, as people chose, not at night, and to nobody who has left."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from commonplace.apps.notifications import push_handlers
from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database
from commonplace.platform.events.event import ScheduleTick
from commonplace.platform.events.registry import Context
from commonplace.platform.parts import Parts
from tests.apps.notifications.conftest import Ring, SetClock
from tests.certificates import Certificates, make_certificates
from tests.push_service import Browser, PushService, serving
from tests.visitor import PASSWORD, Visitor

pytestmark = pytest.mark.anyio
Deliver = Callable[[], Awaitable[None]]
PUSH = "/api/notifications/push"


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def environ(environ: dict[str, str], certificates: Certificates) -> dict[str, str]:
    return environ | {
        "PUSH__PRIVATE_ADDRESSES": "true",
        "PUSH__TRUSTED_CERTIFICATES": str(certificates.authority),
        "NOTIFICATIONS__DEVICES": "2",
        "EVENTS__RETRY_BASE_SECONDS": "0.05",
    }


@pytest.fixture
async def service(certificates: Certificates) -> AsyncIterator[PushService]:
    async with serving(certificates.server) as service:
        yield service


class Device:
    """A browser of a person, signed in by a session of its own."""

    def __init__(self, service: PushService, number: int) -> None:
        self.browser = Browser()
        self.path = f"/device/{number}"
        self.service = service
        self.id = ""
        self.token = ""

    async def notify(self, visitor: Visitor, **others: Any) -> Any:
        """Sign in on it, unless that was done, and ask for notices."""
        if not self.token:
            answer = await visitor.post("/auth/login", json={"email": visitor.email, "password": PASSWORD})
            self.token = answer.json()["access_token"]
        wanted = self.browser.subscription(self.service.origin + self.path) | {"name": "Firefox on Android"} | others
        answer = await visitor.post(f"{PUSH}/devices", json=wanted, headers=self.headers)
        self.id = answer.json().get("id", "")
        return answer

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def received(self) -> list[Any]:
        """What came, decrypted."""
        mine = [message for message in self.service.received if message.path == self.path]
        return [json.loads(self.browser.read(message.body)) for message in mine]


@pytest.fixture
def device(service: PushService) -> Callable[[], Device]:
    made: list[Device] = []

    def make() -> Device:
        made.append(Device(service, len(made)))
        return made[-1]

    return make


async def devices(visitor: Visitor) -> list[dict[str, Any]]:
    answer = await visitor.get(PUSH)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["devices"]
    return found


async def choose(visitor: Visitor, **change: Any) -> None:
    assert (await visitor.patch("/api/notifications/preferences", json=change)).status_code == 200


async def test_a_notice_reaches_each_device_once_and_again_under_the_same_tag(
    ana: Visitor, ben: Visitor, device: Any, ring: Ring, deliver: Deliver, again: Deliver, service: PushService
) -> None:
    phone, laptop, bens = device(), device(), device()
    for one, whose in ((phone, ana), (laptop, ana), (bens, ben)):
        assert (await one.notify(whose)).status_code == 201
    service.answers = [503, 201, 429, 201]  # whichever device is first, the other is not asked again for it
    await ring(ana, who="Zoë", path="/app/files?file=1")
    await deliver()
    await again()
    await deliver()
    (first,), (second,) = ({str(notice) for notice in one.received()} for one in (phone, laptop))
    assert first == second
    notice = phone.received()[0]
    (kept,) = (await ana.get("/api/notifications")).json()["items"]
    assert (notice["id"], notice["title"], notice["body"]) == (kept["id"], "Zoë is at the door", "Since a minute.")
    assert notice["path"] == "/app/files?file=1"
    assert {message.headers["topic"] for message in service.received} == {notice["tag"]}
    assert {message.headers["urgency"] for message in service.received} == {"high"}
    assert len(service.received) == 4
    assert not bens.received()
    await ring(ana)
    await deliver()
    assert len({message.headers["topic"] for message in service.received}) == 2


async def test_what_people_chose_and_what_is_too_long(
    ana: Visitor, ben: Visitor, device: Any, ring: Ring, deliver: Deliver
) -> None:
    anas, bens = device(), device()
    await anas.notify(ana)
    await bens.notify(ben)
    await choose(ana, kinds=[{"kind": "doorbell.rung", "push": False}, {"kind": "doorbell.logged", "push": True}])
    await choose(ben, kinds=[{"kind": "doorbell.rung", "inbox": False, "mail": False}])
    await ring(ana, ben, who='"é' * 5000, path="/app/" + "x" * 3000, listener=ana)
    await deliver()
    assert [notice["title"] for notice in anas.received()] == ["Heard"]
    (notice,) = bens.received()
    assert len(notice["title"]) == 200
    assert notice["path"] is None, "the inbox has the whole of it"
    assert (await ben.get("/api/notifications")).json()["items"] == []


async def test_at_night_devices_stay_silent(
    ana: Visitor, device: Any, ring: Ring, deliver: Deliver, clock: SetClock, parts: Parts, service: PushService
) -> None:
    phone = device()
    await phone.notify(ana)
    await choose(ana, quiet_hours={"begins": "22:00", "ends": "07:00"})
    clock.at = datetime(2026, 6, 14, 23, 0, tzinfo=UTC)
    for who in ("Cleo", "Dan"):
        await ring(ana, who=who)
    await deliver()
    assert not service.received
    dan, _cleo = (await ana.get("/api/notifications")).json()["items"]
    await ana.patch(f"/api/notifications/{dan['id']}", json={"is_read": True})
    context: Any = Context(parts, None)  # type: ignore[arg-type]
    tick = ScheduleTick(schedule="notifications.release_pushes", tick=datetime.now(UTC))
    await push_handlers.release_pushes(tick, context)
    await deliver()
    assert not service.received

    clock.at += timedelta(hours=8)
    for _ in range(2):
        await push_handlers.release_pushes(tick, context)
    await deliver()
    assert [notice["title"] for notice in phone.received()] == ["Cleo is at the door"]


async def test_a_device_ends_with_its_session_its_subscription_and_its_person(
    ana: Visitor, ben: Visitor, device: Any, ring: Ring, deliver: Deliver, service: PushService, parts: Parts
) -> None:
    phone, laptop = device(), device()
    await phone.notify(ana)
    await laptop.notify(ana)
    await ana.post("/auth/logout", headers=phone.headers)
    await deliver()
    await ring(ana)
    await deliver()
    assert [one["id"] for one in await devices(ana)] == [laptop.id]
    assert (len(phone.received()), len(laptop.received())) == (0, 1)
    service.answers = [410]
    await ring(ana)
    await deliver()
    await ring(ana)
    await deliver()
    assert await devices(ana) == []
    assert len(service.received) == 2, "a push service that says 410 is not asked again"
    # A session that has run out tells no fact; it is looked at when there is something to send.
    await laptop.notify(ana)
    async with parts[Database].writing() as session:
        await session.execute(Query(text("UPDATE accounts.session SET expires_at = now() - interval '1 minute'")))
    await ring(ana)
    await deliver()
    assert len(service.received) == 2


async def test_nobody_is_told_on_a_browser_that_somebody_else_uses_now(
    ana: Visitor, ben: Visitor, device: Any, ring: Ring, deliver: Deliver, parts: Parts, service: PushService
) -> None:
    phone = device()
    await phone.notify(ana)
    phone.token = ""
    await phone.notify(ben)  # ana's session lasts, and yet it is ben who reads the screen
    assert await devices(ana) == []
    await ring(ana, ben)
    await deliver()
    assert len(phone.received()) == 1
    first = (await phone.notify(ben)).json()
    assert [one["id"] for one in await devices(ben)] == [first["id"]], "the same browser once more is no second device"
    phone.browser = Browser()
    await phone.notify(ben)
    (only,) = await devices(ben)
    assert only["id"] != first["id"], "what a session had subscribed with before goes"
    async with parts[Database].writing() as session:
        await session.execute(Query(text("UPDATE notifications.device SET our_key = 'that of another secret'")))
    before = len(service.received)
    await ring(ben)
    await deliver()
    assert len(service.received) == before
    assert await devices(ben) == []


async def test_a_suspended_person_is_told_nothing(
    ana: Visitor, device: Any, ring: Ring, deliver: Deliver, service: PushService, parts: Parts
) -> None:
    from commonplace.apps.accounts import people
    from commonplace.apps.accounts.context import Accounts

    await device().notify(ana)
    assert ana.email is not None
    await people.suspend(parts[Accounts], ana.email)
    await deliver()
    async with parts[Database].reading() as session:
        assert await session.scalar(Query(text("SELECT count(*) FROM notifications.device"))) == 0
    await ring(ana)
    await deliver()
    assert not service.received


async def test_limits_and_what_is_refused(
    ana: Visitor, ben: Visitor, nobody: Visitor, device: Any, ring: Ring, deliver: Deliver, service: PushService
) -> None:
    several = [device() for _ in range(4)]
    for one in several:  # sign in first, so that all ask at the same moment
        answer = await ana.post("/auth/login", json={"email": ana.email, "password": PASSWORD})
        one.token = answer.json()["access_token"]
    answers = await asyncio.gather(*(one.notify(ana) for one in several))
    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409]
    refused = next(answer for answer in answers if answer.status_code == 409).json()
    assert (refused["type"], refused["limit"]) == ("/problems/too-many-devices", 2)
    accepted = [one for one in several if one.id]
    assert (await ben.delete(f"{PUSH}/devices/{accepted[0].id}")).status_code == 404
    assert (await ana.delete(f"{PUSH}/devices/{accepted[0].id}")).status_code == 204
    (left,) = (await ana.get(PUSH, headers=accepted[1].headers)).json()["devices"]
    assert (left["id"], left["is_current"], left["name"]) == (accepted[1].id, True, "Firefox on Android")
    await ring(ana)
    await deliver()
    assert not accepted[0].received()
    wrong = await accepted[0].notify(ana, endpoint="http://localhost/x")
    assert (wrong.status_code, wrong.json()["type"]) == (422, "/problems/device-not-allowed")
    made = await ana.post("/api/auth/tokens", json={"name": "n", "scopes": ["notifications:write"], "expires_at": None})
    assert made.status_code == 201, made.text
    by_token = device()
    by_token.token = made.json()["token"]
    assert (await by_token.notify(ana)).json()["type"] == "/problems/no-device-without-session"
    assert (await nobody.get(PUSH)).status_code == 401


async def test_secrets_of_a_subscription_stand_in_no_log_and_no_event(
    ana: Visitor, device: Any, ring: Ring, deliver: Deliver, service: PushService, parts: Parts, log_lines: Any
) -> None:
    phone = device()
    await phone.notify(ana)
    service.answers = [500, 403]
    await ring(ana)
    await deliver()
    async with parts[Database].reading() as session:
        rows = await session.all(Query(text("SELECT CAST(to_jsonb(event) AS text) AS json FROM platform.event")))
        dead = await session.all(Query(text("SELECT CAST(to_jsonb(d) AS text) AS json FROM platform.dead_letter AS d")))
    told = json.dumps(log_lines()) + "".join(row.json for row in [*rows, *dead])
    assert len(dead) == 1
    assert "answered 403" in told
    secret = phone.browser.subscription("")["keys"]["auth"]
    assert phone.path not in told
    assert secret not in told
