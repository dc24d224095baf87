"""Forgotten passwords, addresses and API tokens in a browser: with scripts and without, by day and by night."""

import email
import email.policy
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.acceptance.served import Served
from tests.pages.conftest import Reader
from tests.pages.test_axe import LOOKS, find_nothing
from tests.visitor import PASSWORD

pytestmark = pytest.mark.browser
NEW_PASSWORD = "seven larks in a row"


def link_to(served: Served, address: str, subject: str) -> str:
    """The link in the newest mail of this subject to `address`, as soon as a worker has sent it."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for path in (Path(served.environ["COMMONPLACE_DATA_DIR"]) / "mail").glob("*.eml"):
            mail: Any = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            if (mail["To"], mail["Subject"]) == (address, subject):
                (link,) = re.findall(r"http://\S+?(/app/\S+token=[\w-]+)", mail.get_content())
                return str(link)
        time.sleep(0.1)
    raise AssertionError(f"No mail “{subject}” to {address}.")


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_forgotten_password_is_replaced(browse: Callable[..., Reader], served: Served, scripts: bool) -> None:
    reader = browse(java_script_enabled=scripts)
    reader.context.clear_cookies()
    page = reader.page
    page.goto(f"{reader.url}/app/sign-in")
    page.get_by_role("link", name="Forgot the password?").click()
    page.get_by_label("E-mail address").fill(reader.email)
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_text("a mail with a link is on its way")).to_be_visible()
    page.goto(reader.url + link_to(served, reader.email, "Choose a new password"))
    page.get_by_label("New password").fill("password1")
    page.get_by_role("button", name="Set the password").click()
    expect(page.locator("#password-error")).to_contain_text("Many people use this password")
    page.get_by_label("New password").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_text("Your password is changed.")).to_be_visible()
    page.get_by_label("E-mail address").fill(reader.email)
    page.get_by_label("Password", exact=True).fill(NEW_PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).to_have_url(re.compile("/app/files"))


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_an_address_is_confirmed_and_changed(browse: Callable[..., Reader], served: Served, scripts: bool) -> None:
    reader = browse(java_script_enabled=scripts)
    page = reader.page
    page.goto(f"{reader.url}/app/account/address")
    expect(page.get_by_text("Not confirmed")).to_be_visible()
    page.goto(reader.url + link_to(served, reader.email, "Confirm your e-mail address"))
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("is confirmed.")).to_be_visible()
    page.goto(f"{reader.url}/app/account/address")
    expect(page.get_by_text("Confirmed", exact=True)).to_be_visible()
    new = f"new.{reader.email}"
    page.get_by_label("New e-mail address").fill(new)
    page.get_by_label("Your password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Change the address").click()
    expect(page.get_by_text("A mail with a link is on its way.")).to_be_visible()
    page.goto(reader.url + link_to(served, new, "Confirm your new e-mail address"))
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text(f"Your account has the address {new} now.")).to_be_visible()
    page.goto(reader.url + link_to(served, reader.email, "Your e-mail address was changed"))
    page.get_by_role("button", name="Undo the change").click()
    expect(page.get_by_role("heading", name="Choose a new password")).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_token_is_made_used_and_revoked(browse: Callable[..., Reader], scripts: bool) -> None:
    reader = browse(java_script_enabled=scripts)
    page = reader.page
    page.goto(f"{reader.url}/app/account/tokens")
    page.get_by_label("What it is for").fill("The phone")
    page.get_by_label("Files").select_option("write")
    page.get_by_label("How long it holds").select_option("never")
    page.get_by_role("button", name="Make the token").click()
    token = page.get_by_label("API token", exact=True).input_value()
    asked = {"Authorization": f"Bearer {token}"}
    reader.http.cookies.clear()
    assert reader.http.get("/api/files", headers=asked).status_code == 200
    page.goto(f"{reader.url}/app/account/tokens")
    expect(page.get_by_text("Never expires.")).to_be_visible()
    expect(page.get_by_text("Last used")).to_be_visible()
    assert token not in page.content()
    page.get_by_role("button", name="Revoke The phone").click()
    expect(page.get_by_text("The token is revoked.")).to_be_visible()
    assert reader.http.get("/api/files", headers=asked).status_code == 401


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing(browse: Callable[..., Reader], served: Served, look: dict[str, Any]) -> None:
    reader = browse(**look, reduced_motion="reduce")
    page = reader.page
    confirming = link_to(served, reader.email, "Confirm your e-mail address")
    assert reader.http.post("/api/auth/password/forgot", json={"email": reader.email}).status_code == 202
    resetting = link_to(served, reader.email, "Choose a new password")
    for path in ("/app/forgot", confirming, resetting, "/app/account/address", "/app/account/tokens"):
        page.goto(reader.url + path)
        find_nothing(page, path)
    page.get_by_label("What it is for").fill("The phone that I carry about, with a rather long name")
    page.get_by_label("Files").select_option("read")
    page.get_by_role("button", name="Make the token").click()
    expect(page.get_by_label("API token", exact=True)).to_be_visible()
    find_nothing(page, "a new token")
