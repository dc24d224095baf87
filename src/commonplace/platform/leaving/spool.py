"""Lines of JSON on their way into an archive: written down in a temporary directory while the database shows a moment.

Functions block shortly: a few kilobytes at a time, to a disk that does not wait for them.
"""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from commonplace.platform.leaving.format import CHUNK

_encode: Final = msgspec.json.Encoder().encode


class Lines:
    """One member-to-be."""

    def __init__(self, name: str, file: IO[bytes]) -> None:
        self.name = name
        self.number = 0
        self._file = file

    @property
    def size_bytes(self) -> int:
        """How long it is."""
        return self._file.tell()

    def add(self, line: Any) -> None:
        """Write one line."""
        self._file.write(_encode(line) + b"\n")
        self.number += 1

    def finish(self) -> None:
        """Nothing more is added."""
        self._file.flush()

    def read_lines(self) -> IO[bytes]:
        """The lines from the first one; call it when the last was added."""
        self._file.seek(0)
        return self._file

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes, from the first one."""
        self._file.seek(0)
        while chunk := self._file.read(CHUNK):
            yield chunk


class Spool:
    """The temporary directory with all of them."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="commonplace-archive-")
        self._files: list[IO[bytes]] = []

    def lines(self, name: str) -> Lines:
        """A new file of lines, for a member of this name."""
        path = Path(self._directory.name) / str(len(self._files))
        file = path.open("w+b")
        self._files.append(file)
        return Lines(name, file)

    def close(self) -> None:
        """Remove everything."""
        for file in self._files:
            file.close()
        self._directory.cleanup()
