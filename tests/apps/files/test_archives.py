"""Folders and selections as ZIP archives: whole, in ranges, of one moment, and of any size."""

import io
import itertools
import shutil
import subprocess
import zipfile
import zlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from commonplace.apps.files.archives import archives, layout
from commonplace.apps.files.archives.archives import Root
from commonplace.apps.files.archives.plan import Entry, Plan
from commonplace.apps.files.archives.reader import ArchiveReader
from commonplace.apps.files.settings import FilesSettings
from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database
from commonplace.platform.parts import Parts
from commonplace.platform.storage.protocol import ObjectStorage
from tests.apps.files.conftest import MakeFolder, Upload

pytestmark = pytest.mark.anyio

LARGE = bytes(range(251)) * 5_000


@pytest.fixture
async def tree(ana: Any, upload: Upload, make_folder: MakeFolder) -> dict[str, Any]:
    """A folder with folders, an empty one, odd names, files of all sizes, and something in the trash."""
    top = await make_folder(ana, "Fahrten & Ünsinn")
    deep = await make_folder(ana, "2026", top["id"])
    deeper = await make_folder(ana, "日本 (été)", deep["id"])
    await make_folder(ana, "empty", top["id"])
    large = await upload(ana, "large.bin", LARGE, folder_id=deep["id"])
    await upload(ana, "none", b"", folder_id=top["id"])
    await upload(ana, "a.txt", b"hello", folder_id=top["id"])
    await upload(ana, "CON: 😀?.txt", b"odd", folder_id=deeper["id"])
    trashed = await upload(ana, "trashed.txt", b"gone", folder_id=deeper["id"])
    await ana.delete(f"/api/files/{trashed['id']}")
    old = await make_folder(ana, "old", top["id"])
    await upload(ana, "hidden.txt", b"gone too", folder_id=old["id"])
    await ana.delete(f"/api/folders/{old['id']}")
    return {"id": top["id"], "deep": deep["id"], "large": large, "url": f"/api/folders/{top['id']}/archive"}


EXPECTED = {
    "Fahrten & Ünsinn/": b"",
    "Fahrten & Ünsinn/2026/": b"",
    "Fahrten & Ünsinn/2026/large.bin": LARGE,
    "Fahrten & Ünsinn/2026/日本 (été)/": b"",
    "Fahrten & Ünsinn/2026/日本 (été)/CON: 😀?.txt": b"odd",
    "Fahrten & Ünsinn/a.txt": b"hello",
    "Fahrten & Ünsinn/empty/": b"",
    "Fahrten & Ünsinn/none": b"",
}


def _contents(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert opened.testzip() is None
        return {name: opened.read(name) for name in opened.namelist()}


@pytest.mark.usefixtures("whole")
class TestFolders:
    @pytest.mark.long
    async def test_it_is_whole_and_resumes_at_any_byte(self, ana: Any, tree: Any, parts: Parts, tmp_path: Path) -> None:
        # First the end, when no checksum has been computed: then what was sent before it must fit.
        head = await ana.head(tree["url"])
        size = int(head.headers["Content-Length"])
        tag = head.headers["ETag"]
        pieces = []
        cuts = [0, 1, 31, 90, 700, len(LARGE) // 2, size - 900, size - 300, size - 30, size - 1, size]
        for start, end in reversed(list(itertools.pairwise(cuts))):
            answer = await ana.get(tree["url"], headers={"Range": f"bytes={start}-{end - 1}", "If-Range": tag})
            assert answer.status_code == 206
            assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{size}"
            assert len(answer.content) == end - start
            pieces.append(answer.content)
        whole = await ana.get(tree["url"])
        assert whole.status_code == 200
        assert int(whole.headers["Content-Length"]) == len(whole.content) == size
        assert whole.headers["ETag"] == tag
        assert "Last-Modified" not in whole.headers
        assert whole.headers["Content-Type"] == "application/zip"
        assert whole.headers["Content-Disposition"].startswith("attachment; filename=")
        assert b"".join(reversed(pieces)) == whole.content
        assert _contents(whole.content) == EXPECTED
        async with parts[Database].reading() as session:
            kept = await session.scalar(Query(text("SELECT count(*) FROM files.checksum")))
        assert kept == 3  # the empty one needs none
        if shutil.which("unzip"):
            file = tmp_path / "a.zip"
            file.write_bytes(whole.content)
            subprocess.run(["unzip", "-tq", file], check=True, stdout=subprocess.DEVNULL)
            subprocess.run(["unzip", "-q", file, "-d", tmp_path / "out"], check=True)
            assert (tmp_path / "out/Fahrten & Ünsinn/2026/large.bin").read_bytes() == LARGE
            assert (tmp_path / "out/Fahrten & Ünsinn/empty").is_dir()

    async def test_times_and_modes_are_told(self, ana: Any, tree: Any) -> None:
        answer = await ana.get(tree["url"])
        with zipfile.ZipFile(io.BytesIO(answer.content)) as opened:
            info = opened.getinfo("Fahrten & Ünsinn/2026/large.bin")
            folder = opened.getinfo("Fahrten & Ünsinn/empty/")
        at = datetime.fromisoformat(tree["large"]["updated_at"])
        assert abs((datetime(*info.date_time, tzinfo=UTC) - at).total_seconds()) <= 2
        assert info.extra[:5] == b"UT\x05\x00\x01"
        assert int.from_bytes(info.extra[5:9], "little") in (int(at.timestamp()), int(at.timestamp()) + 1)
        assert info.flag_bits & 0x800
        assert (info.external_attr >> 16, folder.external_attr >> 16) == (0o100644, 0o40755)

    async def test_a_change_in_between_is_refused_or_begins_anew(self, ana: Any, tree: Any, upload: Upload) -> None:
        before = await ana.get(tree["url"])
        tag = before.headers["ETag"]
        assert (await ana.get(tree["url"], headers={"If-None-Match": tag})).status_code == 304
        assert (await ana.get(tree["url"], headers={"If-Match": tag})).status_code == 200
        await upload(ana, "a.txt", b"HELLO", folder_id=tree["id"], on_conflict="replace")  # of the same length
        resumed = await ana.get(tree["url"], headers={"If-Range": tag, "Range": "bytes=50-"})
        assert resumed.status_code == 200
        assert resumed.headers["ETag"] != tag
        assert _contents(resumed.content) == {**EXPECTED, "Fahrten & Ünsinn/a.txt": b"HELLO"}
        refused = await ana.get(tree["url"], headers={"If-Match": tag, "Range": "bytes=50-"})
        assert refused.status_code == 412
        assert refused.json()["type"].endswith("archive-changed")
        behind = await ana.get(tree["url"], headers={"Range": "bytes=99999999-"})
        assert behind.status_code == 416

    async def test_a_name_or_a_removal_changes_the_tag_too(self, ana: Any, tree: Any) -> None:
        tags = {(await ana.head(tree["url"])).headers["ETag"]}
        await ana.patch(f"/api/files/{tree['large']['id']}", json={"name": "other.bin"})
        tags.add((await ana.head(tree["url"])).headers["ETag"])
        await ana.delete(f"/api/files/{tree['large']['id']}")
        tags.add((await ana.head(tree["url"])).headers["ETag"])
        assert len(tags) == 3

    async def test_it_is_of_the_moment_at_which_it_began(
        self, ana: Any, tree: Any, parts: Parts, upload: Upload
    ) -> None:
        plan = await archives.make_plan(parts, [Root(UUID(tree["id"]), "Trip")])
        await upload(ana, "a.txt", b"other", folder_id=tree["id"], on_conflict="replace")
        await ana.delete(f"/api/folders/{tree['deep']}")
        async with ArchiveReader(parts[ObjectStorage], plan, 0, plan.size_bytes, keep=_forget) as reader:
            content = b"".join([chunk async for chunk in reader])
        assert _contents(content) == {
            name.replace("Fahrten & Ünsinn", "Trip"): value for name, value in EXPECTED.items()
        }

    async def test_bytes_that_are_not_what_was_stored_end_it(self, ana: Any, tree: Any, parts: Parts) -> None:
        async with parts[Database].reading() as session:
            key = await session.scalar(
                Query(text("SELECT key FROM platform.object WHERE size_bytes = :size")), size=len(LARGE)
            )
        path = await parts[ObjectStorage].local_path(key)
        assert path is not None
        path.chmod(0o600)
        for damaged in (LARGE[:-1] + b"!", LARGE[:-1]):
            path.write_bytes(damaged)
            with pytest.raises(ConnectionAbortedError):
                await ana.get(tree["url"])

    async def test_more_than_the_limit_is_refused(
        self, ana: Any, tree: Any, parts: Parts, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(parts[FilesSettings], "archive_entries", len(EXPECTED))
        assert (await ana.head(tree["url"])).status_code == 200
        monkeypatch.setattr(parts[FilesSettings], "archive_entries", len(EXPECTED) - 1)
        refused = await ana.get(tree["url"])
        assert refused.status_code == 413
        assert "FILES__ARCHIVE_ENTRIES" in refused.json()["detail"]

    async def test_who_may_read_the_folder_may_have_it(self, ana: Any, ben: Any, tree: Any) -> None:
        assert (await ben.get(tree["url"])).status_code == 404
        given = {"item_id": tree["id"], "person_id": ben.person["id"], "level": "view"}
        answer = await ana.post("/api/shares", json=given)
        assert answer.status_code == 201, answer.text
        assert _contents((await ben.get(tree["url"])).content) == EXPECTED
        assert (await ana.get(f"/api/folders/{uuid4()}/archive")).status_code == 404
        assert (
            await ana.get(f"/api/folders/{tree['large']['id']}/archive")
        ).status_code == 200  # a file alone is one too


@pytest.mark.usefixtures("whole")
class TestSelections:
    async def test_of_two_with_one_name_the_second_gets_a_number(self, ana: Any, tree: Any, upload: Upload) -> None:
        one = await upload(ana, "a.txt", b"one")
        two = await upload(ana, "a.txt", b"two", folder_id=tree["deep"])
        ids = [one["id"], two["id"], one["id"], tree["deep"]]
        got = await ana.get("/api/files/archive", params={"id": ids})
        posted = await ana.post("/api/files/archive", json={"ids": ids})
        assert got.content == posted.content
        assert got.headers["ETag"] == posted.headers["ETag"]
        assert 'filename="Commonplace.zip"' in got.headers["Content-Disposition"]
        contents = _contents(got.content)
        assert contents.pop("a.txt") == b"one"
        assert contents.pop("a (2).txt") == b"two"
        assert contents["2026/large.bin"] == LARGE

    async def test_what_cannot_be_seen_is_named(self, ana: Any, ben: Any, upload: Upload) -> None:
        mine, theirs = await upload(ana), await upload(ben, "b.txt")
        refused = await ana.get("/api/files/archive", params={"id": [mine["id"], theirs["id"]]})
        assert refused.status_code == 404
        assert theirs["id"] in refused.json()["detail"]
        assert mine["id"] not in refused.json()["detail"]
        assert (await ana.get("/api/files/archive")).status_code == 422
        assert (await ana.post("/api/files/archive", json={"ids": []})).status_code == 422


class TestLayout:
    async def test_more_than_four_gigabytes_and_more_files_than_a_plain_zip_takes(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        size, number = 5 * 2**30, 300
        monkeypatch.setattr(layout, "FULL_16", 200)  # of 65535, that the test be quick
        zeros = {b"zeros": size, b"last": 4}
        plan = Plan()
        plan.add(_file(b"zeros.bin", size, key=b"zeros", crc32=1))
        plan.add(_file(b"last.bin", 4, key=b"last", crc32=zlib.crc32(bytes(4))))
        for index in range(number):
            plan.add(Entry(path=b"%d/" % index, changed=0))
        head = await _read(plan, zeros, 0, 100)
        tail = await _read(plan, zeros, size, plan.size_bytes)
        path = tmp_path / "sparse.zip"
        with path.open("wb") as file:  # the zeros in between are holes
            file.write(head)
            file.seek(size)
            file.write(tail)
        with zipfile.ZipFile(path) as opened:
            first, last = opened.infolist()[:2]
            assert len(opened.infolist()) == number + 2
            assert (first.file_size, first.compress_size, first.header_offset) == (size, size, 0)
            assert last.header_offset > 2**32
            assert opened.read("last.bin") == bytes(4)
            with opened.open("zeros.bin") as content:
                assert content.read(1000) == bytes(1000)
        plan.close()

    def test_no_path_leads_out(self) -> None:
        assert archives.safe_path("a/../..//b\\c\0/.") == b"a/_/_/_/b_c_/_"

    @pytest.mark.parametrize(("changed", "year"), [(-1, 1980), (2**31, 2038), (10**10, 2107)])
    async def test_times_of_any_year(self, changed: int, year: int) -> None:
        plan = Plan()
        plan.add(Entry(path=b"a/", changed=changed))
        with zipfile.ZipFile(io.BytesIO(await _read(plan, {}, 0, plan.size_bytes))) as opened:
            assert opened.infolist()[0].date_time[0] == year
        plan.close()


def _file(path: bytes, size: int, *, key: bytes, crc32: int) -> Entry:
    return Entry(path=path, changed=0, size=size, key=key, object_id=uuid4().bytes, sha256=bytes(32), crc32=crc32)


async def _forget(_known: Any) -> None:
    """Keep nothing."""


class _Zeros:
    """Enough of a storage: objects that are nothing but zeros."""

    def __init__(self, sizes: dict[bytes, int]) -> None:
        self._sizes = sizes

    async def read(self, key: str, start: int, end: int) -> Any:
        assert 0 <= start < end <= self._sizes[key.encode()]
        return _ZeroReader(end - start)


class _ZeroReader:
    def __init__(self, size: int) -> None:
        self._size = size

    async def __aenter__(self) -> AsyncIterator[bytes]:
        return self._chunks()

    async def __aexit__(self, *_: object) -> None:
        pass

    async def aclose(self) -> None:
        pass

    async def _chunks(self) -> AsyncIterator[bytes]:
        left = self._size
        while left:
            chunk = bytes(min(left, 2**20))
            yield chunk
            left -= len(chunk)


async def _read(plan: Plan, sizes: dict[bytes, int], start: int, end: int) -> bytes:
    storage = cast("ObjectStorage", _Zeros(sizes))
    # Not closed: that would close the plan.
    return b"".join([chunk async for chunk in ArchiveReader(storage, plan, start, end, keep=_forget)])
