"""Commonplace and the servers it is compared with, started in one run on free ports below a scratch directory."""

import asyncio
import atexit
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from benchmarks import reference
from commonplace.platform.database.embedded.server import EmbeddedServer

BIN = Path(sys.executable).parent
PASSWORD = "correct horse battery"


class Program:
    """A program that was started, and answers at `url`."""

    def __init__(self, arguments: list[Any], *, port: int, ready: str, environ: dict[str, str] | None = None) -> None:
        self.url = f"http://127.0.0.1:{port}"
        began = time.monotonic()
        self.process = subprocess.Popen(
            [str(argument) for argument in arguments],
            env={**os.environ, **(environ or {})},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        atexit.register(self.stop)  # whatever happens to the benchmark
        wait_until(lambda: httpx.get(self.url + ready, timeout=1).status_code < 500)
        self.seconds_to_first_answer = time.monotonic() - began

    def stop(self) -> None:
        """End it, politely first."""
        atexit.unregister(self.stop)
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)


class Commonplace(Program):
    """Ours, as `commonplace serve` starts it without options, with one person signed in."""

    def __init__(self, directory: Path, **environ: str) -> None:
        self.directory = directory
        self.environ = {
            "COMMONPLACE_DATA_DIR": str(directory),
            "PORT": str(free_port()),
            "LIMITS__REQUESTS_PER_SECOND": "1000000",
            **environ,
        }
        super().__init__(
            [BIN / "commonplace", "serve"], port=int(self.environ["PORT"]), ready="/health", environ=self.environ
        )

    def sign_in(self) -> None:
        """Make the person `ana` and keep her token."""
        person = {"email": "ana@example.org", "password": PASSWORD, "name": "Ana"}
        httpx.post(f"{self.url}/auth/register", json=person).raise_for_status()
        answer = httpx.post(f"{self.url}/auth/login", json=person)
        self.token: str = answer.raise_for_status().json()["access_token"]
        self.headers = {"Authorization": f"Bearer {self.token}"}
        self.client = httpx.Client(base_url=self.url, headers=self.headers, timeout=300)

    def reference(self) -> Program:
        """REF2 beside it, on the same database server."""
        with EmbeddedServer(self.directory).acquire() as lease:
            asyncio.run(_make_reference_database(lease))
            dsn = lease.url().replace("/commonplace?", "/reference?")
        port = free_port()
        return Program([sys.executable, "-m", "benchmarks.reference", port, dsn, self.token], port=port, ready="/list")


async def _make_reference_database(lease: Any) -> None:
    connection = await asyncpg.connect(**lease.connection_to("postgres"))
    await connection.execute("DROP DATABASE IF EXISTS reference")
    await connection.execute("CREATE DATABASE reference")
    await connection.close()
    connection = await asyncpg.connect(**lease.connection_to("reference"))
    await connection.execute(reference.SETUP)
    await connection.execute("VACUUM ANALYZE file")
    await connection.close()


class PocketBase(Program):
    """PocketBase from its wheel, with one collection of a thousand records and a token of one user."""

    def __init__(self, directory: Path) -> None:
        program = BIN / "pocketbase"
        subprocess.run(
            [program, "superuser", "upsert", "root@example.org", PASSWORD, f"--dir={directory}"],
            check=True,
            capture_output=True,
        )
        port = free_port()
        super().__init__(
            [program, "serve", f"--http=127.0.0.1:{port}", f"--dir={directory}"], port=port, ready="/api/health"
        )
        answer = httpx.post(
            f"{self.url}/api/collections/_superusers/auth-with-password",
            json={"identity": "root@example.org", "password": PASSWORD},
        )
        self.headers = {"Authorization": answer.raise_for_status().json()["token"]}
        self.client = httpx.Client(base_url=self.url, headers=self.headers, timeout=60)
        fields = [{"name": "name", "type": "text"}, {"name": "size_bytes", "type": "number"}]
        fields += [{"name": "content", "type": "file", "maxSelect": 1, "maxSize": 1 << 30}]
        collection = {"name": "files", "type": "base", "fields": fields}
        self.client.post("/api/collections", json=collection).raise_for_status()
        for number in range(200):
            record = {"name": f"IMG_{number}.jpg", "size_bytes": number}
            answer = self.client.post("/api/collections/files/records", json=record)
        self.record: str = answer.raise_for_status().json()["id"]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], bool], *, seconds: float = 60) -> None:
    """Wait for a state, `seconds` at most."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.01)
    raise TimeoutError("It did not come to that state.")


def memory_mb(directory: Path) -> float:
    """PSS of every process that has `directory` in its command line or environment, and of their children, in MB."""
    parents: dict[int, int] = {}
    own: set[int] = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            text = (entry / "cmdline").read_bytes()
            text += (entry / "environ").read_bytes()
        except OSError:
            text = b""
        if str(directory).encode() in text:
            own.add(int(entry.name))
    while more := {pid for pid, parent in parents.items() if parent in own} - own:
        own |= more
    total = 0
    for pid in own:
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return total / 1024
