"""A person's sessions: seeing them, ending them, and how they end by themselves."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from commonplace.apps.accounts import people
from commonplace.apps.accounts.context import Accounts
from commonplace.platform.identity.caller import SESSION_COOKIE
from tests.visitor import Join

from .conftest import PASSWORD, ClientAt, Rows, SetClock, sign_in

pytestmark = pytest.mark.anyio

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
DAY = 86_400


async def bearer(client: Any, email: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {(await sign_in(client, email)).json()['access_token']}"}


async def browse(client: Any, email: str) -> None:
    """Sign in as a browser does; the client keeps the cookies."""
    client.headers["User-Agent"] = FIREFOX
    answer = await client.post("/app/sign-in", data={"email": email, "password": PASSWORD})
    assert answer.status_code == 303, answer.text


async def sessions_of(client: Any, **options: Any) -> list[dict[str, Any]]:
    answer = await client.get("/auth/sessions", **options)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def status(client: Any, **options: Any) -> int:
    code: int = (await client.get("/auth/profile", **options)).status_code
    return code


async def test_each_session_says_where_it_is_and_how_it_began(ana: Any, client_at: ClientAt, clock: SetClock) -> None:
    clock.pass_(1800)
    phone = client_at("2001:db8::5")
    await browse(phone, ana.email)
    clock.pass_(300)
    here, there = await sessions_of(ana)
    assert (here["is_current"], there["is_current"]) == (True, False)
    assert (there["device"], there["user_agent"], there["kind"]) == ("Firefox on Linux", FIREFOX, "browser")
    assert (there["address"], there["network"], there["method"]) == ("2001:db8::5", "2001:db8::/64", "password")
    assert (here["kind"], here["address"], here["device"]) == ("api", "127.0.0.1", "python-httpx")
    assert (here["is_on_new_device"], there["is_on_new_device"]) == (False, True)
    used, begun, ends = (datetime.fromisoformat(here[name]) for name in ("last_used_at", "created_at", "expires_at"))
    assert timedelta(seconds=2100) <= used - begun <= timedelta(seconds=2160)
    assert abs(ends - begun - timedelta(days=30)) < timedelta(seconds=5)
    assert [one["is_current"] for one in await sessions_of(phone)] == [True, False]


async def test_the_list_comes_in_pages_and_holds_nobody_elses(ana: Any, ben: Any) -> None:
    for _ in range(4):
        await sign_in(ana, ana.email)
    found, after = [], None
    for _ in range(3):
        page = (await ana.get("/auth/sessions", params={"limit": 2} | ({"after": after} if after else {}))).json()
        found += [one["id"] for one in page["items"]]
        after = page["next"]
    assert (len(found), len(set(found)), after) == (5, 5, None)
    assert len(await sessions_of(ben)) == 1
    assert not set(found) & {one["id"] for one in await sessions_of(ben)}
    for wrong in ("x", "WzFd", "WyIyMDI2LTAxLTAxVDAwOjAwOjAwIiwiMDE5MmE3YzAtMDAwMC03MDAwLTgwMDAtMDAwMDAwMDAwMDAwIl0"):
        assert (await ana.get("/auth/sessions", params={"after": wrong})).status_code == 404


async def test_one_that_is_ended_is_refused_at_once_in_every_process(
    ana: Any, client_at: ClientAt, other_process: Any, told: Any
) -> None:
    elsewhere = client_at(of=other_process)
    for _ in range(10):
        other = await bearer(elsewhere, ana.email)
        assert await status(elsewhere, headers=other) == 200  # now remembered there
        (current,) = [one for one in await sessions_of(elsewhere, headers=other) if one["is_current"]]
        assert (await ana.delete(f"/auth/sessions/{current['id']}")).status_code == 204
        answer = await elsewhere.get("/auth/profile", headers=other)
        assert (answer.status_code, answer.json()["type"]) == (401, "/problems/session-over")
        assert (await ana.delete(f"/auth/sessions/{current['id']}")).status_code == 404
    assert await status(ana) == 200
    assert [event["reason"] for event in await told("session.ended")] == ["ended"] * 10


async def test_nobody_ends_anybody_elses(ana: Any, ben: Any, nobody: Any) -> None:
    (bens,) = await sessions_of(ben)
    assert (await ana.delete(f"/auth/sessions/{bens['id']}")).status_code == 404
    assert await status(ben) == 200
    for method, path in (("GET", "sessions"), ("DELETE", "sessions"), ("DELETE", f"sessions/{bens['id']}"),
                         ("GET", "sign-ins"), ("GET", "sign-ins.csv")):  # fmt: skip
        assert (await nobody.request(method, f"/auth/{path}")).status_code == 401


async def test_all_others_end_and_this_one_goes_on(ana: Any, ben: Any, client_at: ClientAt, other_process: Any) -> None:
    elsewhere, phone = client_at(of=other_process), client_at(of=other_process)
    others = [await bearer(elsewhere, ana.email) for _ in range(3)]
    await browse(phone, ana.email)
    assert [await status(elsewhere, headers=other) for other in others] == [200] * 3
    assert await status(phone) == 200
    answer = await ana.delete("/auth/sessions", params={"keep_current": True})
    assert (answer.status_code, answer.json()) == (200, {"ended": 4})
    assert [await status(elsewhere, headers=other) for other in others] == [401] * 3
    assert await status(phone) == 401
    assert (await status(ana), await status(ben)) == (200, 200)
    assert (await ana.delete("/auth/sessions", params={"keep_current": True})).json() == {"ended": 0}


async def test_all_end_and_the_browser_forgets_its_own(ana: Any, client_at: ClientAt, other_process: Any) -> None:
    phone = client_at(of=other_process)
    await browse(phone, ana.email)
    answer = await phone.delete("/auth/sessions", headers={"Sec-Fetch-Site": "same-origin"})
    assert (answer.status_code, answer.json()) == (200, {"ended": 2})
    assert SESSION_COOKIE not in phone.cookies
    assert await status(ana) == 401
    refreshed = await ana.post("/auth/refresh", json={"refresh_token": ana.tokens["refresh_token"]})
    assert refreshed.status_code == 401


async def test_many_who_end_it_at_once_are_one_end(ana: Any, told: Any) -> None:
    other = await bearer(ana, ana.email)
    (current,) = [one for one in await sessions_of(ana, headers=other) if one["is_current"]]
    answers = await asyncio.gather(*(ana.delete(f"/auth/sessions/{current['id']}") for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [204] + [404] * 7
    assert len(await told("session.ended")) == 1


async def test_suspending_ends_every_session_in_every_process(
    join: Join, client_at: ClientAt, other_process: Any, accounts: Accounts, told: Any
) -> None:
    eve: Any = await join("eve")
    elsewhere, phone = client_at(of=other_process), client_at()
    other = await bearer(elsewhere, eve.email)
    await browse(phone, eve.email)
    assert [await status(elsewhere, headers=other), await status(phone), await status(eve)] == [200] * 3
    assert await people.suspend(accounts, eve.email) == 3
    assert [await status(elsewhere, headers=other), await status(phone), await status(eve)] == [401] * 3
    assert {event["reason"] for event in await told("session.ended")} == {"suspended"}
    await people.reinstate(accounts, eve.email)
    assert [await status(elsewhere, headers=other), await status(phone), await status(eve)] == [401] * 3


class TestLifetimes:
    @pytest.fixture
    def environ(self, environ: dict[str, str]) -> dict[str, str]:
        return environ | {
            "ACCOUNTS__SESSION_IDLE_DAYS": "3",
            "ACCOUNTS__SESSION_ABSOLUTE_DAYS": "7",
            "JWT__ACCESS_SECONDS": "86400",
        }

    async def refresh(self, ana: Any) -> int:
        answer = await ana.post("/auth/refresh", json={"refresh_token": ana.tokens["refresh_token"]})
        if answer.status_code == 200:
            ana.tokens = answer.json()
        code: int = answer.status_code
        return code

    async def test_one_that_is_not_refreshed_ends(self, ana: Any, clock: SetClock) -> None:
        clock.pass_(2.9 * DAY)
        assert await self.refresh(ana) == 200
        clock.pass_(2.9 * DAY)
        assert await self.refresh(ana) == 200
        clock.pass_(3.1 * DAY)
        assert await self.refresh(ana) == 401

    async def test_one_in_use_ends_too(self, ana: Any, client_at: ClientAt, clock: SetClock) -> None:
        phone = client_at()
        await browse(phone, ana.email)
        for _ in range(3):
            clock.pass_(2.3 * DAY)
            assert await self.refresh(ana) == 200
            assert await status(phone) == 200
        clock.pass_(0.2 * DAY)
        bearer = {"Authorization": f"Bearer {ana.tokens['access_token']}"}
        assert await status(ana, headers=bearer) == 401  # the token would have lasted
        assert await self.refresh(ana) == 401
        assert await status(phone) == 401

    async def test_a_browser_that_is_not_used_is_signed_out(
        self, ana: Any, client_at: ClientAt, clock: SetClock, rows: Rows
    ) -> None:
        phone = client_at()
        await browse(phone, ana.email)
        clock.pass_(2.9 * DAY)
        assert await status(phone) == 200
        clock.pass_(3.1 * DAY)
        assert await status(phone) == 401
        assert await rows("SELECT DISTINCT ended_at FROM accounts.session") == [{"ended_at": None}]  # by itself
