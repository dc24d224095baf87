"""The pages of tasks: a day with them, by mouse and by keyboard, beside another window, and what others are shown."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.pages.conftest import Reader
from tests.pages.test_axe import find_nothing

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


def test_board_calendar_order_and_many_at_once(reader: Reader) -> None:
    assert reader.http.put("/auth/profile", json={"language": "en-US"}).status_code == 200
    day = datetime.now(UTC).date().replace(day=12)  # whatever month it is, its twelfth has a day before and after
    made = [add(reader, title, day=day.isoformat()) for title in ("Sweep", "Scrub", "Paint")]
    # The board: Alt and the arrows, and the mouse.
    page = goto(reader, "/app/tasks/board")
    task(page, "Sweep").locator(".open").focus()
    page.keyboard.press("Alt+ArrowRight")
    expect(page.locator("#column-in_progress .task")).to_have_attribute("data-title", "Sweep")
    expect(task(page, "Sweep").locator(".open")).to_be_focused()
    task(page, "Paint").drag_to(page.locator("#column-done"))
    expect(page.locator("#column-done .task")).to_have_attribute("data-title", "Paint")
    task(page, "Paint").drag_to(task(page, "Scrub"), target_position={"x": 40, "y": 4})
    expect(page.locator("#column-open .task")).to_have_count(2)
    assert titles(page, "#column-open") == ["Paint", "Scrub"]
    # The calendar, in which weeks begin on Sunday for who reads American English.
    page = goto(reader, f"/app/tasks/calendar?month={day:%Y-%m}")
    expect(page.locator(".month th").first).to_have_text("Sun")
    task(page, "Scrub").drag_to(page.locator(f"#day-{day + timedelta(days=1)}"))
    expect(page.locator(f"#day-{day + timedelta(days=1)} .task")).to_have_attribute("data-title", "Scrub")
    page.keyboard.press("Control+z")
    expect(page.locator(f"#day-{day} .task")).to_have_count(3)
    task(page, "Scrub").locator(".open").focus()
    page.keyboard.press("Alt+ArrowDown")
    expect(page.locator(f"#day-{day + timedelta(days=7)} .task")).to_have_attribute("data-title", "Scrub")
    expect(page.locator(f"#day-{day} .month-number time")).to_have_text(f"{day:%A}, {day:%B} {day.day}")
    page.get_by_role("link", name="The month after").click()
    expect(page.locator(".month .task")).to_have_count(0)
    # One's own order, and several at once.
    for one in made:  # as if they had been imported: no room between any two
        reader.http.patch(f"/api/tasks/{one['id']}", json={"order": 5})
    page = goto(reader, "/app/tasks/all?order=order")
    assert titles(page, "#group-open") == ["Sweep", "Paint", "Scrub"]
    task(page, "Scrub").locator(".open").focus()
    page.keyboard.press("Alt+ArrowUp")
    expect(page.locator("#group-open .task").nth(1)).to_have_attribute("data-title", "Scrub")
    page.keyboard.press("Shift+ArrowUp")
    expect(page.get_by_role("status").filter(has_text="2 selected")).to_be_visible()
    page.get_by_role("button", name="Change", exact=True).click()
    dialog = page.get_by_role("dialog", name="Change what is selected")
    dialog.get_by_label("Priority").select_option("high")
    dialog.get_by_label("Add a tag").fill("spring")
    dialog.get_by_role("button", name="Change them").click()
    expect(page.get_by_text("#spring")).to_have_count(2)
    assert {read(reader, one)["priority"] for one in made[:2]} == {"high"}
    page.get_by_role("button", name="Done", exact=True).click()
    expect(page.locator("#group-done .task")).to_have_count(2)
    page.get_by_role("button", name="Undo").last.click()
    expect(page.locator("#group-open .task")).to_have_count(3)
    assert [read(reader, one)["status"] for one in made] == ["in_progress", "open", "open"]


def test_lists_sharing_and_filters(browse: Callable[..., Reader]) -> None:
    reader, friend = browse(), browse()
    page = goto(reader, "/app/tasks")
    page.get_by_role("button", name="New list").click()
    page.get_by_label("Name").fill("Allotment")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Allotment", level=1)).to_be_visible()
    page.keyboard.press("n")
    for line in ("dig !low", "sow #seeds", "water every day"):
        page.keyboard.type(line)
        page.keyboard.press("Enter")
        expect(task(page, line.split()[0])).to_be_visible()
    # To read: nothing there can be changed, and what changes appears.
    page.get_by_role("button", name="What to do with this list").click()
    page.get_by_role("menuitem", name="Share …").click()
    dialog = page.get_by_role("dialog", name=re.compile("Share|link"))
    dialog.get_by_label("E-mail address").fill(friend.email)
    dialog.get_by_label("They may").select_option("view")
    dialog.get_by_role("button", name="Share", exact=True).click()
    expect(dialog.locator("#share-people li")).to_contain_text(friend.email)
    dialog.get_by_role("button", name="Make a link").click()
    dialog.get_by_role("button", name="Make the link").click()
    url = dialog.get_by_label("The new link").input_value()
    assert "<h1" in (shown := reader.http.get(url, headers={"Cookie": ""}).text)
    assert "Allotment" in shown
    dialog.get_by_role("button", name="Done").click()
    theirs = goto(friend, "/app/tasks")
    theirs.get_by_role("link", name=re.compile("Allotment")).click()
    expect(theirs.get_by_text("shared by Eva Berger to read")).to_be_visible()
    expect(theirs.locator("#quick")).to_have_count(0)
    expect(task(theirs, "dig").get_by_role("checkbox")).to_be_disabled()
    # To write, at once.
    dialog.get_by_label(f"What {friend.email} may do").select_option("edit")
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()
    goto(friend, theirs.url.removeprefix(friend.url))
    task(theirs, "dig").get_by_role("checkbox").click()
    expect(page.locator("#group-done .task")).to_have_attribute("data-title", "dig", timeout=1000)
    # A search, a filter that is kept, and the list deleted and put back.
    page.keyboard.press("/")
    page.keyboard.type("sow")
    expect(page.locator("#view .task")).to_have_count(1)
    page.get_by_role("button", name="Save as a filter").click()
    page.get_by_role("dialog", name="Save as a filter").get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="sow", level=1)).to_be_visible()
    expect(page.locator("#view .task")).to_have_count(1)
    page.get_by_role("link", name=re.compile("Allotment")).click()
    page.get_by_role("button", name="What to do with this list").click()
    page.get_by_role("menuitem", name="Delete the list").click()
    expect(theirs.get_by_role("heading", name="Allotment")).to_have_count(0, timeout=2000)
    page.get_by_role("button", name="Undo").click()
    expect(task(page, "sow")).to_be_visible()
    take_in(page)


def take_in(page: Page) -> None:
    """From another program: first a look, line by line, then all of it."""
    page.get_by_role("button", name="Import and export").click()
    dialog = page.get_by_role("dialog", name="Import and export")
    file = {"name": "todo.txt", "mimeType": "text/plain", "buffer": b"(A) prune due:2026-13-45\nmulch\n"}
    dialog.get_by_label("A file of another program").set_input_files([file])  # type: ignore[list-item]
    dialog.get_by_role("button", name="See what would happen").click()
    expect(dialog.get_by_role("status")).to_contain_text("2 tasks would be imported.")
    expect(dialog.get_by_role("listitem")).to_contain_text("Line 1: due:2026-13-45")
    dialog.get_by_role("button", name="Import", exact=True).click()
    expect(task(page, "mulch")).to_have_count(1)


def test_axe_finds_nothing(browse: Callable[..., Reader]) -> None:
    """Each state once, by day on a desk or by night on a phone; what differs most between the two in both."""
    reader = browse(color_scheme="dark", viewport={"width": 360, "height": 740}, reduced_motion="reduce")
    page = goto(reader, "/app/tasks")
    home = reader.http.post("/api/task-lists", json={"title": "Home, and whatever belongs to a home"}).json()
    made = add(
        reader, "Oil the bench, the one with the long vice, twice today !high #shop every week", list_id=home["id"]
    )
    add(reader, "Sand it", parent_id=made["id"])
    late = {
        "due": {"date": "2020-02-29", "time": "09:00", "time_zone": "Asia/Tokyo"},
        "notes": "# A\n\n- [x](https://y.z)",
    }
    reader.http.patch(f"/api/tasks/{made['id']}", json=late | {"reminders": [{"minutes_before": 10}]})
    done = add(reader, "Buy oil", list_id=home["id"])
    reader.http.patch(f"/api/tasks/{done['id']}", json={"status": "done"})
    goto(reader, f"/app/tasks/list/{home['id']}?task={made['id']}&history=yes")
    find_nothing(page, "details on a phone")
    page.get_by_role("link", name="Close").click()
    page.get_by_role("button", name="Lists").click()
    find_nothing(page, "lists on a phone")
    page.keyboard.press("Escape")
    for name in ("board", "calendar?month=2020-02"):
        find_nothing(goto(reader, f"/app/tasks/{name}"), f"{name} on a phone")
    page.set_viewport_size({"width": 1280, "height": 860})
    page.emulate_media(color_scheme="light")
    find_nothing(goto(reader, "/app/tasks/trash"), "the trash")
    goto(reader, f"/app/tasks/list/{home['id']}?task={made['id']}")
    page.get_by_role("button", name="Edit").click()
    page.get_by_role("button", name="What to do with this list").click()
    find_nothing(page, "notes and a menu")
    page.get_by_role("menuitem", name="Share …").click()
    expect(page.get_by_text("Shared with nobody by name.")).to_be_visible()
    find_nothing(page, "sharing")
    page.keyboard.press("Escape")
    page.locator("#view .open").first.focus()
    page.keyboard.press("s")
    page.locator("#view .open").first.focus()
    page.keyboard.press("e")
    find_nothing(page, "a title that is edited, and something selected")
