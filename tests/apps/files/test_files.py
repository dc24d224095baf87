"""Files: listing, renaming, moving, replacing, the trash, versions."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from commonplace.apps.files.schemas import FilePage, FileRead, FolderPage, FolderRead
from tests.apps.files.conftest import MakeFolder, StoredKeys, Told, Upload

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("whole")]


async def names(visitor: Any, **params: Any) -> Sequence[str]:
    """The names in every page of a list, in order."""
    found, after = [], None
    while True:
        given = {**params, **({"after": after} if after else {})}
        answer = await visitor.get("/api/files", params=given)
        assert answer.status_code == 200, answer.text
        found += [file["name"] for file in answer.json()["items"]]
        after = answer.json()["next"]
        if after is None:
            return found


class TestLists:
    async def test_pages_hold_everything_once_in_each_order(self, ana: Any, upload: Upload) -> None:
        sizes = [5, 1, 3, 3, 9, 0, 3]
        for number, size in enumerate(sizes):
            await upload(ana, f"f{number}", bytes([number]) * size)
        by_name = [f"f{number}" for number in range(7)]
        by_size = [f"f{number}" for number in sorted(range(7), key=lambda number: sizes[number])]
        for limit in (1, 3, 7, 200):
            assert await names(ana, limit=limit) == by_name
            assert await names(ana, limit=limit, sort="-name") == by_name[::-1]
            assert await names(ana, limit=limit, sort="updated_at") == by_name
            assert await names(ana, limit=limit, sort="-updated_at") == by_name[::-1]
            assert await names(ana, limit=limit, sort="size_bytes") == by_size
            assert set(await names(ana, limit=limit, sort="-size_bytes")) == set(by_name)

    async def test_a_page_does_not_shift_when_something_is_added_before_it(self, ana: Any, upload: Upload) -> None:
        for name in "bdf":
            await upload(ana, name)
        page = (await ana.get("/api/files?limit=2")).json()
        await upload(ana, "a")
        await upload(ana, "e")
        rest = (await ana.get(f"/api/files?limit=9&after={page['next']}")).json()
        assert [file["name"] for file in rest["items"]] == ["e", "f"]

    @pytest.mark.parametrize("after", ["nonsense", "x" * 5000, "WyJuYW1lIl0", "é", "WyJzaXplX2J5dGVzIiwieCIsIngiXQ"])
    async def test_a_cursor_of_another_list_is_refused(self, ana: Any, after: str) -> None:
        answer = await ana.get("/api/files", params={"after": after})
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/unknown-page")

    async def test_a_cursor_belongs_to_its_order(self, ana: Any, upload: Upload) -> None:
        for name in "ab":
            await upload(ana, name)
        cursor = (await ana.get("/api/files?limit=1")).json()["next"]
        assert (await ana.get("/api/files", params={"after": cursor, "sort": "-name"})).status_code == 404

    async def test_a_folder_s_files_are_its_own(self, ana: Any, upload: Upload, make_folder: MakeFolder) -> None:
        folder = await make_folder(ana)
        await upload(ana, "outside")
        await upload(ana, "inside", folder_id=folder["id"])
        assert await names(ana) == ["outside"]
        assert await names(ana, folder_id=folder["id"]) == ["inside"]
        empty = await make_folder(ana, "empty")
        assert await names(ana, folder_id=empty["id"]) == []
        answer = await ana.get("/api/files", params={"folder_id": "01a1fdb1-58af-7a2f-9912-68adab323c1c"})
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/container-not-found")

    async def test_the_bytes_are_what_the_documentation_says(
        self, ana: Any, upload: Upload, make_folder: MakeFolder
    ) -> None:
        folder = await make_folder(ana)
        made = await upload(ana, 'a "quoted" \\ name.txt'.replace("\\", ""), folder_id=folder["id"])
        strict = {"strict": True, "extra": "forbid"}
        for url, model in [
            (f"/api/files/{made['id']}", FileRead),
            (f"/api/files?folder_id={folder['id']}", FilePage),
            (f"/api/folders/{folder['id']}", FolderRead),
            ("/api/folders", FolderPage),
        ]:
            answer = await ana.get(url)
            read = model.model_validate_json(answer.content, **strict)
            assert read.model_dump(mode="json") == answer.json()


class TestChanges:
    async def test_a_file_is_renamed_and_moved(
        self, ana: Any, upload: Upload, make_folder: MakeFolder, told: Told
    ) -> None:
        folder = await make_folder(ana)
        made = await upload(ana, "a.txt")
        url = f"/api/files/{made['id']}"
        renamed = await ana.patch(url, json={"name": "b.txt"})
        assert (renamed.status_code, renamed.headers["ETag"]) == (200, '"2"')
        assert renamed.json() == {**made, "name": "b.txt", "version": 2, "updated_at": renamed.json()["updated_at"]}
        moved = (await ana.patch(url, json={"folder_id": folder["id"]})).json()
        assert (moved["name"], moved["folder_id"], moved["version"]) == ("b.txt", folder["id"], 3)
        back = (await ana.put(url, json={"name": "c.txt", "folder_id": None})).json()
        assert (back["name"], back["folder_id"], back["version"]) == ("c.txt", None, 4)
        assert await told() == ["folder.created", "file.uploaded", "file.renamed", "file.moved", "file.moved"]

    async def test_a_change_that_changes_nothing_makes_no_version(self, ana: Any, upload: Upload) -> None:
        made = await upload(ana)
        for change in ({}, {"name": "a.txt"}, {"folder_id": None}):
            assert (await ana.patch(f"/api/files/{made['id']}", json=change)).json() == made

    async def test_a_taken_name_is_refused_also_a_folder_s(
        self, ana: Any, upload: Upload, make_folder: MakeFolder
    ) -> None:
        folder = await make_folder(ana, "photos")
        await upload(ana, "a.txt")
        other = await upload(ana, "b.txt")
        inside = await upload(ana, "a.txt", folder_id=folder["id"])
        for url, change in [
            (f"/api/files/{other['id']}", {"name": "a.txt"}),
            (f"/api/files/{other['id']}", {"name": "photos"}),
            (f"/api/files/{inside['id']}", {"folder_id": None}),
        ]:
            answer = await ana.patch(url, json=change)
            assert (answer.status_code, answer.json()["type"]) == (409, "/problems/name-taken")
        assert (await ana.get(f"/api/files/{other['id']}")).json() == other

    async def test_only_the_letters_composition_may_change(self, ana: Any, upload: Upload) -> None:
        made = await upload(ana, "cafe\u0301")
        answer = await ana.patch(f"/api/files/{made['id']}", json={"name": "caf\u00e9"})
        assert (answer.status_code, answer.json()["name"]) == (200, "caf\u00e9")

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("PATCH", "", {"json": {"name": "b.txt"}}),
            ("PUT", "", {"json": {"name": "b.txt", "folder_id": None}}),
            ("PUT", "/content", {"content": b"two"}),
            ("DELETE", "", {}),
            ("POST", "/versions/1/restore", {}),
        ],
    )
    async def test_who_changes_an_old_version_is_told_so(
        self, ana: Any, upload: Upload, method: str, path: str, body: dict[str, Any]
    ) -> None:
        made = await upload(ana)
        url = f"/api/files/{made['id']}"
        await ana.patch(url, json={"name": "meanwhile.txt"})
        answer = await ana.request(method, url + path, headers={"If-Match": '"1"'}, **body)
        assert (answer.status_code, answer.json()["type"]) == (412, "/problems/stale-version")
        assert (answer.json()["expected_version"], answer.json()["actual_version"]) == (1, 2)
        assert (await ana.get(url)).json()["version"] == 2
        answer = await ana.request(method, url + path, headers={"If-Match": "nonsense"}, **body)
        assert answer.status_code == 400
        answer = await ana.request(method, url + path, headers={"If-Match": '"2"'}, **body)
        assert answer.status_code in {200, 204}, answer.text

    async def test_nonsense_is_refused(self, ana: Any, upload: Upload) -> None:
        made = await upload(ana)
        url = f"/api/files/{made['id']}"
        for change in ({"nonsense": 1}, {"name": 7}, {"name": None}, {"folder_id": "x"}, [], "x"):
            assert (await ana.patch(url, json=change)).status_code == 422, change
        assert (await ana.put(url, json={"name": "b"})).status_code == 422
        assert (await ana.get(url)).json() == made


class TestContent:
    async def test_new_bytes_are_the_next_version(self, ana: Any, upload: Upload, stored_keys: StoredKeys) -> None:
        made = await upload(ana, "a.txt", b"one")
        answer = await ana.put(f"/api/files/{made['id']}/content", content=b"two!")
        assert answer.status_code == 200
        changed = answer.json()
        assert (changed["version"], changed["size_bytes"], changed["name"]) == (2, 4, "a.txt")
        assert len(await stored_keys()) == 2

    async def test_the_bytes_of_before_are_refered_to_again_not_stored(
        self, ana: Any, upload: Upload, stored_keys: StoredKeys
    ) -> None:
        made = await upload(ana, "a.txt", b"one")
        for content in (b"two", b"one"):
            await ana.put(f"/api/files/{made['id']}/content", content=content)
        assert len(await stored_keys()) == 2

    async def test_a_repetition_with_a_key_makes_one_version(self, ana: Any, upload: Upload) -> None:
        made = await upload(ana, "a.txt", b"one")
        url, headers = f"/api/files/{made['id']}/content", {"Idempotency-Key": "k"}
        answers = [await ana.put(url, content=b"two", headers=headers) for _ in range(2)]
        assert answers[0].json() == answers[1].json()
        assert answers[1].json()["version"] == 2
        assert (await ana.put(url, content=b"three", headers=headers)).status_code == 422


class TestTrash:
    async def test_a_trashed_file_is_gone_from_everywhere_but_the_trash(
        self, ana: Any, upload: Upload, told: Told
    ) -> None:
        made = await upload(ana)
        url = f"/api/files/{made['id']}"
        assert (await ana.delete(url)).status_code == 204
        for method, path, body in [
            ("GET", "", {}),
            ("GET", "/content", {}),
            ("HEAD", "/content", {}),
            ("GET", "/url", {}),
            ("GET", "/thumbnail", {}),
            ("GET", "/versions", {}),
            ("GET", "/versions/1", {}),
            ("GET", "/versions/1/content", {}),
            ("POST", "/versions/1/restore", {}),
            ("PATCH", "", {"json": {"name": "b"}}),
            ("PUT", "", {"json": {"name": "b", "folder_id": None}}),
            ("PUT", "/content", {"content": b"x"}),
            ("DELETE", "", {}),
        ]:
            answer = await ana.request(method, url + path, **body)
            assert answer.status_code == 404, (method, path)
        assert await names(ana) == []
        (entry,) = (await ana.get("/api/trash")).json()["items"]
        assert (entry["id"], entry["kind"], entry["name"]) == (made["id"], "file", "a.txt")
        assert entry["removed_at"] > entry["trashed_at"]
        answer = await ana.post(url + "/restore")
        assert (answer.status_code, answer.json()["version"], answer.json()["name"]) == (200, 3, "a.txt")
        assert (await ana.get(url)).json() == answer.json()
        assert (await ana.get("/api/trash")).json() == {"items": [], "next": None}
        assert await told() == ["file.uploaded", "file.trashed", "file.restored"]

    async def test_restoring_what_is_there_changes_nothing(self, ana: Any, upload: Upload) -> None:
        made = await upload(ana)
        answer = await ana.post(f"/api/files/{made['id']}/restore")
        assert (answer.status_code, answer.json()) == (200, made)

    async def test_a_restored_file_gets_a_free_name_where_its_own_was_taken(self, ana: Any, upload: Upload) -> None:
        made = await upload(ana)
        await ana.delete(f"/api/files/{made['id']}")
        await upload(ana)
        await upload(ana, "a (2).txt")
        assert (await ana.post(f"/api/files/{made['id']}/restore")).json()["name"] == "a (3).txt"

    async def test_it_comes_back_to_its_folder_or_to_the_top_when_that_is_gone(
        self, ana: Any, upload: Upload, make_folder: MakeFolder
    ) -> None:
        folder = await make_folder(ana)
        made = await upload(ana, folder_id=folder["id"])
        url = f"/api/files/{made['id']}"
        await ana.delete(url)
        assert (await ana.post(url + "/restore")).json()["folder_id"] == folder["id"]
        await ana.delete(url)
        await ana.delete(f"/api/folders/{folder['id']}")
        assert (await ana.post(url + "/restore")).json()["folder_id"] is None
        assert await names(ana) == ["a.txt"]

    async def test_the_trash_has_pages_the_latest_first(self, ana: Any, upload: Upload) -> None:
        made = [await upload(ana, f"f{number}", bytes([number])) for number in range(5)]
        for file in made:
            await ana.delete(f"/api/files/{file['id']}")
        found, after = [], None
        while True:
            page = (await ana.get("/api/trash", params={"limit": 2, **({"after": after} if after else {})})).json()
            found += [entry["name"] for entry in page["items"]]
            after = page["next"]
            if after is None:
                break
        assert found == ["f4", "f3", "f2", "f1", "f0"]
        assert (await ana.get("/api/trash?after=nonsense")).status_code == 404


class TestVersions:
    async def test_all_that_a_file_was_can_be_listed_and_read(
        self, ana: Any, upload: Upload, make_folder: MakeFolder
    ) -> None:
        folder = await make_folder(ana)
        made = await upload(ana, "a.txt", b"one")
        url = f"/api/files/{made['id']}"
        await ana.put(url + "/content", content=b"two!")
        await ana.patch(url, json={"name": "b.txt", "folder_id": folder["id"]})
        await ana.delete(url)
        await ana.post(url + "/restore")
        page = (await ana.get(url + "/versions")).json()
        assert page["next"] is None
        shape = [
            (v["version"], v["name"], v["size_bytes"], v["folder_id"], v["is_current"], v["is_trashed"])
            for v in page["items"]
        ]
        assert shape == [
            (5, "b.txt", 4, folder["id"], True, False),
            (4, "b.txt", 4, folder["id"], False, True),
            (3, "b.txt", 4, folder["id"], False, False),
            (2, "a.txt", 4, None, False, False),
            (1, "a.txt", 3, None, False, False),
        ]
        assert page["items"][-1]["created_at"] == made["created_at"]
        assert {v["created_by"] for v in page["items"]} == {ana.person["id"]}
        assert (await ana.get(url + "/versions/2")).json() == page["items"][3]
        assert (await ana.get(url + "/versions/1/content")).content == b"one"
        part = await ana.get(url + "/versions/1/content", headers={"Range": "bytes=1-"})
        assert (part.status_code, part.content) == (206, b"ne")
        first = (await ana.get(url + "/versions?limit=2")).json()
        rest = (await ana.get(url + f"/versions?limit=9&after={first['next']}")).json()
        assert first["items"] + rest["items"] == page["items"]

    async def test_a_version_is_restored_as_a_new_one(self, ana: Any, upload: Upload, told: Told) -> None:
        made = await upload(ana, "a.txt", b"one")
        url = f"/api/files/{made['id']}"
        await ana.put(url + "/content", content=b"two!")
        await ana.patch(url, json={"name": "b.txt"})
        answer = await ana.post(url + "/versions/1/restore")
        assert (answer.status_code, answer.headers["ETag"]) == (200, '"4"')
        restored = answer.json()
        assert (restored["name"], restored["sha256"], restored["version"]) == ("a.txt", made["sha256"], 4)
        assert (await ana.get(url + "/content")).content == b"one"
        assert (await told())[-1] == "file.replaced"

    async def test_a_name_that_is_taken_by_now_stays_as_it_is(self, ana: Any, upload: Upload) -> None:
        made = await upload(ana, "a.txt", b"one")
        url = f"/api/files/{made['id']}"
        await ana.patch(url, json={"name": "b.txt"})
        await upload(ana, "a.txt", b"other")
        assert (await ana.post(url + "/versions/1/restore")).json()["name"] == "b.txt"

    @pytest.mark.parametrize("number", ["0", "9", "2147483648", "-1", "x"])
    async def test_a_version_that_is_not_there_is_not_found(self, ana: Any, upload: Upload, number: str) -> None:
        made = await upload(ana)
        for method, path in [("GET", ""), ("GET", "/content"), ("POST", "/restore")]:
            answer = await ana.request(method, f"/api/files/{made['id']}/versions/{number}{path}")
            assert answer.status_code == (404 if number == "9" else 422)


class TestRaces:
    async def test_uploads_of_one_name_at_once_are_all_kept(self, ana: Any, upload: Upload) -> None:
        made = await asyncio.gather(*(upload(ana, "a.txt", bytes([n])) for n in range(12)))
        assert len({file["id"] for file in made}) == 12
        assert sorted(file["name"] for file in made) == sorted(["a.txt", *(f"a ({n}).txt" for n in range(2, 13))])

    async def test_one_of_several_that_must_not_double_wins(self, ana: Any) -> None:
        answers = await asyncio.gather(
            *(ana.post("/api/files?name=a.txt&on_conflict=fail", content=bytes([n])) for n in range(8))
        )
        assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7

    async def test_replacing_at_once_makes_one_version_each(self, ana: Any) -> None:
        answers = await asyncio.gather(
            *(ana.post("/api/files?name=a.txt&on_conflict=replace", content=bytes([n])) for n in range(8))
        )
        assert sorted(answer.json()["version"] for answer in answers) == list(range(1, 9))
        assert await names(ana) == ["a.txt"]

    async def test_the_same_bytes_at_once_are_one_object(
        self, ana: Any, upload: Upload, stored_keys: StoredKeys
    ) -> None:
        await asyncio.gather(*(upload(ana, f"{n}.txt", b"same") for n in range(8)))
        assert len(await stored_keys()) == 1

    async def test_of_renames_to_one_name_one_wins(self, ana: Any, upload: Upload) -> None:
        made = [await upload(ana, f"{n}.txt", bytes([n])) for n in range(6)]
        answers = await asyncio.gather(*(ana.patch(f"/api/files/{file['id']}", json={"name": "same"}) for file in made))
        assert sorted(answer.status_code for answer in answers) == [200] + [409] * 5

    async def test_of_changes_to_one_version_one_wins(self, ana: Any, upload: Upload) -> None:
        made = await upload(ana)
        answers = await asyncio.gather(
            *(
                ana.patch(f"/api/files/{made['id']}", json={"name": f"{n}"}, headers={"If-Match": '"1"'})
                for n in range(6)
            )
        )
        assert sorted(answer.status_code for answer in answers) == [200] + [412] * 5

    async def test_restoring_many_of_one_name_gives_each_its_own(self, ana: Any, upload: Upload) -> None:
        made = []
        for n in range(6):
            made.append(await upload(ana, "a.txt", bytes([n])))
            await ana.delete(f"/api/files/{made[-1]['id']}")
        answers = await asyncio.gather(*(ana.post(f"/api/files/{file['id']}/restore") for file in made))
        assert {answer.status_code for answer in answers} == {200}
        assert len(set(await names(ana))) == 6

    async def test_a_repetition_at_once_waits_or_replays(self, ana: Any) -> None:
        headers = {"Idempotency-Key": "k"}
        answers = await asyncio.gather(
            *(ana.post("/api/files?name=a.txt", content=b"x", headers=headers) for _ in range(6))
        )
        assert {answer.status_code for answer in answers} <= {201, 409}
        assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
        assert await names(ana) == ["a.txt"]

    async def test_an_upload_into_a_folder_that_goes_to_the_trash_comes_back_with_it(
        self, ana: Any, make_folder: MakeFolder
    ) -> None:
        for round_ in range(4):
            folder = await make_folder(ana, f"folder {round_}")
            uploading, _ = await asyncio.gather(
                ana.post("/api/files", params={"name": "a.txt", "folder_id": folder["id"]}, content=b"x"),
                ana.delete(f"/api/folders/{folder['id']}"),
            )
            assert uploading.status_code in {201, 404}
            await ana.post(f"/api/folders/{folder['id']}/restore")
            assert await names(ana, folder_id=folder["id"]) == (["a.txt"] if uploading.status_code == 201 else [])
