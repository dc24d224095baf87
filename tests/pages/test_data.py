"""The page of one's data: an archive is made while one looks, brought in again, and one leaves and comes back."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.pages.conftest import Reader
from tests.pages.test_axe import LOOKS, find_nothing
from tests.visitor import PASSWORD

pytestmark = pytest.mark.browser

DATA = "/app/account/data"


@pytest.mark.parametrize("look", LOOKS)
def test_taking_along_bringing_in_and_leaving(
    browse: Callable[..., Reader], look: dict[str, object], tmp_path: Path
) -> None:
    reader = browse(**look, reduced_motion="reduce")
    folder = reader.folder("Garden")
    reader.upload("plan.txt", b"beans", folder_id=folder["id"])
    page = reader.goto(DATA)
    expect(page.get_by_role("row", name="Files 2")).to_be_visible()
    page.get_by_role("button", name="Make an archive").click()
    with page.expect_download() as download:  # it comes by itself
        page.get_by_role("link", name="Download").click()
    path = tmp_path / "archive.zip"
    download.value.save_as(path)

    page.get_by_label("The archive", exact=True).set_input_files(path)
    page.get_by_role("button", name="Read it in").click()
    expect(page.get_by_text("Nothing new, 2 things here already.")).to_be_visible()
    page.get_by_text("What was not, and why").click()
    path.write_bytes(b"no archive")
    page.get_by_label("The archive", exact=True).set_input_files(path)
    page.get_by_role("button", name="Read it in").click()
    expect(page.get_by_text("This is no ZIP file")).to_be_visible()
    find_nothing(page, "one was read in, and one was refused")

    page.get_by_label("I have taken along").check()
    page.get_by_role("button", name="Erase my account").click()
    expect(page.get_by_role("heading", name="You are signed out.")).to_be_visible()
    find_nothing(page, "signed out")
    receipt = page.locator(".data-receipt a").get_attribute("href")
    assert receipt is not None
    erasure = receipt[receipt.index("/api/") :]
    assert httpx.get(reader.url + erasure).json()["state"] == "waiting"
    assert httpx.get(reader.url + erasure + "x").status_code == 404

    page.goto(reader.url + "/app/sign-in")
    page.get_by_label("E-mail").fill(reader.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/app/files*")
    assert httpx.get(reader.url + erasure).json()["state"] == "cancelled"
    reader.goto(DATA)
    expect(page.get_by_text("Since you came back, it stays.")).to_be_visible()


def test_it_works_without_scripts(browse: Callable[..., Reader], tmp_path: Path) -> None:
    reader = browse(java_script_enabled=False)
    page = reader.page
    page.goto(reader.url + DATA)
    page.get_by_role("button", name="Make an archive").click()
    expect(page.get_by_role("button", name="Cancel").or_(page.get_by_role("link", name="Download"))).to_be_visible()
    path = tmp_path / "archive.zip"
    path.write_bytes(b"no archive")
    page.get_by_label("The archive", exact=True).set_input_files(path)
    page.get_by_role("button", name="Read it in").click()

    def is_refused() -> bool:
        page.reload()
        return page.get_by_text("This is no ZIP file").count() > 0

    reader.until(is_refused)
