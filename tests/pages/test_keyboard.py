"""Everything by keyboard: among entries, selecting, menus, dialogs; and the focus can always be seen."""

import re

import pytest
from playwright.sync_api import expect

from tests.pages.conftest import Reader

pytestmark = pytest.mark.browser


@pytest.fixture
def notes(reader: Reader) -> Reader:
    """A folder and seven files, by name."""
    reader.folder("Dorset")
    for number in range(7):
        reader.upload(f"Note {number}.txt", b"x")
    reader.goto("/app/files?sort=name")
    return reader


def focused(reader: Reader) -> str | None:
    name: str | None = reader.page.evaluate("document.activeElement.closest('.entry')?.dataset.name ?? null")
    return name


def selected(reader: Reader) -> list[str]:
    names: list[str] = reader.page.locator(".entry.is-selected").evaluate_all(
        "all => all.map((one) => one.dataset.name)"
    )
    return names


def test_arrows_move_along_and_between_the_rows(notes: Reader) -> None:
    page = notes.page
    page.keyboard.press("ArrowDown")
    assert focused(notes) == "Dorset"
    page.keyboard.press("ArrowDown")
    assert focused(notes) == "Note 0.txt"
    page.keyboard.press("ArrowRight")
    assert focused(notes) == "Note 1.txt"
    page.keyboard.press("ArrowDown")
    assert focused(notes) == "Note 5.txt"  # Beside the tree there is room for four.
    page.keyboard.press("ArrowUp")
    assert focused(notes) == "Note 1.txt"
    page.keyboard.press("End")
    assert focused(notes) == "Note 6.txt"
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Dorset")).to_be_visible()
    page.keyboard.press("Backspace")
    expect(page.get_by_role("heading", name="Files")).to_be_visible()


def test_the_tabulator_reaches_one_entry_and_then_leaves_the_list(notes: Reader) -> None:
    page = notes.page
    page.get_by_role("link", name="Note 2.txt").focus()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Select Note 2.txt")).to_be_focused()
    page.keyboard.press("Space")
    assert selected(notes) == ["Note 2.txt"]
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="What to do with Note 2.txt")).to_be_focused()
    page.keyboard.press("Tab")
    assert focused(notes) is None


def test_selecting_with_space_shift_and_control(notes: Reader) -> None:
    page = notes.page
    page.get_by_role("link", name="Note 1.txt").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    assert selected(notes) == ["Note 1.txt", "Note 2.txt", "Note 3.txt"]
    expect(page.get_by_role("status").filter(has_text="3 selected")).to_be_visible()
    page.keyboard.press("Escape")
    assert selected(notes) == []
    page.keyboard.press("Control+a")
    assert len(selected(notes)) == 8
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Note 4.txt").click(modifiers=["Control"])
    page.get_by_role("link", name="Note 6.txt").click(modifiers=["Shift"])
    assert selected(notes) == ["Note 4.txt", "Note 5.txt", "Note 6.txt"]
    page.keyboard.press("Delete")
    expect(page.locator(".tile")).to_have_count(4)
    assert focused(notes) == "Note 3.txt"


def test_the_menu_of_an_entry_works_by_keys(notes: Reader) -> None:
    page = notes.page
    button = page.get_by_role("button", name="What to do with Note 0.txt")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Open")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("menuitem", name="Delete")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("menuitem", name="Delete")).to_be_hidden()
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Open")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_label("New name of Note 0.txt")).to_be_focused()


def test_the_keys_are_listed(notes: Reader) -> None:
    page = notes.page
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_contain_text("Go to the search field")
    expect(dialog).to_contain_text("Rename")
    page.keyboard.press("Delete")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.locator(".tile")).to_have_count(7)
    page.get_by_role("link", name="Trash").first.click()
    expect(page.get_by_role("heading", name="Trash")).to_be_visible()
    page.keyboard.press("?")
    expect(dialog).to_be_visible()
    expect(dialog).not_to_contain_text("Rename")


def test_letters_in_a_field_are_text(notes: Reader) -> None:
    page = notes.page
    page.keyboard.press("/")
    page.keyboard.type("n?u")
    expect(page.get_by_role("searchbox")).to_have_value("n?u")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    expect(page.locator(".folder-card").filter(has_text="New folder")).to_have_count(0)


def test_the_first_stop_skips_to_the_page(notes: Reader) -> None:
    page = notes.page
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_each_stop_of_the_tabulator_can_be_seen(notes: Reader) -> None:
    page = notes.page
    seen = 0
    for _ in range(25):
        page.keyboard.press("Tab")
        ring = page.evaluate("""() => {
            const at = document.activeElement;
            if (at === document.body) return null;
            const style = getComputedStyle(at);
            const box = at.getBoundingClientRect();
            return { what: at.outerHTML.slice(0, 90), outline: style.outlineStyle,
                     width: parseFloat(style.outlineWidth), isThere: box.width > 0 && box.right > 0 && box.bottom > 0 };
        }""")
        if ring is None:
            break
        assert ring["outline"] != "none", ring
        assert ring["width"] >= 1, ring
        assert ring["isThere"], ring
        seen += 1
    assert seen >= 12


def test_after_a_click_the_heading_of_the_new_page_is_read(notes: Reader) -> None:
    page = notes.page
    page.get_by_role("link", name=re.compile("Dorset")).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Dorset")).to_be_focused()
