"""Static files: found once, kept for ever, and nothing else."""

import gzip
from pathlib import Path

import httpx
import pytest

from commonplace.platform.app import App
from commonplace.platform.pages.assets import Assets, assets_of, folder_of

pytestmark = pytest.mark.anyio


async def test_a_file_of_this_release_is_kept_for_ever(client: httpx.AsyncClient) -> None:
    answer = await client.get(assets_of(()).url("platform/css/tokens.css"))
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert "--paper" in answer.text


async def test_an_address_of_another_release_gives_the_present_file_for_now(client: httpx.AsyncClient) -> None:
    answer = await client.get("/static/0123456789ab/platform/css/tokens.css")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-cache"
    again = await client.get(answer.url, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_text_is_compressed_for_those_who_take_it(client: httpx.AsyncClient) -> None:
    url = assets_of(()).url("platform/vendor/htmx/htmx.min.js")
    async with client.stream("GET", url, headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join([chunk async for chunk in answer.aiter_raw()])
    plain = await client.get(url, headers={"Accept-Encoding": "identity"})
    assert gzip.decompress(raw) == plain.content
    assert len(raw) < len(plain.content) / 2
    assert "content-encoding" not in plain.headers


@pytest.mark.parametrize(
    "path",
    [
        "/static/x/platform/../render.py",
        "/static/x/platform/%2e%2e/render.py",
        "/static/x/platform/..%2frender.py",
        "/static/x/platform/vendor/manifest.json",
        "/static/x//etc/passwd",
        "/static/x/platform/css/",
        "/static/",
        "/static/x/platform/css/tokens.css%00",
    ],
)
async def test_nothing_but_known_files_is_served(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(httpx.URL("http://localhost").copy_with(raw_path=path.encode()))).status_code == 404


async def test_static_files_are_only_read(client: httpx.AsyncClient) -> None:
    answer = await client.post(assets_of(()).url("platform/css/tokens.css"))
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_the_address_changes_with_any_content(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("a {}")
    before = Assets((("x", tmp_path),)).url("x/a.css")
    (tmp_path / "b.js").write_text("1")
    assert Assets((("x", tmp_path),)).url("x/a.css") != before


def test_a_file_that_is_not_there_has_no_address() -> None:
    with pytest.raises(LookupError, match=r"platform/css/toekns\.css"):
        assets_of(()).url("platform/css/toekns.css")


def test_an_app_without_pages_has_no_folders() -> None:
    assert folder_of(App(name="a", title="A"), "static") is None
    assert folder_of(App(name="a", title="A", pages="json.decoder:x"), "static") is None
