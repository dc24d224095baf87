"""Local files under AES-256-GCM: what lies on the disk, and what becomes of damage."""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from commonplace.cli import main
from commonplace.platform.storage.build import fault_of_keys
from commonplace.platform.storage.encryption import (
    BLOCK,
    HEADER,
    SEALED_BLOCK,
    FileKeys,
    Sealer,
    content_size,
    open_blocks,
)
from commonplace.platform.storage.errors import StorageUnavailable, WrongEncryptionKey
from commonplace.platform.storage.local import LocalStorage
from commonplace.platform.storage.reencryption import reencrypt, to_do
from commonplace.platform.storage.settings import StorageSettings

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


@pytest.mark.anyio
class TestRotation:
    OTHER = bytes(32)

    @pytest.fixture
    async def stored(self, local: MakeLocal, root: Path) -> list[bytes]:
        """Three objects under a key of before, one of them plain; the storage is closed."""
        contents = [CONTENT, b"", b"small"]
        plain = await local()
        await plain.put("files/2.bin", contents[2])
        await plain.close()
        storage = await local(encryption_key=KEY)
        for number in (0, 1):
            await storage.put(f"files/{number}.bin", contents[number])
        await storage.close()
        return contents

    async def contents(self, storage: LocalStorage) -> list[bytes]:
        return [b"".join([chunk async for chunk in await storage.read(f"files/{number}.bin")]) for number in range(3)]

    async def test_everything_goes_over_to_the_new_key(self, local: MakeLocal, root: Path, stored: list[bytes]) -> None:
        storage = await local(encryption_key=self.OTHER, previous_encryption_keys=[KEY])
        assert await self.contents(storage) == stored
        assert await to_do(storage) == (3, len(CONTENT) + 5)
        seen: list[int] = []
        report = await reencrypt(storage, seen.append)
        assert (report.objects, report.rewritten, report.rewritten_bytes) == (3, 3, sum(seen))
        assert report.is_done
        assert not (await reencrypt(storage, seen.append)).rewritten
        assert await self.contents(storage) == stored
        await storage.close()
        with pytest.raises(WrongEncryptionKey, match="another key"):
            await local(encryption_key=KEY)
        alone = await local(encryption_key=self.OTHER)
        assert await self.contents(alone) == stored

    async def test_it_goes_on_where_it_was_cut_off(
        self, local: MakeLocal, root: Path, stored: list[bytes], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        storage = await local(encryption_key=self.OTHER, previous_encryption_keys=[KEY])

        def cut(_: int) -> None:
            raise ConnectionAbortedError

        with pytest.raises(ConnectionAbortedError):
            await reencrypt(storage, cut)
        assert await self.contents(storage) == stored
        await storage.close()
        with pytest.raises(WrongEncryptionKey):  # until it is done, both are needed
            await local(encryption_key=self.OTHER)
        storage = await local(encryption_key=self.OTHER, previous_encryption_keys=[KEY, bytes(range(1, 33))])
        assert (await reencrypt(storage, lambda _: None)).rewritten == 2

    async def test_a_process_that_writes_with_the_old_key_keeps_it_needed(
        self, local: MakeLocal, stored: list[bytes]
    ) -> None:
        old = await local(encryption_key=KEY)
        storage = await local(encryption_key=self.OTHER, previous_encryption_keys=[KEY])
        report = await reencrypt(storage, lambda _: None)
        assert (report.rewritten, report.keys_retired, report.is_done) == (3, False, False)
        await old.put("files/late.bin", b"late")
        await old.close()
        report = await reencrypt(storage, lambda _: None)
        assert (report.rewritten, report.is_done) == (1, True)

    async def test_it_can_be_undone(self, local: MakeLocal, root: Path, stored: list[bytes]) -> None:
        storage = await local(previous_encryption_keys=[KEY])
        assert (await reencrypt(storage, lambda _: None)).is_done
        await storage.close()
        assert (root / "files/0.bin").read_bytes() == CONTENT
        assert await self.contents(await local()) == stored

    async def test_what_is_damaged_is_named_and_stays(self, local: MakeLocal, root: Path, stored: list[bytes]) -> None:
        path = root / "files/0.bin"
        raw = path.read_bytes()
        path.write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
        storage = await local(encryption_key=self.OTHER, previous_encryption_keys=[KEY])
        report = await reencrypt(storage, lambda _: None)
        assert report.unreadable == ["files/0.bin"]
        assert not report.keys_retired
        assert path.read_bytes()[:-1] == raw[:-1]

    @pytest.mark.parametrize("keys", [{}, {"encryption_key": "11" * 32}])
    async def test_no_command_works_without_the_key(
        self,
        stored: list[bytes],
        root: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        keys: dict[str, str],
    ) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("FILE_STORAGE__DIRECTORY", str(root))
        for name, key in keys.items():
            monkeypatch.setenv(f"FILE_STORAGE__{name.upper()}", key)
        for command in (["serve"], ["doctor"]):
            ended = CliRunner().invoke(main, command)
            assert ended.exit_code == 78
            assert "encrypted with another key" in ended.stderr
            assert "FILE_STORAGE__PREVIOUS_ENCRYPTION_KEYS" in ended.stderr
            assert KEY.hex() not in ended.stderr

    def test_keys_of_before_are_set_with_commas(self) -> None:
        settings = StorageSettings(previous_encryption_keys=f"{KEY.hex()}, {self.OTHER.hex()},")
        assert settings.previous_keys == (KEY, self.OTHER)
        assert fault_of_keys(StorageSettings(type="s3", bucket="b"), Path("nowhere")) is None
        with pytest.raises(ValueError, match="32 bytes"):
            StorageSettings(previous_encryption_keys=f"{KEY.hex()},short")


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
