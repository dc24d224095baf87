"""Faults, long by nature: killed in the middle of uploads, the database killed, gigabytes in flat memory."""

import asyncio
import contextlib
import hashlib
import itertools
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.served import Served

pytestmark = [pytest.mark.long, pytest.mark.timeout(1200)]
Make = Callable[..., Served]

UPLOADS = 200
KILLS = 5
GIGABYTES = 2
GROWTH_LIMIT_MB = 64


def resident_mb(pids: list[int]) -> float:
    """Anonymous memory, which the page cache of files that are sent does not count to."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))
    return total / 1024


class Uploaders:
    """Clients that send numbered files until each is acknowledged, whatever happens to the server."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._numbers = iter(range(UPLOADS))
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._work) for _ in range(6)]
        self.acknowledged: dict[str, str] = {}  #: id to SHA-256
        self.milestones = threading.Semaphore(0)  #: released when it is time for a kill

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (number := self._next()) is not None:
            chance = random.Random(number)
            content = chance.randbytes(chance.choice([0, 5_000, 300_000, 3_000_000]))
            identifier = self._upload(number, content)
            with self._lock:
                self.acknowledged[identifier] = hashlib.sha256(content).hexdigest()
            if number % (UPLOADS // (KILLS + 1)) == 7:
                self.milestones.release()

    def _next(self) -> int | None:
        with self._lock:
            return next(self._numbers, None)

    def _upload(self, number: int, content: bytes) -> str:
        while True:
            with contextlib.suppress(httpx.TransportError):
                files = {"file": (f"{number}.bin", content)}
                key = {"Idempotency-Key": f"upload-{number}"}
                answer = self._client.post("/api/files", files=files, headers=key, timeout=30)
                if answer.status_code == 201:
                    return str(answer.json()["id"])
                assert answer.status_code in (409, 503), answer.text
            time.sleep(0.05)


def test_every_acknowledged_upload_survives_kills_at_random(installation: Make) -> None:
    chance = random.Random(20261121)
    served = installation().start()
    client = served.join("ana")
    uploaders = Uploaders(client)
    uploaders.start()
    for _ in range(KILLS):
        uploaders.milestones.acquire()
        time.sleep(chance.uniform(0, 0.3))
        served.kill()
        served.start()
    uploaders.join()

    assert len(uploaders.acknowledged) == UPLOADS
    assert len(list(everything(client))) == UPLOADS, "a repeated upload was doubled, or one that was told is gone"
    served.wait(lambda: all(row["processing"]["state"] != "pending" for row in everything(client)), seconds=120)
    repaired = served.run("storage", "sweep", "--repair", "--min-age-minutes", "0")
    swept = served.run("storage", "sweep", "--json", "--min-age-minutes", "0")
    assert swept.returncode == 0, repaired.stdout + swept.stdout + swept.stderr
    for identifier, sha256 in uploaders.acknowledged.items():
        content = client.get(f"/api/files/{identifier}/content").raise_for_status().content
        assert hashlib.sha256(content).hexdigest() == sha256


def everything(client: httpx.Client) -> Iterator[dict[str, Any]]:
    after = None
    while True:
        page = client.get("/api/files", params={"limit": 100} | ({"after": after} if after else {})).json()
        yield from page["items"]
        after = page["next"]
        if after is None:
            return


def test_the_database_killed_is_told_as_503_and_recovers_by_itself(installation: Make) -> None:
    served = installation().start()
    client = served.join("ana")
    kept = client.post("/api/files", files={"file": ("a.txt", b"kept")}).json()
    seen: set[int] = set()
    for _ in range(3):
        os.kill(postmaster(served), signal.SIGKILL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            answer = client.post("/api/files", files={"file": ("b.txt", b"more")})
            seen.add(answer.status_code)
            assert answer.status_code in (201, 503), answer.text
            if answer.status_code == 503:
                assert int(answer.headers["Retry-After"]) >= 1
            elif client.get(f"/api/files/{kept['id']}").status_code == 200:
                break
            time.sleep(0.02)
        else:
            raise AssertionError("It did not recover.")
    assert 503 in seen
    assert client.get(f"/api/files/{kept['id']}/content").content == b"kept"
    served.wait(lambda: client.get("/health").json()["status"] == "healthy", seconds=60)


PEOPLE = 100  #: who read and write at once, all the time


def test_the_database_killed_at_peak_loses_nothing_that_was_told(installation: Make) -> None:
    served = installation(LIMITS__REQUESTS_PER_ADDRESS="100000000").start()
    client = served.join("ana")
    peak = Peak(served.url, client.headers["Authorization"])
    asyncio.run(peak.run(killed_twice(peak, served)))
    assert set(peak.seen) == {200, 201, 503}, peak.seen
    assert peak.seen[201] == len(peak.told)
    there = {task["title"] for task in client.get("/api/tasks").json()["items"]}
    assert peak.told <= there, f"{len(peak.told - there)} of {len(peak.told)} tasks that were told are gone"
    served.wait(lambda: client.get("/health").json()["status"] == "healthy", seconds=60)


class Peak:
    """People who read and write without a pause, until they are told to stop."""

    def __init__(self, url: str, authorization: str) -> None:
        limits = httpx.Limits(max_connections=PEOPLE)
        self._client = httpx.AsyncClient(
            base_url=url, headers={"Authorization": authorization}, limits=limits, timeout=60
        )
        self.seen: Counter[int] = Counter()  #: answers by their status
        self.told: set[str] = set()  #: titles of the tasks that were acknowledged
        self._is_over = False

    async def run(self, story: Coroutine[Any, Any, None]) -> None:
        """Let everybody live while the story happens."""
        async with self._client, asyncio.TaskGroup() as people:
            for person in range(PEOPLE):
                people.create_task(self._live(person))
            await story
            self._is_over = True

    async def _live(self, person: int) -> None:
        for number in itertools.count():
            if self._is_over:
                return
            title = f"{person}-{number}"
            answer = await self._client.post("/api/tasks", json={"title": title})
            self.seen[answer.status_code] += 1
            if answer.status_code == 201:
                self.told.add(title)
            for _ in range(3):
                answer = await self._client.get("/api/tasks?limit=10")
                self.seen[answer.status_code] += 1
                assert answer.status_code == 200 or int(answer.headers["Retry-After"]) >= 1

    async def until_told(self, more: int) -> None:
        """Wait until so many more tasks were acknowledged."""
        enough = len(self.told) + more
        while len(self.told) < enough:
            await asyncio.sleep(0.05)

    async def until_refused(self) -> None:
        """Wait until somebody is told that something is away."""
        before = self.seen[503]
        while self.seen[503] == before:
            await asyncio.sleep(0.01)


async def killed_twice(peak: Peak, served: Served) -> None:
    for _ in range(2):
        await peak.until_told(2 * PEOPLE)
        os.kill(await asyncio.to_thread(postmaster, served), signal.SIGKILL)
        await peak.until_refused()
    await peak.until_told(PEOPLE)


def postmaster(served: Served) -> int:
    pid_file = served.directory / "data" / "postgres" / "cluster" / "postmaster.pid"
    served.wait(lambda: pid_file.exists() and bool(pid_file.read_text().strip()))
    # Its first line is the number inside the server's own namespace, where it has one; its directory tells it too.
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if words[0].endswith(b"/postgres") and str(pid_file.parent).encode() in words:
                    return int(entry.name)
    raise AssertionError("There is no database process.")


def test_two_gigabytes_up_and_down_leave_the_memory_flat(installation: Make) -> None:
    served = installation().start()
    client = served.join("ana")
    client.post("/api/files", files={"file": ("warm.bin", b"1" * 3_000_000)}).raise_for_status()
    block = random.Random(1).randbytes(1 << 20)
    expected = hashlib.sha256()
    peak = [0.0]
    done = threading.Event()
    before = resident_mb(served.tree())

    def watch() -> None:
        while not done.wait(0.1):
            peak[0] = max(peak[0], resident_mb(served.tree()))

    def content() -> Iterator[bytes]:
        for _ in range(GIGABYTES << 10):
            expected.update(block)
            yield block

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        answer = client.post("/api/files?name=large.bin", content=content(), timeout=600)
        assert answer.status_code == 201, answer.text
        assert answer.json()["size_bytes"] == GIGABYTES << 30
        assert answer.json()["sha256"] == expected.hexdigest()
        received = hashlib.sha256()
        with client.stream("GET", f"/api/files/{answer.json()['id']}/content", timeout=600) as response:
            for chunk in response.iter_bytes(1 << 20):
                received.update(chunk)
        assert received.digest() == expected.digest()
    finally:
        done.set()
        watcher.join()
    assert peak[0] - before < GROWTH_LIMIT_MB, f"from {before:.0f} to {peak[0]:.0f} MB"
