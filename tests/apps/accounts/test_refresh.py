"""Refresh tokens: they rotate, work once, and a copy ends the session."""

import asyncio
import random
from contextlib import suppress
from typing import Any

import httpx
import pytest

from commonplace.apps.accounts.errors import InvalidRefreshToken
from commonplace.apps.accounts.refresh_tokens import PREFIX, RefreshToken
from commonplace.platform.database.ids import new_id

from .conftest import ClientAt, Rows, SetClock, sign_in

pytestmark = pytest.mark.anyio


async def refresh(client: Any, token: str) -> httpx.Response:
    answer: httpx.Response = await client.post("/auth/refresh", json={"refresh_token": token})
    return answer


async def next_of(client: Any, token: str) -> str:
    answer = await refresh(client, token)
    assert answer.status_code == 200, answer.text
    successor: str = answer.json()["refresh_token"]
    return successor


async def is_alive(client: Any, access_token: str) -> bool:
    answer = await client.get("/auth/profile", headers={"Authorization": f"Bearer {access_token}"})
    return bool(answer.status_code == 200)


async def test_each_refresh_gives_a_new_pair_of_the_same_session(ana: Any) -> None:
    seen, token = [ana.tokens["refresh_token"]], ana.tokens["refresh_token"]
    for _ in range(5):
        answer = await refresh(ana, token)
        assert answer.headers["cache-control"] == "no-store"
        token = answer.json()["refresh_token"]
        seen.append(token)
        assert await is_alive(ana, answer.json()["access_token"])
    assert len(set(seen)) == 6


async def test_an_old_token_ends_the_session_and_says_so(ana: Any, clock: SetClock, told: Any) -> None:
    stolen = ana.tokens["refresh_token"]
    answer = await refresh(ana, stolen)
    clock.pass_(11)
    again = await refresh(ana, stolen)
    assert (again.status_code, again.json()["type"]) == (401, "/problems/refresh-token-reused")
    assert not await is_alive(ana, answer.json()["access_token"])
    last = await refresh(ana, answer.json()["refresh_token"])
    assert (last.status_code, last.json()["type"]) == (401, "/problems/session-over")
    assert len(await told("session.refresh_reused")) == 1
    assert [event["reason"] for event in await told("session.ended")] == ["refresh_reused"]


async def test_other_sessions_of_the_person_go_on(ana: Any, nobody: Any, clock: SetClock) -> None:
    other = (await sign_in(nobody, ana.email)).json()
    first = ana.tokens["refresh_token"]
    await next_of(ana, first)
    clock.pass_(11)
    assert (await refresh(ana, first)).status_code == 401
    assert await is_alive(nobody, other["access_token"])


async def test_the_token_just_replaced_gives_the_same_successor_for_ten_seconds(ana: Any, clock: SetClock) -> None:
    first = ana.tokens["refresh_token"]
    second = await next_of(ana, first)
    clock.pass_(9)
    assert await next_of(ana, first) == second
    assert await next_of(ana, second) != second


async def test_the_grace_is_not_prolonged_by_using_it(ana: Any, clock: SetClock) -> None:
    first = ana.tokens["refresh_token"]
    await next_of(ana, first)
    clock.pass_(6)
    await next_of(ana, first)
    clock.pass_(6)
    assert (await refresh(ana, first)).json()["type"] == "/problems/refresh-token-reused"


async def test_the_grace_is_for_the_immediate_predecessor_only(ana: Any) -> None:
    first = ana.tokens["refresh_token"]
    second = await next_of(ana, first)
    await next_of(ana, second)
    assert (await refresh(ana, first)).json()["type"] == "/problems/refresh-token-reused"


async def test_two_tabs_at_the_same_moment_both_go_on(ana: Any, client_at: ClientAt, other_process: Any) -> None:
    tabs = [client_at(), client_at(of=other_process)]
    token = ana.tokens["refresh_token"]
    for _ in range(5):
        answers = await asyncio.gather(*(refresh(tabs[n % 2], token) for n in range(8)))
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.json()["refresh_token"] for answer in answers}) == 1
        for answer in answers:
            assert await is_alive(ana, answer.json()["access_token"])
        token = answers[0].json()["refresh_token"]


async def test_of_thief_and_person_at_the_same_moment_later_both_lose(
    ana: Any, client_at: ClientAt, other_process: Any, clock: SetClock, rows: Rows
) -> None:
    first = ana.tokens["refresh_token"]
    second = await next_of(ana, first)
    clock.pass_(11)
    clients = [client_at(), client_at(of=other_process)]
    answers = await asyncio.gather(refresh(clients[0], first), refresh(clients[1], second), refresh(clients[0], first))
    assert answers[0].status_code == answers[2].status_code == 401
    assert (await rows("SELECT ended_reason FROM accounts.session")) == [{"ended_reason": "refresh_reused"}]
    if answers[1].status_code == 200:  # it came first
        assert not await is_alive(ana, answers[1].json()["access_token"])
        assert (await refresh(ana, answers[1].json()["refresh_token"])).status_code == 401


async def test_a_token_made_up_for_a_known_session_ends_nothing(ana: Any, rows: Rows) -> None:
    """Who knows the session's id, which is in every access token, must not be able to end it."""
    genuine = RefreshToken.parse(ana.tokens["refresh_token"])
    made_up = str(RefreshToken(genuine.session_id, bytes(16), bytes(32)))
    answer = await refresh(ana, made_up)
    assert (answer.status_code, answer.json()["type"]) == (401, "/problems/invalid-refresh-token")
    assert await rows("SELECT ended_at FROM accounts.session") == [{"ended_at": None}]
    await next_of(ana, str(genuine))


async def test_with_the_familys_secret_but_a_wrong_one_of_its_own_it_counts_as_copied(ana: Any) -> None:
    genuine = RefreshToken.parse(ana.tokens["refresh_token"])
    altered = str(RefreshToken(genuine.session_id, genuine.family, bytes(32)))
    assert (await refresh(ana, altered)).json()["type"] == "/problems/refresh-token-reused"


async def test_an_access_token_is_no_refresh_token_and_the_other_way_round(ana: Any) -> None:
    assert (await refresh(ana, ana.tokens["access_token"])).status_code == 401
    assert not await is_alive(ana, ana.tokens["refresh_token"])


async def test_what_is_no_token_is_refused(nobody: Any) -> None:
    for token in ("", "x", PREFIX, PREFIX + "A" * 86, PREFIX + "é" * 86, "\x00", "A" * 90, PREFIX + "=" * 86):
        answer = await refresh(nobody, token)
        assert (token, answer.status_code, answer.json()["type"]) == (token, 401, "/problems/invalid-refresh-token")


async def test_what_is_no_request_is_malformed(nobody: Any) -> None:
    bodies: list[Any] = [{}, {"refresh_token": None}, {"refresh_token": 5}, [], None]
    for body in bodies:
        assert (await nobody.post("/auth/refresh", json=body)).status_code == 422


async def test_thirty_days_without_use_end_it_and_each_use_begins_them_anew(ana: Any, clock: SetClock) -> None:
    token = ana.tokens["refresh_token"]
    for _ in range(3):
        clock.pass_(29 * 86_400)
        token = await next_of(ana, token)
    clock.pass_(30 * 86_400)
    assert (await refresh(ana, token)).json()["type"] == "/problems/session-over"


async def test_a_year_ends_it_in_any_case(ana: Any, clock: SetClock) -> None:
    token = ana.tokens["refresh_token"]
    for _ in range(12):
        clock.pass_(29 * 86_400)
        token = await next_of(ana, token)
    clock.pass_(17 * 86_400)
    assert (await refresh(ana, token)).json()["type"] == "/problems/session-over"


async def test_the_database_holds_no_token(ana: Any, rows: Rows) -> None:
    token = RefreshToken.parse(await next_of(ana, ana.tokens["refresh_token"]))
    (stored,) = await rows("SELECT family_digest, refresh_digest, previous_refresh_digest FROM accounts.session")
    assert not {token.family, token.secret} & set(stored.values())
    assert stored["refresh_digest"] == token.digest


async def test_an_idempotency_key_stores_no_tokens(ana: Any, rows: Rows) -> None:
    key = {"Idempotency-Key": "a-key-of-mine"}
    await ana.post("/auth/refresh", json={"refresh_token": ana.tokens["refresh_token"]}, headers=key)
    await ana.post("/auth/login", json={"email": ana.email, "password": "wrong"}, headers=key)
    assert await rows("SELECT FROM platform.idempotency") == []


def test_a_token_survives_being_written_and_read() -> None:
    token = RefreshToken.first(new_id())
    assert RefreshToken.parse(str(token)) == token
    assert len(str(token)) == len(PREFIX) + 86
    assert repr(token.secret) not in repr(token)


def test_every_change_of_one_character_gives_another_token_or_none() -> None:
    token = str(RefreshToken.first(new_id()))
    for place in range(len(token)):
        for other in random.sample("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=", 8):
            changed = token[:place] + other + token[place + 1 :]
            if changed == token:
                continue
            with suppress(InvalidRefreshToken):
                assert str(RefreshToken.parse(changed)) == changed


def test_a_successor_needs_the_installations_key() -> None:
    token = RefreshToken.first(new_id())
    assert token.successor(b"a" * 32) == token.successor(b"a" * 32)
    assert token.successor(b"a" * 32).secret != token.successor(b"b" * 32).secret


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20))
async def test_whatever_tabs_do_nobody_is_signed_out_while_all_share_the_newest_token(
    ana: Any, client_at: ClientAt, other_process: Any, clock: SetClock, seed: int
) -> None:
    chance = random.Random(seed)
    tabs = [client_at(), client_at(of=other_process), client_at()]
    token = ana.tokens["refresh_token"]
    for _ in range(60):
        clock.pass_(chance.choice([0, 0, 1, 9, 60, 3600]))
        asking = chance.sample(tabs, chance.randint(1, 3))
        answers = await asyncio.gather(*(refresh(tab, token) for tab in asking))
        assert {answer.status_code for answer in answers} == {200}
        newest = {answer.json()["refresh_token"] for answer in answers}
        assert len(newest) == 1
        token = newest.pop()


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20))
async def test_whatever_a_thief_does_with_an_old_token_the_session_ends(
    ana: Any, client_at: ClientAt, other_process: Any, clock: SetClock, seed: int
) -> None:
    chance = random.Random(seed)
    clients = [client_at(), client_at(of=other_process)]
    chain = [ana.tokens["refresh_token"]]
    for _ in range(chance.randint(2, 8)):
        chain.append(await next_of(clients[chance.randint(0, 1)], chain[-1]))
        clock.pass_(chance.choice([0, 5, 20]))
    clock.pass_(11)
    answer = await refresh(clients[chance.randint(0, 1)], chance.choice(chain[:-1]))
    assert answer.json()["type"] == "/problems/refresh-token-reused"
    assert (await refresh(clients[chance.randint(0, 1)], chain[-1])).status_code == 401
