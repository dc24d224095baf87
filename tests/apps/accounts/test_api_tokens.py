"""API tokens: made, shown once, used as Bearer and in Basic, held to their scopes, revoked everywhere at once."""

import asyncio
import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from commonplace.apps.accounts import api_tokens, people
from commonplace.apps.accounts.context import Accounts
from commonplace.platform.identity.api_tokens import is_well_formed, new_token
from commonplace.platform.identity.errors import InvalidCredential
from commonplace.platform.identity.scopes import Scopes

from .conftest import ClientAt, Rows, SetClock

pytestmark = pytest.mark.anyio


def in_days(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


async def make(person: Any, *scopes: str, **changed: Any) -> dict[str, Any]:
    body = {"name": "the phone", "scopes": list(scopes or ("files:read",)), "expires_at": None, **changed}
    answer = await person.post("/auth/tokens", json=body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    made: dict[str, Any] = answer.json()
    return made


def bearer(made: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {made['token']}"}


def basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def said(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition("/")[2]


def test_a_token_can_be_told_from_what_only_looks_like_one() -> None:
    token = new_token()
    assert len(token) == 49
    assert token.startswith("cp_")
    assert is_well_formed(token)
    for wrong in (token[:-1], token + "0", token[3:], "cp_" + token[4:] + "0", token.swapcase(), "cp_" + "0" * 46):
        assert not is_well_formed(wrong), wrong
    other = "1" if token[20] != "1" else "2"
    assert not is_well_formed(token[:20] + other + token[21:])


async def test_it_is_shown_once_and_only_its_digest_is_kept(ana: Any, rows: Rows, told: Any) -> None:
    made = await make(ana, "files:write", "files:read", name="  the phone ", expires_at=in_days(30))
    assert (made["name"], made["scopes"], made["is_expired"]) == ("the phone", ["files:read", "files:write"], False)
    (listed,) = (await ana.get("/auth/tokens")).json()["items"]
    assert listed == {name: value for name, value in made.items() if name != "token"}
    everything = ""
    for table in await rows(
        "SELECT schemaname || '.' || tablename AS name FROM pg_tables WHERE schemaname IN ('accounts', 'platform')"
    ):
        everything += str(await rows(f"SELECT string_agg(t::text, '') AS all FROM {table['name']} AS t"))
    assert "the phone" in everything
    assert made["token"] not in everything
    assert made["token"][3:30] not in everything
    (fact,) = await told("api_token.made")
    assert (fact["token_id"], fact["scopes"]) == (made["id"], ["files:read", "files:write"])
    assert "phone" not in str(fact)


async def test_it_works_as_bearer_and_as_the_password_of_basic(ana: Any, nobody: Any, rows: Rows) -> None:
    made = await make(ana, "files:write")
    upload = await nobody.post("/api/files?name=a.txt", content=b"text", headers=bearer(made))
    assert upload.status_code == 201
    for name in ("ana@example.org", "whatever", ""):
        answer = await nobody.get(f"/api/files/{upload.json()['id']}", headers=basic(name, made["token"]))
        assert answer.status_code == 200
    (kept,) = await rows("SELECT by::text AS by FROM platform.version WHERE kind = 'file'")
    assert kept["by"] == ana.person["id"]
    wrong: list[dict[str, str]] = [
        basic("ana@example.org", "correct horse battery"),
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic " + base64.b64encode(b"\xff\xfe").decode()},
        {"Authorization": f"Digest {made['token']}"},
        {"Authorization": f"Bearer {made['token'][:-1]}x"},
        {"Authorization": f"Bearer {new_token()}"},
    ]
    for headers in wrong:
        answer = await nobody.get("/api/files", headers=headers)
        assert answer.status_code == 401, headers
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_scope_opens_its_app_for_its_methods_and_nothing_else(ana: Any, nobody: Any) -> None:
    reads, writes = bearer(await make(ana, "files:read")), bearer(await make(ana, "files:write"))
    syncs = bearer(await make(ana, "sync:read"))
    for path in ("/api/files", "/api/folders", "/api/trash"):
        assert (await nobody.get(path, headers=reads)).status_code == 200, path
        assert (await nobody.head(path, headers=reads)).status_code == 200, path
        assert (await nobody.get(path, headers=writes)).status_code == 200, path
        assert said(await nobody.get(path, headers=syncs)) == (403, "scope-missing")
    refused = await nobody.post("/api/folders", json={"name": "a"}, headers=reads)
    assert said(refused) == (403, "scope-missing")
    assert 'error="insufficient_scope", scope="files:write"' in refused.headers["www-authenticate"]
    keyed = {**reads, "Idempotency-Key": "once"}
    assert said(await nobody.post("/api/folders", json={"name": "a"}, headers=keyed)) == (403, "scope-missing")
    assert (await nobody.get("/api/folders", headers=reads)).json()["items"] == []
    assert (await nobody.post("/api/folders", json={"name": "a"}, headers=writes)).status_code == 201
    assert (await nobody.get("/api/sync", headers=syncs)).status_code == 200
    assert said(await nobody.get("/api/sync", headers=writes)) == (403, "scope-missing")


async def test_no_token_opens_a_route_of_accounts_or_a_page(ana: Any, nobody: Any, app: Any, parts: Any) -> None:
    every = bearer(await make(ana, *parts[Scopes].all))
    document = (await nobody.get("/openapi.json")).json()
    tried = 0
    for path, operations in document["paths"].items():
        if not path.startswith("/api/auth/"):
            continue
        for method, operation in operations.items():
            if method in {"get", "post", "put", "patch", "delete"} and operation["security"]:
                target = path.replace("{token_id}", "01a1fdce-98f6-70a9-970b-f64d4c09118c")
                if "{" in target or path.endswith("/logout"):
                    continue
                body = {"name": "a", "scopes": ["files:read"], "expires_at": None} if method == "post" else {}
                json = {} if method in {"get", "delete"} else {"json": body}
                answer = await nobody.request(method.upper(), target, headers=every, **json)
                assert answer.status_code in {403, 422}, (method, path, answer.text)
                assert answer.status_code == 403 or answer.json()["type"].endswith("validation-failed")
                tried += answer.status_code == 403
    assert tried >= 4
    assert (await nobody.post("/auth/logout", headers=every)).status_code == 403
    assert (await nobody.get("/app/account/tokens", headers=every | {"Accept": "text/html"})).status_code == 403
    assert len((await ana.get("/auth/tokens")).json()["items"]) == 1


async def test_an_administrators_token_is_a_users(ana: Any, nobody: Any, accounts: Accounts, parts: Any) -> None:
    await people.set_role(accounts, ana.email, "administrator")
    made = await make(ana)
    assert (await nobody.get("/api/files", headers=bearer(made))).status_code == 200
    caller = await accounts.identity.caller_of_api_token(made["token"])
    assert (caller.role, caller.scopes) == ("user", {"files:read"})


IMPOSSIBLE: list[tuple[str, Any, str]] = [
    ("name", "", "token-not-allowed"),
    ("name", " \u00a0", "token-not-allowed"),
    ("name", "a\nb", "token-not-allowed"),
    ("name", "x" * 101, "token-not-allowed"),
    ("scopes", [], "token-not-allowed"),
    ("scopes", ["files:delete"], "validation-failed"),
    ("scopes", ["*"], "validation-failed"),
    ("scopes", ["accounts:write"], "token-not-allowed"),
    ("scopes", ["sync:write"], "token-not-allowed"),
    ("scopes", ["nothing:read"], "token-not-allowed"),
    ("expires_at", "2020-01-01T00:00:00Z", "token-not-allowed"),
    ("expires_at", "0001-01-01T00:00:00+12:00", "token-not-allowed"),
    ("expires_at", "9999-12-31T23:59:59-12:00", "token-not-allowed"),
    ("expires_at", "2099-01-01T00:00:00", "validation-failed"),
    ("expires_at", "soon", "validation-failed"),
]


async def test_what_cannot_be_is_refused(ana: Any, nobody: Any, rows: Rows) -> None:
    good = {"name": "a", "scopes": ["files:read"], "expires_at": None}
    for field, value, problem in IMPOSSIBLE:
        answer = await ana.post("/auth/tokens", json={**good, field: value})
        assert (field, value, *said(answer)) == (field, value, 422, problem)
    without = {name: value for name, value in good.items() if name != "expires_at"}
    assert (await ana.post("/auth/tokens", json=without)).status_code == 422  # never is said, not left out
    assert (await nobody.post("/auth/tokens", json=good)).status_code == 401
    assert await rows("SELECT FROM accounts.api_token") == []


async def test_a_revoked_token_is_refused_at_once_in_every_process(
    ana: Any, ben: Any, other_process: Any, client_at: ClientAt, told: Any
) -> None:
    made, kept = await make(ana), await make(ana)
    here, there = client_at(), client_at(of=other_process)
    for client in (here, there):
        for token in (made, kept):
            assert (await client.get("/api/files", headers=bearer(token))).status_code == 200
    assert said(await ben.delete(f"/auth/tokens/{made['id']}")) == (404, "token-not-found")
    assert (await ana.delete(f"/auth/tokens/{made['id']}")).status_code == 204
    for client in (here, there):
        assert said(await client.get("/api/files", headers=bearer(made))) == (401, "api-token-over")
        assert (await client.get("/api/files", headers=bearer(kept))).status_code == 200
    assert (await ana.delete(f"/auth/tokens/{made['id']}")).status_code == 404
    assert await told("api_token.revoked") == [
        {"person_id": ana.person["id"], "token_id": made["id"], "reason": "revoked"}
    ]


async def test_a_suspended_persons_tokens_rest(
    ana: Any, nobody: Any, other_process: Any, client_at: ClientAt, accounts: Accounts
) -> None:
    made = await make(ana)
    there = client_at(of=other_process)
    for client in (nobody, there):
        assert (await client.get("/api/files", headers=bearer(made))).status_code == 200
    await people.suspend(accounts, ana.email)
    for client in (nobody, there):
        assert (await client.get("/api/files", headers=bearer(made))).status_code == 401
    await people.reinstate(accounts, ana.email)
    assert (await nobody.get("/api/files", headers=bearer(made))).status_code == 200


async def test_an_expired_token_is_refused_and_shown_as_such(ana: Any, nobody: Any, clock: SetClock) -> None:
    made, lasting = await make(ana, expires_at=in_days(1)), await make(ana)
    assert (await nobody.get("/api/files", headers=bearer(made))).status_code == 200
    clock.pass_(timedelta(days=1).total_seconds())
    assert (await nobody.get("/api/files", headers=bearer(made))).status_code == 401
    assert (await nobody.get("/api/files", headers=bearer(lasting))).status_code == 200
    ana.http.headers["Authorization"] = f"Bearer {await fresh(ana)}"
    listed = (await ana.get("/auth/tokens")).json()["items"]
    assert {token["id"]: token["is_expired"] for token in listed} == {made["id"]: True, lasting["id"]: False}


async def fresh(person: Any) -> str:
    token: str = (await person.post("/auth/refresh", json={"refresh_token": person.tokens["refresh_token"]})).json()[
        "access_token"
    ]
    return token


async def test_its_last_use_is_written_once_a_minute_at_most(
    ana: Any, nobody: Any, rows: Rows, clock: SetClock, other_process: Any, client_at: ClientAt
) -> None:
    made = await make(ana)
    there = client_at(of=other_process)

    async def state() -> tuple[Any, Any]:
        (row,) = await rows("SELECT last_used_at, xmin::text AS written_by FROM accounts.api_token")
        return row["last_used_at"], row["written_by"]

    assert (await state())[0] is None
    await nobody.get("/api/files", headers=bearer(made))
    first = await state()
    assert first[0] is not None
    for client in (nobody, there, nobody):
        await client.get("/api/files", headers=bearer(made))
    assert await state() == first
    clock.pass_(61)
    await nobody.get("/api/files", headers=bearer(made))
    second = await state()
    assert second[0] - first[0] >= timedelta(seconds=61)
    await there.get("/api/files", headers=bearer(made))
    assert await state() == second


async def test_a_token_that_was_seen_lately_costs_no_look_into_the_database(
    ana: Any, accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await make(ana)
    caller = await accounts.identity.caller_of_api_token(made["token"])
    monkeypatch.setattr(accounts.database, "reading", None)
    assert await accounts.identity.caller_of_api_token(made["token"]) == caller


async def test_a_person_has_a_hundred_at_most_however_many_are_made_at_once(
    ana: Any, accounts: Accounts, parts: Any, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_tokens, "MOST_TOKENS", 5)
    body = {"name": "a", "scopes": ["files:read"], "expires_at": None}
    answers = await asyncio.gather(*(ana.post("/auth/tokens", json=body) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [201] * 5 + [409] * 7
    assert await rows("SELECT count(*) AS n FROM accounts.api_token") == [{"n": 5}]


async def test_the_list_comes_in_pages_and_shows_ones_own(ana: Any, ben: Any) -> None:
    made = [(await make(ana, name=f"token {number}"))["id"] for number in range(5)]
    await make(ben)
    found: list[str] = []
    after: str | None = None
    for _ in range(3):
        page = (await ana.get("/auth/tokens", params={"limit": 2} | ({"after": after} if after else {}))).json()
        found += [token["id"] for token in page["items"]]
        after = page["next"]
    assert (found, after) == (made[::-1], None)
    assert said(await ana.get("/auth/tokens?after=nonsense")) == (404, "unknown-page")


async def test_a_token_is_no_session_wherever_else_it_is_put(ana: Any, nobody: Any, parts: Any) -> None:
    made = await make(ana, *parts[Scopes].all)
    assert (await nobody.get("/api/files", headers=bearer(made))).status_code == 200  # it is remembered now
    nobody.http.cookies.set("commonplace_session", made["token"])
    for path in ("/api/files", "/auth/tokens", "/auth/profile"):
        assert (await nobody.get(path)).status_code == 401, path
    with pytest.raises(InvalidCredential):  # as the first message of a live connection
        await parts[Accounts].identity.caller_of_bearer(made["token"])


HTML = {"Accept": "text/html"}


async def test_the_page_makes_shows_once_and_revokes(ana: Any, nobody: Any, rows: Rows) -> None:
    empty = (await ana.get("/app/account/tokens", headers=HTML)).text
    assert "Make a token" in empty
    wrong = await ana.post("/app/account/tokens", data={"name": "a", "days": "90"}, headers=HTML)
    assert wrong.status_code == 422
    assert 'id="scopes-error"' in wrong.text
    fields = {"name": "<b>phone", "scope-files": "write", "scope-sync": "", "days": "never"}
    answer = await ana.post("/app/account/tokens", data=fields, headers=HTML)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    token = answer.text.partition('value="cp_')[2].partition('"')[0]
    assert (await nobody.get("/api/files", headers={"Authorization": f"Bearer cp_{token}"})).status_code == 200
    page = (await ana.get("/app/account/tokens", headers=HTML)).text
    assert token not in page
    assert "&lt;b&gt;phone" in page
    assert "Never expires." in page
    (row,) = await rows("SELECT id, scopes FROM accounts.api_token")
    assert row["scopes"] == ["files:write"]
    gone = await ana.post(f"/app/account/tokens/{row['id']}/revoke", headers=HTML)
    assert gone.headers["location"] == "/app/account/tokens?revoked"
    assert (await nobody.get("/api/files", headers={"Authorization": f"Bearer cp_{token}"})).status_code == 401
