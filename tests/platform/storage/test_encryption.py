"""Local files under AES-256-GCM: what lies on the disk, and what becomes of damage."""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commonplace.platform.storage.encryption import (
    BLOCK,
    HEADER,
    SEALED_BLOCK,
    FileKeys,
    Sealer,
    content_size,
    open_blocks,
)
from commonplace.platform.storage.errors import StorageUnavailable
from commonplace.platform.storage.local import LocalStorage

KEY = bytes(range(32))
OBJECT = "files/a.bin"
CONTENT = bytes(range(256)) * (3 * BLOCK // 256) + b"the end"
MakeLocal = Callable[..., Awaitable[LocalStorage]]


async def read(storage: LocalStorage, start: int = 0, end: int | None = None) -> bytes:
    async with await storage.read(OBJECT, start, end) as reader:
        return b"".join([chunk async for chunk in reader])


@pytest.mark.anyio
class TestFiles:
    @pytest.fixture
    async def storage(self, local: MakeLocal) -> LocalStorage:
        storage = await local(encryption_key=KEY)
        await storage.put(OBJECT, CONTENT)
        return storage

    async def test_nothing_of_the_content_is_on_the_disk(self, storage: LocalStorage, root: Path) -> None:
        raw = (root / OBJECT).read_bytes()
        assert len(raw) == HEADER + len(CONTENT) + 4 * 16
        assert b"the end" not in raw
        assert CONTENT[:16] not in raw
        assert await storage.local_path(OBJECT) is None

    async def test_the_same_content_is_different_bytes_each_time(self, storage: LocalStorage, root: Path) -> None:
        await storage.put("files/b.bin", CONTENT)
        assert (root / OBJECT).read_bytes()[HEADER:] != (root / "files/b.bin").read_bytes()[HEADER:]

    @pytest.mark.parametrize("position", [HEADER, HEADER + BLOCK + 7, HEADER + 2 * SEALED_BLOCK, -1])
    async def test_a_changed_byte_is_noticed(self, storage: LocalStorage, root: Path, position: int) -> None:
        raw = bytearray((root / OBJECT).read_bytes())
        raw[position] ^= 1
        (root / OBJECT).write_bytes(raw)
        with pytest.raises(StorageUnavailable, match="damaged"):
            await read(storage)

    async def test_blocks_cannot_change_places(self, storage: LocalStorage, root: Path) -> None:
        raw = (root / OBJECT).read_bytes()
        first, second = raw[HEADER:][:SEALED_BLOCK], raw[HEADER + SEALED_BLOCK :][:SEALED_BLOCK]
        (root / OBJECT).write_bytes(raw[:HEADER] + second + first + raw[HEADER + 2 * SEALED_BLOCK :])
        with pytest.raises(StorageUnavailable, match="damaged"):
            await read(storage)

    @pytest.mark.parametrize("blocks", [0, 1, 3])
    async def test_a_file_cannot_be_cut(self, storage: LocalStorage, root: Path, blocks: int) -> None:
        os.truncate(root / OBJECT, HEADER + blocks * SEALED_BLOCK)
        with pytest.raises(StorageUnavailable):
            await read(storage)

    async def test_a_whole_block_is_read_by_itself(self, storage: LocalStorage, root: Path) -> None:
        raw = bytearray((root / OBJECT).read_bytes())
        raw[HEADER + 5] ^= 1
        (root / OBJECT).write_bytes(raw)
        assert await read(storage, BLOCK, 2 * BLOCK) == CONTENT[BLOCK : 2 * BLOCK]

    async def test_files_from_before_the_key_stay_readable(self, local: MakeLocal) -> None:
        plain = await local()
        await plain.put(OBJECT, CONTENT)
        await plain.close()
        storage = await local(encryption_key=KEY)
        assert await read(storage, 3, 9) == CONTENT[3:9]
        assert [info.size_bytes async for info in storage.list()] == [len(CONTENT)]

    async def test_content_that_looks_encrypted_is_not_taken_for_it(self, local: MakeLocal, root: Path) -> None:
        storage = await local(encryption_key=KEY)
        await storage.put(OBJECT, CONTENT)
        forged = (root / OBJECT).read_bytes()
        await storage.put(OBJECT, forged)
        assert await read(storage) == forged

    @pytest.mark.parametrize("other", [None, bytes(32)])
    async def test_without_the_right_key_it_does_not_start(
        self, local: MakeLocal, storage: LocalStorage, other: bytes | None
    ) -> None:
        await storage.close()
        with pytest.raises(StorageUnavailable, match="another key"):
            await local(encryption_key=other)
        assert await read(await local(encryption_key=KEY)) == CONTENT


@given(st.lists(st.integers(0, 3 * BLOCK), max_size=4))
def test_pieces_of_any_length_are_sealed_and_opened(lengths: list[int]) -> None:
    keys = FileKeys(KEY)
    sealer = Sealer(keys)
    content = os.urandom(sum(lengths))
    raw, position = b"", 0
    for length in lengths:
        raw += sealer.update(content[position : position + length])
        position += length
    raw += sealer.finish()
    assert content_size(len(raw)) == len(content)
    assert keys.is_header(raw[:HEADER])
    last = max(0, len(content) - 1) // BLOCK
    assert open_blocks(keys.cipher(raw[:HEADER]), raw[HEADER:], first=0, last_of_file=last) == content
