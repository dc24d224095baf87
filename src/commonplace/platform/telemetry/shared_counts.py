"""Counts of several processes, brought together through one small file a process in the run directory.

A process overwrites its own file in place (one system call), at most once a second while it counts. Whoever is asked
for metrics reads the files of all. The file of a process that ended is folded into `ended`, so that sums never fall.
"""

import os
import secrets
import zlib
from pathlib import Path
from typing import Any

import msgspec

from commonplace.platform.telemetry.run_directory import (
    PROCESS_SUFFIX,
    SHARED_SUFFIX,
    directory_lock,
    is_held,
    try_hold,
)

_HEADER_BYTES = 8  #: length and CRC-32 of what follows, four bytes each
_READ_ATTEMPTS = 50

Cells = list[float]


class Snapshot(msgspec.Struct):
    """What one process, or several together, have counted; a series' key is its label values joined by NUL."""

    counters: dict[str, dict[str, float]] = {}
    gauges: dict[str, dict[str, float]] = {}
    histograms: dict[str, dict[str, Cells]] = {}
    processes: int = 1

    def add(self, other: "Snapshot", *, is_living: bool) -> None:
        """Add what `other` counted; the gauges of an ended process are about nothing any more."""
        for name, series in other.counters.items():
            _add_numbers(self.counters.setdefault(name, {}), series)
        for name, histogram in other.histograms.items():
            mine = self.histograms.setdefault(name, {})
            for key, cells in histogram.items():
                known = mine.get(key)
                if known is None or len(known) != len(cells):  # other bounds: another release of the program
                    mine[key] = list(cells)
                else:
                    mine[key] = [left + right for left, right in zip(known, cells, strict=True)]
        if is_living:
            self.processes += other.processes
            for name, series in other.gauges.items():
                _add_numbers(self.gauges.setdefault(name, {}), series)


def _add_numbers(mine: dict[str, float], theirs: dict[str, float]) -> None:
    for key, value in theirs.items():
        mine[key] = mine.get(key, 0.0) + value


class ProcessFile:
    """This process's file. It is made at the first write, so that a process that forks before then shares nothing."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._descriptor: int | None = None
        self.path: Path | None = None
        self._encode = msgspec.msgpack.Encoder().encode

    def write(self, snapshot: Snapshot) -> None:
        """Put `snapshot` in place of what was written before."""
        descriptor = self._descriptor
        if descriptor is None:
            descriptor = self._create()
        body = self._encode(snapshot)
        os.pwrite(descriptor, len(body).to_bytes(4, "big") + zlib.crc32(body).to_bytes(4, "big") + body, 0)

    def forget(self) -> None:
        """Let the file be the parent's: called in the child of a fork."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = self.path = None

    close = forget

    def _create(self) -> int:
        with directory_lock(self.directory):
            self.path = self.directory / f"metrics-{os.getpid()}-{secrets.token_hex(4)}{PROCESS_SUFFIX}"
            descriptor = try_hold(self.path)
        if descriptor is None:
            raise OSError(f"{self.path} is locked by another process, though its name was new.")
        self._descriptor = descriptor
        return descriptor


def read(file: Path) -> Snapshot | None:
    """What the process of `file` wrote last; None when it wrote nothing, or is gone."""
    for _ in range(_READ_ATTEMPTS):
        try:
            data = file.read_bytes()
        except FileNotFoundError:
            return None
        if len(data) < _HEADER_BYTES:
            return None
        length = int.from_bytes(data[:4], "big")
        body = data[_HEADER_BYTES : _HEADER_BYTES + length]
        if len(body) == length and zlib.crc32(body) == int.from_bytes(data[4:8], "big"):
            return msgspec.msgpack.decode(body, type=Snapshot)
    return None  # being overwritten each time we looked


def gather(directory: Path, *, own: Path | None) -> Snapshot:
    """The sum over all processes but `own`, ended ones included; folds and removes the files of those that ended."""
    total = Snapshot(processes=0)
    ended_file = directory / f"ended{SHARED_SUFFIX}"
    with directory_lock(directory):
        ended = _read_ended(ended_file)
        dead = []
        for file in sorted(directory.glob(f"metrics-*{PROCESS_SUFFIX}")):
            if file == own:
                continue
            snapshot = read(file)
            if is_held(file):
                if snapshot is not None:
                    total.add(snapshot, is_living=True)
            else:
                dead.append(file)
                if snapshot is not None:
                    ended.add(snapshot, is_living=False)
        if dead:
            _replace(ended_file, msgspec.msgpack.encode(ended))
            for file in dead:
                file.unlink(missing_ok=True)
    total.add(ended, is_living=False)
    return total


def _read_ended(file: Path) -> Snapshot:
    try:
        return msgspec.msgpack.decode(file.read_bytes(), type=Snapshot)
    except (FileNotFoundError, msgspec.DecodeError):
        return Snapshot(processes=0)


def _replace(file: Path, data: bytes) -> None:
    temporary = file.with_suffix(".new")
    temporary.write_bytes(data)
    temporary.replace(file)


def joined(labels: tuple[str, ...]) -> str:
    """The key of a series in a snapshot."""
    return "\0".join(labels)


def parted(key: str, count: int) -> tuple[str, ...]:
    """The label values of a series' key, `count` of them."""
    return tuple(key.split("\0")) if count else ()


def as_builtins(snapshot: Snapshot) -> dict[str, Any]:
    """For a test or a diagnosis: `snapshot` as plain dictionaries."""
    return msgspec.to_builtins(snapshot)  # type: ignore[no-any-return]
