"""The bell on every page, and the inbox: live, by keyboard, by mouse, and without scripts."""

import asyncio
import io
import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import expect

from commonplace.installed import APPS
from tests import doorbell
from tests.acceptance.served import Served
from tests.certificates import Certificates, make_certificates
from tests.pages.conftest import Reader
from tests.pages.test_axe import LOOKS, find_nothing
from tests.push_service import Browser, PushService, serving

pytestmark = pytest.mark.browser


class Pushes:
    """A push service in a thread of its own: the browser's loop leaves no room for another."""

    def __init__(self, certificates: Certificates) -> None:
        self.browser = Browser()
        self.authority = certificates.authority
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()
        started: Future[PushService] = Future()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(certificates, started),))
        self._thread.start()
        self.service = started.result(timeout=10)

    async def _run(self, certificates: Certificates, started: "Future[PushService]") -> None:
        async with serving(certificates.server) as service:
            started.set_result(service)
            await self._ended.wait()

    def received(self) -> list[bytes]:
        """What came, decrypted."""
        return [self.browser.read(message.body) for message in self.service.received]

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(timeout=10)
        self._loop.close()


@pytest.fixture(scope="module")
def pushes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pushes]:
    pushes = Pushes(make_certificates(tmp_path_factory.mktemp("certificates")))
    yield pushes
    pushes.stop()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, pushes: Pushes) -> Iterator[Served]:
    """An installation with an app that gives notices, which trusts a push service of ours."""
    directory = tmp_path_factory.mktemp("notifications")
    doorbell.write(directory / "code")
    served = Served(
        directory,
        PUSH__PRIVATE_ADDRESSES="true",
        PUSH__TRUSTED_CERTIFICATES=str(pushes.authority),
        ACCOUNTS__BCRYPT_COST="4",
        APPS=",".join([*APPS, "doorbell.manifest:app"]),
        PYTHONPATH=os.pathsep.join([str(directory / "code"), os.environ.get("PYTHONPATH", "")]),
    ).start()
    yield served
    served.stop()


@pytest.fixture(params=LOOKS)
def look(request: pytest.FixtureRequest) -> dict[str, Any]:
    options: dict[str, Any] = request.param
    return options | {"reduced_motion": "reduce"}


def ring(reader: Reader, *callers: str, path: str | None = None) -> None:
    """The bell is rung at the reader's door; returns when their inbox has it."""
    for who in callers:
        before = unread(reader)
        answer = reader.http.post("/api/doorbell", params={"who": who} | ({} if path is None else {"path": path}))
        assert answer.status_code == 202, answer.text
        reader.until(lambda before=before: unread(reader) > before)  # type: ignore[misc]


def unread(reader: Reader) -> int:
    number: int = reader.http.get("/api/notifications/unread").json()["unread"]
    return number


def focused(reader: Reader) -> str:
    text: str = reader.page.evaluate("document.activeElement.textContent.trim()")
    return text


def test_the_bell_tells_on_every_page_what_comes_in(reader: Reader) -> None:
    page = reader.goto("/app/files")
    bell = page.get_by_role("link", name="Notifications")
    expect(bell).to_be_visible()
    expect(bell.locator(".badge")).to_have_count(0)
    ring(reader, "Cleo", path="/app/trash")
    expect(bell).to_have_accessible_name(re.compile(r"Notifications:\s*1\s*unread"))
    other = reader.another_tab()
    other.goto(reader.url + "/app/profile")
    expect(other.locator(".badge")).to_have_text("1")
    bell.click()
    expect(page.get_by_role("heading", name="Notifications")).to_be_focused()
    page.get_by_role("link", name="Cleo is at the door").click()
    expect(page.get_by_role("heading", name="Trash")).to_be_visible()
    expect(page.locator(".badge")).to_have_count(0)
    expect(other.locator(".badge")).to_have_count(0)
    assert unread(reader) == 0


def test_everything_by_keyboard(reader: Reader) -> None:
    ring(reader, "Ana", "Ben", "Cleo")
    page = reader.goto("/app/notifications")
    rows = page.locator(".notice-row")
    expect(rows).to_have_count(3)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert focused(reader) == "Ben is at the door"
    page.keyboard.press("u")
    expect(page.locator(".is-unread")).to_have_count(2)
    reader.until(lambda: focused(reader) == "Ben is at the door")
    page.keyboard.press("u")
    expect(page.locator(".is-unread")).to_have_count(3)
    reader.until(lambda: focused(reader) == "Ben is at the door")
    page.keyboard.press("Delete")
    expect(page.get_by_text("“Ben is at the door” is dismissed.")).to_be_visible()
    expect(rows).to_have_count(2)
    reader.until(lambda: focused(reader) == "Ana is at the door")
    page.keyboard.press("z")
    expect(rows).to_have_count(3)
    page.keyboard.press("Shift+A")
    expect(page.locator(".is-unread")).to_have_count(0)
    expect(page.get_by_text("Nothing is unread.")).to_be_visible()
    page.get_by_role("link", name="Unread", exact=True).click()
    expect(page.get_by_text("You have read everything.")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog").get_by_text("Dismiss", exact=True)).to_be_visible()


def test_two_windows_stay_equal_and_the_focus_stays(reader: Reader) -> None:
    ring(reader, "Ana", "Ben")
    page = reader.goto("/app/notifications")
    other = reader.another_tab()
    other.goto(reader.url + "/app/notifications")
    page.keyboard.press("ArrowDown")
    assert focused(reader) == "Ben is at the door"
    ring(reader, "Cleo")
    for window in (page, other):
        expect(window.locator(".notice-row")).to_have_count(3)
        expect(window.locator(".notice-row").first).to_contain_text("Cleo is at the door")
    reader.until(lambda: focused(reader) == "Ben is at the door")
    other.get_by_role("button", name="Dismiss").last.click()
    expect(page.locator(".notice-row")).to_have_count(2)
    other.get_by_role("button", name="Mark all as read").click()
    expect(page.locator(".is-unread")).to_have_count(0)
    expect(page.get_by_role("button", name="Mark all as read")).to_have_count(0)


def test_without_scripts_all_of_it_works(browse: Callable[..., Reader]) -> None:
    reader = browse(java_script_enabled=False)
    ring(reader, "Ana", "Ben")
    page = reader.goto("/app/files")
    page.get_by_role("link", name="Notifications").click()
    page.get_by_role("button", name="Mark as read").first.click()
    expect(page.locator(".is-unread")).to_have_count(1)
    page.get_by_role("button", name="Dismiss").first.click()
    expect(page.locator(".notice-row")).to_have_count(1)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".notice-row")).to_have_count(2)
    page.get_by_role("button", name="Mark all as read").click()
    expect(page.get_by_text("Nothing is unread.")).to_be_visible()
    page.get_by_role("link", name="What you are told").click()
    page.get_by_role("checkbox", name="Somebody is at the door: by mail").uncheck()
    page.get_by_label("Hold mail and devices at night").check()
    page.get_by_label("From").fill("23:15")
    page.get_by_label("to", exact=True).fill("23:15")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("cannot begin when they end")
    expect(page.get_by_role("checkbox", name="Somebody is at the door: by mail")).not_to_be_checked()
    page.get_by_label("to", exact=True).fill("06:45")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Your choice is saved.")).to_be_visible()
    expect(page.get_by_label("From")).to_have_value("23:15")
    expect(page.get_by_role("checkbox", name="Somebody is at the door: by mail")).not_to_be_checked()
    expect(page.get_by_role("checkbox", name="Somebody is at the door: here")).to_be_checked()
    expect(page.get_by_role("checkbox", name="Somebody is at the door: on devices")).to_be_checked()
    saved = reader.http.get("/api/notifications/preferences").json()
    assert saved["quiet_hours"] == {"begins": "23:15", "ends": "06:45"}


def test_axe_finds_nothing(browse: Callable[..., Reader], look: dict[str, Any]) -> None:
    reader = browse(**look)
    page = reader.goto("/app/notifications")
    find_nothing(page, "an empty inbox")
    ring(
        reader, "Ana", "Somebody with a name that is rather long for a phone, and noword" + "o" * 60, path="/app/files"
    )
    ring(reader, "Ben")
    expect(page.locator(".notice-row")).to_have_count(3)
    page.get_by_role("button", name="Mark as read").first.click()
    expect(page.locator(".is-unread")).to_have_count(2)
    find_nothing(page, "an inbox")
    page.get_by_role("button", name="Dismiss").first.click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    find_nothing(page, "something dismissed")
    reader.goto("/app/notifications/settings")
    find_nothing(page, "what one is told")


#: Chromium's own push service is far away: the browser hands out a subscription of ours instead.
SUBSCRIBE = """subscription => {
    let present = null;
    const bytes = (key) =>
        Uint8Array.from(atob(key.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
    const made = (key) => ({
        options: { applicationServerKey: bytes(key).buffer },
        toJSON: () => subscription,
        unsubscribe: async () => { present = null; return true; },
    });
    PushManager.prototype.subscribe = async ({ applicationServerKey }) => (present = made(applicationServerKey));
    PushManager.prototype.getSubscription = async () => present;
}"""


def test_this_device_is_notified_until_it_signs_out(browse: Callable[..., Reader], pushes: Pushes) -> None:
    reader = browse(service_workers="allow", permissions=["notifications"], reduced_motion="reduce")
    page, context = reader.page, reader.context
    subscription = json.dumps(pushes.browser.subscription(f"{pushes.service.origin}/push/1"))
    context.add_init_script(f"({SUBSCRIBE})({subscription})")
    session = context.new_cdp_session(page)
    registrations: list[dict[str, Any]] = []
    session.on("ServiceWorker.workerRegistrationUpdated", lambda event: registrations.extend(event["registrations"]))
    session.send("ServiceWorker.enable")
    reader.goto("/app/notifications/settings")
    page.get_by_role("button", name="Notify this device").click()
    expect(page.locator(".device")).to_contain_text("Chrome on Linux")
    find_nothing(page, "a device that is notified")
    ring(reader, "Cleo", path="/app/trash")
    reader.until(lambda: len(pushes.received()) == 1)
    (content,) = pushes.received()
    delivery = {"origin": reader.url, "registrationId": registrations[-1]["registrationId"], "data": content.decode()}
    shown = """async () => {
        const { active } = await navigator.serviceWorker.ready;
        return (await (await navigator.serviceWorker.ready).getNotifications())
            .map(({ title, body, tag, data }) => ({ title, body, tag, data }));
    }"""
    for _ in range(2):  # what comes twice is there once
        session.send("ServiceWorker.deliverPushMessage", delivery)
    reader.until(lambda: len(page.evaluate(shown)) == 1)
    (notice,) = page.evaluate(shown)
    told = json.loads(content)
    assert (notice["title"], notice["body"], notice["tag"]) == ("Cleo is at the door", "Since a minute.", told["tag"])
    assert notice["data"] == {"id": told["id"], "path": "/app/trash"}
    session.send("ServiceWorker.deliverPushMessage", delivery | {"data": "not of ours"})
    reader.until(lambda: len(page.evaluate(shown)) == 2)
    reader.goto("/app/files")
    page.get_by_role("button", name=re.compile("profile, appearance, sign out")).click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    reader.until(lambda: not page.evaluate("caches.keys().then(keys => keys.some(key => key.startsWith('kept-')))"))


def test_a_device_installs_it_and_says_when_it_is_offline(browse: Callable[..., Reader]) -> None:
    reader = browse(service_workers="allow", **LOOKS[1].values[0])
    page = reader.goto("/app/notifications")
    manifest = reader.http.get(page.locator("link[rel=manifest]").get_attribute("href") or "")
    assert manifest.headers["content-type"] == "application/manifest+json"
    icons = manifest.json()["icons"]
    assert {icon["purpose"] for icon in icons} == {"any", "maskable"}
    for icon in icons:
        image = Image.open(io.BytesIO(reader.http.get(icon["src"]).content))
        assert icon["sizes"] == f"{image.width}x{image.height}"
    worker = reader.http.get("/sw.js")
    assert worker.headers["cache-control"] == "no-cache"
    assert reader.http.get("/sw.js", headers={"If-None-Match": worker.headers["etag"]}).status_code == 304
    reader.until(lambda: page.evaluate("navigator.serviceWorker.controller !== null"))
    reader.context.set_offline(True)
    reader.goto("/app/files?sort=name")
    expect(page.get_by_role("heading", name="Offline")).to_be_visible()
    find_nothing(page, "offline")
    assert page.evaluate("document.fonts.check('16px Inter')"), "its own files are there"
    reader.context.set_offline(False)
    expect(page.get_by_role("heading", name="Files")).to_be_visible()
