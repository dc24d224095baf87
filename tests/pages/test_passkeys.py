"""Second factors in Chromium, whose virtual authenticator stands for a phone (CDP, domain WebAuthn)."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pyotp
import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.served import Served
from tests.pages.conftest import Reader
from tests.pages.test_axe import LOOKS, find_nothing
from tests.visitor import PASSWORD

pytestmark = pytest.mark.browser
SECURITY = "/app/account/security"


def named(reader: Reader) -> Reader:
    """Passkeys belong to names: reach the server as localhost, with the cookie for it."""
    reader.url = reader.url.replace("127.0.0.1", "localhost")
    for cookie in reader.context.cookies():
        reader.context.add_cookies([{**cookie, "domain": "localhost"}])  # type: ignore[typeddict-item, list-item]
    return reader


class Phone:
    """A virtual authenticator that knows its person."""

    def __init__(self, page: Page) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
        }
        added = self._session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        self.id = added["authenticatorId"]

    def forget_the_person(self) -> None:
        self._session.send("WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": False})

    def passkeys(self) -> list[dict[str, Any]]:
        found = self._session.send("WebAuthn.getCredentials", {"authenticatorId": self.id})
        credentials: list[dict[str, Any]] = found["credentials"]
        return credentials


def sign_in(page: Page, reader: Reader) -> None:
    page.get_by_label("E-mail address").fill(reader.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def sign_out(reader: Reader) -> Page:
    page = reader.page
    page.goto("about:blank")  # so that no page is left which hears of the end and loads again
    reader.context.clear_cookies()
    page.goto(f"{reader.url}/app/sign-in")
    return page


def test_a_passkey_is_made_signs_in_alone_and_as_the_second_step_and_is_removed(reader: Reader) -> None:
    named(reader)
    page = reader.goto(SECURITY)
    phone = Phone(page)
    page.get_by_label("Name of a new passkey").fill("Phone")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The passkey is added.")).to_be_visible()
    expect(page.locator(".codes li")).to_have_count(10)
    assert len(phone.passkeys()) == 1

    page = sign_out(reader)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page).to_have_url(f"{reader.url}/app/files")

    page = sign_out(reader)
    sign_in(page, reader)
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    page.goto(f"{reader.url}/app/files")  # the password alone opens nothing
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto(f"{reader.url}/app/sign-in/second?next=/app/trash")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(f"{reader.url}/app/trash")

    page.goto(reader.url + SECURITY)
    page.get_by_text("Rename").click()
    page.get_by_label("New name of Phone").fill("Eva's phone")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The passkey has its new name.")).to_be_visible()
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.locator("[data-passkey-error]")).to_be_hidden()
    page.get_by_label("Name of a new passkey").fill("The same phone")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.locator("[data-passkey-error]")).to_have_text("There is a passkey for you on this device already.")
    page.get_by_role("button", name="Remove Eva's phone").click()
    expect(page.get_by_text("The passkey is removed.")).to_be_visible()
    page = sign_out(reader)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("This passkey did not work here.")


def test_a_device_that_does_not_know_its_person_is_refused_in_words(reader: Reader) -> None:
    named(reader)
    page = reader.goto(SECURITY)
    phone = Phone(page)
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_text("The passkey is added.")).to_be_visible()
    phone.forget_the_person()
    page = sign_out(reader)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.locator("[data-passkey-error]")).to_contain_text("Try again.")
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_enabled()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_an_authenticator_app_and_a_recovery_code(browse: Callable[..., Reader], scripts: bool) -> None:
    reader = browse(java_script_enabled=scripts)
    page = reader.goto(SECURITY)
    page.get_by_role("button", name="Set up an authenticator app").click()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    secret = page.locator(".secret").inner_text()
    page.get_by_label("The code that the app shows").fill("000000")
    page.get_by_role("button", name="Set up", exact=True).click()
    expect(page.locator("#code-error")).to_contain_text("This code does not fit.")
    page.get_by_label("The code that the app shows").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Set up", exact=True).click()
    expect(page.get_by_text("The authenticator app is set up.")).to_be_visible()
    codes = page.locator(".codes code").all_inner_texts()
    assert len(codes) == 10
    page.goto(reader.url + SECURITY)
    assert not any(code in page.content() for code in codes)

    page = sign_out(reader)
    sign_in(page, reader)
    page.get_by_label("Code of the authenticator app").fill("123456")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("This is not right.")
    page.get_by_label("Code of the authenticator app").fill(pyotp.TOTP(secret).at(int(time.time()) + 30))
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).to_have_url(f"{reader.url}/app/files")

    page = sign_out(reader)
    sign_in(page, reader)
    page.get_by_role("link", name="Use a recovery code").click()
    page.get_by_label("Recovery code").fill(codes[0])
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{reader.url}/app/files")
    page.goto(reader.url + SECURITY)
    expect(page.get_by_text("9 codes left")).to_be_visible()
    page.get_by_role("button", name="Remove the authenticator app").click()
    expect(page.get_by_text("The authenticator app is removed.")).to_be_visible()


def test_a_sign_in_that_took_too_long_begins_again(browse: Callable[..., Reader]) -> None:
    reader = browse(signed_in=False)
    page = reader.goto("/app/sign-in/second")
    expect(page.get_by_role("alert")).to_contain_text("This sign-in is over")
    expect(page.get_by_label("E-mail address")).to_be_visible()


def test_at_an_address_the_page_says_why_there_are_no_passkeys(reader: Reader) -> None:
    page = reader.goto(SECURITY)
    expect(page.get_by_text("Browsers make no passkeys for an IP address.")).to_be_visible()
    expect(page.get_by_role("button", name="Add a passkey")).to_have_count(0)


def test_axe_finds_nothing(browse: Callable[..., Reader], look: dict[str, Any], request: pytest.FixtureRequest) -> None:
    reader = named(browse(**look))
    page = reader.goto(SECURITY)
    Phone(page)
    find_nothing(page, "no factor yet")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.locator(".codes li")).to_have_count(10)
    find_nothing(page, "recovery codes")
    page.get_by_role("button", name="Set up an authenticator app").click()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    find_nothing(page, "a QR code")
    secret = page.locator(".secret").inner_text()
    page.get_by_label("The code that the app shows").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Set up", exact=True).click()
    expect(page.get_by_text("The authenticator app is set up.")).to_be_visible()
    find_nothing(page, "everything set up")
    reader.goto("/app/account/prove")
    find_nothing(page, "is it you")
    page = sign_out(reader)
    find_nothing(page, "the sign-in page")
    sign_in(page, reader)
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    find_nothing(page, "the second step")
    page.get_by_role("link", name="Use a recovery code").click()
    expect(page.get_by_label("Recovery code")).to_be_visible()
    find_nothing(page, "a recovery code")


@pytest.fixture(params=LOOKS)
def look(request: pytest.FixtureRequest) -> dict[str, Any]:
    options: dict[str, Any] = request.param
    return options | {"reduced_motion": "reduce"}


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(
        tmp_path_factory.mktemp("strict"),
        ACCOUNTS__BCRYPT_COST="4",
        ACCOUNTS__SECOND_FACTOR="everybody",
        ACCOUNTS__PROOF_MINUTES="1",
    ).start()
    yield served
    served.stop()


@pytest.mark.long  # an installation of its own
def test_where_one_is_asked_for_one_is_led_to_it_and_then_on(browse: Callable[..., Reader], strict: Served) -> None:
    reader = browse(signed_in=False)
    reader.url = strict.url
    page = reader.goto("/app/sign-up")
    page.get_by_label("Your name").fill("Ana")
    page.get_by_label("E-mail address").fill(reader.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_role("heading", name="A second factor")).to_be_visible()
    page.goto(f"{reader.url}/app/trash")
    expect(page).to_have_url(re.compile(r"/app/account/security"))
    find_nothing(page, "nothing but this")
    page.get_by_role("button", name="Set up an authenticator app").click()
    secret = page.locator(".secret").inner_text()
    page.get_by_label("The code that the app shows").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Set up", exact=True).click()
    expect(page.locator(".codes li")).to_have_count(10)
    page.goto(f"{reader.url}/app/trash")
    expect(page.get_by_text("The trash is empty.")).to_be_visible()
    page.goto(reader.url + SECURITY)
    page.get_by_role("button", name="Remove the authenticator app").click()
    expect(page.get_by_role("alert")).to_contain_text("this is your last")


@pytest.mark.long  # an installation of its own
def test_one_proves_it_again_or_is_told_that_it_was_wrong(browse: Callable[..., Reader], strict: Served) -> None:
    reader = browse(signed_in=False)
    reader.url = strict.url.replace("127.0.0.1", "localhost")
    page = reader.goto("/app/sign-up")
    phone = Phone(page)
    page.get_by_label("Your name").fill("Ben")
    page.get_by_label("E-mail address").fill(reader.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.locator(".codes li")).to_have_count(10)
    assert len(phone.passkeys()) == 1
    page.goto(f"{reader.url}/app/account/prove?next=/app/account/security")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(f"{reader.url}{SECURITY}")
    page.goto(f"{reader.url}/app/account/prove?next=/app/account/tokens")
    page.get_by_role("link", name="Use a recovery code").click()
    page.get_by_label("Recovery code").fill("abcd-efgh-ijkl-mnop")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("This is not right.")
    expect(page.get_by_label("Recovery code")).to_be_focused()
