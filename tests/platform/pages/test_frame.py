"""The frame around pages, and what becomes of problems there."""

import re

import httpx
import pytest

from commonplace.platform.app import App
from commonplace.platform.pages.render import Pages
from tests.platform.pages.conftest import BELLS

pytestmark = pytest.mark.anyio
HTML = {"Accept": "text/html"}
CLICK = HTML | {"HX-Request": "true", "HX-Current-URL": "http://localhost/app/bells?sort=name"}


async def test_a_browser_that_arrives_gets_the_whole_frame(client: httpx.AsyncClient) -> None:
    page = (await client.get("/app/bells/5", headers=HTML)).text
    assert page.startswith("<!doctype html>")
    assert page.count('<main class="main" id="main"') == 1
    assert re.search(r'href="/app/bells" aria-current="page">.*Bells</a>', page)
    assert 'data-language="de" data-time-zone="Europe/Vienna"' in page


async def test_a_click_gets_the_page_and_the_links_alone(client: httpx.AsyncClient) -> None:
    page = (await client.get("/app/bells", headers=CLICK)).text
    assert "<html" not in page
    assert "<title>Nothing here · Commonplace</title>" in page
    assert re.search(r'<nav id="rail-links" aria-label="Main" hx-swap-oob="true">', page)


async def test_what_people_write_is_text(client: httpx.AsyncClient) -> None:
    page = (await client.get("/app/bells", headers=HTML)).text
    assert "Eva &lt;b&gt;Berger&lt;/b&gt;" in page


async def test_no_page_needs_an_exception_from_the_policy(client: httpx.AsyncClient) -> None:
    page = (await client.get("/app/bells", headers=HTML)).text
    assert not re.findall(r"\sstyle=|\son[a-z]+=|javascript:", page)
    assert not re.findall(r"<script(?![^>]* src=)[^>]*>", page)
    assert not re.findall(r"<style", page)


async def test_entries_for_administrators_are_not_shown_to_others(client: httpx.AsyncClient) -> None:
    page = (await client.get("/app/bells", headers=HTML)).text
    assert "Ropes" not in page


async def test_an_unknown_icon_becomes_a_plain_one(client: httpx.AsyncClient) -> None:
    page = (await client.get("/app/bells", headers=HTML)).text
    assert "#i-no-such-icon" not in page
    for name in re.findall(r'href="#i-([a-z0-9-]+)"', page):
        assert f'<symbol id="i-{name}"' in page


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_the_chosen_theme_arrives_with_the_page(client: httpx.AsyncClient, theme: str) -> None:
    page = (await client.get("/app/bells", headers=HTML | {"Cookie": f"commonplace_theme={theme}"})).text
    assert f'data-theme="{theme}"' in page


async def test_a_forged_theme_is_ignored(client: httpx.AsyncClient) -> None:
    page = (await client.get("/app/bells", headers=HTML | {"Cookie": 'commonplace_theme="><script>'})).text
    assert "data-theme=" not in page.partition("<body")[0]


@pytest.mark.parametrize(
    ("problem", "status", "words"),
    [
        ("403", 403, "Only administrators may ring &lt;all&gt; bells."),
        ("404", 404, "in the trash"),
        ("500", 500, "What you had saved is safe."),
        ("503", 503, '<meta http-equiv="refresh" content="5">'),
    ],
)
async def test_a_problem_is_a_page_for_people(client: httpx.AsyncClient, problem: str, status: int, words: str) -> None:
    answer = await client.get(f"/app/bells?raise={problem}", headers=HTML)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert words in answer.text


async def test_a_defect_tells_its_number_and_nothing_else(client: httpx.AsyncClient) -> None:
    answer = await client.get("/app/bells?raise=500", headers=HTML)
    assert answer.headers["x-request-id"] in answer.text
    assert "a bug" not in answer.text


async def test_programs_get_problem_documents(client: httpx.AsyncClient) -> None:
    answer = await client.get("/app/bells?raise=404", headers={"Accept": "application/json"})
    assert answer.headers["content-type"] == "application/problem+json"


async def test_who_is_not_signed_in_is_led_there_and_back(client: httpx.AsyncClient) -> None:
    answer = await client.get("/app/bells?raise=401", headers=HTML)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/app/sign-in?next=%2Fapp%2Fbells%3Fraise%3D401"


async def test_a_click_without_a_session_leaves_the_frame(client: httpx.AsyncClient) -> None:
    answer = await client.get("/app/bells?raise=401", headers=CLICK)
    assert answer.headers["hx-redirect"] == "/app/sign-in?next=%2Fapp%2Fbells%3Fsort%3Dname"


def test_home_is_the_first_page_of_the_rail_that_everybody_has() -> None:
    assert Pages([BELLS]).home == "/app/bells"
    own = App(name="own", title="Own", navigation=[entry for entry in BELLS.navigation if entry.group == "account"])
    assert Pages([own]).home == "/app/ringer"
    assert Pages([]).home == "/docs"
