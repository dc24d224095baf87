"""Downloads: ranges, conditions, headers, signed links."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from commonplace.platform.parts import Parts
from commonplace.platform.storage.keys import Category, new_key
from commonplace.platform.storage.protocol import ObjectStorage
from tests.apps.files.conftest import Upload

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("whole")]

TEN = b"0123456789"


class TestRanges:
    @pytest.mark.parametrize(
        ("wanted", "status", "body", "content_range"),
        [
            ("bytes=0-", 206, TEN, "bytes 0-9/10"),
            ("bytes=0-0", 206, b"0", "bytes 0-0/10"),
            ("bytes=3-5", 206, b"345", "bytes 3-5/10"),
            ("bytes=5-", 206, b"56789", "bytes 5-9/10"),
            ("bytes=9-99", 206, b"9", "bytes 9-9/10"),
            ("bytes=-3", 206, b"789", "bytes 7-9/10"),
            ("bytes=-10", 206, TEN, "bytes 0-9/10"),
            ("bytes=-99", 206, TEN, "bytes 0-9/10"),
            ("bytes = 1 - 2", 206, b"12", "bytes 1-2/10"),
            ("bytes=10-", 416, None, "bytes */10"),
            ("bytes=10-20", 416, None, "bytes */10"),
            ("bytes=-0", 416, None, "bytes */10"),
            ("bytes=9223372036854775808-", 416, None, "bytes */10"),
            ("bytes=5-3", 200, TEN, None),
            ("bytes=-", 200, TEN, None),
            ("bytes=0-1,4-5", 200, TEN, None),
            ("bytes=a-b", 200, TEN, None),
            ("bytes=\u0661-", 200, TEN, None),
            ("lines=0-1", 200, TEN, None),
            ("", 200, TEN, None),
        ],
    )
    async def test_one_range_is_answered(
        self, ana: Any, upload: Upload, wanted: str, status: int, body: bytes | None, content_range: str | None
    ) -> None:
        made = await upload(ana, "ten.txt", TEN)
        answer = await ana.get(f"/api/files/{made['id']}/content", headers={"Range": wanted.encode()})
        assert answer.status_code == status
        assert answer.headers.get("Content-Range") == content_range
        if body is not None:
            assert answer.content == body
            assert answer.headers["Content-Length"] == str(len(body))
            assert answer.headers["Accept-Ranges"] == "bytes"

    async def test_an_empty_file_has_no_range(self, ana: Any, upload: Upload) -> None:
        made = await upload(ana, "empty", b"")
        answer = await ana.get(f"/api/files/{made['id']}/content", headers={"Range": "bytes=0-"})
        assert (answer.status_code, answer.headers["Content-Range"]) == (416, "bytes */0")

    async def test_a_range_across_many_chunks_is_exact(self, ana: Any, upload: Upload) -> None:
        content = bytes(range(251)) * 20_000
        made = await upload(ana, "large", content)
        answer = await ana.get(f"/api/files/{made['id']}/content", headers={"Range": "bytes=1048570-4194309"})
        assert answer.content == content[1048570:4194310]

    async def test_bytes_of_another_length_than_was_stored_are_not_served(
        self, ana: Any, parts: Parts, upload: Upload
    ) -> None:
        made = await upload(ana, "ten.txt", TEN)
        async for info in parts[ObjectStorage].list():
            await parts[ObjectStorage].put(info.key, TEN + b"!")
        answer = await ana.get(f"/api/files/{made['id']}/content")
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/storage-unavailable")

    async def test_if_range_decides_between_the_range_and_the_whole(self, ana: Any, upload: Upload) -> None:
        made = await upload(ana, "ten.txt", TEN)
        url = f"/api/files/{made['id']}/content"
        whole = await ana.get(url)
        tag, date = whole.headers["ETag"], whole.headers["Last-Modified"]
        for condition, status in [
            (tag, 206),
            ('"another"', 200),
            (f"W/{tag}", 200),
            (date, 206),
            ("Sat, 01 Jan 2000 00:00:00 GMT", 200),
            ("nonsense", 200),
        ]:
            answer = await ana.get(url, headers={"Range": "bytes=0-1", "If-Range": condition})
            assert answer.status_code == status, condition


class TestConditions:
    async def test_what_did_not_change_is_not_sent(self, ana: Any, upload: Upload) -> None:
        made = await upload(ana, "ten.txt", TEN)
        url = f"/api/files/{made['id']}/content"
        answer = await ana.get(url)
        tag, date = answer.headers["ETag"], answer.headers["Last-Modified"]
        assert tag == f'"{made["sha256"]}"'
        later = format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True)
        for headers, status in [
            ({"If-None-Match": tag}, 304),
            ({"If-None-Match": f'"other", W/{tag}'}, 304),
            ({"If-None-Match": "*"}, 304),
            ({"If-None-Match": '"other"'}, 200),
            ({"If-Modified-Since": date}, 304),
            ({"If-Modified-Since": later}, 304),
            ({"If-Modified-Since": "Sat, 01 Jan 2000 00:00:00 GMT"}, 200),
            ({"If-Modified-Since": "nonsense"}, 200),
            ({"If-None-Match": '"other"', "If-Modified-Since": later}, 200),
        ]:
            answer = await ana.get(url, headers=headers)
            assert answer.status_code == status, headers
            assert answer.headers["ETag"] == tag
            if status == 304:
                assert answer.content == b""

    async def test_other_bytes_have_another_tag(self, ana: Any, upload: Upload) -> None:
        made = await upload(ana, "ten.txt", TEN)
        url = f"/api/files/{made['id']}/content"
        tag = (await ana.get(url)).headers["ETag"]
        await ana.put(url, content=b"eleven")
        answer = await ana.get(url, headers={"If-None-Match": tag})
        assert (answer.status_code, answer.content) == (200, b"eleven")


class TestHeaders:
    async def test_head_answers_as_get_does_without_the_bytes(self, ana: Any, upload: Upload) -> None:
        made = await upload(ana, "ten.txt", TEN)
        url = f"/api/files/{made['id']}/content"
        get, head = await ana.get(url), await ana.head(url)
        assert (head.status_code, head.content) == (200, b"")
        ignored = {"x-request-id"}
        assert {k: v for k, v in head.headers.items() if k not in ignored} == {
            k: v for k, v in get.headers.items() if k not in ignored
        }
        ranged = await ana.head(url, headers={"Range": "bytes=0-1"})
        assert (ranged.status_code, ranged.headers["Content-Length"]) == (200, "10")

    @pytest.mark.parametrize(
        ("name", "content", "media_type", "kind"),
        [
            ("page.html", b"<!DOCTYPE html><script>alert(1)</script>", "text/html; charset=utf-8", "attachment"),
            ("a.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', "image/svg+xml", "attachment"),
            ("a.pdf", b"%PDF-1.7\n", "application/pdf", "attachment"),
            ("a.txt", b"hello", "text/plain; charset=utf-8", "inline"),
            ("a.gif", b"GIF89a\x01\x00\x01\x00\x00\x00\x00;", "image/gif", "inline"),
        ],
    )
    async def test_nothing_that_was_uploaded_runs_as_a_page_of_ours(
        self, ana: Any, upload: Upload, name: str, content: bytes, media_type: str, kind: str
    ) -> None:
        made = await upload(ana, name, content)
        answer = await ana.get(f"/api/files/{made['id']}/content")
        assert answer.headers["Content-Type"] == media_type
        assert answer.headers["Content-Disposition"].startswith(kind)
        assert answer.headers["Content-Security-Policy"].startswith("sandbox;")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "private, no-cache"
        download = await ana.get(f"/api/files/{made['id']}/content?download=true")
        assert download.headers["Content-Disposition"].startswith("attachment")


class TestLinks:
    async def test_a_signed_link_needs_no_credential(self, ana: Any, nobody: Any, upload: Upload) -> None:
        made = await upload(ana, "Müller.txt", TEN)
        answer = await ana.get(f"/api/files/{made['id']}/url")
        assert answer.status_code == 200
        url = answer.json()["url"]
        expires_at = datetime.fromisoformat(answer.json()["expires_at"])
        assert timedelta(minutes=59) < expires_at - datetime.now(UTC) <= timedelta(minutes=60)
        got = await nobody.get(url)
        assert (got.status_code, got.content) == (200, TEN)
        assert "M%C3%BCller.txt" in got.headers["Content-Disposition"]
        assert got.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert got.headers["Content-Security-Policy"].startswith("sandbox;")
        part = await nobody.get(url, headers={"Range": "bytes=2-3"})
        assert (part.status_code, part.content) == (206, b"23")
        assert (await nobody.head(url)).headers["Content-Length"] == "10"
        again = await nobody.get(url, headers={"If-None-Match": got.headers["ETag"]})
        assert again.status_code == 304

    async def test_a_changed_link_is_refused(self, ana: Any, nobody: Any, upload: Upload) -> None:
        made = await upload(ana)
        url = (await ana.get(f"/api/files/{made['id']}/url")).json()["url"]
        for wrong in (url[:-1] + ("A" if url[-1] != "A" else "B"), url[:-9], url.rpartition("/")[0] + "/nonsense"):
            answer = await nobody.get(wrong)
            assert (answer.status_code, answer.json()["type"]) == (403, "/problems/signature-refused")
        assert (await nobody.put(url, content=b"x")).status_code == 403

    async def test_a_link_to_bytes_that_are_gone_answers_404(self, parts: Parts, nobody: Any) -> None:
        signed = await parts[ObjectStorage].sign_read(new_key(Category.FILES, "txt"))
        answer = await nobody.get(signed.url)
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/link-not-found")

    async def test_a_link_takes_what_it_was_signed_for_and_nothing_else(
        self, app: Any, parts: Parts, nobody: Any
    ) -> None:
        storage = parts[ObjectStorage]
        key = new_key(Category.FILES, "txt")
        signed = await storage.sign_upload(key, size_bytes=5, content_type="text/plain")
        url = signed.url
        wrong = [
            {"content": b"1234", "headers": {"Content-Type": "text/plain"}},
            {"content": b"123456", "headers": {"Content-Type": "text/plain"}},
            {"content": b"12345", "headers": {"Content-Type": "text/html"}},
            {"content": b"123", "headers": {"Content-Type": "text/plain", "Content-Length": "5"}},
        ]
        for request in wrong:
            answer = await nobody.put(url, **request)
            assert (answer.status_code, answer.json()["type"]) == (400, "/problems/content-mismatch")
        assert [info.key async for info in storage.list()] == []
        assert (await nobody.get(url)).status_code == 403
        assert (await nobody.put(url, content=b"12345", headers=signed.headers)).status_code == 204
        again = await nobody.put(url, content=b"54321", headers=signed.headers)
        assert (again.status_code, again.json()["type"]) == (409, "/problems/object-exists")
        async with await storage.read(key) as reader:
            assert b"".join([chunk async for chunk in reader]) == b"12345"
        await storage.delete(key)
