"""Uploading one file: in each form, with each wish for taken names, repeated, broken off."""

import asyncio
import hashlib
from typing import Any

import httpx
import pytest

from commonplace.platform.database.session import Database
from commonplace.platform.parts import Parts
from commonplace.platform.storage.protocol import ObjectStorage
from tests.apps.files.conftest import MakeFolder, StoredKeys, Told, Upload

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("whole")]


class TestForms:
    async def test_a_form_makes_a_file(self, ana: Any) -> None:
        answer = await ana.post("/api/files", files={"file": ("Harbour at dawn.txt", b"sun", "image/png")})
        assert answer.status_code == 201
        made = answer.json()
        assert (made["name"], made["size_bytes"], made["folder_id"]) == ("Harbour at dawn.txt", 3, None)
        assert made["media_type"] == "text/plain"
        assert made["sha256"] == hashlib.sha256(b"sun").hexdigest()
        assert made["version"] == 1
        assert answer.headers["ETag"] == '"1"'
        assert answer.headers["Location"] == f"/api/files/{made['id']}"
        assert (await ana.get(answer.headers["Location"])).json() == made
        assert (await ana.get(f"/api/files/{made['id']}/content")).content == b"sun"

    async def test_a_raw_body_makes_a_file(self, ana: Any) -> None:
        answer = await ana.post("/api/files?name=a.bin", content=b"\x00\x01")
        assert answer.status_code == 201
        assert answer.json()["name"] == "a.bin"

    @pytest.mark.parametrize("fields_come", ["before", "after"])
    async def test_fields_may_stand_on_either_side_of_the_file(
        self, ana: Any, make_folder: MakeFolder, fields_come: str
    ) -> None:
        folder = await make_folder(ana)
        field, file = ("folder_id", (None, folder["id"])), ("file", ("a.txt", b"x"))
        parts = [field, file] if fields_come == "before" else [file, field]
        answer = await ana.post("/api/files", files=parts)
        assert answer.status_code == 201
        assert answer.json()["folder_id"] == folder["id"]

    async def test_a_large_file_arrives_whole(self, ana: Any, upload: Upload) -> None:
        content = bytes(range(256)) * 20_000
        made = await upload(ana, "large.bin", content)
        assert (made["size_bytes"], made["sha256"]) == (5_120_000, hashlib.sha256(content).hexdigest())
        assert (await ana.get(f"/api/files/{made['id']}/content")).content == content

    async def test_a_large_form_arrives_whole_whatever_its_bytes_look_like(self, ana: Any) -> None:
        content = b"\r\n--b\r\n--bo\r\n--" * 100_000
        head = b'--bound\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        body = head + content + b"\r\n--bound--\r\n"

        async def pieces() -> Any:
            for start in range(0, len(body), 1009):
                yield body[start : start + 1009]

        answer = await ana.post(
            "/api/files", content=pieces(), headers={"Content-Type": "multipart/form-data; boundary=bound"}
        )
        assert answer.json()["sha256"] == hashlib.sha256(content).hexdigest()

    async def test_an_empty_file_is_a_file(self, ana: Any, upload: Upload) -> None:
        made = await upload(ana, "empty.txt", b"")
        assert (made["size_bytes"], made["media_type"]) == (0, "application/x-empty")
        answer = await ana.get(f"/api/files/{made['id']}/content")
        assert (answer.status_code, answer.content, answer.headers["Content-Length"]) == (200, b"", "0")

    async def test_the_type_is_what_the_bytes_are(self, ana: Any, upload: Upload) -> None:
        made = await upload(ana, "harmless.jpg", b"<!DOCTYPE html><script>alert(1)</script>")
        assert made["media_type"] == "text/html"

    @pytest.mark.parametrize(
        ("request_", "status"),
        [
            ({"content": b"x"}, 422),
            ({"files": {"other": ("a.txt", b"x")}}, 400),
            ({"files": {"file": (None, b"x")}}, 400),
            ({"files": [("file", ("a.txt", b"x")), ("file", ("b.txt", b"x"))]}, 422),
            ({"files": {"file": ("a.txt", b"x")}, "data": {"folder_id": "nonsense"}}, 400),
            ({"files": {"file": ("a.txt", b"x")}, "data": {"on_conflict": "nonsense"}}, 400),
            ({"files": {"file": ("a.txt", b"x")}, "data": {"nonsense": "1"}}, 400),
            ({"content": b"--b", "headers": {"Content-Type": "multipart/form-data; boundary=b"}}, 400),
            ({"content": b"nothing", "headers": {"Content-Type": "multipart/form-data; boundary=b"}}, 400),
            ({"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 400),
            ({"content": b"x", "headers": {"Content-Type": f"multipart/form-data; boundary={'b' * 300}"}}, 400),
            ({"content": b"x", "params": {"name": "a", "folder_id": "nonsense"}}, 422),
            ({"content": b"x", "params": {"name": "a", "on_conflict": "nonsense"}}, 422),
        ],
    )
    async def test_what_is_no_upload_is_refused_and_leaves_nothing(
        self, ana: Any, stored_keys: StoredKeys, request_: dict[str, Any], status: int
    ) -> None:
        answer = await ana.post("/api/files", **request_)
        assert answer.status_code == status, answer.text
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert (await ana.get("/api/files")).json()["items"] == []
        assert await stored_keys() == []

    async def test_a_form_that_ends_in_the_middle_of_the_file_is_refused(self, ana: Any) -> None:
        body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + b"x" * 300_000
        answer = await ana.post("/api/files", content=body, headers={"Content-Type": "multipart/form-data; boundary=b"})
        assert answer.status_code == 400
        assert (await ana.get("/api/files")).json()["items"] == []

    async def test_a_file_beyond_the_limit_is_refused(self, ana: Any, parts: Parts) -> None:
        from commonplace.apps.files.settings import FilesSettings

        parts.add(FilesSettings(largest_file_bytes=100_000))
        answer = await ana.post("/api/files?name=a", content=b"x" * 100_001)
        assert answer.status_code == 413
        assert "100,000 bytes" in answer.json()["detail"]

        async def endless() -> Any:
            for _ in range(200):
                yield b"x" * 1000

        assert (await ana.post("/api/files?name=a", content=endless())).status_code == 413
        assert (await ana.post("/api/files?name=a", content=b"x" * 100_000)).status_code == 201


class TestTakenNames:
    async def test_both_are_kept(self, ana: Any, upload: Upload) -> None:
        names = [(await upload(ana, "IMG.jpg", bytes([n])))["name"] for n in range(12)]
        assert names == ["IMG.jpg", *(f"IMG ({n}).jpg" for n in range(2, 13))]

    async def test_both_are_kept_among_thousands(self, ana: Any, upload: Upload) -> None:
        """The search for a free number asks a few times, however many there are."""
        numbers = [n for n in range(2, 400) if n != 390]
        parts_ = [("file", (f"a ({n}).txt", b"x")) for n in numbers]
        assert (await ana.post("/api/files/batch", files=parts_)).status_code == 201
        await upload(ana, "a.txt")
        found = [(await upload(ana, "a.txt"))["name"] for _ in range(3)]
        assert sorted(found) == ["a (390).txt", "a (400).txt", "a (401).txt"]

    async def test_replacing_makes_a_version(self, ana: Any, told: Told) -> None:
        first = (await ana.post("/api/files?name=a.txt", content=b"one")).json()
        answer = await ana.post("/api/files?name=a.txt&on_conflict=replace", content=b"two")
        assert answer.status_code == 200
        second = answer.json()
        assert (second["id"], second["version"], second["created_at"]) == (first["id"], 2, first["created_at"])
        assert second["sha256"] == hashlib.sha256(b"two").hexdigest()
        assert await told() == ["file.uploaded", "file.replaced"]
        old = await ana.get(f"/api/files/{first['id']}/versions/1/content")
        assert old.content == b"one"

    async def test_replacing_what_is_not_there_makes_it(self, ana: Any) -> None:
        answer = await ana.post("/api/files?name=a.txt&on_conflict=replace", content=b"one")
        assert (answer.status_code, answer.json()["version"]) == (201, 1)

    async def test_a_folder_is_not_replaced_by_a_file(self, ana: Any, make_folder: MakeFolder) -> None:
        await make_folder(ana, "photos")
        answer = await ana.post("/api/files?name=photos&on_conflict=replace", content=b"x")
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/name-taken")

    async def test_failing_fails(self, ana: Any, upload: Upload) -> None:
        await upload(ana, "a.txt", b"one")
        answer = await ana.post("/api/files?name=a.txt&on_conflict=fail", content=b"two")
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/name-taken")
        assert [f["name"] for f in (await ana.get("/api/files")).json()["items"]] == ["a.txt"]

    async def test_the_same_letters_composed_otherwise_are_the_same_name(self, ana: Any, upload: Upload) -> None:
        await upload(ana, "caf\u00e9.txt")
        assert (await upload(ana, "cafe\u0301.txt"))["name"] == "cafe\u0301 (2).txt"

    async def test_another_case_is_another_name(self, ana: Any, upload: Upload) -> None:
        await upload(ana, "a.txt")
        assert (await upload(ana, "A.txt"))["name"] == "A.txt"

    async def test_each_folder_and_each_person_has_names_of_its_own(
        self, ana: Any, ben: Any, upload: Upload, make_folder: MakeFolder
    ) -> None:
        folder = await make_folder(ana)
        await upload(ana, "a.txt")
        assert (await upload(ana, "a.txt", folder_id=folder["id"]))["name"] == "a.txt"
        assert (await upload(ben, "a.txt"))["name"] == "a.txt"

    async def test_what_is_in_the_trash_takes_no_name(self, ana: Any, upload: Upload) -> None:
        made = await upload(ana, "a.txt")
        await ana.delete(f"/api/files/{made['id']}")
        assert (await upload(ana, "a.txt"))["name"] == "a.txt"


class TestSameBytes:
    async def test_are_stored_once_for_one_person(self, ana: Any, upload: Upload, stored_keys: StoredKeys) -> None:
        await upload(ana, "a.txt", b"same")
        await upload(ana, "b.txt", b"same")
        assert len(await stored_keys()) == 1

    async def test_are_stored_for_each_person(
        self, ana: Any, ben: Any, upload: Upload, stored_keys: StoredKeys
    ) -> None:
        await upload(ana, "a.txt", b"same")
        await upload(ben, "a.txt", b"same")
        assert len(await stored_keys()) == 2


class TestRepetition:
    async def test_the_same_key_and_bytes_make_one_file(self, ana: Any, stored_keys: StoredKeys, told: Told) -> None:
        headers = {"Idempotency-Key": "k1"}
        first = await ana.post("/api/files?name=a.txt", content=b"one", headers=headers)
        second = await ana.post("/api/files?name=a.txt", content=b"one", headers=headers)
        assert (first.status_code, second.status_code) == (201, 201)
        assert first.json() == second.json()
        assert second.headers["Idempotent-Replayed"] == "true"
        assert len(await stored_keys()) == 1
        assert await told() == ["file.uploaded"]

    async def test_a_form_compares_by_its_content_not_by_its_boundary(self, ana: Any) -> None:
        headers = {"Idempotency-Key": "k1"}
        answers = [await ana.post("/api/files", files={"file": ("a.txt", b"one")}, headers=headers) for _ in range(2)]
        assert answers[0].request.headers["Content-Type"] != answers[1].request.headers["Content-Type"]
        assert answers[0].json()["id"] == answers[1].json()["id"]

    @pytest.mark.parametrize(("name", "content"), [("a.txt", b"two"), ("b.txt", b"one")])
    async def test_another_request_under_the_key_is_refused(self, ana: Any, name: str, content: bytes) -> None:
        headers = {"Idempotency-Key": "k1"}
        await ana.post("/api/files?name=a.txt", content=b"one", headers=headers)
        answer = await ana.post(f"/api/files?name={name}", content=content, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/idempotency-key-reused")

    async def test_a_refused_upload_leaves_the_key_free(self, ana: Any, upload: Upload) -> None:
        await upload(ana, "a.txt")
        headers = {"Idempotency-Key": "k1"}
        refused = await ana.post("/api/files?name=a.txt&on_conflict=fail", content=b"x", headers=headers)
        assert refused.status_code == 409
        assert (await ana.post("/api/files?name=b.txt", content=b"x", headers=headers)).status_code == 201


class TestBrokenOff:
    async def test_a_client_that_goes_away_leaves_nothing(self, app: Any, ana: Any, stored_keys: StoredKeys) -> None:
        sent = asyncio.Event()
        messages = [
            {"type": "http.request", "body": b"x" * 2_000_000, "more_body": True},
            {"type": "http.disconnect"},
        ]

        async def receive() -> dict[str, Any]:
            sent.set()
            return messages.pop(0)

        answers: list[Any] = []

        async def send(message: Any) -> None:
            answers.append(message)

        headers = [(b"host", b"localhost"), (b"authorization", ana.http.headers["Authorization"].encode())]
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
            "path": "/api/files", "raw_path": b"/api/files", "query_string": b"name=a.bin", "root_path": "",
            "headers": headers, "client": ("127.0.0.1", 1), "server": ("localhost", 80), "extensions": {},
        }  # fmt: skip
        await app(scope, receive, send)
        assert await stored_keys() == []
        assert (await ana.get("/api/files")).json()["items"] == []

    async def test_bytes_go_when_their_transaction_fails(
        self, ana: Any, stored_keys: StoredKeys, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from commonplace.apps.files import service

        async def fail(*_: Any, **__: Any) -> None:
            raise RuntimeError("the row cannot be written")

        monkeypatch.setattr(service, "create_if_free", fail)
        answer = await ana.post("/api/files?name=a.bin", content=b"x" * 300_000)
        assert answer.status_code == 500
        assert await stored_keys() == []

    async def test_bytes_stay_when_nobody_knows_whether_the_commit_came_through(
        self, ana: Any, stored_keys: StoredKeys, monkeypatch: pytest.MonkeyPatch, parts: Parts
    ) -> None:
        from commonplace.apps.files import service
        from commonplace.platform.database.errors import DatabaseUnavailable

        create = service.create_if_free

        async def lose(*arguments: Any, **options: Any) -> None:
            await create(*arguments, **options)
            raise DatabaseUnavailable

        monkeypatch.setattr(service, "create_if_free", lose)
        answer = await ana.post("/api/files?name=a.bin", content=b"x")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
        assert len(await stored_keys()) == 1
        assert [f["name"] for f in (await ana.get("/api/files")).json()["items"]] == ["a.bin"]

    async def test_a_full_disk_is_said_so(
        self, ana: Any, parts: Parts, stored_keys: StoredKeys, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from commonplace.platform.storage.errors import StorageFull

        async def refuse(*_: Any, **__: Any) -> None:
            raise StorageFull("There is no room.")

        monkeypatch.setattr(type(parts[ObjectStorage]), "open_writer", refuse)
        answer = await ana.post("/api/files?name=a.bin", content=b"x" * 300_000)
        assert (answer.status_code, answer.json()["type"]) == (507, "/problems/storage-full")

    async def test_a_folder_that_is_not_there_is_refused(self, ana: Any, stored_keys: StoredKeys) -> None:
        nowhere = "01a1fdb1-58af-7a2f-9912-68adab323c1c"
        for content in (b"small", b"x" * 500_000):
            answer = await ana.post(f"/api/files?name=a.bin&folder_id={nowhere}", content=content)
            assert (answer.status_code, answer.json()["type"]) == (404, "/problems/container-not-found")
        assert await stored_keys() == []


async def test_no_connection_is_held_while_bytes_come(ana: Any, parts: Parts) -> None:
    """As many uploads as there are connections, all of them slow, leave readers alone."""
    number = parts[Database].settings.pool_size + 3
    arrived, go_on = [0], asyncio.Event()

    async def slow() -> Any:
        yield b"x" * 100_000
        arrived[0] += 1
        await go_on.wait()
        yield b"x"

    uploads = [asyncio.create_task(ana.post(f"/api/files?name={n}.bin", content=slow())) for n in range(number)]
    async with asyncio.timeout(20):
        while arrived[0] < number:
            await asyncio.sleep(0.01)
        assert (await ana.get("/api/files")).status_code == 200
        go_on.set()
        answers: list[httpx.Response] = await asyncio.gather(*uploads)
    assert {answer.status_code for answer in answers} == {201}
