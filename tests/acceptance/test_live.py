"""Live connections through the real servers: what is sent, and the codes with which they end."""

import asyncio
import contextlib
import io
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import websockets
from PIL import Image

from tests.acceptance.served import Served

pytestmark = pytest.mark.anyio

Make = Callable[..., Served]


def picture() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (300, 200), "teal").save(stream, "PNG")
    return stream.getvalue()


@contextlib.asynccontextmanager
async def listening(
    served: Served, client: httpx.Client, *, times: int = 1, since: str = ""
) -> AsyncIterator[list[websockets.ClientConnection]]:
    """So many connections of one person."""
    url = f"{served.url.replace('http', 'ws')}/api/live{since and f'?since={since}'}"
    headers = {"Authorization": client.headers["Authorization"]}
    async with contextlib.AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(websockets.connect(url, additional_headers=headers, close_timeout=1))
            for _ in range(times)
        ]


async def heard(socket: websockets.ClientConnection, *names: str) -> dict[str, Any]:
    """The next events of these names, in any order, by name."""
    found: dict[str, Any] = {}
    async with asyncio.timeout(20):
        while not found.keys() >= set(names):
            for event in json.loads(await socket.recv())["events"]:
                found.setdefault(event["name"], event)
    return found


async def closed(socket: websockets.ClientConnection) -> int | None:
    """Read to the end; the code that it ends with."""
    async with asyncio.timeout(20):
        try:
            while True:
                await socket.recv()
        except websockets.ConnectionClosed as end:
            return end.rcvd.code if end.rcvd else None


@pytest.mark.long
@pytest.mark.parametrize("server", ["granian", "uvicorn"])
async def test_a_page_hears_of_changes_until_its_session_ends(installation: Make, server: str) -> None:
    served = await asyncio.to_thread(installation().start, "--server", server)
    ana, ben = [await asyncio.to_thread(served.join, name) for name in ("ana", "ben")]
    async with listening(served, ana, times=6) as sockets, listening(served, ben) as (other,):
        answer = await asyncio.to_thread(ana.post, "/api/files", params={"name": "a.png"}, content=picture())
        for socket in sockets:  # over several web processes; the worker, which tells of the processing, is another
            events = await heard(socket, "file.uploaded", "file.processed")
            assert events["file.uploaded"]["item"]["id"] == answer.json()["id"]
        assert (await asyncio.to_thread(ana.post, "/auth/logout")).status_code == 204
        assert [await closed(socket) for socket in sockets] == [4401] * 6
        await asyncio.to_thread(ben.post, "/api/files", params={"name": "b.txt"}, content=b"abc")
        await heard(other, "file.uploaded")
        stopping = asyncio.create_task(asyncio.to_thread(served.stop))
        assert await closed(other) in ((1012,) if server == "uvicorn" else (1012, None))  # granian hangs up in silence
        assert await stopping == 0


@pytest.mark.long
async def test_what_happened_while_the_server_was_away_comes_first(installation: Make) -> None:
    served = await asyncio.to_thread(installation().start)
    ana = await asyncio.to_thread(served.join, "ana")
    async with listening(served, ana) as (socket,):
        cursor = json.loads(await socket.recv())["cursor"]
        await asyncio.to_thread(ana.post, "/api/files", params={"name": "a.txt"}, content=b"abc")
        await asyncio.to_thread(served.kill)
    await asyncio.to_thread(served.start)
    async with listening(served, ana, since=cursor) as (again,):
        assert (await heard(again, "file.uploaded"))["file.uploaded"]["item"]["kind"] == "file"
