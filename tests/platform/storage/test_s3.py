"""What S3 alone has: encryption, multipart uploads, a bucket that is away, answers that never come."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from commonplace.platform.storage import s3 as s3_module
from commonplace.platform.storage.build import build_storage
from commonplace.platform.storage.credentials import CredentialSource
from commonplace.platform.storage.errors import ObjectNotFound, StorageUnavailable
from commonplace.platform.storage.keys import Category, new_key
from commonplace.platform.storage.protocol import ObjectStorage
from commonplace.platform.storage.s3 import S3Storage
from commonplace.platform.storage.s3_bucket import BucketAddress
from commonplace.platform.storage.s3_client import S3Client
from commonplace.platform.storage.s3_writer import PART, PARTS_OF_ONE_SIZE, MultipartUpload, part_size
from commonplace.platform.storage.sigv4 import Credentials

pytestmark = pytest.mark.anyio

MB = 1024 * 1024
CREDENTIALS = Credentials("test-key", "test-secret")


async def blocks(number: int, block: bytes = b"x" * MB) -> AsyncIterator[bytes]:
    for _ in range(number):
        yield block


@pytest.fixture
async def client(s3_server: Any) -> AsyncIterator[S3Client]:
    """Looks at the bucket past the storage."""
    client: S3Client = s3_server.client()
    yield client
    await client.close()


async def uploads(client: S3Client) -> int:
    return (await client.send("GET", query={"uploads": ""})).text.count("<Upload>")


class TestObjects:
    @pytest.mark.parametrize("size", [10, 6 * MB])
    async def test_they_are_encrypted_and_have_their_type(
        self, s3: ObjectStorage, client: S3Client, key: str, size: int
    ) -> None:
        await s3.put(key, b"x" * size, content_type="image/png")
        answer = await client.send("HEAD", key)
        assert answer.headers["x-amz-server-side-encryption"] == "AES256"
        assert answer.headers["content-type"] == "image/png"

    async def test_a_copy_and_a_signed_upload_are_encrypted_too(
        self, s3: ObjectStorage, client: S3Client, folder: str
    ) -> None:
        await s3.put(f"{folder}/a", b"x")
        await s3.copy(f"{folder}/a", f"{folder}/b")
        assert (await client.send("HEAD", f"{folder}/b")).headers["x-amz-server-side-encryption"] == "AES256"
        signed = await s3.sign_upload(f"{folder}/c", size_bytes=1, content_type="text/plain")
        assert signed.headers["x-amz-server-side-encryption"] == "AES256"
        assert "x-amz-server-side-encryption" in signed.url

    async def test_with_a_key_of_kms_they_ask_for_it(self, key: str) -> None:
        storage = S3Storage(
            BucketAddress(bucket="photos", region="eu-west-1", kms_key_id="alias/photos"),
            CredentialSource(CREDENTIALS, {}),
        )
        signed = await storage.sign_upload(key, size_bytes=1, content_type="text/plain")
        await storage.close()
        assert signed.headers["x-amz-server-side-encryption"] == "aws:kms"
        assert signed.headers["x-amz-server-side-encryption-aws-kms-key-id"] == "alias/photos"

    async def test_keys_are_those_of_local_disk(
        self, s3: ObjectStorage, local: Callable[[], Awaitable[ObjectStorage]], root: Path, folder: str
    ) -> None:
        batch = [(new_key(category, "png").replace(category, f"{folder}/{category}"), b"x") for category in Category]
        disk = await local()
        for storage in (s3, disk):
            await storage.put_many(batch)
        mirrored = [info.key async for info in disk.list(folder)]
        assert [info.key async for info in s3.list(folder)] == mirrored == sorted(key for key, _ in batch)
        files = sorted(path.relative_to(root).as_posix() for path in (root / folder).rglob("*.png"))
        assert files == mirrored

    async def test_a_list_goes_beyond_a_page_of_the_server(self, s3: ObjectStorage, folder: str) -> None:
        batch = [(f"{folder}/{n:04}", b"") for n in range(1005)]
        await s3.put_many(batch)
        assert [info.key async for info in s3.list(folder)] == [key for key, _ in batch]


class TestMultipart:
    async def test_a_failed_upload_leaves_no_parts(self, s3: ObjectStorage, client: S3Client, key: str) -> None:
        async def failing() -> AsyncIterator[bytes]:
            async for block in blocks(17):
                yield block
            raise ConnectionResetError

        with pytest.raises(ConnectionResetError):
            await s3.put(key, failing())
        assert await uploads(client) == 0

    async def test_an_upload_cancelled_while_parts_are_on_their_way_leaves_none(
        self, s3: ObjectStorage, client: S3Client, key: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stuck = asyncio.Event()
        put_part = MultipartUpload.put_part

        async def slow(self: MultipartUpload, number: int, body: bytes, sha256_hex: str) -> None:
            await put_part(self, number, body, sha256_hex)
            stuck.set()
            await asyncio.Event().wait()

        monkeypatch.setattr(MultipartUpload, "put_part", slow)
        upload = asyncio.create_task(s3.put(key, blocks(40)))
        await stuck.wait()
        upload.cancel()
        with pytest.raises(asyncio.CancelledError):
            await upload
        assert await uploads(client) == 0

    async def test_uploads_that_nobody_finished_are_aborted_when_they_are_old(
        self, s3: ObjectStorage, s3_server: Any, client: S3Client, folder: str
    ) -> None:
        for n in range(3):
            upload = await MultipartUpload.begin(client, f"{folder}/{n}", {})
            await upload.put_part(1, b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        assert await s3.remove_leftovers() == 0
        assert await uploads(client) == 3
        address = BucketAddress(bucket=s3_server.bucket, region="us-east-1", endpoint_url=s3_server.endpoint_url)
        eager = S3Storage(address, CredentialSource(CREDENTIALS, {}), abandoned_after=timedelta(seconds=-5))
        assert await eager.remove_leftovers() == 3
        await eager.close()
        assert await uploads(client) == 0

    async def test_what_is_too_large_for_one_copy_is_copied_in_parts(
        self, s3: ObjectStorage, client: S3Client, folder: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(s3_module, "COPY_LIMIT", 6 * MB)
        monkeypatch.setattr(s3_module, "COPY_PART", 5 * MB)
        content = bytes(range(256)) * (13 * MB // 256)
        await s3.put(f"{folder}/a", content)
        await s3.copy(f"{folder}/a", f"{folder}/b")
        async with await s3.read(f"{folder}/b") as reader:
            assert b"".join([chunk async for chunk in reader]) == content
        assert (await client.send("HEAD", f"{folder}/b")).headers["x-amz-server-side-encryption"] == "AES256"

    def test_ten_thousand_parts_hold_five_terabytes(self) -> None:
        assert part_size(0) == part_size(PARTS_OF_ONE_SIZE - 1) == PART
        assert part_size(PARTS_OF_ONE_SIZE) == 2 * PART
        assert sum(part_size(number) for number in range(10_000)) >= 5 * 10**12


class TestAway:
    async def test_a_bucket_that_does_not_exist_is_not_a_lost_object(self, s3_server: Any, tmp_path: Path) -> None:
        settings = s3_server.settings(bucket="no-such-bucket")
        async with build_storage(settings, tmp_path, b"secret") as storage:
            for attempt in (
                storage.check(),
                storage.stat("files/a"),
                storage.read("files/a"),
                storage.put("files/a", b"x"),
                storage.put("files/a", blocks(6)),
            ):
                with pytest.raises(StorageUnavailable, match=r"no bucket|began no upload"):
                    await attempt
            with pytest.raises(StorageUnavailable):
                await anext(aiter(storage.list()))

    async def test_wrong_credentials_are_told_apart(self, s3_server: Any, tmp_path: Path) -> None:
        settings = s3_server.settings(secret_access_key="wrong")
        async with build_storage(settings, tmp_path, b"secret") as storage:
            for attempt in (storage.check(), storage.stat("files/a"), storage.put("files/a", b"x")):
                with pytest.raises(StorageUnavailable, match="refuses our credentials"):
                    await attempt

    async def test_an_object_replaced_while_it_is_read_is_not_mixed(self, s3: ObjectStorage, key: str) -> None:
        await s3.put(key, b"a" * 13 * MB)
        reader = await s3.read(key)
        assert await anext(reader) == b"a" * MB
        await s3.put(key, b"b" * 13 * MB)
        with pytest.raises(StorageUnavailable):
            assert b"b" not in b"".join([chunk async for chunk in reader])
        await reader.aclose()


Answers = Callable[[int], bytes | None]


class Fake:
    """A server that answers the n-th request as told; `None`: never."""

    def __init__(self, answers: Answers) -> None:
        self.requests = 0
        self._answers = answers

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    (int(line[15:]) for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:"), 0
                )
                await reader.readexactly(length)
                answer = self._answers(self.requests)
                self.requests += 1
                if answer is not None:
                    writer.write(answer)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def fake(tmp_path: Path, s3_settings: Any) -> AsyncIterator[Callable[..., Awaitable[tuple[ObjectStorage, Fake]]]]:
    """`storage, server = await fake(answers)`: a storage in front of a server that misbehaves."""
    servers: list[asyncio.Server] = []
    storages: list[ObjectStorage] = []

    async def start(answers: Answers, **changes: Any) -> tuple[ObjectStorage, Fake]:
        fake = Fake(answers)
        server = await asyncio.start_server(fake, "127.0.0.1", 0)
        servers.append(server)
        port = server.sockets[0].getsockname()[1]
        settings = s3_settings(f"http://127.0.0.1:{port}", **changes)
        storages.append(build_storage(settings, tmp_path, b"secret"))
        return storages[-1], fake

    yield start
    for storage in storages:
        await storage.close()
    for server in servers:
        server.close()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
BUSY = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n"


class TestBadServers:
    async def test_one_that_is_busy_for_a_moment_is_asked_again(self, fake: Any) -> None:
        storage, server = await fake(lambda n: BUSY if n < 2 else OK)
        assert await storage.remove_leftovers() == 0
        assert server.requests == 3

    async def test_one_that_stays_busy_is_given_up(self, fake: Any) -> None:
        storage, server = await fake(lambda _: BUSY)
        with pytest.raises(StorageUnavailable) as gone:
            await storage.remove_leftovers()
        assert (gone.value.status, gone.value.headers()) == (503, {"Retry-After": "5"})
        assert server.requests == 3

    async def test_one_that_never_answers_holds_nobody_for_long(self, fake: Any) -> None:
        storage, _ = await fake(lambda _: None, request_timeout_seconds=0.2, max_attempts=2)
        attempts = (
            storage.check(),
            storage.stat("files/a"),
            storage.read("files/a"),
            storage.put("files/a", b"x"),
            storage.put("files/a", blocks(6)),
            storage.copy("files/a", "files/b"),
            storage.delete("files/a"),
        )
        async with asyncio.timeout(10):
            outcomes = await asyncio.gather(*attempts, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [StorageUnavailable] * len(attempts)

    async def test_health_asks_once(self, fake: Any) -> None:
        storage, server = await fake(lambda _: BUSY)
        with pytest.raises(StorageUnavailable):
            await storage.check()
        assert server.requests == 1

    async def test_a_port_that_nobody_listens_on_is_unavailable(self, tmp_path: Path, s3_settings: Any) -> None:
        settings = s3_settings("http://127.0.0.1:9", max_attempts=1)
        async with build_storage(settings, tmp_path, b"secret") as storage:
            for attempt in (storage.check(), storage.stat("files/a"), storage.put("files/a", blocks(6))):
                with pytest.raises(StorageUnavailable, match="does not answer"):
                    await attempt

    @pytest.mark.parametrize(
        "wrong",
        [
            {"complete": b"<Error><Code>InternalError</Code></Error>"},  # with 200: it was found out too late
            {"part": b""},  # no ETag
            {"begin": b"<html>"},
        ],
    )
    async def test_an_upload_that_goes_wrong_anywhere_is_aborted(self, fake: Any, wrong: dict[str, bytes]) -> None:
        steps = itertools.chain(["begin", "part", "part", "complete"], itertools.repeat("abort"))
        right = {
            "begin": b"<UploadId>u</UploadId>",
            "part": b'ETag: "e"',
            "complete": b"<CompleteMultipartUploadResult/>",
            "abort": b"",
        }

        def answer(_: int) -> bytes:
            step = next(steps)
            content = wrong.get(step, right[step])
            header = content + b"\r\n" if step == "part" and content else b""
            body = b"" if step == "part" else content
            return b"HTTP/1.1 200 OK\r\n" + header + b"Content-Length: %d\r\n\r\n" % len(body) + body

        storage, server = await fake(answer, max_attempts=1)
        with pytest.raises(StorageUnavailable):
            await storage.put("files/a", blocks(6))
        assert server.requests >= 1

    async def test_a_missing_object_is_told_only_after_the_bucket_was_seen(self, fake: Any) -> None:
        missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        storage, _ = await fake(lambda n: missing if n == 0 else OK)
        with pytest.raises(ObjectNotFound):
            await storage.stat("files/a")
        storage, _ = await fake(lambda _: missing)
        with pytest.raises(StorageUnavailable):
            await storage.stat("files/a")
