"""Objects in a bucket of S3, or of a server that speaks its language."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from commonplace.platform.storage.credentials import CredentialSource
from commonplace.platform.storage.errors import SignatureRefused, StorageUnavailable
from commonplace.platform.storage.keys import validate_key
from commonplace.platform.storage.protocol import ObjectInfo, SignedRequest, Stored
from commonplace.platform.storage.ranges import range_end
from commonplace.platform.storage.reading import read_all
from commonplace.platform.storage.s3_bucket import BucketAddress, S3Bucket
from commonplace.platform.storage.s3_client import S3Client
from commonplace.platform.storage.s3_joining import Joining
from commonplace.platform.storage.s3_reader import WINDOW, S3Reader
from commonplace.platform.storage.s3_writer import PART, MultipartUpload, S3Writer
from commonplace.platform.storage.signing import Grant, lasting

HASH_IN_THREAD = 64 * 1024  # bytes; below, the hop costs more than the hash
PUTS_AT_ONCE = 8
COPY_LIMIT = 5 * 1024**3  # bytes that S3 copies in one request
COPY_PART = 1024**3  # bytes
ABANDONED_AFTER = timedelta(hours=24)


class S3Storage:
    """See `ObjectStorage`.

    Args:
        address: The bucket.
        credentials: Where credentials come from.
        url_lifetime: How long signed URLs work by default.
        abandoned_after: Multipart uploads that were begun longer ago belong to nobody.
    """

    def __init__(
        self,
        address: BucketAddress,
        credentials: CredentialSource,
        *,
        url_lifetime: timedelta = timedelta(minutes=60),
        abandoned_after: timedelta = ABANDONED_AFTER,
    ) -> None:
        self._address = address
        self._url_lifetime = url_lifetime
        self._abandoned_after = abandoned_after
        self._client = S3Client(
            bucket_url=address.url,
            public_url=address.public_url,
            region=address.region,
            credentials=credentials,
            timeout_seconds=address.timeout_seconds,
            max_attempts=address.max_attempts,
        )
        self._bucket = S3Bucket(address, credentials, self._client)

    async def start(self) -> None:
        """Nothing is needed: whether the bucket answers is a matter of `check`."""

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def put(
        self,
        key: str,
        content: bytes | AsyncIterable[bytes],
        *,
        content_type: str | None = None,
        expected_bytes: int | None = None,
        only_if_absent: bool = False,
    ) -> Stored:
        """Write one object; see the protocol."""
        if isinstance(content, bytes) and len(content) <= PART:
            return await self._put_whole(
                validate_key(key), content, content_type=content_type, only_if_absent=only_if_absent
            )
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
        """Write many small objects, eight at a time; see the protocol."""
        for key, _ in objects:
            validate_key(key)
        places = asyncio.Semaphore(PUTS_AT_ONCE)

        async def put(key: str, content: bytes) -> Stored:
            async with places:
                return await self.put(key, content)

        outcomes = await asyncio.gather(*(put(key, content) for key, content in objects), return_exceptions=True)
        stored = []
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
            stored.append(outcome)
        return stored

    async def open_writer(
        self,
        key: str,
        *,
        content_type: str | None = None,
        expected_bytes: int | None = None,  # noqa: ARG002 — Part of the protocol; a bucket is never full.
        only_if_absent: bool = False,
    ) -> S3Writer:
        """Begin an object; see the protocol."""
        headers = {**self._address.encryption, **({"content-type": content_type} if content_type else {})}
        return S3Writer(
            self._client, self._put_whole, validate_key(key), headers=headers, only_if_absent=only_if_absent
        )

    async def grow(self, key: str, size_bytes: int) -> None:  # noqa: ARG002 — Part of the protocol.
        """Objects of a bucket never change; see the protocol."""
        validate_key(key)

    async def join(self, key: str, parts: Sequence[tuple[str, int]]) -> None:
        """Have the bucket put objects together, without moving most of the bytes through us; see the protocol."""
        if sum(size for _, size in parts) <= PART:
            content = b"".join([chunk async for chunk in read_all(self, parts)])
            await self._put_whole(validate_key(key), content, content_type=None, only_if_absent=False)
            return
        upload = await MultipartUpload.begin(self._client, validate_key(key), self._address.encryption)
        try:
            await Joining(self, upload, self._address.bucket).add(parts)
            await upload.complete()
        except BaseException:
            await asyncio.shield(upload.abort())
            raise

    async def stat(self, key: str) -> ObjectInfo:
        """What is known of an object; see the protocol."""
        return await self._bucket.head(validate_key(key))

    async def read(self, key: str, start: int = 0, end: int | None = None) -> S3Reader:
        """Open an object for reading; see the protocol."""
        validate_key(key)
        if start < 0 or (end is not None and end <= start):
            range_end(start, end, (await self.stat(key)).size_bytes)
        try:
            window_end = start + WINDOW if end is None else min(end, start + WINDOW)
            window, size_bytes, etag = await self._bucket.get(key, start, window_end)
        except StorageUnavailable:
            # Perhaps there is only no byte at `start`: then this has the right error, or it is an empty object.
            size_bytes = (await self.stat(key)).size_bytes
            if range_end(start, end, size_bytes) > start:
                raise
            window, etag = memoryview(b""), None

        async def fetch(window_start: int, window_end: int) -> memoryview:
            return (await self._bucket.get(key, window_start, window_end, etag))[0]

        stop = range_end(start, end, size_bytes)
        return S3Reader(fetch, size_bytes=size_bytes, start=start, end=stop, first_window=window)

    async def local_path(self, key: str) -> Path | None:
        """There are no files; `None` for every valid key."""
        validate_key(key)
        return None

    async def copy(self, source: str, destination: str) -> None:
        """Make a second object without moving its bytes through us; see the protocol."""
        validate_key(destination)
        info = await self.stat(source)
        if info.size_bytes > COPY_LIMIT:
            await self._copy_in_parts(info, destination)
        else:
            await self._bucket.copy(source, destination)

    async def delete(self, *keys: str) -> None:
        """Remove objects, a thousand a request; see the protocol."""
        if keys:
            await self._bucket.delete([validate_key(key) for key in keys])

    async def list(self, prefix: str = "") -> AsyncIterator[ObjectInfo]:
        """Every object below a folder; see the protocol."""
        async for page in self._bucket.pages(validate_key(prefix) if prefix else ""):
            for info in page:
                yield info

    async def sign_read(
        self,
        key: str,
        *,
        lifetime: timedelta | None = None,
        disposition: str | None = None,
        content_type: str | None = None,
    ) -> SignedRequest:
        """A URL of the bucket that reads the object; see the protocol."""
        query = {}
        if disposition is not None:
            query["response-content-disposition"] = disposition
        if content_type is not None:
            query["response-content-type"] = content_type
        return await self._signed("GET", key, lifetime, query=query)

    async def sign_upload(
        self, key: str, *, size_bytes: int, content_type: str, lifetime: timedelta | None = None
    ) -> SignedRequest:
        """A URL of the bucket that takes the object; see the protocol."""
        headers = {
            "Content-Type": content_type,
            "Content-Length": str(size_bytes),
            "If-None-Match": "*",
            **self._address.encryption,
        }
        return await self._signed("PUT", key, lifetime, headers=headers)

    def redeem(self, token: str, *, method: str) -> Grant:  # noqa: ARG002 — Part of the protocol.
        """There are no tokens here; see the protocol."""
        raise SignatureRefused("This link is not valid; ask for a new one.")

    async def remove_leftovers(self) -> int:
        """Abort multipart uploads that were begun long ago; see the protocol."""
        removed = 0
        marker: dict[str, str] = {}
        while True:
            answer = (await self._client.send("GET", query={"uploads": "", **marker})).text
            for upload in re.findall(r"<Upload>.*?</Upload>", answer, re.DOTALL):
                key, upload_id, begun = (
                    _text_of("Key", upload),
                    _text_of("UploadId", upload),
                    _text_of("Initiated", upload),
                )
                if datetime.fromisoformat(begun) + self._abandoned_after <= datetime.now(UTC):
                    await MultipartUpload(self._client, key, upload_id).abort()
                    removed += 1
            if _text_of("IsTruncated", answer) != "true":
                return removed
            marker = {
                "key-marker": _text_of("NextKeyMarker", answer),
                "upload-id-marker": _text_of("NextUploadIdMarker", answer),
            }

    async def check(self) -> None:
        """Ask for the bucket, once."""
        await self._bucket.check()

    async def free_bytes(self) -> None:
        """None: a bucket has no end; see the protocol."""
        return

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _put_whole(self, key: str, content: bytes, *, content_type: str | None, only_if_absent: bool) -> Stored:
        if len(content) < HASH_IN_THREAD:
            digest = hashlib.sha256(content).digest()
        else:
            digest = await asyncio.to_thread(lambda: hashlib.sha256(content).digest())
        await self._bucket.put(key, content, content_type=content_type, only_if_absent=only_if_absent)
        return Stored(key, len(content), digest)

    async def _copy_in_parts(self, info: ObjectInfo, destination: str) -> None:
        upload = await MultipartUpload.begin(self._client, destination, self._address.encryption)
        try:
            source = f"/{self._address.bucket}/{info.key}"
            for number, start in enumerate(range(0, info.size_bytes, COPY_PART), 1):
                await upload.copy_part(number, source, start, min(start + COPY_PART, info.size_bytes))
            await upload.complete()
        except BaseException:
            await asyncio.shield(upload.abort())
            raise

    async def _signed(
        self,
        method: str,
        key: str,
        lifetime: timedelta | None,
        *,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> SignedRequest:
        lasts = lasting(self._url_lifetime if lifetime is None else lifetime)
        expires_at = datetime.now(UTC) + lasts
        url = await self._client.sign(method, validate_key(key), lifetime=lasts, query=query, headers=headers)
        return SignedRequest(method, url, headers or {}, expires_at)


def _text_of(name: str, xml: str) -> str:
    found = re.search(f"<{name}>([^<]*)</{name}>", xml)
    return found[1] if found else ""
