"""Moving and copying where names are taken, in one call for many, and as a job where it is much."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import text

from commonplace.apps.files import copy_job, copying, merging
from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database
from commonplace.platform.history.kinds import Kinds
from commonplace.platform.jobs import work
from commonplace.platform.parts import Parts
from commonplace.platform.storage.protocol import ObjectStorage
from tests.record import assert_record_is_whole
from tests.visitor import Visitor

pytestmark = pytest.mark.anyio

Deliver = Callable[[], Awaitable[None]]
#: A tree by names: folders are dictionaries, files their bytes.
Tree = dict[str, Any]


async def made(who: Visitor, tree: Tree, parent: str | None = None) -> dict[str, str]:
    """Make a tree; the ids by names, of which each comes once."""
    ids: dict[str, str] = {}
    for name, content in tree.items():
        if isinstance(content, dict):
            answer = await who.post("/api/folders", json={"name": name, "parent_id": parent})
            assert answer.status_code == 201, answer.text
            ids |= await made(who, content, answer.json()["id"])
        else:
            params = {"name": name} | ({} if parent is None else {"folder_id": parent})
            answer = await who.post("/api/files", params=params, content=content)
            assert answer.status_code == 201, answer.text
        ids[name] = answer.json()["id"]
    return ids


async def tree_of(who: Visitor, parent: str | None = None) -> Tree:
    """What lies in a folder and below, as the API tells it."""
    given = {} if parent is None else {"folder_id": parent, "parent_id": parent}
    found: Tree = {}
    for folder in (await who.get("/api/folders", params={**given, "limit": 200})).json()["items"]:
        found[folder["name"]] = await tree_of(who, folder["id"])
    for file in (await who.get("/api/files", params={**given, "limit": 200})).json()["items"]:
        found[file["name"]] = (await who.get(f"/api/files/{file['id']}/content")).content
    return found


async def move(who: Visitor, kind: str, entry_id: str, place: str | None, rule: str, **more: Any) -> Any:
    key = "folder_id" if kind == "files" else "parent_id"
    return await who.patch(f"/api/{kind}/{entry_id}", params={"on_conflict": rule}, json={key: place, **more})


async def test_a_file_moves_by_each_rule(ana: Visitor) -> None:
    ids = await made(ana, {"there": {"a.txt": b"old"}, "a.txt": b"new"})
    there, one = ids["there"], (await ana.get("/api/files")).json()["items"][0]["id"]
    other = (await ana.get("/api/files", params={"folder_id": there})).json()["items"][0]["id"]
    assert (await move(ana, "files", one, there, "fail")).status_code == 409
    skipped = await move(ana, "files", one, there, "skip")
    assert (skipped.status_code, skipped.json()["folder_id"]) == (200, None)
    replaced = await move(ana, "files", one, there, "replace", tags=["x"])
    assert (replaced.json()["id"], replaced.json()["version"], replaced.json()["tags"]) == (other, 3, ["x"])
    assert await tree_of(ana) == {"there": {"a.txt": b"new"}}
    assert [entry["id"] for entry in (await ana.get("/api/trash")).json()["items"]] == [one]
    assert (await ana.post(f"/api/files/{one}/restore")).json()["name"] == "a.txt"
    kept = await move(ana, "files", one, there, "keep_both")
    assert kept.json()["name"] == "a (2).txt"
    assert (await move(ana, "files", there, None, "keep_both")).status_code == 404  # a folder
    assert (await move(ana, "files", one, None, "merge", name="there")).json()["name"] == "there (2)"
    stale = await ana.patch(f"/api/files/{one}?on_conflict=skip", json={"name": "b"}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412


async def test_folders_are_merged_and_nothing_is_lost(ana: Visitor, parts: Parts) -> None:
    ids = await made(
        ana,
        {
            "target": {"photos": {"a": b"1", "sub": {"x": b"x1", "both": b"f"}}},
            "source": {"photos": {"a": b"2", "b": b"3", "sub": {"x": b"x2", "y": b"y", "both": {"deep": b"d"}}}},
        },
    )
    # `made` names by name, and two are alike: ask for the ids.
    inside = {name: (await ana.get("/api/folders", params={"parent_id": ids[name]})).json()["items"][0]["id"]
              for name in ("source", "target")}  # fmt: skip
    assert (await move(ana, "folders", inside["source"], ids["target"], "fail")).status_code == 409
    merged = await move(ana, "folders", inside["source"], ids["target"], "merge")
    assert (merged.status_code, merged.json()["id"]) == (200, inside["target"])
    assert await tree_of(ana) == {
        "source": {},
        "target": {
            "photos": {
                "a": b"1",
                "a (2)": b"2",
                "b": b"3",
                "sub": {"x": b"x1", "x (2)": b"x2", "y": b"y", "both": b"f", "both (2)": {"deep": b"d"}},
            }
        },
    }
    again = await made(ana, {"photos": {"a": b"9"}}, ids["source"])
    replaced = await move(ana, "folders", again["photos"], ids["target"], "replace")
    assert replaced.json()["id"] == inside["target"]
    assert (await tree_of(ana, inside["target"]))["a"] == b"9"
    assert (await move(ana, "folders", ids["target"], inside["target"], "merge")).status_code == 409  # into itself
    await assert_record_is_whole(parts[Database], parts[Kinds])


async def test_a_merge_of_much_is_a_job(
    ana: Visitor, parts: Parts, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await made(ana, {"there": {"p": {"a": b"1"}}, "here": {"p": {"a": b"2", "b": b"3", "c": {"d": b"4"}}}})
    [source] = (await ana.get("/api/folders", params={"parent_id": ids["here"]})).json()["items"]
    for module in (merging,):
        monkeypatch.setattr(module, "MOST_AT_ONCE", 2)
    monkeypatch.setattr(work, "TURN_SECONDS", 0.0)
    asked = await move(ana, "folders", source["id"], ids["there"], "merge")
    assert asked.status_code == 202, asked.text
    assert asked.headers["Location"] == f"/api/jobs/{asked.json()['id']}"
    await deliver()
    job = (await ana.get(f"/api/jobs/{asked.json()['id']}")).json()
    assert (job["state"], job["problem"]) == ("done", None)
    assert await tree_of(ana) == {
        "here": {},
        "there": {"p": {"a": b"1", "a (2)": b"2", "b": b"3", "c": {"d": b"4"}}},
    }
    await assert_record_is_whole(parts[Database], parts[Kinds])


async def test_copies_share_their_bytes_and_have_lives_of_their_own(ana: Visitor, parts: Parts) -> None:
    ids = await made(ana, {"a": {"one": b"1", "sub": {"two": b"22"}, "gone": b"x"}, "there": {}})
    await ana.patch(f"/api/files/{ids['two']}", json={"tags": ["t"]})
    await ana.delete(f"/api/files/{ids['gone']}")
    for number, expected in ((1, "a"), (2, "a (2)")):
        copied = await ana.post(f"/api/folders/{ids['a']}/copy", json={"folder_id": ids["there"]})
        assert copied.status_code == 201, (number, copied.text)
        assert [folder["name"] for folder in copied.json()["folders"]] == [expected]
    whole = {"one": b"1", "sub": {"two": b"22"}}
    assert await tree_of(ana, ids["there"]) == {"a": whole, "a (2)": whole}
    async with parts[Database].reading() as session:
        assert await session.scalar(Query(text("SELECT count(*) FROM platform.object"))) == 3
    [copy] = (await ana.get("/api/folders", params={"parent_id": ids["there"], "limit": 1})).json()["items"]
    assert (await ana.get("/api/files", params={"tag": "t"})).json()["items"] == []
    merged = await ana.post(
        f"/api/folders/{ids['a']}/copy?on_conflict=replace", json={"folder_id": ids["there"], "name": "a"}
    )
    assert [folder["id"] for folder in merged.json()["folders"]] == [copy["id"]]
    [one] = (await ana.get("/api/files", params={"folder_id": copy["id"]})).json()["items"]
    assert one["version"] == 2
    skipped = await ana.post(f"/api/folders/{ids['a']}/copy?on_conflict=skip", json={"folder_id": ids["there"]})
    assert (skipped.status_code, skipped.json()["skipped"]) == (200, [ids["a"]])
    failed = await ana.post(f"/api/folders/{ids['a']}/copy?on_conflict=fail", json={"folder_id": ids["there"]})
    assert failed.status_code == 409
    assert (await ana.post(f"/api/folders/{ids['a']}/copy", json={"folder_id": ids["sub"]})).status_code == 409
    beside = await ana.post(f"/api/files/{ids['one']}/copy", json={"folder_id": ids["a"], "name": "two.txt"})
    assert [file["name"] for file in beside.json()["files"]] == ["two.txt"]
    assert (await ana.post(f"/api/files/{ids['gone']}/copy", json={"folder_id": None})).status_code == 404
    await assert_record_is_whole(parts[Database], parts[Kinds])


async def test_what_others_share_is_copied_with_its_bytes_by_a_job(
    ana: Visitor, ben: Visitor, parts: Parts, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await made(ana, {"a": {"one": b"1" * 5000, "same": b"2", "sub": {"two": b"22", "three": b"22"}}, "no": b"no"})
    await made(ben, {"mine": b"2"})
    share = {"item_id": ids["a"], "email": ben.email, "level": "view"}
    assert (await ana.post("/api/shares", json=share)).status_code == 201
    assert (await ben.post(f"/api/files/{ids['no']}/copy", json={"folder_id": None})).status_code == 404
    monkeypatch.setattr(copy_job, "MOST_AT_ONCE", 1)
    monkeypatch.setattr(copying, "_FILES_AT_ONCE", 2)
    monkeypatch.setattr(work, "TURN_SECONDS", 0.0)
    asked = await ben.post(f"/api/folders/{ids['a']}/copy", json={"folder_id": None})
    assert asked.status_code == 202, asked.text
    await deliver()
    [job] = (await ben.get("/api/jobs")).json()["items"]
    assert (job["state"], job["done"], job["total"], job["problem"]) == ("done", 6, 6, None)
    assert await tree_of(ben) == {
        "a": {"one": b"1" * 5000, "same": b"2", "sub": {"two": b"22", "three": b"22"}},
        "mine": b"2",
    }
    async with parts[Database].reading() as session:
        rows = await session.all(Query(text("SELECT key, owner_id, size_bytes FROM platform.object")))
    assert len(rows) == 4 + 3, "Ben has three objects: what he had already was not stored anew"
    keys = {info.key async for info in parts[ObjectStorage].list("files")}
    assert keys == {row["key"] for row in rows if row["key"].startswith("files/")}, "Nothing is left that nobody needs"

    ended = [grant["id"] for grant in (await ana.get("/api/shares", params={"item_id": ids["a"]})).json()["items"]]
    asked = await ben.post(f"/api/folders/{ids['a']}/copy", json={"folder_id": None})
    assert (await ana.delete(f"/api/shares/{ended[0]}")).status_code == 204
    await deliver()
    assert (await ben.get(f"/api/jobs/{asked.json()['jobs'][0]['id']}")).json()["state"] == "failed"
    assert "a (2)" not in await tree_of(ben)


async def change(who: Visitor, **batch: Any) -> Any:
    return await who.post("/api/files/batch-change", json=batch)


async def test_a_thousand_in_one_call_all_or_nothing(ana: Visitor, ben: Visitor, parts: Parts) -> None:
    ids = await made(ana, {"in": {"a": b"1", "b": b"2", "f": {"c": b"3"}}, "out": {"a": b"0"}, "other": b"4"})
    inside = {file["name"]: file["id"] for file in
              (await ana.get("/api/files", params={"folder_id": ids["in"]})).json()["items"]}  # fmt: skip
    whole = await tree_of(ana)
    for status, batch in (
        (409, {"move": {"ids": [inside["b"], inside["a"]], "folder_id": ids["out"]}}),
        (404, {"trash": [inside["a"], ids["in"][:-1] + ("0" if ids["in"][-1] != "0" else "1")]}),
        (422, {"trash": [inside["a"]], "tag": {"ids": [inside["a"]], "add": ["x"]}}),
        (422, {"trash": [inside["a"]] * 1001}),
        (422, {"tag": {"ids": [inside["a"], inside["b"]], "add": [f"t{number}" for number in range(51)]}}),
        (409, {"tag": {"ids": [ids["other"]], "add": ["x"]}, "move": {"ids": [ids["in"]], "folder_id": ids["f"]}}),
    ):
        answer = await change(ana, **batch)
        assert answer.status_code == status, answer.text
    assert await tree_of(ana) == whole
    assert (await change(ben, trash=[ids["other"]])).status_code == 404
    assert (await ana.get(f"/api/files/{ids['other']}")).json()["tags"] == []

    since = (await ana.get("/api/sync")).json()["next"]
    batch = {
        "tag": {"ids": [ids["other"], ids["out"]], "add": ["x", "y"], "remove": ["z"]},
        "move": {"ids": [inside["a"], inside["b"], ids["f"]], "folder_id": ids["out"], "on_conflict": "keep_both"},
    }
    key = {"Idempotency-Key": "once"}
    answer = await ana.post("/api/files/batch-change", json=batch, headers=key)
    assert answer.status_code == 200, answer.text
    assert (await ana.post("/api/files/batch-change", json=batch, headers=key)).json() == answer.json()
    assert {file["name"]: file["tags"] for file in answer.json()["files"]} == {
        "other": ["x", "y"], "a (2)": [], "b": []
    }  # fmt: skip
    told = [event["name"] for event in (await ana.get("/api/sync", params={"since": since})).json()["events"]]
    assert sorted(told) == ["file.moved", "file.moved", "file.tagged", "folder.moved", "folder.tagged"]
    assert (await change(ana, tag={"ids": [ids["other"]], "add": ["x"]})).json()["files"][0]["version"] == 2

    copied = await change(ana, copy={"ids": [ids["out"], ids["other"]], "folder_id": ids["in"]})
    assert copied.status_code == 200, copied.text
    out = {"a": b"0", "a (2)": b"1", "b": b"2", "f": {"c": b"3"}}
    assert await tree_of(ana) == {"in": {"out": out, "other": b"4"}, "out": out, "other": b"4"}
    assert (await change(ana, trash=[ids["in"], ids["out"], ids["other"]])).status_code == 200
    assert await tree_of(ana) == {}
    await made(ana, {"other": b"5"})
    restored = await change(ana, restore=[ids["other"], ids["out"], inside["a"]])
    assert restored.status_code == 200, restored.text
    # Of a folder and a file in it that are restored together, the file comes to the top level: it was hidden.
    assert await tree_of(ana) == {
        "out": {key: value for key, value in out.items() if key != "a (2)"},
        "a (2)": b"1",
        "other": b"5",
        "other (2)": b"4",
    }
    assert (await change(ana, restore=[ids["out"]])).json()["folders"][0]["version"] == 4
    await assert_record_is_whole(parts[Database], parts[Kinds])


async def test_the_trash_is_emptied_by_a_job(
    ana: Visitor, ben: Visitor, parts: Parts, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await made(ana, {"gone": {"a": b"1", "sub": {"b": b"2"}}, "one": b"3", "kept": b"4", "later": b"5"})
    await made(ben, {"bens": b"6"})
    assert (await change(ana, trash=[ids["gone"], ids["one"], ids["kept"]])).status_code == 200
    async with parts[Database].writing() as session:
        await session.execute(
            Query(text("UPDATE platform.version SET kept = true WHERE item_id = CAST(:id AS uuid)")), id=ids["kept"]
        )
    for who, item in ((ben, ids["one"]), (ana, ids["later"]), (ana, ids["a"])):
        assert (await who.delete(f"/api/trash/{item}")).status_code == 404
    monkeypatch.setattr(work, "TURN_SECONDS", 0.0)
    removed = await ana.delete(f"/api/trash/{ids['one']}")
    assert removed.status_code == 202, removed.text
    await deliver()
    assert {entry["id"] for entry in (await ana.get("/api/trash")).json()["items"]} == {ids["gone"], ids["kept"]}
    emptied = await ana.delete("/api/trash")
    assert emptied.headers["Location"] == f"/api/jobs/{emptied.json()['id']}"
    assert (await ana.delete(f"/api/files/{ids['later']}")).status_code == 204  # after it was asked for
    await deliver()
    job = (await ana.get(f"/api/jobs/{emptied.json()['id']}")).json()
    assert (job["state"], job["done"], job["total"]) == ("done", 4, 5)
    assert job["result"] == {"removed": 4, "kept": 1, "path": "/app/trash"}
    assert [entry["id"] for entry in (await ana.get("/api/trash")).json()["items"]] == [ids["later"], ids["kept"]]
    assert (await ana.post(f"/api/folders/{ids['gone']}/restore")).status_code == 404
    assert await tree_of(ben) == {"bens": b"6"}
    await assert_record_is_whole(parts[Database], parts[Kinds])
