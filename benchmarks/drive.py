"""The drive: a gigabyte up and down, and a thousand small files, beside a plain copy, nginx, WsgiDAV and copyparty."""

import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.load import press
from benchmarks.report import Result
from benchmarks.servers import BIN, Commonplace, Program, free_port
from benchmarks.transfers import curl, nginx_of, upload_script

LARGE = int(os.environ.get("BENCH_LARGE_BYTES", "1000000000"))
SMALL_BYTES = 10_240
BATCH = 100
CONNECTIONS = 8
SECONDS = 3
ROUNDS = 3  #: in turn, and the best of each is taken: the machine's speed drifts
_BLOCK = 1024 * 1024


def drive(directory: Path) -> Iterator[Result]:
    """Everything, in one run."""
    ours = Commonplace(directory / "ours", LIMITS__REQUESTS_PER_ADDRESS="100000000")
    ours.sign_in()
    try:
        yield from _large(ours, directory)
        yield from _small(ours, directory)
    finally:
        ours.stop()


def _large(ours: Commonplace, directory: Path) -> Iterator[Result]:
    large, copy = directory / "large.bin", directory / "copy.bin"
    with large.open("wb") as file:
        for _ in range(LARGE // _BLOCK):
            file.write(os.urandom(_BLOCK))
    size = large.stat().st_size / 1e6
    up = (lambda: curl("-T", str(large), "-X", "POST", f"{ours.url}/api/files?name=up.bin", headers=ours.headers),)
    plain, upload = _in_turn(lambda: _plain_copy(large, copy), *up)
    copy.unlink()
    yield Result("upload 1 GB", size / upload, size / plain, "copy with SHA-256 and fsync", "MB/s", 0.50)
    folder = ours.client.post("/api/folders", json={"name": "all"}).raise_for_status().json()["id"]
    (file,) = ours.client.get("/api/files?sort=-updated_at&limit=1").raise_for_status().json()["items"]
    ours.client.patch(f"/api/files/{file['id']}", json={"folder_id": folder}).raise_for_status()
    url, archive = f"{ours.url}/api/files/{file['id']}/content", f"{ours.url}/api/folders/{folder}/archive"
    nginx = nginx_of(directory)
    if nginx is None:
        sys.stderr.write("nginx is not installed: downloads are not compared (Debian's package nginx-light)\n")
        return
    try:
        bare, whole, zipped = _in_turn(
            lambda: curl(f"{nginx.url}/large.bin"),
            lambda: curl(url, headers=ours.headers),
            lambda: curl(archive, headers=ours.headers),
        )
        yield Result("download 1 GB", size / whole, size / bare, "nginx", "MB/s", 0.70)
        yield Result("the same in a folder, as a ZIP", size / zipped, size / whole, "the file itself", "MB/s", 0.20)
    finally:
        nginx.stop()


def _small(ours: Commonplace, directory: Path) -> Iterator[Result]:
    """New files of 10 kB: by PUT to the peers; to us as the page and the command line send them, and one by one.

    Ours are on the disk and in the log when it answers; the peers leave that to the system.
    """
    peers = {"WsgiDAV": _wsgidav(directory / "wsgidav"), "copyparty": _copyparty(directory / "copyparty")}
    targets = [
        (ours.url, ours.headers, _each("POST", "/api/files?name=")),
        *((peer.url, {}, _each("PUT", "/")) for peer in peers.values()),
        (f"{ours.url}/api/files/batch", ours.headers, None),
    ]
    best = [0.0] * len(targets)
    try:
        for round_number in range(ROUNDS):
            for index, (url, headers, script) in enumerate(targets):
                first = (round_number * len(targets) + index) * 1_000_000
                lua = (
                    upload_script("file", first=first, files=BATCH)
                    if script is None
                    else script.replace("FIRST", str(first))
                )
                load = press(url, connections=CONNECTIONS, seconds=SECONDS, headers=headers, script=lua)
                assert load.errors == 0, f"{url}: {load.errors} errors"
                best[index] = max(best[index], load.per_second)
    finally:
        for peer in peers.values():
            peer.stop()
    for name, rate in zip(peers, best[1:-1], strict=True):
        yield Result(
            f"10 kB files one by one, on the disk, c={CONNECTIONS}", best[0], rate, f"{name}, not waiting", "per s", 0.4
        )
        yield Result(f"10 kB files in batches, c={CONNECTIONS}", best[-1] * BATCH, rate, name, "per s", 1.0)


def _each(method: str, path: str) -> str:
    """Lua for wrk: new files of 10 kB, no two alike."""
    return f"""
        local n = FIRST
        wrk.headers["Content-Type"] = "application/octet-stream"
        request = function()
            n = n + 1
            local body = string.rep(string.format("%010d", n), {SMALL_BYTES // 10})
            return wrk.format("{method}", "{path}" .. n .. ".bin", nil, body)
        end
    """


def _plain_copy(source: Path, target: Path) -> str:
    """Read, hash, write, and wait for the disk: what no server can do without."""
    digest = hashlib.sha256()
    with source.open("rb") as file, target.open("wb") as copy:
        while block := file.read(_BLOCK):
            digest.update(block)
            copy.write(block)
        copy.flush()
        os.fsync(copy.fileno())
    return digest.hexdigest()


def _in_turn(*works: Callable[[], object]) -> list[float]:
    """The best time of each, in seconds."""
    best = [float("inf")] * len(works)
    for _ in range(ROUNDS):
        for index, work in enumerate(works):
            began = time.monotonic()
            work()
            best[index] = min(best[index], time.monotonic() - began)
    return best


def _wsgidav(directory: Path) -> Program:
    directory.mkdir()
    port = free_port()
    options = [
        "--host=127.0.0.1",
        f"--port={port}",
        f"--root={directory}",
        "--auth=anonymous",
        "--server=cheroot",
        "-q",
    ]
    return Program([BIN / "wsgidav", *options], port=port, ready="/")


def _copyparty(directory: Path) -> Program:
    directory.mkdir()
    port = free_port()
    return Program(
        [BIN / "copyparty", "-q", "-i", "127.0.0.1", "-p", port, "-v", f"{directory}::A"],
        port=port,
        ready="/",
        environ={"HOME": str(directory.parent), "XDG_CONFIG_HOME": str(directory.parent / "config")},
    )
