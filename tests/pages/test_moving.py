"""Moving entries to other folders: by a dialog and its keys, by dragging, and back again."""

import re

import pytest
from playwright.sync_api import expect

from tests.pages.conftest import Reader

pytestmark = pytest.mark.browser


def place_of(reader: Reader, file: dict[str, str]) -> str | None:
    place: str | None = reader.http.get(f"/api/files/{file['id']}").json()["folder_id"]
    return place


def test_a_dialog_leads_to_the_folder_and_undo_leads_back(reader: Reader) -> None:
    dorset = reader.folder("Dorset")
    beach = reader.folder("Beach", dorset["id"])
    lease = reader.upload("Lease.txt", b"We agree.")
    page = reader.goto("/app/files")
    page.get_by_role("link", name="Lease.txt").focus()
    page.keyboard.press("m")
    dialog = page.get_by_role("dialog", name="Move to another folder")
    expect(dialog.get_by_role("button", name="It is here already")).to_be_disabled()
    dialog.get_by_role("button", name="Dorset").click()
    dialog.get_by_role("button", name="Beach").click()
    expect(dialog.get_by_text("No folders in here.")).to_be_visible()
    dialog.get_by_role("button", name="Dorset", exact=True).click()
    dialog.get_by_role("button", name="Beach").click()
    dialog.get_by_role("button", name="Move to Beach").click()
    expect(page.get_by_text("“Lease.txt” moved to “Beach”.")).to_be_visible()
    expect(reader.entry("Lease.txt")).to_have_count(0)
    reader.until(lambda: place_of(reader, lease) == beach["id"])
    page.get_by_role("button", name="Undo").click()
    expect(reader.entry("Lease.txt")).to_be_visible()
    assert place_of(reader, lease) is None


def test_entries_are_dragged_onto_a_folder_and_up_again(reader: Reader) -> None:
    dorset = reader.folder("Dorset")
    files = [reader.upload(f"Note {number}.txt", b"x") for number in range(3)]
    page = reader.goto("/app/files?sort=name")
    page.get_by_role("link", name="Note 0.txt").click(modifiers=["Control"])
    page.get_by_role("link", name="Note 1.txt").click(modifiers=["Control"])
    page.get_by_role("link", name="Note 1.txt").drag_to(page.get_by_role("link", name=re.compile("Dorset")))
    expect(page.get_by_text("2 files moved to “Dorset”.")).to_be_visible()
    expect(reader.entry("Dorset")).to_contain_text("2 files")
    assert [place_of(reader, file) for file in files] == [dorset["id"], dorset["id"], None]
    expect(page.locator("#drop")).to_be_hidden()
    page.get_by_role("link", name=re.compile("Dorset")).click()
    expect(page.get_by_role("heading", name="Dorset")).to_be_visible()
    trail = page.get_by_role("navigation", name="Breadcrumb").get_by_role("link", name="Files")
    page.get_by_role("link", name="Note 0.txt").drag_to(trail)
    expect(page.get_by_text("“Note 0.txt” moved to “Files”.")).to_be_visible()
    assert place_of(reader, files[0]) is None


def test_a_folder_is_not_offered_to_itself(reader: Reader) -> None:
    reader.folder("Dorset")
    reader.folder("Kitchen")
    page = reader.goto("/app/files")
    page.get_by_role("link", name=re.compile("Dorset")).focus()
    page.keyboard.press("m")
    dialog = page.get_by_role("dialog", name="Move to another folder")
    expect(dialog.get_by_role("button", name="Dorset")).to_be_disabled()
    dialog.get_by_role("button", name="Kitchen").click()
    dialog.get_by_role("button", name="Move to Kitchen").click()
    expect(reader.entry("Kitchen")).to_contain_text("1 folder")
    assert reader.names() == ["Kitchen"]


def test_a_name_that_is_taken_there_is_told_and_nothing_is_lost(reader: Reader) -> None:
    dorset = reader.folder("Dorset")
    reader.upload("Lease.txt", b"Theirs.", folder_id=dorset["id"])
    reader.upload("Lease.txt", b"Ours.")
    page = reader.goto("/app/files")
    page.get_by_role("link", name="Lease.txt").focus()
    page.keyboard.press("m")
    dialog = page.get_by_role("dialog", name="Move to another folder")
    dialog.get_by_role("button", name="Dorset").click()
    dialog.get_by_role("button", name="Move to Dorset").click()
    expect(
        page.get_by_text(re.compile("“Lease.txt” could not be moved. There is already something named"))
    ).to_be_visible()
    expect(reader.entry("Lease.txt")).to_be_visible()
