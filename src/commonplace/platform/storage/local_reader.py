"""Reading one object from local disk: a worker thread fetches a chunk while the one before is being sent."""

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

from commonplace.platform.storage.local_disk import Content, LocalDisk
from commonplace.platform.storage.local_tree import explained

CHUNK = 512 * 1024  # bytes; a multiple of the encryption's block


class LocalReader:
    """See `ObjectReader`."""

    def __init__(self, disk: LocalDisk, content: Content, start: int, end: int, first_chunk: bytes) -> None:
        self.size_bytes = content.size_bytes
        self.start = start
        self.end = end
        self._disk = disk
        self._content = content
        self._position = start + len(first_chunk)  # of what is to be fetched next
        self._chunk: bytes | None = first_chunk
        self._fetching: asyncio.Future[bytes] | None = None
        self._is_open = True

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        """The next chunk; see the protocol."""
        if self._chunk is not None:
            chunk, self._chunk = self._chunk, None
        elif self._fetching is not None:
            # Shielded: a reader that is cancelled here closes the file, but not under the thread that reads it.
            chunk = await asyncio.shield(self._fetching)
            self._fetching = None
        else:
            chunk = b""
        if not chunk:
            await self.aclose()
            raise StopAsyncIteration
        self._fetch()
        return chunk

    async def aclose(self) -> None:
        """Close the file; see the protocol."""
        if self._is_open:
            self._is_open = False
            await asyncio.shield(self._close())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _fetch(self) -> None:
        length = min(CHUNK, self.end - self._position)
        if self._is_open and length > 0:
            self._fetching = self._disk.run(self._read, self._position, length)
            self._position += length

    def _read(self, start: int, length: int) -> bytes:
        with explained("reading an object"):
            return self._content.read_at(start, length)

    async def _close(self) -> None:
        fetching, self._fetching, self._chunk = self._fetching, None, None
        if fetching is not None:
            await asyncio.gather(fetching, return_exceptions=True)
        self._content.close()
