"""Writing one object to S3: in one request when it is small, as a multipart upload when it is not.

Two parts are on their way while a third is being collected: about 30 MB of memory, whatever the object's size (parts
grow from 5 GB on, since there may be 10,000 of them). An upload that fails is aborted, so that no parts stay behind;
those of processes that died are found by `S3Storage.remove_leftovers`.
"""

import asyncio
import hashlib
import re
from typing import Protocol, Self

import structlog

from commonplace.platform.storage.errors import ObjectExists, StorageError, StorageUnavailable
from commonplace.platform.storage.protocol import Stored
from commonplace.platform.storage.s3_client import S3Client
from commonplace.platform.storage.writing import Writing

PART = 5 * 1024 * 1024  # bytes; S3 takes no smaller ones
PARTS_OF_ONE_SIZE = 1000  # then twice as large: 10,000 parts reach 5 TB
PARTS_AT_ONCE = 2

log = structlog.get_logger(__name__)


class SinglePut(Protocol):
    """Writes a whole object in one request."""

    async def __call__(self, key: str, content: bytes, *, content_type: str | None, only_if_absent: bool) -> Stored:
        """Write it; see `ObjectStorage.put`."""


class MultipartUpload:
    """One multipart upload, request by request."""

    def __init__(self, client: S3Client, key: str, upload_id: str) -> None:
        self._client = client
        self._key = key
        self._upload_id = upload_id
        self._etags: dict[int, str] = {}

    @classmethod
    async def begin(cls, client: S3Client, key: str, headers: dict[str, str]) -> Self:
        """Begin an upload; `headers` are those of the object to be."""
        answer = await client.send("POST", key, query={"uploads": ""}, headers=headers)
        found = re.search(r"<UploadId>([^<]+)</UploadId>", answer.text)
        if answer.status_code != 200 or found is None:  # noqa: PLR2004 — 200 OK.
            raise StorageUnavailable(f"The bucket began no upload: it answered {answer.status_code}.")
        return cls(client, key, found[1])

    async def put_part(self, number: int, body: bytes, sha256_hex: str) -> None:
        """Send one part; numbers start at 1."""
        answer = await self._client.send("PUT", self._key, query=self._query(number), body=body, body_sha256=sha256_hex)
        self._keep(number, answer.status_code, answer.headers.get("etag", ""))

    async def copy_part(self, number: int, source: str, start: int, end: int) -> None:
        """Fill a part with the bytes from `start` to before `end` of `/bucket/key`, without moving them through us."""
        headers = {"x-amz-copy-source": source, "x-amz-copy-source-range": f"bytes={start}-{end - 1}"}
        answer = await self._client.send("PUT", self._key, query=self._query(number), headers=headers)
        found = re.search(r"<ETag>([^<]+)</ETag>", answer.text)
        self._keep(number, answer.status_code, found[1].replace("&quot;", '"') if found else "")

    async def complete(self, *, only_if_absent: bool = False) -> None:
        """Make an object of the parts.

        Raises:
            ObjectExists: `only_if_absent`, and there is one.
        """
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
            for number, etag in sorted(self._etags.items())
        )
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        answer = await self._client.send(
            "POST",
            self._key,
            query={"uploadId": self._upload_id},
            headers={"if-none-match": "*"} if only_if_absent else {},
            body=body,
            body_sha256=hashlib.sha256(body).hexdigest(),
        )
        if answer.status_code in (409, 412):
            raise ObjectExists(self._key)
        # It may answer 200 first and find out afterwards that it failed.
        if answer.status_code != 200 or "<Error>" in answer.text:  # noqa: PLR2004 — 200 OK.
            raise StorageUnavailable("The bucket did not finish the upload; try again.")

    async def abort(self) -> None:
        """Let the parts be removed. A bucket that does not answer is left to `remove_leftovers`."""
        try:
            await self._client.send("DELETE", self._key, query={"uploadId": self._upload_id})
        except StorageError as error:
            log.warning("storage.upload_left_behind", key=self._key, error=str(error))

    def _query(self, number: int) -> dict[str, str]:
        return {"partNumber": str(number), "uploadId": self._upload_id}

    def _keep(self, number: int, status: int, etag: str) -> None:
        if status != 200 or not etag:  # noqa: PLR2004 — 200 OK.
            raise StorageUnavailable(f"The bucket did not take a part: it answered {status}.")
        self._etags[number] = etag


class S3Writer(Writing):
    """See `ObjectWriter`."""

    def __init__(
        self, client: S3Client, put: SinglePut, key: str, *, headers: dict[str, str], only_if_absent: bool
    ) -> None:
        self._client = client
        self._put = put
        self._key = key
        self._headers = headers
        self._only_if_absent = only_if_absent
        self._size = 0
        self._sha256 = hashlib.sha256()
        self._chunks: list[bytes] = []
        self._held = 0
        self._upload: MultipartUpload | None = None
        self._parts = 0
        self._on_their_way: set[asyncio.Task[None]] = set()

    @property
    def size_bytes(self) -> int:
        """How many bytes were handed in so far."""
        return self._size

    async def write(self, chunk: bytes) -> None:
        """Add a chunk; see the protocol."""
        self._require_open()
        self._size += len(chunk)
        try:
            # Cut here, so that parts are of one size (some servers want that) and each byte is copied once.
            while len(chunk) >= (room := part_size(self._parts) - self._held):
                self._chunks.append(chunk[:room])
                chunk = chunk[room:]
                await self._send_part(self._take_part())
            self._chunks.append(chunk)
            self._held += len(chunk)
        except BaseException:
            await self.abort()
            raise

    def _take_part(self) -> bytes:
        part = b"".join(self._chunks)
        self._chunks.clear()
        self._held = 0
        return part

    async def _send_part(self, body: bytes) -> None:
        if self._upload is None:
            self._upload = await MultipartUpload.begin(self._client, self._key, self._headers)
        part_sha256 = await asyncio.to_thread(self._hash, body)
        if len(self._on_their_way) >= PARTS_AT_ONCE:
            await self._wait(asyncio.FIRST_COMPLETED)
        self._parts += 1
        self._on_their_way.add(asyncio.create_task(self._upload.put_part(self._parts, body, part_sha256)))

    def _hash(self, body: bytes) -> str:
        self._sha256.update(body)
        return hashlib.sha256(body).hexdigest()

    async def _wait(self, until: str) -> None:
        done, self._on_their_way = await asyncio.wait(self._on_their_way, return_when=until)
        failures = [error for error in [task.exception() for task in done] if error is not None]  # each one is heard
        if failures:
            raise failures[0]

    async def _finish(self) -> Stored:
        rest = self._take_part()
        if self._upload is None:
            content_type = self._headers.get("content-type")
            return await self._put(self._key, rest, content_type=content_type, only_if_absent=self._only_if_absent)
        if rest:
            await self._send_part(rest)
        await self._wait(asyncio.ALL_COMPLETED)
        await self._upload.complete(only_if_absent=self._only_if_absent)
        return Stored(self._key, self._size, self._sha256.digest())

    async def _discard(self) -> None:
        self._chunks.clear()
        for task in self._on_their_way:
            task.cancel()
        # A part that arrives after the abort would stay behind, so they end first.
        await asyncio.gather(*self._on_their_way, return_exceptions=True)
        if self._upload is not None:
            await self._upload.abort()


def part_size(number: int) -> int:
    """How large the part after `number` others is, in bytes."""
    return int(PART << (number // PARTS_OF_ONE_SIZE))
