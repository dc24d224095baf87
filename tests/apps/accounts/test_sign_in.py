"""Signing in with a password: what it gives, and that it tells strangers nothing."""

import asyncio
import base64
import json
from typing import Any

import bcrypt
import jwt
import pytest

from commonplace.apps.accounts import people
from commonplace.apps.accounts.context import Accounts
from commonplace.platform.database.session import ReadSession

from .conftest import PASSWORD, ClientAt, Rows, SetClock, sign_in

pytestmark = pytest.mark.anyio


def payload_of(token: str) -> dict[str, Any]:
    middle = token.split(".")[1]
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    return decoded


async def test_it_gives_an_access_token_for_an_hour_and_a_refresh_token(ana: Any) -> None:
    answer = await sign_in(ana, "ana@example.org")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    tokens = answer.json()
    assert set(tokens) == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert (tokens["token_type"], tokens["expires_in"]) == ("bearer", 3600)
    payload = payload_of(tokens["access_token"])
    assert payload["exp"] - payload["iat"] == 3600
    assert (payload["sub"], payload["role"]) == (ana.person["id"], "user")
    assert set(payload) == {"iss", "aud", "sub", "sid", "role", "iat", "exp", "jti"}


async def test_the_token_opens_what_is_protected_and_nothing_opens_it_without(ana: Any, nobody: Any) -> None:
    assert (await ana.get("/auth/profile")).json()["id"] == ana.person["id"]
    answer = await nobody.get("/auth/profile")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_the_published_keys_verify_it(ana: Any, nobody: Any) -> None:
    keys = jwt.PyJWKSet.from_dict((await nobody.get("/auth/jwks.json")).json())
    token = ana.tokens["access_token"]
    key = keys[jwt.get_unverified_header(token)["kid"]]
    assert jwt.decode(token, key, algorithms=["EdDSA"], audience="commonplace")["sub"] == ana.person["id"]


async def test_username_is_accepted_for_email(ana: Any) -> None:
    answer = await ana.post("/auth/login", json={"username": "ANA@example.org", "password": PASSWORD})
    assert answer.status_code == 200


REFUSED = [
    ("ana@example.org", "wrong password"),
    ("nobody@example.org", PASSWORD),
    ("no address at all", PASSWORD),
    ("an\x00a@example.org", PASSWORD),
    ("", PASSWORD),
    ("x" * 5000, PASSWORD),
    ("ana@example.org", ""),
    ("ana@example.org", "\x00"),
    ("ana@example.org", PASSWORD + "\x00"),
    ("ana@example.org", "🙂" * 2000),
]


@pytest.mark.usefixtures("ana")
async def test_every_refusal_reads_the_same(nobody: Any) -> None:
    for email, password in REFUSED:
        answer = await sign_in(nobody, email, password)
        problem = answer.json()
        assert (email, answer.status_code, problem["type"]) == (email, 401, "/problems/wrong-credentials")
        assert problem["detail"] == "The address or the password is wrong. Check both and try again."
        assert set(problem) == {"type", "title", "status", "detail", "instance", "request_id"}


async def test_what_is_no_sign_in_is_malformed(nobody: Any) -> None:
    bodies: list[Any] = [
        {}, {"email": "a@b.org"}, {"password": "x"}, {"email": 1, "password": "x"}, {"email": None, "password": "x"},
        [], "x", None,
    ]  # fmt: skip
    for body in bodies:
        assert (await nobody.post("/auth/login", json=body)).status_code == 422


class Work:
    """What a sign-in made the server do."""

    def __init__(self) -> None:
        self.hashes: list[bytes] = []
        self.statements: list[Any] = []


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    """Counts the hashes and the statements, which is what time goes into."""
    done = Work()
    genuine = bcrypt.checkpw

    def checkpw(password: bytes, hashed: bytes) -> bool:
        done.hashes.append(hashed[:7])  # the scheme and its cost
        return genuine(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", checkpw)
    for name in ("all", "first", "scalar", "execute"):
        original = getattr(ReadSession, name)

        def watched(self: Any, statement: Any, /, *, original: Any = original, **parameters: Any) -> Any:
            done.statements.append(statement)
            return original(self, statement, **parameters)

        monkeypatch.setattr(ReadSession, name, watched)
    return done


@pytest.mark.usefixtures("ana")
async def test_a_refusal_takes_the_same_work_whoever_is_asked_for(
    ben: Any, nobody: Any, accounts: Accounts, work: Work
) -> None:
    await people.suspend(accounts, ben.email)
    seen = []
    for email, password in [
        ("ana@example.org", "wrong password"),
        ("nobody@example.org", "wrong password"),
        ("ben@example.org", PASSWORD + "x"),
        ("no address at all", "wrong password"),
        ("ana@example.org", "x" * 3000),
        ("nobody@example.org", "x" * 3000),
        ("ana@example.org", "\x00" * 9),
        ("nobody@example.org", ""),
    ]:
        work.hashes.clear()
        work.statements.clear()
        assert (await sign_in(nobody, email, password)).status_code == 401
        seen.append((tuple(work.hashes), tuple(work.statements)))
    assert len(set(seen)) == 1
    assert seen[0][0] == (b"$2b$04$",)


@pytest.mark.usefixtures("ana")
async def test_a_stored_hash_that_nobody_can_read_is_a_refusal_and_no_error(
    nobody: Any, rows: Rows, work: Work
) -> None:
    for unreadable in ("", "plain", "$2b$04$tooshort", "$argon2id$v=19$m=8,t=1,p=1$$", "$sha256", "{SSHA}x"):
        await rows("UPDATE accounts.password SET hash = :hash RETURNING 1", hash=unreadable)
        work.hashes.clear()
        answer = await sign_in(nobody, "ana@example.org")
        assert (answer.status_code, answer.json()["type"]) == (401, "/problems/wrong-credentials")
        assert len(work.hashes) == 1
        await rows("DELETE FROM accounts.sign_in_attempt RETURNING 1")


async def test_a_suspended_person_is_refused_like_a_stranger_and_their_sessions_end(
    ana: Any, nobody: Any, accounts: Accounts, told: Any
) -> None:
    assert await people.suspend(accounts, "ana@example.org") == 1
    assert (await ana.get("/auth/profile")).status_code == 401
    refreshed = await ana.post("/auth/refresh", json={"refresh_token": ana.tokens["refresh_token"]})
    assert refreshed.status_code == 401
    right, wrong = await sign_in(nobody, "ana@example.org"), await sign_in(nobody, "who@example.org")
    assert (right.status_code, right.json()["detail"]) == (401, wrong.json()["detail"])
    await people.reinstate(accounts, "ana@example.org")
    assert (await sign_in(nobody, "ana@example.org")).status_code == 200
    assert [event["reason"] for event in await told("session.ended")] == ["suspended"]


async def test_a_password_that_is_reset_while_it_is_checked_lets_nobody_in(
    ana: Any, nobody: Any, accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old password was right when it was read; the session must not begin after all others were ended."""
    genuine = accounts.passwords.check

    async def slow(password: str, stored: str | None) -> Any:
        checked = await genuine(password, stored)
        await people.reset_password(accounts, "ana@example.org", "another password")
        return checked

    monkeypatch.setattr(accounts.passwords, "check", slow)
    assert (await sign_in(nobody, "ana@example.org")).status_code == 401
    monkeypatch.undo()
    assert (await sign_in(nobody, "ana@example.org", "another password")).status_code == 200
    assert (await ana.get("/auth/profile")).status_code == 401


async def test_an_expired_access_token_is_told_so_and_refreshed_without_the_person(ana: Any, clock: SetClock) -> None:
    clock.pass_(3601)
    answer = await ana.get("/auth/profile")
    assert (answer.status_code, answer.json()["type"]) == (401, "/problems/credential-expired")
    answer = await ana.post("/auth/refresh", json={"refresh_token": ana.tokens["refresh_token"]})
    ana.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    assert (await ana.get("/auth/profile")).status_code == 200


async def test_a_session_says_where_it_came_from(ana: Any, client_at: ClientAt, rows: Rows, told: Any) -> None:
    client = client_at("2001:db8::5")
    await client.post(
        "/auth/login",
        json={"email": ana.email, "password": PASSWORD},
        headers={"User-Agent": "A Browser/1 " + "x" * 500},
    )
    found = (await rows("SELECT * FROM accounts.session ORDER BY created_at DESC"))[0]
    assert (found["address"], found["network"]) == ("2001:db8::5", "2001:db8::/64")
    assert len(found["user_agent"]) == 400
    assert (found["kind"], found["method"]) == ("api", "password")
    began = (await told("session.began"))[-1]
    assert began == {
        "person_id": ana.person["id"], "session_id": str(found["id"]), "method": "password", "kind": "api",
    }  # fmt: skip


async def test_many_people_sign_in_at_once(join: Any, nobody: Any) -> None:
    for name in ("ana", "ben", "cleo"):
        await join(name)
    answers = await asyncio.gather(
        *(sign_in(nobody, f"{name}@example.org") for name in ("ana", "ben", "cleo") for _ in range(20))
    )
    assert {answer.status_code for answer in answers} == {200}
    sessions = {payload_of(answer.json()["access_token"])["sid"] for answer in answers}
    assert len(sessions) == 60


class TestWhenTooManyWait:
    @pytest.fixture
    def environ(self, environ: dict[str, str]) -> dict[str, str]:
        return {
            **environ,
            "ACCOUNTS__HASHING_QUEUE": "3",
            "ACCOUNTS__HASHING_THREADS": "1",
            "ACCOUNTS__BCRYPT_COST": "8",
        }

    async def test_the_rest_are_told_to_come_back(self, ana: Any, nobody: Any) -> None:
        answers = await asyncio.gather(*(sign_in(nobody, f"who{number}@example.org") for number in range(40)))
        refused = [answer for answer in answers if answer.status_code == 503]
        assert refused
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
        assert {answer.status_code for answer in answers} == {401, 503}
        assert (await sign_in(nobody, ana.email)).status_code == 200
