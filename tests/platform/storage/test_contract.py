"""What every storage promises: the same tests on local disk, on local disk encrypted, and on S3."""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from commonplace.platform.storage import local_disk, s3_bucket
from commonplace.platform.storage.errors import InvalidKey, ObjectExists, ObjectNotFound, RangeNotSatisfiable
from commonplace.platform.storage.protocol import ObjectStorage

pytestmark = pytest.mark.anyio

KB, MB = 1024, 1024 * 1024
SIZES = [0, 1, 10 * KB, 64 * KB, 64 * KB + 1, 256 * KB, MB, MB + 1, 5 * MB, 11 * MB + 7]
LARGE = 6 * MB + 5


def content(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


async def chunks(data: bytes, size: int = 64 * KB) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def read(storage: ObjectStorage, key: str, start: int = 0, end: int | None = None) -> bytes:
    async with await storage.read(key, start, end) as reader:
        return b"".join([chunk async for chunk in reader])


async def exists(storage: ObjectStorage, key: str) -> bool:
    try:
        await storage.stat(key)
    except ObjectNotFound:
        return False
    return True


async def keys_below(storage: ObjectStorage, prefix: str) -> list[str]:
    return [info.key async for info in storage.list(prefix)]


class TestPut:
    @pytest.mark.parametrize("size", SIZES)
    async def test_what_was_streamed_in_comes_back(self, storage: ObjectStorage, key: str, size: int) -> None:
        data = content(size)
        stored = await storage.put(key, chunks(data), content_type="image/png")
        assert (stored.key, stored.size_bytes, stored.sha256) == (key, size, hashlib.sha256(data).digest())
        assert (await storage.stat(key)).size_bytes == size
        assert await read(storage, key) == data

    @pytest.mark.parametrize("size", [0, 10 * KB, LARGE])
    async def test_bytes_are_taken_as_they_are(self, storage: ObjectStorage, key: str, size: int) -> None:
        data = content(size)
        stored = await storage.put(key, data, expected_bytes=size)
        assert stored.sha256_hex == hashlib.sha256(data).hexdigest()
        assert await read(storage, key) == data

    async def test_chunks_of_any_length_make_the_same_object(self, storage: ObjectStorage, key: str) -> None:
        data = content(2 * MB)
        lengths = random.Random(1)

        async def uneven() -> AsyncIterator[bytes]:
            position = 0
            while position < len(data):
                length = lengths.choice([0, 1, 7, 1000, 70_000, 700_000])
                yield data[position : position + length]
                position += length

        stored = await storage.put(key, uneven())
        assert stored.sha256 == hashlib.sha256(data).digest()
        assert await read(storage, key) == data

    async def test_the_storage_knows_when_it_came(self, storage: ObjectStorage, key: str) -> None:
        before = datetime.now(UTC)
        await storage.put(key, b"x")
        arrived = (await storage.stat(key)).modified_at
        # S3 counts whole seconds, and the kernel's clock for files is up to 10 ms behind.
        assert before - timedelta(seconds=1) <= arrived <= datetime.now(UTC) + timedelta(seconds=1)

    @pytest.mark.parametrize("size", [100, LARGE])
    async def test_an_object_is_replaced_as_a_whole(self, storage: ObjectStorage, key: str, size: int) -> None:
        await storage.put(key, content(size, seed=1))
        old = await storage.read(key, 10)
        await storage.put(key, chunks(content(20, seed=2)))
        assert await read(storage, key) == content(20, seed=2)
        await old.aclose()

    @pytest.mark.parametrize("size", [100, LARGE])
    async def test_only_if_absent_never_replaces(self, storage: ObjectStorage, key: str, size: int) -> None:
        await storage.put(key, b"first", only_if_absent=True)
        for second in (content(size), chunks(content(size))):
            with pytest.raises(ObjectExists):
                await storage.put(key, second, only_if_absent=True)
        assert await read(storage, key) == b"first"
        await storage.remove_leftovers()

    async def test_of_several_that_need_absence_at_once_one_wins(self, storage: ObjectStorage, key: str) -> None:
        attempts = [storage.put(key, chunks(content(100, seed)), only_if_absent=True) for seed in range(4)]
        outcomes = await asyncio.gather(*attempts, return_exceptions=True)
        winners = [seed for seed, outcome in enumerate(outcomes) if not isinstance(outcome, BaseException)]
        assert len(winners) == 1
        assert all(isinstance(outcome, ObjectExists) for seed, outcome in enumerate(outcomes) if seed not in winners)
        assert await read(storage, key) == content(100, winners[0])

    @pytest.mark.parametrize("size", [100, 600 * KB, LARGE])
    async def test_a_source_that_fails_leaves_nothing(self, storage: ObjectStorage, key: str, size: int) -> None:
        async def failing() -> AsyncIterator[bytes]:
            async for chunk in chunks(content(size)):
                yield chunk
            raise ConnectionResetError("the client went away")

        with pytest.raises(ConnectionResetError):
            await storage.put(key, failing())
        assert not await exists(storage, key)

    @pytest.mark.parametrize("size", [600 * KB, LARGE])
    async def test_a_cancelled_upload_leaves_nothing(self, storage: ObjectStorage, key: str, size: int) -> None:
        sent = asyncio.Event()

        async def endless() -> AsyncIterator[bytes]:
            async for chunk in chunks(content(size)):
                yield chunk
            sent.set()
            await asyncio.Event().wait()

        upload = asyncio.create_task(storage.put(key, endless()))
        await sent.wait()
        upload.cancel()
        with pytest.raises(asyncio.CancelledError):
            await upload
        assert not await exists(storage, key)

    async def test_many_at_once_are_all_there(self, storage: ObjectStorage, folder: str) -> None:
        await asyncio.gather(*(storage.put(f"{folder}/{n:03}", chunks(content(n * 100, n))) for n in range(40)))
        assert await keys_below(storage, folder) == [f"{folder}/{n:03}" for n in range(40)]
        assert await read(storage, f"{folder}/039") == content(3900, 39)

    async def test_a_batch_is_stored_in_one_call(self, storage: ObjectStorage, folder: str) -> None:
        batch = [(f"{folder}/{n % 3}/{n:03}", content(n * 10, n)) for n in range(30)]
        stored = await storage.put_many(batch)
        assert [(one.key, one.size_bytes) for one in stored] == [(key, len(data)) for key, data in batch]
        assert [await read(storage, key) for key, _ in batch] == [data for _, data in batch]

    async def test_a_bad_key_in_a_batch_refuses_it_before_anything_is_written(
        self, storage: ObjectStorage, folder: str
    ) -> None:
        with pytest.raises(InvalidKey):
            await storage.put_many([(f"{folder}/good", b"1"), (f"{folder}/../bad", b"2")])
        assert await keys_below(storage, folder) == []


class TestWriter:
    @pytest.mark.parametrize("size", [100, 3 * MB, LARGE])
    async def test_pieces_become_one_object_at_the_commit(self, storage: ObjectStorage, key: str, size: int) -> None:
        data = content(size)
        async with await storage.open_writer(key, expected_bytes=size) as writer:
            async for chunk in chunks(data, 100_000):
                await writer.write(chunk)
            assert writer.size_bytes == size
            assert not await exists(storage, key)
            stored = await writer.commit()
        assert stored.sha256 == hashlib.sha256(data).digest()
        assert await read(storage, key) == data

    @pytest.mark.parametrize("size", [100, 3 * MB, LARGE])
    async def test_an_aborted_writer_leaves_nothing(self, storage: ObjectStorage, key: str, size: int) -> None:
        writer = await storage.open_writer(key)
        await writer.write(content(size))
        await writer.abort()
        await writer.abort()
        assert not await exists(storage, key)

    async def test_a_block_that_is_left_without_a_commit_aborts(self, storage: ObjectStorage, key: str) -> None:
        async with await storage.open_writer(key) as writer:
            await writer.write(content(LARGE))
        assert not await exists(storage, key)

    async def test_a_writer_is_good_for_one_object(self, storage: ObjectStorage, key: str) -> None:
        writer = await storage.open_writer(key)
        await writer.write(b"1")
        await writer.commit()
        await writer.abort()
        with pytest.raises(ValueError, match="already"):
            await writer.write(b"2")
        with pytest.raises(ValueError, match="already"):
            await writer.commit()
        assert await read(storage, key) == b"1"

    async def test_writers_do_not_disturb_one_another(self, storage: ObjectStorage, folder: str) -> None:
        writers = [await storage.open_writer(f"{folder}/{n}") for n in range(3)]
        for part in range(30):
            for n, writer in enumerate(writers):
                await writer.write(content(70_000, n * 100 + part))
        for n, writer in enumerate(writers):
            await writer.commit()
            expected = b"".join(content(70_000, n * 100 + part) for part in range(30))
            assert await read(storage, f"{folder}/{n}") == expected


class TestRead:
    @pytest.mark.parametrize(
        ("start", "end", "expected"),
        [(0, None, b"12345"), (1, 3, b"23"), (4, None, b"5"), (4, 99, b"5"), (0, 1, b"1"), (2, 5, b"345")],
    )
    async def test_a_range_gives_its_bytes(
        self, storage: ObjectStorage, key: str, start: int, end: int | None, expected: bytes
    ) -> None:
        await storage.put(key, b"12345")
        reader = await storage.read(key, start, end)
        assert (reader.size_bytes, reader.start, reader.end) == (5, start, start + len(expected))
        assert [chunk async for chunk in reader] == [expected]

    @pytest.mark.parametrize(("start", "end"), [(5, None), (99, None), (5, 9), (2, 2), (3, 1), (0, 0), (-1, 3)])
    async def test_a_range_without_a_byte_is_refused(
        self, storage: ObjectStorage, key: str, start: int, end: int | None
    ) -> None:
        await storage.put(key, b"12345")
        with pytest.raises(RangeNotSatisfiable, match="5 bytes") as refused:
            await storage.read(key, start, end)
        assert refused.value.headers()["Content-Range"] == "bytes */5"

    async def test_an_empty_object_can_be_read_whole_but_in_no_part(self, storage: ObjectStorage, key: str) -> None:
        await storage.put(key, b"")
        assert await read(storage, key) == b""
        assert await read(storage, key, 0, 10) == b""
        with pytest.raises(RangeNotSatisfiable):
            await storage.read(key, 1)

    async def test_chunks_are_small(self, storage: ObjectStorage, key: str) -> None:
        await storage.put(key, content(9 * MB))
        reader = await storage.read(key)
        assert max([len(chunk) async for chunk in reader]) <= MB

    async def test_a_reader_can_be_left_in_the_middle(self, storage: ObjectStorage, key: str) -> None:
        await storage.put(key, content(9 * MB))
        reader = await storage.read(key)
        assert await anext(reader)
        await reader.aclose()
        await reader.aclose()
        assert [chunk async for chunk in reader] == []

    async def test_readers_of_one_object_do_not_disturb_one_another(self, storage: ObjectStorage, key: str) -> None:
        data = content(9 * MB)
        await storage.put(key, data)
        ranges = [(0, None), (4 * MB - 1, 4 * MB + 1), (MB, 9 * MB), (64 * KB, 64 * KB + 1)]
        results = await asyncio.gather(*(read(storage, key, start, end) for start, end in ranges))
        assert results == [data[start:end] for start, end in ranges]

    async def test_any_range_is_a_slice(self, storage: ObjectStorage, key: str) -> None:
        data = content(5 * MB + 321)
        await storage.put(key, data)
        chance = random.Random(3)
        edges = [0, 1, 64 * KB, 64 * KB + 1, 512 * KB, MB, 4 * MB, 4 * MB + 1, len(data) - 1]
        for _ in range(25):
            start = chance.choice([*edges, chance.randrange(len(data))])
            end = chance.choice([None, start + 1, start + 64 * KB, chance.randrange(start + 1, len(data) + 100)])
            assert await read(storage, key, start, end) == data[start:end]

    async def test_what_is_not_there_is_not_found(self, storage: ObjectStorage, key: str) -> None:
        for attempt in (storage.read(key), storage.stat(key), storage.copy(key, key + "2"), storage.read(key, 5, 2)):
            with pytest.raises(ObjectNotFound, match=r"object\.bin"):
                await attempt

    async def test_a_folder_is_not_an_object(self, storage: ObjectStorage, key: str, folder: str) -> None:
        await storage.put(key, b"x")
        for attempt in (storage.read(folder), storage.stat(folder)):
            with pytest.raises(ObjectNotFound):
                await attempt
        await storage.delete(folder)
        assert await exists(storage, key)


class TestCopy:
    @pytest.mark.parametrize("size", [0, 100, LARGE])
    async def test_a_copy_is_an_object_of_its_own(self, storage: ObjectStorage, folder: str, size: int) -> None:
        await storage.put(f"{folder}/one", content(size))
        await storage.copy(f"{folder}/one", f"{folder}/two/b")
        await storage.delete(f"{folder}/one")
        assert await read(storage, f"{folder}/two/b") == content(size)

    async def test_a_copy_replaces(self, storage: ObjectStorage, folder: str) -> None:
        await storage.put_many([(f"{folder}/one", b"new"), (f"{folder}/two", b"old, and longer")])
        await storage.copy(f"{folder}/one", f"{folder}/two")
        assert await read(storage, f"{folder}/two") == b"new"


class TestDelete:
    async def test_what_is_deleted_is_gone_and_may_be_deleted_again(self, storage: ObjectStorage, key: str) -> None:
        await storage.put(key, b"x")
        await storage.delete(key)
        await storage.delete(key)
        assert not await exists(storage, key)

    async def test_many_go_at_once(self, storage: ObjectStorage, folder: str) -> None:
        await storage.put_many([(f"{folder}/{n}", b"x") for n in range(5)])
        await storage.delete(f"{folder}/1", f"{folder}/none", f"{folder}/3")
        assert await keys_below(storage, folder) == [f"{folder}/0", f"{folder}/2", f"{folder}/4"]
        await storage.delete()


class TestList:
    async def test_it_has_key_size_and_time_in_the_order_of_keys(self, storage: ObjectStorage, folder: str) -> None:
        names = ["2026/11/02/b", "2026/11/01/a", "2026/02/03/c", "2025/12/31/z", "2026/11/01/b"]
        await storage.put_many([(f"{folder}/{name}", content(n)) for n, name in enumerate(names)])
        infos = [info async for info in storage.list(folder)]
        assert [info.key for info in infos] == sorted(f"{folder}/{name}" for name in names)
        assert {info.key.removeprefix(folder + "/"): info.size_bytes for info in infos} == {
            name: n for n, name in enumerate(names)
        }
        assert all(datetime.now(UTC) - info.modified_at < timedelta(minutes=5) for info in infos)

    async def test_a_prefix_is_a_folder_not_the_start_of_a_name(self, storage: ObjectStorage, folder: str) -> None:
        await storage.put_many([(f"{folder}/ab/1", b"x"), (f"{folder}/abc/2", b"x"), (f"{folder}/ab.txt", b"x")])
        assert await keys_below(storage, f"{folder}/ab") == [f"{folder}/ab/1"]

    async def test_a_folder_that_is_not_there_is_empty(self, storage: ObjectStorage, folder: str) -> None:
        assert await keys_below(storage, folder) == []

    async def test_it_goes_beyond_a_page(
        self, storage: ObjectStorage, folder: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for module in (local_disk, s3_bucket):
            monkeypatch.setattr(module, "LIST_PAGE", 10)
        batch = [(f"{folder}/{n:04}", b"") for n in range(25)]
        await storage.put_many(batch)
        assert await keys_below(storage, folder) == [key for key, _ in batch]

    async def test_it_can_be_left_in_the_middle(self, storage: ObjectStorage, folder: str) -> None:
        await storage.put_many([(f"{folder}/{n}", b"") for n in range(10)])
        listing = storage.list(folder)
        assert (await anext(listing)).key == f"{folder}/0"
        await listing.aclose()  # type: ignore[attr-defined]
        await storage.delete(f"{folder}/0")

    async def test_everything_is_listed_without_a_prefix(self, storage: ObjectStorage, key: str) -> None:
        await storage.put(key, b"x")
        assert key in await keys_below(storage, "")


BAD_KEYS = [
    "",
    "/etc/passwd",
    "a//b",
    "a/",
    "../a",
    "a/../b",
    "a/./b",
    "a/..",
    ".incoming/x",
    "a/.hidden",
    "a\\b",
    "a\0b",
    "a b",
    "a/\n",
    "é",
    "a/%2e%2e/b",
    "a?b",
    "-rf",
    "a/" + "b" * 201,
    "/".join(["a" * 100] * 6),
]


class TestKeys:
    async def test_a_key_that_leads_elsewhere_is_refused_by_every_call(self, storage: ObjectStorage, key: str) -> None:
        await storage.put(key, b"x")
        for bad in BAD_KEYS:
            calls = [
                storage.put(bad, b"x"),
                storage.put(bad, chunks(b"x")),
                storage.put_many([(bad, b"x")]),
                storage.open_writer(bad),
                storage.stat(bad),
                storage.read(bad),
                storage.local_path(bad),
                storage.copy(bad, key),
                storage.copy(key, bad),
                storage.delete(key + "x", bad),
                storage.sign_read(bad),
                storage.sign_upload(bad, size_bytes=1, content_type="text/plain"),
            ]
            if bad:
                calls.append(keys_below(storage, bad))
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
            assert [type(outcome) for outcome in outcomes] == [InvalidKey] * len(calls), bad
        assert await read(storage, key) == b"x"


class TestHealth:
    async def test_it_is_well_and_nothing_is_left_over(self, storage: ObjectStorage) -> None:
        await storage.check()
        assert await storage.remove_leftovers() == 0
