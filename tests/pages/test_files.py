"""A folder's page: looking, renaming, deleting and undoing, making folders, filtering."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import WebSocketRoute, expect

from tests.pages.conftest import Reader

pytestmark = pytest.mark.browser
Photograph = Callable[..., bytes]


def test_an_empty_drive_teaches(reader: Reader) -> None:
    page = reader.goto("/app/files")
    expect(page.get_by_text("Drop photographs, papers or whole folders here.")).to_be_visible()
    expect(page.get_by_role("button", name="Choose files")).to_be_visible()


def test_photographs_stand_under_the_days_they_were_taken(reader: Reader, photograph: Photograph) -> None:
    for number in (0, 1, 1, 2):
        reader.upload(f"Day {number}.jpg", photograph(number))
    page = reader.goto("/app/files")
    expect(page.locator(".tile img")).to_have_count(4)
    shown = page.locator("#entries > li").evaluate_all(
        "all => all.map((one) => one.dataset.name ?? one.innerText.trim())"
    )
    same_day = sorted(shown[3:5])  # Both were taken at the same second.
    assert same_day == ["Day 1 (2).jpg", "Day 1.jpg"]
    assert shown[:3] + shown[5:] == ["14 June", "Day 0.jpg", "13 June", "12 June", "Day 2.jpg"]
    expect(page.locator("#page-meta")).to_have_text(re.compile(r"^4 files, "))


@pytest.mark.walk
def test_a_thumbnail_appears_by_itself(reader: Reader, photograph: Photograph) -> None:
    page = reader.goto("/app/files")
    expect(page.locator(".entry")).to_have_count(0)
    reader.upload("Harbour.jpg", photograph())  # From another device; a job makes the picture.
    picture = page.locator('.entry[data-name="Harbour.jpg"] img')
    expect(picture).to_be_visible()
    reader.until(lambda: picture.evaluate("image => image.naturalWidth > 0"))
    expect(page.locator("#page-meta")).to_have_text(re.compile(r"^1 file, "))


@pytest.mark.walk
def test_what_changes_in_one_tab_changes_in_the_other(reader: Reader, photograph: Photograph) -> None:
    reader.upload("Harbour.jpg", photograph())
    page = reader.goto("/app/files")
    other = reader.another_tab()
    other.goto(f"{reader.url}/app/files")
    other.get_by_role("link", name="Harbour.jpg").focus()
    other.keyboard.press("F2")
    other.keyboard.type("Harbour at dawn")
    other.keyboard.press("Enter")
    expect(page.locator(".tile .name")).to_have_text("Harbour at dawn.jpg")
    page.get_by_role("link", name="Harbour at dawn.jpg").focus()
    page.keyboard.press("Delete")
    expect(other.locator(".tile")).to_have_count(0)


def test_changes_during_a_break_are_caught_up_with(reader: Reader) -> None:
    connections: list[WebSocketRoute] = []

    def connected(socket: WebSocketRoute) -> None:
        connections.append(socket)
        socket.connect_to_server()

    reader.page.route_web_socket("**/api/live*", connected)
    reader.goto("/app/files")
    reader.folder("Before")
    expect(reader.entry("Before")).to_be_visible()
    connections[0].close(code=1012)
    reader.folder("Meanwhile")
    expect(reader.entry("Meanwhile")).to_be_visible()
    assert len(connections) == 2
    assert "since=" in connections[1].url


def test_a_folder_is_made_and_named_in_place(reader: Reader) -> None:
    page = reader.goto("/app/files")
    page.get_by_role("button", name="New folder").click()
    page.get_by_label("New name of New folder").fill("Dorset")
    page.keyboard.press("Enter")
    expect(reader.entry("Dorset")).to_be_visible()
    assert [folder["name"] for folder in reader.http.get("/api/folders").json()["items"]] == ["Dorset"]


def test_renaming_selects_the_name_without_its_extension(reader: Reader) -> None:
    reader.upload("Lease.txt", b"We agree.")
    page = reader.goto("/app/files")
    page.get_by_role("link", name="Lease.txt").focus()
    page.keyboard.press("F2")
    page.keyboard.type("Lease, Mill Lane 4")
    page.keyboard.press("Enter")
    expect(reader.entry("Lease, Mill Lane 4.txt")).to_be_visible()
    expect(page.get_by_role("link", name="Lease, Mill Lane 4.txt")).to_be_focused()


def test_a_name_that_is_taken_is_refused_where_it_was_written(reader: Reader) -> None:
    reader.folder("Dorset")
    reader.folder("Kitchen")
    page = reader.goto("/app/files")
    page.get_by_role("link", name=re.compile("Kitchen")).focus()
    page.keyboard.press("F2")
    page.keyboard.type("Dorset")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("There is already something named “Dorset” here.")
    field = page.get_by_label("New name of Kitchen")
    expect(field).to_be_focused()
    page.keyboard.press("Escape")
    expect(field).to_have_count(0)
    assert reader.names() == ["Dorset", "Kitchen"]


@pytest.mark.walk
def test_deleting_is_undone_by_a_click(reader: Reader, photograph: Photograph) -> None:
    for number in range(3):
        reader.upload(f"Photograph {number}.jpg", photograph(number))
    page = reader.goto("/app/files")
    expect(page.locator(".tile img")).to_have_count(3)
    before = reader.names()
    page.locator(".tile").nth(0).hover()
    page.get_by_label(f"Select {before[0]}").check()
    page.get_by_label(f"Select {before[1]}").check()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator(".tile")).to_have_count(1)
    expect(page.get_by_text("2 files deleted.")).to_be_visible()
    assert [item["name"] for item in reader.http.get("/api/files").json()["items"]] == [before[2]]
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".tile")).to_have_count(3)
    assert reader.names() == before
    assert len(reader.http.get("/api/files").json()["items"]) == 3


def test_the_menu_of_an_entry_deletes_it_and_ctrl_z_brings_it_back(reader: Reader) -> None:
    reader.upload("Lease.txt", b"We agree.")
    page = reader.goto("/app/files")
    page.locator(".tile").hover()
    page.get_by_role("button", name="What to do with Lease.txt").click()
    page.get_by_role("menuitem", name="Delete").click()
    expect(page.get_by_text("“Lease.txt” deleted.")).to_be_visible()
    expect(page.locator(".tile")).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(reader.entry("Lease.txt")).to_be_visible()


def test_the_trash_puts_things_back(reader: Reader) -> None:
    folder = reader.folder("Dorset")
    reader.upload("Inside.txt", b"x", folder_id=folder["id"])
    reader.http.delete(f"/api/folders/{folder['id']}").raise_for_status()
    page = reader.goto("/app/trash")
    row = page.locator(".row")
    expect(row).to_contain_text("Dorset")
    row.get_by_role("button", name="Put back").click()
    expect(page.get_by_text("“Dorset” is back.")).to_be_visible()
    expect(page.get_by_text("The trash is empty.")).to_be_visible()
    page.get_by_role("link", name="Files").first.click()
    expect(reader.entry("Dorset")).to_contain_text("1 file")


def test_a_folder_opens_without_loading_the_frame_anew(reader: Reader) -> None:
    folder = reader.folder("Dorset")
    inner = reader.folder("Beach", folder["id"])
    page = reader.goto("/app/files")
    page.evaluate("window.isSamePage = true")
    page.get_by_role("link", name=re.compile("Dorset")).click()
    expect(page.get_by_role("heading", name="Dorset")).to_be_visible()
    expect(page).to_have_title("Dorset · Commonplace")
    page.get_by_role("link", name=re.compile("Beach")).click()
    expect(page).to_have_url(f"{reader.url}/app/files/folder/{inner['id']}")
    trail = page.get_by_role("navigation", name="Breadcrumb").get_by_role("link")
    expect(trail).to_have_text(["Files", "Dorset"])
    page.go_back()
    expect(page.get_by_role("heading", name="Dorset")).to_be_visible()
    expect(reader.entry("Beach")).to_be_visible()
    assert page.evaluate("window.isSamePage")


def test_the_list_sorts_and_is_remembered(reader: Reader) -> None:
    for name, size in (("b.txt", 30), ("a.txt", 20), ("c.txt", 10)):
        reader.upload(name, b"x" * size)
    page = reader.goto("/app/files")
    page.get_by_role("link", name="With details").click()
    page.get_by_role("columnheader", name="Name").get_by_role("link").click()
    expect(page.get_by_role("columnheader", name="Name")).to_have_attribute("aria-sort", "ascending")
    assert reader.names() == ["a.txt", "b.txt", "c.txt"]
    page.get_by_role("columnheader", name="Size").get_by_role("link").click()
    expect(page.get_by_role("columnheader", name="Size")).to_have_attribute("aria-sort", "descending")
    assert reader.names() == ["b.txt", "a.txt", "c.txt"]
    reader.goto("/app/files")
    expect(page.get_by_role("table")).to_be_visible()
    assert reader.names() == ["b.txt", "a.txt", "c.txt"]
    reader.upload("d.txt", b"x" * 25)
    expect(page.locator(".row")).to_have_count(4)
    assert reader.names() == ["b.txt", "d.txt", "a.txt", "c.txt"]


def test_the_filter_looks_at_the_names_of_this_folder(reader: Reader) -> None:
    for name in ("Harbour.txt", "harp 100%.txt", "Kitchen.txt"):
        reader.upload(name, b"x")
    page = reader.goto("/app/files")
    page.keyboard.press("/")
    field = page.get_by_role("searchbox", name="Filter this folder by name")
    expect(field).to_be_focused()
    page.keyboard.type("HAR")
    expect(page.locator(".tile")).to_have_count(2)
    expect(page.locator("#page-meta")).to_contain_text("2 files")
    expect(field).to_be_focused()
    field.fill("%")
    expect(page.locator(".tile")).to_have_count(1)
    field.fill("nothing like it")
    expect(page.get_by_text("Nothing in this folder has “nothing like it” in its name.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".tile")).to_have_count(3)


def test_looking_at_one_photograph_after_the_other(reader: Reader, photograph: Photograph) -> None:
    for number in range(3):
        reader.upload(f"Photograph {number}.jpg", photograph(number, size=(900, 600)))
    page = reader.goto("/app/files")
    expect(page.locator(".tile img")).to_have_count(3)
    page.get_by_role("link", name="Photograph 0.jpg").click()
    expect(page.get_by_role("dialog", name="Photograph 0.jpg")).to_be_visible()
    _shows(reader, "Photograph 0.jpg")
    expect(page.locator("#preview-facts")).to_contain_text("900 \N{MULTIPLICATION SIGN} 600")
    expect(page.get_by_role("button", name="The one before")).to_be_hidden()
    page.keyboard.press("ArrowRight")
    _shows(reader, "Photograph 1.jpg")
    with page.expect_download() as download:
        page.locator("#preview-download").click()
    assert download.value.suggested_filename == "Photograph 1.jpg"
    page.get_by_role("button", name="The next one").click()
    _shows(reader, "Photograph 2.jpg")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("link", name="Photograph 2.jpg")).to_be_focused()


def _shows(reader: Reader, name: str) -> None:
    picture = reader.page.locator(f'#preview-stage img[alt="{name}"]')
    expect(picture).to_be_visible()
    reader.until(lambda: picture.evaluate("image => image.naturalWidth > 0"))


def test_text_is_shown_as_text(reader: Reader) -> None:
    reader.upload("Lease.txt", b"<b>Wir einigen uns</b>")
    page = reader.goto("/app/files")
    page.get_by_role("link", name="Lease.txt").click()
    expect(page.locator(".preview-text")).to_have_text("<b>Wir einigen uns</b>")


def test_what_has_no_preview_says_so(reader: Reader) -> None:
    reader.upload("Lease.pdf", b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n")
    page = reader.goto("/app/files")
    page.get_by_role("link", name="Lease.pdf").click()
    expect(page.get_by_text("There is no preview of this kind of file.")).to_be_visible()


def test_the_address_of_a_file_leads_into_its_folder_and_opens_it(reader: Reader) -> None:
    folder = reader.folder("Dorset")
    file = reader.upload("Lease.txt", b"We agree.", folder_id=folder["id"])
    page = reader.goto(f"/app/files?file={file['id']}")
    expect(page.get_by_role("dialog", name="Lease.txt")).to_be_visible()
    expect(page).to_have_url(f"{reader.url}/app/files/folder/{folder['id']}")


def test_somebody_elses_folder_is_not_there(browse: Callable[..., Reader]) -> None:
    folder = browse().folder("Dorset")
    stranger = browse()
    page = stranger.page
    answer = page.goto(f"{stranger.url}/app/files/folder/{folder['id']}")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", name="Nothing here")).to_be_visible()


def test_a_folder_that_is_deleted_elsewhere_is_left(reader: Reader) -> None:
    folder = reader.folder("Dorset")
    page = reader.goto(f"/app/files/folder/{folder['id']}")
    reader.http.delete(f"/api/folders/{folder['id']}").raise_for_status()
    expect(page.get_by_role("heading", name="Nothing here")).to_be_visible()
