"""What a person sees of their own sign-ins, failed ones included."""

import csv
import io
from typing import Any

import pytest

from commonplace.apps.accounts import limits, sign_in_history
from commonplace.apps.accounts.device import Device
from commonplace.platform.database.pages import write_cursor

from .conftest import PASSWORD, ClientAt, SetClock, sign_in

pytestmark = pytest.mark.anyio

FORMULAS = ('=HYPERLINK("http://evil.example")', "+1", "-1+2", "@SUM(1)", "\tx", '"a",b\r\nc')


async def entries(client: Any, **query: Any) -> list[dict[str, Any]]:
    answer = await client.get("/auth/sign-ins", params=query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def table(client: Any, **query: Any) -> list[dict[str, str]]:
    answer = await client.get("/auth/sign-ins.csv", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


async def test_it_has_failures_and_where_they_came_from(ana: Any, ben: Any, client_at: ClientAt) -> None:
    stranger = client_at("203.0.113.7")
    stranger.headers["User-Agent"] = "curl/8.5.0"
    await sign_in(stranger, ana.email, "wrong password")
    await sign_in(stranger, "nobody@example.org", "wrong password")
    failed, signed_in = await entries(ana)
    assert (failed["outcome"], failed["address"], failed["device"]) == ("refused", "203.0.113.7", "curl")
    assert (failed["session_id"], failed["is_live"]) == (None, False)
    assert (signed_in["outcome"], signed_in["is_live"], signed_in["method"]) == ("signed_in", True, "password")
    assert len(await entries(ben)) == 1
    await ana.post("/auth/logout")
    fresh = {"Authorization": f"Bearer {(await sign_in(ana, ana.email)).json()['access_token']}"}
    found = (await ana.get("/auth/sign-ins", headers=fresh)).json()["items"]
    assert [(one["outcome"], one["is_live"]) for one in found] == [
        ("signed_in", True), ("refused", False), ("signed_in", False),
    ]  # fmt: skip


async def test_a_sign_in_without_a_password_is_in_it_once(nobody: Any) -> None:
    newcomer = {"name": "Eva", "email": "eva@example.org", "password": PASSWORD}
    await nobody.post("/app/sign-up", data=newcomer)
    (entry,) = await entries(nobody)
    assert (entry["method"], entry["outcome"], entry["is_live"]) == ("registration", "signed_in", True)


async def test_it_comes_in_pages_and_by_filters(ana: Any, client_at: ClientAt, clock: SetClock) -> None:
    stranger = client_at("2001:db8::7")
    for _ in range(3):
        await sign_in(stranger, ana.email, "wrong password")
        clock.pass_(600)
    await sign_in(ana, ana.email)
    found: list[dict[str, Any]] = []
    after = None
    for _ in range(3):
        page = (await ana.get("/auth/sign-ins", params={"limit": 2} | ({"after": after} if after else {}))).json()
        found, after = found + page["items"], page["next"]
    assert (len({one["id"] for one in found}), after) == (5, None)
    assert [one["at"] for one in found] == sorted((one["at"] for one in found), reverse=True)
    assert [one["id"] for one in await entries(ana, outcome="refused")] == [one["id"] for one in found[1:4]]
    assert len(await entries(ana, outcome="signed_in")) == 2
    assert len(await entries(ana, address="2001:db8::7")) == len(await entries(ana, address="2001:db8::/64")) == 3
    assert await entries(ana, address="2001:db8::8") == []
    assert [one["id"] for one in await entries(ana, since=found[2]["at"], until=found[0]["at"])] == [
        found[1]["id"], found[2]["id"],
    ]  # fmt: skip
    for wrong in ({"outcome": "pending"}, {"since": "yesterday"}, {"since": "2026-01-01T00:00:00"}, {"address": "\0"}):
        assert (await ana.get("/auth/sign-ins", params=wrong)).status_code == 422
    assert (await ana.get("/auth/sign-ins", params={"after": "x"})).status_code == 404
    for end_of_time in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
        assert (await ana.get("/auth/sign-ins", params={"since": end_of_time})).status_code == 422
        for path in ("sign-ins", "sessions"):
            cursor = write_cursor(end_of_time, found[0]["id"])
            assert (await ana.get(f"/auth/{path}", params={"after": cursor})).status_code == 404


async def test_the_table_has_all_of_it_and_runs_nothing(
    ana: Any, client_at: ClientAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_in_history, "_CSV_BATCH", 2)  # several reads
    for number, formula in enumerate(FORMULAS):
        stranger = client_at(f"203.0.113.{number}")
        stranger.headers["User-Agent"] = formula.replace("\r\n", " ")
        await sign_in(stranger, ana.email, "wrong password")
    lines = await table(ana)
    assert list(lines[0]) == list(sign_in_history.CSV_COLUMNS)
    assert [(line["outcome"], line["address"]) for line in lines] == [
        *(("refused", f"203.0.113.{number}") for number in reversed(range(len(FORMULAS)))), ("signed_in", "127.0.0.1"),
    ]  # fmt: skip
    assert all(not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for line in lines for cell in line.values())
    assert lines[5]["user_agent"] == "'" + FORMULAS[0]
    assert (lines[-1]["is_on_new_device"], lines[-1]["device"]) == ("no", "python-httpx")
    assert lines[0]["at"].endswith("Z")
    assert [line["address"] for line in await table(ana, outcome="signed_in")] == ["127.0.0.1"]


async def test_a_try_under_way_is_told_once_it_was_cut_off(ana: Any, accounts: Any, clock: SetClock) -> None:
    device = Device(address="203.0.113.7", user_agent="", is_secure=False)
    await limits.enter(accounts, limits.attempt_of(accounts, ana.email, device, method="password"))
    assert len(await entries(ana)) == 1
    clock.pass_(61)
    assert [one["outcome"] for one in await entries(ana)] == ["refused", "signed_in"]
