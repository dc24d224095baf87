"""One's own picture in a browser: taken, cut by keyboard and by pointer, shown in the frame, removed."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.pages.conftest import Reader
from tests.pages.test_axe import LOOKS, find_nothing

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("look", LOOKS)
def test_a_picture_is_taken_cut_shown_and_removed(
    browse: Callable[..., Reader], look: dict[str, Any], photographs: Callable[[int], list[str]]
) -> None:
    reader = browse(**look, reduced_motion="reduce")
    page = reader.goto("/app/profile")
    page.get_by_role("link", name="Add a picture").click()
    page.get_by_label("A photograph or a drawing").set_input_files(photographs(1))
    page.get_by_role("button", name="Use this picture").click()
    expect(page.locator("main").get_by_role("status")).to_contain_text("This is your picture now")
    face = page.get_by_role("button", name="Eva Berger: profile").locator("img")
    assert face.evaluate("async (image) => { await image.decode(); return image.naturalWidth; }") == 128
    find_nothing(page, "a picture")

    first = face.get_attribute("src")
    size, across = page.get_by_label("Size"), page.get_by_label("From left to right")
    size.focus()
    for _ in range(50):
        page.keyboard.press("ArrowLeft")
    expect(size).to_have_value("50")
    square, stage = page.locator(".crop-square"), page.locator("[data-crop]")
    stage.scroll_into_view_if_needed()
    of_square, of_stage = square.bounding_box(), stage.bounding_box()
    assert of_square is not None
    assert of_stage is not None
    assert abs(of_square["width"] - of_stage["height"] / 2) < 2
    x, y = of_square["x"] + of_square["width"] / 2, of_square["y"] + of_square["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + of_stage["width"], y)
    page.mouse.up()
    expect(across).to_have_value("100")
    page.get_by_role("button", name="Show this part").click()
    expect(page.locator("main").get_by_role("status")).to_contain_text("So your picture is shown")
    expect(across).to_have_value("100")
    assert face.get_attribute("src") != first

    page.get_by_role("button", name="Remove the picture").click()
    expect(page.get_by_role("button", name="Eva Berger: profile")).to_have_text("EB")
