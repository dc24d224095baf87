"""Joining objects of a bucket: the bucket copies, by ranges; only what is too small for it moves through us."""

import asyncio
import hashlib
from collections.abc import Sequence

from commonplace.platform.storage.protocol import ObjectStorage
from commonplace.platform.storage.s3_writer import PART, MultipartUpload

_COPIES_AT_ONCE = 4
_LARGEST_COPY = 1024**3  # bytes; S3 copies up to 5 GB in one request


class Joining:
    """Fills a multipart upload with the bytes of objects.

    S3 takes no part below 5 MiB but the last. So the end of a small object is read, together with as much of the next
    one as makes a part of it, and the rest of that is copied by the bucket. At most two small parts are in memory.
    """

    def __init__(self, storage: ObjectStorage, upload: MultipartUpload, bucket: str) -> None:
        self._storage = storage
        self._upload = upload
        self._bucket = bucket
        self._number = 0
        self._held = b""
        self._copies: set[asyncio.Task[None]] = set()

    async def add(self, parts: Sequence[tuple[str, int]]) -> None:
        """Add every object of `parts`: its key, and how many of its first bytes count."""
        try:
            for key, size_bytes in parts:
                await self._add(key, size_bytes)
            if self._held:
                await self._put()
            await asyncio.gather(*self._copies)
        finally:
            for copy in self._copies:
                copy.cancel()
            await asyncio.gather(*self._copies, return_exceptions=True)

    async def _add(self, key: str, size_bytes: int) -> None:
        start = 0
        if self._held:
            start = min(size_bytes, PART - len(self._held))
            self._held += await self._read(key, 0, start)
            if len(self._held) >= PART:
                await self._put()
        while size_bytes - start >= PART:
            end = min(size_bytes, start + _LARGEST_COPY)
            await self._copy(key, start, end)
            start = end
        if start < size_bytes:
            self._held += await self._read(key, start, size_bytes)

    async def _read(self, key: str, start: int, end: int) -> bytes:
        if start == end:
            return b""
        async with await self._storage.read(key, start, end) as reader:
            return b"".join([chunk async for chunk in reader])

    async def _put(self) -> None:
        self._number += 1
        held, self._held = self._held, b""
        await self._upload.put_part(self._number, held, hashlib.sha256(held).hexdigest())

    async def _copy(self, key: str, start: int, end: int) -> None:
        self._number += 1
        while len(self._copies) >= _COPIES_AT_ONCE:
            done, self._copies = await asyncio.wait(self._copies, return_when=asyncio.FIRST_COMPLETED)
            for copy in done:
                copy.result()
        source = f"/{self._bucket}/{key}"
        self._copies.add(asyncio.create_task(self._upload.copy_part(self._number, source, start, end)))
