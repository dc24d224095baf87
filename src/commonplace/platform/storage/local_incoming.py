"""Files that are being written: `<root>/.incoming/<process>/…`, on the same file system as the objects.

Each process has a folder of its own and holds a lock beside it for as long as it lives, whatever ends it. So whoever
gets such a lock knows that its owner is dead and that what lies in the folder can go.
"""

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator
from uuid import uuid4

from commonplace.platform.storage.encryption import FileKeys, Sealer
from commonplace.platform.storage.errors import StorageFull, StorageUnavailable
from commonplace.platform.storage.local_tree import DIRECTORY_MODE, FILE_MODE, LocalTree, Move, explain, explained, sync

FOLDER = ".incoming"
WRITE_BACK_STRIDE = 8 * 1024 * 1024  # bytes; a synced 100 MB is written 1.3 times as fast as with one flush at the end
_LOCK = ".lock"
_NOTED = b"key "
_LONGEST_NOTE = 200
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Incoming:
    """The folder of this process for unfinished files."""

    def __init__(self, tree: LocalTree, *, minimum_free_bytes: int) -> None:
        self._tree = tree
        self._minimum_free_bytes = minimum_free_bytes
        self._name = uuid4().hex
        self._all = self._own = self._lock = -1

    @property
    def is_open(self) -> bool:
        """Whether there is the folder."""
        return self._own >= 0

    def open(self) -> None:
        """Make the folder and take its lock.

        Raises:
            StorageUnavailable: the root cannot be written to.
        """
        root = self._tree.open_root()
        try:
            with explained("preparing a folder for uploads"):
                with contextlib.suppress(FileExistsError):
                    os.mkdir(FOLDER, DIRECTORY_MODE, dir_fd=root)
                self._all = os.open(FOLDER, _DIRECTORY, dir_fd=root)
                self._lock = self._take_lock()
                os.mkdir(self._name, DIRECTORY_MODE, dir_fd=self._all)
                self._own = os.open(self._name, _DIRECTORY, dir_fd=self._all)
        finally:
            os.close(root)

    def close(self) -> None:
        """Remove the folder with what is in it, and let the lock go."""
        if self._own >= 0:
            with contextlib.suppress(OSError):  # The directory may be gone already.
                self._remove_folder(self._name)
                os.unlink(self._name + _LOCK, dir_fd=self._all)
        for descriptor in (self._own, self._lock, self._all):
            if descriptor >= 0:
                os.close(descriptor)
        self._all = self._own = self._lock = -1

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Hold a lock that one process has at a time, for what is short."""
        with explained("waiting for another process"):
            fcntl.flock(self._all, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._all, fcntl.LOCK_UN)

    def note(self, text: bytes) -> None:
        """Let other processes know something of this one, for as long as it lives."""
        with explained("preparing a folder for uploads"):
            os.ftruncate(self._lock, 0)
            os.pwrite(self._lock, _NOTED + text, 0)

    def notes_of_others(self) -> list[bytes | None]:
        """What each other living process let know; None: nothing."""
        notes: list[bytes | None] = []
        with explained("looking for other processes"):
            for name in _names(self._all):
                if name.endswith(_LOCK) and name != self._name + _LOCK:
                    notes += self._note_of(name)
        return notes

    def _note_of(self, lock_name: str) -> list[bytes | None]:
        try:
            lock = os.open(lock_name, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._all)
        except FileNotFoundError:
            return []
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            text = os.pread(lock, _LONGEST_NOTE, 0)
            return [text.removeprefix(_NOTED) if text.startswith(_NOTED) else None]
        else:
            return []  # it is dead
        finally:
            os.close(lock)

    def check(self) -> None:
        """See that the folder is still where it was made.

        Raises:
            StorageUnavailable: it is not, so the root was removed, exchanged or unmounted.
        """
        root = self._tree.open_root()
        try:
            there = os.stat(f"{FOLDER}/{self._name}", dir_fd=root, follow_symlinks=False)
            same = os.path.samestat(there, os.fstat(self._own))
        except OSError:
            same = False
        finally:
            os.close(root)
        if not same:
            raise StorageUnavailable(
                f"{self._tree.root} is not the directory it was at the start; put it back, or restart Commonplace."
            )

    def require_space(self, expected_bytes: int = 0) -> None:
        """Refuse what would leave less free than is kept for the database.

        Raises:
            StorageFull: it would.
        """
        if self._room() < expected_bytes:
            raise StorageFull(
                f"Not enough room: {self._minimum_free_bytes:,} bytes of the disk are kept free; "
                "delete something, or give the server more room."
            )

    def free_bytes(self) -> int:
        """How much more is taken before `StorageFull`."""
        return max(0, self._room())

    def _room(self) -> int:
        with explained("asking for free space"):
            status = os.fstatvfs(self._own)
        return status.f_bavail * status.f_frsize - self._minimum_free_bytes

    def new_file(self, keys: FileKeys | None) -> "IncomingFile":
        """An empty file to write to, encrypted when there are `keys`."""
        name = uuid4().hex
        with explained("beginning an object"):
            descriptor = os.open(
                name,
                os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC,
                FILE_MODE,
                dir_fd=self._own,
            )
        return IncomingFile(self, self._own, name, descriptor, Sealer(keys) if keys else None)

    def remove_dead(self) -> int:
        """Remove the folders of processes that are dead; how many unfinished files there were."""
        removed = 0
        with explained("removing left-over uploads"):
            for name in _names(self._all):
                if name.endswith(_LOCK) and name != self._name + _LOCK:
                    removed += self._remove_if_dead(name)
        return removed

    def _take_lock(self) -> int:
        while True:
            lock = os.open(
                self._name + _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=self._all
            )
            fcntl.flock(lock, fcntl.LOCK_EX)
            # Another process may have taken it for a dead one's and removed it before we locked it.
            if os.fstat(lock).st_nlink:
                return lock
            os.close(lock)

    def _remove_if_dead(self, lock_name: str) -> int:
        try:
            lock = os.open(lock_name, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._all)
        except OSError:
            return 0  # Another process removed it, or it is not a lock.
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            removed = self._remove_folder(lock_name.removesuffix(_LOCK))
            os.unlink(lock_name, dir_fd=self._all)
        except BlockingIOError:
            return 0  # Its owner lives.
        finally:
            os.close(lock)
        return removed

    def _remove_folder(self, name: str) -> int:
        try:
            folder = os.open(name, _DIRECTORY, dir_fd=self._all)
        except FileNotFoundError:
            return 0
        try:
            files = _names(folder)
            for file in files:
                os.unlink(file, dir_fd=folder)
        finally:
            os.close(folder)
        os.rmdir(name, dir_fd=self._all)
        return len(files)


def _names(folder: int) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]


class IncomingFile:
    """One unfinished file. Its methods block, and wait for one another: it is never closed under a running write."""

    def __init__(self, incoming: Incoming, folder: int, name: str, descriptor: int, sealer: Sealer | None) -> None:
        self._incoming = incoming
        self._folder = folder
        self._name = name
        self._descriptor = descriptor
        self._sealer = sealer
        self._written = self._on_its_way = 0
        self._lock = threading.Lock()
        self._is_open = True

    def append(self, block: bytes) -> None:
        """Write `block` at the end.

        Raises:
            StorageFull: the disk is full, or nearly.
        """
        with self._lock:
            if self._is_open:  # Otherwise the upload was cancelled while this waited for a thread.
                self._incoming.require_space(len(block))
                self._write(self._sealer.update(block) if self._sealer else block)
                if self._written - self._on_its_way >= WRITE_BACK_STRIDE:
                    self._begin_write_back()

    def complete(self, *, write_back: bool = False) -> None:
        """Write what is held back; with `write_back` let the disk begin with it."""
        with self._lock:
            if self._sealer:
                self._write(self._sealer.finish())
            if write_back:
                self._begin_write_back()

    def sync(self) -> None:
        """Make the content durable."""
        with self._lock, explained("finishing an object"):
            sync(self._descriptor)

    def move_to(self, key: str, *, only_if_absent: bool) -> Move:
        """How this file gets its final name."""
        return Move(self._folder, self._name, key, only_if_absent)

    def moved(self) -> None:
        """Note that the file has its final name."""
        with self._lock:
            self._close()

    def discard(self) -> None:
        """Remove the file, unless it has its final name or was removed already."""
        with self._lock:
            if self._is_open:
                self._close()
                with contextlib.suppress(OSError):  # It went with the directory; nothing of it is left.
                    os.unlink(self._name, dir_fd=self._folder)

    def __del__(self) -> None:
        self.discard()  # Nobody has it any more: the request was cancelled while a thread made it.

    def _begin_write_back(self) -> None:
        """Let the disk begin now, so that the sync at the end has little left to wait for."""
        if hasattr(os, "posix_fadvise"):
            # Linux begins to write what is dirty in the range; what is not yet on disk stays in memory.
            os.posix_fadvise(
                self._descriptor, self._on_its_way, self._written - self._on_its_way, os.POSIX_FADV_DONTNEED
            )
            self._on_its_way = self._written

    def _close(self) -> None:
        self._is_open = False
        os.close(self._descriptor)

    def _write(self, data: bytes) -> None:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(self._descriptor, view) :]
            self._written += len(data)
        except OSError as error:
            raise explain(error, "writing an object") from error
