"""Searching in the browser: the field of the bar, the palette, the page of results; by keyboard, and as axe sees it."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.pages.conftest import Reader
from tests.pages.test_axe import LOOKS, find_nothing

pytestmark = [pytest.mark.browser, pytest.mark.long]


@pytest.fixture(params=LOOKS)
def look(request: pytest.FixtureRequest) -> dict[str, Any]:
    options: dict[str, Any] = request.param
    return options | {"reduced_motion": "reduce"}


def known(reader: Reader, query: str) -> None:
    """Wait until the index has what was just uploaded."""
    reader.until(lambda: bool(reader.http.get("/api/search", params={"q": query}).json()["items"]))


def fill(reader: Reader) -> None:
    folder = reader.folder("Summer 2023")["id"]
    reader.upload("Quince <b>jelly.txt", b"Two kilograms of quinces, boiled with sugar.", folder_id=folder)
    for number in range(30):
        reader.upload(f"Orchard {number:02}.txt", f"In orchard {number} there are apples.".encode())
    known(reader, "orchard 29")


def test_results_at_once_and_by_keys(reader: Reader) -> None:
    fill(reader)
    page = reader.goto("/app/notifications")
    page.keyboard.press("/")
    field = page.get_by_role("combobox", name="Search everything")
    expect(field).to_be_focused()
    page.keyboard.type("quinc")
    first = page.get_by_role("option").first
    expect(first).to_contain_text("Quince <b>jelly.txt")
    expect(first).to_contain_text("Summer 2023")
    expect(first.locator(".suggestion-title mark")).to_have_text("Quince")
    expect(first.locator("b")).to_have_count(0)
    page.keyboard.press("ArrowDown")
    expect(first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    expect(field).to_have_value("quinc")
    page.keyboard.type("e")
    expect(first).to_be_visible()
    page.keyboard.press("Enter")
    page.wait_for_url("**/app/search?q=quince")
    expect(page.locator(".found-item")).to_have_count(1)
    expect(page.locator(".found-snippet mark").first).to_have_text("quinces")

    # On the page of results what one types changes it, and the address; further ones come when they are scrolled to.
    field = page.get_by_role("searchbox", name="Search everything")
    field.fill("orchard")
    expect(page.get_by_role("status").filter(has_text="30 are found.")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/app/search\?q=orchard"))
    page.keyboard.press("ArrowDown")
    expect(page.locator(".found-title").first).to_be_focused()
    page.locator(".onward").scroll_into_view_if_needed()
    expect(page.locator(".found-item")).to_have_count(30)
    page.get_by_role("button", name="Best first").click()
    page.get_by_role("menuitemradio", name="By name").click()
    page.wait_for_url("**sort=name**")
    expect(page.locator(".found-title").first).to_have_text("Orchard 00.txt")
    page.locator(".found-title").first.click()
    page.wait_for_url("**/app/files**")


def test_the_palette_goes_and_does_and_finds(reader: Reader) -> None:
    fill(reader)
    page = reader.goto("/app/files")
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Go to, do, or find anything")
    expect(field).to_be_focused()
    expect(page.get_by_role("group", name="Lately").get_by_role("option")).to_have_count(6)
    page.keyboard.type("tas")
    expect(page.get_by_role("group", name="Go to").get_by_role("option").first).to_have_text("Tasks")
    page.keyboard.press("Enter")
    page.wait_for_url("**/app/tasks**")
    page.keyboard.press("Control+k")
    page.keyboard.type("dark")
    expect(page.get_by_role("option", selected=True)).to_have_text("Appearance: dark")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_role("link", name="Search everything").click()
    page.keyboard.type("quince")
    expect(page.get_by_role("option", selected=True)).to_contain_text("Quince")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_axe_finds_nothing(browse: Callable[..., Reader], look: dict[str, Any]) -> None:
    reader = browse(**look)
    fill(reader)
    page = reader.goto("/app/search")
    find_nothing(page, "how to ask")
    reader.goto("/app/search?q=orchard")
    find_nothing(page, "results")
    reader.goto("/app/search?q=nothing+like+it+size:<x")
    find_nothing(page, "nothing")
    reader.goto("/app/notifications")
    page.keyboard.press("/")
    page.keyboard.type("orchard")
    expect(page.get_by_role("option").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    find_nothing(page, "suggestions")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("option").first).to_be_visible()
    find_nothing(page, "the palette")
