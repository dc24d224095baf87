"""Large uploads in a browser: they go on after a reload, pause, are given up, and are not sent where they are known."""

import hashlib
import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect

from tests.pages.conftest import Reader

pytestmark = [pytest.mark.browser, pytest.mark.long]

UPLOADS = "/api/files/uploads"


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A file of 40 MB, unlike any other."""
    path = tmp_path / "Harbour.mkv"
    path.write_bytes(os.urandom(1_000_000) * 40)
    return path


def choose(page: Page, path: Path) -> None:
    page.locator("[data-input=files]").set_input_files(str(path))


def slow_down(reader: Reader, bytes_a_second: int) -> None:
    session = reader.context.new_cdp_session(reader.page)
    session.send("Network.enable")
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_a_second}
    session.send("Network.emulateNetworkConditions", limits)


def sent(reader: Reader) -> list[Request]:
    requests: list[Request] = []
    reader.page.on("request", lambda request: UPLOADS in request.url and requests.append(request))
    return requests


def assert_stored(reader: Reader, path: Path, name: str | None = None) -> None:
    (item,) = [one for one in reader.http.get("/api/files").json()["items"] if one["name"] == (name or path.name)]
    assert item["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_upload_goes_on_after_a_reload(reader: Reader, film: Path) -> None:
    page = reader.goto("/app/files")
    page.on("dialog", lambda dialog: dialog.accept())
    slow_down(reader, 5_000_000)
    choose(page, film)
    row = page.locator(".tray-row")
    expect(row.locator(".state")).to_have_text(re.compile(r"^[3-6]\d %$"), timeout=60_000)
    page.reload()
    expect(page.get_by_role("heading", name="1 upload interrupted")).to_be_visible()
    expect(row.locator(".state")).to_have_text(re.compile(r"^interrupted at [1-9]\d? %$"))
    requests = sent(reader)
    with page.expect_file_chooser() as chooser:
        row.get_by_role("button", name="Go on with Harbour.mkv").click()
    slow_down(reader, -1)
    chooser.value.set_files(str(film))
    expect(page.get_by_role("heading", name="1 file uploaded")).to_be_visible(timeout=60_000)
    expect(page.locator('.entry[data-name="Harbour.mkv"]')).to_be_visible()
    offsets = [int(one.headers["upload-offset"]) for one in requests if one.method == "PATCH"]
    assert offsets
    assert all(offset > 1_000_000 for offset in offsets)
    assert_stored(reader, film)
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('tus::')).length") == 0


def test_one_pauses_goes_on_and_gives_up(reader: Reader, film: Path) -> None:
    page = reader.goto("/app/files")
    slow_down(reader, 5_000_000)
    requests = sent(reader)
    choose(page, film)
    row = page.locator(".tray-row")
    expect(row.locator(".state")).to_have_text(re.compile(r"^[2-6]\d %$"), timeout=60_000)
    row.get_by_role("button", name="Pause Harbour.mkv").click()
    expect(page.get_by_role("heading", name="1 upload paused")).to_be_visible()
    expect(row.locator(".state")).to_have_text(re.compile("^paused at "))
    row.get_by_role("button", name="Go on with Harbour.mkv").click()
    expect(row.locator(".state")).to_have_text(re.compile(r"^[3-9]\d %$"), timeout=60_000)
    row.get_by_role("button", name="Cancel Harbour.mkv").click()
    expect(page.locator(".tray")).to_be_hidden()
    reader.until(lambda: any(one.method == "DELETE" for one in requests))
    made = next(one for one in requests if one.method == "POST").response()
    assert made is not None
    reader.until(lambda: reader.http.get(made.headers["location"]).status_code == 404)
    page.reload()
    expect(page.locator(".tray")).to_be_hidden()
    assert reader.http.get("/api/files").json()["items"] == []


def test_bytes_that_are_there_are_not_sent(reader: Reader, film: Path) -> None:
    page = reader.goto("/app/files")
    choose(page, film)
    expect(page.get_by_role("heading", name="1 file uploaded")).to_be_visible(timeout=60_000)
    other = film.with_name("The same.mkv")
    other.write_bytes(film.read_bytes())
    requests = sent(reader)
    choose(page, other)
    expect(page.locator('.entry[data-name="The same.mkv"]')).to_be_visible(timeout=60_000)
    assert requests == []
    assert_stored(reader, other)


def test_it_waits_for_a_connection(reader: Reader, film: Path) -> None:
    page = reader.goto("/app/files")
    slow_down(reader, 10_000_000)
    choose(page, film)
    row = page.locator(".tray-row")
    expect(row.locator(".state")).to_have_text(re.compile(r"^[2-6]\d %$"), timeout=60_000)
    session = reader.context.new_cdp_session(page)
    session.send("Network.enable")
    rates = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    session.send("Network.emulateNetworkConditions", {"offline": True, **rates})
    page.wait_for_timeout(1500)
    slow_down(reader, -1)
    session.send("Network.emulateNetworkConditions", {"offline": False, **rates})
    expect(page.get_by_role("heading", name="1 file uploaded")).to_be_visible(timeout=90_000)
    assert_stored(reader, film)
