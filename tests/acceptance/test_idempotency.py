"""`Idempotency-Key` over the real routes: a change that is sent again happens once."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from sqlalchemy import text
from starlette.types import Message

from commonplace.platform.database.address import Address
from commonplace.platform.database.bus import Bus
from commonplace.platform.database.session import Database
from commonplace.platform.parts import Parts
from tests.platform.http.asking import request_scope
from tests.visitor import Visitor

pytestmark = pytest.mark.anyio

CONTENT = bytes(range(256)) * 1024  #: more than is kept in memory before the storage is asked
KEY = {"Idempotency-Key": "d3b07384-d9a0-4c9b-8d3e-000000000001"}


async def gated(content: bytes, gate: asyncio.Event) -> AsyncIterator[bytes]:
    """A body whose end is only sent when the gate opens."""
    yield content[:-1]
    await gate.wait()
    yield content[-1:]


async def files(visitor: Visitor) -> list[dict[str, Any]]:
    return list((await visitor.get("/api/files")).json()["items"])


async def send_in_every_form(visitor: Visitor, form: str, content: bytes = CONTENT, **headers: str) -> httpx.Response:
    """Upload `content` with the key, in one of the forms that bytes are sent in."""
    sent = KEY | headers
    if form == "form":
        return await visitor.post("/api/files", files={"file": ("a.bin", content)}, headers=sent)
    if form == "raw":
        return await visitor.post("/api/files?name=a.bin", content=content, headers=sent)
    return await visitor.post("/api/files/batch", files=[("file", ("a.bin", content[:9000]))], headers=sent)


async def claimed(database: Database) -> str:
    """Wait until a request has taken its key; the process that did."""
    async with asyncio.timeout(10), database.reading() as session:
        while (process := await session.scalar(text("SELECT process FROM platform.idempotency"))) is None:
            await asyncio.sleep(0)
    return str(process)


def assert_replayed(again: httpx.Response, first: httpx.Response) -> None:
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert (again.status_code, again.content) == (first.status_code, first.content)
    for name in ("content-type", "etag", "location"):
        assert again.headers.get(name) == first.headers.get(name)


def assert_problem(answer: httpx.Response, status: int, kind: str) -> None:
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{kind}"), answer.text


class TestTheSameRequestAgain:
    @pytest.mark.parametrize("form", ["form", "raw", "batch"])
    async def test_an_upload_gets_the_first_answer_and_makes_nothing(self, ana: Visitor, form: str) -> None:
        first = await send_in_every_form(ana, form)
        assert first.status_code == 201
        assert_replayed(await send_in_every_form(ana, form), first)
        assert len(await files(ana)) == 1

    async def test_every_other_change_gets_it_too(self, ana: Visitor) -> None:
        file = (await ana.post("/api/files", files={"file": ("a.txt", b"1")})).json()
        folder = (await ana.post("/api/folders", json={"name": "first"})).json()
        path, folder_path = f"/api/files/{file['id']}", f"/api/folders/{folder['id']}"
        changes: list[tuple[str, str, dict[str, Any]]] = [
            ("POST", "/api/folders", {"json": {"name": "new"}}),
            ("PUT", f"{path}/content", {"content": CONTENT}),
            ("PATCH", path, {"json": {"name": "b.txt"}}),
            ("PUT", path, {"json": {"name": "c.txt", "folder_id": folder["id"]}}),
            ("POST", f"{path}/versions/1/restore", {}),
            ("DELETE", path, {}),
            ("POST", f"{path}/restore", {}),
            ("PATCH", folder_path, {"json": {"name": "second"}}),
            ("DELETE", folder_path, {}),
            ("POST", f"{folder_path}/restore", {}),
            ("PUT", "/api/auth/profile", {"json": {"name": "Ana Maria"}}),
        ]
        for number, (method, url, body) in enumerate(changes):
            key = {"Idempotency-Key": f"change {number}"}
            first = await ana.request(method, url, headers=key, **body)
            assert first.is_success, (method, url, first.text)
            assert_replayed(await ana.request(method, url, headers=key, **body), first)
        assert (await ana.get(f"{path}/versions")).json()["items"][0]["version"] == 7

    async def test_by_the_path_that_a_requirement_fixes_too(self, ana: Visitor) -> None:
        first = await ana.put("/api/auth/profile", json={"name": "Ana"}, headers=KEY)
        assert_replayed(await ana.put("/auth/profile", json={"name": "Ana"}, headers=KEY), first)

    async def test_whatever_became_of_the_thing_meanwhile(self, ana: Visitor) -> None:
        folder = (await ana.post("/api/folders", json={"name": "away soon"})).json()
        url = f"/api/files?name=a.bin&folder_id={folder['id']}"
        made = await ana.post(url, content=CONTENT, headers=KEY)
        path, key = f"/api/files/{made.json()['id']}/content", {"Idempotency-Key": "replace"}
        replaced = await ana.put(path, content=CONTENT[1:], headers=key)
        await ana.delete(f"/api/folders/{folder['id']}")
        assert_replayed(await ana.post(url, content=CONTENT, headers=KEY), made)
        assert_replayed(await ana.put(path, content=CONTENT[1:], headers=key), replaced)


class TestAnotherRequestUnderTheKey:
    @pytest.mark.parametrize("form", ["form", "raw", "batch"])
    async def test_other_bytes_are_refused(self, ana: Visitor, form: str) -> None:
        await send_in_every_form(ana, form)
        other = await send_in_every_form(ana, form, content=b"x" + CONTENT[1:])
        assert_problem(other, 422, "idempotency-key-reused")
        assert len(await files(ana)) == 1

    async def test_so_are_another_name_place_path_method_and_body(self, ana: Visitor) -> None:
        folder = (await ana.post("/api/folders", json={"name": "there"})).json()
        file = await ana.post("/api/files?name=a.bin", content=CONTENT, headers=KEY)
        path = f"/api/files/{file.json()['id']}"
        others = [
            await ana.post("/api/files?name=b.bin", content=CONTENT, headers=KEY),
            await ana.post(f"/api/files?name=a.bin&folder_id={folder['id']}", content=CONTENT, headers=KEY),
            await ana.post("/api/files?name=a.bin&on_conflict=fail", content=CONTENT, headers=KEY),
            await ana.post("/api/folders", json={"name": "a.bin"}, headers=KEY),
            await ana.put(f"{path}/content", content=CONTENT, headers=KEY),
            await ana.delete(path, headers=KEY),
        ]
        await ana.patch(path, json={"name": "b.bin"}, headers={"Idempotency-Key": "patch"})
        others.append(await ana.patch(path, json={"name": "c.bin"}, headers={"Idempotency-Key": "patch"}))
        for other in others:
            assert_problem(other, 422, "idempotency-key-reused")
        assert [(row["name"], row["version"]) for row in await files(ana)] == [("b.bin", 2)]

    async def test_keys_are_the_caller_s_own(self, ana: Visitor, ben: Visitor, nobody: Visitor) -> None:
        hers = await send_in_every_form(ana, "raw")
        his = await send_in_every_form(ben, "raw")
        assert "idempotent-replayed" not in his.headers
        assert his.json()["id"] != hers.json()["id"]
        assert (await send_in_every_form(nobody, "raw")).status_code == 401

    @pytest.mark.parametrize("key", ["", "x" * 256, "tab\there", "ümlaut"])
    async def test_a_key_that_is_none_is_told(self, ana: Visitor, key: str) -> None:
        headers = [(b"Idempotency-Key", key.encode("latin-1"))]
        answer = await ana.post("/api/folders", json={"name": "a"}, headers=headers)
        assert_problem(answer, 400, "malformed-idempotency-key")


class TestAFirstTryThatStillRuns:
    async def test_a_second_one_is_told_to_wait(self, ana: Visitor, database: Database) -> None:
        gate = asyncio.Event()
        first = asyncio.create_task(ana.post("/api/files?name=a.bin", content=gated(CONTENT, gate), headers=KEY))
        await claimed(database)
        second = await send_in_every_form(ana, "raw")
        assert_problem(second, 409, "still-running")
        assert int(second.headers["retry-after"]) >= 1
        gate.set()
        assert (await first).status_code == 201
        assert_replayed(await send_in_every_form(ana, "raw"), await first)

    async def test_of_pairs_that_race_one_makes_a_file(self, ana: Visitor) -> None:
        for number in range(10):
            headers = {"Idempotency-Key": f"race {number}"}
            upload = {"files": {"file": (f"{number}.txt", b"raced")}, "headers": headers}
            answers = await asyncio.gather(*(ana.post("/api/files", **upload) for _ in range(4)))
            made = [answer for answer in answers if answer.status_code == 201]
            assert {answer.status_code for answer in answers} <= {201, 409}
            assert len({answer.json()["id"] for answer in made}) == 1
            assert sum("idempotent-replayed" not in answer.headers for answer in made) == 1
        assert len(await files(ana)) == 10


class TestAFirstTryThatFailed:
    async def test_an_error_is_not_kept(self, ana: Visitor) -> None:
        taken = (await ana.post("/api/folders", json={"name": "a.bin"})).json()
        url = "/api/files?name=a.bin&on_conflict=fail"
        assert_problem(await ana.post(url, content=CONTENT, headers=KEY), 409, "name-taken")
        await ana.delete(f"/api/folders/{taken['id']}")
        answer = await ana.post(url, content=CONTENT, headers=KEY)
        assert (answer.status_code, "idempotent-replayed" in answer.headers) == (201, False)

    async def test_nor_is_a_malformed_body(self, ana: Visitor) -> None:
        assert (await ana.post("/api/folders", json={"nome": "a"}, headers=KEY)).status_code == 422
        assert (await ana.post("/api/folders", json={"name": "a"}, headers=KEY)).status_code == 201

    async def test_an_upload_that_broke_off_may_be_sent_again(self, app: Any, ana: Visitor) -> None:
        messages = [{"type": "http.request", "body": CONTENT[:-1], "more_body": True}, {"type": "http.disconnect"}]
        headers = {"authorization": ana.headers["Authorization"], "idempotency-key": KEY["Idempotency-Key"]}

        async def receive() -> Message:
            return messages.pop(0)

        async def send(_message: Message) -> None:
            raise AssertionError("Nobody is there any more.")

        await app(request_scope("POST", "/api/files", headers, query="name=a.bin"), receive, send)
        answer = await send_in_every_form(ana, "raw")
        assert (answer.status_code, "idempotent-replayed" in answer.headers) == (201, False)
        assert len(await files(ana)) == 1


class TestAClaimWhoseProcessIsGone:
    async def claim(self, database: Database, ana: Visitor, process: str | None, lease: str) -> None:
        """A claim as another process left it."""
        statement = text(f"""
            INSERT INTO platform.idempotency (caller_id, key, operation, process, lease_until)
            VALUES (:caller_id, :key, 'POST /api/files', CAST(:process AS text), clock_timestamp() + interval '{lease}')
        """)
        assert ana.person is not None
        async with database.writing() as session:
            await session.execute(
                statement, caller_id=UUID(ana.person["id"]), key=KEY["Idempotency-Key"], process=process
            )

    async def test_is_free_at_once(self, ana: Visitor, database: Database) -> None:
        await self.claim(database, ana, "commonplace-bus:1-killed", "1 hour")
        assert (await send_in_every_form(ana, "raw")).status_code == 201

    async def test_is_held_while_the_process_lives(
        self, ana: Visitor, database: Database, database_address: Address
    ) -> None:
        name = "commonplace-bus:2-alive"
        living = await asyncpg.connect(
            **database_address.driver_arguments(), server_settings={"application_name": name}
        )
        await self.claim(database, ana, name, "1 hour")
        assert_problem(await send_in_every_form(ana, "raw"), 409, "still-running")
        await living.close()
        async with asyncio.timeout(10):  # the server notices that a client is gone a moment later
            while (await send_in_every_form(ana, "raw")).status_code == 409:
                await asyncio.sleep(0.01)
        assert len(await files(ana)) == 1

    async def test_is_held_for_its_lease_where_nobody_can_tell(self, ana: Visitor, database: Database) -> None:
        await self.claim(database, ana, None, "1 hour")
        assert_problem(await send_in_every_form(ana, "raw"), 409, "still-running")
        async with database.writing() as session:
            await session.execute(text("UPDATE platform.idempotency SET lease_until = clock_timestamp()"))
        assert (await send_in_every_form(ana, "raw")).status_code == 201

    async def test_a_claim_of_ours_names_this_process(self, ana: Visitor, database: Database, parts: Parts) -> None:
        gate = asyncio.Event()
        first = asyncio.create_task(ana.post("/api/files?name=a.bin", content=gated(CONTENT, gate), headers=KEY))
        process = await claimed(database)
        gate.set()
        assert (await first).status_code == 201
        assert process == parts[Bus].application_name
