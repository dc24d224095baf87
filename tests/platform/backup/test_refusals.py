"""What is refused: places that are taken, files that are none or damaged, storages that lost something, full disks."""

import asyncio
import contextlib
import errno
import json
import random
import shutil
import tarfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import IO, Any

import pytest
from sqlalchemy import text

from commonplace.platform.backup import archive_writer, making, programs
from commonplace.platform.backup.archive_reader import ArchiveReader
from commonplace.platform.backup.archive_writer import ArchiveWriter
from commonplace.platform.backup.errors import (
    BackupError,
    DamagedBackup,
    DamagedStorage,
    DiskTrouble,
    InTheWay,
    MadeByAnother,
    NoSuchBackup,
    NotABackup,
    PlaceTaken,
    ProgramFailed,
)
from commonplace.platform.backup.making import make_backup
from commonplace.platform.backup.restoring import restore
from commonplace.platform.backup.verifying import verify
from commonplace.platform.database.session import Database
from commonplace.platform.parts import Parts
from commonplace.platform.storage.protocol import ObjectStorage

pytestmark = pytest.mark.anyio


def quietly(_line: str) -> None:
    """Progress that nobody reads."""


@pytest.fixture
def parts(source: tuple[Any, Parts]) -> Parts:
    """Those of the installation that is backed up."""
    return source[1]


@pytest.fixture
async def damaged(parts: Parts, request: pytest.FixtureRequest) -> AsyncIterator[tuple[str, int]]:
    """An object of the size asked for that a test may spoil: its key, put right afterwards."""
    storage, size = parts[ObjectStorage], request.param
    async with parts[Database].reading() as session:
        key: str = await session.scalar(text("SELECT key FROM platform.object WHERE size_bytes = :size"), size=size)
    async with await storage.read(key) as reader:
        content = b"".join([chunk async for chunk in reader])
    yield key, size
    await storage.put(key, content)


async def keys(parts: Parts) -> list[str]:
    return [info.key async for info in parts[ObjectStorage].list()]


class TestMaking:
    async def test_a_file_that_exists_is_not_replaced(self, parts: Parts, backup_path: Path) -> None:
        backup_path.write_text("precious")
        with pytest.raises(PlaceTaken, match="not replaced"):
            await make_backup(parts, backup_path)
        assert backup_path.read_text() == "precious"

    async def test_one_that_appears_meanwhile_is_not_either(
        self, parts: Parts, backup_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        add_file = making._add_file

        def meanwhile(*arguments: Any) -> None:
            add_file(*arguments)
            backup_path.write_text("precious")

        monkeypatch.setattr(making, "_add_file", meanwhile)
        with pytest.raises(PlaceTaken):
            await make_backup(parts, backup_path)
        assert [path.read_text() for path in backup_path.parent.glob("backup*")] == ["precious"]

    async def test_a_folder_that_does_not_exist(self, parts: Parts, tmp_path: Path) -> None:
        with pytest.raises(DiskTrouble, match="No such file or directory"):
            await make_backup(parts, tmp_path / "nowhere" / "backup.tar")

    async def test_two_to_the_same_file_at_once(self, parts: Parts, backup_path: Path) -> None:
        outcomes = await asyncio.gather(*(make_backup(parts, backup_path) for _ in range(2)), return_exceptions=True)
        failed = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        assert len(failed) == 1
        assert isinstance(failed[0], InTheWay | PlaceTaken)
        await verify(backup_path)

    async def test_what_one_that_died_left_is_no_hindrance(self, parts: Parts, backup_path: Path) -> None:
        backup_path.with_name("backup.tar.part").write_bytes(b"x" * 100_000)
        await make_backup(parts, backup_path)
        await verify(backup_path)

    @pytest.mark.parametrize("name", ["objects/", "database.dump", "end.json"])
    async def test_a_full_disk_leaves_nothing(
        self, parts: Parts, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        begin = ArchiveWriter.begin

        def begin_without_room(writer: ArchiveWriter, member: str, size_bytes: int, sha256: str) -> None:
            begin(writer, member, size_bytes, sha256)
            if member.startswith(name):
                writer._file = _Full(writer._file)  # type: ignore[assignment]

        monkeypatch.setattr(archive_writer.ArchiveWriter, "begin", begin_without_room)
        with pytest.raises(DiskTrouble, match="no room"):
            await make_backup(parts, tmp_path / "second.tar")
        assert not list(tmp_path.glob("second*"))

    async def test_too_little_room_is_seen_before_anything_is_written(
        self, parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda _path: type("Usage", (), {"free": 1000})())
        with pytest.raises(DiskTrouble, match="1,000 bytes free"):
            await make_backup(parts, tmp_path / "second.tar")
        assert not list(tmp_path.glob("second*"))

    @pytest.mark.parametrize("damaged", [1000, 600_000], indirect=True)
    async def test_an_object_that_is_gone_is_named(
        self, parts: Parts, tmp_path: Path, damaged: tuple[str, int], other_parts: Parts
    ) -> None:
        key, _ = damaged
        await parts[ObjectStorage].delete(key)
        with pytest.raises(DamagedStorage, match=key):
            await make_backup(parts, tmp_path / "second.tar")
        assert not list(tmp_path.glob("second*"))
        second = await make_backup(parts, tmp_path / "second.tar", keep_going=True)
        assert [damage.key for damage in second.end.damaged] == [key]
        assert [damage.key for damage in (await verify(tmp_path / "second.tar")).damaged] == [key]
        assert (await restore(other_parts, tmp_path / "second.tar", say=quietly)).damaged == 1

    @pytest.mark.parametrize("damaged", [1000, 600_000], indirect=True)
    async def test_an_object_with_other_bytes_is_named(
        self, parts: Parts, tmp_path: Path, damaged: tuple[str, int]
    ) -> None:
        key, size = damaged
        await parts[ObjectStorage].put(key, b"y" * size)
        with pytest.raises(DamagedStorage, match="not those that were stored"):
            await make_backup(parts, tmp_path / "second.tar")
        second = await make_backup(parts, tmp_path / "second.tar", keep_going=True)
        assert [damage.key for damage in second.end.damaged] == [key]
        assert (await verify(tmp_path / "second.tar")).objects == 2


class _Full:
    """A file on a disk that is full by now."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, _chunk: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class TestPlaces:
    async def test_a_database_with_items(self, made: Path, other_parts: Parts) -> None:
        await restore(other_parts, made, say=quietly)
        before = await keys(other_parts)
        with pytest.raises(PlaceTaken, match=r"holds .*3 objects already"):
            await restore(other_parts, made, say=quietly)
        assert await keys(other_parts) == before

    async def test_a_storage_with_objects(self, made: Path, other_parts: Parts) -> None:
        await other_parts[ObjectStorage].put("files/2026/01/01/precious", b"precious")
        with pytest.raises(PlaceTaken, match="files/2026/01/01/precious"):
            await restore(other_parts, made, say=quietly)
        assert await keys(other_parts) == ["files/2026/01/01/precious"]

    @pytest.mark.long
    async def test_one_where_the_restore_of_another_backup_was_interrupted(
        self, made: Path, parts: Parts, other_parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await make_backup(parts, tmp_path / "second.tar")

        async def fail(*_arguments: Any, **_options: Any) -> None:
            raise ProgramFailed("as when the power goes")

        with monkeypatch.context() as broken:
            broken.setattr("commonplace.platform.backup.programs.load", fail)
            with pytest.raises(ProgramFailed):
                await restore(other_parts, made, say=quietly)
        with pytest.raises(PlaceTaken, match="another backup was interrupted"):
            await restore(other_parts, tmp_path / "second.tar", say=quietly)
        await restore(other_parts, made, say=quietly)

    @pytest.mark.long
    async def test_one_that_is_filled_while_objects_are_put(
        self, made: Path, other_parts: Parts, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Asked once more, under a lock, in the transaction that would replace it."""
        load = programs.load

        async def filled_meanwhile(*arguments: Any, **options: Any) -> None:
            async with other_parts[Database].writing() as session:
                await session.execute(
                    text(
                        "INSERT INTO platform.item (id, kind, owner_id, title, version, created_at, updated_at)"
                        " VALUES (gen_random_uuid(), 'note', gen_random_uuid(), 'precious', 1, now(), now())"
                    )
                )
            await load(*arguments, **options)

        monkeypatch.setattr(programs, "load", filled_meanwhile)
        with pytest.raises(ProgramFailed, match="not empty any more"):
            await restore(other_parts, made, say=quietly)
        async with other_parts[Database].reading() as session:
            assert await session.scalar(text("SELECT title FROM platform.item")) == "precious"


class TestFiles:
    async def test_none(self, tmp_path: Path) -> None:
        with pytest.raises(NoSuchBackup, match="No such file"):
            await verify(tmp_path / "none.tar")

    @pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04" + b"\0" * 2000, b"\0" * 20_000])
    async def test_something_else(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "file").write_bytes(content)
        with pytest.raises(NotABackup):
            await verify(tmp_path / "file")

    async def test_another_tar_archive(self, tmp_path: Path) -> None:
        with tarfile.open(tmp_path / "file.tar", "w") as archive:
            archive.add(__file__, "commonplace-backup.json")
        with pytest.raises(NotABackup):
            await verify(tmp_path / "file.tar")

    @pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.9, 0.999])
    async def test_one_that_is_cut_off(self, made: Path, share: float) -> None:
        with made.open("r+b") as file:
            file.truncate(int(made.stat().st_size * share) - 1100)
        with pytest.raises((DamagedBackup, NotABackup)):
            await verify(made)

    @pytest.mark.long
    async def test_one_that_is_cut_off_is_not_restored(self, made: Path, other_parts: Parts) -> None:
        with made.open("r+b") as file:
            file.truncate(made.stat().st_size - 4096)
        with pytest.raises(DamagedBackup):
            await restore(other_parts, made, say=quietly)
        async with other_parts[Database].reading() as session:
            assert await session.scalar(text("SELECT count(*) FROM platform.object")) == 0

    async def test_any_changed_byte_is_noticed(self, made: Path) -> None:
        """Wherever it is: in what is kept, in its digests, or in the end. (Padding between members holds nothing.)"""
        chance = random.Random(3)
        content = made.read_bytes()
        with contextlib.closing(ArchiveReader(made)) as reader:
            spans = [(m.offset, m.size_bytes) for m in _passed(reader)]
        for offset, size in [*spans, (spans[-1][0] + spans[-1][1], 3000)]:
            for _ in range(8):
                place = min(offset + chance.randrange(max(size, 1)), len(content) - 1)
                changed = bytearray(content)
                changed[place] ^= 1 << chance.randrange(8)
                made.write_bytes(changed)
                try:
                    with contextlib.closing(ArchiveReader(made)) as reader:
                        reader.read_through()
                except BackupError:
                    continue
                assert content[place] == 0, f"byte {place} was changed"  # padding, or an unused field of a tar header
                assert reader.objects == 3

    async def test_one_with_a_member_left_out(self, made: Path, tmp_path: Path) -> None:
        with tarfile.open(made) as whole, tarfile.open(tmp_path / "less.tar", "w", format=tarfile.PAX_FORMAT) as less:
            for number, member in enumerate(whole):
                if number != 2:
                    less.addfile(member, whole.extractfile(member))
        with pytest.raises(DamagedBackup, match="does not hold what was written"):
            await verify(tmp_path / "less.tar")

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            (lambda header: header | {"format": 2}, "later format"),
            (lambda header: header | {"heads": [*header["heads"], "files_9999"]}, "files_9999"),
            (lambda header: header | {"heads": ["recipes_0001"]}, "recipes_0001.*same apps"),
        ],
    )
    @pytest.mark.long
    async def test_one_of_a_newer_release(
        self, made: Path, tmp_path: Path, other_parts: Parts, change: Callable[[Any], Any], reason: str
    ) -> None:
        newer = tmp_path / "newer.tar"
        with tarfile.open(made) as whole:
            first = whole.extractfile("commonplace-backup.json")
            assert first is not None
            header = change(json.loads(first.read()))
        writer = ArchiveWriter(newer)
        writer.add("commonplace-backup.json", json.dumps(header).encode())
        writer.finish([])
        with pytest.raises(MadeByAnother, match=reason):
            await restore(other_parts, newer, say=quietly)
        assert await keys(other_parts) == []

    @pytest.mark.long
    async def test_one_whose_database_has_other_rows_than_it_says(
        self, made: Path, tmp_path: Path, other_parts: Parts
    ) -> None:
        other = tmp_path / "other.tar"
        writer = ArchiveWriter(other)
        with tarfile.open(made) as whole:
            for member in whole:
                file = whole.extractfile(member)
                assert file is not None
                content = file.read()
                if member.name == "commonplace-backup.json":
                    header = json.loads(content)
                    header["tables"]["files.file"] += 1
                    content = json.dumps(header).encode()
                if member.name != "end.json":
                    writer.add(member.name, content)
        writer.finish([])
        with pytest.raises(ProgramFailed, match=r"files\.file has other rows"):
            await restore(other_parts, other, say=quietly)
        async with other_parts[Database].reading() as session:
            assert await session.scalar(text("SELECT count(*) FROM platform.object")) == 0


def _passed(reader: ArchiveReader) -> Any:
    for member in reader.members():
        for _ in reader.content(member):
            pass
        yield member
