"""Reading one object from S3, window by window.

One long answer would have to be read within the client's time limit, however slow the person is who downloads. So each
request is for a few megabytes, the next one is made while the one before is being sent, and all ask for the same ETag.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Self

WINDOW = 4 * 1024 * 1024  # bytes a request; two are in memory
CHUNK = 1024 * 1024  # bytes handed out at a time

FetchWindow = Callable[[int, int], Awaitable[memoryview]]


class S3Reader:
    """See `ObjectReader`. `fetch(start, end)` gives exactly those bytes."""

    def __init__(self, fetch: FetchWindow, *, size_bytes: int, start: int, end: int, first_window: memoryview) -> None:
        self.size_bytes = size_bytes
        self.start = start
        self.end = end
        self._fetch = fetch
        self._window = first_window
        self._position = start + len(first_window)  # of the next window
        self._next: asyncio.Task[memoryview] | None = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        """The next chunk; see the protocol."""
        if self._next is None and self._position < self.end:
            stop = min(self._position + WINDOW, self.end)
            self._next = asyncio.ensure_future(self._fetch(self._position, stop))
            self._position = stop
        if not self._window and self._next is not None:
            self._window, self._next = await self._next, None
        if not self._window:
            raise StopAsyncIteration
        chunk, self._window = bytes(self._window[:CHUNK]), self._window[CHUNK:]
        return chunk

    async def aclose(self) -> None:
        """Stop fetching; see the protocol."""
        self._window, self._position = memoryview(b""), self.end
        if self._next is not None:
            self._next.cancel()
            await asyncio.gather(self._next, return_exceptions=True)
            self._next = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
