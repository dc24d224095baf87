"""Signing out: when it answers, no process admits the session any more."""

import asyncio
from typing import Any

import asyncpg
import pytest

from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.device import Device
from commonplace.apps.accounts.sign_in import sign_in_browser
from commonplace.platform.database.address import Address
from commonplace.platform.database.bus import Bus
from commonplace.platform.identity.caller import SESSION_COOKIE
from commonplace.platform.parts import Parts

from .conftest import PASSWORD, ClientAt, Rows, SetClock, sign_in

pytestmark = pytest.mark.anyio

LAPTOP = Device(address="127.0.0.1", user_agent="A Browser/1", is_secure=False)


async def test_it_takes_an_empty_body_or_an_empty_object(ana: Any, nobody: Any) -> None:
    bodies: list[dict[str, Any]] = [{}, {"json": {}}, {"json": {"refresh_token": None}}]
    for body in bodies:
        bearer = {"Authorization": f"Bearer {(await sign_in(nobody, ana.email)).json()['access_token']}"}
        answer = await nobody.post("/auth/logout", headers=bearer, **body)
        assert (body, answer.status_code, answer.content) == (body, 204, b"")
        answer = await nobody.get("/auth/profile", headers=bearer)
        assert (answer.status_code, answer.json()["type"]) == (401, "/problems/session-over")


async def test_the_refresh_token_ends_with_it_and_other_sessions_go_on(ana: Any, nobody: Any, told: Any) -> None:
    other = (await sign_in(nobody, ana.email)).json()
    await ana.post("/auth/logout")
    refreshed = await ana.post("/auth/refresh", json={"refresh_token": ana.tokens["refresh_token"]})
    assert refreshed.status_code == 401
    bearer = {"Authorization": f"Bearer {other['access_token']}"}
    assert (await nobody.get("/auth/profile", headers=bearer)).status_code == 200
    assert [event["reason"] for event in await told("session.ended")] == ["signed_out"]


async def test_the_refresh_token_alone_ends_it_also_when_the_access_token_has_expired(
    ana: Any, nobody: Any, clock: SetClock
) -> None:
    clock.pass_(7200)
    refresh_token = {"refresh_token": ana.tokens["refresh_token"]}
    assert (await nobody.post("/auth/logout", json=refresh_token)).status_code == 204
    assert (await nobody.post("/auth/refresh", json=refresh_token)).status_code == 401
    assert (await nobody.post("/auth/logout", json=refresh_token)).status_code == 204  # as often as one likes


async def test_nobody_signs_out(nobody: Any) -> None:
    assert (await nobody.post("/auth/logout")).status_code == 401
    assert (await nobody.post("/auth/logout", json={"refresh_token": "cpr_" + "A" * 86})).status_code == 401


async def test_no_process_admits_it_once_the_answer_is_there(ana: Any, client_at: ClientAt, other_process: Any) -> None:
    elsewhere = client_at(of=other_process)
    for _ in range(20):
        tokens = (await sign_in(ana, ana.email)).json()
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        assert (await elsewhere.get("/auth/profile", headers=bearer)).status_code == 200  # now remembered there
        assert (await ana.post("/auth/logout", headers=bearer)).status_code == 204
        assert (await elsewhere.get("/auth/profile", headers=bearer)).status_code == 401


async def test_no_request_that_begins_after_the_answer_is_admitted_however_many_race(
    ana: Any, client_at: ClientAt, other_process: Any
) -> None:
    clients = [client_at(), client_at(of=other_process)]
    for _ in range(5):
        bearer = {"Authorization": f"Bearer {(await sign_in(ana, ana.email)).json()['access_token']}"}
        signed_out = asyncio.Event()
        admitted_after: list[int] = []

        async def knock(
            client: Any, bearer: Any = bearer, signed_out: Any = signed_out, admitted: Any = admitted_after
        ) -> int:
            refused = 0
            while not refused:
                began_after = signed_out.is_set()
                status = (await client.get("/auth/profile", headers=bearer)).status_code
                if began_after and status == 200:
                    admitted.append(status)
                refused = status == 401
            return refused

        knocking = [asyncio.create_task(knock(clients[n % 2])) for n in range(8)]
        assert (await clients[0].post("/auth/logout", headers=bearer)).status_code == 204
        signed_out.set()
        async with asyncio.timeout(20):
            await asyncio.gather(*knocking)
        assert admitted_after == []


async def test_a_process_that_lost_the_bus_admits_nothing_that_ended_meanwhile(
    ana: Any, client_at: ClientAt, other_process: Any, database_address: Address
) -> None:
    """Its memory says the session lives; it must find out that it missed something."""
    elsewhere = client_at(of=other_process)
    for _ in range(5):
        bearer = {"Authorization": f"Bearer {(await sign_in(ana, ana.email)).json()['access_token']}"}
        assert (await elsewhere.get("/auth/profile", headers=bearer)).status_code == 200
        connection = await asyncpg.connect(**database_address.driver_arguments())
        await connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name LIKE 'commonplace-bus:%'"
        )
        await connection.close()
        assert (await ana.post("/auth/logout", headers=bearer)).status_code == 204
        assert (await elsewhere.get("/auth/profile", headers=bearer)).status_code == 401


async def test_without_a_bus_each_request_asks_the_database(
    ana: Any, client_at: ClientAt, other_process: Any, parts: Parts
) -> None:
    await parts[Bus].close()
    elsewhere = client_at(of=other_process)
    bearer = {"Authorization": f"Bearer {(await sign_in(elsewhere, ana.email)).json()['access_token']}"}
    assert (await ana.get("/auth/profile", headers=bearer)).status_code == 200
    assert (await elsewhere.post("/auth/logout", headers=bearer)).status_code == 204
    assert (await ana.get("/auth/profile", headers=bearer)).status_code == 401


async def test_a_browsers_cookie_signs_in_and_out(ana: Any, nobody: Any, accounts: Accounts) -> None:
    session = await sign_in_browser(accounts, email=ana.email, password=PASSWORD, device=LAPTOP)
    nobody.cookies.set(SESSION_COOKIE, session.cookie)
    assert (await nobody.get("/auth/profile")).json()["id"] == ana.person["id"]
    answer = await nobody.post("/auth/logout", headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 204
    assert f'{SESSION_COOKIE}=""' in answer.headers["set-cookie"]
    nobody.cookies.set(SESSION_COOKIE, session.cookie)
    assert (await nobody.get("/auth/profile")).status_code == 401


async def test_another_sites_page_cannot_use_the_cookie(ana: Any, nobody: Any, accounts: Accounts, rows: Rows) -> None:
    session = await sign_in_browser(accounts, email=ana.email, password=PASSWORD, device=LAPTOP)
    nobody.cookies.set(SESSION_COOKIE, session.cookie)
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        assert (await nobody.post("/auth/logout", headers=headers)).status_code == 403
        assert (await nobody.put("/auth/profile", json={"name": "Eve"}, headers=headers)).status_code == 403
    assert (await nobody.get("/auth/profile")).json()["name"] == "Ana"
    assert (await rows("SELECT count(*) AS n FROM accounts.session WHERE ended_at IS NOT NULL")) == [{"n": 0}]


async def test_a_cookie_is_good_for_thirty_days_from_its_last_use(
    ana: Any, nobody: Any, accounts: Accounts, clock: SetClock
) -> None:
    session = await sign_in_browser(accounts, email=ana.email, password=PASSWORD, device=LAPTOP)
    nobody.cookies.set(SESSION_COOKIE, session.cookie)
    for _ in range(3):
        clock.pass_(29 * 86_400)
        assert (await nobody.get("/auth/profile")).status_code == 200
    clock.pass_(31 * 86_400)
    assert (await nobody.get("/auth/profile")).status_code == 401


async def test_an_authorization_header_goes_before_a_cookie(ana: Any, nobody: Any, accounts: Accounts) -> None:
    session = await sign_in_browser(accounts, email=ana.email, password=PASSWORD, device=LAPTOP)
    nobody.cookies.set(SESSION_COOKIE, session.cookie)
    for header in ("Bearer x.y.z", "Basic YTpi", "Bearer", "x"):
        assert (await nobody.get("/auth/profile", headers={"Authorization": header})).status_code == 401
