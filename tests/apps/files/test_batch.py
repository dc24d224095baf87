"""Many small files in one request."""

from typing import Any
from uuid import UUID

import pytest

from commonplace.apps.files.events import FileUploaded
from commonplace.apps.files.models import FILE
from commonplace.apps.files.settings import FilesSettings
from commonplace.platform.database.ids import new_id
from commonplace.platform.database.session import Database
from commonplace.platform.history import record
from commonplace.platform.history.record import NewItem
from commonplace.platform.parts import Parts
from commonplace.platform.storage import objects
from commonplace.platform.storage.keys import Category, new_key
from commonplace.platform.storage.protocol import ObjectStorage
from tests.apps.files.conftest import MakeFolder, StoredKeys, Told, Upload

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("whole")]


def form(*files: tuple[str, bytes]) -> list[tuple[str, tuple[str, bytes]]]:
    return [("file", file) for file in files]


async def test_a_batch_makes_its_files_in_their_order(
    ana: Any, make_folder: MakeFolder, stored_keys: StoredKeys, told: Told
) -> None:
    folder = await make_folder(ana)
    sent = [(f"{number:03}.txt", f"content {number}".encode()) for number in range(150)]
    answer = await ana.post(f"/api/files/batch?folder_id={folder['id']}", files=form(*sent))
    assert answer.status_code == 201
    made = answer.json()["items"]
    assert [file["name"] for file in made] == [name for name, _ in sent]
    assert {file["folder_id"] for file in made} == {folder["id"]}
    assert len(await stored_keys()) == 150
    assert (await told())[1:] == ["file.uploaded"] * 150
    listed = (await ana.get(f"/api/files?folder_id={folder['id']}&limit=200")).json()["items"]
    assert listed == made
    for number in (0, 77, 149):
        assert (await ana.get(f"/api/files/{made[number]['id']}/content")).content == sent[number][1]


async def test_taken_names_get_a_number_also_within_the_batch(ana: Any, upload: Upload) -> None:
    await upload(ana, "a.txt", b"0")
    answer = await ana.post("/api/files/batch", files=form(("a.txt", b"1"), ("b.txt", b"2"), ("b.txt", b"3")))
    assert [file["name"] for file in answer.json()["items"]] == ["a (2).txt", "b.txt", "b (2).txt"]


async def test_or_all_is_refused(ana: Any, upload: Upload, stored_keys: StoredKeys) -> None:
    await upload(ana, "a.txt", b"0")
    for files in (form(("c.txt", b"1"), ("a.txt", b"2")), form(("c.txt", b"1"), ("c.txt", b"2"))):
        answer = await ana.post("/api/files/batch?on_conflict=fail", files=files)
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/name-taken")
    assert len(await stored_keys()) == 1
    assert len((await ana.get("/api/files")).json()["items"]) == 1


async def test_the_same_bytes_are_one_object(ana: Any, upload: Upload, stored_keys: StoredKeys) -> None:
    await upload(ana, "a.txt", b"same")
    await ana.post("/api/files/batch", files=form(("b", b"same"), ("c", b"same"), ("d", b"other"), ("e", b"other")))
    assert len(await stored_keys()) == 2


@pytest.mark.parametrize(
    ("files", "query", "status", "problem"),
    [
        (form(("a", b"x"), ("large", b"x" * 262_144)), "", 413, "batch-too-large"),
        (form(*((str(n), b"x") for n in range(6))), "", 413, "batch-too-large"),
        (form(("a", b"x"), ("..", b"x")), "", 422, "invalid-name"),
        ([("file", ("a", b"x")), ("other", ("b", b"x"))], "", 400, "malformed-upload"),
        ([("file", ("a", b"x")), ("file", (None, b"x"))], "", 400, "malformed-upload"),
        (form(("a", b"x")), "?on_conflict=replace", 422, "validation-failed"),
        (form(("a", b"x")), "?folder_id=01a1fdb1-58af-7a2f-9912-68adab323c1c", 404, "container-not-found"),
    ],
)
async def test_what_is_refused_leaves_nothing(
    ana: Any, parts: Parts, stored_keys: StoredKeys, files: Any, query: str, status: int, problem: str
) -> None:
    parts.add(FilesSettings(batch_files=5))
    answer = await ana.post(f"/api/files/batch{query}", files=files)
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{problem}"), answer.text
    assert await stored_keys() == []
    assert (await ana.get("/api/files")).json()["items"] == []


async def test_what_is_no_form_is_refused(ana: Any) -> None:
    assert (await ana.post("/api/files/batch", content=b"x")).status_code == 400
    empty = {"Content-Type": "multipart/form-data; boundary=b"}
    assert (await ana.post("/api/files/batch", content=b"--b--\r\n", headers=empty)).status_code == 422


async def test_a_repetition_with_a_key_stores_nothing(ana: Any, stored_keys: StoredKeys) -> None:
    headers = {"Idempotency-Key": "k"}
    files = form(("a", b"1"), ("b", b"2"))
    answers = [await ana.post("/api/files/batch", files=files, headers=headers) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert len(await stored_keys()) == 2
    other = await ana.post("/api/files/batch", files=form(("a", b"1"), ("b", b"3")), headers=headers)
    assert (other.status_code, other.json()["type"]) == (422, "/problems/idempotency-key-reused")


async def test_a_folder_with_ten_thousand_files_takes_one_more(ana: Any, upload: Upload, parts: Parts) -> None:
    """The 10,001st file in a folder is as good as the first; so are the pages at the end of the list."""
    for start in range(0, 10_000, 2000):
        received = [(f"IMG_{number:05}.jpg", str(number)) for number in range(start, start + 2000)]
        await _make_without_bytes(parts, UUID(ana.person["id"]), received)
    made = await upload(ana, "IMG_10000.jpg", b"last")
    assert made["name"] == "IMG_10000.jpg"
    last = (await ana.get("/api/files?limit=2&sort=-name")).json()
    assert [file["name"] for file in last["items"]] == ["IMG_10000.jpg", "IMG_09999.jpg"]
    assert (await upload(ana, "IMG_05000.jpg", b"another"))["name"] == "IMG_05000 (2).jpg"
    following = (await ana.get("/api/files", params={"limit": 2, "sort": "-name", "after": last["next"]})).json()
    assert [file["name"] for file in following["items"]] == ["IMG_09998.jpg", "IMG_09997.jpg"]


async def _make_without_bytes(parts: Parts, person_id: UUID, files: list[tuple[str, str]]) -> None:
    """Files that all refer to one object: ten thousand would take the disk longer than the test may."""
    stored = await parts[ObjectStorage].put(new_key(Category.FILES), b"the same")
    async with parts[Database].writing() as session:
        registered = await objects.register(session, person_id, stored)
        if registered.is_duplicate:
            await parts[ObjectStorage].delete(stored.key)
        items: list[NewItem] = []
        for name, _ in files:
            file_id = new_id()
            values = {"size_bytes": 8, "media_type": "text/plain", "sha256": stored.sha256.hex()}
            fact = FileUploaded(file_id=file_id, object_id=registered.id, media_type="text/plain", size_bytes=8)
            items.append(
                NewItem(
                    id=file_id,
                    owner_id=person_id,
                    parent_id=None,
                    title=name,
                    name_key=name,
                    values={**values, "object_id": registered.id},
                    fact=fact,
                )
            )
        await record.create_many(session, FILE, items, by=person_id)
