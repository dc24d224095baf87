"""Where mail is configured nobody can tell by answer, status or time whether an address has an account."""

import random
import statistics
import time
from typing import Any

import httpx
import pytest

from commonplace.apps.accounts import people
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.schemas import PersonCreate
from commonplace.platform.database.session import Database
from tests.apps.accounts.conftest import PASSWORD, ClientAt, Rows

pytestmark = pytest.mark.anyio
#: What a stranger can send with an address of their choice.
ROUTES: dict[str, tuple[str, dict[str, str]]] = {
    "register": ("/auth/register", {"password": PASSWORD, "name": "Somebody"}),
    "login": ("/auth/login", {"password": "not the password"}),
    "forgot": ("/auth/password/forgot", {}),
    "sign-up page": ("/app/sign-up", {"password": PASSWORD, "name": "Somebody"}),
    "sign-in page": ("/app/sign-in", {"password": "not the password"}),
    "forgot page": ("/app/forgot", {}),
}
KINDS = ("active", "suspended", "without-password", "unknown", "unknown-too")
_OF_ONE_REQUEST = {"x-request-id", "date", "server-timing", "content-length"}


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    return environ | {
        "MAIL__URL": "smtp://127.0.0.1:1",  # nothing is sent: no worker runs
        "MAIL__FROM": "cloud@example.org",
        "ACCOUNTS__REGISTRATION": "open",
    }


@pytest.fixture
async def addresses(app: Any, accounts: Accounts, rows: Rows) -> dict[str, str]:
    assert accounts.hides_addresses
    found = {kind: f"{kind}@example.org" for kind in KINDS}
    for kind in KINDS[:3]:
        person = PersonCreate(email=found[kind], password=PASSWORD, name="Somebody Else")
        await people.create_person(accounts, person, role="user")
    await people.suspend(accounts, found["suspended"])
    await rows(
        "DELETE FROM accounts.password USING accounts.account WHERE account.person_id = password.person_id"
        " AND email = :email RETURNING 1",
        email=found["without-password"],
    )
    return found


async def sent(client: httpx.AsyncClient, path: str, body: dict[str, str]) -> httpx.Response:
    if path.startswith("/app/"):
        return await client.post(path, data=body)
    return await client.post(path, json=body)


async def test_answers_and_statuses_are_the_same(
    addresses: dict[str, str], client_at: ClientAt, database: Database
) -> None:
    for route, (path, fields) in ROUTES.items():
        seen = set()
        for number, email in enumerate(addresses.values()):
            # From another network each: what one stranger did counts for nobody else.
            answer = await sent(client_at(f"203.0.113.{number + 1}"), path, {**fields, "email": email})
            headers = tuple(
                sorted((name, value) for name, value in answer.headers.items() if name not in _OF_ONE_REQUEST)
            )
            text = answer.text.replace(email, "ADDRESS").replace(email.replace("@", "%40"), "ADDRESS")
            seen.add((answer.status_code, tuple(headers), text.replace(answer.headers["x-request-id"], "ID")))
        assert len(seen) == 1, (route, seen)


async def test_a_person_who_changes_their_address_learns_of_no_other(
    addresses: dict[str, str], client_at: ClientAt, accounts: Accounts
) -> None:
    client = client_at()
    tokens = (await client.post("/auth/login", json={"email": addresses["active"], "password": PASSWORD})).json()
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    seen = set()
    for kind in ("suspended", "without-password", "unknown", "unknown-too"):
        body = {"email": addresses[kind], "password": PASSWORD}
        answer = await client.post("/auth/address", json=body, headers=bearer)
        seen.add((answer.status_code, answer.text))
    assert len(seen) == 1, seen


@pytest.mark.long
@pytest.mark.parametrize("route", ROUTES)
async def test_times_are_the_same(
    addresses: dict[str, str],
    client_at: ClientAt,
    accounts: Accounts,
    rows: Rows,
    monkeypatch: pytest.MonkeyPatch,
    route: str,
) -> None:
    """One who is asked to tell them apart by the time does no better than by a coin.

    The number is that of a rank test: how often a request with one kind of address takes longer than one with another.
    """
    path, fields = ROUTES[route]
    for name in ("failures_per_account_and_address", "failures_before_delay", "failures_per_account"):
        monkeypatch.setattr(accounts.settings, name, 100_000)
    client = client_at()
    times: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for repetition in range(70):
        for kind in random.sample(KINDS, len(KINDS)):
            began = time.perf_counter()
            await sent(client, path, {**fields, "email": addresses[kind]})
            if repetition >= 10:
                times[kind].append(time.perf_counter() - began)
    for kind in KINDS[:3]:
        for other in KINDS[3:]:
            longer = statistics.fmean(a > b for a in times[kind] for b in times[other])
            assert 0.3 < longer < 0.7, (route, kind, other, longer, {k: statistics.median(v) for k, v in times.items()})
