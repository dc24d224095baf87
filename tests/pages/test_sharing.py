"""The dialog in which things are shared, and the pages of who holds a link: in Chromium, the latter without scripts."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.pages.conftest import Reader
from tests.pages.test_axe import find_nothing

pytestmark = [pytest.mark.browser, pytest.mark.long]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_a_folder_is_shared_in_the_dialog(browse: Callable[..., Reader], width: int, scheme: str) -> None:
    reader = browse(viewport={"width": width, "height": 860}, color_scheme=scheme, reduced_motion="reduce")
    folder = reader.folder("Dorset")
    page = reader.goto("/app/files")
    reader.entry("Dorset").click(button="right", position={"x": 5, "y": 5})
    page.get_by_role("menuitem", name="Share …").click()
    dialog = page.locator("#share-dialog")
    expect(dialog.get_by_role("heading", name="Share “Dorset”")).to_be_visible()
    dialog.get_by_label("E-mail address").fill("aunt@example.org")
    dialog.get_by_label("They may", exact=True).select_option("edit")
    dialog.get_by_role("button", name="Share", exact=True).click()
    expect(dialog.locator("#share-people li")).to_contain_text("aunt@example.org")
    find_nothing(page, "share")
    dialog.get_by_role("button", name="Make a link").click()
    dialog.get_by_label("Label").fill("The cousins")
    dialog.get_by_label("Downloads at most").fill("5")
    find_nothing(page, "new link")
    page.keyboard.press("Enter")
    url = dialog.get_by_label("The new link").input_value()
    assert reader.http.get(url).status_code == 200
    expect(dialog.get_by_alt_text("The link as a QR code")).to_be_visible()
    find_nothing(page, "link made")
    dialog.get_by_role("button", name="Done").click()
    expect(dialog.locator("#share-links li")).to_contain_text("0 of 5 downloads")
    dialog.get_by_role("button", name="Settings: The cousins").click()
    dialog.get_by_label("Password").fill("sea and sand")
    dialog.get_by_label("Ask visitors for their name").check()
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.locator("#share-links li")).to_contain_text("password · asks for a name")
    reader.http.post(url, data={"name": "Maeve", "password": "sea and sand"})
    assert "Dorset" in reader.http.get(url).text
    dialog.get_by_role("button", name="Who came: The cousins").click()
    expect(dialog.locator(".ledger li").first).to_contain_text("Maeve came")
    find_nothing(page, "ledger")
    dialog.get_by_role("button", name="Back").click()
    dialog.get_by_role("button", name="Revoke: The cousins").click()
    expect(dialog.locator("#share-links")).to_contain_text("None.")
    assert reader.http.get(url).status_code == 404
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    reader.goto(f"/app/files#share={folder['id']}")
    expect(page.get_by_role("heading", name="Share “Dorset”")).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1280, "dark")])
def test_a_visitor_needs_no_script(
    browse: Callable[..., Reader], photograph: Callable[..., bytes], tmp_path: Path, width: int, scheme: str
) -> None:
    owner = browse()
    folder = owner.folder("Dorset, June")
    inner = owner.folder("Maps", folder["id"])
    owner.upload("cliffs.jpg", photograph(), folder_id=folder["id"])
    owner.upload("list.txt", b"Boots\nFlask\n", folder_id=inner["id"])

    def link(**given: object) -> str:
        answer = owner.http.post("/api/shares/links", json={"item_id": folder["id"], **given})
        return str(answer.json()["url"])

    look = {"viewport": {"width": width, "height": 740}, "color_scheme": scheme}
    visitor = browse(signed_in=False, java_script_enabled=False, **look)
    page = visitor.page
    page.goto(link(access="download", password="sea and sand", asks_name=True))
    page.get_by_label("Your name").fill("Maeve")
    page.get_by_label("Password").fill("sea and mud")
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_text("That is not the password")).to_be_visible()
    page.get_by_label("Password").fill("sea and sand")
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("heading", name="Dorset, June")).to_be_visible()
    with page.expect_download() as started:
        page.get_by_role("link", name="Download all").click()
    assert started.value.suggested_filename == "Dorset, June.zip"
    page.get_by_role("link", name="Maps").click()
    page.get_by_role("link", name="list.txt", exact=True).click()
    expect(page.get_by_text("Boots Flask")).to_be_visible()
    with page.expect_download() as started:
        page.get_by_role("link", name="Download").click()
    assert Path(started.value.path()).read_bytes() == b"Boots\nFlask\n"
    page.get_by_role("link", name="Dorset, June").click()
    expect(page.get_by_text("cliffs.jpg")).to_be_visible()

    page.goto(link(access="upload", most_files=2))
    chosen = tmp_path / "from Maeve.txt"
    chosen.write_bytes(b"hello")
    page.get_by_label("Files").set_input_files(chosen)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("1 file arrived. Thank you.")).to_be_visible()
    listed = owner.http.get("/api/files", params={"folder_id": folder["id"]}).json()["items"]
    assert {one["name"] for one in listed} == {"cliffs.jpg", "from Maeve.txt"}

    scripted = browse(signed_in=False, **look)  # The same with a script, which axe needs, too.
    scripted.page.goto(page.url.partition("?")[0])
    find_nothing(scripted.page, "upload")
    scripted.page.get_by_label("Files").set_input_files(chosen)
    scripted.page.get_by_role("button", name="Send").click()
    expect(scripted.page.locator("#sent li")).to_contain_text("arrived")
    for url, state in ((link(), "folder"), (link(password="12345678", asks_name=True), "gate")):
        scripted.page.goto(url)
        find_nothing(scripted.page, state)
    scripted.page.goto(re.sub("cpl_.*", "cpl_nothing", page.url))
    find_nothing(scripted.page, "lost")
