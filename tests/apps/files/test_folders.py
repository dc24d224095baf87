"""Folders: making, moving, trashing with everything in them."""

import asyncio
from typing import Any

import pytest

from commonplace.apps.files.settings import FilesSettings
from commonplace.platform.parts import Parts
from tests.apps.files.conftest import MakeFolder, Told, Upload

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("whole")]
NOWHERE = "01a1fdb1-58af-7a2f-9912-68adab323c1c"


async def names(visitor: Any, parent_id: str | None = None, **params: Any) -> list[str]:
    given = {**params, **({"parent_id": parent_id} if parent_id else {})}
    answer = await visitor.get("/api/folders", params=given)
    assert answer.status_code == 200, answer.text
    return [folder["name"] for folder in answer.json()["items"]]


class TestMaking:
    async def test_a_folder_is_made_and_read(self, ana: Any, told: Told) -> None:
        answer = await ana.post("/api/folders", json={"name": "Fotos 📷"})
        assert (answer.status_code, answer.headers["ETag"]) == (201, '"1"')
        made = answer.json()
        assert (made["name"], made["parent_id"], made["version"]) == ("Fotos 📷", None, 1)
        read = await ana.get(answer.headers["Location"])
        assert (read.json(), read.headers["ETag"]) == (made, '"1"')
        inner = (await ana.post("/api/folders", json={"name": "2026", "parent_id": made["id"]})).json()
        assert await names(ana) == ["Fotos 📷"]
        assert await names(ana, made["id"]) == ["2026"]
        assert inner["parent_id"] == made["id"]
        assert await told() == ["folder.created", "folder.created"]

    async def test_a_taken_name_is_what_was_wished_for(self, ana: Any, upload: Upload) -> None:
        made = (await ana.post("/api/folders", json={"name": "a"})).json()
        for wish, status in [("fail", 409), ("keep_both", 201), ("reuse", 200)]:
            answer = await ana.post(f"/api/folders?on_conflict={wish}", json={"name": "a"})
            assert answer.status_code == status, wish
            if wish == "keep_both":
                assert answer.json()["name"] == "a (2)"
            if wish == "reuse":
                assert answer.json() == made
        await upload(ana, "file")
        answer = await ana.post("/api/folders?on_conflict=reuse", json={"name": "file"})
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/name-taken")

    async def test_a_parent_that_is_not_there_or_is_a_file_is_refused(self, ana: Any, upload: Upload) -> None:
        made = await upload(ana)
        for parent_id in (NOWHERE, made["id"]):
            answer = await ana.post("/api/folders", json={"name": "a", "parent_id": parent_id})
            assert (answer.status_code, answer.json()["type"]) == (404, "/problems/container-not-found")

    async def test_a_repetition_with_a_key_makes_one(self, ana: Any) -> None:
        headers = {"Idempotency-Key": "k"}
        answers = [await ana.post("/api/folders", json={"name": "a"}, headers=headers) for _ in range(2)]
        assert answers[0].json() == answers[1].json()
        assert (await ana.post("/api/folders", json={"name": "b"}, headers=headers)).status_code == 422

    @pytest.mark.parametrize(
        ("body", "headers"),
        [
            (b"{", {"Content-Type": "application/json"}),
            (b"", {"Content-Type": "application/json"}),
            (b"[]", {"Content-Type": "application/json"}),
            (b"{}", {"Content-Type": "application/json"}),
            (b'{"name": 7}', {"Content-Type": "application/json"}),
            (b'{"name": "a", "x": 1}', {"Content-Type": "application/json"}),
            (b'{"name": "a", "parent_id": "x"}', {"Content-Type": "application/json"}),
            (b'{"name": "a"}', {"Content-Type": "text/plain"}),
            (b'{"name": "a"}', {}),
        ],
    )
    async def test_a_body_that_is_none_is_refused(self, ana: Any, body: bytes, headers: dict[str, str]) -> None:
        answer = await ana.post("/api/folders", content=body, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/validation-failed")
        assert answer.json()["errors"]
        assert await names(ana) == []

    async def test_of_several_at_once_one_wins(self, ana: Any) -> None:
        answers = await asyncio.gather(*(ana.post("/api/folders", json={"name": "a"}) for _ in range(6)))
        assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
        answers = await asyncio.gather(
            *(ana.post("/api/folders?on_conflict=reuse", json={"name": "b"}) for _ in range(6))
        )
        assert len({answer.json()["id"] for answer in answers}) == 1

    async def test_lists_have_pages_and_orders(self, ana: Any, make_folder: MakeFolder) -> None:
        for name in "cab":
            await make_folder(ana, name)
        assert await names(ana) == ["a", "b", "c"]
        assert await names(ana, sort="-name") == ["c", "b", "a"]
        assert await names(ana, sort="updated_at") == ["c", "a", "b"]
        page = (await ana.get("/api/folders?limit=2")).json()
        rest = (await ana.get("/api/folders", params={"after": page["next"]})).json()
        assert [f["name"] for f in page["items"] + rest["items"]] == ["a", "b", "c"]


class TestMoving:
    async def test_a_folder_moves_with_everything_in_it_in_one_version(
        self, ana: Any, upload: Upload, make_folder: MakeFolder, told: Told
    ) -> None:
        a, b = await make_folder(ana, "a"), await make_folder(ana, "b")
        file = await upload(ana, folder_id=a["id"])
        answer = await ana.patch(f"/api/folders/{a['id']}", json={"parent_id": b["id"], "name": "c"})
        assert (answer.status_code, answer.json()["parent_id"], answer.json()["name"]) == (200, b["id"], "c")
        assert (await ana.get(f"/api/files/{file['id']}")).json() == file
        assert (await told())[-1] == "folder.moved"
        assert await names(ana) == ["b"]
        back = await ana.patch(f"/api/folders/{a['id']}", json={"parent_id": None})
        assert (back.json()["parent_id"], back.json()["version"]) == (None, 3)
        renamed = await ana.patch(f"/api/folders/{a['id']}", json={"name": "d"})
        assert renamed.json()["name"] == "d"
        assert (await told())[-1] == "folder.renamed"
        same = await ana.patch(f"/api/folders/{a['id']}", json={"name": "d"})
        assert same.json() == renamed.json()

    async def test_no_folder_comes_to_lie_in_itself(self, ana: Any, make_folder: MakeFolder) -> None:
        a = await make_folder(ana, "a")
        b = await make_folder(ana, "b", a["id"])
        c = await make_folder(ana, "c", b["id"])
        for target in (a, b, c):
            answer = await ana.patch(f"/api/folders/{a['id']}", json={"parent_id": target["id"]})
            assert (answer.status_code, answer.json()["type"]) == (409, "/problems/move-into-own-subtree")

    async def test_two_folders_do_not_come_to_lie_in_each_other(self, ana: Any, make_folder: MakeFolder) -> None:
        for round_ in range(5):
            a, b = await make_folder(ana, f"a{round_}"), await make_folder(ana, f"b{round_}")
            answers = await asyncio.gather(
                ana.patch(f"/api/folders/{a['id']}", json={"parent_id": b["id"]}),
                ana.patch(f"/api/folders/{b['id']}", json={"parent_id": a["id"]}),
            )
            assert sorted(answer.status_code for answer in answers) == [200, 409]

    async def test_folders_lie_in_each_other_so_deep_and_no_deeper(
        self, ana: Any, parts: Parts, make_folder: MakeFolder
    ) -> None:
        parts.add(FilesSettings(deepest_folder=4))
        chain: list[Any] = [None]
        for level in range(4):
            chain.append(await make_folder(ana, f"level {level}", chain[-1] and chain[-1]["id"]))
        answer = await ana.post("/api/folders", json={"name": "too deep", "parent_id": chain[-1]["id"]})
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/too-deep")
        assert "4 levels" in answer.json()["detail"]
        other = await make_folder(ana, "other")
        await make_folder(ana, "inner", other["id"])
        for target, status in [(chain[3], 409), (chain[2], 200)]:
            answer = await ana.patch(f"/api/folders/{other['id']}", json={"parent_id": target["id"]})
            assert answer.status_code == status

    async def test_who_changes_an_old_version_is_told_so(self, ana: Any, make_folder: MakeFolder) -> None:
        made = await make_folder(ana)
        url = f"/api/folders/{made['id']}"
        await ana.patch(url, json={"name": "b"})
        for answer in (
            await ana.patch(url, json={"name": "c"}, headers={"If-Match": '"1"'}),
            await ana.delete(url, headers={"If-Match": '"1"'}),
        ):
            assert (answer.status_code, answer.json()["type"]) == (412, "/problems/stale-version")
        assert (await ana.delete(url, headers={"If-Match": '"2"'})).status_code == 204


class TestTrash:
    async def test_what_lies_in_a_trashed_folder_is_not_found_on_any_route(
        self, ana: Any, upload: Upload, make_folder: MakeFolder
    ) -> None:
        outer = await make_folder(ana, "outer")
        inner = await make_folder(ana, "inner", outer["id"])
        file = await upload(ana, folder_id=inner["id"])
        url = f"/api/files/{file['id']}"
        link = (await ana.get(url + "/url")).json()["url"]
        assert (await ana.delete(f"/api/folders/{outer['id']}")).status_code == 204
        for method, path, body in [
            ("GET", url, {}),
            ("GET", url + "/content", {}),
            ("GET", url + "/url", {}),
            ("GET", url + "/thumbnail", {}),
            ("GET", url + "/versions", {}),
            ("GET", url + "/versions/1/content", {}),
            ("POST", url + "/versions/1/restore", {}),
            ("PATCH", url, {"json": {"name": "b"}}),
            ("PUT", url + "/content", {"content": b"x"}),
            ("DELETE", url, {}),
            ("GET", f"/api/folders/{inner['id']}", {}),
            ("PATCH", f"/api/folders/{inner['id']}", {"json": {"name": "b"}}),
            ("DELETE", f"/api/folders/{inner['id']}", {}),
            ("GET", f"/api/folders?parent_id={outer['id']}", {}),
            ("GET", f"/api/files?folder_id={inner['id']}", {}),
            ("POST", f"/api/files?name=b&folder_id={inner['id']}", {"content": b"x"}),
            ("POST", "/api/folders", {"json": {"name": "b", "parent_id": inner["id"]}}),
        ]:
            answer = await ana.request(method, path, **body)
            assert answer.status_code == 404, (method, path)
        assert (await ana.get(link)).status_code == 200  # given out before, for its hour
        assert [entry["name"] for entry in (await ana.get("/api/trash")).json()["items"]] == ["outer"]

    async def test_it_comes_back_with_everything_in_it(
        self, ana: Any, upload: Upload, make_folder: MakeFolder, told: Told
    ) -> None:
        outer = await make_folder(ana, "outer")
        inner = await make_folder(ana, "inner", outer["id"])
        file = await upload(ana, folder_id=inner["id"])
        trashed = await upload(ana, "trashed before", folder_id=inner["id"])
        await ana.delete(f"/api/files/{trashed['id']}")
        await ana.delete(f"/api/folders/{outer['id']}")
        entries = (await ana.get("/api/trash")).json()["items"]
        assert [(entry["name"], entry["parent_name"]) for entry in entries] == [
            ("outer", None),
            ("trashed before", "inner"),
        ]
        answer = await ana.post(f"/api/folders/{outer['id']}/restore")
        assert (answer.status_code, answer.json()["version"]) == (200, 3)
        assert (await ana.get(f"/api/files/{file['id']}")).json() == file
        assert (await ana.get(f"/api/files/{trashed['id']}")).status_code == 404
        assert (await told())[-2:] == ["folder.trashed", "folder.restored"]
        again = await ana.post(f"/api/folders/{outer['id']}/restore")
        assert (again.status_code, again.json()) == (200, answer.json())

    async def test_one_thing_can_be_taken_out_of_a_trashed_folder(
        self, ana: Any, upload: Upload, make_folder: MakeFolder
    ) -> None:
        outer = await make_folder(ana, "outer")
        inner = await make_folder(ana, "inner", outer["id"])
        file = await upload(ana, folder_id=outer["id"])
        await ana.delete(f"/api/folders/{outer['id']}")
        assert (await ana.post(f"/api/files/{file['id']}/restore")).json()["folder_id"] is None
        assert (await ana.post(f"/api/folders/{inner['id']}/restore")).json()["parent_id"] is None
        assert await names(ana) == ["inner"]

    async def test_a_folder_whose_name_was_taken_gets_another(self, ana: Any, make_folder: MakeFolder) -> None:
        made = await make_folder(ana, "a")
        await ana.delete(f"/api/folders/{made['id']}")
        await make_folder(ana, "a")
        assert (await ana.post(f"/api/folders/{made['id']}/restore")).json()["name"] == "a (2)"
