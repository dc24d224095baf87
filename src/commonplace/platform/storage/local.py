"""Objects in a directory of this machine."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Generator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from commonplace.platform.storage.encryption import KeyRing
from commonplace.platform.storage.keys import validate_key
from commonplace.platform.storage.local_disk import LocalDisk, NewObject
from commonplace.platform.storage.local_growing import GrowingFile, LocalGrowing
from commonplace.platform.storage.local_reader import CHUNK, LocalReader
from commonplace.platform.storage.local_small import SmallWrites
from commonplace.platform.storage.local_writer import SMALL, LocalWriter
from commonplace.platform.storage.protocol import ObjectInfo, SignedRequest, Stored
from commonplace.platform.storage.reading import read_all
from commonplace.platform.storage.signing import Grant, UrlSigner, lasting

SIGNED_PATH = "/api/storage/"

log = structlog.get_logger(__name__)


class LocalStorage:
    """See `ObjectStorage`. Keys are paths below `root`; what is being written lies in `.incoming`.

    Args:
        root: The directory; made at start.
        signer: Signs the URLs of this application that read and write objects.
        url_lifetime: How long they work by default.
        minimum_free_bytes: Writes that would leave less than this free are refused.
        encryption_key: 32 bytes, with which new files are encrypted; older plain ones stay readable.
        previous_encryption_keys: What older files may be encrypted with.
    """

    def __init__(
        self,
        root: Path,
        *,
        signer: UrlSigner,
        url_lifetime: timedelta = timedelta(minutes=60),
        minimum_free_bytes: int = 1_000_000_000,
        encryption_key: bytes | None = None,
        previous_encryption_keys: Sequence[bytes] = (),
    ) -> None:
        keys = KeyRing(encryption_key, previous_encryption_keys)
        self._disk = LocalDisk(root, minimum_free_bytes=minimum_free_bytes, keys=keys)
        self._small = SmallWrites(self._disk)
        self._signer = signer
        self._url_lifetime = url_lifetime

    async def start(self) -> None:
        """Make the directory and remove what dead processes left in it."""
        removed = await self._disk.run(self._disk.open)
        if removed:
            log.info("storage.leftovers_removed", number=removed)

    async def close(self) -> None:
        """Wait for what the threads are doing, and let the directory go."""
        await self._small.finish()
        await asyncio.to_thread(self._disk.close)

    async def put(
        self,
        key: str,
        content: bytes | AsyncIterable[bytes],
        *,
        content_type: str | None = None,
        expected_bytes: int | None = None,
        only_if_absent: bool = False,
    ) -> Stored:
        """Write one object; see the protocol. Media types are not kept."""
        if isinstance(content, bytes) and len(content) < SMALL:
            return await self._small.put(NewObject(validate_key(key), content, only_if_absent))
        async with await self.open_writer(
            key, content_type=content_type, expected_bytes=expected_bytes, only_if_absent=only_if_absent
        ) as writer:
            if isinstance(content, bytes):
                await writer.write(content)
            else:
                async for chunk in content:
                    await writer.write(chunk)
            return await writer.commit()

    async def put_many(self, objects: Sequence[tuple[str, bytes]]) -> list[Stored]:
        """Write many small objects; see the protocol."""
        return await self._small.put_many([NewObject(validate_key(key), content) for key, content in objects])

    async def open_writer(
        self,
        key: str,
        *,
        content_type: str | None = None,  # noqa: ARG002 — Part of the protocol; a file has nowhere to keep it.
        expected_bytes: int | None = None,
        only_if_absent: bool = False,
    ) -> LocalWriter:
        """Begin an object; see the protocol."""
        validate_key(key)
        self._disk.incoming.require_space(expected_bytes or 0)  # 2 µs: not worth a hop to a thread
        if only_if_absent and (expected_bytes is None or expected_bytes >= SMALL):
            await self._disk.run(self._disk.require_absent, key)
        return LocalWriter(self._disk, self._small, key, only_if_absent=only_if_absent)

    async def grow(self, key: str, size_bytes: int) -> LocalGrowing | None:
        """Go on with an object; see the protocol. An encrypted one cannot: which block is its last is sealed in it."""
        validate_key(key)
        if self._disk.keys:
            return None
        self._disk.incoming.require_space()
        return LocalGrowing(self._disk, await self._disk.run(GrowingFile.open, self._disk, key, size_bytes))

    async def join(self, key: str, parts: Sequence[tuple[str, int]]) -> None:
        """Make an object of the bytes of others; see the protocol."""
        await self.put(key, read_all(self, parts), expected_bytes=sum(size for _, size in parts))

    async def stat(self, key: str) -> ObjectInfo:
        """What is known of an object; see the protocol."""
        return await self._disk.run(self._disk.stat, validate_key(key))

    async def read(self, key: str, start: int = 0, end: int | None = None) -> LocalReader:
        """Open an object for reading; see the protocol."""
        content, stop, chunk = await self._disk.run(self._disk.open_range, validate_key(key), start, end, CHUNK)
        return LocalReader(self._disk, content, start, stop, chunk)

    async def local_path(self, key: str) -> Path | None:
        """The object's file, unless files are encrypted; see the protocol."""
        return await self._disk.run(self._disk.path, validate_key(key))

    async def copy(self, source: str, destination: str) -> None:
        """Make a second object; see the protocol."""
        validate_key(destination)
        async with await self.read(source) as reader:
            await self.put(destination, reader, expected_bytes=reader.size_bytes)

    async def delete(self, *keys: str) -> None:
        """Remove objects; see the protocol."""
        await self._disk.run(self._disk.remove, [validate_key(key) for key in keys])

    async def list(self, prefix: str = "") -> AsyncIterator[ObjectInfo]:
        """Every object below a folder; see the protocol."""
        pages = self._disk.pages(validate_key(prefix) if prefix else "")
        fetching = self._disk.run(self._disk.next_page, pages)
        try:
            while page := await asyncio.shield(fetching):
                fetching = self._disk.run(self._disk.next_page, pages)
                for info in page:
                    yield info
        finally:
            # Not before the thread is done with them: this may be a cancellation.
            await asyncio.shield(self._close_pages(fetching, pages))

    async def sign_read(
        self,
        key: str,
        *,
        lifetime: timedelta | None = None,
        disposition: str | None = None,
        content_type: str | None = None,
    ) -> SignedRequest:
        """A path of this application that reads the object; see the protocol."""
        return self._signed("GET", key, lifetime, {}, disposition=disposition, content_type=content_type)

    async def sign_upload(
        self, key: str, *, size_bytes: int, content_type: str, lifetime: timedelta | None = None
    ) -> SignedRequest:
        """A path of this application that takes the object; see the protocol."""
        headers = {"Content-Type": content_type, "Content-Length": str(size_bytes)}
        return self._signed("PUT", key, lifetime, headers, content_type=content_type, size_bytes=size_bytes)

    def redeem(self, token: str, *, method: str) -> Grant:
        """What a token allows; see the protocol."""
        return self._signer.verify(token, method=method)

    async def is_current(self, key: str) -> bool:
        """Whether an object is encrypted, or not, as it would be if it were written now.

        Raises:
            ObjectNotFound: there is none.
        """
        return await self._disk.run(self._disk.is_current, validate_key(key))

    async def retire_keys(self) -> bool:
        """Note that no previous key is needed any more; False: some process still encrypts otherwise."""
        return await self._disk.run(self._disk.retire_keys)

    async def remove_leftovers(self) -> int:
        """Remove what dead processes left; see the protocol."""
        return await self._disk.run(self._disk.incoming.remove_dead)

    async def check(self) -> None:
        """See that the directory is there and can be written to."""
        await self._disk.run(self._disk.check)

    async def free_bytes(self) -> int:
        """The room on the disk, less what is kept free; see the protocol."""
        return await self._disk.run(self._disk.incoming.free_bytes)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _close_pages(
        self, fetching: "asyncio.Future[Sequence[ObjectInfo]]", pages: Generator[Sequence[ObjectInfo], None, None]
    ) -> None:
        await asyncio.wait([fetching])
        await self._disk.run(pages.close)

    def _signed(
        self,
        method: str,
        key: str,
        lifetime: timedelta | None,
        headers: dict[str, str],
        *,
        disposition: str | None = None,
        content_type: str | None = None,
        size_bytes: int | None = None,
    ) -> SignedRequest:
        expires_at = datetime.now(UTC) + lasting(self._url_lifetime if lifetime is None else lifetime)
        grant = Grant(method, validate_key(key), expires_at, disposition, content_type, size_bytes)
        return SignedRequest(method, SIGNED_PATH + self._signer.sign(grant), headers, expires_at)
