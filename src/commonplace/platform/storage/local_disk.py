"""What blocks in local storage, and the threads it runs in."""

import asyncio
import contextlib
import functools
import hashlib
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol, TypeVar, TypeVarTuple, Unpack

from commonplace.platform.storage import local_keys
from commonplace.platform.storage.encryption import (
    BLOCK,
    HEADER,
    SEALED_BLOCK,
    TAG,
    FileKeys,
    KeyRing,
    content_size,
    open_blocks,
)
from commonplace.platform.storage.errors import (
    ObjectExists,
    ObjectNotFound,
    StorageError,
    StorageUnavailable,
    WrongEncryptionKey,
)
from commonplace.platform.storage.local_incoming import Incoming, IncomingFile
from commonplace.platform.storage.local_tree import DIRECTORY_MODE, LocalTree, explained, open_file, stored_at
from commonplace.platform.storage.protocol import ObjectInfo, Stored
from commonplace.platform.storage.ranges import range_end

THREADS = 16  # they mostly wait for the disk; eight small writes at once and two streams fit
LIST_PAGE = 1000  # objects a hop

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")


@dataclass(frozen=True, slots=True)
class NewObject:
    """A small object that is to be written."""

    key: str
    content: bytes
    only_if_absent: bool = False


class Content(Protocol):
    """The content of an open file. One call at a time."""

    @property
    def size_bytes(self) -> int:
        """How long the content is."""

    def read_at(self, start: int, length: int) -> bytes:
        """Exactly `length` bytes, which the content has, from `start`."""

    def close(self) -> None:
        """Let the file go."""


class _OpenFile:
    """A descriptor that is closed once: by `close`, or when nobody has the object any more (a cancelled request)."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._is_open = True

    def take(self) -> int:
        """The descriptor, which is from now on for the caller to close."""
        self._is_open = False
        return self._descriptor

    def close(self) -> None:
        """Let the file go."""
        if self._is_open:
            os.close(self.take())

    def __del__(self) -> None:
        self.close()


class PlainContent(_OpenFile):
    """A file that holds the content as it is."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor)
        self.size_bytes = os.fstat(descriptor).st_size

    def read_at(self, start: int, length: int) -> bytes:
        """Read from the file; see `Content`."""
        return _read_exactly(self._descriptor, length, start)


class SealedContent(_OpenFile):
    """A file that holds the content encrypted."""

    def __init__(self, descriptor: int, keys: FileKeys, header: bytes) -> None:
        super().__init__(descriptor)
        self._cipher = keys.cipher(header)
        self._file_size = os.fstat(descriptor).st_size
        self.size_bytes = content_size(self._file_size)
        if self._file_size < HEADER + TAG:
            raise StorageUnavailable("A stored file was cut; restore it from a backup.")

    def read_at(self, start: int, length: int) -> bytes:
        """Decrypt the blocks that hold the range; see `Content`."""
        first, last = start // BLOCK, (start + max(length, 1) - 1) // BLOCK
        offset = HEADER + first * SEALED_BLOCK
        end = min(self._file_size, HEADER + (last + 1) * SEALED_BLOCK)
        content = open_blocks(
            self._cipher,
            _read_exactly(self._descriptor, end - offset, offset),
            first=first,
            last_of_file=max(0, self.size_bytes - 1) // BLOCK,
        )
        return content[start - first * BLOCK :][:length]


class LocalDisk:
    """The objects of one directory. Methods block unless they say otherwise; `run` takes them to a thread."""

    def __init__(self, root: Path, *, minimum_free_bytes: int, keys: KeyRing) -> None:
        self.tree = LocalTree(root)
        self.keys = keys
        self.incoming = Incoming(self.tree, minimum_free_bytes=minimum_free_bytes)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="storage")

    def run(self, call: Callable[[Unpack[Arguments]], T], *arguments: *Arguments) -> "asyncio.Future[T]":
        """Start `call` in a worker thread, without blocking; its result can be awaited."""
        return asyncio.get_running_loop().run_in_executor(self._pool, functools.partial(call, *arguments))

    def open(self) -> int:
        """Make the directory if need be, and remove what the dead left; how many files that were. Once is enough."""
        if self.incoming.is_open:
            return 0
        with explained("making its directory"):
            self.tree.root.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        self.incoming.open()
        try:
            self._check_key()
            return self.incoming.remove_dead()
        except BaseException:
            self.incoming.close()
            raise

    def close(self) -> None:
        """Wait for the threads and let go of the directory."""
        self._pool.shutdown(wait=True)
        self.incoming.close()

    def _check_key(self) -> None:
        """Refuse to work without a key that files are encrypted with: they would read as noise."""
        with self.incoming.alone():
            known = local_keys.known(self.tree.root)
            fault = local_keys.fault(self.tree.root, known, self.keys)
            if fault is not None:
                raise WrongEncryptionKey(fault)
            if self.keys.current is not None and self.keys.current_fingerprint not in known:
                self._write_fingerprints(known | {self.keys.current_fingerprint})
        self.incoming.note(self.keys.current_fingerprint)

    def _write_fingerprints(self, fingerprints: frozenset[bytes]) -> None:
        if not fingerprints:
            self.tree.remove(local_keys.FINGERPRINTS)
            return
        file = self.incoming.new_file(None)
        file.append(b"\n".join(sorted(fingerprints)))
        file.complete()
        file.sync()
        (error,) = self.tree.publish([file.move_to(local_keys.FINGERPRINTS, only_if_absent=False)])
        if error:
            file.discard()
            raise error
        file.moved()

    def is_current(self, key: str) -> bool:
        """Whether an object lies here as it would if it were written now.

        Raises:
            ObjectNotFound: there is none.
        """
        descriptor = self.tree.open_object(key)
        try:
            with explained("looking at an object"):
                return self.keys.is_current(os.pread(descriptor, HEADER, 0))
        finally:
            os.close(descriptor)

    def retire_keys(self) -> bool:
        """Note that every object lies here as it would if it were written now, so that no previous key is needed.

        False: a process still writes otherwise; nothing was noted.
        """
        with self.incoming.alone():
            if any(note != self.keys.current_fingerprint for note in self.incoming.notes_of_others()):
                return False
            self._write_fingerprints(frozenset({self.keys.current_fingerprint} if self.keys.current else ()))
        return True

    def begin(self) -> IncomingFile:
        """An unfinished file, empty."""
        return self.incoming.new_file(self.keys.current)

    def put_batch(self, objects: Sequence[NewObject]) -> list[Stored | StorageError]:
        """Write small objects together; for each what was stored, or why not.

        The disk begins with all of them before we wait for the first, and a folder is synced once: eight at once take
        little longer than one.
        """
        outcomes: list[Stored | StorageError | None] = [None] * len(objects)
        files: dict[int, IncomingFile] = {}

        def each(step: Callable[[int, NewObject], None]) -> None:
            for number, new in enumerate(objects):
                if outcomes[number] is None:
                    try:
                        step(number, new)
                    except StorageError as error:
                        outcomes[number] = error

        def write(number: int, new: NewObject) -> None:
            files[number] = self.begin()
            files[number].append(new.content)
            files[number].complete(write_back=len(objects) > 1)

        try:
            each(write)
            each(lambda number, _: files[number].sync())
            ready = [number for number in files if outcomes[number] is None]
            moves = [files[n].move_to(objects[n].key, only_if_absent=objects[n].only_if_absent) for n in ready]
            for number, error in zip(ready, self.tree.publish(moves), strict=True):
                outcomes[number] = error or _stored(objects[number])
                if error is None:
                    files[number].moved()
        finally:
            for file in files.values():
                file.discard()
        return [outcome for outcome in outcomes if outcome is not None]

    def require_absent(self, key: str) -> None:
        """Fail early where a write would fail in the end.

        Raises:
            ObjectExists: there is such an object.
        """
        with contextlib.suppress(ObjectNotFound):
            os.close(self.tree.open_object(key))
            raise ObjectExists(key)

    def publish(self, file: IncomingFile, key: str, only_if_absent: bool) -> None:
        """Finish a file that was begun, durably.

        Raises:
            ObjectExists: `only_if_absent`, and there is an object of that key.
        """
        file.complete()
        file.sync()
        (error,) = self.tree.publish([file.move_to(key, only_if_absent=only_if_absent)])
        if error:
            raise error
        file.moved()

    def open_content(self, key: str) -> Content:
        """The content of an object; the caller closes it."""
        plain = PlainContent(self.tree.open_object(key))
        if not self.keys:
            return plain
        with explained("opening an object"):
            header = plain.read_at(0, min(HEADER, plain.size_bytes))
            keys = self.keys.of(header)
            return plain if keys is None else SealedContent(plain.take(), keys, header)

    def open_range(self, key: str, start: int, end: int | None, first_chunk: int) -> tuple[Content, int, bytes]:
        """The content of an object, where the range ends, and the range's first bytes.

        Raises:
            RangeNotSatisfiable: the range holds no byte.
        """
        content = self.open_content(key)
        try:
            stop = range_end(start, end, content.size_bytes)
            with explained("reading an object"):
                return content, stop, content.read_at(start, min(first_chunk, stop - start))
        except BaseException:
            content.close()
            raise

    def stat(self, key: str) -> ObjectInfo:
        """What is known of an object."""
        descriptor = self.tree.open_object(key)
        try:
            with explained("looking at an object"):
                return self._info(key, descriptor)
        finally:
            os.close(descriptor)

    def path(self, key: str) -> Path | None:
        """The object's file, after a look that it is one; `None` where it may be encrypted."""
        os.close(self.tree.open_object(key))
        return None if self.keys else self.tree.root / key

    def remove(self, keys: Sequence[str]) -> None:
        """Remove objects."""
        for key in keys:
            self.tree.remove(key)

    def pages(self, prefix: str) -> Generator[Sequence[ObjectInfo], None, None]:
        """The objects below a folder, some at a time."""
        infos = self._infos(prefix)
        while page := list(islice(infos, LIST_PAGE)):
            yield page

    def next_page(self, pages: Generator[Sequence[ObjectInfo], None, None]) -> Sequence[ObjectInfo]:
        """The next of `pages`; empty at the end."""
        return next(pages, ())

    def check(self) -> None:
        """See that the directory is there and can be written to."""
        self.incoming.check()
        if not os.access(self.tree.root, os.R_OK | os.W_OK | os.X_OK):
            raise StorageUnavailable(f"{self.tree.root} cannot be written to; check its owner and mode.")

    def _infos(self, prefix: str) -> Iterator[ObjectInfo]:
        for key, folder, name in self.tree.walk(prefix):
            try:
                descriptor = open_file(folder, name)
            except FileNotFoundError:
                continue  # Deleted since its folder was read.
            try:
                yield self._info(key, descriptor)
            finally:
                os.close(descriptor)

    def _info(self, key: str, descriptor: int) -> ObjectInfo:
        status = os.fstat(descriptor)
        size = status.st_size
        if self.keys and self.keys.of(os.pread(descriptor, HEADER, 0)) is not None:
            size = content_size(size)
        return ObjectInfo(key, size, stored_at(status))


def _stored(new: NewObject) -> Stored:
    return Stored(new.key, len(new.content), hashlib.sha256(new.content).digest())


def _read_exactly(descriptor: int, length: int, offset: int) -> bytes:
    data = os.pread(descriptor, length, offset)
    while len(data) < length:
        more = os.pread(descriptor, length - len(data), offset + len(data))
        if not more:
            raise StorageUnavailable("A stored file is shorter than it was; restore it from a backup.")
        data += more
    return data
