"""What is deleted by the clock, and the tables themselves."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from starlette.responses import Response

from commonplace.apps.accounts import handlers
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.cookies import clear_cookie, set_cookie
from commonplace.apps.accounts.device import Device
from commonplace.apps.accounts.sessions import open_browser_session
from commonplace.platform.events.event import ScheduleTick
from commonplace.platform.events.registry import Context
from commonplace.platform.parts import Parts

from .conftest import Rows, SetClock, sign_in

pytestmark = pytest.mark.anyio


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "_BATCH", 2)


async def forget(parts: Parts, accounts: Accounts) -> None:
    context = cast("Context", SimpleNamespace(parts=parts, delivery=None))
    await handlers.forget_the_past(ScheduleTick(schedule="accounts.forget_the_past", tick=accounts.now()), context)


@pytest.mark.usefixtures("small_batches")
async def test_old_sessions_and_attempts_go_and_live_ones_stay(
    ana: Any, nobody: Any, accounts: Accounts, rows: Rows, clock: SetClock, parts: Parts
) -> None:
    for _ in range(5):
        await sign_in(nobody, "stranger@example.org")
    ended = (await sign_in(nobody, ana.email)).json()
    await nobody.post("/auth/logout", json={"refresh_token": ended["refresh_token"]})
    await forget(parts, accounts)
    assert await rows("SELECT count(*) AS n FROM accounts.sign_in_attempt") == [{"n": 7}]
    clock.pass_(timedelta(days=2).total_seconds())
    await forget(parts, accounts)
    assert await rows("SELECT count(*) AS n FROM accounts.sign_in_attempt") == [{"n": 2}]  # her own history
    assert await rows("SELECT count(*) AS n FROM accounts.session") == [{"n": 2}]
    clock.pass_(timedelta(days=89).total_seconds())
    refreshing = await sign_in(nobody, ana.email)
    assert refreshing.status_code == 200
    await forget(parts, accounts)
    assert await rows("SELECT count(*) AS n FROM accounts.sign_in_attempt") == [{"n": 1}]
    assert [row["ended_at"] for row in await rows("SELECT ended_at FROM accounts.session ORDER BY created_at")] == [
        None,  # expired by now, but seen as a session for ninety days from then
        None,
    ]


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(ana: Any, accounts: Accounts) -> None:
    plain = Device(address="127.0.0.1", user_agent="", is_secure=False)
    session = await open_browser_session(accounts, person_id=ana.person["id"], device=plain)
    response = Response()
    set_cookie(response, session, plain, accounts)
    written = response.headers["set-cookie"]
    assert written.startswith(f"commonplace_session={session.cookie}; ")
    assert {"HttpOnly", "Path=/", "SameSite=lax", "Max-Age=31536000"} <= set(written.split("; "))
    assert "Secure" not in written
    secure = Response()
    set_cookie(secure, session, Device(address="", user_agent="", is_secure=True), accounts)
    assert "Secure" in secure.headers["set-cookie"]
    cleared = Response()
    clear_cookie(cleared)
    assert "Max-Age=0" in cleared.headers["set-cookie"]


async def test_the_database_holds_no_cookie(ana: Any, accounts: Accounts, rows: Rows) -> None:
    device = Device(address="127.0.0.1", user_agent="", is_secure=False)
    session = await open_browser_session(accounts, person_id=ana.person["id"], device=device)
    stored = await rows("SELECT session::text AS all FROM accounts.session AS session")
    assert session.cookie not in str(stored)
