"""What a worker finds out about uploaded bytes, and the thumbnails it makes."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import text

from commonplace.apps.files import handlers
from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database
from commonplace.platform.media.found import READER, Found
from commonplace.platform.media.process import Media
from commonplace.platform.media.rendering import Looked, Rendered
from commonplace.platform.parts import Parts
from tests.apps.files.conftest import StoredKeys, Told, Upload
from tests.platform.media import documents, pictures

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("whole")]

Deliver = Callable[[], Awaitable[None]]


def photograph(width: int = 3000, height: int = 2000, **options: Any) -> bytes:
    return pictures.encoded(pictures.quarters(width, height), "JPEG", **options)


async def processing(visitor: Any, file: dict[str, Any]) -> dict[str, Any]:
    answer = (await visitor.get(f"/api/files/{file['id']}")).json()["processing"]
    return dict(answer)


class TestAPhotograph:
    async def test_gets_thumbnails_in_three_sizes(self, ana: Any, upload: Upload, deliver: Deliver, told: Told) -> None:
        exif = pictures.exif(taken="2026:05:01 12:30:00", offset="+02:00")
        file = await upload(ana, "harbour.jpg", photograph(exif=exif))
        url = f"/api/files/{file['id']}/thumbnail"
        assert file["processing"]["state"] == "pending"
        waiting = await ana.get(url)
        assert (waiting.status_code, waiting.json()["type"]) == (404, "/problems/thumbnail-not-ready")
        assert int(waiting.headers["Retry-After"]) > 0
        await deliver()
        assert await processing(ana, file) == {
            "state": "done",
            "reason": None,
            "width": 3000,
            "height": 2000,
            "taken_at": "2026-05-01T10:30:00.000000Z",
        }
        for size in (256, 1024, 2048):
            answer = await ana.get(url, params={"size": size})
            assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/jpeg")
            with Image.open(io.BytesIO(answer.content)) as picture:
                assert max(picture.size) == size
        assert (await ana.get(f"/api/files/{file['id']}")).headers["ETag"] == '"1.done"'
        assert await told() == ["file.uploaded", "file.processed"]

    async def test_is_turned_as_it_was_held_and_never_enlarged(
        self, ana: Any, upload: Upload, deliver: Deliver
    ) -> None:
        file = await upload(ana, "small.jpg", pictures.held(pictures.quarters(160, 120), 6))
        await deliver()
        found = await processing(ana, file)
        assert (found["width"], found["height"]) == (160, 120)
        for size in (256, 1024, 2048):
            answer = await ana.get(f"/api/files/{file['id']}/thumbnail", params={"size": size})
            with Image.open(io.BytesIO(answer.content)) as picture:
                assert picture.size == (160, 120)

    async def test_a_thumbnail_may_be_kept_for_ever_when_its_bytes_are_named(
        self, ana: Any, upload: Upload, deliver: Deliver
    ) -> None:
        file = await upload(ana, "a.jpg", photograph(400, 300))
        await deliver()
        url = f"/api/files/{file['id']}/thumbnail"
        named = await ana.get(url, params={"size": 256, "v": file["sha256"]})
        assert named.headers["Cache-Control"] == "private, max-age=31536000, immutable"
        plain = await ana.get(url, params={"size": 256})
        assert plain.headers["Cache-Control"] == "private, no-cache"
        again = await ana.get(url, params={"size": 256}, headers={"If-None-Match": plain.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        head = await ana.head(url)
        assert (head.status_code, head.headers["ETag"]) == (200, plain.headers["ETag"])
        other = await ana.get(url, params={"size": 1024})
        assert other.headers["ETag"] != plain.headers["ETag"]
        for size in ("255", "0", "x", "512"):
            assert (await ana.get(url, params={"size": size})).status_code == 422

    async def test_replaced_bytes_get_thumbnails_of_their_own(
        self, ana: Any, upload: Upload, deliver: Deliver, told: Told
    ) -> None:
        file = await upload(ana, "a.jpg", photograph(400, 300))
        await deliver()
        url = f"/api/files/{file['id']}"
        old = await ana.get(url + "/thumbnail")
        changed = (await ana.put(url + "/content", content=photograph(300, 500))).json()
        assert changed["processing"]["state"] == "pending"
        await deliver()
        assert (await processing(ana, file))["height"] == 500
        new = await ana.get(url + "/thumbnail", headers={"If-None-Match": old.headers["ETag"]})
        assert new.status_code == 200
        restored = (await ana.post(url + "/versions/1/restore")).json()
        assert (restored["processing"]["state"], restored["processing"]["height"]) == ("done", 300)
        assert (await ana.get(url + "/thumbnail")).content == old.content

    async def test_the_same_bytes_are_looked_at_once(
        self, ana: Any, upload: Upload, deliver: Deliver, parts: Parts, monkeypatch: pytest.MonkeyPatch, told: Told
    ) -> None:
        calls = []
        look = Media.look

        async def count(self: Media, *arguments: Any, **options: Any) -> Looked:
            calls.append(arguments)
            return await look(self, *arguments, **options)

        monkeypatch.setattr(Media, "look", count)
        content = photograph(300, 200)
        for name in "abc":
            await upload(ana, f"{name}.jpg", content)
        await deliver()
        assert len(calls) == 1
        late = await upload(ana, "late.jpg", content)
        assert late["processing"]["state"] == "done"
        await deliver()
        assert len(calls) == 1
        assert (await told()).count("file.processed") >= 3

    async def test_delivered_twice_leaves_one_set_of_thumbnails(
        self, ana: Any, upload: Upload, deliver: Deliver, parts: Parts, stored_keys: StoredKeys
    ) -> None:
        """At least once means twice, sooner or later; also at the same time."""
        await upload(ana, "a.jpg", photograph(3000, 2000))
        async with parts[Database].reading() as session:
            row = await session.first(Query(text("SELECT payload FROM platform.event WHERE name = 'file.uploaded'")))
        assert row is not None
        event = handlers.FileUploaded(**row.payload)

        class Delivery:
            attempt, max_attempts = 1, 8

        class Context:
            def __init__(self) -> None:
                self.parts, self.delivery = parts, Delivery()

        await asyncio.gather(*(handlers.process_file(event, Context()) for _ in range(3)))  # type: ignore[arg-type]
        await deliver()
        assert len(await stored_keys()) == 4


class TestWhatIsNoPicture:
    @pytest.mark.parametrize(
        ("name", "content", "state", "reason"),
        [
            ("a.txt", b"hello", "none", None),
            ("a.jpg", b"not a picture at all", "none", None),
            ("broken.jpg", photograph(800, 600)[:3000], "failed", "truncated"),
            ("huge.png", pictures.png(100_000, 100_000), "failed", "too_many_pixels"),
            (
                "a.ico",
                b"\x00\x00\x01\x00\x01\x00\x10\x10\x00\x00\x01\x00\x20\x00\x68\x04",
                "none",
                "unsupported_format",
            ),
        ],
    )
    async def test_ends_in_a_stated_way(
        self, ana: Any, upload: Upload, deliver: Deliver, name: str, content: bytes, state: str, reason: str | None
    ) -> None:
        file = await upload(ana, name, content)
        await deliver()
        found = await processing(ana, file)
        assert found["state"] == state
        assert (found["reason"] or "").startswith(reason or "")
        answer = await ana.get(f"/api/files/{file['id']}/thumbnail")
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/no-thumbnail")
        assert "Retry-After" not in answer.headers
        if reason:
            assert reason in answer.json()["detail"]


class TestInterruptions:
    async def test_a_rendering_that_was_interrupted_is_tried_again_and_then_said_to_have_failed(
        self, ana: Any, upload: Upload, parts: Parts, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = await upload(ana, "a.jpg", photograph(300, 200))
        interrupted = Rendered(
            state="failed",
            reason="interrupted: The server was stopping.",
            media_type="image/jpeg",
            width=None,
            height=None,
            taken_at=None,
            renditions=(),
        )

        async def interrupt(*_: Any, **__: Any) -> Looked:
            return Looked(media_type="image/jpeg", found=Found(state="failed"), rendered=interrupted)

        monkeypatch.setattr(Media, "look", interrupt)
        async with parts[Database].reading() as session:
            row = await session.first(Query(text("SELECT payload FROM platform.event WHERE name = 'file.uploaded'")))
        assert row is not None
        event = handlers.FileUploaded(**row.payload)

        class Delivery:
            attempt, max_attempts = 1, 2

        class Context:
            def __init__(self) -> None:
                self.parts, self.delivery = parts, Delivery()

        context: Any = Context()
        with pytest.raises(handlers.NotRenderedYet):
            await handlers.process_file(event, context)
        assert (await processing(ana, file))["state"] == "pending"
        context.delivery.attempt = 2
        await handlers.process_file(event, context)
        assert (await processing(ana, file))["state"] == "failed"

    async def test_what_cannot_be_written_down_leaves_no_thumbnails(
        self, ana: Any, upload: Upload, parts: Parts, stored_keys: StoredKeys, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await upload(ana, "a.jpg", photograph(300, 200))
        async with parts[Database].reading() as session:
            row = await session.first(Query(text("SELECT payload FROM platform.event WHERE name = 'file.uploaded'")))
        assert row is not None

        class Context:
            def __init__(self) -> None:
                self.parts = parts

                class Delivery:
                    attempt, max_attempts = 1, 2

                self.delivery = Delivery()

        async def fail(*_: Any, **__: Any) -> None:
            raise RuntimeError("the log cannot be written")

        monkeypatch.setattr(handlers, "_tell", fail)
        context: Any = Context()
        with pytest.raises(RuntimeError):
            await handlers.process_file(handlers.FileUploaded(**row.payload), context)
        assert len(await stored_keys()) == 1


async def found(parts: Parts, file: dict[str, Any]) -> Any:
    async with parts[Database].reading() as session:
        query = "SELECT found.* FROM files.found JOIN files.file USING (object_id) WHERE file.id = :id"
        return await session.first(Query(text(query)), id=file["id"])


class TestWhatIsRead:
    async def test_text_and_facts_stand_in_a_row_of_the_object(
        self, ana: Any, upload: Upload, deliver: Deliver, parts: Parts, told: Told
    ) -> None:
        note = await upload(ana, "note.md", b"# Bread\n\nand salt")
        paper = await upload(ana, "paper.pdf", documents.pdf("Harbour at dawn", information="/Title(The sea)"))
        await deliver()
        assert (await told()).count("file.processed") == 2
        row = await found(parts, paper)
        assert (row.state, row.text, row.reader) == ("done", "Harbour at dawn", READER)
        assert row.facts == {"pages": 1, "title": "The sea"}
        assert (await found(parts, note)).text == "# Bread\n\nand salt"
        thumbnail = await ana.get(f"/api/files/{paper['id']}/thumbnail")
        assert (thumbnail.status_code, thumbnail.headers["Content-Type"]) == (200, "image/jpeg")
        assert (await processing(ana, paper))["state"] == "done"
