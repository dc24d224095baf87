"""`DATABASE__POOLER=transaction`: nothing of a connection stays from one transaction to the next, nobody can listen."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import websockets
from asgi_lifespan import LifespanManager

from commonplace import application
from commonplace.platform.app import App
from commonplace.platform.database.address import Address
from commonplace.platform.database.bus import Bus
from commonplace.platform.parts import Parts
from commonplace.settings import Settings
from tests.acceptance.pooler import Pooler, pooling
from tests.acceptance.serving import listening
from tests.conftest import database_url
from tests.platform.media.pictures import encoded, quarters
from tests.visitor import Visitor

pytestmark = [pytest.mark.anyio, pytest.mark.long]
AT_ONCE = 12


@pytest.fixture
async def pooler(database_address: Address) -> AsyncIterator[tuple[Pooler, int]]:
    async with pooling(database_address) as both:
        yield both


@pytest.fixture
def environ(environ: dict[str, str], database_address: Address, pooler: tuple[Pooler, int]) -> dict[str, str]:
    at = f"{database_address.user}:{database_address.password or ''}@127.0.0.1:{pooler[1]}"
    return environ | {
        "DATABASE_URL": f"postgresql://{at}/{database_address.database}",
        "DATABASE__POOLER": "transaction",
        "LIVE__POLL_SECONDS": "0.1",
    }


@asynccontextmanager
async def another_process(settings: Settings, apps: tuple[App, ...]) -> AsyncIterator[httpx.AsyncClient]:
    """One more web process of the same installation (in this process, with nothing in common)."""
    address = settings.database_address
    assert address is not None
    parts = application.compose(settings, address, apps)
    async with LifespanManager(application.build(settings, parts, apps)) as manager:
        transport = httpx.ASGITransport(app=manager.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=30) as client:
            yield client


async def a_life_of_a_file(visitor: Visitor, number: int) -> None:
    """Every kind of request, each with transactions of its own."""
    name = f"{number}.txt"
    answer = await visitor.post("/api/folders", json={"name": f"folder {number}"})
    folder_id = answer.json()["id"]
    key = {"Idempotency-Key": f"once-{number}"}
    answer = await visitor.post("/api/files", files={"file": (name, name.encode())}, headers=key)
    assert answer.status_code == 201, answer.text
    path = f"/api/files/{answer.json()['id']}"
    again = await visitor.post("/api/files", files={"file": (name, name.encode())}, headers=key)
    assert again.headers["Idempotent-Replayed"] == "true"
    answer = await visitor.patch(path, json={"folder_id": folder_id}, headers={"If-Match": '"1"'})
    assert answer.json()["folder_id"] == folder_id
    assert (await visitor.patch(path, json={"name": "b"}, headers={"If-Match": '"1"'})).status_code == 412
    assert (await visitor.put(f"{path}/content", content=b"second")).json()["version"] == 3
    assert len((await visitor.get(f"{path}/versions")).json()["items"]) == 3
    assert (await visitor.post(f"{path}/versions/1/restore")).json()["version"] == 4
    assert (await visitor.get(f"{path}/content")).content == name.encode()
    assert (await visitor.delete(path)).status_code == 204
    assert (await visitor.get(path)).status_code == 404
    assert (await visitor.post(f"{path}/restore")).status_code == 200
    listed = await visitor.get("/api/files", params={"folder_id": folder_id})
    assert [file["name"] for file in listed.json()["items"]] == [name]


async def test_everything_works_with_many_at_once(ana: Visitor, pooler: tuple[Pooler, int], parts: Parts) -> None:
    assert parts[Bus].application_name is None, "nobody can listen through a pooler"
    await asyncio.gather(*(a_life_of_a_file(ana, number) for number in range(AT_ONCE)))
    profile = await ana.put("/auth/profile", json={"name": "Ana Maria"})
    assert profile.json()["version"] == 2
    assert len((await ana.get("/api/trash")).json()["items"]) == 0
    assert (await ana.get("/health")).json()["checks"][0]["status"] == "healthy"
    assert len(pooler[0].servers) > 1, "each transaction is to get another server"


async def test_the_worker_finds_its_work_by_itself(ana: Visitor, deliver: Callable[[], Awaitable[None]]) -> None:
    picture = encoded(quarters(), "PNG")
    file = (await ana.post("/api/files", files={"file": ("a.png", picture)})).json()
    await deliver()
    assert (await ana.get(f"/api/files/{file['id']}")).json()["processing"]["state"] == "done"
    assert (await ana.get(f"/api/files/{file['id']}/thumbnail")).status_code == 200


async def test_changes_reach_those_who_wait(app: Any, ana: Visitor) -> None:
    async with listening(app) as address:
        url = address.replace("http", "ws", 1) + "/api/live"
        async with websockets.connect(url, additional_headers={"Authorization": ana.headers["Authorization"]}) as live:
            await live.recv()  # where it stands now
            file = (await ana.post("/api/files", files={"file": ("a.txt", b"1")})).json()
            async with asyncio.timeout(5):
                while not (events := json.loads(await live.recv())["events"]):
                    pass
    assert events[0]["name"] == "file.uploaded"
    assert events[0]["item"]["id"] == file["id"]


async def test_signing_out_holds_at_once_everywhere(ana: Visitor, settings: Settings, apps: tuple[App, ...]) -> None:
    async with another_process(settings, apps) as elsewhere:
        headers = {"Authorization": ana.headers["Authorization"]}
        for _ in range(3):  # so that it would be remembered, if anything were
            assert (await elsewhere.get("/auth/profile", headers=headers)).status_code == 200
        assert (await ana.post("/auth/logout")).status_code == 204
        assert (await elsewhere.get("/auth/profile", headers=headers)).status_code == 401


class TestWithADirectWayBesideIt:
    @pytest.fixture
    def environ(self, environ: dict[str, str], database_address: Address) -> dict[str, str]:
        return environ | {"DATABASE__LISTEN_URL": database_url(database_address), "LIVE__POLL_SECONDS": "10"}

    async def test_processes_hear_each_other(
        self, ana: Visitor, parts: Parts, settings: Settings, apps: tuple[App, ...]
    ) -> None:
        assert await parts[Bus].confirm()
        async with another_process(settings, apps) as elsewhere:
            headers = {"Authorization": ana.headers["Authorization"]}
            assert (await elsewhere.get("/auth/profile", headers=headers)).status_code == 200
            assert (await ana.post("/auth/logout")).status_code == 204
            assert (await elsewhere.get("/auth/profile", headers=headers)).status_code == 401
