"""Pages of files as HTML: what is on them, for whom, in which order; the browser's side is tested in tests/pages."""

import asyncio
import re
from typing import Any
from uuid import uuid4

import pytest

from commonplace.platform.database.session import Database
from commonplace.platform.events.dispatcher import Dispatcher
from commonplace.platform.events.registry import Registry
from commonplace.platform.parts import Parts
from tests.visitor import Visitor

pytestmark = pytest.mark.anyio
HTML = {"Accept": "text/html"}
PIECE = HTML | {"HX-Request": "true"}


async def upload(visitor: Visitor, name: str, content: bytes = b"x", **query: Any) -> dict[str, Any]:
    answer = await visitor.post("/api/files", params={"name": name, **query}, content=content)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def folder(visitor: Visitor, name: str, parent_id: str | None = None) -> dict[str, Any]:
    answer = await visitor.post("/api/folders", json={"name": name, "parent_id": parent_id})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def page(visitor: Visitor, path: str = "/app/files", **query: Any) -> str:
    answer = await visitor.get(path, params=query, headers=HTML)
    assert answer.status_code == 200, answer.text
    text: str = answer.text
    return text


def names(html: str) -> list[str]:
    return re.findall(r'class="entry[^>]* data-name="([^"]+)"', html)


async def test_the_way_in_leads_to_the_files(ana: Visitor, nobody: Visitor) -> None:
    assert (await ana.get("/app")).headers["location"] == "/app/files"
    assert (await ana.get("/")).headers["location"] == "/app/files"
    answer = await nobody.get("/app/files", headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "/app/sign-in?next=%2Fapp%2Ffiles")


async def test_folders_come_first_and_names_are_text(ana: Visitor) -> None:
    await upload(ana, "a <b>.txt")
    await folder(ana, "z")
    html = await page(ana, sort="name")
    assert names(html) == ["z", "a &lt;b&gt;.txt"]
    assert "<b>.txt" not in html


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("name", ["a", "B", "c"]),
        ("-name", ["c", "B", "a"]),
        ("size_bytes", ["c", "a", "B"]),
        ("-size_bytes", ["B", "a", "c"]),
        ("-updated_at", ["a", "c", "B"]),
        ("updated_at", ["B", "c", "a"]),
        ("media_type", ["a", "B", "c"]),
        ("-taken_at", ["a", "c", "B"]),
        ("nonsense", ["a", "c", "B"]),
    ],
)
async def test_each_order_in_each_view(ana: Visitor, sort: str, expected: list[str]) -> None:
    for name, size in (("B", 30), ("c", 10), ("a", 20)):
        await upload(ana, name, b"x" * size)
    for view in ("grid", "list", "details"):
        assert names(await page(ana, sort=sort, view=view)) == expected, view


async def test_the_look_is_remembered_in_a_cookie(ana: Visitor) -> None:
    answer = await ana.get("/app/files", params={"view": "details", "sort": "name"}, headers=HTML)
    assert "commonplace_files=details.name" in answer.headers["set-cookie"]
    ana.http.cookies.set("commonplace_files", "details.name")
    assert "<table" in await page(ana)
    ana.http.cookies.set("commonplace_files", "../etc.passwd")
    assert "<table" not in await page(ana)


@pytest.mark.parametrize("sort", ["name", "-size_bytes", "-taken_at", "updated_at", "-media_type"])
async def test_pages_join_without_gap_or_repetition(ana: Visitor, sort: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("commonplace.apps.files.shown.PAGE_FILES", 3)
    for number in range(8):
        await upload(ana, f"{number}.txt", b"x" * (number % 3))
    html = await page(ana, sort=sort)
    found = names(html)
    while cursor := re.search(r'data-after="([^"]+)"', html):
        answer = await ana.get("/app/files/more", params={"after": cursor[1], "sort": sort}, headers=PIECE)
        assert answer.status_code == 200, answer.text
        html = answer.text
        found += names(html)
    assert sorted(found) == [f"{number}.txt" for number in range(8)]
    assert found == names(await page(ana, sort=sort)) + found[3:]


async def test_the_next_page_does_not_repeat_the_days_heading(ana: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("commonplace.apps.files.shown.PAGE_FILES", 1)
    await upload(ana, "a")
    await upload(ana, "b")
    html = await page(ana)
    day, cursor = re.search(r'class="day" data-day="([^"]+)"', html), re.search(r'data-after="([^"]+)"', html)
    assert day
    assert cursor
    same = await ana.get("/app/files/more", params={"after": cursor[1], "day": day[1]}, headers=PIECE)
    other = await ana.get("/app/files/more", params={"after": cursor[1], "day": "2001-01-01"}, headers=PIECE)
    assert 'class="day"' not in same.text
    assert 'class="day"' in other.text


@pytest.mark.parametrize("after", ["nonsense", "WyJuYW1lIiwgImEiXQ", "é"])
async def test_a_cursor_of_another_list_is_refused(ana: Visitor, after: str) -> None:
    answer = await ana.get("/app/files/more", params={"after": after}, headers=PIECE)
    assert answer.status_code == 404, answer.text


async def test_a_cursor_of_another_order_is_refused(ana: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("commonplace.apps.files.shown.PAGE_FILES", 1)
    await upload(ana, "a")
    await upload(ana, "b")
    cursor = re.search(r'data-after="([^"]+)"', await page(ana, sort="name"))
    assert cursor
    answer = await ana.get("/app/files/more", params={"after": cursor[1], "sort": "-taken_at"}, headers=PIECE)
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("text", "expected"),
    [("har", ["Harbour", "harp_1"]), ("_", ["harp_1"]), ("%", []), ("\\", []), ("HARB", ["Harbour"]), ("\x00", [])],
)
async def test_the_filter_means_what_is_written(ana: Visitor, text: str, expected: list[str]) -> None:
    for name in ("Harbour", "harp_1", "Kitchen"):
        await upload(ana, name)
    expected = expected if text != "\x00" else ["Harbour", "harp_1", "Kitchen"]  # no name can have it: no filter
    assert names(await page(ana, sort="name", filter=text)) == expected


async def test_the_trail_leads_through_the_folders_above(ana: Visitor) -> None:
    top = await folder(ana, "Top")
    inner = await folder(ana, "Inner", top["id"])
    deep = await folder(ana, "Deep", inner["id"])
    html = await page(ana, f"/app/files/folder/{deep['id']}")
    trail = re.search(r'<nav class="breadcrumb".*?</nav>', html, re.DOTALL)
    assert trail
    assert re.findall(r">([^<>]+)</a>", trail[0]) == ["Files", "Top", "Inner"]
    assert "<title>Deep · Commonplace</title>" in html


async def test_a_folder_tells_how_much_is_in_it(ana: Visitor) -> None:
    top = await folder(ana, "Top")
    await folder(ana, "Inner", top["id"])
    await upload(ana, "a.txt", b"x" * 1500, folder_id=top["id"])
    await upload(ana, "b.txt", b"x" * 1000, folder_id=top["id"])
    html = await page(ana)
    assert "2 files, 1 folder</small>" in html
    assert "No files" in html
    html = await page(ana, f"/app/files/folder/{top['id']}")
    assert re.search(r'id="page-meta">2 files, <data[^>]*value="2500"[^>]*>2 kB|2 files, <data[^>]*value="2500"', html)


async def test_what_is_anothers_or_in_the_trash_is_not_there(ana: Visitor, ben: Visitor) -> None:
    top = await folder(ana, "Top")
    inner = await folder(ana, "Inner", top["id"])
    file = await upload(ana, "a.txt", folder_id=inner["id"])
    paths = (
        f"/app/files/folder/{inner['id']}",
        f"/app/files?file={file['id']}",
        f"/app/files/listing?folder={inner['id']}",
        f"/app/files/more?after=x&folder={inner['id']}",
        f"/app/files/facts?folder={inner['id']}",
    )
    for path in paths:
        assert (await ben.get(path, headers=HTML)).status_code == 404, path
    assert names((await ben.get(f"/app/files/entries?id={file['id']}", headers=PIECE)).text) == []
    await ana.delete(f"/api/folders/{top['id']}")
    for path in paths:
        assert (await ana.get(path, headers=HTML)).status_code == 404, path
    assert names((await ana.get(f"/app/files/entries?id={file['id']}", headers=PIECE)).text) == []
    assert (await ana.get(f"/app/files/folder/{uuid4()}", headers=HTML)).status_code == 404


async def test_single_entries_come_as_they_are_now(ana: Visitor) -> None:
    top = await folder(ana, "Top")
    file = await upload(ana, "a.txt")
    ids = [("id", top["id"]), ("id", file["id"]), ("id", str(uuid4()))]
    html = (await ana.get("/app/files/entries", params=ids, headers=PIECE)).text
    assert sorted(names(html)) == ["Top", "a.txt"]
    assert f'data-parent="" data-name="a.txt" data-version="{file["version"]}"' in html
    too_many = [("id", str(uuid4()))] * 201
    assert (await ana.get("/app/files/entries", params=too_many, headers=PIECE)).status_code == 422


async def test_the_address_of_a_file_leads_to_its_folder(ana: Visitor) -> None:
    top = await folder(ana, "Top")
    inside, outside = await upload(ana, "a.txt", folder_id=top["id"]), await upload(ana, "b.txt")
    answer = await ana.get("/app/files", params={"file": inside["id"]}, headers=HTML)
    assert answer.headers["location"] == f"/app/files/folder/{top['id']}?open={inside['id']}"
    answer = await ana.get("/app/files", params={"file": outside["id"]}, headers=HTML)
    assert answer.headers["location"] == f"/app/files?open={outside['id']}"


async def test_the_trash_tells_what_goes_when(ana: Visitor) -> None:
    top = await folder(ana, "Top <i>")
    await ana.delete(f"/api/folders/{top['id']}")
    html = await page(ana, "/app/trash")
    assert "Top &lt;i&gt;" in html
    assert "30 days" in html
    assert html.count('data-when="day"') == 2


async def test_the_frame_tells_how_much_is_kept(ana: Visitor, ben: Visitor) -> None:
    await upload(ana, "a.txt", b"x" * 1234)
    answer = await ana.get("/app/status", headers=PIECE)
    assert 'value="1234"' in answer.text
    assert "<!doctype" not in answer.text
    assert 'value="0" data-unit' in (await ben.get("/app/status", headers=PIECE)).text


async def test_new_files_that_wait_to_be_looked_at_are_told(ana: Visitor, ben: Visitor, parts: Parts) -> None:
    await upload(ana, "a.txt")
    dispatcher = Dispatcher(parts[Database], parts[Registry])
    async with asyncio.timeout(10):
        while (await dispatcher.dispatch()).is_more_near:
            pass
    assert "1 file to go" in (await ana.get("/app/jobs", headers=PIECE)).text
    assert "<button" not in (await ben.get("/app/jobs", headers=PIECE)).text
