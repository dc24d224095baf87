"""A file that grows over several requests: bytes are appended to it where it lies, under the key it is to keep.

It has its final name from the beginning, so nothing is left to be moved, and no crash can come between the move and
the row that tells of it. How much of it counts, a row says; what is beyond was never acknowledged, and is cut off by
whoever goes on. A lock on the file keeps out every second writer, of whatever process, and ends with its holder.
"""

import asyncio
import fcntl
import os
import stat
import threading
from types import TracebackType
from typing import Self

from commonplace.platform.storage.errors import ObjectBusy, ObjectNotFound
from commonplace.platform.storage.local_disk import LocalDisk
from commonplace.platform.storage.local_incoming import WRITE_BACK_STRIDE
from commonplace.platform.storage.local_lane import Lane
from commonplace.platform.storage.local_tree import explain, explained, sync

BLOCK = 1024 * 1024  # bytes that one hop to a thread is worth


class GrowingFile:
    """The open file. Its methods block, and wait for one another: it is never closed under a running write."""

    def __init__(self, disk: LocalDisk, descriptor: int, size_bytes: int) -> None:
        self._disk = disk
        self._descriptor = descriptor
        self._written = self._durable = self._on_its_way = size_bytes
        self._lock = threading.Lock()
        self._is_open = True

    @classmethod
    def open(cls, disk: LocalDisk, key: str, size_bytes: int) -> Self:
        """Open the file and cut off what does not count.

        Raises:
            ObjectNotFound: it is not there, or shorter than `size_bytes`.
            ObjectBusy: it is open elsewhere.
        """
        descriptor = disk.tree.open_to_grow(key, is_new=size_bytes == 0)
        try:
            with explained("going on with an object"):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _require(key, os.fstat(descriptor), size_bytes)
                os.ftruncate(descriptor, size_bytes)
                os.lseek(descriptor, size_bytes, os.SEEK_SET)
        except BaseException as error:
            os.close(descriptor)
            if isinstance(error.__cause__, BlockingIOError):
                raise ObjectBusy from None
            raise
        return cls(disk, descriptor, size_bytes)

    def append(self, block: bytes) -> None:
        """Write `block` at the end.

        Raises:
            StorageFull: the disk is full, or nearly.
        """
        with self._lock:
            if not self._is_open:
                return
            self._disk.incoming.require_space(len(block))
            try:
                view = memoryview(block)
                while view:
                    view = view[os.write(self._descriptor, view) :]
            except OSError as error:
                raise explain(error, "writing an object") from error
            self._written += len(block)
            if self._written - self._on_its_way >= WRITE_BACK_STRIDE and hasattr(os, "posix_fadvise"):
                # Linux begins to write what is dirty, so that the sync has little left to wait for.
                os.posix_fadvise(
                    self._descriptor, self._on_its_way, self._written - self._on_its_way, os.POSIX_FADV_DONTNEED
                )
                self._on_its_way = self._written

    def sync(self) -> int:
        """Make what was written durable; how many bytes there are."""
        with self._lock:
            if self._is_open and self._durable != self._written:
                with explained("finishing an object"):
                    sync(self._descriptor)
                self._durable = self._written
            return self._durable

    def close(self) -> None:
        """Cut off what is not durable, and let the file and its lock go."""
        with self._lock:
            if self._is_open:
                self._is_open = False
                try:
                    if self._durable != self._written:
                        os.ftruncate(self._descriptor, self._durable)
                finally:
                    os.close(self._descriptor)

    def __del__(self) -> None:
        self.close()  # Nobody has it any more: the request was cancelled while a thread opened it.


def _require(key: str, status: os.stat_result, size_bytes: int) -> None:
    """Refuse what is no file, is shorter than what counts, or was removed before it was locked."""
    if not stat.S_ISREG(status.st_mode) or not status.st_nlink or status.st_size < size_bytes:
        raise ObjectNotFound(key)


class LocalGrowing:
    """See `GrowingObject`."""

    def __init__(self, disk: LocalDisk, file: GrowingFile) -> None:
        self._disk = disk
        self._file = file
        self._lane = Lane(disk, file.append)
        self._chunks: list[bytes] = []
        self._held = 0

    async def write(self, chunk: bytes) -> None:
        """Add a chunk; see the protocol."""
        self._chunks.append(chunk)
        self._held += len(chunk)
        if self._held >= BLOCK:
            await self._lane.push(self._take())

    async def sync(self) -> int:
        """Make what was written durable; see the protocol."""
        if self._held:
            await self._lane.push(self._take())
        await self._lane.finish()
        return await self._disk.run(self._file.sync)

    async def close(self) -> None:
        """Let go of the file; see the protocol."""
        # Shielded: whoever cancels a request twice must not leave the file locked.
        await asyncio.shield(self._close())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _close(self) -> None:
        await self._lane.stop()
        await self._disk.run(self._file.close)

    def _take(self) -> bytes:
        block = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._held = 0
        return block
