"""Writing the file of a backup. All functions block; callers run them in threads."""

import errno
import fcntl
import hashlib
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

import msgspec

from commonplace.platform.backup.archive import COMMENT, END_NAME, SHA256, Chain, Damage, End
from commonplace.platform.backup.errors import DiskTrouble, InTheWay, PlaceTaken

_MODE: Final = 0o600  # it holds everything that people keep here
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class ArchiveWriter:
    """Writes beside the file that is to be, and gives it its name when all is on the disk."""

    def __init__(self, path: Path) -> None:
        """Begin to write.

        Raises:
            PlaceTaken: there is such a file.
            InTheWay: another backup to it is being written.
            DiskTrouble: its directory does not exist or cannot be written.
        """
        self.path = path = path.absolute()
        self._part = path.with_name(f"{path.name}.part")
        self._chain = Chain()
        self._member: tuple[str, int, str] | None = None
        self._start = 0
        self._written = 0
        self._digest = hashlib.sha256()
        _refuse_existing(path)
        with _translated(path):
            self._file: IO[bytes] = os.fdopen(os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE), "r+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise InTheWay(f"Another process is writing {self._part} just now. Wait for it.") from error
        with _translated(path):
            self._file.truncate(0)  # what a process that died may have left

    @property
    def size_bytes(self) -> int:
        """How large the file is so far."""
        return self._file.tell()

    def begin(self, name: str, size_bytes: int, sha256: str) -> None:
        """Begin a member of this size and digest; `write` its content, then `end_member`."""
        info = tarfile.TarInfo(name)
        info.size = size_bytes
        info.mode = _MODE
        info.pax_headers = {COMMENT: SHA256 + sha256}
        self._start = self._file.tell()
        with _translated(self.path):
            self._file.write(info.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict"))
        self._member = (name, size_bytes, sha256)
        self._written = 0
        self._digest = hashlib.sha256()

    def write(self, chunk: bytes) -> None:
        """Add to the member."""
        self._written += len(chunk)
        self._digest.update(chunk)
        with _translated(self.path):
            self._file.write(chunk)

    def end_member(self) -> bool:
        """End the member; False when the content was not what `begin` said: then it is as if it never was written."""
        if self._member is None:
            raise RuntimeError("No member was begun.")
        name, size_bytes, sha256 = self._member
        self._member = None
        if self._written != size_bytes or self._digest.hexdigest() != sha256:
            self._undo()
            return False
        with _translated(self.path):
            self._file.write(b"\0" * (-size_bytes % tarfile.BLOCKSIZE))
        self._chain.add(name, size_bytes, sha256)
        return True

    def give_up_member(self) -> None:
        """Forget the member that was begun."""
        if self._member is not None:
            self._member = None
            self._undo()

    def add(self, name: str, content: bytes) -> None:
        """Write a small member at once."""
        self.begin(name, len(content), hashlib.sha256(content).hexdigest())
        self.write(content)
        self.end_member()

    def finish(self, damaged: list[Damage]) -> End:
        """Write the end, make everything durable, and give the file its name.

        Raises:
            PlaceTaken: somebody made such a file meanwhile.
            DiskTrouble: the disk is full, or fails.
        """
        end = self._chain.end(damaged)
        self.add(END_NAME, msgspec.json.encode(end))
        with _translated(self.path):
            self._file.write(b"\0" * (2 * tarfile.BLOCKSIZE))
            self._file.flush()
            os.fsync(self._file.fileno())
            try:
                os.link(self._part, self.path)  # unlike a rename it never replaces anything
                self._part.unlink()
            except FileExistsError:
                _refuse_existing(self.path)
            except OSError:  # a file system without hard links, as on memory sticks
                _refuse_existing(self.path)
                self._part.rename(self.path)
            directory = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        self._file.close()
        return end

    def abort(self) -> None:
        """Remove what was written; does nothing after `finish`."""
        if not self._file.closed:
            with suppress(OSError):
                self._part.unlink(missing_ok=True)
            with suppress(OSError):
                self._file.close()

    def _undo(self) -> None:
        with _translated(self.path):
            self._file.seek(self._start)
            self._file.truncate()


def _refuse_existing(path: Path) -> None:
    if os.path.lexists(path):
        raise PlaceTaken(f"{path} exists already, and is not replaced. Choose another name.")


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskTrouble(f"There is no room for {path}; what was written of it is removed.") from error
        raise DiskTrouble(f"{path} cannot be written: {error.strerror}.") from error
