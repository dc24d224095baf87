"""The pages of tasks: a day with them, by mouse and by keyboard, beside another window, and what others are shown."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.pages.conftest import Reader

pytestmark = pytest.mark.browser


def goto(reader: Reader, path: str, page: Page | None = None) -> Page:
    page = page or reader.page
    page.goto(reader.url + path)
    if page.locator("#view .task").count():  # Scripts are there when they have taken the tasks over.
        expect(page.locator("#view .task .open[tabindex='0']")).to_have_count(1)
    return page


def add(reader: Reader, text: str, **fields: Any) -> dict[str, Any]:
    answer = reader.http.post("/api/tasks/quick", json={"text": text, **fields})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def read(reader: Reader, task: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = reader.http.get(f"/api/tasks/{task['id']}").json()
    return answer


def task(page: Page, title: str) -> Any:
    return page.locator(f'#view .task[data-title="{title}"]')


def titles(page: Page, group: str) -> list[str]:
    found: list[str] = page.locator(f"{group} .task").evaluate_all("all => all.map((one) => one.dataset.title)")
    return found


def focused(page: Page) -> str | None:
    title: str | None = page.evaluate("document.activeElement.closest('.task')?.dataset.title ?? null")
    return title


def test_a_day_with_tasks(reader: Reader) -> None:
    page = goto(reader, "/app/tasks")
    other = reader.another_tab()
    expect(page.get_by_text("Nothing is due today.")).to_be_visible()
    page.keyboard.press("n")
    page.keyboard.type("water the figs #garden !high")
    expect(page.locator("#quick-mirror mark")).to_have_text(["#garden", "!high"])
    page.keyboard.press("Enter")
    expect(task(page, "water the figs")).to_be_visible()  # Without a day it is for today, on this page.
    goto(reader, "/app/tasks", other)
    page.keyboard.type("call the roofer today at 23:59")
    page.keyboard.press("Enter")
    expect(task(other, "call the roofer")).to_be_visible(timeout=1000)
    # Tick by keyboard, in one window; it is ticked in the other; undo there as well.
    page.keyboard.press("ArrowDown")
    assert focused(page) == "water the figs"
    page.keyboard.press("Space")
    expect(other.locator("#group-done .task")).to_have_attribute("data-title", "water the figs", timeout=1000)
    assert focused(page) == "call the roofer"
    page.get_by_role("button", name="Undo").click()
    expect(other.locator("#group-today .task")).to_have_count(2, timeout=1000)
    # The title, where it stands; the details, beside it.
    task(page, "water the figs").locator(".open").focus()
    page.keyboard.press("e")
    page.keyboard.type("Water the figs and the bay")
    page.keyboard.press("Enter")
    expect(task(other, "Water the figs and the bay")).to_be_visible(timeout=1000)
    expect(task(page, "Water the figs and the bay").locator(".open")).to_be_focused()
    page.keyboard.press("Enter")
    fill_in_details(page, other)
    task(page, "call the roofer").locator(".open").focus()
    page.keyboard.press("Delete")
    expect(task(other, "call the roofer")).to_have_count(0, timeout=1000)
    goto(reader, "/app/tasks/trash").get_by_role("button", name="Put back call the roofer").click()
    expect(task(other, "call the roofer")).to_be_visible(timeout=1000)


def fill_in_details(page: Page, other: Page) -> None:
    """Of “Water the figs and the bay”, which is open in `page`; then all of it is put back."""
    detail = page.locator("#detail")
    expect(detail.get_by_label("Title")).to_have_value("Water the figs and the bay")
    detail.get_by_role("button", name="Write").click()
    detail.get_by_label("Notes, in Markdown").fill("With **rain** water.\n\n<img src=x onerror=alert(1)>")
    detail.get_by_role("button", name="Save").click()
    expect(detail.locator(".notes strong")).to_have_text("rain")
    expect(detail.locator(".notes img")).to_have_count(0)
    detail.get_by_label("New subtask").fill("Fill the can")
    page.keyboard.press("Enter")
    expect(detail.locator(".step")).to_have_text(re.compile("Fill the can"))
    detail.get_by_role("checkbox", name="Done: Fill the can").click()
    expect(task(other, "Water the figs and the bay").get_by_text("1 of 1")).to_be_visible(timeout=1000)
    detail.get_by_label("Repeats").select_option("FREQ=WEEKLY")
    detail.get_by_label("Priority").select_option("low")
    expect(task(page, "Water the figs and the bay").get_by_text("every week")).to_be_visible()
    expect(task(page, "Water the figs and the bay")).to_have_attribute("data-priority", "low")
    # The history says what was what, and puts it back.
    detail.get_by_role("link", name="Show the history").click()
    expect(detail.locator("#detail-history dd", has_text="High")).to_have_text("High Low")
    expect(detail.locator("#detail-history")).to_contain_text("you")
    detail.get_by_role("button", name="Put back version 1").click()
    expect(task(page, "water the figs")).to_be_visible()
    expect(detail.get_by_label("Priority")).to_have_value("high")
    page.keyboard.press("Escape")
    expect(detail).to_be_hidden()
