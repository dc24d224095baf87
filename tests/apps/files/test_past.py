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


async def put_back(visitor: Visitor, deliver: Any, at: str, folder: str | None = None, **more: Any) -> dict[str, Any]:
    """Put a folder back, wait until it is done; the restoration."""
    answer = await visitor.post("/api/restorations", json={"at": at, "folder_id": folder, **more})
    assert answer.status_code == 202, answer.text
    return await settled(visitor, deliver, answer.json())


async def settled(visitor: Visitor, deliver: Any, begun: dict[str, Any]) -> dict[str, Any]:
    await deliver()
    job = (await visitor.get(f"/api/jobs/{begun['job_id']}")).json()
    assert (job["state"], job["done"]) == ("done", job["total"]), job
    done: dict[str, Any] = (await visitor.get(f"/api/restorations/{begun['id']}")).json()
    assert done["is_over"]
    assert job["result"] == {"restoration_id": done["id"]} | {key: done[key] for key in ("written", "numbered", "left")}
    return done


async def undo(visitor: Visitor, deliver: Any, restoration: dict[str, Any]) -> dict[str, Any]:
    answer = await visitor.post(f"/api/restorations/{restoration['id']}/undo")
    assert answer.status_code == 202, answer.text
    return await settled(visitor, deliver, answer.json())


async def tree(visitor: Visitor, folder: str | None = None, path: str = "") -> dict[str, str]:
    """Everything that there is now, by path; of files the hash."""
    found: dict[str, str] = {}
    given = {} if folder is None else {"folder_id": folder, "parent_id": folder}
    for one in (await visitor.get("/api/files", params={**given, "limit": 200})).json()["items"]:
        found[path + one["name"]] = one["sha256"]
    for one in (await visitor.get("/api/folders", params={**given, "limit": 200})).json()["items"]:
        found[path + one["name"] + "/"] = one["id"]
        found |= await tree(visitor, one["id"], path + one["name"] + "/")
    return found


async def left(visitor: Visitor, restoration: dict[str, Any]) -> dict[str, str]:
    """What was left, by name, with the reason."""
    items = (await visitor.get(f"/api/restorations/{restoration['id']}/left")).json()["items"]
    return {item["name"]: item["reason"] for item in items}


async def test_a_folder_comes_back_to_how_it_was_and_that_is_undone(  # noqa: PLR0915 - one story
    ana: Visitor, upload: Upload, make_folder: MakeFolder, now: Now, deliver: Any
) -> None:
    work = await make_folder(ana, "work")
    inner, other = await make_folder(ana, "inner", work["id"]), await make_folder(ana, "other", work["id"])
    aside = await make_folder(ana, "aside")
    kept = await upload(ana, "kept.txt", b"kept", folder_id=inner["id"])
    changed = await upload(ana, "changed.txt", b"one", folder_id=work["id"])
    swapped = [await upload(ana, name, name.encode(), folder_id=work["id"]) for name in ("p.txt", "q.txt")]
    deleted = await upload(ana, "deleted.txt", b"deleted", folder_id=other["id"])
    out = await upload(ana, "out.txt", b"out", folder_id=work["id"])
    guest = await upload(ana, "guest.txt", b"guest", folder_id=aside["id"])
    at = await now()
    before = await tree(ana)
    await ana.put(f"/api/files/{changed['id']}/content", content=b"two!")
    await ana.patch(f"/api/files/{swapped[0]['id']}", json={"name": "x"})
    await ana.patch(f"/api/files/{swapped[1]['id']}", json={"name": "p.txt"})
    await ana.patch(f"/api/files/{swapped[0]['id']}", json={"name": "q.txt"})
    await ana.delete(f"/api/files/{deleted['id']}")
    await ana.delete(f"/api/folders/{inner['id']}")
    new = await make_folder(ana, "inner", work["id"])
    await upload(ana, "fresh.txt", b"fresh", folder_id=new["id"])
    await upload(ana, "deleted.txt", b"another", folder_id=other["id"])
    await ana.patch(f"/api/folders/{other['id']}", json={"parent_id": new["id"], "name": "elsewhere"})
    await ana.patch(f"/api/files/{out['id']}", json={"folder_id": aside["id"]})
    await ana.patch(f"/api/files/{guest['id']}", json={"folder_id": work["id"]})
    middle = await tree(ana)

    path = f"/api/folders/{work['id']}/as-of/changes"
    plan = (await ana.get(path, params={"at": at})).json()
    assert {(one["what"], one["path"]) for one in plan["items"]} == {
        ("changed", "changed.txt"),
        ("renamed", "p.txt"),
        ("renamed", "q.txt"),
        ("added", "other/deleted.txt"),
        ("removed", "other/deleted.txt"),
        ("added", "inner"),
        ("removed", "inner"),
        ("moved", "other"),
        ("added", "out.txt"),
        ("removed", "guest.txt"),
    }
    assert (plan["is_whole"], plan["lost"]) == (True, 0)
    assert plan["sums"]["added"] == {"items": 3, "size_bytes": 10, "inside": 1, "inside_bytes": 4}
    assert plan["sums"]["changed"] == {"items": 1, "size_bytes": 3, "inside": 0, "inside_bytes": 0}
    paged: list[Any] = []
    after: str | None = None
    while len(paged) < 10:
        page = (await ana.get(path, params={"at": at, "limit": 3} | ({"after": after} if after else {}))).json()
        paged, after = paged + page["items"], page["next"]
    assert (paged, after) == (plan["items"], None)

    done = await put_back(ana, deliver, at, work["id"])
    assert await tree(ana) == before
    assert (done["written"], done["left"], done["numbered"]) == (10, 0, 0)
    assert (await ana.get(path, params={"at": at})).json()["items"] == []
    again = await put_back(ana, deliver, at, work["id"])
    assert (again["items"], again["written"]) == (0, 0)

    undone = await undo(ana, deliver, done)
    assert await tree(ana) == middle
    assert (undone["undoes"], undone["left"]) == (done["id"], 0)
    assert (await ana.get(f"/api/restorations/{done['id']}")).json()["undone_by"] == undone["id"]
    answer = await ana.post(f"/api/restorations/{done['id']}/undo")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/undone-already")
    await undo(ana, deliver, undone)
    assert await tree(ana) == before
    assert (await ana.get(f"/api/files/{kept['id']}")).json()["version"] == 1  # it came and went with its folder
    listed = (await ana.get("/api/restorations", params={"limit": 2})).json()
    rest = (await ana.get("/api/restorations", params={"after": listed["next"]})).json()
    assert [one["id"] for one in listed["items"] + rest["items"]][2:] == [again["id"], done["id"]]


async def test_what_others_did_since_is_not_undone(
    ana: Visitor, upload: Upload, make_folder: MakeFolder, now: Now, deliver: Any
) -> None:
    folder = await make_folder(ana, "folder")
    gone = await make_folder(ana, "gone", folder["id"])
    one = await upload(ana, "one.txt", b"1", folder_id=folder["id"])
    two = await upload(ana, "two.txt", b"2", folder_id=folder["id"])
    at = await now()
    for file in (one, two):
        await ana.put(f"/api/files/{file['id']}/content", content=b"later")
    await ana.delete(f"/api/folders/{gone['id']}")
    done = await put_back(ana, deliver, at)
    await ana.put(f"/api/files/{one['id']}/content", content=b"work of somebody")
    await upload(ana, "put in.txt", b"new", folder_id=gone["id"])
    undone = await undo(ana, deliver, done)
    assert await left(ana, undone) == {"one.txt": "changed", "gone": "changed_inside"}
    assert (await ana.get(f"/api/files/{one['id']}/content")).content == b"work of somebody"
    assert (await ana.get(f"/api/files/{two['id']}/content")).content == b"later"
    assert (await ana.get(f"/api/folders/{gone['id']}")).status_code == 200


async def test_a_part_comes_back_and_names_that_are_taken_are_no_hindrance(
    ana: Visitor, ben: Visitor, upload: Upload, make_folder: MakeFolder, now: Now, deliver: Any
) -> None:
    outer = await make_folder(ana, "outer")
    inner = await make_folder(ana, "inner", outer["id"])
    wanted = await upload(ana, "wanted.txt", b"then", folder_id=inner["id"])
    untouched = await upload(ana, "untouched.txt", b"1", folder_id=outer["id"])
    at = await now()
    await ana.delete(f"/api/files/{wanted['id']}")
    await ana.put(f"/api/files/{untouched['id']}/content", content=b"2")
    await ana.delete(f"/api/folders/{inner['id']}")
    await upload(ana, "inner", b"a file of this name", folder_id=outer["id"])
    assert (await ana.get("/api/folders/as-of/changes", params={"at": at, "item": wanted["id"]})).json()["sums"][
        "added"
    ]["items"] == 2
    done = await put_back(ana, deliver, at, outer["id"], items=[wanted["id"]])
    assert set(await tree(ana, outer["id"])) == {"inner", "inner (2)/", "inner (2)/wanted.txt", "untouched.txt"}
    assert (done["written"], done["numbered"]) == (2, 1)
    assert (await ana.get(f"/api/files/{untouched['id']}/content")).content == b"2"
    await ana.delete(f"/api/folders/{outer['id']}")
    for visitor, folder, status in ((ana, outer["id"], 404), (ben, inner["id"], 404), (ana, None, 202)):
        answer = await visitor.post("/api/restorations", json={"at": at, "folder_id": folder})
        assert answer.status_code == status, answer.text
    busy = answer.json()["id"]
    answer = await ana.post(f"/api/restorations/{busy}/undo")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/restoration-at-work")
    for path in (f"/api/restorations/{busy}", f"/api/restorations/{busy}/left"):
        assert (await ben.get(path)).status_code == 404
    assert (await ben.post(f"/api/restorations/{busy}/undo")).status_code == 404
    await deliver()
    assert set(await tree(ana)) == {f"outer/{name}" for name in ("", "inner/", "inner/wanted.txt", "untouched.txt")}
