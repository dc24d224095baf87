"""HEAD wherever GET is, and `Allow` where a method is not (RFC 9110, sections 9.3.2 and 15.5.6)."""

from typing import Any

import httpx
import pytest

from commonplace.platform.app import App
from commonplace.platform.pages.assets import assets_of
from commonplace.platform.parts import Parts
from commonplace.platform.storage.protocol import ObjectStorage
from tests.visitor import Visitor

pytestmark = pytest.mark.anyio

PAGES = ("/app/sign-in", "/app/sign-up", "/docs", "/docs/docs.css", "/openapi.json", "/problems/not-found", "/app")
READS = (
    "/health",
    "/health/live",
    "/metrics",
    "/auth/jwks.json",
    "/auth/profile",
    "/api/auth/profile",
    "/api/sync",
    "/api/trash",
    "/api/folders",
    "/api/files",
    "/api/files/{file_id}",
    "/api/files/{file_id}/content",
    "/api/files/{file_id}/content?download=true",
    "/api/files/{file_id}/thumbnail",
    "/api/files/{file_id}/versions",
    "/api/files/{file_id}/versions/1",
    "/api/files/{file_id}/versions/1/content",
    "/api/files/01890000-0000-7000-8000-000000000000",
    "/api/nothing",
)
NOT_POSSIBLE = (
    ("POST", "/api/files/{file_id}", "GET, HEAD, PUT, PATCH, DELETE"),
    ("DELETE", "/api/files/{file_id}/content", "GET, HEAD, PUT"),
    ("PUT", "/api/files", "GET, HEAD, POST"),
    ("HEAD", "/api/files/{file_id}/restore", "POST"),
    ("OPTIONS", "/api/folders/{file_id}", "GET, HEAD, PATCH, DELETE"),
    ("PATCH", "/auth/profile", "GET, HEAD, PUT"),
    ("POST", "/health", "GET, HEAD"),
    ("TRACE", "/health", "GET, HEAD"),
    ("DELETE", "/static/any/name.css", "GET, HEAD"),
)


@pytest.fixture
async def file_id(ana: Visitor) -> str:
    answer = await ana.post("/api/files", files={"file": ("a.txt", b"0123456789" * 100)})
    return str(answer.json()["id"])


async def get_and_head(visitor: Visitor, path: str) -> tuple[Any, Any]:
    """What both answer, without what differs from one request to the next."""
    get, head = await visitor.get(path), await visitor.head(path)
    assert head.content == b"", path
    return shown(get), shown(head)


def shown(answer: httpx.Response) -> tuple[int, dict[str, str]]:
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    if answer.url.path == "/metrics":  # its figures have changed in between
        headers.pop("content-length")
    return answer.status_code, headers


async def test_head_answers_like_get_without_the_body(ana: Visitor, nobody: Visitor, file_id: str) -> None:
    for path in READS:
        get, head = await get_and_head(ana, path.format(file_id=file_id))
        assert head == get, path
    url = (await ana.get(f"/api/files/{file_id}/url")).json()["url"]
    get, head = await get_and_head(nobody, url)
    assert head == get


async def test_pages_documents_and_static_files_answer_head(nobody: Visitor, apps: tuple[App, ...]) -> None:
    assets = assets_of(apps)
    for path in (*PAGES, f"/static/{assets.digest}/{next(iter(assets.by_name))}"):
        get, head = await get_and_head(nobody, path)
        assert head == get, path


async def test_head_is_conditional_knows_no_ranges_and_reads_no_byte(
    ana: Visitor, file_id: str, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def read(*_arguments: Any) -> None:
        raise AssertionError("HEAD opened the object.")

    monkeypatch.setattr(parts[ObjectStorage], "read", read)
    path = f"/api/files/{file_id}/content"
    answer = await ana.head(path, headers={"Range": "bytes=0-4"})
    assert (answer.status_code, answer.headers["content-length"]) == (200, "1000")
    answer = await ana.head(path, headers={"If-None-Match": answer.headers["etag"]})
    assert answer.status_code == 304


async def test_a_method_that_is_not_possible_is_told_which_are(ana: Visitor, file_id: str) -> None:
    for method, path, allowed in NOT_POSSIBLE:
        answer = await ana.request(method, path.format(file_id=file_id))
        assert (method, path, answer.status_code) == (method, path, 405)
        assert answer.headers["allow"] == allowed
        if method != "HEAD":
            assert answer.json()["type"] == "/problems/method-not-allowed"
            assert answer.json()["detail"].startswith(f"{method} is not possible here")
