"""axe finds nothing: on each page and in each state of it, by day and by night, on a desk and on a phone."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.pages.conftest import Reader

pytestmark = pytest.mark.browser

LOOKS = [
    pytest.param(
        {"viewport": {"width": width, "height": 860}, "color_scheme": scheme},
        id=f"{width} {scheme}",
        marks=[pytest.mark.long] if is_long else [],
    )
    for width, scheme, is_long in (
        (1280, "light", True),
        (360, "dark", False),
        (1280, "dark", True),
        (360, "light", True),
    )
]


@pytest.fixture(params=LOOKS)
def look(request: pytest.FixtureRequest) -> dict[str, Any]:
    options: dict[str, Any] = request.param
    return options | {"reduced_motion": "reduce"}


def find_nothing(page: Page, state: str) -> None:
    """Let axe look; and see that nothing makes the page wider than the window (WCAG 1.4.10)."""
    results = Axe().run(page)
    found = [
        f"{violation['id']}: {node['html'][:160]}"
        for violation in results.response["violations"]
        for node in violation["nodes"]
    ]
    assert not found, f"{state}: {found}"
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0, f"{state}: {overflow} px too wide"


def test_pages_for_who_comes_in(browse: Callable[..., Reader], look: dict[str, Any]) -> None:
    reader = browse(signed_in=False, **look)
    page = reader.goto("/app/sign-in")
    find_nothing(page, "sign in")
    page.get_by_label("E-mail address").fill(reader.email)
    page.get_by_label("Password", exact=True).fill("certainly wrong")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    find_nothing(page, "sign in, refused")
    reader.goto("/app/sign-up")
    find_nothing(page, "sign up")
    page.locator("form").evaluate("form => { form.noValidate = true; }")
    page.get_by_role("button", name="Make the account").click()
    expect(page.locator(".error").first).to_be_visible()
    find_nothing(page, "sign up, refused")
    reader.goto("/app/welcome?token=none")
    find_nothing(page, "a problem")


def test_pages_of_files(browse: Callable[..., Reader], photograph: Callable[..., bytes], look: dict[str, Any]) -> None:
    reader = browse(**look)
    page = reader.goto("/app/files")
    find_nothing(page, "an empty drive")
    folder = reader.folder("Dorset, a folder with a name that is rather long for a card on a phone")
    reader.upload("Lease, Mill Lane 4, signed by both parties and by the notary.txt", b"We agree.")
    reader.upload("Harbour.jpg", photograph())
    reader.goto("/app/files")
    expect(page.locator(".tile img")).to_have_count(1)
    find_nothing(page, "a grid")
    page.locator(".tile .open").first.focus()
    page.keyboard.press("Space")
    find_nothing(page, "something selected")
    page.keyboard.press("Escape")
    page.locator(".tile .open").first.focus()
    page.keyboard.press("F2")
    find_nothing(page, "renaming")
    page.keyboard.press("Escape")
    page.locator(".tile .dots").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Rename")).to_be_visible()
    find_nothing(page, "a menu")
    page.keyboard.press("Escape")
    page.locator(".tile .open").first.focus()
    page.keyboard.press("m")
    expect(page.get_by_role("dialog").get_by_role("button", name="Dorset")).to_be_visible()
    find_nothing(page, "choosing a folder")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Eva Berger").click()
    find_nothing(page, "the menu of the person")
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Harbour.jpg").click()
    expect(page.locator("#preview-stage img[alt='Harbour.jpg']")).to_be_visible()
    find_nothing(page, "a preview")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    find_nothing(page, "the keys")
    page.keyboard.press("Escape")
    for view in ("list", "details"):
        reader.goto(f"/app/files?view={view}")
        expect(page.locator("#tree [role=treeitem]")).to_have_count(1)
        find_nothing(page, f"the view {view}")
    page.locator(".entry .open").first.focus()
    page.keyboard.press("i")
    expect(page.locator("#details .facts-name")).to_be_visible()
    find_nothing(page, "the details")
    reader.goto("/app/files/shared")
    find_nothing(page, "what is shared")
    reader.goto(f"/app/files/folder/{folder['id']}")
    find_nothing(page, "an empty folder")


def test_uploads_trash_and_profile(browse: Callable[..., Reader], look: dict[str, Any]) -> None:
    reader = browse(**look)
    reader.upload("Lease.txt", b"We agree.")
    page = reader.goto("/app/files")
    page.route("**/api/files?*", lambda _route: None)
    notes = [{"name": f"Note {number}.txt", "mimeType": "text/plain", "buffer": b"x"} for number in range(9)]
    page.locator("[data-input=files]").set_input_files(notes)
    expect(page.get_by_role("heading", name="Uploading 1 of 9")).to_be_visible()
    find_nothing(page, "the upload tray")
    page.get_by_role("button", name="Cancel all").click()
    page.get_by_role("link", name="Lease.txt").focus()
    page.keyboard.press("Delete")
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    find_nothing(page, "a toast")
    reader.goto("/app/trash")
    find_nothing(page, "the trash")
    page.get_by_role("button", name="Put back").click()
    expect(page.get_by_text("The trash is empty.")).to_be_visible()
    find_nothing(page, "an empty trash")
    reader.goto("/app/profile")
    find_nothing(page, "the profile")
    reader.goto("/app/files/folder/01a1fdce-98f6-70a9-970b-f64d4c09118c")
    find_nothing(page, "nothing here")


def test_at_twice_the_size_everything_is_reached(browse: Callable[..., Reader]) -> None:
    """200 % zoom of a window of 1280 px is one of 640 px with twice the dots."""
    reader = browse(viewport={"width": 640, "height": 430}, device_scale_factor=2)
    reader.folder("Dorset")
    page = reader.goto("/app/files")
    find_nothing(page, "twice the size")
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("menuitem", name="A folder")).to_be_in_viewport()
