"""The past of folders: what lay where at a time, for whom."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from commonplace.platform.database.session import Database
from commonplace.platform.parts import Parts
from tests.apps.files.conftest import MakeFolder, Upload
from tests.apps.files.test_any_order import save_moment
from tests.visitor import Visitor

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("whole")]
Now = Callable[[], Awaitable[str]]


@pytest.fixture
def now(parts: Parts) -> Now:
    """Save a moment, as the dispatcher does each second; it comes back as clients write it."""

    async def save() -> str:
        return (await save_moment(parts[Database])).at.isoformat()

    return save


async def then(visitor: Visitor, at: str, folder: str | None = None, limit: int = 50) -> list[str]:
    """The names of what lay in a folder at a time, over all pages."""
    path = "/api/folders/as-of" if folder is None else f"/api/folders/{folder}/as-of"
    found: list[str] = []
    after: str | None = None
    while True:
        answer = await visitor.get(path, params={"at": at, "limit": limit} | ({"after": after} if after else {}))
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert page["at"] <= at.replace("+00:00", "Z")
        found += [entry["name"] for entry in page["items"]]
        after = page["next"]
        if after is None:
            return found


async def test_a_folder_is_shown_as_it_was_though_it_is_in_the_trash(
    ana: Visitor, upload: Upload, make_folder: MakeFolder, now: Now
) -> None:
    before = await now()
    outer = await make_folder(ana, "outer")
    inner = await make_folder(ana, "inner", outer["id"])
    file = await upload(ana, "a.txt", b"one", folder_id=outer["id"])
    for name in ("b.txt", "c.txt"):
        await upload(ana, name, folder_id=outer["id"])
    first = await now()
    await ana.put(f"/api/files/{file['id']}/content", content=b"two")
    await ana.patch(f"/api/files/{file['id']}", json={"name": "z.txt", "folder_id": inner["id"]})
    second = await now()
    await ana.delete(f"/api/folders/{outer['id']}")
    third = await now()
    for limit in (50, 3, 1):
        assert await then(ana, first, limit=limit) == ["outer"]
        assert await then(ana, first, outer["id"], limit) == ["inner", "a.txt", "b.txt", "c.txt"]
        assert await then(ana, second, outer["id"], limit) == ["inner", "b.txt", "c.txt"]
        assert await then(ana, second, inner["id"], limit) == ["z.txt"]
    assert await then(ana, third) == []
    for at in (before, third):
        answer = await ana.get(f"/api/folders/{outer['id']}/as-of", params={"at": at})
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-there-then")
        answer = await ana.get(f"/api/files/{file['id']}/as-of/content", params={"at": at})
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-there-then")
    for at, content in ((first, b"one"), (second, b"two")):
        answer = await ana.get(f"/api/files/{file['id']}/as-of/content", params={"at": at})
        assert (answer.status_code, answer.content) == (200, content)
    entry = (await ana.get(f"/api/folders/{outer['id']}/as-of", params={"at": first})).json()["items"][1]
    assert (entry["id"], entry["kind"], entry["version"], entry["is_current"]) == (file["id"], "file", 1, False)
    assert (entry["size_bytes"], entry["sha256"]) == (3, file["sha256"])


async def test_what_cannot_be_looked_at_is_refused(ana: Visitor, ben: Visitor, nobody: Visitor, now: Now) -> None:
    first = await now()
    for params, status in (
        ({"at": "2001-01-01T00:00:00Z"}, 410),
        ({"at": "yesterday"}, 422),
        ({}, 422),
        ({"at": first, "after": "nonsense"}, 404),
        ({"at": first, "after": "WyJub3RlIiwiYSIsIjAxYTFmZGIxLTU4YWYtN2EyZi05OTEyLTY4YWRhYjMyM2MxYyJd"}, 404),
        ({"at": "9999-01-01T00:00:00Z"}, 200),
    ):
        assert (await ana.get("/api/folders/as-of", params=params)).status_code == status, params
    assert (await nobody.get("/api/folders/as-of", params={"at": first})).status_code == 401
    folder = (await ana.post("/api/folders", json={"name": "a"})).json()
    answer = await ben.get(f"/api/folders/{folder['id']}/as-of", params={"at": await now()})
    assert answer.status_code == 404


async def test_an_editor_sees_the_past_since_it_was_shared_and_a_reader_none(
    ana: Visitor, ben: Visitor, join: Any, upload: Upload, make_folder: MakeFolder, now: Now
) -> None:
    carla = await join("carla")
    top = await make_folder(ana, "top")
    folder = await make_folder(ana, "shared", top["id"])
    gone = await upload(ana, "gone.txt", folder_id=folder["id"])
    left = await upload(ana, "left.txt", folder_id=folder["id"])
    before = await now()
    for person, level in ((ben, "edit"), (carla, "view")):
        body = {"item_id": folder["id"], "person_id": person.person["id"], "level": level}
        answer = await ana.post("/api/shares", json=body)
        assert answer.status_code == 201, answer.text
    file = await upload(ana, "a.txt", b"one", folder_id=folder["id"])
    shared = await now()
    await ana.delete(f"/api/files/{gone['id']}")
    await ana.patch(f"/api/files/{left['id']}", json={"folder_id": None})
    await ana.put(f"/api/files/{file['id']}/content", content=b"two")
    assert await then(ana, before, folder["id"]) == ["gone.txt", "left.txt"]
    assert await then(ana, shared, folder["id"]) == ["a.txt", "gone.txt", "left.txt"]
    assert await then(ben, shared, folder["id"], 1) == ["a.txt", "gone.txt"]  # what was taken out is not his to know of
    answer = await ben.get(f"/api/folders/{folder['id']}/as-of", params={"at": before})
    assert (answer.status_code, answer.json()["type"]) == (410, "/problems/not-kept")
    assert (await ben.get(f"/api/folders/{top['id']}/as-of", params={"at": shared})).status_code == 404
    path = f"/api/files/{file['id']}/as-of/content"
    assert (await ben.get(path, params={"at": shared})).content == b"one"
    assert (await carla.get(path, params={"at": shared})).status_code == 403
    assert (await carla.get(f"/api/folders/{folder['id']}/as-of", params={"at": shared})).status_code == 403
