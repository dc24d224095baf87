"""Who may do what: one table for every operation of the app. What one may not see does not exist."""

from typing import Any

import pytest

from commonplace.platform.database.session import Database
from commonplace.platform.parts import Parts
from tests.apps.files.conftest import MakeFolder, Told, Upload

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("whole")]

#: Method, path (F: Ana's file, D: Ana's folder), the request, and what the owner is answered.
OPERATIONS: list[tuple[str, str, dict[str, Any], int]] = [
    ("GET", "/api/files/F", {}, 200),
    ("GET", "/api/files/F/content", {}, 200),
    ("HEAD", "/api/files/F/content", {}, 200),
    ("GET", "/api/files/F/url", {}, 200),
    ("GET", "/api/files/F/thumbnail?size=256", {}, 404),
    ("GET", "/api/files/F/versions", {}, 200),
    ("GET", "/api/files/F/versions/1", {}, 200),
    ("GET", "/api/files/F/versions/1/content", {}, 200),
    ("POST", "/api/files/F/versions/1/restore", {}, 200),
    ("PATCH", "/api/files/F", {"json": {"name": "patched.txt"}}, 200),
    ("PUT", "/api/files/F", {"json": {"name": "put.txt", "folder_id": None}}, 200),
    ("PUT", "/api/files/F/content", {"content": b"two"}, 200),
    ("POST", "/api/files/F/restore", {}, 200),
    ("DELETE", "/api/files/F", {}, 204),
    ("GET", "/api/files?folder_id=D", {}, 200),
    ("POST", "/api/files?name=c.txt&folder_id=D", {"content": b"x"}, 201),
    ("POST", "/api/files/batch?folder_id=D", {"files": [("file", ("c.txt", b"x"))]}, 201),
    ("GET", "/api/folders?parent_id=D", {}, 200),
    ("POST", "/api/folders", {"json": {"name": "c", "parent_id": "D"}}, 201),
    ("GET", "/api/folders/D", {}, 200),
    ("PATCH", "/api/folders/D", {"json": {"name": "c"}}, 200),
    ("POST", "/api/folders/D/restore", {}, 200),
    ("DELETE", "/api/folders/D", {}, 204),
]


def filled(value: Any, ids: dict[str, str]) -> Any:
    """Put the ids in place of their letters."""
    if isinstance(value, dict):
        return {key: filled(inner, ids) for key, inner in value.items()}
    if isinstance(value, str) and value in ids:
        return ids[value]
    if isinstance(value, str) and value.startswith("/"):
        return value.replace("/F", f"/{ids['F']}").replace("/D", f"/{ids['D']}").replace("=D", f"={ids['D']}")
    return value


async def test_who_may_do_what(
    ana: Any, ben: Any, nobody: Any, upload: Upload, make_folder: MakeFolder, told: Told
) -> None:
    for method, path, request, owner_status in OPERATIONS:
        folder = await make_folder(ana, f"folder of {method} {path.replace('/', '_')}")
        file = await upload(ana, f"file of {method} {path.replace('/', '_')}", b"one")
        ids = {"F": file["id"], "D": folder["id"]}
        before = await told()
        for visitor, status in ((nobody, 401), (ben, 404)):
            answer = await visitor.request(method, filled(path, ids), **filled(request, ids))
            assert answer.status_code == status, (visitor.email, method, path, answer.text)
        assert await told() == before, f"{method} {path} did something for a stranger"
        assert (await ana.get(f"/api/files/{file['id']}")).json() == file
        assert (await ana.get(f"/api/folders/{folder['id']}")).json() == folder
        answer = await ana.request(method, filled(path, ids), **filled(request, ids))
        assert answer.status_code == owner_status, (method, path, answer.text)


async def test_an_administrator_sees_nobody_else_s_files(ana: Any, ben: Any, upload: Upload, parts: Parts) -> None:
    from commonplace.apps.accounts import people
    from commonplace.apps.accounts.context import Accounts

    await people.set_role(parts[Accounts], ben.email, "administrator")
    file = await upload(ana)
    assert (await ben.get("/auth/profile")).json()["role"] == "administrator"
    assert (await ben.get(f"/api/files/{file['id']}")).status_code == 404
    assert (await ben.get("/api/files")).json()["items"] == []


async def test_nobody_lists_or_makes_anything(nobody: Any) -> None:
    for method, path, request in [
        ("GET", "/api/files", {}),
        ("GET", "/api/folders", {}),
        ("GET", "/api/trash", {}),
        ("POST", "/api/files?name=a", {"content": b"x"}),
        ("POST", "/api/files/batch", {"files": [("file", ("c.txt", b"x"))]}),
        ("POST", "/api/folders", {"json": {"name": "a"}}),
    ]:
        assert (await nobody.request(method, path, **request)).status_code == 401, (method, path)


async def test_lists_and_the_trash_hold_one_s_own_only(
    ana: Any, ben: Any, upload: Upload, make_folder: MakeFolder
) -> None:
    await make_folder(ana)
    file = await upload(ana)
    await ana.delete(f"/api/files/{file['id']}")
    await upload(ana, "b.txt")
    for path in ("/api/files", "/api/folders", "/api/trash"):
        assert (await ben.get(path)).json() == {"items": [], "next": None}
        assert len((await ana.get(path)).json()["items"]) == 1


async def test_nothing_is_put_into_another_person_s_folder(
    ana: Any, ben: Any, upload: Upload, make_folder: MakeFolder
) -> None:
    theirs = await make_folder(ana)
    mine, my_folder = await upload(ben), await make_folder(ben)
    for path, change in [
        (f"/api/files/{mine['id']}", {"folder_id": theirs["id"]}),
        (f"/api/folders/{my_folder['id']}", {"parent_id": theirs["id"]}),
    ]:
        answer = await ben.patch(path, json=change)
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/container-not-found")


async def test_the_same_bytes_of_two_people_are_two_objects(ana: Any, ben: Any, upload: Upload, parts: Parts) -> None:
    from sqlalchemy import text

    from commonplace.platform.database.query import Query

    await upload(ana, content=b"same")
    await upload(ben, content=b"same")
    async with parts[Database].reading() as session:
        assert await session.scalar(Query(text("SELECT count(DISTINCT owner_id) FROM platform.object"))) == 2
