"""Stories of the file manager: putting papers in order with tree, mouse and clipboard; a folder of many; previews."""

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from tests.pages.conftest import Reader

pytestmark = [pytest.mark.browser, pytest.mark.long]


def send_many(reader: Reader, names: list[str], folder_id: str) -> None:
    parts = [("file", (name, name.encode())) for name in names]
    answer: httpx.Response = reader.http.post("/api/files/batch", params={"folder_id": folder_id}, files=parts)
    assert answer.status_code == 201, answer.text


def selected(reader: Reader) -> list[str]:
    names: list[str] = reader.page.locator(".entry.is-selected").evaluate_all(
        "all => all.map((one) => one.dataset.name)"
    )
    return names


def test_putting_papers_in_order(reader: Reader) -> None:
    """Somebody has papers at the top, and folders for them: they open the tree, drag, cut, paste, and look at one."""
    papers = reader.folder("Papers")
    lease = reader.folder("Lease", papers["id"])
    for name in ("Contract.txt", "Keys.txt", "Receipt.txt", "Rent.md"):
        reader.upload(name, b"# We agree\n\nTo *this*.")
    page = reader.goto("/app/files?sort=name&view=details")
    tree = page.get_by_role("tree", name="Folders")
    top = tree.get_by_role("treeitem", name="Papers")
    top.focus()
    page.keyboard.press("ArrowRight")
    inner = tree.get_by_role("treeitem", name="Lease")
    expect(inner).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(inner).to_be_focused()
    # A drag onto the tree, undone and done again.
    reader.entry("Contract.txt").locator(".open").drag_to(inner.locator(".tree-row"))
    expect(reader.entry("Contract.txt")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(reader.entry("Contract.txt")).to_be_visible()
    # A click beside the name selects; the details follow.
    reader.entry("Keys.txt").locator(".row-size").click()
    assert selected(reader) == ["Keys.txt"]
    page.keyboard.press("i")
    expect(page.locator("#details .facts-name")).to_have_text("Keys.txt")
    reader.entry("Contract.txt").locator(".row-size").click(modifiers=["Shift"])
    assert selected(reader) == ["Contract.txt", "Keys.txt"]
    expect(page.locator("#details")).to_contain_text("2 entries selected")
    # Cut here, pasted there.
    page.keyboard.press("Control+x")
    expect(page.get_by_text("2 entries cut.")).to_be_visible()
    inner.locator(".tree-row").click()
    expect(page.get_by_role("heading", name="Lease")).to_be_visible()
    expect(inner).to_have_attribute("aria-current", "page")
    page.keyboard.press("Control+v")
    expect(page.locator(".row")).to_have_count(2)
    assert selected(reader) == ["Contract.txt", "Keys.txt"]
    inside = reader.http.get("/api/files", params={"folder_id": lease["id"]}).json()["items"]
    assert sorted(file["name"] for file in inside) == ["Contract.txt", "Keys.txt"]
    # The way leads on: the menu behind a step names the folders in it.
    reader.folder("Insurance", papers["id"])
    expect(tree.get_by_role("treeitem", name="Insurance")).to_be_visible()
    page.get_by_role("button", name="Folders in Papers").click()
    expect(page.get_by_role("menuitem", name="Lease")).to_be_visible()
    page.get_by_role("menuitem", name="Insurance").click()
    expect(page.get_by_role("heading", name="Insurance")).to_be_visible()
    # What changed lately is found wherever it lies, and Markdown reads as prose.
    page.get_by_role("link", name="Recent").click()
    expect(page.locator(".entry")).to_have_count(4)
    page.get_by_role("link", name="Rent.md").click()
    expect(page.locator(".prose em")).to_have_text("this")
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Rent.md")).to_be_focused()


def test_a_frame_is_drawn_around_entries(reader: Reader) -> None:
    for number in range(3):
        reader.upload(f"Note {number}.txt", b"x")
    page = reader.goto("/app/files?sort=name")
    last: Any = page.locator("#entries .tile").last.bounding_box()
    first: Any = page.locator("#entries .tile").first.bounding_box()
    page.mouse.move(last["x"] + last["width"] + 40, last["y"] + last["height"] + 40)
    page.mouse.down()
    page.mouse.move(last["x"] + 20, last["y"] + 20, steps=4)
    expect(page.locator(".band")).to_be_visible()
    reader.until(lambda: "Note 2.txt" in selected(reader))
    assert "Note 0.txt" not in selected(reader)
    page.mouse.move(first["x"] - 8, first["y"] + 10, steps=4)
    reader.until(lambda: len(selected(reader)) == 3)
    page.mouse.up()
    expect(page.locator(".band")).to_be_hidden()
    expect(page.get_by_text("3 selected")).to_be_visible()
    page.mouse.click(last["x"] + last["width"] + 40, last["y"] + last["height"] + 60)
    assert selected(reader) == []


@pytest.mark.parametrize("view", ["grid", "details"])
def test_a_folder_of_many_stays_light(reader: Reader, view: str) -> None:
    folder = reader.folder("Many")
    names = [f"Letter {number:04}.txt" for number in range(600)]
    for at in range(0, len(names), 300):
        send_many(reader, names[at : at + 300], folder["id"])
    page = reader.goto(f"/app/files/folder/{folder['id']}?sort=name&view={view}")
    page.locator(".entry .open").first.focus()
    page.keyboard.press("Space")
    page.evaluate("""async () => {
        while (document.querySelector("#onward")) {
            scrollTo(0, document.documentElement.scrollHeight);
            await new Promise((resolve) => setTimeout(resolve, 20));
        }
    }""")
    assert reader.names() == names
    near = page.locator("#entries > .entry:not(.is-away)")
    reader.until(lambda: near.count() < 300)
    assert selected(reader) == names[:1]
    # What is far away comes back before it is seen, selected as it was, and is found by the keyboard.
    page.evaluate("scrollTo(0, 0)")
    expect(page.get_by_role("link", name=names[0])).to_be_in_viewport()
    expect(page.get_by_label(f"Select {names[0]}")).to_be_checked()
    page.keyboard.press("End")
    expect(page.get_by_role("link", name=names[-1])).to_be_focused()
    # A change elsewhere reaches one that is away.
    file = reader.http.get("/api/files", params={"folder_id": folder["id"], "limit": 1, "sort": "name"}).json()["items"]
    reader.http.patch(f"/api/files/{file[0]['id']}", json={"name": "Letter 0000, read.txt"}).raise_for_status()
    reader.until(lambda: reader.names()[0] == "Letter 0000, read.txt")


def test_pictures_are_looked_at_closer(reader: Reader, photograph: Any) -> None:
    reader.upload("Harbour.jpg", photograph(0, size=(900, 600)))
    reader.upload("Quay.jpg", photograph(1, size=(900, 600)))
    page = reader.goto("/app/files")
    expect(page.locator(".tile img")).to_have_count(2)
    page.get_by_role("link", name="Harbour.jpg").click()
    picture = page.locator("#preview-stage img[alt='Harbour.jpg']")
    expect(picture).to_be_visible()
    fitting: Any = picture.bounding_box()
    page.get_by_role("button", name="Larger").click()
    page.keyboard.press("+")
    larger: Any = picture.bounding_box()
    assert larger["width"] > 2 * fitting["width"]
    page.mouse.move(640, 400)
    page.mouse.down()
    page.mouse.move(740, 400, steps=3)
    page.mouse.up()
    moved: Any = picture.bounding_box()
    assert moved["x"] > larger["x"] + 50
    page.keyboard.press("0")
    again: Any = picture.bounding_box()
    assert again["width"] == pytest.approx(fitting["width"], abs=1)
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("dialog", name=re.compile("Quay.jpg"))).to_be_visible()
