"""The bell on every page, and the inbox: live, by keyboard, by mouse, and without scripts."""

import os
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from commonplace.installed import APPS
from tests import doorbell
from tests.acceptance.served import Served
from tests.pages.conftest import Reader
from tests.pages.test_axe import LOOKS, find_nothing

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An installation with an app that gives notices."""
    directory = tmp_path_factory.mktemp("notifications")
    doorbell.write(directory / "code")
    served = Served(
        directory,
        ACCOUNTS__BCRYPT_COST="4",
        APPS=",".join([*APPS, "doorbell.manifest:app"]),
        PYTHONPATH=os.pathsep.join([str(directory / "code"), os.environ.get("PYTHONPATH", "")]),
    ).start()
    yield served
    served.stop()


@pytest.fixture(params=LOOKS)
def look(request: pytest.FixtureRequest) -> dict[str, Any]:
    options: dict[str, Any] = request.param
    return options | {"reduced_motion": "reduce"}


def ring(reader: Reader, *callers: str, path: str | None = None) -> None:
    """The bell is rung at the reader's door; returns when their inbox has it."""
    for who in callers:
        before = unread(reader)
        answer = reader.http.post("/api/doorbell", params={"who": who} | ({} if path is None else {"path": path}))
        assert answer.status_code == 202, answer.text
        reader.until(lambda before=before: unread(reader) > before)  # type: ignore[misc]


def unread(reader: Reader) -> int:
    number: int = reader.http.get("/api/notifications/unread").json()["unread"]
    return number


def focused(reader: Reader) -> str:
    text: str = reader.page.evaluate("document.activeElement.textContent.trim()")
    return text


def test_the_bell_tells_on_every_page_what_comes_in(reader: Reader) -> None:
    page = reader.goto("/app/files")
    bell = page.get_by_role("link", name="Notifications")
    expect(bell).to_be_visible()
    expect(bell.locator(".badge")).to_have_count(0)
    ring(reader, "Cleo", path="/app/trash")
    expect(bell).to_have_accessible_name(re.compile(r"Notifications:\s*1\s*unread"))
    other = reader.another_tab()
    other.goto(reader.url + "/app/profile")
    expect(other.locator(".badge")).to_have_text("1")
    bell.click()
    expect(page.get_by_role("heading", name="Notifications")).to_be_focused()
    page.get_by_role("link", name="Cleo is at the door").click()
    expect(page.get_by_role("heading", name="Trash")).to_be_visible()
    expect(page.locator(".badge")).to_have_count(0)
    expect(other.locator(".badge")).to_have_count(0)
    assert unread(reader) == 0


def test_everything_by_keyboard(reader: Reader) -> None:
    ring(reader, "Ana", "Ben", "Cleo")
    page = reader.goto("/app/notifications")
    rows = page.locator(".notice-row")
    expect(rows).to_have_count(3)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert focused(reader) == "Ben is at the door"
    page.keyboard.press("u")
    expect(page.locator(".is-unread")).to_have_count(2)
    reader.until(lambda: focused(reader) == "Ben is at the door")
    page.keyboard.press("u")
    expect(page.locator(".is-unread")).to_have_count(3)
    reader.until(lambda: focused(reader) == "Ben is at the door")
    page.keyboard.press("Delete")
    expect(page.get_by_text("“Ben is at the door” is dismissed.")).to_be_visible()
    expect(rows).to_have_count(2)
    reader.until(lambda: focused(reader) == "Ana is at the door")
    page.keyboard.press("z")
    expect(rows).to_have_count(3)
    page.keyboard.press("Shift+A")
    expect(page.locator(".is-unread")).to_have_count(0)
    expect(page.get_by_text("Nothing is unread.")).to_be_visible()
    page.get_by_role("link", name="Unread", exact=True).click()
    expect(page.get_by_text("You have read everything.")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog").get_by_text("Dismiss", exact=True)).to_be_visible()


def test_two_windows_stay_equal_and_the_focus_stays(reader: Reader) -> None:
    ring(reader, "Ana", "Ben")
    page = reader.goto("/app/notifications")
    other = reader.another_tab()
    other.goto(reader.url + "/app/notifications")
    page.keyboard.press("ArrowDown")
    assert focused(reader) == "Ben is at the door"
    ring(reader, "Cleo")
    for window in (page, other):
        expect(window.locator(".notice-row")).to_have_count(3)
        expect(window.locator(".notice-row").first).to_contain_text("Cleo is at the door")
    reader.until(lambda: focused(reader) == "Ben is at the door")
    other.get_by_role("button", name="Dismiss").last.click()
    expect(page.locator(".notice-row")).to_have_count(2)
    other.get_by_role("button", name="Mark all as read").click()
    expect(page.locator(".is-unread")).to_have_count(0)
    expect(page.get_by_role("button", name="Mark all as read")).to_have_count(0)


def test_without_scripts_all_of_it_works(browse: Callable[..., Reader]) -> None:
    reader = browse(java_script_enabled=False)
    ring(reader, "Ana", "Ben")
    page = reader.goto("/app/files")
    page.get_by_role("link", name="Notifications").click()
    page.get_by_role("button", name="Mark as read").first.click()
    expect(page.locator(".is-unread")).to_have_count(1)
    page.get_by_role("button", name="Dismiss").first.click()
    expect(page.locator(".notice-row")).to_have_count(1)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".notice-row")).to_have_count(2)
    page.get_by_role("button", name="Mark all as read").click()
    expect(page.get_by_text("Nothing is unread.")).to_be_visible()
    page.get_by_role("link", name="What you are told").click()
    page.get_by_role("checkbox", name="Somebody is at the door: by mail").uncheck()
    page.get_by_label("Hold mail at night").check()
    page.get_by_label("From").fill("23:15")
    page.get_by_label("to", exact=True).fill("23:15")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("cannot begin when they end")
    page.get_by_role("checkbox", name="Somebody is at the door: by mail").uncheck()
    page.get_by_label("to", exact=True).fill("06:45")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Your choice is saved.")).to_be_visible()
    expect(page.get_by_label("From")).to_have_value("23:15")
    expect(page.get_by_role("checkbox", name="Somebody is at the door: by mail")).not_to_be_checked()
    expect(page.get_by_role("checkbox", name="Somebody is at the door: here")).to_be_checked()
    saved = reader.http.get("/api/notifications/preferences").json()
    assert saved["quiet_hours"] == {"begins": "23:15", "ends": "06:45"}


def test_axe_finds_nothing(browse: Callable[..., Reader], look: dict[str, Any]) -> None:
    reader = browse(**look)
    page = reader.goto("/app/notifications")
    find_nothing(page, "an empty inbox")
    ring(
        reader, "Ana", "Somebody with a name that is rather long for a phone, and noword" + "o" * 60, path="/app/files"
    )
    ring(reader, "Ben")
    expect(page.locator(".notice-row")).to_have_count(3)
    page.get_by_role("button", name="Mark as read").first.click()
    expect(page.locator(".is-unread")).to_have_count(2)
    find_nothing(page, "an inbox")
    page.get_by_role("button", name="Dismiss").first.click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    find_nothing(page, "something dismissed")
    reader.goto("/app/notifications/settings")
    find_nothing(page, "what one is told")
