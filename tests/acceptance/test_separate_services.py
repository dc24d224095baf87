"""Separate services: two processes of accounts, two of tasks, nginx before them, one database; and some of them die."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from commonplace.platform.database.address import Address
from tests.acceptance.gateway import Gateway
from tests.acceptance.served import Served
from tests.conftest import SECRET, database_url
from tests.visitor import PASSWORD

pytestmark = [pytest.mark.anyio, pytest.mark.long]

CLIENTS = 6
GONE = 503


class Rig:
    """The services of one installation, and their gateway."""

    def __init__(self, accounts: list[Served], tasks: list[Served], gateway: Gateway) -> None:
        self.accounts, self.tasks, self.gateway = accounts, tasks, gateway


@pytest.fixture
def rig(installation: Callable[..., Served], cloned_database_address: Address, tmp_path: Path) -> Iterator[Rig]:
    shared = {
        "DATABASE_URL": database_url(cloned_database_address),
        "JWT__SECRET_KEY": SECRET,
        "WEB_WORKERS": "1",
        "ACCOUNTS__BCRYPT_COST": "4",
        "HTTP__TRUSTED_PROXIES": "127.0.0.1",
    }
    accounts = [installation(**shared) for _ in range(2)]
    asks = {"ACCOUNTS_URL": ",".join(served.url for served in accounts)}
    tasks = [installation(**shared, **asks) for _ in range(2)]
    gateway = Gateway(
        tmp_path,
        {
            "accounts": [served.port for served in accounts],
            "tasks": [served.port for served in tasks],
            "others": [accounts[0].port],
        },
    )
    gateway.start()
    try:
        for served in accounts:
            served.start("--apps", "accounts", "--no-worker")
        for served in tasks:
            served.start("--apps", "tasks", "--no-worker")
        yield Rig(accounts, tasks, gateway)
    finally:
        gateway.stop()


@pytest.fixture
async def ana(rig: Rig) -> AsyncIterator[httpx.AsyncClient]:
    """A client that comes through the gateway, signed in."""
    async with httpx.AsyncClient(base_url=rig.gateway.url, timeout=20) as client:
        person = {"email": "ana@example.org", "password": PASSWORD, "name": "Ana"}
        assert (await client.post("/auth/register", json=person)).status_code == 201
        client.headers["Authorization"] = await sign_in(client)
        yield client


async def sign_in(client: httpx.AsyncClient) -> str:
    answer = await client.post("/auth/login", json={"email": "ana@example.org", "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return f"Bearer {answer.json()['access_token']}"


class Load:
    """Clients that ask without a pause, and what they were answered."""

    def __init__(self, url: str, headers: dict[str, str], task: dict[str, Any]) -> None:
        self.answers: Counter[tuple[str, Any]] = Counter()
        self._url, self._headers, self._task = url, headers, task
        self._is_over = False
        self._clients = [asyncio.create_task(self._ask()) for _ in range(CLIENTS)]

    async def _ask(self) -> None:
        path = f"/tasks/{self._task['id']}"
        async with httpx.AsyncClient(base_url=self._url, headers=self._headers, timeout=20) as client:
            while not self._is_over:
                await self._count(client, "GET", path)
                await self._count(client, "GET", "/auth/profile")
                await self._count(client, "PUT", path, json={"title": "Pay the rent"})
                await self._count(client, "POST", "/tasks", json={"title": "Another"})

    async def _count(self, client: httpx.AsyncClient, method: str, path: str, **options: Any) -> None:
        try:
            status: Any = (await client.request(method, path, **options)).status_code
        except httpx.TransportError as error:
            status = type(error).__name__
        self.answers[method, status] += 1

    async def end(self) -> Counter[tuple[str, Any]]:
        """What was answered, by method and status."""
        self._is_over = True
        await asyncio.gather(*self._clients)
        return self.answers


async def test_a_process_of_each_dies_and_nobody_notices(rig: Rig, ana: httpx.AsyncClient) -> None:
    task = (await ana.post("/tasks", json={"title": "Pay rent"})).json()
    load = Load(rig.gateway.url, {"Authorization": ana.headers["Authorization"]}, task)
    await asyncio.sleep(2)
    for served in (rig.tasks[0], rig.accounts[0]):
        await asyncio.to_thread(served.kill)
        await asyncio.sleep(3)
    for served, app in ((rig.tasks[0], "tasks"), (rig.accounts[0], "accounts")):
        await asyncio.to_thread(served.start, "--apps", app, "--no-worker")
    await asyncio.sleep(3)
    answers = await load.end()
    idempotent = {key: count for key, count in answers.items() if key[0] in ("GET", "PUT")}
    assert {status for _, status in idempotent} == {200}, answers
    assert sum(idempotent.values()) > 300, answers
    made = answers["POST", 201]
    lost = {key: count for key, count in answers.items() if key[0] == "POST" and key[1] != 201}
    assert sum(lost.values()) <= CLIENTS, f"At most what was under way when a process died: {answers}"
    titles = [item["title"] for item in (await ana.get("/tasks")).json()["items"]]
    assert made <= titles.count("Another") <= made + sum(lost.values()), "What was answered with 201 is there."


async def test_a_sign_out_cuts_in_every_process_of_the_other_service(rig: Rig, ana: httpx.AsyncClient) -> None:
    for path in ("/internal/identity/keys", "//internal/identity/keys", "/auth/../internal/x", "/%69nternal/x"):
        answer = await ana.get(httpx.URL(rig.gateway.url + path))
        assert (answer.status_code, "nginx" in answer.text) == (404, True), "Nothing leads to what services ask."
    for served in rig.tasks:
        assert (await ana.get(f"{served.url}/tasks")).status_code == 200
    began = time.monotonic()
    assert (await ana.post("/auth/logout")).status_code == 204
    for served in rig.tasks:
        assert (await ana.get(f"{served.url}/tasks")).status_code == 401
    assert time.monotonic() - began < 1


async def test_without_the_auth_service_nobody_is_let_in(rig: Rig, ana: httpx.AsyncClient) -> None:
    assert (await ana.get("/tasks")).status_code == 200
    for served in rig.accounts:
        await asyncio.to_thread(served.kill)
    killed = time.monotonic()
    statuses: list[tuple[float, int]] = []
    while time.monotonic() < killed + 30 and (not statuses or statuses[-1][1] != GONE):
        answer = await ana.get("/tasks")
        statuses.append((time.monotonic() - killed, answer.status_code))
        await asyncio.sleep(0.1)
    assert {status for _, status in statuses} <= {200, GONE}, statuses
    assert statuses[-1][1] == GONE, statuses
    assert answer.headers["Retry-After"] == "1"
    assert max((after for after, status in statuses if status == 200), default=0) < 7, statuses
    away = await ana.get("/auth/profile")
    assert (away.status_code, away.headers["Content-Type"]) == (GONE, "application/problem+json")
    assert away.json()["status"] == GONE
    assert away.headers["Retry-After"] == "2"
    health = (await ana.get("/health/tasks")).json()
    assert health["status"] == "degraded"
    await asyncio.to_thread(rig.accounts[1].start, "--apps", "accounts", "--no-worker")
    assert (await ana.get("/tasks")).status_code == 200
