"""A lane: work on consecutive blocks of bytes, in a thread, in order, while the event loop collects the next ones.

The thread goes from block to block by itself. Would it return to the event loop after each, a stream would stand still
for as long as two hand-overs take; beside other work on the same cores that is a third of the rate.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

WAITING = 1  # blocks that wait while one is being worked on


class Threads(Protocol):
    """Where the work is done: `LocalDisk`, or any other that has threads."""

    def run(self, call: Callable[[], None], /) -> "asyncio.Future[None]":
        """Start `call` in a thread."""


class Lane:
    """`work(block)` for each block that is pushed. The first error ends it."""

    def __init__(self, threads: Threads, work: Callable[[bytes], Any]) -> None:
        self._threads = threads
        self._work = work
        self._blocks: deque[bytes] = deque()
        self._lock = threading.Lock()  # over what follows, and `_blocks`
        self._is_running = False
        self._error: Exception | None = None
        self._room: asyncio.Future[None] | None = None  # somebody waits for room
        self._run: asyncio.Future[None] | None = None
        self._loop = asyncio.get_running_loop()

    async def push(self, block: bytes) -> None:
        """Hand a block over; waits while there are others enough. Raises the error of an earlier block."""
        while (room := self._try_push(block)) is not None:
            await room

    async def finish(self) -> None:
        """Wait until the work on all blocks is done. Raises the error of any."""
        if self._run is not None:
            await asyncio.shield(self._run)
        if self._error is not None:
            raise self._error

    async def stop(self) -> None:
        """Forget the blocks that wait, and wait for the one that is being worked on."""
        with self._lock:
            self._blocks.clear()
        if self._run is not None:
            await asyncio.wait([self._run])

    def _try_push(self, block: bytes) -> "asyncio.Future[None] | None":
        """Hand a block over, or say what to wait for."""
        with self._lock:
            if self._error is not None:
                raise self._error
            if len(self._blocks) >= WAITING:
                self._room = self._loop.create_future()
                return self._room
            self._blocks.append(block)
            if not self._is_running:
                self._is_running = True
                self._run = self._threads.run(self._work_off)
        return None

    def _work_off(self) -> None:
        """Runs in a thread, until there is nothing to do."""
        while (block := self._next()) is not None:
            try:
                self._work(block)
            except Exception as error:  # noqa: BLE001 — it is raised by the next call, on the loop's side.
                with self._lock:
                    self._error = error
                    self._blocks.clear()
                    self._is_running = False
                    self._tell_of_room()
                return

    def _next(self) -> bytes | None:
        with self._lock:
            if not self._blocks:
                self._is_running = False
                return None
            block = self._blocks.popleft()
            self._tell_of_room()
            return block

    def _tell_of_room(self) -> None:
        if self._room is not None:
            self._loop.call_soon_threadsafe(_set, self._room)
            self._room = None


def _set(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
