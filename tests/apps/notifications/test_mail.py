"""Mail of notices: at least once under one Message-ID, as people chose, and not at night."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from commonplace.apps.notifications import handlers
from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database
from commonplace.platform.events.event import ScheduleTick
from commonplace.platform.events.registry import Context
from commonplace.platform.identity.people import People
from commonplace.platform.parts import Parts
from tests.apps.notifications.conftest import Post, Ring, Sent, SetClock
from tests.visitor import Visitor

pytestmark = pytest.mark.anyio
Deliver = Callable[[], Awaitable[None]]
PREFERENCES = "/api/notifications/preferences"


async def choose(visitor: Visitor, **change: Any) -> None:
    answer = await visitor.patch(PREFERENCES, json=change)
    assert answer.status_code == 200, answer.text


async def release(parts: Parts) -> None:
    context: Any = Context(parts, None)  # type: ignore[arg-type]
    await handlers.release_mail(ScheduleTick(schedule="notifications.release_mail", tick=datetime.now(UTC)), context)


async def inbox(visitor: Visitor) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await visitor.get("/api/notifications")).json()["items"]
    return items


async def test_a_notice_comes_by_mail_too(
    ana: Visitor, ring: Ring, deliver: Deliver, again: Deliver, sent: Sent, post: Post
) -> None:
    await ring(ana, who="Zoë", path="/app/files?file=1", listener=ana)
    await deliver()
    await again()
    await deliver()
    (message,) = sent()
    assert len(post.attempts) == 1, "a repeated delivery sends nothing again; nor is there mail of the other kind"
    assert (message["To"], message["Subject"]) == ("ana@example.org", "Zoë is at the door")
    assert message["Auto-Submitted"] == "auto-generated"
    content = message.get_content()
    assert "Since a minute." in content
    assert "https://cloud.example.org/app/files?file=1" in content
    assert "https://cloud.example.org/app/notifications/settings" in content


async def test_a_server_that_dies_after_taking_it_gets_it_again_under_the_same_id(
    ana: Visitor, ring: Ring, deliver: Deliver, sent: Sent, post: Post
) -> None:
    post.failures = 1
    await ring(ana)
    await deliver()
    assert len(post.attempts) == 2
    assert post.attempts[0].message_key == post.attempts[1].message_key
    assert len(sent()) == 1, "the file is named by the Message-ID, so both attempts have the same"


async def test_people_choose_by_kind_and_channel(
    ana: Visitor, ben: Visitor, join: Any, ring: Ring, deliver: Deliver, sent: Sent
) -> None:
    cleo = await join("cleo")
    await choose(ana, kinds=[{"kind": "doorbell.rung", "mail": False}])
    await choose(ben, kinds=[{"kind": "doorbell.rung", "inbox": False}])
    await choose(cleo, kinds=[{"kind": "doorbell.rung", "inbox": False, "mail": False}])
    await choose(cleo, kinds=[{"kind": "doorbell.logged", "mail": True}])
    await ring(ana, ben, cleo, listener=cleo)
    await deliver()
    assert [len(await inbox(visitor)) for visitor in (ana, ben, cleo)] == [1, 0, 1]
    assert {(message["To"], message["Subject"]) for message in sent()} == {
        ("ben@example.org", "Cleo is at the door"),
        ("cleo@example.org", "Heard"),
    }
    told = (await ben.get("/api/notifications/unread")).json()
    assert told == {"unread": 0}, "what is not in the inbox is not counted there"


async def test_preferences_are_read_back_and_wrong_ones_refused(ana: Visitor) -> None:
    first = (await ana.get(PREFERENCES)).json()
    assert first["quiet_hours"] is None
    assert (first["time_zone"], first["is_mail_configured"]) == ("UTC", True)
    of_the_bell = [kind for kind in first["kinds"] if kind["app"] == "Doorbell"]
    assert of_the_bell == [
        {"kind": "doorbell.rung", "app": "Doorbell", "title": "Somebody is at the door"}
        | {"inbox": True, "mail": True, "push": True},
        {"kind": "doorbell.logged", "app": "Doorbell", "title": "The bell was heard"}
        | {"inbox": True, "mail": False, "push": False},
    ]
    await choose(ana, quiet_hours={"begins": "22:00", "ends": "06:30"})
    await choose(ana, kinds=[{"kind": "doorbell.rung", "inbox": False}])
    await choose(ana, kinds=[{"kind": "doorbell.rung", "mail": False}])
    now = (await ana.get(PREFERENCES)).json()
    assert now["quiet_hours"] == {"begins": "22:00", "ends": "06:30"}, "what is left out stays"
    rung = next(kind for kind in now["kinds"] if kind["kind"] == "doorbell.rung")
    assert (rung["inbox"], rung["mail"]) == (False, False)
    await choose(ana, quiet_hours=None)
    assert (await ana.get(PREFERENCES)).json()["quiet_hours"] is None
    for wrong, problem in (
        ({"kinds": [{"kind": "no.such", "mail": True}]}, "unknown-notice-kind"),
        ({"quiet_hours": {"begins": "22:00", "ends": "22:00"}}, "quiet-hours-not-allowed"),
        ({"quiet_hours": {"begins": "24:00", "ends": "07:00"}}, "validation-failed"),
    ):
        answer = await ana.patch(PREFERENCES, json=wrong)
        assert answer.status_code == 422
        assert answer.json()["type"].endswith(problem)


async def test_at_night_mail_waits_and_the_inbox_does_not(
    ana: Visitor, ben: Visitor, ring: Ring, deliver: Deliver, sent: Sent, clock: SetClock, parts: Parts
) -> None:
    await ana.put("/auth/profile", json={"time_zone": "Europe/Vienna"})
    await choose(ana, quiet_hours={"begins": "22:00", "ends": "07:00"})
    clock.at = datetime(2026, 3, 28, 23, 0, tzinfo=UTC)  # midnight in Vienna, and a short night
    await ring(ana, ben)
    await deliver()
    assert len(await inbox(ana)) == 1
    assert [message["To"] for message in sent()] == ["ben@example.org"], "who has no quiet hours is told at once"
    clock.at = datetime(2026, 3, 29, 4, 59, 59, tzinfo=UTC)
    await release(parts)
    await deliver()
    assert len(sent()) == 1
    clock.at = datetime(2026, 3, 29, 5, 0, tzinfo=UTC)  # seven in Vienna, by summer time
    await release(parts)
    await release(parts)
    await deliver()
    assert {message["To"] for message in sent()} == {"ana@example.org", "ben@example.org"}


async def test_what_was_read_at_night_is_not_sent_in_the_morning(
    ana: Visitor, ring: Ring, deliver: Deliver, sent: Sent, clock: SetClock, parts: Parts
) -> None:
    await choose(ana, quiet_hours={"begins": "22:00", "ends": "07:00"})
    clock.at = datetime(2026, 6, 14, 23, 0, tzinfo=UTC)
    for who in ("Cleo", "Dan", "Eva"):
        await ring(ana, who=who)
    await deliver()
    eva, dan, _cleo = await inbox(ana)
    await ana.patch(f"/api/notifications/{eva['id']}", json={"is_read": True})
    await ana.delete(f"/api/notifications/{dan['id']}")
    clock.at = datetime(2026, 6, 15, 7, 0, tzinfo=UTC)
    await release(parts)
    await deliver()
    assert [message["Subject"] for message in sent()] == ["Cleo is at the door"]


async def test_a_retry_that_comes_into_the_night_waits_too(
    ana: Visitor, ring: Ring, deliver: Deliver, post: Post, clock: SetClock, parts: Parts
) -> None:
    await choose(ana, quiet_hours={"begins": "22:00", "ends": "07:00"})
    clock.at = datetime(2026, 6, 14, 21, 59, tzinfo=UTC)
    post.failures = 1
    before = post.send

    async def send_and_let_time_pass(mail: Any) -> None:
        assert clock.at is not None
        if mail.message_key.startswith("notice:"):
            clock.at += timedelta(minutes=2)
        await before(mail)

    post.send = send_and_let_time_pass  # type: ignore[method-assign]
    await ring(ana)
    await deliver()
    assert len(post.attempts) == 1
    async with parts[Database].reading() as session:
        row = await session.first(Query(text("SELECT mail, mail_due_at FROM notifications.notice")))
    assert row is not None
    assert (row.mail, row.mail_due_at) == ("held", datetime(2026, 6, 15, 7, 0, tzinfo=UTC))


async def test_where_mail_leaves_only_a_proven_address_gets_it(
    ana: Visitor, ben: Visitor, ring: Ring, deliver: Deliver, sent: Sent, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts[People], "_mail_leaves", True)
    proved = text("UPDATE accounts.account SET email_verified_at = now() WHERE email = :email")
    async with parts[Database].writing() as session:
        await session.execute(Query(proved), email=ben.email)
    await ring(ana, ben)
    await deliver()
    assert [message["To"] for message in sent()] == ["ben@example.org"]
    assert len(await inbox(ana)) == len(await inbox(ben)) == 1


async def test_without_a_mail_server_the_inbox_is_all_there_is(
    ana: Visitor, ring: Ring, deliver: Deliver, post: Post
) -> None:
    post.is_configured = False
    await ring(ana)
    await deliver()
    assert len(await inbox(ana)) == 1
    assert not post.attempts
    assert (await ana.get(PREFERENCES)).json()["is_mail_configured"] is False
