"""Transfers: a large file down and up, its ranges, and many small ones, beside nginx, SHA-256 and PocketBase."""

import hashlib
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.load import press
from benchmarks.report import Result
from benchmarks.servers import Commonplace, PocketBase, Program, free_port

LARGE = 100_000_000
SMALL = 10_240
BATCH = 100
ROUNDS = 2  #: in turn, and the better is taken: the machine's speed drifts


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
        lambda: curl("-T", str(large), "-X", "POST", f"{ours.url}/api/files?name=up.bin", headers=ours.headers)
    )
    hashing = _best(lambda: hashlib.sha256(content).digest())
    rate = LARGE / 1e6
    yield Result("upload 100 MB", rate / upload, rate / hashing, "SHA-256 alone", "MB/s", 0.70)
    nginx = nginx_of(directory)
    if nginx is None:
        sys.stderr.write("nginx is not installed: downloads are not compared (Debian's package nginx-light)\n")
        return
    try:
        bare = _best(lambda: curl(f"{nginx.url}/large.bin"))
        whole = _best(lambda: curl(url, headers=ours.headers))
        yield Result("download 100 MB", rate / whole, rate / bare, "nginx", "MB/s", 0.60)
        span = f"bytes=1000000-{LARGE - 1000000}"
        bare = _best(lambda: curl(f"{nginx.url}/large.bin", headers={"Range": span}))
        part = _best(lambda: curl(url, headers={**ours.headers, "Range": span}))
        yield Result("range of 98 MB", rate / part, rate / bare, "nginx", "MB/s", 0.60)
    finally:
        nginx.stop()


def _small(ours: Commonplace, directory: Path) -> Iterator[Result]:
    peer = PocketBase(directory / "pocketbase")
    try:
        best = [0.0, 0.0]
        for round_number in range(ROUNDS):
            first = round_number * 10_000_000
            targets = [
                (f"{ours.url}/api/files", ours.headers, upload_script("file", first=first)),
                (f"{peer.url}/api/collections/files/records", peer.headers, upload_script("content", first=first)),
            ]
            for index, (url, headers, script) in enumerate(targets):
                load = press(url, connections=8, headers=headers, script=script)
                assert load.errors == 0, f"{url}: {load.errors} errors"
                best[index] = max(best[index], load.per_second)
        yield Result("10 kB uploads, c=8", best[0], best[1], "PocketBase", "per s", 1.30)
        batch = press(
            f"{ours.url}/api/files/batch",
            connections=8,
            headers=ours.headers,
            script=upload_script("file", first=ROUNDS * 10_000_000, files=BATCH),
        )
        assert batch.errors == 0, f"{batch.errors} errors"
        yield Result("10 kB uploads in batches, c=8", batch.per_second * BATCH, best[0], "one by one", "per s", 2.0)
    finally:
        peer.stop()


def upload_script(field: str, *, first: int, files: int = 1) -> str:
    """Lua for wrk: forms of so many files of 10 kB, no two alike."""
    return f"""
        local n = {first}
        local boundary = "----------------------------7d9a1c"
        wrk.headers["Content-Type"] = "multipart/form-data; boundary=" .. boundary
        request = function()
            local parts = {{}}
            for index = 1, {files} do
                n = n + 1
                parts[index] = "--" .. boundary .. '\\r\\nContent-Disposition: form-data; name="{field}"; filename="'
                    .. n .. '.bin"\\r\\nContent-Type: application/octet-stream\\r\\n\\r\\n'
                    .. string.rep(string.format("%010d", n), {SMALL // 10}) .. "\\r\\n"
            end
            return wrk.format("POST", nil, nil, table.concat(parts) .. "--" .. boundary .. "--\\r\\n")
        end
    """


def _best(work: Callable[[], object], *, rounds: int = 5) -> float:
    times = []
    for _ in range(rounds):
        began = time.monotonic()
        work()
        times.append(time.monotonic() - began)
    return min(times)


def curl(*arguments: str, headers: dict[str, str] | None = None) -> None:
    given = [part for name, value in (headers or {}).items() for part in ("-H", f"{name}: {value}")]
    subprocess.run(["curl", "-sf", "-o", "/dev/null", *given, *arguments], check=True)


def nginx_of(directory: Path) -> Program | None:
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
