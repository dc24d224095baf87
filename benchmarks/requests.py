"""Requests: get by id, a page of fifty, create, many connections, and signing in while others read."""

import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bcrypt
import httpx

from benchmarks.load import press
from benchmarks.report import Result
from benchmarks.servers import PASSWORD, Commonplace, PocketBase

ROUNDS = 2  #: each pair is measured so often, in turn, and the better is taken: the machine's speed drifts


def reads(directory: Path) -> Iterator[Result]:
    """Get by id, lists and many connections, beside REF2 and PocketBase."""
    ours = Commonplace(directory / "ours", LIMITS__REQUESTS_PER_ADDRESS="100000000")
    ours.sign_in()
    reference, peer = ours.reference(), PocketBase(directory / "pocketbase")
    bearer = ours.headers
    try:
        parts = [("file", (f"IMG_{number}.jpg", b"x" * 100, "image/jpeg")) for number in range(500)]
        for _ in range(2):
            ours.client.post("/api/files/batch", files=parts).raise_for_status()
        identifier = ours.client.get("/api/files?limit=1").json()["items"][0]["id"]
        row = httpx.get(f"{reference.url}/list", headers=bearer).json()["items"][0]["id"]
        records = f"{peer.url}/api/collections/files/records"
        targets = [
            (
                "get by id",
                f"{ours.url}/api/files/{identifier}",
                f"{reference.url}/get/{row}",
                f"{records}/{peer.record}",
            ),
            ("list of 50", f"{ours.url}/api/files?limit=50", f"{reference.url}/list", f"{records}?perPage=50"),
        ]
        for what, mine, bare, theirs in targets:
            best = [0.0, 0.0, 0.0]
            for _ in range(ROUNDS):
                for index, (url, headers) in enumerate([(mine, bearer), (bare, bearer), (theirs, peer.headers)]):
                    load = press(url, headers=headers)
                    assert load.errors == 0, f"{url}: {load.errors} errors"
                    best[index] = max(best[index], load.per_second)
            yield Result(what, best[0], best[1], "REF2", "req/s", 0.65 if what == "get by id" else 0.60)
            yield Result(what, best[0], best[2], "PocketBase", "req/s", 1.15 if what == "get by id" else 2.0)
        few = press(targets[0][1], headers=bearer)
        many = press(targets[0][1], headers=bearer, connections=256)
        assert many.errors == 0, f"{many.errors} errors with 256 connections"
        yield Result("get by id, c=256", many.per_second, few.per_second, "with c=32", "req/s", 0.85)
    finally:
        for program in (peer, reference, ours):
            program.stop()


def creates(directory: Path) -> Iterator[Result]:
    """Create: a folder, which is a row, an item, a version and an event; the references write one row."""
    ours = Commonplace(directory / "ours", LIMITS__REQUESTS_PER_ADDRESS="100000000")
    ours.sign_in()
    reference, peer = ours.reference(), PocketBase(directory / "pocketbase")
    try:
        best = [0.0, 0.0, 0.0]
        for round_number in range(ROUNDS):
            made = [
                (f"{ours.url}/api/folders", ours.headers, '{"name": "Folder @@"}', "application/json"),
                (f"{reference.url}/create", ours.headers, "Folder @@", "text/plain"),
                (f"{peer.url}/api/collections/files/records", peer.headers, '{"name": "@@"}', "application/json"),
            ]
            for index, (url, headers, body, kind) in enumerate(made):
                load = press(url, headers=headers, script=_post(body, kind, first=round_number))
                assert load.errors == 0, f"{url}: {load.errors} errors"
                best[index] = max(best[index], load.per_second)
        yield Result("create", best[0], best[1], "REF2", "req/s", 0.60)
        yield Result("create", best[0], best[2], "PocketBase", "req/s", 1.0)
    finally:
        for program in (peer, reference, ours):
            program.stop()


def sign_in(directory: Path) -> Iterator[Result]:
    """Signing in beside bcrypt alone on both cores; and what a reader feels of it."""
    ours = Commonplace(directory / "ours", LIMITS__REQUESTS_PER_ADDRESS="100000000")
    ours.sign_in()
    try:
        alone = _bcrypt_per_second()
        idle = _read_p95(ours, seconds=4)
        done = threading.Event()
        count = [0]

        def sign_in_on_and_on() -> None:
            body = {"email": "ana@example.org", "password": PASSWORD}
            with httpx.Client(base_url=ours.url, timeout=60) as client:
                while not done.is_set():
                    client.post("/auth/login", json=body).raise_for_status()
                    count[0] += 1

        with ThreadPoolExecutor(8) as pool:
            for _ in range(8):
                pool.submit(sign_in_on_and_on)
            began, before = time.monotonic(), count[0]
            time.sleep(6)
            per_second = (count[0] - before) / (time.monotonic() - began)
            busy = _read_p95(ours, seconds=4)
            done.set()
        yield Result("sign-in", per_second, alone, "bcrypt alone", "per s", 0.90)
        yield Result("p95 of a get during sign-ins", busy, idle, "idle", "ms", 2.0, less_is_better=True)
    finally:
        ours.stop()


def _bcrypt_per_second() -> float:
    def hash_for(seconds: float) -> int:
        deadline, done = time.monotonic() + seconds, 0
        while time.monotonic() < deadline:
            bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(10))
            done += 1
        return done

    with ThreadPoolExecutor(2) as pool:
        return sum(pool.map(hash_for, [3.0, 3.0])) / 3.0


def _read_p95(ours: Commonplace, *, seconds: float) -> float:
    times = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        began = time.monotonic()
        ours.client.get("/auth/profile").raise_for_status()
        times.append((time.monotonic() - began) * 1000)
    return statistics.quantiles(times, n=20)[-1]


def _post(body: str, kind: str, *, first: int) -> str:
    return f"""
        local n = {first + 1} * 10000000
        request = function()
            n = n + 1
            local body = string.gsub([===[{body}]===], "@@", tostring(n))
            return wrk.format("POST", nil, nil, body)
        end
        wrk.headers["Content-Type"] = "{kind}"
    """
