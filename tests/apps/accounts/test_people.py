"""What administrators do for people over HTTP, and the trail of it."""

import asyncio
import csv
import io
from typing import Any

import pytest

from commonplace.apps.accounts import people
from commonplace.apps.accounts.context import Accounts
from commonplace.platform.database.ids import new_id
from tests.visitor import Join

from .conftest import ClientAt, SetClock, sign_in

pytestmark = pytest.mark.anyio


@pytest.fixture
async def adam(join: Join, accounts: Accounts) -> Any:
    """An administrator."""
    adam: Any = await join("adam")
    await people.set_role(accounts, adam.email, "administrator")
    return adam


async def trail(adam: Any, **query: Any) -> list[dict[str, Any]]:
    answer = await adam.get("/auth/audit", params=query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def change(adam: Any, person: Any, **fields: Any) -> Any:
    return await adam.patch(f"/auth/people/{person.person['id']}", json=fields)


async def test_nobody_else_may_do_any_of_it(ana: Any, ben: Any, nobody: Any, told: Any) -> None:
    one = f"/auth/people/{ben.person['id']}"
    for method, path, body in [
        ("GET", "/auth/people", None), ("GET", one, None), ("PATCH", one, {"state": "suspended"}),
        ("PATCH", one, {"role": "administrator"}), ("DELETE", f"{one}/sessions", None), ("GET", "/auth/audit", None),
        ("GET", "/auth/audit.csv", None),
    ]:  # fmt: skip
        refused = await ana.request(method, path, json=body)
        assert (path, refused.status_code, refused.json()["type"]) == (path, 403, "/problems/administrators-only")
        assert (await nobody.request(method, path, json=body)).status_code == 401
    assert (await ben.get("/auth/profile")).json()["role"] == "user"
    assert await told("session.ended") == []


async def test_people_are_listed_found_and_weighed(adam: Any, ana: Any, join: Join) -> None:
    await join("cleo")
    await ana.post("/api/files", params={"name": "Lease.txt"}, content=b"We agree.")
    listed = (await adam.get("/auth/people")).json()
    assert [one["email"].partition("@")[0] for one in listed["items"]] == ["adam", "ana", "cleo"]
    (hers,) = (await adam.get("/auth/people", params={"q": "ANA@"})).json()["items"]
    assert (hers["name"], hers["role"], hers["state"], hers["sessions"]) == ("Ana", "user", "active", 1)
    assert hers["stored_bytes"] == 9
    assert hers == (await adam.get(f"/auth/people/{hers['id']}")).json()
    assert "password" not in str(hers)
    found, after = [], None
    for _ in range(3):
        page = (await adam.get("/auth/people", params={"limit": 1} | ({"after": after} if after else {}))).json()
        found, after = found + [one["name"] for one in page["items"]], page["next"]
    assert (found, after) == (["Adam", "Ana", "Cleo"], None)
    assert len((await adam.get("/auth/people", params={"role": "administrator"})).json()["items"]) == 1
    assert (await adam.get("/auth/people", params={"state": "suspended"})).json()["items"] == []
    assert (await adam.get("/auth/people", params={"q": "\0"})).status_code == 422
    assert (await adam.get("/auth/people", params={"after": "x"})).status_code == 404
    assert (await adam.get(f"/auth/people/{new_id()}")).status_code == 404
    assert (await adam.patch(f"/auth/people/{new_id()}", json={"state": "active"})).status_code == 404


async def test_suspending_roles_and_signing_out_hold_at_once_and_leave_a_trail(
    adam: Any, ana: Any, client_at: ClientAt, other_process: Any
) -> None:
    elsewhere = client_at(of=other_process)
    bearer = {"Authorization": f"Bearer {(await sign_in(elsewhere, ana.email)).json()['access_token']}"}
    assert (await elsewhere.get("/auth/people", headers=bearer)).status_code == 403
    assert (await change(adam, ana, role="administrator")).json()["role"] == "administrator"
    assert (await elsewhere.get("/auth/people", headers=bearer)).status_code == 200
    assert (await change(adam, ana, role="user")).json()["role"] == "user"
    assert (await elsewhere.get("/auth/people", headers=bearer)).status_code == 403

    ended = await adam.delete(f"/auth/people/{ana.person['id']}/sessions")
    assert (ended.status_code, ended.json()) == (200, {"ended": 2})
    assert (await elsewhere.get("/auth/profile", headers=bearer)).status_code == 401
    bearer = {"Authorization": f"Bearer {(await sign_in(elsewhere, ana.email)).json()['access_token']}"}
    assert (await elsewhere.get("/auth/profile", headers=bearer)).status_code == 200
    suspended = (await change(adam, ana, state="suspended")).json()
    assert (suspended["state"], suspended["sessions"]) == ("suspended", 0)
    assert (await elsewhere.get("/auth/profile", headers=bearer)).status_code == 401
    assert (await sign_in(elsewhere, ana.email)).status_code == 401
    assert (await change(adam, ana, state="suspended")).status_code == 200  # once more changes and tells nothing
    assert (await change(adam, ana, state="active")).json()["state"] == "active"
    assert (await sign_in(elsewhere, ana.email)).status_code == 200

    done = await trail(adam, person=ana.person["id"])
    assert [(one["action"], one["detail"]) for one in reversed(done)] == [
        ("role_changed", "administrator"), ("role_changed", "user"), ("signed_out", None), ("suspended", None),
        ("reinstated", None),
    ]  # fmt: skip
    assert {(one["by_id"], one["by_name"], one["is_on_server"]) for one in done} == {(adam.person["id"], "Adam", False)}


async def test_who_sits_down_at_an_administrators_desk_changes_nothing(adam: Any, ana: Any, clock: SetClock) -> None:
    clock.pass_(16 * 60)
    one = f"/auth/people/{ana.person['id']}"
    for method, path, body in (("PATCH", one, {"state": "suspended"}), ("DELETE", f"{one}/sessions", None)):
        refused = await adam.request(method, path, json=body)
        assert (refused.status_code, refused.json()["type"]) == (403, "/problems/proof-needed")
    assert (await ana.get("/auth/profile")).status_code == 200
    assert (await adam.get("/auth/people")).status_code == 200


async def test_the_last_administrator_stays(adam: Any, ana: Any, accounts: Accounts) -> None:
    for fields in ({"role": "user"}, {"state": "suspended"}):
        refused = await change(adam, adam, **fields)
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/last-administrator")
    for _ in range(5):
        for one in (adam, ana):
            await people.set_role(accounts, one.email, "administrator")
        both = await asyncio.gather(
            people.set_role(accounts, ana.email, "user", by=adam.person["id"]),
            people.suspend(accounts, adam.email, by=ana.person["id"]),
            return_exceptions=True,
        )
        assert sorted(type(outcome).__name__ for outcome in both if isinstance(outcome, Exception)) == [
            "LastAdministrator"
        ]
        await people.reinstate(accounts, adam.email)
    await people.set_role(accounts, ana.email, "user")
    left = [row.email for row in await people.everybody(accounts) if row.role == "administrator"]
    assert left == [adam.email]
    await people.suspend(accounts, left[0])  # whoever has access to the server may


async def test_the_trail_is_searched_paged_and_exported(
    adam: Any, ana: Any, ben: Any, accounts: Accounts, clock: SetClock
) -> None:
    await ana.put("/auth/profile", json={"name": "=Ana()"})
    await change(adam, ana, state="suspended")
    clock.pass_(60)
    await change(adam, ben, state="suspended")
    clock.pass_(60)
    await people.reinstate(accounts, ben.email)
    everything = await trail(adam)
    assert [(one["action"], one["is_on_server"], one["by_name"]) for one in everything] == [
        ("reinstated", True, None), ("suspended", False, "Adam"), ("suspended", False, "Adam"),
        ("role_changed", True, None),
    ]  # fmt: skip
    assert [one["id"] for one in await trail(adam, action="suspended")] == [one["id"] for one in everything[1:3]]
    assert [one["person_name"] for one in await trail(adam, q="ben@EXAMPLE")] == ["Ben", "Ben"]
    assert len(await trail(adam, by=adam.person["id"])) == 2
    assert len(await trail(adam, since=everything[1]["at"])) == 2
    assert len(await trail(adam, until=everything[1]["at"])) == 2
    found, after = [], None
    for _ in range(2):
        page = (await adam.get("/auth/audit", params={"limit": 2} | ({"after": after} if after else {}))).json()
        found, after = found + page["items"], page["next"]
    assert (found, after) == (everything, None)
    answer = await adam.get("/auth/audit.csv", params={"action": "suspended"})
    lines = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [line["person_name"] for line in lines] == ["Ben", "'=Ana()"]
    assert [(line["action"], line["by_name"], line["is_on_server"]) for line in lines] == [
        ("suspended", "Adam", "no")
    ] * 2
    for wrong in ({"action": "x"}, {"person": "x"}, {"q": "\0"}, {"since": "2026-01-01T00:00:00"}):
        assert (await adam.get("/auth/audit", params=wrong)).status_code == 422
