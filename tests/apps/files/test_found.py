"""What was found in files, over HTTP: who sees what of it, and how it is found anew."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from commonplace.apps.files.processing import again, pages
from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database
from commonplace.platform.parts import Parts
from tests.apps.files.conftest import MakeFolder, StoredKeys, Upload
from tests.platform.media import documents, pictures

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("whole")]

Deliver = Callable[[], Awaitable[None]]
PLACE = {"latitude": 59.9139, "longitude": 10.7522}


async def change(parts: Parts, statement: str, **values: Any) -> None:
    async with parts[Database].writing() as session:
        assert await session.execute(Query(text(statement)), **values)


async def test_a_document_is_read_and_its_pages_are_drawn_when_somebody_looks(
    ana: Any, ben: Any, upload: Upload, deliver: Deliver, stored_keys: StoredKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = documents.pdf("Harbour at dawn", "Two", "Three", information="/Title(The sea)")
    file = await upload(ana, "paper.pdf", content)
    url = f"/api/process/files/{file['id']}"
    assert (await ana.get(url)).json()["state"] == "pending"
    assert (await ana.get("/api/process")).json() == {"waiting": 1, "failed": 0}
    waiting = await ana.get(f"{url}/pages")
    thumbnail = await ana.get(f"/api/files/{file['id']}/thumbnail")
    assert thumbnail.json()["type"] == "/problems/thumbnail-not-ready"
    assert (waiting.status_code, "try again" in waiting.json()["detail"]) == (404, True)
    await deliver()
    assert (await ana.get("/api/process")).json() == {"waiting": 0, "failed": 0}
    found = (await ana.get(url)).json()
    assert (found["state"], found["facts"], found["has_text"]) == ("done", {"pages": 3, "title": "The sea"}, True)
    words = await ana.get(f"{url}/text")
    assert (words.headers["Content-Type"], words.text[:15]) == ("text/plain; charset=utf-8", "Harbour at dawn")
    assert (await ana.get(f"{url}/pages")).json() == {"pages": 3, "sizes": [256, 1024, 2048]}
    monkeypatch.setattr(pages, "MOST_KEPT", 2)
    before = len(await stored_keys())
    for page in (1, 2, 3, 3):
        picture = await ana.get(f"{url}/pages/{page}", params={"size": 256})
        assert (picture.status_code, picture.headers["Content-Type"]) == (200, "image/webp")
        assert "attachment" not in picture.headers.get("Content-Disposition", "")
    assert len(await stored_keys()) == before + 2
    same = await ana.get(f"{url}/pages/3", params={"size": 256}, headers={"If-None-Match": picture.headers["ETag"]})
    assert same.status_code == 304
    assert (await ana.get(f"{url}/pages/4")).json()["type"] == "/problems/nothing-found"
    assert (await ana.get(f"{url}/entries")).status_code == 404
    monkeypatch.setattr(pages, "_MOST_AT_ONCE", 0)
    assert (await ana.get(f"{url}/pages/1", params={"size": 1024})).status_code == 503
    for path in ("", "/text", "/entries", "/pages", "/pages/1"):
        assert (await ben.get(url + path)).status_code == 404
    assert (await ben.post(url)).status_code == 404


async def test_an_archive_is_listed_page_by_page(ana: Any, upload: Upload, deliver: Deliver) -> None:
    file = await upload(ana, "a.zip", documents.packed({f"{number:03}.txt": b"x" * number for number in range(7)}))
    url = f"/api/process/files/{file['id']}/entries"
    await deliver()
    names, after = [], None
    while True:
        page = (await ana.get(url, params={"limit": 3, **({"after": after} if after else {})})).json()
        names += [entry["name"] for entry in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert (names, page["number"]) == ([f"{number:03}.txt" for number in range(7)], 7)
    assert page["items"][-1] == {
        "name": "006.txt",
        "size_bytes": 6,
        "is_folder": False,
        "modified_at": "2026-05-01T12:00:00",
    }
    assert (await ana.get(url, params={"after": "x"})).status_code == 404


async def test_a_place_is_its_owners_to_tell(
    ana: Any, ben: Any, upload: Upload, deliver: Deliver, parts: Parts
) -> None:
    file = await upload(ana, "a.txt", b"no picture")
    url = f"/api/process/files/{file['id']}"
    await deliver()
    assert (await ana.put(f"{url}/place", json={"is_shared": True})).json()["type"] == "/problems/nothing-found"
    await change(parts, "UPDATE files.found SET latitude = :latitude, longitude = :longitude", **PLACE)
    grant = {"item_id": file["id"], "person_id": ben.person["id"], "level": "edit"}
    assert (await ana.post("/api/shares", json=grant)).status_code == 201
    assert (await ana.get(url)).json()["place"] == {**PLACE, "is_shared": False}
    assert (await ben.get(url)).json()["place"] is None
    assert (await ben.put(f"{url}/place", json={"is_shared": True})).status_code == 403
    assert (await ana.put(f"{url}/place", json={"is_shared": True})).status_code == 200
    assert (await ben.get(url)).json()["place"] == {**PLACE, "is_shared": True}


async def test_a_file_a_folder_and_the_drive_are_read_anew(
    ana: Any, ben: Any, upload: Upload, make_folder: MakeFolder, deliver: Deliver, parts: Parts, stored_keys: StoredKeys
) -> None:
    folder = await make_folder(ana, "photos")
    inner = await make_folder(ana, "inner", parent_id=folder["id"])
    outside = await upload(ana, "outside.txt", b"outside")
    deep = await upload(ana, "deep.jpg", pictures.encoded(pictures.quarters(300, 200), "JPEG"), folder_id=inner["id"])
    broken = await upload(ana, "broken.docx", documents.docx("x")[:-30], folder_id=folder["id"])
    await deliver()
    keys = set(await stored_keys())
    failed = (await ana.get("/api/process/failed")).json()
    assert [(one["file_id"], one["reason"].split(":")[0]) for one in failed["items"]] == [(broken["id"], "truncated")]
    forget = "UPDATE files.found SET text = 'old', facts = '{}', reader = 0"
    await change(parts, forget)
    answer = await ana.post(f"/api/process/folders/{folder['id']}", params={"which": "all"})
    assert answer.status_code == 202, answer.text
    await deliver()
    job = (await ana.get(f"/api/jobs/{answer.json()['id']}")).json()
    assert (job["state"], job["done"], job["total"], job["result"]) == ("done", 2, 2, {"files": 2})
    assert (await ana.get(f"/api/process/files/{deep['id']}")).json()["is_outdated"] is False
    assert len(set(await stored_keys()) & keys) == len(keys) - 2  # its thumbnails are new ones
    assert (await ana.get(f"/api/files/{deep['id']}/thumbnail")).status_code == 200
    old = (await ana.get(f"/api/process/files/{outside['id']}")).json()
    assert (old["is_outdated"], (await ana.get(f"/api/process/files/{outside['id']}/text")).text) == (True, "old")
    assert (await ana.post(f"/api/process/files/{outside['id']}")).status_code == 202
    await deliver()
    assert (await ana.get(f"/api/process/files/{outside['id']}/text")).text == "outside"
    whole = await ana.post("/api/process", params={"which": "failed"})
    await deliver()
    assert (await ana.get(f"/api/jobs/{whole.json()['id']}")).json()["result"] == {"files": 1}
    assert (await ben.post(f"/api/process/folders/{folder['id']}")).status_code == 404
    assert (await ana.post(f"/api/process/folders/{uuid4()}")).status_code == 404


async def test_what_an_older_release_left_is_read_by_the_schedule(
    ana: Any, upload: Upload, deliver: Deliver, parts: Parts
) -> None:
    file = await upload(ana, "a.txt", b"hello")
    await deliver()
    await change(parts, "UPDATE files.found SET text = NULL, reader = 0")
    await change(parts, "UPDATE platform.item SET updated_at = updated_at - interval '2 hours' WHERE kind = 'file'")

    class Context:
        def __init__(self) -> None:
            self.parts = parts

    await again.read_the_rest(None, Context())  # type: ignore[arg-type]
    await deliver()
    assert (await ana.get(f"/api/process/files/{file['id']}/text")).text == "hello"
    await change(parts, "UPDATE platform.item SET updated_at = updated_at + interval '2 hours' WHERE kind = 'file'")
