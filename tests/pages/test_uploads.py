"""Uploads: many at once, with progress, cancelled, repeated, dropped as folders; each file comes once."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.pages.conftest import Reader

pytestmark = pytest.mark.browser
Photographs = Callable[[int], list[str]]

# Nothing can be dragged into Chromium from outside: files are made in the page, folders are played by their interface.
DROP = """
([target, names]) => {
  const data = new DataTransfer();
  for (const name of names) data.items.add(new File([`The content of ${name}.`], name, { type: 'text/plain' }));
  const on = document.querySelector(target);
  for (const kind of ['dragenter', 'dragover', 'drop'])
    on.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
}
"""
DROP_FOLDER = """
(tree) => {
  const entry = (name, node) => typeof node === 'string'
    ? { isFile: true, name, file: (done) => done(new File([node], name)) }
    : { isFile: false, name, createReader() {
        const children = Object.entries(node).map(([key, value]) => entry(key, value));
        return { readEntries: (done) => done(children.splice(0, 2)) };  // In portions, as browsers do.
      } };
  const roots = Object.entries(tree).map(([key, value]) => entry(key, value));
  const data = { types: ['Files'], files: [], items: roots.map((root) => ({ webkitGetAsEntry: () => root })) };
  const event = new Event('drop', { bubbles: true, cancelable: true });
  Object.defineProperty(event, 'dataTransfer', { value: data });
  document.querySelector('#listing').dispatchEvent(event);
}
"""


def choose(page: Page, paths: list[str]) -> None:
    page.locator("[data-input=files]").set_input_files(paths)


def stored(reader: Reader, **query: str) -> list[str]:
    items = reader.http.get("/api/files", params={"limit": "200", "sort": "name", **query}).json()["items"]
    return [item["name"] for item in items]


def test_chosen_photographs_arrive_and_get_their_pictures(reader: Reader, photographs: Photographs) -> None:
    page = reader.goto("/app/files")
    choose(page, photographs(5))
    tray = page.get_by_role("region", name=re.compile("upload"))
    expect(tray.get_by_role("heading")).to_have_text("5 files uploaded")
    expect(page.locator(".tile img")).to_have_count(5)
    assert stored(reader) == [f"Photograph {number:03}.jpg" for number in range(5)]
    tray.get_by_role("button", name="Close").click()
    expect(tray).to_be_hidden()


@pytest.mark.long
def test_two_hundred_files_do_not_freeze_the_page(reader: Reader, tmp_path: Path) -> None:
    paths = [tmp_path / f"Note {number:03}.txt" for number in range(220)]
    for path in paths:
        path.write_text(f"This is {path.stem}.")
    page = reader.goto("/app/files")
    page.evaluate("""() => {
        window.longest = 0;
        new PerformanceObserver((list) => {
            for (const { duration } of list.getEntries()) window.longest = Math.max(window.longest, duration);
        }).observe({ type: 'longtask' });
    }""")
    choose(page, [str(path) for path in paths])
    expect(page.get_by_role("heading", name="220 files uploaded")).to_be_visible(timeout=60_000)
    assert page.locator(".tray-row").count() <= 30
    assert page.evaluate("window.longest") < 1000  # ms; generous, for the machine is shared
    expect(page.locator("#page-meta")).to_have_text(re.compile("^220 files"))
    assert len(stored(reader)) == 200  # a page of the API; the line above counts all
    page.reload()
    expect(page.locator(".tile")).to_have_count(120)
    page.keyboard.press("End")
    page.mouse.wheel(0, 100_000)
    expect(page.locator(".tile")).to_have_count(220)
    names = reader.names()
    assert len(set(names)) == 220


def test_uploads_go_on_while_one_walks_on(reader: Reader, photographs: Photographs) -> None:
    folder = reader.folder("Dorset")
    page = reader.goto(f"/app/files/folder/{folder['id']}")
    held: list[Route] = []
    page.route("**/api/files?*", lambda route: held.append(route))  # noqa: PLW0108 - Playwright looks at its signature
    choose(page, photographs(2))
    reader.until(lambda: page.evaluate("document.querySelectorAll('.tray-row').length") == 2)
    page.get_by_role("link", name="Trash").first.click()
    expect(page.get_by_role("heading", name="Trash")).to_be_visible()
    expect(page.get_by_role("heading", name="Uploading 1 of 2")).to_be_visible()
    for route in held:
        route.continue_()
    expect(page.get_by_role("heading", name="2 files uploaded")).to_be_visible()
    assert len(stored(reader, folder_id=folder["id"])) == 2


def test_three_at_a_time_and_all_can_be_cancelled(reader: Reader, photographs: Photographs) -> None:
    page = reader.goto("/app/files")
    held: list[Route] = []
    page.route("**/api/files?*", lambda route: held.append(route))  # noqa: PLW0108 - Playwright looks at its signature
    choose(page, photographs(8))
    reader.until(lambda: page.evaluate("document.querySelectorAll('.tray-row').length") >= 5)
    expect(page.get_by_text("and 3 more")).to_be_visible()
    assert len(held) == 3
    page.get_by_role("button", name="Cancel Photograph 001.jpg").click()
    reader.until(lambda: len(held) == 4)
    page.get_by_role("button", name="Cancel all").click()
    expect(page.locator(".tray")).to_be_hidden()
    assert stored(reader) == []


def test_what_failed_is_tried_again_and_comes_once(reader: Reader, photographs: Photographs) -> None:
    page = reader.goto("/app/files")
    [path] = photographs(1)
    keys: list[str] = []

    def lose_the_answer(route: Route) -> None:
        """The server stores the file, but the browser never hears of it."""
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            route.fetch(post_data=Path(path).read_bytes())  # An intercepted request does not hold its file.
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/api/files?*", lose_the_answer)
    choose(page, [path])
    expect(page.get_by_role("heading", name="1 file uploaded")).to_be_visible()
    assert keys[0] == keys[1]
    assert stored(reader) == ["Photograph 000.jpg"]


def test_a_refusal_is_told_beside_the_file_and_can_be_repeated(reader: Reader, photographs: Photographs) -> None:
    page = reader.goto("/app/files")
    problem = '{"type": "/problems/storage-full", "title": "Full", "status": 507, "detail": "Not enough room."}'
    page.route(
        "**/api/files?*",
        lambda route: route.fulfill(status=507, body=problem, content_type="application/problem+json"),
        times=1,
    )
    choose(page, photographs(1))
    expect(page.locator(".tray-row.failed")).to_contain_text("Not enough room.")
    expect(page.get_by_role("heading", name="0 files uploaded, 1 not")).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", name="1 file uploaded")).to_be_visible()
    assert stored(reader) == ["Photograph 000.jpg"]


def test_files_are_dropped_on_the_page_and_on_a_folder(reader: Reader) -> None:
    folder = reader.folder("Dorset")
    page = reader.goto("/app/files")
    page.evaluate(DROP, ["#listing", ["Here.txt", "Here too.txt"]])
    expect(page.get_by_role("heading", name="2 files uploaded")).to_be_visible()
    page.evaluate(DROP, [f"#entry-{folder['id']} .open", ["There.txt"]])
    expect(reader.entry("Dorset")).to_contain_text("1 file")
    assert stored(reader) == ["Here too.txt", "Here.txt"]
    assert stored(reader, folder_id=folder["id"]) == ["There.txt"]
    expect(page.locator("#drop")).to_be_hidden()


def test_a_dropped_folder_comes_with_all_that_is_in_it(reader: Reader) -> None:
    page = reader.goto("/app/files")
    reader.folder("Photographs")  # Is there already, and is filled.
    tree = {
        "Photographs": {
            "One.txt": "1",
            "Two.txt": "2",
            "Three.txt": "3",
            "Dorset": {"Four.txt": "4"},
            "Nothing": {},
        }
    }
    page.evaluate(DROP_FOLDER, tree)
    expect(page.get_by_role("heading", name="4 files uploaded")).to_be_visible()
    roots = reader.http.get("/api/folders").json()["items"]
    assert [root["name"] for root in roots] == ["Photographs"]
    reader.until(lambda: len(_folders(reader, roots[0]["id"])) == 2)
    inside = {one["name"]: one["id"] for one in _folders(reader, roots[0]["id"])}
    assert inside.keys() == {"Dorset", "Nothing"}
    assert stored(reader, folder_id=roots[0]["id"]) == ["One.txt", "Three.txt", "Two.txt"]
    assert stored(reader, folder_id=inside["Dorset"]) == ["Four.txt"]


def _folders(reader: Reader, parent_id: str) -> list[dict[str, str]]:
    items: list[dict[str, str]] = reader.http.get("/api/folders", params={"parent_id": parent_id}).json()["items"]
    return items


def test_a_chosen_folder_keeps_its_folders(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "Summer" / "Beach").mkdir(parents=True)
    (tmp_path / "Summer" / "List.txt").write_text("Towels.")
    (tmp_path / "Summer" / "Beach" / "Shells.txt").write_text("Seven.")
    page = reader.goto("/app/files")
    page.locator("[data-input=folder]").set_input_files(tmp_path / "Summer")
    expect(page.get_by_role("heading", name="2 files uploaded")).to_be_visible()
    expect(reader.entry("Summer")).to_contain_text("1 file, 1 folder")


def test_leaving_while_something_is_sent_asks_first(reader: Reader, photographs: Photographs) -> None:
    page = reader.goto("/app/files")
    page.route("**/api/files?*", lambda _route: None)
    page.get_by_role("heading", name="Files").click()  # Browsers ask only where somebody did something.
    choose(page, photographs(1))
    expect(page.get_by_role("heading", name="Uploading 1 of 1")).to_be_visible()
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    with page.expect_event("close"):
        page.close(run_before_unload=True)
    assert asked == ["beforeunload"]
