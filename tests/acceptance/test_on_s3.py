"""Files over HTTP on a local disk and on S3 (SeaweedFS): the same requests, the same answers; only settings differ."""

import asyncio
import hashlib
import io
import random
import time
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from starlette.types import Message

from commonplace.apps.files.settings import FilesSettings
from commonplace.platform.database.session import Database
from commonplace.platform.parts import Parts
from commonplace.platform.storage.keys import Category, new_key
from commonplace.platform.storage.local import LocalStorage
from commonplace.platform.storage.objects import ObjectUses
from commonplace.platform.storage.protocol import ObjectStorage
from commonplace.platform.storage.sweep import SweepReport, sweep
from tests.platform.http.asking import request_scope
from tests.platform.media.pictures import encoded, noise
from tests.seaweedfs import S3Server, SeaweedFS
from tests.visitor import Visitor

pytestmark = pytest.mark.anyio

LARGE = random.Random(20261121).randbytes(11 * 1024 * 1024 + 7)  #: three parts of an S3 upload, the last one small
KEY = r"[a-z-]+/\d{4}/\d\d/\d\d/\d{8}T\d{9}Z-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(\.[a-z0-9]+)?"


@pytest.fixture(params=[pytest.param("local", marks=pytest.mark.long), "s3"])
def environ(environ: dict[str, str], request: pytest.FixtureRequest) -> dict[str, str]:
    """The application's settings on either storage; on S3 with a bucket of the test's own, for the sweep sees all."""
    if request.param == "local":
        return environ
    server: S3Server = request.getfixturevalue("s3_server").with_new_bucket()
    return environ | server.environ()


async def chunks(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 100_000):
        yield content[start : start + 100_000]


async def upload(visitor: Visitor, content: bytes, name: str = "large.bin") -> dict[str, Any]:
    answer = await visitor.post("/api/files", params={"name": name}, content=chunks(content))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def follow(url: str, nobody: Visitor) -> httpx.Response:
    """The answer at a signed URL: of the bucket, or of the application itself."""
    if url.startswith("http://localhost/"):
        return await nobody.get(url)
    async with httpx.AsyncClient() as client:
        return await client.get(url)


async def swept(parts: Parts, **options: Any) -> SweepReport:
    return await sweep(parts[ObjectStorage], parts[Database], parts[ObjectUses], grace=timedelta(0), **options)


class TestUploading:
    async def test_as_a_form_as_raw_bytes_and_as_a_batch(self, ana: Visitor) -> None:
        form = (await ana.post("/api/files", files={"file": ("form.txt", b"in a form")})).json()
        raw = await upload(ana, LARGE)
        batch = await ana.post(
            "/api/files/batch", files=[("file", (f"{number}.txt", b"%d" % number)) for number in range(3)]
        )
        assert batch.status_code == 201
        files = [form, raw, *batch.json()["items"]]
        contents = [b"in a form", LARGE, b"0", b"1", b"2"]
        for file, content in zip(files, contents, strict=True):
            assert file["sha256"] == hashlib.sha256(content).hexdigest()
            assert file["size_bytes"] == len(content)
            assert (await ana.get(f"/api/files/{file['id']}/content")).content == content

    async def test_keys_have_the_same_form_on_both(self, ana: Visitor, database: Database) -> None:
        await upload(ana, b"1", "With Spaces & Ümlauts.TXT")
        await ana.post("/api/files", files={"file": ("none", LARGE)})
        async with database.reading() as session:
            rows = await session.all(text("SELECT key FROM platform.object ORDER BY size_bytes"))
            assert await session.scalar(text(f"SELECT bool_and(key ~ '^{KEY}$') FROM platform.object")) is True
        assert rows[0].key.endswith(".txt")
        assert "." not in rows[1].key

    async def test_an_upload_that_breaks_off_leaves_nothing(self, app: Any, ana: Visitor, parts: Parts) -> None:
        messages = [{"type": "http.request", "body": LARGE, "more_body": True}, {"type": "http.disconnect"}]
        headers = {"authorization": ana.headers["Authorization"]}

        async def receive() -> Message:
            return messages.pop(0)

        async def send(message: Message) -> None:
            raise AssertionError(f"Nobody is there any more to be told {message}.")

        await app(request_scope("POST", "/api/files", headers, query="name=a.bin"), receive, send)
        assert not messages
        assert (await ana.get("/api/files")).json()["items"] == []
        assert [found async for found in parts[ObjectStorage].list()] == []


class TestDownloading:
    async def test_large_ones_travel_past_us_and_it_is_known_who_has_them(
        self, ana: Visitor, parts: Parts, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = await upload(ana, LARGE, "Größe.bin")
        small = await upload(ana, b"small", "small.bin")
        path = f"/api/files/{file['id']}/content"
        assert (await ana.head(path)).status_code == 200
        monkeypatch.setattr(parts[FilesSettings], "signed_download_bytes", len(LARGE))
        answer = await ana.get(path)
        if isinstance(parts[ObjectStorage], LocalStorage):
            assert (answer.status_code, answer.content) == (200, LARGE)
            return
        assert (answer.status_code, answer.headers["Cache-Control"]) == (302, "no-store")
        async with httpx.AsyncClient() as client:
            got = await client.get(answer.headers["Location"], headers={"Range": "bytes=5-99"})
            assert (got.status_code, got.content) == (206, LARGE[5:100])
            assert "Gr%C3%B6%C3%9Fe.bin" in got.headers["Content-Disposition"]
        tag = answer.headers.get("ETag") or (await ana.head(path)).headers["ETag"]
        for headers, status in (
            ({"Sec-Fetch-Mode": "navigate"}, 302),
            ({"Sec-Fetch-Mode": "cors"}, 200),  # a page's own request: its policy knows nothing of the bucket
            ({"If-None-Match": tag}, 304),
            ({"If-Range": tag, "Range": "bytes=-7"}, 206),
            ({"If-Range": '"of the bucket"', "Range": "bytes=-7"}, 302),
        ):
            assert (await ana.get(path, headers=headers)).status_code == status
        assert (await ana.get(f"/api/files/{file['id']}/versions/1/content")).status_code == 302
        assert (await ana.get(f"/api/files/{small['id']}/content")).status_code == 200
        async with database.reading() as session:
            told = await session.all(
                text("SELECT item_id, by, payload FROM platform.event WHERE name = 'file.handed_over'")
            )
        assert len(told) == 4
        assert {(str(row.item_id), str(row.by)) for row in told} == {(file["id"], ana.person["id"])}
        assert told[0].payload["size_bytes"] == len(LARGE)

    @pytest.mark.long
    async def test_a_folder_comes_as_a_zip(self, ana: Visitor) -> None:
        folder = (await ana.post("/api/folders", json={"name": "all"})).json()["id"]
        file = await upload(ana, LARGE)
        await ana.patch(f"/api/files/{file['id']}", json={"folder_id": folder})
        many = [("file", (f"{number:02}.txt", b"%d" % number)) for number in range(20)]
        assert (await ana.post(f"/api/files/batch?folder_id={folder}", files=many)).status_code == 201
        path = f"/api/folders/{folder}/archive"
        size = int((await ana.head(path)).headers["Content-Length"])
        middle = size - 3_000_000
        end = (await ana.get(path, headers={"Range": f"bytes={middle}-"})).content
        start = (await ana.get(path, headers={"Range": f"bytes=0-{middle - 1}"})).content
        with zipfile.ZipFile(io.BytesIO(start + end)) as archive:
            assert archive.testzip() is None
            assert archive.read("all/large.bin") == LARGE
            assert [archive.read(f"all/{number:02}.txt") for number in range(20)] == [b"%d" % n for n in range(20)]

    @pytest.mark.long
    async def test_in_ranges_and_conditionally(self, ana: Visitor) -> None:
        file = await upload(ana, LARGE)
        path, size = f"/api/files/{file['id']}/content", len(LARGE)
        for asked, start, end in (
            ("0-0", 0, 1),
            ("5242870-5242890", 5242870, 5242891),
            ("-10", size - 10, size),
            ("11534330-", 11534330, size),
        ):
            answer = await ana.get(path, headers={"Range": f"bytes={asked}"})
            assert (answer.status_code, answer.content) == (206, LARGE[start:end])
            assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
        answer = await ana.get(path, headers={"Range": f"bytes={size}-"})
        assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{size}")
        answer = await ana.get(path, headers={"If-None-Match": f'"{file["sha256"]}"'})
        assert (answer.status_code, answer.content) == (304, b"")

    async def test_by_a_signed_url_without_a_credential(self, ana: Visitor, nobody: Visitor) -> None:
        file = await upload(ana, b"<script>alert(1)</script>", "page.html")
        link = (await ana.get(f"/api/files/{file['id']}/url")).json()
        answer = await follow(link["url"], nobody)
        assert (answer.status_code, answer.content) == (200, b"<script>alert(1)</script>")
        assert answer.headers["content-disposition"] == 'attachment; filename="page.html"'
        forged = link["url"].replace(link["url"][-6:], "aaaaaa")
        assert (await follow(forged, nobody)).status_code == 403

    async def test_a_redirect_leads_to_the_bucket_where_there_is_one(
        self, ana: Visitor, nobody: Visitor, environ: dict[str, str]
    ) -> None:
        file = await upload(ana, b"bytes")
        answer = await ana.get(f"/api/files/{file['id']}/content?redirect=true", follow_redirects=False)
        if "FILE_STORAGE__BUCKET" in environ:
            assert answer.status_code == 302
            answer = await follow(answer.headers["location"], nobody)
        assert (answer.status_code, answer.content) == (200, b"bytes")


@pytest.mark.long
class TestLivingOn:
    async def test_a_thumbnail_is_made_by_the_worker(
        self, ana: Visitor, deliver: Callable[[], Awaitable[None]]
    ) -> None:
        file = await upload(ana, encoded(noise(1500, 1000), "PNG"), "noise.png")
        thumbnail = f"/api/files/{file['id']}/thumbnail?size=1024"
        answer = await ana.get(thumbnail)
        assert (answer.status_code, "retry-after" in answer.headers) == (404, True)
        await deliver()
        answer = await ana.get(thumbnail)
        assert answer.status_code == 200
        assert answer.headers["content-type"] in ("image/jpeg", "image/webp")
        assert (await ana.get(f"/api/files/{file['id']}")).json()["processing"]["width"] == 1500

    async def test_versions_are_kept_read_and_restored(self, ana: Visitor) -> None:
        file = await upload(ana, LARGE)
        path = f"/api/files/{file['id']}"
        replaced = await ana.put(f"{path}/content", content=b"other bytes", headers={"If-Match": '"1"'})
        assert (replaced.status_code, replaced.json()["version"]) == (200, 2)
        first = await ana.get(f"{path}/versions/1/content", headers={"Range": "bytes=5242880-5242889"})
        assert (first.status_code, first.content) == (206, LARGE[5242880:5242890])
        assert (await ana.post(f"{path}/versions/1/restore")).json()["version"] == 3
        assert (await ana.get(f"{path}/content")).content == LARGE

    async def test_deleting_and_restoring_leaves_the_bytes_alone(self, ana: Visitor) -> None:
        file = await upload(ana, LARGE)
        path = f"/api/files/{file['id']}"
        assert (await ana.delete(path)).status_code == 204
        assert (await ana.get(f"{path}/content")).status_code == 404
        assert (await ana.post(f"{path}/restore")).status_code == 200
        assert (await ana.get(f"{path}/content")).content == LARGE

    async def test_a_sweep_finds_what_is_too_much_and_nothing_else(self, ana: Visitor, parts: Parts) -> None:
        file = await upload(ana, LARGE)
        await upload(ana, LARGE, "the same bytes.bin")  # stored once
        report = await swept(parts)
        assert (report.objects, report.faults, report.not_needed.number) == (1, 0, 0)
        await parts[ObjectStorage].put(new_key(Category.FILES), b"orphan")
        assert (await swept(parts)).without_row.number == 1
        assert (await swept(parts, repair=True)).faults == 0
        assert (await swept(parts)).objects == 1
        assert (await ana.get(f"/api/files/{file['id']}/content")).content == LARGE


@pytest.fixture
def seaweedfs(tmp_path: Path) -> Iterator[SeaweedFS]:
    """A server of the test's own, to be taken away."""
    folder = tmp_path / "seaweedfs"
    folder.mkdir()
    server = SeaweedFS(folder)
    try:
        server.start()
        yield server
    finally:
        server.kill()


@pytest.mark.long
class TestTheStorageAway:
    @pytest.fixture
    def environ(self, environ: dict[str, str], seaweedfs: SeaweedFS) -> dict[str, str]:
        quick = {"FILE_STORAGE__REQUEST_TIMEOUT_SECONDS": "2", "FILE_STORAGE__MAX_ATTEMPTS": "2"}
        return environ | seaweedfs.server.environ() | quick

    @pytest.mark.parametrize("environ", ["local"], indirect=True)
    async def test_is_told_as_503_and_all_recovers_by_itself(
        self, ana: Visitor, seaweedfs: SeaweedFS, parts: Parts
    ) -> None:
        file = await upload(ana, LARGE)
        await wait_for_health(ana, "degraded")  # without a worker it is not healthy
        seaweedfs.kill()
        refused = [
            await ana.get(f"/api/files/{file['id']}/content"),
            await ana.post("/api/files", files={"file": ("small.txt", b"small")}),
            await ana.post("/api/files?name=large.bin", content=chunks(LARGE)),
            await ana.post("/api/files/batch", files=[("file", ("1", b"1"))]),
            await ana.put(f"/api/files/{file['id']}/content", content=b"other"),
        ]
        for answer in refused:
            assert answer.status_code == 503, answer.text
            assert answer.json()["type"] == "/problems/storage-unavailable"
            assert int(answer.headers["retry-after"]) >= 1
        report = await wait_for_health(ana, "unhealthy")
        assert {check["name"]: check["status"] for check in report["checks"]}["storage"] == "unhealthy"
        assert [row["id"] for row in (await ana.get("/api/files")).json()["items"]] == [file["id"]]
        assert (await ana.get(f"/api/files/{file['id']}")).json()["version"] == 1
        assert (await ana.get("/health/live")).status_code == 200

        await asyncio.to_thread(seaweedfs.start)
        await wait_for_health(ana, "degraded")
        async with asyncio.timeout(30):  # the bucket answers before its volumes do, and they are read before written
            while (answer := await ana.get(f"/api/files/{file['id']}/content")).status_code == 503:
                await asyncio.sleep(0.05)
            assert answer.content == LARGE
            after = "/api/files?name=after.bin"
            while (written := await ana.post(after, content=chunks(LARGE[:-1]))).status_code == 503:
                await asyncio.sleep(0.05)
            assert written.status_code == 201
        assert (await swept(parts)).without_bytes.number == 0


async def wait_for_health(visitor: Visitor, status: str) -> dict[str, Any]:
    deadline = time.monotonic() + 20
    while True:
        answer = await visitor.get("/health")
        report: dict[str, Any] = answer.json()
        if report["status"] == status:
            assert answer.status_code == (503 if status == "unhealthy" else 200)
            return report
        assert time.monotonic() < deadline, report
        await asyncio.sleep(0.05)
