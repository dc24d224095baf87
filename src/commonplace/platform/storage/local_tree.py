"""The directory of the objects: resolves keys to files without following a link, and makes new ones durable.

Every step from the root down is opened relative to the one above and with `O_NOFOLLOW`, so that whatever somebody
plants in the directory, no name leads out of it. All functions block; `LocalStorage` calls them in worker threads.
"""

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from commonplace.platform.storage.errors import (
    InvalidKey,
    ObjectExists,
    ObjectNotFound,
    StorageError,
    StorageFull,
    StorageUnavailable,
)

DIRECTORY_MODE = 0o750  # A web server that sends the files by itself may be let in by the group.
FILE_MODE = 0o640
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # not blocked by a planted pipe
_NOT_OURS = frozenset({errno.ELOOP, errno.ENOTDIR})  # a link, or a file where a directory should be
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FULL_SYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)  # macOS: fsync alone leaves bytes in the drive's cache
_KNOWN_FOLDERS_LIMIT = 4096


@dataclass(frozen=True, slots=True)
class Move:
    """A finished file, and the name it is to have."""

    directory: int  #: descriptor of the folder it is in
    name: str
    key: str
    only_if_absent: bool


def sync(descriptor: int) -> None:
    """Make what was written to a file, or to a directory, survive a power cut."""
    if _FULL_SYNC is None:
        os.fsync(descriptor)
    else:
        fcntl.fcntl(descriptor, _FULL_SYNC)


def explain(error: OSError, doing: str) -> StorageError:
    """The problem that an error of the operating system is, while `doing` something."""
    if error.errno in _FULL:
        return StorageFull("The disk is full; delete something, or give the server more room.")
    return StorageUnavailable(f"The storage directory failed while {doing}: {error.strerror or error}.")


@contextlib.contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turn errors of the operating system into problems."""
    try:
        yield
    except OSError as error:
        raise explain(error, doing) from error


def stored_at(status: os.stat_result) -> datetime:
    """When a file came here: its content may be dated back (`tar`, `rsync`), its inode's change time cannot."""
    return datetime.fromtimestamp(max(status.st_mtime, status.st_ctime), UTC)


class LocalTree:
    """The files below one root. Safe to use from several threads."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._durable: set[str] = set()  # folders whose own names are on disk for sure

    def open_root(self) -> int:
        """A descriptor of the root, which may itself be a link: the operator decides where it is.

        Raises:
            StorageUnavailable: it is not there (a disk that is not mounted, perhaps).
        """
        with explained("opening its root"):
            return os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def open_object(self, key: str) -> int:
        """A descriptor for reading the object's file.

        Raises:
            ObjectNotFound: there is no regular file of that name; a link counts as nothing.
        """
        *folders, name = key.split("/")
        try:
            folder = self._open_folder(folders)
            try:
                return open_file(folder, name)
            finally:
                os.close(folder)
        except OSError as error:
            if error.errno in _NOT_OURS or error.errno == errno.ENOENT:
                raise ObjectNotFound(key) from None
            raise explain(error, "opening an object") from error

    def publish(self, moves: Sequence[Move]) -> list[StorageError | None]:
        """Give finished, synced files their final names, durably; for each the error, if there was one.

        A folder is synced once for all that go to it.
        """
        outcomes: list[StorageError | None] = [None] * len(moves)
        folders: dict[str, int] = {}
        try:
            for number, move in enumerate(moves):
                outcomes[number] = self._move(move, folders)
            for path, folder in folders.items():
                try:
                    # Without this the files survive a power cut, but not necessarily their names.
                    sync(folder)
                except OSError as error:
                    _take_back(folder, path, moves, outcomes, explain(error, "finishing an object"))
        finally:
            for folder in folders.values():
                os.close(folder)
        return outcomes

    def open_to_grow(self, key: str, *, is_new: bool) -> int:
        """A descriptor for writing to the object's file; a new one is made, and its name is durable.

        Raises:
            ObjectNotFound: it is not new, and there is no regular file of that name.
        """
        *folders, name = key.split("/")
        flags = os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        try:
            if not is_new:
                folder = self._open_folder(folders)
                try:
                    return os.open(name, flags, dir_fd=folder)
                finally:
                    os.close(folder)
            folder = self._make_folder(folders)
            try:
                descriptor = os.open(name, flags | os.O_CREAT, FILE_MODE, dir_fd=folder)
                sync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            if error.errno in _NOT_OURS or error.errno in (errno.ENOENT, errno.ENXIO):
                raise ObjectNotFound(key) from None
            raise explain(error, "going on with an object") from error
        return descriptor

    def remove(self, key: str) -> None:
        """Remove an object's file, if there is one. Not synced: after a power cut the sweep finds it again."""
        *folders, name = key.split("/")
        try:
            folder = self._open_folder(folders)
            try:
                os.unlink(name, dir_fd=folder)
            finally:
                os.close(folder)
        except OSError as error:
            if error.errno not in _NOT_OURS and error.errno not in (errno.ENOENT, errno.EISDIR, errno.EPERM):
                raise explain(error, "deleting an object") from error

    def walk(self, prefix: str) -> Iterator[tuple[str, int, str]]:
        """Every regular file below the folder `prefix`, in the order of keys: (key, folder's descriptor, name).

        The descriptor is good until the next step. Hidden names and links are passed over.
        """
        try:
            folder = self._open_folder(prefix.split("/") if prefix else [])
        except OSError as error:
            if error.errno in _NOT_OURS or error.errno == errno.ENOENT:
                return
            raise explain(error, "listing objects") from error
        yield from self._walk(folder, f"{prefix}/" if prefix else "")

    def _walk(self, folder: int, above: str) -> Iterator[tuple[str, int, str]]:
        try:
            with explained("listing objects"):
                names = _sorted_names(folder)
            for name in names:
                if not name.endswith("/"):
                    yield above + name, folder, name
                    continue
                with contextlib.suppress(OSError):  # It went, or became something else, since we looked.
                    below = os.open(name[:-1], _DIRECTORY, dir_fd=folder)
                    yield from self._walk(below, above + name)
        finally:
            os.close(folder)

    def _move(self, move: Move, folders: dict[str, int]) -> StorageError | None:
        path, _, name = move.key.rpartition("/")
        try:
            if path not in folders:
                folders[path] = self._make_folder(path.split("/") if path else [])
            if move.only_if_absent:
                os.link(move.name, name, src_dir_fd=move.directory, dst_dir_fd=folders[path], follow_symlinks=False)
                os.unlink(move.name, dir_fd=move.directory)
            else:
                os.rename(move.name, name, src_dir_fd=move.directory, dst_dir_fd=folders[path])
        except FileExistsError:
            return ObjectExists(move.key)
        except OSError as error:
            return explain(error, "finishing an object")
        except StorageError as error:
            return error
        return None

    def _open_folder(self, segments: list[str]) -> int:
        """A descriptor of a folder; `OSError` when it is not there or not a folder."""
        folder = self.open_root()
        for segment in segments:
            try:
                below = os.open(segment, _DIRECTORY, dir_fd=folder)
            finally:
                os.close(folder)
            folder = below
        return folder

    def _make_folder(self, segments: list[str]) -> int:
        """A descriptor of a folder, made if need be, whose own name is durable."""
        folder = self.open_root()
        path = ""
        for segment in segments:
            path += segment + "/"
            try:
                below = self._step(folder, segment, path)
            finally:
                os.close(folder)
            folder = below
        return folder

    def _step(self, folder: int, segment: str, path: str) -> int:
        try:
            below = os.open(segment, _DIRECTORY, dir_fd=folder)
        except FileNotFoundError:
            with contextlib.suppress(FileExistsError):
                os.mkdir(segment, DIRECTORY_MODE, dir_fd=folder)
            self._durable.discard(path)
            below = os.open(segment, _DIRECTORY, dir_fd=folder)
        except OSError as error:
            if error.errno in _NOT_OURS:
                raise InvalidKey(f"The key is refused: {path[:-1]} in the storage directory is not a folder.") from None
            raise
        if path not in self._durable:
            # Also when another process made it: that one may have died before it synced.
            sync(folder)
            if len(self._durable) >= _KNOWN_FOLDERS_LIMIT:
                self._durable.clear()
            self._durable.add(path)
        return below


def open_file(folder: int, name: str) -> int:
    """A descriptor of a regular file; `FileNotFoundError` when the name is something else."""
    try:
        descriptor = os.open(name, _FILE, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):  # a link, a socket
            raise FileNotFoundError(errno.ENOENT, "not a regular file", name) from None
        raise
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise FileNotFoundError(errno.ENOENT, "not a regular file", name)


def _take_back(
    folder: int, path: str, moves: Sequence[Move], outcomes: list[StorageError | None], error: StorageError
) -> None:
    """Undo the moves to a folder that could not be synced: who hears of a failed write finds none."""
    for number, move in enumerate(moves):
        above, _, name = move.key.rpartition("/")
        if above == path and outcomes[number] is None:
            outcomes[number] = error
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=folder)


def _sorted_names(folder: int) -> list[str]:
    """The names in a folder, folders with a slash behind, so that their order is that of the keys below them."""
    names = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                names.append(entry.name + "/")
            elif entry.is_file(follow_symlinks=False):
                names.append(entry.name)
    names.sort()
    return names
