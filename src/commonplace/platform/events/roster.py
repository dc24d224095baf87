"""The roster of workers: who is at work, and who died without a word.

A worker on another machine is taken for dead when its leases run out. One on this machine is known to be dead as soon
as its process is gone, so that a restart after `kill -9` goes on at once.
"""

import os
import socket
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database

_START_TIME: Final = 19  # of the fields of /proc/<pid>/stat behind the name, counted from 0: see proc_pid_stat(5)
_SEEN = Query(
    text("""
    INSERT INTO platform.worker (id, host, pid, process, started_at, seen_at)
    VALUES (:id, :host, :pid, :process, clock_timestamp(), clock_timestamp())
    ON CONFLICT (id) DO UPDATE SET seen_at = clock_timestamp()
    """)
)
_OTHERS = Query(
    text("""
    SELECT id, pid, process, host, seen_at > clock_timestamp() - CAST(:lease AS interval) AS is_in_touch
    FROM platform.worker WHERE id <> CAST(:id AS uuid)
    """)
)
_FORGET = Query(text("DELETE FROM platform.worker WHERE id = ANY(CAST(:ids AS uuid[]))"))
_FORGET_OLD = Query(text("DELETE FROM platform.worker WHERE seen_at < clock_timestamp() - interval '1 day'"))


class Roster:
    """One worker's entry, and what it sees of the others."""

    def __init__(self, database: Database, worker_id: UUID, *, lease_seconds: float) -> None:
        self._database = database
        self._id = worker_id
        self._lease_seconds = lease_seconds
        self.is_alone = False  #: whether no other worker was in touch at the last sign of life

    async def sign_of_life(self) -> Sequence[UUID]:
        """Say that we are here; the ids of workers of this machine whose process is gone."""
        async with self._database.writing() as session:
            await session.execute(_SEEN, id=self._id, host=_host(), pid=os.getpid(), process=_process(os.getpid()))
            others = await session.all(_OTHERS, id=self._id, lease=timedelta(seconds=self._lease_seconds))
            await session.execute(_FORGET_OLD)
        dead = {row.id for row in others if row.host == _host() and not _is_alive(row.pid, row.process)}
        self.is_alone = not any(row.is_in_touch and row.id not in dead for row in others)
        return list(dead)

    def expect_company(self) -> None:
        """Somebody joined, perhaps ourselves; the next sign of life tells."""
        self.is_alone = False

    async def strike(self, worker_ids: Sequence[UUID]) -> None:
        """Take workers off the roster, after what they held was given back."""
        if worker_ids:
            async with self._database.writing() as session:
                await session.execute(_FORGET, ids=list(worker_ids))

    async def leave(self) -> None:
        """Take ourselves off."""
        await self.strike([self._id])


@cache
def _host() -> str:
    """This machine, as far as process ids can be looked up: containers that share a host name are several."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{socket.gethostname()} {boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:  # not Linux
        return socket.gethostname()


def _process(pid: int) -> str:
    """When the process began, in the kernel's count: tells it from a later one with the same id. Empty if unknown."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[_START_TIME]


def _is_alive(pid: int, process: str) -> bool:
    if process:
        return _process(pid) == process
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
