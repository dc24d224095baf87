"""Transfers: a large file down and up, its ranges, and many small ones, beside nginx, SHA-256 and PocketBase."""

import hashlib
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from benchmarks.report import Result
from benchmarks.servers import Commonplace, PocketBase, Program, free_port

LARGE = 100_000_000
SMALL = 10_240


def files(directory: Path) -> Iterator[Result]:
    """Everything that moves bytes."""
    ours = Commonplace(directory / "ours", LIMITS__REQUESTS_PER_ADDRESS="100000000")
    ours.sign_in()
    large = directory / "large.bin"
    large.write_bytes(bytes(range(256)) * (LARGE // 256))
    try:
        yield from _large(ours, directory, large)
        yield from _small(ours, directory)
    finally:
        ours.stop()


def _large(ours: Commonplace, directory: Path, large: Path) -> Iterator[Result]:
    content = large.read_bytes()
    identifier = ours.client.post("/api/files?name=large.bin", content=content).raise_for_status().json()["id"]
    url = f"{ours.url}/api/files/{identifier}/content"
    upload = _best(
        lambda: _curl("-T", str(large), "-X", "POST", f"{ours.url}/api/files?name=up.bin", headers=ours.headers)
    )
    hashing = _best(lambda: hashlib.sha256(content).digest())
    rate = LARGE / 1e6
    yield Result("upload 100 MB", rate / upload, rate / hashing, "SHA-256 alone", "MB/s", 0.70)
    nginx = _nginx(directory)
    if nginx is None:
        sys.stderr.write("nginx is not installed: downloads are not compared (Debian's package nginx-light)\n")
        return
    try:
        bare = _best(lambda: _curl(f"{nginx.url}/large.bin"))
        whole = _best(lambda: _curl(url, headers=ours.headers))
        yield Result("download 100 MB", rate / whole, rate / bare, "nginx", "MB/s", 0.60)
        span = f"bytes=1000000-{LARGE - 1000000}"
        bare = _best(lambda: _curl(f"{nginx.url}/large.bin", headers={"Range": span}))
        part = _best(lambda: _curl(url, headers={**ours.headers, "Range": span}))
        yield Result("range of 98 MB", rate / part, rate / bare, "nginx", "MB/s", 0.60)
    finally:
        nginx.stop()


def _small(ours: Commonplace, directory: Path) -> Iterator[Result]:
    peer = PocketBase(directory / "pocketbase")
    try:
        one = _uploads(
            lambda client, number: client.post(
                "/api/files", files={"file": (f"one-{number}.bin", _content(number), "application/octet-stream")}
            ),
            ours.url,
            ours.headers,
        )
        theirs = _uploads(
            lambda client, number: client.post(
                "/api/collections/files/records",
                data={"name": str(number)},
                files={"content": (f"one-{number}.bin", _content(number), "application/octet-stream")},
            ),
            peer.url,
            peer.headers,
        )
        yield Result("10 kB uploads, c=8", one, theirs, "PocketBase", "per s", 1.30)
        batch = _uploads(
            lambda client, number: client.post(
                "/api/files/batch",
                files=[("file", (f"b-{number}-{index}.bin", _content(index + number * 100))) for index in range(100)],
            ),
            ours.url,
            ours.headers,
            seconds=4,
        )
        yield Result("10 kB uploads in batches, c=8", batch * 100, one, "one by one", "per s", 2.0)
    finally:
        peer.stop()


def _content(number: int) -> bytes:
    return number.to_bytes(8, "big") * (SMALL // 8)


def _uploads(
    send: Callable[[httpx.Client, int], httpx.Response], url: str, headers: dict[str, str], *, seconds: float = 5
) -> float:
    deadline = time.monotonic() + seconds

    def on_and_on(lane: int) -> int:
        done = 0
        with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
            while time.monotonic() < deadline:
                send(client, lane * 1_000_000 + done).raise_for_status()
                done += 1
        return done

    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        total = sum(pool.map(on_and_on, range(8)))
    return total / (time.monotonic() - began)


def _best(work: Callable[[], object], *, rounds: int = 5) -> float:
    times = []
    for _ in range(rounds):
        began = time.monotonic()
        work()
        times.append(time.monotonic() - began)
    return min(times)


def _curl(*arguments: str, headers: dict[str, str] | None = None) -> None:
    given = [part for name, value in (headers or {}).items() for part in ("-H", f"{name}: {value}")]
    subprocess.run(["curl", "-sf", "-o", "/dev/null", *given, *arguments], check=True)


def _nginx(directory: Path) -> Program | None:
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        return None
    port = free_port()
    configuration = directory / "nginx.conf"
    configuration.write_text(
        f"daemon off; pid {directory}/nginx.pid; error_log {directory}/nginx.log; user root; worker_processes 2;\n"
        "events { worker_connections 512; }\n"
        f"http {{ access_log off; sendfile on; server {{ listen 127.0.0.1:{port}; root {directory}; }} }}\n"
    )
    directory.chmod(0o755)
    return Program([program, "-c", configuration], port=port, ready="/nothing")
