"""Authenticator apps and recovery codes: set up, shown at the second step, used once, locked when guessed at."""

import asyncio
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pyotp
import pytest

from commonplace.apps.accounts import people
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.derived_keys import DerivedKeys
from commonplace.apps.accounts.factors import service
from commonplace.apps.accounts.factors.totp import unseal
from commonplace.apps.accounts.handlers import seal_factors_anew
from commonplace.platform.events.event import ScheduleTick
from commonplace.platform.events.registry import Context
from commonplace.platform.identity.settings import JwtSettings
from commonplace.platform.parts import Parts
from tests.apps.accounts.conftest import ClientAt, Rows, SetClock, sign_in
from tests.visitor import PASSWORD

pytestmark = pytest.mark.anyio
Code = Callable[[str], str]
FACTORS = "/api/auth/factors"


@pytest.fixture
def code_of(clock: SetClock) -> Code:
    """`code_of(secret)`: what the app shows now."""
    return lambda secret: pyotp.TOTP(secret).at(int(clock.time()))


async def set_up(visitor: Any, code_of: Code) -> tuple[str, list[str]]:
    """An authenticator app for a visitor: its secret, and the recovery codes that came with it."""
    begun = await visitor.post(f"{FACTORS}/totp")
    assert begun.status_code == 201, begun.text
    secret = begun.json()["secret"]
    added = await visitor.post(f"{FACTORS}/totp/confirm", json={"code": code_of(secret)})
    assert added.status_code == 200, added.text
    return secret, added.json()["recovery_codes"]


async def second(client: Any, answer: Any, **shown: str) -> Any:
    return await client.post("/auth/second-step", json={"challenge_token": answer.json()["challenge_token"], **shown})


async def test_it_counts_from_its_first_code_on_and_then_at_each_sign_in(
    ana: Any, nobody: Any, code_of: Code, clock: SetClock, rows: Rows, told: Any
) -> None:
    begun = (await ana.post(f"{FACTORS}/totp")).json()
    query = parse_qs(urlsplit(begun["uri"]).query)
    assert urlsplit(begun["uri"]).path.endswith("ana%40example.org")
    assert (query["secret"], query["issuer"]) == ([begun["secret"]], ["Commonplace (localhost)"])
    assert begun["qr_code"].startswith("<svg ")
    assert (await sign_in(nobody, ana.email)).status_code == 200  # nothing is asked for until it is confirmed

    wrong = await ana.post(f"{FACTORS}/totp/confirm", json={"code": "000000"})
    assert (wrong.status_code, wrong.json()["type"]) == (422, "/problems/code-is-wrong")
    added = await ana.post(f"{FACTORS}/totp/confirm", json={"code": code_of(begun["secret"])})
    assert len(set(added.json()["recovery_codes"])) == 10
    assert (await ana.get("/auth/profile")).status_code == 200  # adding one ends no session
    assert await told("second_factor.added") == [
        {"person_id": ana.person["id"], "factor": factor} for factor in ("totp", "recovery_codes")
    ]
    assert (await ana.post(f"{FACTORS}/totp")).status_code == 409

    answer = await sign_in(nobody, ana.email)
    assert answer.status_code == 202
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["factors"] == ["totp", "recovery_code"]
    assert not {"access_token", "refresh_token"} & answer.json().keys()
    assert (await second(nobody, answer, code=code_of(begun["secret"]))).status_code == 401  # it confirmed the app
    clock.pass_(30)
    tokens = await second(nobody, answer, code=code_of(begun["secret"]))
    assert tokens.status_code == 200, tokens.text
    bearer = {"Authorization": f"Bearer {tokens.json()['access_token']}"}
    assert (await nobody.get("/auth/profile", headers=bearer)).json()["email"] == ana.email
    assert [event["method"] for event in await told("session.began")] == ["password", "password", "password_and_totp"]
    history = await rows("SELECT outcome, method FROM accounts.sign_in_attempt ORDER BY at")
    assert history[-1] == {"outcome": "signed_in", "method": "password_and_totp"}


async def test_the_secret_is_encrypted_and_of_use_for_its_person_only(
    ana: Any, ben: Any, code_of: Code, rows: Rows, accounts: Accounts
) -> None:
    secret, codes = await set_up(ana, code_of)
    (row,) = await rows("SELECT person_id, sealed_secret FROM accounts.totp")
    assert secret.encode() not in row["sealed_secret"]
    assert unseal(accounts, row["person_id"], row["sealed_secret"]) == secret
    assert unseal(accounts, UUID(ben.person["id"]), row["sealed_secret"]) is None
    everything = str(await rows("SELECT digest FROM accounts.recovery_code")) + str(
        await rows("SELECT payload::text FROM platform.event")
    )
    assert not any(code in everything for code in [secret, *codes])


async def test_a_key_of_its_own_outlives_the_other_and_without_it_the_answer_says_what_to_do(
    ana: Any, nobody: Any, code_of: Code, clock: SetClock, rows: Rows, accounts: Accounts, parts: Parts
) -> None:
    secret, codes = await set_up(ana, code_of)
    clock.pass_(30)
    keys, context = accounts.keys, Context(parts=parts, delivery=None)  # type: ignore[arg-type]
    object.__setattr__(accounts, "keys", DerivedKeys(b"another" * 8))
    for path, body in (("/auth/second-step", {}), ("/api/auth/prove", {})):
        answer = await sign_in(nobody, ana.email)
        shown = {"challenge_token": answer.json()["challenge_token"]} if "step" in path else {}
        refused = await ana.post(path, json={**shown, **body, "code": code_of(secret)})
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/factor-unreadable")
        assert "remove-factors" in refused.json()["detail"]
    answer = await sign_in(nobody, ana.email)
    assert (await second(nobody, answer, recovery_code=codes[0])).status_code == 200  # no key is asked for it

    object.__setattr__(accounts, "keys", keys)
    jwt = parts[JwtSettings].secret_key
    assert jwt is not None
    for factor_secret in (None, b"for factors alone" * 2):
        with_own = DerivedKeys(jwt.get_secret_value().encode(), factor_secret=factor_secret)
        object.__setattr__(accounts, "keys", with_own)
        await seal_factors_anew(ScheduleTick(schedule="seal_factors_anew", tick=accounts.now()), context)
        (row,) = await rows("SELECT person_id, sealed_secret FROM accounts.totp")
        assert unseal(accounts, row["person_id"], row["sealed_secret"]) == secret
    object.__setattr__(accounts, "keys", DerivedKeys(b"another" * 8, factor_secret=b"for factors alone" * 2))
    assert unseal(accounts, row["person_id"], row["sealed_secret"]) == secret
    answer = await sign_in(nobody, ana.email)
    assert (await second(nobody, answer, code=code_of(secret))).status_code == 200


async def test_no_code_is_accepted_twice_nor_an_earlier_one_after_it(
    ana: Any, nobody: Any, code_of: Code, clock: SetClock
) -> None:
    secret, _ = await set_up(ana, code_of)
    clock.pass_(300)
    early = pyotp.TOTP(secret).at(int(clock.time()) - 30)
    late = pyotp.TOTP(secret).at(int(clock.time()) + 30)
    present = code_of(secret)
    answers = [await sign_in(nobody, ana.email) for _ in range(6)]
    at_once = await asyncio.gather(*(second(nobody, answer, code=present) for answer in answers[:4]))
    assert sorted(answer.status_code for answer in at_once) == [200, 401, 401, 401]
    assert (await second(nobody, answers[4], code=early)).status_code == 401
    assert (await second(nobody, answers[4], code=late)).status_code == 200
    clock.pass_(90)
    for steps, status in ((-2, 401), (2, 401), (-1, 200)):
        shifted = pyotp.TOTP(secret).at(int(clock.time()) + 30 * steps)
        assert (await second(nobody, answers[5], code=shifted)).status_code == status


async def test_a_challenge_is_short_lived_used_once_and_useless_elsewhere(
    ana: Any, nobody: Any, code_of: Code, clock: SetClock, rows: Rows
) -> None:
    secret, _ = await set_up(ana, code_of)
    clock.pass_(60)
    answer = await sign_in(nobody, ana.email)
    token = answer.json()["challenge_token"]
    assert token not in str(await rows("SELECT digest FROM accounts.second_step"))
    for headers in ({"Authorization": f"Bearer {token}"}, {"Cookie": f"commonplace_session={token}"}):
        assert (await nobody.get("/auth/profile", headers=headers)).status_code == 401
    assert (await nobody.post("/auth/refresh", json={"refresh_token": token})).status_code == 401
    nobody.http.cookies.set("commonplace_second_step", token)
    page = await nobody.post("/app/sign-in/second", data={"code": code_of(secret)}, headers={"Accept": "text/html"})
    assert "commonplace_session" not in nobody.http.cookies, page.text
    assert (await second(nobody, answer, code=code_of(secret))).status_code == 200
    clock.pass_(30)
    again = await second(nobody, answer, code=code_of(secret))
    assert (again.status_code, again.json()["type"]) == (401, "/problems/second-step-over")
    answer = await sign_in(nobody, ana.email)
    clock.pass_(301)
    assert (await second(nobody, answer, code=code_of(secret))).json()["type"] == "/problems/second-step-over"
    made_up = await nobody.post("/auth/second-step", json={"challenge_token": "cps_made-up", "code": "123456"})
    assert made_up.json()["type"] == "/problems/second-step-over"
    neither = await nobody.post("/auth/second-step", json={"challenge_token": token})
    assert neither.status_code == 422


async def test_a_challenge_falls_with_the_password_and_with_the_account(
    ana: Any, nobody: Any, code_of: Code, clock: SetClock, accounts: Accounts
) -> None:
    secret, _ = await set_up(ana, code_of)
    clock.pass_(60)
    before = await sign_in(nobody, ana.email)
    await people.reset_password(accounts, ana.email, "another long password")
    assert (await second(nobody, before, code=code_of(secret))).json()["type"] == "/problems/second-step-over"
    between = await sign_in(nobody, ana.email, "another long password")
    await people.suspend(accounts, ana.email)
    assert (await second(nobody, between, code=code_of(secret))).status_code == 401
    await people.reinstate(accounts, ana.email)
    assert (await second(nobody, between, code=code_of(secret))).status_code == 200


async def test_each_recovery_code_works_once_however_it_is_written(
    ana: Any, nobody: Any, code_of: Code, told: Any
) -> None:
    _, codes = await set_up(ana, code_of)
    assert all(re.fullmatch(r"[a-z2-7]{4}(-[a-z2-7]{4}){3}", code) for code in codes)
    written = f" {codes[0].upper().replace('-', ' ')} "
    assert (await second(nobody, await sign_in(nobody, ana.email), recovery_code=written)).status_code == 200
    assert (await second(nobody, await sign_in(nobody, ana.email), recovery_code=codes[0])).status_code == 401
    waiting = [await sign_in(nobody, ana.email) for _ in range(4)]
    at_once = await asyncio.gather(*(second(nobody, answer, recovery_code=codes[1]) for answer in waiting))
    assert sorted(answer.status_code for answer in at_once) == [200, 401, 401, 401]
    assert [event["left"] for event in await told("recovery_code.used")] == [9, 8]
    fresh = (await ana.post(f"{FACTORS}/recovery-codes")).json()["recovery_codes"]
    assert not set(fresh) & set(codes)
    assert (await second(nobody, await sign_in(nobody, ana.email), recovery_code=codes[2])).status_code == 401
    assert (await second(nobody, await sign_in(nobody, ana.email), recovery_code=fresh[0])).status_code == 200
    assert (await ana.get(FACTORS)).json()["recovery_codes_left"] == 9


async def test_removing_it_ends_the_second_step_and_no_session(ana: Any, nobody: Any, code_of: Code, told: Any) -> None:
    await set_up(ana, code_of)
    assert (await ana.delete(f"{FACTORS}/totp")).status_code == 204
    assert (await ana.get("/auth/profile")).status_code == 200
    assert (await sign_in(nobody, ana.email)).status_code == 200
    assert (await ana.get(FACTORS)).json()["recovery_codes_left"] == 0
    assert [event["factor"] for event in await told("second_factor.removed")] == ["totp", "recovery_codes"]
    assert (await ana.delete(f"{FACTORS}/totp")).status_code == 404
    assert (await ana.post(f"{FACTORS}/recovery-codes")).json()["type"] == "/problems/factor-is-missing"


class TestGuessing:
    async def test_a_sign_in_is_over_after_five_wrong_codes(self, ana: Any, nobody: Any, code_of: Code) -> None:
        secret, _ = await set_up(ana, code_of)
        answer = await sign_in(nobody, ana.email)
        refused = [(await second(nobody, answer, code="000000")).json()["type"] for _ in range(6)]
        assert refused == ["/problems/second-step-refused"] * 5 + ["/problems/second-step-over"]
        assert (await second(nobody, answer, code=code_of(secret))).status_code == 401

    async def test_ten_wrong_codes_in_whatever_sign_ins_lock_the_app_for_longer_each_time(
        self, ana: Any, client_at: ClientAt, code_of: Code, clock: SetClock, told: Any, deliver: Any, parts: Any
    ) -> None:
        secret, codes = await set_up(ana, code_of)
        clock.pass_(60)

        async def guess(number: int, code: str = "000000") -> Any:
            client = client_at(f"203.0.113.{number}")
            return await second(client, await sign_in(client, ana.email), code=code)

        at_once = await asyncio.gather(*(guess(number) for number in range(15)))
        statuses = [answer.status_code for answer in at_once]
        assert statuses.count(401) == 10
        assert statuses.count(429) == 5
        right = await guess(20, code_of(secret))
        assert (right.status_code, right.json()["type"]) == (429, "/problems/factor-locked")
        assert 890 <= int(right.headers["retry-after"]) <= 900
        home = client_at("198.51.100.20")
        by_code = await second(home, await sign_in(home, ana.email), recovery_code=codes[0])
        assert by_code.status_code == 200  # the other factors go on
        clock.pass_(901)
        assert {(await guess(number)).status_code for number in range(30, 40)} == {401}
        locked = await guess(40, code_of(secret))
        assert 1790 <= int(locked.headers["retry-after"]) <= 1800
        clock.pass_(1801)
        assert (await guess(41, code_of(secret))).status_code == 200
        assert {(await guess(number)).status_code for number in range(50, 60)} == {401}
        assert 890 <= int((await guess(60)).headers["retry-after"]) <= 900  # a right one began the count anew
        assert [event["factor"] for event in await told("second_factor.locked")] == ["totp"] * 3

    async def test_a_session_is_no_way_round(self, ana: Any, nobody: Any, code_of: Code, clock: SetClock) -> None:
        secret, _ = await set_up(ana, code_of)
        clock.pass_(60)
        answers = [await ana.post("/auth/prove", json={"code": "000000"}) for _ in range(11)]
        assert [answer.status_code for answer in answers] == [403] * 10 + [429]
        assert (await second(nobody, await sign_in(nobody, ana.email), code=code_of(secret))).status_code == 429

    async def test_recovery_codes_lock_too(self, ana: Any, nobody: Any, code_of: Code) -> None:
        _, codes = await set_up(ana, code_of)
        answers = [await ana.post("/auth/prove", json={"recovery_code": "abcd-efgh"}) for _ in range(10)]
        assert {answer.status_code for answer in answers} == {403}
        answer = await sign_in(nobody, ana.email)
        assert (await second(nobody, answer, recovery_code=codes[0])).status_code == 429


class TestStepUp:
    async def test_what_is_dangerous_asks_for_a_recent_proof(self, ana: Any, code_of: Code, clock: SetClock) -> None:
        secret, _ = await set_up(ana, code_of)
        clock.pass_(15 * 60 + 1)
        asked = await ana.delete(f"{FACTORS}/totp")
        assert (asked.status_code, asked.json()["type"]) == (403, "/problems/proof-needed")
        assert asked.json()["factors"] == ["totp", "recovery_code"]
        assert asked.json()["prove_at"] == "/api/auth/prove"
        for method, path in (
            ("POST", "/totp"), ("POST", "/totp/confirm"), ("POST", "/recovery-codes"), ("POST", "/passkeys/options"),
            ("POST", "/passkeys"), ("DELETE", "/passkeys/01a1fdce-98f6-70a9-970b-f64d4c09118c"),
        ):  # fmt: skip
            body = {"code": "1"} if "confirm" in path else {"name": "x", "passkey": {}} if path == "/passkeys" else None
            answer = await ana.http.request(method, FACTORS + path, json=body)
            assert (answer.status_code, answer.json()["type"]) == (403, "/problems/proof-needed"), path
        weak = await ana.post("/auth/prove", json={"password": PASSWORD})
        assert weak.status_code == 403  # who has a second factor shows that
        proved = await ana.post("/auth/prove", json={"code": code_of(secret)})
        assert proved.status_code == 200
        assert (await ana.get(FACTORS)).json()["proved_until"] == proved.json()["proved_until"]
        assert (await ana.delete(f"{FACTORS}/totp")).status_code == 204

    async def test_without_a_factor_the_password_proves_and_its_limits_hold(
        self, ana: Any, clock: SetClock, rows: Rows
    ) -> None:
        clock.pass_(15 * 60 + 1)
        asked = await ana.post(f"{FACTORS}/totp")
        assert asked.json()["factors"] == ["password"]
        assert (await ana.post("/auth/prove", json={"password": "certainly wrong"})).status_code == 403
        assert (await ana.post("/auth/prove", json={"code": "123456"})).status_code == 403
        assert (await ana.post("/auth/prove", json={"password": PASSWORD})).status_code == 200
        assert (await ana.post(f"{FACTORS}/totp")).status_code == 201
        for _ in range(5):
            answer = await ana.post("/auth/prove", json={"password": "certainly wrong"})
        assert answer.status_code == 429
        history = await rows("SELECT method, outcome FROM accounts.sign_in_attempt WHERE method = 'proof'")
        assert {row["outcome"] for row in history} == {"refused"}

    async def test_handing_out_a_credential_asks_for_one(self, ana: Any, clock: SetClock) -> None:
        token = {"name": "Backup", "scopes": ["files:read"], "expires_at": None}
        assert (await ana.post("/auth/tokens", json=token)).status_code == 201
        clock.pass_(15 * 60 + 1)
        assert (await ana.post("/auth/tokens", json=token)).json()["type"] == "/problems/proof-needed"
        headers = {"Accept": "text/html", "Referer": "http://localhost/app/account/tokens?after=x"}
        page = await ana.post("/app/account/tokens", data={"name": "Backup"}, headers=headers)
        back = "/app/account/prove?next=%2Fapp%2Faccount%2Ftokens%3Fafter%3Dx"
        assert (page.status_code, page.headers["location"]) == (303, back)
        assert len((await ana.get("/auth/tokens")).json()["items"]) == 1

    async def test_a_proof_is_of_one_session(self, ana: Any, nobody: Any, clock: SetClock) -> None:
        clock.pass_(15 * 60 + 1)
        other = (await sign_in(nobody, ana.email)).json()
        assert (await ana.post(f"{FACTORS}/totp")).status_code == 403
        bearer = {"Authorization": f"Bearer {other['access_token']}"}
        assert (await nobody.post(f"{FACTORS}/totp", headers=bearer)).status_code == 201


class TestWhereOneIsAskedFor:
    @pytest.fixture
    def environ(self, environ: dict[str, str]) -> dict[str, str]:
        return environ | {"ACCOUNTS__SECOND_FACTOR": "everybody"}

    async def test_who_has_none_can_do_nothing_but_set_one_up(
        self, ana: Any, nobody: Any, code_of: Code, clock: SetClock
    ) -> None:
        refused = await ana.get("/auth/profile")
        assert (refused.status_code, refused.json()["type"]) == (403, "/problems/second-factor-missing")
        assert refused.json()["continue_at"] == "/app/account/security"
        for path in ("/api/files", "/api/folders", "/api/auth/tokens"):
            assert (await ana.get(path)).status_code in {403, 404, 405}, path
        key = {"Idempotency-Key": "k" * 20}
        assert (await ana.post("/api/folders", json={"name": "x"}, headers=key)).status_code == 403
        page = await ana.get("/app/files", headers={"Accept": "text/html"})
        assert page.headers["location"].startswith("/app/account/security")
        refreshed = await nobody.post("/auth/refresh", json={"refresh_token": ana.tokens["refresh_token"]})
        ana.http.headers["Authorization"] = f"Bearer {refreshed.json()['access_token']}"
        assert (await ana.get("/auth/profile")).status_code == 403  # a refresh is no way round

        secret, _ = await set_up(ana, code_of)
        assert (await ana.get("/auth/profile")).status_code == 200
        last = await ana.delete(f"{FACTORS}/totp")
        assert (last.status_code, last.json()["type"]) == (409, "/problems/factor-is-asked-for")
        assert (await ana.get(FACTORS)).json()["totp_since"] is not None
        clock.pass_(30)
        tokens = await second(nobody, await sign_in(nobody, ana.email), code=code_of(secret))
        bearer = {"Authorization": f"Bearer {tokens.json()['access_token']}"}
        assert (await nobody.get("/auth/profile", headers=bearer)).status_code == 200

    async def test_one_may_leave(self, ana: Any) -> None:
        assert (await ana.post("/auth/logout")).status_code == 204
        assert (await ana.get(FACTORS)).status_code == 401


class TestWhereAdministratorsNeedOne:
    @pytest.fixture
    def environ(self, environ: dict[str, str]) -> dict[str, str]:
        return environ | {"ACCOUNTS__SECOND_FACTOR": "administrators"}

    async def test_others_do_not(self, ana: Any, nobody: Any, accounts: Accounts) -> None:
        assert (await ana.get("/auth/profile")).status_code == 200
        await people.set_role(accounts, ana.email, "administrator")
        assert (await ana.get("/auth/profile")).status_code == 200  # from the next sign-in on
        tokens = (await sign_in(nobody, ana.email)).json()
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        assert (await nobody.get("/auth/profile", headers=bearer)).status_code == 403


async def test_a_locked_out_person_is_helped_on_the_server(
    ana: Any, nobody: Any, code_of: Code, accounts: Accounts, told: Any, rows: Rows
) -> None:
    await set_up(ana, code_of)
    for _ in range(10):
        await ana.post("/auth/prove", json={"code": "000000"})
    assert await service.remove_all(accounts, ana.email) == ["totp", "recovery_codes"]
    assert (await sign_in(nobody, ana.email)).status_code == 200
    assert (await ana.get("/auth/profile")).status_code == 200
    assert len(await told("second_factor.removed")) == 2
    assert await rows("SELECT FROM accounts.factor_tries") == []


async def test_the_person_is_told_by_mail_and_no_secret_goes_along(
    ana: Any, code_of: Code, deliver: Any, settings: Any
) -> None:
    secret, codes = await set_up(ana, code_of)
    await ana.post("/auth/prove", json={"recovery_code": codes[0]})
    for _ in range(10):
        await ana.post("/auth/prove", json={"code": "000000"})
    await ana.post("/auth/prove", json={"recovery_code": codes[1]})
    await ana.delete(f"{FACTORS}/totp")
    await deliver()
    letters = [path.read_text() for path in sorted((settings.data_dir / "mail").glob("*.eml"))]
    subjects = sorted(re.findall(r"^Subject: (Commonplace: .*)$", "\n".join(letters), re.MULTILINE))
    assert subjects == [
        "Commonplace: authenticator app added",
        "Commonplace: authenticator app locked",
        "Commonplace: authenticator app removed",
        "Commonplace: recovery code used",
        "Commonplace: recovery code used",
        "Commonplace: recovery codes added",
        "Commonplace: recovery codes removed",
    ]
    assert all("/app/account/security" in letter for letter in letters if "Subject: Commonplace:" in letter)
    assert not any(word in letter for letter in letters for word in [secret, *codes])
