"""Passkeys over HTTP, with an authenticator in software: made, shown as the second factor and as the only one."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.apps.accounts.authenticator import Authenticator, encoded
from tests.apps.accounts.conftest import Rows, SetClock, sign_in

pytestmark = pytest.mark.anyio
PASSKEYS = "/api/auth/factors/passkeys"
Made = Callable[..., Any]


async def make(visitor: Any, authenticator: Authenticator, name: str = "Phone") -> Any:
    options = (await visitor.post(f"{PASSKEYS}/options")).json()["public_key"]
    return await visitor.post(PASSKEYS, json={"name": name, "passkey": authenticator.create(options)})


async def alone(client: Any, authenticator: Authenticator) -> Any:
    options = (await client.post("/auth/passkey-options")).json()["public_key"]
    return await client.post("/auth/passkey-login", json={"passkey": authenticator.get(options)})


@pytest.fixture
async def phone(ana: Any) -> Authenticator:
    """A passkey of Ana's."""
    authenticator = Authenticator()
    answer = await make(ana, authenticator)
    assert answer.status_code == 201, answer.text
    assert len(answer.json()["recovery_codes"]) == 10
    return authenticator


async def test_it_is_the_only_factor_where_the_authenticator_knows_the_person(
    ana: Any, nobody: Any, phone: Authenticator, told: Any, rows: Rows
) -> None:
    options = (await nobody.post("/auth/passkey-options")).json()["public_key"]
    assert options["userVerification"] == "required"
    assert options["allowCredentials"] == []
    assert options["rpId"] == "localhost"
    answer = await alone(nobody, phone)
    assert answer.status_code == 200, answer.text
    bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    assert (await nobody.get("/auth/profile", headers=bearer)).json()["email"] == ana.email
    assert (await told("session.began"))[-1]["method"] == "passkey"
    (last,) = await rows("SELECT method, outcome FROM accounts.sign_in_attempt ORDER BY at DESC LIMIT 1")
    assert last == {"method": "passkey", "outcome": "signed_in"}
    phone.is_verifying = False
    assert (await alone(nobody, phone)).status_code == 401
    phone.is_verifying, phone.user_handle = True, None
    assert (await alone(nobody, phone)).status_code == 401


async def test_it_is_the_second_factor_after_the_password(ana: Any, nobody: Any, phone: Authenticator) -> None:
    phone.is_verifying, phone.user_handle = False, None  # as an old security key does
    answer = await sign_in(nobody, ana.email)
    assert (answer.status_code, answer.json()["factors"]) == (202, ["passkey", "recovery_code"])
    token = {"challenge_token": answer.json()["challenge_token"]}
    options = (await nobody.post("/auth/second-step/passkey-options", json=token)).json()["public_key"]
    assert [known["id"] for known in options["allowCredentials"]] == [encoded(phone.credential_id)]
    other = await sign_in(nobody, ana.email)
    elsewhere = {"challenge_token": other.json()["challenge_token"], "passkey": phone.get(options)}
    assert (await nobody.post("/auth/second-step", json=elsewhere)).status_code == 401  # bound to its own sign-in
    tokens = await nobody.post("/auth/second-step", json=token | {"passkey": phone.get(options)})
    assert tokens.status_code == 200, tokens.text


async def test_nobody_elses_passkey_completes_a_sign_in(ana: Any, ben: Any, nobody: Any, phone: Authenticator) -> None:
    bens = Authenticator(credential_id=b"ben's")
    assert (await make(ben, bens)).status_code == 201
    token = {"challenge_token": (await sign_in(nobody, ana.email)).json()["challenge_token"]}
    options = (await nobody.post("/auth/second-step/passkey-options", json=token)).json()["public_key"]
    assert (await nobody.post("/auth/second-step", json=token | {"passkey": bens.get(options)})).status_code == 401
    bens.user_handle = phone.user_handle
    assert (await alone(nobody, bens)).status_code == 401
    stranger = Authenticator(credential_id=phone.credential_id, user_handle=phone.user_handle, counter=9)
    assert (await alone(nobody, stranger)).status_code == 401


async def test_a_challenge_is_answered_once_in_time_and_for_its_purpose(
    ana: Any, nobody: Any, phone: Authenticator, clock: SetClock, told: Any
) -> None:
    options = (await nobody.post("/auth/passkey-options")).json()["public_key"]
    answer = {"passkey": phone.get(options)}
    at_once = await asyncio.gather(*(nobody.post("/auth/passkey-login", json=answer) for _ in range(4)))
    assert sorted(one.status_code for one in at_once) == [200, 401, 401, 401]
    again = {"passkey": phone.get(options)}  # signed anew, the counter risen: the challenge is spent all the same
    assert (await nobody.post("/auth/passkey-login", json=again)).status_code == 401
    assert await told("passkey.counted_back") == []
    late = {"passkey": phone.get((await nobody.post("/auth/passkey-options")).json()["public_key"])}
    clock.pass_(301)
    assert (await nobody.post("/auth/passkey-login", json=late)).status_code == 401
    for path in ("/auth/prove/passkey-options", f"{PASSKEYS}/options"):
        other = (await ana.post(path)).json()["public_key"]
        misused = {"passkey": phone.get({"challenge": other["challenge"], "rpId": "localhost"})}
        assert (await nobody.post("/auth/passkey-login", json=misused)).status_code == 401
    forged = {"challenge": encoded(b"\0" * 56), "rpId": "localhost"}
    assert (await nobody.post("/auth/passkey-login", json={"passkey": phone.get(forged)})).status_code == 401


@pytest.mark.parametrize("changed", ["origin", "rp"])
async def test_another_site_gains_nothing(nobody: Any, phone: Authenticator, changed: str) -> None:
    options = (await nobody.post("/auth/passkey-options")).json()["public_key"]
    if changed == "origin":
        phone.origin = "http://localhost:8001"
    else:
        options["rpId"] = "evil.example"
    assert (await nobody.post("/auth/passkey-login", json={"passkey": phone.get(options)})).status_code == 401


async def test_a_counter_that_does_not_rise_is_refused_and_told(
    ana: Any, nobody: Any, phone: Authenticator, told: Any
) -> None:
    phone.counter = 7
    assert (await alone(nobody, phone)).status_code == 200
    for counter in (7, 3):
        phone.counter = counter
        assert (await alone(nobody, phone)).status_code == 401
    (listed,) = (await ana.get("/api/auth/factors")).json()["passkeys"]
    assert [event["passkey_id"] for event in await told("passkey.counted_back")] == [listed["id"]] * 2
    phone.counter = 8
    assert (await alone(nobody, phone)).status_code == 200


async def test_one_that_never_counts_is_taken(nobody: Any, phone: Authenticator) -> None:
    for _ in range(2):
        phone.counter = 0
        assert (await alone(nobody, phone)).status_code == 200


async def test_several_have_names_and_go_one_by_one(
    ana: Any, ben: Any, nobody: Any, phone: Authenticator, told: Any
) -> None:
    key = Authenticator(credential_id=b"a blue key")
    options = (await ana.post(f"{PASSKEYS}/options")).json()["public_key"]
    assert [known["id"] for known in options["excludeCredentials"]] == [encoded(phone.credential_id)]
    assert (await make(ana, key, "  Blue   key ")).json()["recovery_codes"] is None  # there are some already
    assert (await make(ana, key)).json()["type"] == "/problems/factor-exists"
    assert (await make(ben, Authenticator(key=key.key, credential_id=key.credential_id))).status_code == 409
    assert (await make(ana, Authenticator(credential_id=b"x"), "  ")).status_code == 422
    listed = (await ana.get("/api/auth/factors")).json()["passkeys"]
    assert [one["name"] for one in listed] == ["Phone", "Blue key"]
    assert not {"public_key", "credential_id"} & listed[0].keys()
    path = f"{PASSKEYS}/{listed[0]['id']}"
    assert (await ben.patch(path, json={"name": "Mine"})).status_code == 404
    assert (await ben.delete(path)).status_code == 404
    assert (await ana.patch(path, json={"name": "Old phone"})).status_code == 204
    assert (await ana.delete(path)).status_code == 204
    assert (await alone(nobody, phone)).status_code == 401
    assert (await alone(nobody, key)).status_code == 200
    assert [event["factor"] for event in await told("second_factor.removed")] == ["passkey"]


async def test_what_a_browser_made_elsewhere_or_too_late_is_not_taken(ana: Any, clock: SetClock) -> None:
    authenticator = Authenticator(origin="https://evil.example")
    assert (await make(ana, authenticator)).json()["type"] == "/problems/passkey-not-accepted"
    options = (await ana.post(f"{PASSKEYS}/options")).json()["public_key"]
    clock.pass_(301)
    late = await ana.post(PASSKEYS, json={"name": "Late", "passkey": Authenticator().create(options)})
    assert late.status_code == 422
    for nonsense in ({}, {"response": 1}, {"rawId": "A", "response": {"clientDataJSON": "A"}}):
        answer = await ana.post(PASSKEYS, json={"name": "x", "passkey": nonsense})
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/passkey-not-accepted")
        assert (await ana.post("/auth/passkey-login", json={"passkey": nonsense})).status_code == 401


async def test_a_passkey_proves_who_one_is_in_its_own_session(ana: Any, phone: Authenticator, clock: SetClock) -> None:
    clock.pass_(15 * 60 + 1)
    assert (await ana.post(f"{PASSKEYS}/options")).status_code == 403
    options = (await ana.post("/auth/prove/passkey-options")).json()["public_key"]
    assert (await ana.post("/auth/prove", json={"passkey": phone.get(options)})).status_code == 200
    assert (await ana.post(f"{PASSKEYS}/options")).status_code == 200
    repeated = await ana.post("/auth/prove", json={"passkey": phone.get(options)})
    assert (repeated.status_code, repeated.json()["type"]) == (403, "/problems/proof-refused")


async def test_at_an_address_there_are_none(nobody: Any) -> None:
    answer = await nobody.post("/auth/passkey-options", headers={"Host": "127.0.0.1:8000"})
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/passkeys-need-host-name")


class TestWithAPublicUrl:
    @pytest.fixture
    def environ(self, environ: dict[str, str]) -> dict[str, str]:
        return environ | {"PUBLIC_URL": "https://cloud.example.org:8443/"}

    async def test_it_decides_whatever_the_request_says(self, ana: Any, nobody: Any) -> None:
        phone = Authenticator(origin="https://cloud.example.org:8443")
        assert (await make(ana, phone)).status_code == 201
        assert (await alone(nobody, phone)).status_code == 200
        phone.origin = "http://localhost"
        assert (await alone(nobody, phone)).status_code == 401
