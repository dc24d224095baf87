"""`ETag`, `If-Match` and `If-None-Match`, the same for profile, files and folders."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from tests.platform.media.pictures import encoded, quarters
from tests.visitor import Visitor

pytestmark = pytest.mark.anyio

THINGS = ("profile", "file", "folder")


async def path_of(thing: str, visitor: Visitor) -> str:
    """Where a thing of version 1 is read and changed."""
    if thing == "profile":
        return "/auth/profile"
    if thing == "folder":
        made = await visitor.post("/api/folders", json={"name": "first"})
        return f"/api/folders/{made.json()['id']}"
    made = await visitor.post("/api/files", files={"file": ("first", b"1")})
    return f"/api/files/{made.json()['id']}"


async def change(visitor: Visitor, path: str, name: str, if_match: str | None = None) -> httpx.Response:
    method = "PUT" if path == "/auth/profile" else "PATCH"
    headers = {} if if_match is None else {"If-Match": if_match}
    return await visitor.request(method, path, json={"name": name}, headers=headers)


@pytest.mark.parametrize("thing", THINGS)
class TestOf:
    async def test_a_read_is_answered_304_until_something_changed(self, ana: Visitor, thing: str) -> None:
        path = await path_of(thing, ana)
        read = await ana.get(path)
        tag = read.headers["etag"]
        assert tag == '"1"'
        for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            answer = await ana.get(path, headers={"If-None-Match": known})
            assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
        await change(ana, path, "second")
        answer = await ana.get(path, headers={"If-None-Match": tag})
        assert (answer.status_code, answer.headers["etag"], answer.json()["name"]) == (200, '"2"', "second")

    async def test_a_change_to_the_version_that_was_read_is_made(self, ana: Visitor, thing: str) -> None:
        path = await path_of(thing, ana)
        tag = (await ana.get(path)).headers["etag"]
        answer = await change(ana, path, "second", tag)
        assert (answer.status_code, answer.headers["etag"], answer.json()["version"]) == (200, '"2"', 2)
        assert (await change(ana, path, "third", "*")).json()["version"] == 3

    async def test_a_change_to_another_is_refused_and_nothing_happens(self, ana: Visitor, thing: str) -> None:
        path = await path_of(thing, ana)
        await change(ana, path, "second")
        answer = await change(ana, path, "lost", '"1"')
        problem = answer.json()
        assert (answer.status_code, problem["type"]) == (412, "/problems/stale-version")
        assert (problem["expected_version"], problem["actual_version"]) == (1, 2)
        if thing != "profile":
            assert (await ana.delete(path, headers={"If-Match": '"1"'})).status_code == 412
        assert (await ana.get(path)).json()["name"] == "second"

    async def test_a_condition_that_names_no_version_is_told(self, ana: Visitor, thing: str) -> None:
        path = await path_of(thing, ana)
        for odd in ("1", 'W/"1"', '"one"', '"1", "2"', '"-1"', '"99999999999"', '""'):
            answer = await change(ana, path, "lost", odd)
            assert (answer.status_code, answer.json()["type"]) == (400, "/problems/malformed-precondition"), odd
        assert (await ana.get(path)).json()["version"] == 1


async def test_what_processing_found_out_is_seen_though_it_is_no_version(
    ana: Visitor, deliver: Callable[[], Awaitable[None]]
) -> None:
    made = await ana.post("/api/files", files={"file": ("a.png", encoded(quarters(), "PNG"))})
    path, tag = made.headers["location"], made.headers["etag"]
    assert (await ana.get(path, headers={"If-None-Match": tag})).status_code == 304
    await deliver()
    answer = await ana.get(path, headers={"If-None-Match": tag})
    assert (answer.status_code, answer.json()["processing"]["state"], answer.json()["version"]) == (200, "done", 1)
    assert (await ana.get(path, headers={"If-None-Match": answer.headers["etag"]})).status_code == 304
    assert (await change(ana, path, "b.png", answer.headers["etag"])).json()["version"] == 2


async def test_every_change_of_a_file_heeds_its_condition(ana: Visitor) -> None:
    path = await path_of("file", ana)
    await change(ana, path, "second")
    refused: list[tuple[str, str, dict[str, Any]]] = [
        ("PUT", path, {"json": {"name": "lost", "folder_id": None}}),
        ("PUT", f"{path}/content", {"content": b"lost"}),
        ("POST", f"{path}/versions/1/restore", {}),
        ("DELETE", path, {}),
    ]
    for method, url, body in refused:
        answer = await ana.request(method, url, headers={"If-Match": '"1"'}, **body)
        assert (answer.status_code, answer.json()["type"]) == (412, "/problems/stale-version"), (method, url)
    assert (await ana.get(path)).json()["version"] == 2
    for method, url, body in refused:
        tag = (await ana.get(path)).headers["etag"]
        assert (await ana.request(method, url, headers={"If-Match": tag}, **body)).is_success, (method, url)
