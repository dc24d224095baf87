"""Trees: the way to a folder, one level at a time, how much lies in it, tags; and what is out of sight."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from commonplace.apps.files.models import FILE, FOLDER
from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database
from commonplace.platform.parts import Parts
from commonplace.platform.sharing.rights import hidden, in_sight
from tests.visitor import Visitor

pytestmark = pytest.mark.anyio

#: Items on which the two ways of asking whether something is out of sight disagree.
DISAGREE = Query(
    text(
        "SELECT id FROM platform.item WHERE kind IN ('file', 'folder') AND (trashed_at IS NULL AND NOT"
        f" {hidden()}) <> {in_sight(['folder'], owners='ARRAY(SELECT owner_id FROM platform.item)')}"
    )
)


async def folder(who: Visitor, name: str, parent: str | None = None) -> str:
    answer = await who.post("/api/folders", json={"name": name, "parent_id": parent})
    assert answer.status_code == 201, answer.text
    identifier: str = answer.json()["id"]
    return identifier


async def upload(who: Visitor, name: str, content: bytes = b"x", parent: str | None = None) -> str:
    params = {"name": name} | ({} if parent is None else {"folder_id": parent})
    answer = await who.post("/api/files", params=params, content=content)
    assert answer.status_code == 201, answer.text
    identifier: str = answer.json()["id"]
    return identifier


async def json(who: Visitor, path: str, **params: Any) -> Any:
    answer = await who.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_tree_is_read_level_by_level(ana: Visitor, ben: Visitor, parts: Parts) -> None:
    a = await folder(ana, "a")
    b, c = await folder(ana, "b", a), await folder(ana, "c", a)
    d = await folder(ana, "d", b)
    await upload(ana, "one", b"1", a)
    await upload(ana, "two", b"22", d)
    gone = await upload(ana, "gone", b"333", d)
    assert (await ana.delete(f"/api/files/{gone}")).status_code == 204

    top = (await json(ana, "/api/folders/tree"))["items"]
    assert [(one["id"], one["has_folders"]) for one in top] == [(a, True)]
    first = await json(ana, "/api/folders/tree", parent_id=a, limit=1)
    second = await json(ana, "/api/folders/tree", parent_id=a, limit=1, after=first["next"])
    levels = [*first["items"], *second["items"]]
    assert [(one["name"], one["has_folders"]) for one in levels] == [("b", True), ("c", False)]
    assert second["next"] is None
    path = await json(ana, f"/api/folders/{d}/path")
    assert ([step["name"] for step in path["items"]], path["is_own"]) == (["a", "b", "d"], True)
    whole = {"files": 2, "folders": 3, "size_bytes": 3, "is_whole": True}
    assert await json(ana, f"/api/folders/{a}/size") == whole

    for address in (f"tree?parent_id={a}", f"{a}/path", f"{a}/size"):
        assert (await ben.get(f"/api/folders/{address}")).status_code == 404
    shared = await ana.post("/api/shares", json={"item_id": b, "email": ben.email, "level": "view"})
    assert shared.status_code == 201
    path = await json(ben, f"/api/folders/{d}/path")
    assert ([step["name"] for step in path["items"]], path["is_own"]) == (["b", "d"], False)
    assert (await json(ben, f"/api/folders/{b}/size"))["files"] == 1
    assert [one["name"] for one in (await json(ben, "/api/folders/tree", parent_id=b))["items"]] == ["d"]

    assert (await ana.delete(f"/api/folders/{b}")).status_code == 204
    for who in (ana, ben):
        for address in (f"tree?parent_id={d}", f"{d}/path", f"{d}/size"):
            assert (await who.get(f"/api/folders/{address}")).status_code == 404
    assert (await json(ana, f"/api/folders/{a}/size"))["folders"] == 1
    assert (await ana.get("/api/folders/tree", params={"after": "nonsense"})).status_code == 404
    async with parts[Database].reading() as session:
        assert not await session.all(DISAGREE)
    assert (await ana.delete(f"/api/folders/{c}")).status_code == 204


async def test_tags_are_of_the_version_and_lists_are_filtered_by_them(ana: Visitor, ben: Visitor) -> None:
    a, one = await folder(ana, "a"), await upload(ana, "one")
    await upload(ana, "two")
    answer = await ana.patch(f"/api/files/{one}", json={"tags": ["harbour", "dawn", "harbour", "e\u0301"]})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["tags"], answer.json()["version"]) == (["harbour", "dawn", "é"], 2)
    assert (await ana.patch(f"/api/files/{one}", json={"tags": ["harbour", "dawn", "é"]})).json()["version"] == 2
    assert (await ana.patch(f"/api/folders/{a}", json={"tags": ["dawn"], "name": "b"})).json()["tags"] == ["dawn"]
    for tags in (["a,b"], [""], [" a"], ["x" * 51], [str(number) for number in range(51)]):
        assert (await ana.patch(f"/api/files/{one}", json={"tags": tags})).status_code == 422

    async def listed(kind: str, tag: str) -> list[str]:
        return [entry["name"] for entry in (await json(ana, f"/api/{kind}", tag=tag))["items"]]

    assert await listed("files", "harbour, e\u0301") == ["one"]
    assert await listed("files", "harbour,noon") == []
    assert await listed("files", ",") == ["one", "two"]
    assert await listed("folders", "dawn") == ["b"]
    assert (await json(ana, "/api/folders/tags"))["items"] == [
        {"tag": "dawn", "number": 2},
        {"tag": "harbour", "number": 1},
        {"tag": "é", "number": 1},
    ]
    assert (await json(ben, "/api/folders/tags"))["items"] == []

    share = {"item_id": one, "email": ben.email, "level": "edit"}
    assert (await ana.post("/api/shares", json=share)).status_code == 201
    assert (await ben.patch(f"/api/files/{one}", json={"tags": ["noon"]})).json()["tags"] == ["noon"]
    assert (await ben.patch(f"/api/files/{one}", json={"tags": [], "name": "mine"})).status_code == 403
    assert (await ana.post(f"/api/files/{one}/versions/2/restore")).json()["tags"] == ["harbour", "dawn", "é"]


@pytest.mark.parametrize("kind", [FILE, FOLDER])
def test_states_from_before_there_were_tags_are_read(kind: Any) -> None:
    object_id = str(UUID(int=1))
    assert kind.current_state({"object_id": object_id}, 1) == {"object_id": object_id, "tags": []}
