"""The first run, signing up, in and out, the profile: in a browser, and without scripts."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.acceptance.served import Served
from tests.pages.conftest import Reader
from tests.visitor import PASSWORD

pytestmark = pytest.mark.browser


@pytest.fixture
def untouched(served: Served, tmp_path: Path) -> Iterator[Served]:
    """An installation that nobody looks after yet: that of all tests, unless another one has needed somebody."""
    if "Nobody looks after" in httpx.get(f"{served.url}/app/sign-in").text:
        yield served
        return
    another = Served(tmp_path, ACCOUNTS__BCRYPT_COST="4").start()
    yield another
    another.stop()


def test_the_first_link_makes_the_administrator_once(browse: Callable[..., Reader], untouched: Served) -> None:
    link = re.search(r"/app/welcome\?token=\S+", untouched.output)
    assert link is not None, untouched.output
    reader = browse(signed_in=False)
    reader.url = untouched.url
    page = reader.goto("/app/sign-in")
    expect(page.get_by_text("Nobody looks after this Commonplace yet.")).to_be_visible()
    reader.goto(link[0])
    page.get_by_label("Your name").fill("Eva Berger")
    page.get_by_label("E-mail address").fill(reader.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("heading", name="Files")).to_be_visible()
    reader.goto("/app/profile")
    expect(page.get_by_text("looks after this Commonplace")).to_be_visible()
    expect(page.get_by_label("Time zone")).to_have_value("Europe/Vienna")
    reader.goto(link[0])
    expect(page.get_by_text("This link is not valid")).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_one_makes_an_account_leaves_and_comes_back(browse: Callable[..., Reader], scripts: bool) -> None:
    reader = browse(signed_in=False, java_script_enabled=scripts, locale="de-AT")
    page = reader.page
    page.goto(reader.url)
    expect(page).to_have_url(re.compile(r"/app/sign-in\?next=%2Fapp%2Ffiles$"))
    page.get_by_role("link", name="Make an account").click()
    page.get_by_label("Your name").fill("Ana")
    page.get_by_label("E-mail address").fill(reader.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    expect(page).to_have_url(f"{reader.url}/app/files")
    assert page.locator("html").get_attribute("data-language") == "de-AT"
    assert page.locator("html").get_attribute("data-time-zone") == ("Europe/Vienna" if scripts else "UTC")

    page.get_by_role("button", name="Ana: profile, appearance, sign out").click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    page.goto(f"{reader.url}/app/trash")
    page.get_by_label("E-mail address").fill(reader.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).to_have_url(f"{reader.url}/app/trash")


def test_what_is_wrong_stands_beside_the_field(browse: Callable[..., Reader]) -> None:
    reader = browse(signed_in=False)
    page = reader.page
    page.goto(f"{reader.url}/app/sign-up")
    page.locator("form").evaluate("form => { form.noValidate = true; }")
    page.get_by_label("Your name").fill("Ana")
    page.get_by_label("E-mail address").fill("no address")
    page.get_by_role("button", name="Make the account").click()
    field = page.get_by_label("E-mail address")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_attribute("aria-describedby", re.compile("email-error"))
    expect(page.locator("#email-error")).to_contain_text("Write it like anna@example.org.")
    expect(field).to_have_value("no address")
    expect(page.get_by_label("Your name")).to_have_value("Ana")


def test_a_wrong_password_says_nothing_of_which_was_wrong(browse: Callable[..., Reader]) -> None:
    reader = browse(signed_in=False)
    page = reader.page
    page.goto(f"{reader.url}/app/sign-in")
    page.get_by_label("E-mail address").fill("nobody@example.org")
    page.get_by_label("Password", exact=True).fill("certainly wrong")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert")).to_have_text("The address or the password is wrong. Check both and try again.")
    expect(page.get_by_label("Password", exact=True)).to_have_value("")


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/app/", "/app/\\evil", "javascript:1"])
def test_signing_in_leads_to_our_own_pages_only(reader: Reader, elsewhere: str) -> None:
    answer = reader.http.get("/app/sign-in", params={"next": elsewhere})
    assert answer.headers["location"] == "/app"


def test_a_session_that_ends_elsewhere_ends_here(reader: Reader) -> None:
    page = reader.goto("/app/files")
    assert reader.http.post("/api/auth/logout").status_code == 204
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_the_profile_changes_how_things_are_told(reader: Reader, photograph: Callable[..., bytes]) -> None:
    reader.upload("Harbour.jpg", photograph(0, size=(2000, 1500)))
    page = reader.goto("/app/profile")
    page.get_by_label("Your name").fill("Eva Maria Berger")
    page.get_by_label("Time zone").fill("Mars/Olympus")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#time_zone-error")).to_contain_text("There is no such time zone.")
    page.get_by_label("Time zone").fill("Asia/Tokyo")
    page.get_by_label("Dates and numbers as in").select_option("de")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Your profile is saved.")).to_be_visible()
    page.goto(f"{reader.url}/app/files")
    expect(page.get_by_role("button", name="Eva Maria Berger")).to_have_text("EB")
    expect(page.locator(".day time")).to_have_text(re.compile(r"^\d+\. \w+$"))
    assert page.locator("html").get_attribute("data-time-zone") == "Asia/Tokyo"


def test_dark_and_light_are_remembered(reader: Reader) -> None:
    page = reader.goto("/app/files")
    day = page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor")
    page.get_by_role("button", name="Eva Berger").click()
    page.get_by_role("menuitemradio", name="Dark").click()
    night = page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor")
    assert night != day
    page.reload()
    assert page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor") == night
    page.get_by_role("button", name="Eva Berger").click()
    expect(page.get_by_role("menuitemradio", name="Dark")).to_have_attribute("aria-checked", "true")
