"""Kills at moments nobody chose, many of them: nothing that was acknowledged is lost, and it goes on by itself."""

import asyncio
import contextlib
import random
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from commonplace.platform.database.embedded.databases import ensure_database
from commonplace.platform.database.embedded.layout import Layout
from commonplace.platform.database.embedded.leftovers import named_server, owner
from commonplace.platform.database.embedded.server import EmbeddedServer, Lease
from tests.platform.database.embedded.watching import answers, ask, kill

pytestmark = [pytest.mark.long, pytest.mark.anyio, pytest.mark.timeout(300)]

_AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, TimeoutError)
KILLS = 30
STARTS = 15
STARTER = """
import sys
from pathlib import Path
from commonplace.platform.database.embedded.server import EmbeddedServer
EmbeddedServer(Path(sys.argv[1]), linger_seconds=0.2).acquire()
"""


class Writer:
    """Writes one row after the other, and remembers which of them were acknowledged."""

    def __init__(self, server: EmbeddedServer, lease: Lease) -> None:
        self.server, self.lease = server, lease
        self.acknowledged: list[int] = []
        self.again = 0

    async def write(self) -> None:
        number = 0
        while True:
            if self.lease.is_lost():
                self.lease.close()
                self.lease = await asyncio.to_thread(self.server.acquire)
                self.again += 1
            with contextlib.suppress(*_AWAY):
                connection = await asyncpg.connect(**self.lease.dsn, timeout=5)
                try:
                    while True:
                        number += 1
                        await connection.execute("INSERT INTO written VALUES ($1)", number)
                        self.acknowledged.append(number)
                finally:
                    connection.terminate()
            await asyncio.sleep(0.01)


async def test_what_was_acknowledged_survives_every_kill(data_dir: Path) -> None:
    server = EmbeddedServer(data_dir, linger_seconds=0.5)
    writer = Writer(server, await asyncio.to_thread(server.acquire))
    try:
        await _prepare(writer.lease)
        await _kill_while(writer, server)
    finally:
        writer.lease.close()
    with await asyncio.to_thread(server.acquire) as lease:
        connection = await asyncpg.connect(**lease.dsn)
        stored = {row["number"] for row in await connection.fetch("SELECT number FROM written")}
        await connection.close()
    assert set(writer.acknowledged) <= stored
    assert len(writer.acknowledged) > KILLS
    assert writer.again > 0


async def _prepare(lease: Lease) -> None:
    await ensure_database(lease, "commonplace")
    connection = await asyncpg.connect(**lease.dsn)
    await connection.execute("CREATE TABLE written (number int PRIMARY KEY)")
    await connection.close()


async def _kill_while(writer: Writer, server: EmbeddedServer) -> None:
    """Kill the server, and every third time its supervisor, whenever some rows were acknowledged."""
    writing = asyncio.create_task(writer.write())
    for number in range(KILLS):
        before = len(writer.acknowledged)
        async with asyncio.timeout(60):
            while len(writer.acknowledged) < before + random.randint(1, 200):
                assert not writing.done()
                await asyncio.sleep(0.002)
        signed = owner(server.layout)
        pid = named_server(server.layout.cluster) if number % 3 else signed and signed[1]
        if pid:
            kill(pid, signal.SIGKILL)
    writing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await writing


def test_starts_killed_anywhere_end_in_a_whole_cluster(empty_dir: Path, environment: dict[str, str]) -> None:
    """The first start takes about a second: the kills fall into `initdb`, the roles, the sync and the first run."""
    layout = Layout(empty_dir)
    for number in range(STARTS):
        with subprocess.Popen([sys.executable, "-c", STARTER, str(empty_dir)], env=environment) as starter:
            with contextlib.suppress(subprocess.TimeoutExpired):
                starter.wait(0.1 + 0.1 * number)
            signed = owner(layout)
            if signed is not None:
                kill(signed[1], signal.SIGKILL)
            starter.kill()
        if layout.cluster.exists():
            assert (layout.cluster / "PG_VERSION").exists()
    with EmbeddedServer(empty_dir, linger_seconds=0.2).acquire() as lease:
        assert answers(lease.connection_to("postgres"))
        assert ask(lease.connection_to("postgres"), "SHOW data_checksums") == "on"
    assert not layout.unfinished.exists()
