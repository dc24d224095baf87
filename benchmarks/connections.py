"""A thousand people at once: open connections of theirs, on ten connections to the database."""

import asyncio
import resource
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx

from benchmarks.report import Result
from benchmarks.servers import Commonplace

CONNECTIONS: Final = 1000
TARGET_MS: Final = 200.0
_SECONDS: Final = 10.0
_PAUSE_SECONDS: Final = 4.0  # between two reads of one person: somebody who looks at what they read
_OK: Final = b"HTTP/1.1 200"


def connections(directory: Path) -> Iterator[Result]:
    """Reads of a task by a thousand clients that stay connected, each every few seconds, on a pool of ten."""
    ours = Commonplace(directory, WEB_WORKERS="2", DATABASE__POOL_SIZE="5")
    try:
        ours.sign_in()
        answer = ours.client.post("/api/tasks", json={"title": "Pay the rent"})
        answers, p95_ms = asyncio.run(
            read_with_many(ours.url, f"/api/tasks/{answer.raise_for_status().json()['id']}", ours.headers)
        )
    finally:
        ours.stop()
    failed = answers.total() - answers["200"]
    what = f"task read, {CONNECTIONS} open connections, pool of 10"
    yield Result(f"{what}: p95", p95_ms, TARGET_MS, "of the requirement", "ms", 1, less_is_better=True)
    yield Result(f"{what}: failed", failed, answers.total(), "reads", "reads", 0, less_is_better=True)


async def read_with_many(
    url: str, path: str, headers: dict[str, str], *, seconds: float = _SECONDS, connections: int = CONNECTIONS
) -> tuple[Counter[str], float]:
    """Hold so many connections open, and read over each again and again.

    Answers how often which status (or failure) came, and the 95th percentile of the time of a read in milliseconds.
    A client is a bare connection: a thousand of httpx would measure httpx.
    """
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(now, min(most, connections + 1000)), most))
    address = httpx.URL(url)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    request = f"GET {path} HTTP/1.1\r\nHost: {address.netloc.decode()}\r\n{lines}\r\n".encode()
    answers: Counter[str] = Counter()
    times: list[float] = []
    all_open = asyncio.Barrier(connections)

    async def person(number: int) -> None:
        try:
            reader, writer = await asyncio.open_connection(address.host, address.port)
        except OSError as error:
            answers[type(error).__name__] += 1
            await all_open.wait()
            return
        await all_open.wait()  # all are open before the first reads, and stay open until the last has
        await asyncio.sleep(_PAUSE_SECONDS * number / connections)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            began = time.perf_counter()
            answers[await _read(reader, writer, request)] += 1
            times.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(_PAUSE_SECONDS)
        writer.close()

    await asyncio.gather(*(person(number) for number in range(connections)))
    return answers, statistics.quantiles(times, n=100)[94]


async def _read(reader: Any, writer: Any, request: bytes) -> str:
    try:
        async with asyncio.timeout(30):
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.partition(b":")[2])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length")
            )
            await reader.readexactly(length)
    except (OSError, EOFError, TimeoutError) as error:
        return type(error).__name__
    return "200" if head.startswith(_OK) else head.split(b" ", 2)[1].decode()
