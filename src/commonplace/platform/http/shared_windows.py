"""Counts of requests in sliding windows, in memory that the processes of one machine share.

Each process has a lane of its own in every row of the table and writes nothing but its lane, so no lock is taken to
count and no count is lost; a sum over the lanes is the count of all. A lane is held by a file lock (see
`run_directory`) and taken over, with what it counted, when its process ends.

A window is two buckets of one window's length, weighted by how much of the former still lies inside (`previous * (1 -
elapsed part) + current`): exact for traffic that is even within the former bucket, and exact for a burst that begins
in an idle window. Rows of addresses are found by hash; a row is free again when nothing was counted in it for two
windows. With more than `ROWS` addresses in that time the longest unused give way, which forgives them.
"""

import fcntl
import mmap
import os
import secrets
import time
import weakref
from collections.abc import Callable
from hashlib import blake2b
from math import ceil
from pathlib import Path

import structlog

from commonplace.platform.telemetry.run_directory import PROCESS_SUFFIX, SHARED_SUFFIX, try_hold

LANES = 16  #: processes that count together; a further one counts alone
ROWS = 8_192
PROBES = 8  #: neighbouring rows in which an address may be found

_CELL = 4  #: 32-bit words a lane has in a row: tick, current, previous, unused
_ROW_HEAD = 4  #: words before the lanes of a row: hash (2), last tick, unused
_ROW = _ROW_HEAD + LANES * _CELL
_HEAD = 16  #: words at the start of the file: magic, lanes used, salt (4)
_MAGIC = 0xC0_33_01_00 | LANES
_BYTES = 4 * (_HEAD + (ROWS + 1) * _ROW)
_MAX_REMEMBERED = 4 * ROWS

log = structlog.get_logger()


class SharedWindows:
    """The table. Row 0 is for counts of everything; the others are for addresses.

    It is opened at the first use, so that each process of a fork has a lane of its own. Without a `directory` the
    counts are of this process alone.
    """

    def __init__(self, directory: Path | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock`: seconds, the same in all processes of the machine."""
        self._directory = directory
        self._clock = clock
        self._words: memoryview | None = None
        self._lane = 0
        self._lane_descriptor: int | None = None
        self._alone: bytes | None = None  # who this is, when it counts alone
        self._rows: dict[str, tuple[int, int, int]] = {}  #: address: where its row begins, and its hash
        reference = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _forget(reference))

    def total(self, window_seconds: float) -> "Window":
        """The window of everything."""
        return Window(self._opened(), _HEAD, self._lane, self._clock() / window_seconds)

    def address(self, address: str, window_seconds: float) -> "Window":
        """The window of `address`."""
        words = self._opened()
        now = self._clock() / window_seconds
        known = self._rows.get(address)
        if known is None or words[known[0]] != known[1] or words[known[0] + 1] != known[2]:
            known = self._row_of(address, int(now))
        words[known[0] + 2] = int(now) & 0xFFFFFFFF
        return Window(words, known[0], self._lane, now)

    @property
    def machine(self) -> bytes:
        """What all processes that count in this table have in common, and nobody else has."""
        if self._alone is None and self._directory is not None and self._lane_descriptor is not None:
            return blake2b(self._opened()[2:6].tobytes(), digest_size=8, person=b"machine").digest()
        self._alone = self._alone or secrets.token_bytes(8)
        return self._alone

    def _opened(self) -> memoryview:
        if self._words is None:
            self._words = self._open()
        return self._words

    def _open(self) -> memoryview:
        if self._directory is None:
            return memoryview(mmap.mmap(-1, _BYTES)).cast("I")
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_size != _BYTES:
                os.ftruncate(descriptor, 0)  # of another release, or new
                os.ftruncate(descriptor, _BYTES)
            words = memoryview(mmap.mmap(descriptor, _BYTES)).cast("I")
            if words[0] != _MAGIC:
                words[0] = _MAGIC
                for index in range(2, 6):
                    words[index] = secrets.randbits(32)
            return self._take_lane(words)
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # the mapping keeps a duplicate open, and with it the lock
            os.close(descriptor)

    def _take_lane(self, words: memoryview) -> memoryview:
        """`words`, with a lane of them ours; memory of our own when all lanes are taken."""
        for lane in range(LANES):
            descriptor = try_hold(self._file.with_name(f"requests-lane-{lane}{PROCESS_SUFFIX}"))
            if descriptor is not None:
                self._lane, self._lane_descriptor = lane, descriptor
                words[1] = max(words[1], lane + 1)
                return words
        log.warning(
            "limits.counted_alone", processes=LANES, reason="More processes than the shared table has lanes for."
        )
        self._lane = 0
        return memoryview(mmap.mmap(-1, _BYTES)).cast("I")

    @property
    def _file(self) -> Path:
        return (self._directory or Path()) / f"requests{SHARED_SUFFIX}"

    def _row_of(self, address: str, tick: int) -> tuple[int, int, int]:
        """Find or take the row of `address`."""
        words = self._opened()
        digest = blake2b(address.encode(), digest_size=8, key=words[2:6].tobytes()).digest()
        low, high = int.from_bytes(digest[:4], "big") or 1, int.from_bytes(digest[4:], "big")
        starts = [_HEAD + (1 + (low + probe) % ROWS) * _ROW for probe in range(PROBES)]
        descriptor = None if self._directory is None else os.open(self._file, os.O_RDWR | os.O_CLOEXEC)
        try:
            if descriptor is not None:  # two processes must not take two rows for one address, or one for two
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            for start in starts:
                if words[start] == low and words[start + 1] == high:
                    break
            else:
                start = min(starts, key=lambda start: words[start + 2] if words[start] else -1)
                words[start : start + _ROW] = memoryview(bytes(4 * _ROW)).cast("I")
                words[start + 2] = tick & 0xFFFFFFFF
                words[start], words[start + 1] = low, high
        finally:
            if descriptor is not None:
                os.close(descriptor)
        if len(self._rows) >= _MAX_REMEMBERED:
            self._rows.clear()
        self._rows[address] = (start, low, high)
        return self._rows[address]

    def close(self) -> None:
        """Let go of the lane; its counts stay until they are too old to matter."""
        if self._lane_descriptor is not None:
            os.close(self._lane_descriptor)
        self._lane_descriptor = self._words = None
        self._rows.clear()


class Window:
    """One row at one moment."""

    __slots__ = ("_lane_at", "_part", "_tick", "_words", "current", "previous")

    def __init__(self, words: memoryview, row: int, lane: int, now: float) -> None:
        """`now`: the moment in windows since the clock's start."""
        tick = int(now)
        self._words = words
        self._tick = tick & 0xFFFFFFFF
        self._part = now - tick
        first = row + _ROW_HEAD
        self._lane_at = first + lane * _CELL
        current = previous = 0
        for cell in range(first, first + (words[1] or 1) * _CELL, _CELL):
            counted = words[cell]
            if counted == self._tick:
                current += words[cell + 1]
                previous += words[cell + 2]
            elif counted == self._tick - 1:
                previous += words[cell + 1]
            elif counted == self._tick + 1:  # another process is a moment ahead of us
                current += words[cell + 2]
        self.current = current  #: counted since this bucket began, by all processes
        self.previous = previous  #: counted in the bucket before

    def seconds_until_free(self, limit: int, window_seconds: float) -> int:
        """0 when one more is within `limit`; else after how many seconds (at least 1) it will be, if nobody comes."""
        room = limit - 1  # what may be there already when one more comes
        if self.previous * (1 - self._part) + self.current <= room:
            return 0
        if self.current <= room:  # free when enough of the former bucket has slid out
            part = 1 - (room - self.current) / self.previous
            return max(1, ceil((part - self._part) * window_seconds))
        # Free in the next bucket, when enough of this one has slid out.
        return max(1, ceil((1 - self._part + 1 - room / self.current) * window_seconds))

    @property
    def sliding(self) -> float:
        """What was counted within the last window's length."""
        return self.previous * (1 - self._part) + self.current

    def count(self) -> None:
        """Count one more."""
        words, at, tick = self._words, self._lane_at, self._tick
        counted = words[at]
        if counted == tick:
            words[at + 1] += 1
            return
        words[at + 2] = words[at + 1] if counted == tick - 1 else 0
        words[at + 1] = 1
        words[at] = tick


def _forget(reference: "weakref.ref[SharedWindows]") -> None:
    """In the child of a fork: the lane is the parent's."""
    windows = reference()
    if windows is not None:
        windows.close()
