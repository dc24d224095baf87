"""Where log lines leave the process: whole lines, from any thread, without a system call for each.

Ordinary lines leave at once. Lines that come with every request (`write_soon`) are gathered for up to
`LINGER_SECONDS` or `BATCH_BYTES`: at 5,000 requests a second a call for each line would cost more than the line itself.
A batch stays below the size that a pipe takes atomically (4,096 bytes), so the lines of several processes do not mix.
`kill -9` loses what lingers; every orderly end writes it.
"""

import asyncio
import atexit
import sys
import threading
from typing import BinaryIO, TextIO, cast

LINGER_SECONDS = 0.2
BATCH_BYTES = 4_000


class Sink:
    """Writes lines (bytes that end with a newline) to one stream."""

    def __init__(self, stream: TextIO | BinaryIO) -> None:
        self._stream = cast("BinaryIO", getattr(stream, "buffer", stream))
        self._lock = threading.Lock()
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._timer_loop: asyncio.AbstractEventLoop | None = None

    def write(self, line: bytes) -> None:
        """Write `line` now, after whatever still waits."""
        with self._lock:
            self._waiting.append(line)
            self._write_waiting()

    def write_soon(self, line: bytes) -> None:
        """Write `line` within `LINGER_SECONDS` if an event loop runs here, else now."""
        with self._lock:
            if self._waiting_bytes + len(line) > BATCH_BYTES:
                self._write_waiting()
            self._waiting.append(line)
            self._waiting_bytes += len(line)
            loop = asyncio._get_running_loop()  # noqa: SLF001 - the public form raises, which costs more than this line.
            if loop is None:
                self._write_waiting()
            elif self._timer_loop is not loop:
                self._timer_loop = loop
                loop.call_later(LINGER_SECONDS, self._on_timer)

    def flush(self) -> None:
        """Write everything that waits."""
        with self._lock:
            self._write_waiting()

    def _on_timer(self) -> None:
        self._timer_loop = None
        self.flush()

    def _write_waiting(self) -> None:
        if not self._waiting:
            return
        data = b"".join(self._waiting)
        self._waiting.clear()
        self._waiting_bytes = 0
        try:
            self._stream.write(data)
            self._stream.flush()
        except (OSError, ValueError):
            # The reader of our log is gone (closed pipe, full disk, closed stream). Serving goes on without a log.
            return


_current: Sink | None = None


def current() -> Sink:
    """The process's sink; standard error until `use` chooses another stream."""
    if _current is None:
        return use(sys.stderr)
    return _current


def use(stream: TextIO | BinaryIO) -> Sink:
    """Send all further lines of this process to `stream`."""
    global _current  # noqa: PLW0603 - a process has one log, as it has one standard error.
    if _current is not None:
        _current.flush()
    _current = Sink(stream)
    return _current


def reset() -> None:
    """Forget the stream that `use` chose."""
    global _current  # noqa: PLW0603 - a process has one log.
    flush()
    _current = None


@atexit.register
def flush() -> None:
    """Write what waits, if anything does."""
    if _current is not None:
        _current.flush()
