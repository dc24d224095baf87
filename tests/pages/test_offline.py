"""Tasks without a connection: read, written, ticked, and merged when it is back."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.pages.conftest import Reader
from tests.pages.test_axe import find_nothing
from tests.pages.test_tasks import add, goto, read, task

pytestmark = pytest.mark.browser

#: The server gets the next task, and the page never hears what came of it.
LOSE_AN_ANSWER = """() => {
    const real = window.fetch;
    window.fetch = async (...request) => {
        if (request[0] !== "/api/tasks/quick") return real(...request);
        window.fetch = real;
        await real(...request);
        throw new TypeError("The connection broke.");
    };
}"""
KEPT = "caches.keys().then((names) => names.filter((name) => name.startsWith('kept-')))"
KEPT_TODAY = "caches.match('/app/tasks').then((answer) => answer.text())"
KEPT_PAGES = """async () => {
    const name = (await caches.keys()).find((key) => key.startsWith("kept-"));
    const keys = name ? await (await caches.open(name)).keys() : [];
    return keys.map(({ url }) => new URL(url).pathname);
}"""


def titles(reader: Reader) -> dict[str, list[str]]:
    """The statuses of all tasks of each title, on the server."""
    found: dict[str, list[str]] = {}
    for one in reader.http.get("/api/tasks").json()["items"]:
        found.setdefault(one["title"], []).append(one["status"])
    return found


def quickly(page: Any, text: str) -> None:
    page.locator("#quick-text").fill(text)
    page.keyboard.press("Enter")


def test_a_day_without_a_connection(browse: Callable[..., Reader]) -> None:
    reader = browse(service_workers="allow", reduced_motion="reduce")
    today = {"day": reader.page.evaluate("new Date().toISOString().slice(0, 10)")}
    figs, roof = add(reader, "water the figs", **today), add(reader, "call the roofer", **today)
    page = goto(reader, "/app/tasks")
    expect(task(page, "water the figs")).to_be_visible()
    reader.until(lambda: {"/app/tasks", "/app/tasks/all"} <= set(page.evaluate(KEPT_PAGES)))
    add(reader, "sweep the stairs", **today)  # By another device: what is kept follows what the page shows.
    expect(task(page, "sweep the stairs")).to_be_visible()
    reader.until(lambda: "sweep the stairs" in page.evaluate(KEPT_TODAY))
    reader.context.set_offline(True)
    page.reload()
    expect(task(page, "sweep the stairs")).to_be_visible()
    quickly(page, "buy stamps tomorrow #post")
    quickly(page, "thank Ana")
    expect(page.locator("#group-waiting li")).to_have_count(2)
    task(page, "water the figs").get_by_role("checkbox").click()
    expect(task(page, "water the figs")).to_contain_text("waiting to be sent")
    expect(page.get_by_text("3 changes waiting to be sent")).to_be_visible()
    find_nothing(page, "what waits")
    page.reload()
    expect(page.locator("#group-waiting li")).to_have_text(["buy stamps tomorrow #post", "thank Ana"])
    expect(task(page, "water the figs").get_by_role("checkbox")).to_be_checked()
    page.get_by_role("link", name="All tasks").click()
    expect(page.get_by_role("heading", name="All tasks")).to_be_visible()
    expect(page.locator("#group-waiting li")).to_have_count(2)
    page.get_by_role("link", name="Files", exact=True).click()
    expect(page.get_by_role("heading", name="Offline")).to_be_visible()
    page.get_by_role("link", name="All tasks").click()
    expect(page.locator("#group-waiting li")).to_have_count(2)
    # Meanwhile somebody changes the very task that was ticked here, and deletes another for good.
    reader.http.patch(f"/api/tasks/{figs['id']}", json={"title": "water the figs well"})
    reader.http.delete(f"/api/tasks/{roof['id']}")
    task(page, "call the roofer").get_by_role("checkbox").click()
    expect(page.get_by_text("4 changes waiting to be sent")).to_be_visible()
    assert set(titles(reader)) == {"water the figs well", "sweep the stairs"}
    reader.context.set_offline(False)
    expect(page.get_by_role("heading", name="Not sent")).to_be_visible()
    assert titles(reader) == {
        "water the figs well": ["done"],
        "sweep the stairs": ["open"],
        "buy stamps": ["open"],
        "thank Ana": ["open"],
    }
    assert read(reader, figs)["version"] == 3, "each save is a version"
    page.get_by_role("button", name="Discard").click()
    expect(page.locator("#group-waiting")).to_have_count(0)
    expect(page.get_by_text("waiting to be sent")).to_have_count(0)
    expect(task(page, "thank Ana")).to_be_visible()
    lose_an_answer(reader)
    sign_out(reader)
    assert not [complaint for complaint in reader.complaints if "Failed to fetch" not in complaint]
    reader.complaints.clear()  # What htmx could not fetch it says.


def lose_an_answer(reader: Reader) -> None:
    """A change that arrived, though the page was never told, is there once."""
    page = reader.page
    page.evaluate(LOSE_AN_ANSWER)
    quickly(page, "mend the gate")
    expect(page.locator("#group-waiting li")).to_have_count(1)
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(task(page, "mend the gate")).to_be_visible()
    expect(page.locator("#group-waiting")).to_have_count(0)
    assert titles(reader)["mend the gate"] == ["open"]


def sign_out(reader: Reader) -> None:
    """Who signs out loses nothing unasked, and leaves nothing behind."""
    page = reader.page
    reader.context.set_offline(True)
    quickly(page, "a secret")
    expect(page.locator("#group-waiting li")).to_have_count(1)
    page.get_by_role("button", name="profile, appearance, sign out").click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_role("heading", name="Not everything is sent")).to_be_visible()
    find_nothing(page, "before something is lost")
    page.get_by_role("button", name="Stay signed in").click()
    reader.context.set_offline(False)
    expect(page.locator("#group-waiting")).to_have_count(0)
    page.get_by_role("button", name="profile, appearance, sign out").click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    reader.until(lambda: page.evaluate(KEPT) == [])
    reader.context.set_offline(True)
    page.goto(reader.url + "/app/tasks")
    expect(page.get_by_role("heading", name="Offline")).to_be_visible()
    expect(page.get_by_text("thank Ana")).to_have_count(0)
