"""Gives up requests that take too long, with one timer for all of them instead of one for each (2 µs a request).

A request ends between its limit and a quarter of it, at most a second, later.
"""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Protocol


class Running(Protocol):
    """A request that runs: `expired` is set before its task is cancelled."""

    started: float
    task: "asyncio.Task[object] | None"
    expired: bool


class Deadlines:
    """The requests of one process that must end `limit_seconds` after they started."""

    def __init__(self, limit_seconds: float, *, clock: Callable[[], float] = monotonic) -> None:
        self.limit_seconds = limit_seconds
        self._interval_seconds = min(1.0, limit_seconds / 4)
        self._clock = clock
        self._running: dict[Running, None] = {}
        self._timer_loop: asyncio.AbstractEventLoop | None = None

    def enter(self, request: Running) -> None:
        """From now on `request` is watched; it is run by the current task."""
        request.task = asyncio.current_task()
        self._running[request] = None
        loop = asyncio._get_running_loop()  # noqa: SLF001 - the public form raises; this runs at every request.
        if self._timer_loop is not loop and loop is not None:
            self._timer_loop = loop
            loop.call_later(self._interval_seconds, self._look)

    def leave(self, request: Running) -> None:
        """`request` ended, by itself or by us: then our cancellation is over with it."""
        self._running.pop(request, None)
        if request.expired and request.task is not None:
            request.task.uncancel()

    def _look(self) -> None:
        latest_start = self._clock() - self.limit_seconds
        for request in self._running:
            if request.started > latest_start:
                break  # they are in the order of their starts
            if not request.expired and request.task is not None:
                request.expired = True
                request.task.cancel()
        loop = self._timer_loop
        if self._running and loop is not None:
            loop.call_later(self._interval_seconds, self._look)
        else:
            self._timer_loop = None
