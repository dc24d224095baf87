"""Uploads to local disk by processes killed at random: every acknowledged object is there, and nothing half."""

import hashlib
import os
import random
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from commonplace.platform.storage.local import LocalStorage

UPLOADER = """
import asyncio, random, sys
from pathlib import Path
from commonplace.platform.storage.keys import Category, new_key
from commonplace.platform.storage.local import LocalStorage
from commonplace.platform.storage.signing import UrlSigner

async def upload(storage, chance):
    while True:
        size = chance.choice([0, 100, 10_000, 300_000, 3_000_000])
        data = chance.randbytes(size)
        async with await storage.open_writer(new_key(Category.FILES)) as writer:
            for start in range(0, size, 65536):
                await writer.write(data[start : start + 65536])
            stored = await writer.commit()
        print("stored", stored.key, stored.sha256_hex, flush=True)

async def main(root, seed):
    chance = random.Random(seed)
    async with LocalStorage(root, signer=UrlSigner(b"x"), minimum_free_bytes=0) as storage:
        await asyncio.gather(*(upload(storage, chance) for _ in range(4)))

asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
"""


def upload_until_killed(root: Path, seed: int) -> dict[str, str]:
    """Acknowledged keys and their digests."""
    chance = random.Random(seed)
    process = subprocess.Popen(
        [sys.executable, "-c", UPLOADER, root, str(seed)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    acknowledged: dict[str, str] = {}
    enough = chance.randrange(1, 40)
    assert process.stdout is not None
    with process:
        timer = threading.Timer(60, process.kill)
        timer.start()
        for line in process.stdout:
            if line.startswith("stored ") and line.endswith("\n"):
                _, key, digest = line.split()
                acknowledged[key] = digest
            if len(acknowledged) == enough:
                process.kill()  # What it printed before it died still comes.
        timer.cancel()
        assert process.returncode in (None, -9), process.stderr and process.stderr.read()
    return acknowledged


async def verify(storage: LocalStorage, root: Path, acknowledged: dict[str, str]) -> None:
    whole = 0
    async for info in storage.list():
        content = (root / info.key).read_bytes()
        digest = acknowledged.get(info.key)
        # One that was not acknowledged may be there; it is as whole as the others, which its size shows.
        assert len(content) in (0, 100, 10_000, 300_000, 3_000_000)
        if digest is not None:
            assert hashlib.sha256(content).hexdigest() == digest
            whole += 1
    assert whole == len(acknowledged)
    assert len(os.listdir(root / ".incoming")) == 2  # noqa: PTH208 — our own folder and lock.


async def check_kills(local: Callable[..., Awaitable[LocalStorage]], root: Path, rounds: int) -> None:
    acknowledged: dict[str, str] = {}
    for seed in range(rounds):
        acknowledged |= upload_until_killed(root, seed)
    await verify(await local(), root, acknowledged)


@pytest.mark.anyio
async def test_processes_killed_in_the_middle_lose_nothing_and_leave_nothing_half(
    local: Callable[..., Awaitable[LocalStorage]], root: Path
) -> None:
    await check_kills(local, root, 2)


@pytest.mark.long
@pytest.mark.anyio
async def test_fifty_kills_lose_nothing(local: Callable[..., Awaitable[LocalStorage]], root: Path) -> None:
    await check_kills(local, root, 50)


@pytest.mark.long
def test_two_gigabytes_go_through_in_little_memory(root: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", GIGABYTES, root], capture_output=True, text=True, check=True, timeout=600
    )
    grown_bytes = int(result.stdout)
    assert grown_bytes < 64 * 1024 * 1024


GIGABYTES = """
import asyncio, resource, sys
from pathlib import Path
from commonplace.platform.storage.local import LocalStorage
from commonplace.platform.storage.signing import UrlSigner

async def blocks(number):
    block = b"x" * 65536
    for _ in range(number):
        yield block

async def main(root):
    async with LocalStorage(root, signer=UrlSigner(b"x"), minimum_free_bytes=0) as storage:
        await storage.put("files/warm", blocks(64))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        await storage.put("files/large", blocks(32768))
        async with await storage.read("files/large") as reader:
            assert sum([len(chunk) async for chunk in reader]) == 2**31
        print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)

asyncio.run(main(Path(sys.argv[1])))
"""
