"""The page of sessions in a browser, and what the mail about a new device leads to."""

import email
import re
from collections.abc import Callable, Iterator
from email import policy
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.served import Served
from tests.pages.conftest import Reader
from tests.pages.test_axe import LOOKS, find_nothing
from tests.visitor import PASSWORD

pytestmark = pytest.mark.browser

SESSIONS = "/app/account/sessions"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/17.5 Mobile/15E148 Safari/604.1"
)


Elsewhere = Callable[..., httpx.Client]


@pytest.fixture
def sign_in_elsewhere() -> Iterator[Elsewhere]:
    """`sign_in_elsewhere(reader)`: another device of the same person, or of whoever knows the password."""
    clients: list[httpx.Client] = []

    def make(reader: Reader, user_agent: str = IPHONE, password: str = PASSWORD) -> httpx.Client:
        client = httpx.Client(base_url=reader.url, headers={"User-Agent": user_agent}, timeout=30)
        clients.append(client)
        client.post("/app/sign-in", data={"email": reader.email, "password": password})
        return client

    yield make
    for client in clients:
        client.close()


def is_signed_in(client: httpx.Client) -> bool:
    return client.get("/auth/profile").status_code == 200


def link_in_mail(served: Served, reader: Reader, *, number: int = 1) -> str:
    """The link in the newest mail to the reader about a new device, once there are `number` of them."""
    links: list[str] = []

    def has_come() -> bool:
        links.clear()
        for file in sorted((served.directory / "data" / "mail").glob("*.eml"), key=lambda path: path.stat().st_mtime):
            message = email.message_from_bytes(file.read_bytes(), policy=policy.default)
            if reader.email in str(message["To"]):
                body = message.get_body(("plain",))
                assert body is not None
                links.extend(re.findall(r"https?://\S+/not-me\?\S+", body.get_content()))
        return len(links) >= number

    reader.until(has_come)
    assert len(links) == number
    return links[-1].removeprefix(reader.url)


def cards(page: Page) -> Any:
    return page.get_by_role("list", name="Your sessions").get_by_role("listitem")


def test_by_keyboard_one_is_ended_and_then_all_others(reader: Reader, sign_in_elsewhere: Elsewhere) -> None:
    phone, tablet = sign_in_elsewhere(reader), sign_in_elsewhere(reader, "curl/8.5.0")
    page = reader.goto("/app/profile")
    page.get_by_role("link", name="Sessions").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Sessions", level=1)).to_be_visible()
    expect(cards(page)).to_have_count(3)
    expect(cards(page).first).to_contain_text("This one")
    page.get_by_role("button", name="End the session on Safari on iPhone").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="1 session ended")).to_be_visible()
    expect(cards(page)).to_have_count(2)
    assert (is_signed_in(phone), is_signed_in(tablet)) == (False, True)
    page.get_by_role("button", name="End all others").focus()
    page.keyboard.press("Enter")
    expect(cards(page)).to_have_count(1)
    expect(page.get_by_role("button", name="End all others")).to_have_count(0)
    assert not is_signed_in(tablet)
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_without_scripts_it_all_works(browse: Callable[..., Reader], sign_in_elsewhere: Elsewhere) -> None:
    reader = browse(java_script_enabled=False, viewport={"width": 360, "height": 800})
    for _ in range(2):
        sign_in_elsewhere(reader, password="certainly wrong")
    phone = sign_in_elsewhere(reader)
    page = reader.goto(SESSIONS)
    page.get_by_role("button", name="End the session on Safari on iPhone").click()
    expect(page.get_by_text("1 session ended.")).to_be_visible()
    assert not is_signed_in(phone)
    page.get_by_label("Show").select_option("refused")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("row")).to_have_count(3)
    expect(page.get_by_role("row").nth(1)).to_contain_text("Failed")
    with page.expect_download() as download:
        page.get_by_role("link", name="As a table (CSV)").click()
    lines = download.value.path().read_text().splitlines()
    assert download.value.suggested_filename == "sign-ins.csv"
    assert (len(lines), lines[0].split(",")[:2]) == (3, ["at", "outcome"])
    assert all(",refused,password,Safari on iPhone," in line for line in lines[1:])


def test_the_history_goes_on_behind_the_first_page(reader: Reader, sign_in_elsewhere: Elsewhere) -> None:
    for _ in range(4):
        sign_in_elsewhere(reader, password="certainly wrong")
    for _ in range(25):
        sign_in_elsewhere(reader, "curl/8.5.0")
    page = reader.goto(SESSIONS)
    expect(page.get_by_role("row")).to_have_count(26)
    page.get_by_role("link", name="Older").click()
    expect(page.get_by_text("Failed", exact=True)).to_have_count(4)
    expect(page.get_by_role("row")).to_have_count(1 + 5)


def test_the_mail_about_a_new_device_ends_its_session(
    reader: Reader, served: Served, sign_in_elsewhere: Elsewhere
) -> None:
    thief = sign_in_elsewhere(reader)
    link = link_in_mail(served, reader)
    reader.context.clear_cookies()  # on any device, signed in or not
    page = reader.goto(link)
    expect(page.get_by_text("Safari on iPhone")).to_be_visible()
    assert is_signed_in(thief)
    page.get_by_role("button", name="It was not me: end that session").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="The session has ended.")).to_be_visible()
    assert not is_signed_in(thief)
    page.get_by_label("New password").fill("a staple of another battery")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your password is set.")).to_be_visible()
    assert not is_signed_in(sign_in_elsewhere(reader))
    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("E-mail address").fill(reader.email)
    page.get_by_label("Password", exact=True).fill("a staple of another battery")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("button", name="Eva Berger")).to_be_visible()
    page.goto(reader.url + link)
    expect(page.get_by_text("This link is not valid")).to_be_visible()


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing(
    browse: Callable[..., Reader], served: Served, sign_in_elsewhere: Elsewhere, look: dict[str, Any]
) -> None:
    reader = browse(**look, reduced_motion="reduce")
    page = reader.goto(SESSIONS)
    find_nothing(page, "one session")
    sign_in_elsewhere(reader, password="certainly wrong")
    sign_in_elsewhere(reader)
    sign_in_elsewhere(reader, "A-program-whose-name-is-as-long-as-one-may")
    page = reader.goto(SESSIONS)
    expect(cards(page)).to_have_count(3)
    find_nothing(page, "several sessions")
    page.get_by_role("button", name="End the session on Safari on iPhone").click()
    expect(page.get_by_role("status").filter(has_text="ended")).to_be_visible()
    find_nothing(page, "one has ended")
    reader.goto(f"{SESSIONS}?outcome=refused")
    find_nothing(page, "failed tries")
    link = link_in_mail(served, reader, number=2)
    reader.goto(link)
    find_nothing(page, "was it you")
    page.get_by_role("button", name="It was not me: end that session").click()
    expect(page.get_by_role("heading", name="The session has ended.")).to_be_visible()
    find_nothing(page, "a new password")
    page.locator("form").evaluate("form => { form.noValidate = true; }")
    page.get_by_label("New password").fill("short")
    page.keyboard.press("Enter")
    expect(page.locator(".error")).to_be_visible()
    find_nothing(page, "a new password, refused")
    page.get_by_label("New password").fill("a staple of another battery")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your password is set.")).to_be_visible()
    find_nothing(page, "the password is set")
