"""Writing one object to local disk, hashed on the way.

The event loop only collects chunks into blocks. Two threads, each at its own pace, hash and write them; three or four
blocks are in memory. An object that is smaller than a block never gets that far: it is written together with others
like it.
"""

import asyncio
import hashlib
import warnings

from commonplace.platform.storage.local_disk import LocalDisk, NewObject
from commonplace.platform.storage.local_incoming import IncomingFile
from commonplace.platform.storage.local_lane import Lane
from commonplace.platform.storage.local_small import SmallWrites
from commonplace.platform.storage.protocol import Stored
from commonplace.platform.storage.writing import Writing

SMALL = 256 * 1024  # bytes; below, one hop to a thread is cheaper than the pipeline of blocks
BLOCK = 1024 * 1024  # bytes


class LocalWriter(Writing):
    """See `ObjectWriter`."""

    def __init__(self, disk: LocalDisk, small: SmallWrites, key: str, *, only_if_absent: bool) -> None:
        self._disk = disk
        self._small = small
        self._key = key
        self._only_if_absent = only_if_absent
        self._size = 0
        self._sha256 = hashlib.sha256()
        self._chunks: list[bytes] = []
        self._held = 0
        self._file: IncomingFile | None = None
        self._lanes: tuple[Lane, ...] = ()

    @property
    def size_bytes(self) -> int:
        """How many bytes were handed in so far."""
        return self._size

    async def write(self, chunk: bytes) -> None:
        """Add a chunk; see the protocol."""
        self._require_open()
        self._chunks.append(chunk)
        self._size += len(chunk)
        self._held += len(chunk)
        if self._held >= BLOCK:
            try:
                await self._hand_over()
            except BaseException:
                await self.abort()
                raise

    def __del__(self) -> None:
        if self._is_open and self._file:
            self._file.discard()
            warnings.warn(f"A writer of {self._key} was neither committed nor aborted.", ResourceWarning, stacklevel=2)

    async def _hand_over(self) -> IncomingFile:
        """Give the collected block to the threads; waits while they have enough."""
        if self._file is None:
            self._file = await self._disk.run(self._disk.begin)
            self._lanes = (Lane(self._disk, self._sha256.update), Lane(self._disk, self._file.append))
        block = self._take_block()
        for lane in self._lanes:
            await lane.push(block)
        return self._file

    async def _finish(self) -> Stored:
        if self._file is None and self._held < SMALL:
            return await self._small.put(NewObject(self._key, self._take_block(), self._only_if_absent))
        file = await self._hand_over()
        hashing, writing = self._lanes
        await writing.finish()
        await asyncio.gather(
            hashing.finish(), self._disk.run(self._disk.publish, file, self._key, self._only_if_absent)
        )
        return Stored(self._key, self._size, self._sha256.digest())

    async def _discard(self) -> None:
        self._chunks.clear()
        for lane in self._lanes:
            await lane.stop()
        if self._file is not None:
            await self._disk.run(self._file.discard)

    def _take_block(self) -> bytes:
        block = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._held = 0
        return block
