"""Ways to see what a server does, and to wait until it did."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

DEADLINE_SECONDS = 20.0
T = TypeVar("T")


def until(condition: Callable[[], T], what: str) -> T:
    """The first result of `condition` that counts as true; fails when none came in time."""
    end = time.monotonic() + DEADLINE_SECONDS
    while not (result := condition()):
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.005)
    return result


def ask(connection: Mapping[str, Any], *statements: str) -> Any:
    """Run statements on one connection; what the last one answers first."""

    async def run() -> Any:
        link = await asyncpg.connect(**connection, timeout=5)
        try:
            for statement in statements[:-1]:
                await link.execute(statement)
            return await link.fetchval(statements[-1])
        finally:
            await link.close()

    return asyncio.run(run())


def answers(connection: Mapping[str, Any]) -> bool:
    """Whether the server takes connections just now."""
    try:
        return bool(ask(connection, "SELECT true"))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
        return False


def kill(pid: int, number: int) -> None:
    """Send a signal to what may be gone already."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def command_line(pid: int) -> bytes:
    """The command line of a process; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def memory_kilobytes(pid: int) -> int:
    """The share of memory (PSS) that counts for a process."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
