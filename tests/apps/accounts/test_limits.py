"""The limits of signing in: guessing is stopped, and nobody can lock a person out."""

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commonplace.apps.accounts.device import Device
from commonplace.apps.accounts.limits import is_crowded, wait_seconds
from commonplace.apps.accounts.refused_lately import RefusedLately
from commonplace.apps.accounts.settings import AccountsSettings

from .conftest import ClientAt, Rows, SetClock, sign_in

pytestmark = pytest.mark.anyio

ATTACKER, HOME = "203.0.113.7", "198.51.100.20"


async def fail(client: Any, email: str, times: int, clock: SetClock) -> None:
    """Sign in wrongly so many times, waiting as long as one is told in between."""
    failed = 0
    while failed < times:
        answer = await sign_in(client, email, "wrong password")
        if answer.status_code == 429:
            clock.pass_(int(answer.headers["retry-after"]))
        else:
            assert answer.status_code == 401
            failed += 1


async def test_after_five_failures_each_try_waits_twice_as_long(ana: Any, client_at: ClientAt, clock: SetClock) -> None:
    client = client_at(ATTACKER)
    await fail(client, ana.email, 5, clock)
    waits = []
    for _ in range(5):
        answer = await sign_in(client, ana.email)
        assert (answer.status_code, answer.json()["type"]) == (429, "/problems/too-many-sign-ins")
        waits.append(int(answer.headers["retry-after"]))
        clock.pass_(waits[-1])
        assert (await sign_in(client, ana.email, "wrong password")).status_code == 401
    assert waits == [1, 2, 4, 8, 16]


async def test_after_ten_the_window_must_pass(ana: Any, client_at: ClientAt, clock: SetClock) -> None:
    client = client_at(ATTACKER)
    await fail(client, ana.email, 10, clock)
    answer = await sign_in(client, ana.email)
    assert answer.status_code == 429
    assert 800 < int(answer.headers["retry-after"]) <= 900
    assert "minutes" in answer.json()["detail"]
    clock.pass_(int(answer.headers["retry-after"]))
    assert (await sign_in(client, ana.email)).status_code == 200


async def test_waiting_as_told_always_helps(ana: Any, client_at: ClientAt, clock: SetClock) -> None:
    client = client_at(ATTACKER)
    await fail(client, ana.email, 7, clock)
    for _ in range(20):  # impatience costs nothing
        answer = await sign_in(client, ana.email)
    clock.pass_(int(answer.headers["retry-after"]))
    assert (await sign_in(client, ana.email)).status_code == 200


async def test_a_right_password_forgives_the_wrong_ones(ana: Any, client_at: ClientAt, clock: SetClock) -> None:
    client = client_at(HOME)
    await fail(client, ana.email, 4, clock)
    assert (await sign_in(client, ana.email)).status_code == 200
    await fail(client, ana.email, 4, clock)
    assert (await sign_in(client, ana.email)).status_code == 200


async def test_an_address_without_an_account_is_limited_alike(client_at: ClientAt, clock: SetClock) -> None:
    client = client_at(ATTACKER)
    await fail(client, "nobody@example.org", 5, clock)
    answer = await sign_in(client, "nobody@example.org")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")


@pytest.mark.usefixtures("ana")
async def test_other_spellings_do_not_start_anew(client_at: ClientAt, clock: SetClock) -> None:
    client = client_at(ATTACKER)
    await fail(client, "ana@example.org", 3, clock)
    await fail(client, "ANA@EXAMPLE.ORG", 2, clock)
    assert (await sign_in(client, "Ana@Example.org")).status_code == 429


async def test_an_attacker_elsewhere_locks_nobody_out(ana: Any, client_at: ClientAt, clock: SetClock) -> None:
    await fail(client_at(ATTACKER), ana.email, 10, clock)
    assert (await sign_in(client_at(ATTACKER), ana.email)).status_code == 429
    assert (await sign_in(client_at(HOME), ana.email)).status_code == 200


async def test_another_account_at_the_same_address_goes_on(
    ana: Any, ben: Any, client_at: ClientAt, clock: SetClock
) -> None:
    client = client_at(HOME)
    await fail(client, ana.email, 10, clock)
    assert (await sign_in(client, ben.email)).status_code == 200


async def test_many_tries_at_once_are_many_tries(ana: Any, client_at: ClientAt, other_process: Any, rows: Rows) -> None:
    clients = [client_at(ATTACKER), client_at(ATTACKER, of=other_process)]
    answers = await asyncio.gather(*(sign_in(clients[n % 2], ana.email, f"guess {n}") for n in range(60)))
    assert {answer.status_code for answer in answers} == {401, 429}
    (counted,) = await rows("SELECT count(*) AS n FROM accounts.sign_in_attempt WHERE outcome = 'refused'")
    guessed = sum(answer.status_code == 401 for answer in answers)
    assert counted["n"] == guessed
    assert guessed <= 10


async def test_many_right_sign_ins_at_once_all_succeed(ana: Any, client_at: ClientAt, other_process: Any) -> None:
    clients = [client_at(HOME), client_at(HOME, of=other_process)]
    answers = await asyncio.gather(*(sign_in(clients[n % 2], ana.email) for n in range(60)))
    assert {answer.status_code for answer in answers} == {200}


async def test_the_address_of_an_ipv6_customer_is_its_network(ana: Any, client_at: ClientAt, clock: SetClock) -> None:
    await fail(client_at("2001:db8:1:2::1"), ana.email, 5, clock)
    assert (await sign_in(client_at("2001:db8:1:2:ffff::9"), ana.email)).status_code == 429
    assert (await sign_in(client_at("2001:db8:1:3::1"), ana.email)).status_code == 200
    assert (await sign_in(client_at("::ffff:198.51.100.20"), ana.email)).status_code == 200


class TestWithSmallLimits:
    @pytest.fixture
    def environ(self, environ: dict[str, str]) -> dict[str, str]:
        return {
            **environ,
            "ACCOUNTS__FAILURES_PER_ADDRESS": "12",
            "ACCOUNTS__FAILURES_PER_ACCOUNT": "12",
            "ACCOUNTS__BCRYPT_COST": "4",
        }

    async def test_one_password_for_many_accounts_is_stopped_at_the_address(
        self, ana: Any, client_at: ClientAt
    ) -> None:
        client = client_at(ATTACKER)
        answers = [await sign_in(client, f"person{number}@example.org", "Winter2026!") for number in range(14)]
        assert [answer.status_code for answer in answers] == [401] * 12 + [429] * 2
        assert (await sign_in(client, ana.email)).status_code == 429
        assert (await sign_in(client_at(HOME), ana.email)).status_code == 200

    async def test_on_a_laptop_its_own_address_is_not_limited_as_a_whole(self, nobody: Any) -> None:
        answers = [await sign_in(nobody, f"person{number}@example.org", "Winter2026!") for number in range(14)]
        assert {answer.status_code for answer in answers} == {401}

    async def test_many_machines_are_stopped_at_the_account_but_not_where_the_person_is_known(
        self, ana: Any, client_at: ClientAt
    ) -> None:
        assert (await sign_in(client_at(HOME), ana.email)).status_code == 200
        answers = [await sign_in(client_at(f"203.0.113.{n}"), ana.email, "a guess") for n in range(14)]
        assert [answer.status_code for answer in answers] == [401] * 12 + [429] * 2
        assert (await sign_in(client_at("203.0.113.200"), ana.email)).status_code == 429
        assert (await sign_in(client_at(HOME), ana.email)).status_code == 200

    async def test_many_tries_at_once_from_many_machines_stop_at_the_limit(self, ana: Any, client_at: ClientAt) -> None:
        answers = await asyncio.gather(*(sign_in(client_at(f"203.0.113.{n}"), ana.email, "a guess") for n in range(60)))
        assert 0 < sum(answer.status_code == 401 for answer in answers) <= 12
        assert {answer.status_code for answer in answers} <= {401, 429, 503}


async def test_an_attempt_that_was_cut_off_counts_as_failed_after_a_minute(
    ana: Any, client_at: ClientAt, rows: Rows, clock: SetClock
) -> None:
    client = client_at(ATTACKER)
    await fail(client, ana.email, 5, clock)
    await rows("UPDATE accounts.sign_in_attempt SET outcome = 'pending' WHERE network = :n RETURNING 1", n=ATTACKER)
    assert (await sign_in(client, ana.email, "wrong password")).status_code == 401  # five are under way, as it seems
    clock.pass_(61)
    await fail(client, ana.email, 4, clock)
    answer = await sign_in(client, ana.email)
    assert int(answer.headers["retry-after"]) > 700


async def test_what_was_typed_as_an_address_is_not_kept(nobody: Any, rows: Rows) -> None:
    await sign_in(nobody, "my-secret-password-typed-here", "x")
    (attempt,) = await rows("SELECT to_jsonb(attempt)::text AS all FROM accounts.sign_in_attempt AS attempt")
    assert "my-secret" not in attempt["all"]
    assert "wrong" not in attempt["all"]


async def test_each_try_is_in_the_persons_history(ana: Any, client_at: ClientAt, rows: Rows) -> None:
    client = client_at(HOME)
    await sign_in(client, ana.email, "wrong password")
    token = (await sign_in(client, ana.email)).json()
    assert token
    history = await rows(
        "SELECT outcome, address, method, session_id IS NOT NULL AS began FROM accounts.sign_in_attempt"
        " WHERE person_id = :person_id AND address = :address ORDER BY at",
        person_id=ana.person["id"], address=HOME,
    )  # fmt: skip
    assert history == [
        {"outcome": "refused", "address": HOME, "method": "password", "began": False},
        {"outcome": "signed_in", "address": HOME, "method": "password", "began": True},
    ]


def counts(**given: Any) -> Any:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    nothing = {f"{scope}_{what}": 0 for scope in ("pair", "account", "address") for what in ("failed", "pending")}
    moments = {"pair_oldest": now, "pair_newest": now, "account_oldest": now, "address_oldest": now}
    return SimpleNamespace(**{**nothing, **moments, "is_known_network": False, **given})


@pytest.mark.parametrize("examples", [pytest.param(200), pytest.param(20_000, marks=pytest.mark.long)])
def test_more_failures_never_shorten_the_wait(examples: int) -> None:
    number = st.integers(0, 130)
    limits = AccountsSettings()
    now = datetime(2026, 11, 21, tzinfo=UTC)

    @settings(max_examples=examples, deadline=None)
    @given(pair=number, pending=st.integers(0, 20), account=number, address=number, known=st.booleans(),
           age=st.integers(0, 899))  # fmt: skip
    def check(pair: int, pending: int, account: int, address: int, known: bool, age: int) -> None:
        past = now - timedelta(seconds=age)
        ages = {"pair_oldest": past, "pair_newest": past, "account_oldest": past, "address_oldest": past}

        def wait(**failed: int) -> float:
            given = {"pair_failed": pair, "account_failed": account, "address_failed": address, **failed}
            found = counts(**given, pair_pending=pending, is_known_network=known, **ages)
            return wait_seconds(found, limits, now, counts_address=True)

        before = wait()
        assert 0 <= before <= limits.failure_window_seconds
        assert wait(pair_failed=pair + 1) >= min(before, 1.0)
        assert wait(account_failed=account + 1) >= before
        assert wait(address_failed=address + 1) >= before
        if pair >= limits.failures_per_account_and_address or address >= limits.failures_per_address:
            assert before >= limits.failure_window_seconds - age
        crowded = is_crowded(counts(pair_failed=pair, pair_pending=pending), limits, counts_address=True)
        assert crowded == (pair + pending >= limits.failures_per_account_and_address)

    check()


@pytest.mark.parametrize(
    ("address", "network", "is_loopback"),
    [
        ("198.51.100.20", "198.51.100.20", False),
        ("::ffff:198.51.100.20", "198.51.100.20", False),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", False),
        ("fe80::1%eth0", "fe80::/64", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("::1", "::/64", True),
        ("", "", False),
        ("unix", "", False),
    ],
)
def test_what_counts_as_one_address(address: str, network: str, is_loopback: bool) -> None:
    device = Device(address=address, user_agent="", is_secure=False)
    assert (device.network, device.is_loopback) == (network, is_loopback)


def test_a_refusal_is_remembered_for_a_moment_and_not_longer() -> None:
    refused = RefusedLately(limit=2, longest_seconds=5)
    refused.note((b"a", "1"), now=100, seconds=900)
    assert refused.wait_seconds((b"a", "1"), 104.9) == pytest.approx(895.1)
    assert refused.wait_seconds((b"b", "1"), 100) == 0
    assert refused.wait_seconds((b"a", "1"), 105) == 0
    refused.note((b"a", "1"), now=200, seconds=1)
    assert refused.wait_seconds((b"a", "1"), 201) == 0
    for name in (b"a", b"b", b"c"):
        refused.note((name, "1"), now=300, seconds=2)
    assert [refused.wait_seconds((name, "1"), 301) for name in (b"a", b"b", b"c")] == [0, 1, 1]
