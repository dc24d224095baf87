"""Chromium in front of a real installation; each test has a person of its own."""

import io
import itertools
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.acceptance.served import Served
from tests.visitor import PASSWORD

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
]
DEADLINE_MS = 15_000
#: Chromium reports refusals and broken connections, which are part of some tests; workers are kept out of most.
_EXPECTED = "Failed to load resource|WebSocket connection|Service Worker registration blocked"
_numbers = itertools.count(1)

expect.set_options(timeout=DEADLINE_MS)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One installation for all tests of this worker."""
    served = Served(tmp_path_factory.mktemp("pages"), ACCOUNTS__BCRYPT_COST="4").start()
    yield served
    served.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser a module: while it is there no event loop but its own can run, and other tests need theirs."""
    if not CHROMIUM.exists():
        reason = "Chromium is not installed (Debian's package is `chromium`)."
        if os.environ.get("CI"):
            pytest.fail(reason)  # nothing is skipped there
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Reader:
    """A person, their browser, and what went wrong in it."""

    page: Page
    context: BrowserContext
    http: httpx.Client
    url: str
    email: str
    complaints: list[str] = field(default_factory=list)

    def goto(self, path: str) -> Page:
        self.page.goto(self.url + path)
        if self.page.locator(".entry").count():  # Scripts are there when they have taken the entries over.
            expect(self.page.locator(".entry .open[tabindex='0']")).to_have_count(1)
        return self.page

    def listen(self, page: Page) -> Page:
        """Note what pages must never do: throw, or break the policy for scripts and styles."""
        page.set_default_timeout(DEADLINE_MS)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self._heard(message.type, message.text))
        return page

    def _heard(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and not re.search(_EXPECTED, text):
            self.complaints.append(f"{kind}: {text}")

    def another_tab(self) -> Page:
        return self.listen(self.context.new_page())

    def upload(self, name: str, content: bytes, **query: str) -> dict[str, Any]:
        """By the API, as another device would."""
        answer = self.http.post("/api/files", params={"name": name, **query}, content=content)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def folder(self, name: str, parent_id: str | None = None) -> dict[str, Any]:
        answer = self.http.post("/api/folders", json={"name": name, "parent_id": parent_id})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def names(self) -> list[str]:
        """The files and folders on the page, in order."""
        return self.page.locator(".entry").evaluate_all("entries => entries.map((entry) => entry.dataset.name)")

    def until(self, condition: Callable[[], bool], *, seconds: float = DEADLINE_MS / 1000) -> None:
        """Wait until something is true that no locator can tell; the browser's events come in meanwhile."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"Not within {seconds} s."
            self.page.wait_for_timeout(20)

    def entry(self, name: str) -> Any:
        return self.page.locator(f'.entry[data-name="{name}"]')


@pytest.fixture
def browse(chromium: Browser, served: Served) -> Iterator[Callable[..., Reader]]:
    """`browse()`: a new person, signed in, with a window; options are those of a browser's context."""
    readers: list[Reader] = []

    def make(*, signed_in: bool = True, **options: Any) -> Reader:
        email = f"reader{next(_numbers)}@example.org"
        # A service worker loads every static file at its first start: only the tests of it have one.
        defaults = {"viewport": {"width": 1280, "height": 860}, "locale": "en-GB", "timezone_id": "Europe/Vienna"}
        context = chromium.new_context(**{**defaults, "service_workers": "block", **options})
        http = httpx.Client(base_url=served.url, timeout=30)
        reader = Reader(context.new_page(), context, http, served.url, email)
        reader.listen(reader.page)
        readers.append(reader)
        if signed_in:
            _sign_in(reader)
        return reader

    yield make
    complaints = [complaint for reader in readers for complaint in reader.complaints]
    for reader in readers:
        reader.http.close()
        reader.context.close()
    assert not complaints, complaints


@pytest.fixture
def reader(browse: Callable[..., Reader]) -> Reader:
    return browse()


def _sign_in(reader: Reader) -> None:
    person = {"email": reader.email, "password": PASSWORD, "name": "Eva Berger"}
    assert reader.http.post("/auth/register", json=person).status_code == 201
    answer = reader.http.post("/app/sign-in", data={"email": reader.email, "password": PASSWORD})
    assert answer.status_code == 303, answer.text
    cookie = reader.http.cookies["commonplace_session"]
    reader.context.add_cookies(
        [{"name": "commonplace_session", "value": cookie, "url": reader.url, "httpOnly": True, "sameSite": "Lax"}]
    )


@pytest.fixture(scope="session")
def photograph() -> Callable[..., bytes]:
    """`photograph(3)`: a JPEG unlike the others, taken on the third-last day of a June."""

    def make(number: int = 0, *, size: tuple[int, int] = (640, 480)) -> bytes:
        taken_at = datetime(2026, 6, 14, 18, 4) - timedelta(days=number)  # noqa: DTZ001 - a camera's clock has no zone
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9003] = taken_at.strftime("%Y:%m:%d %H:%M:%S")
        colour = (number * 37 % 256, number * 91 % 256, 128)
        content = io.BytesIO()
        Image.linear_gradient("L").resize(size).convert("RGB").point(
            [min(255, value + colour[band] // 2) for band in range(3) for value in range(256)]
        ).save(content, "JPEG", exif=exif)
        return content.getvalue()

    return make


@pytest.fixture
def photographs(photograph: Callable[..., bytes], tmp_path: Path) -> Callable[[int], list[str]]:
    """`photographs(5)`: the paths of five JPEGs."""

    def make(number: int) -> list[str]:
        folder = tmp_path / "photographs"
        folder.mkdir(exist_ok=True)
        paths = [folder / f"Photograph {index:03}.jpg" for index in range(number)]
        for index, path in enumerate(paths):
            path.write_bytes(photograph(index))
        return [str(path) for path in paths]

    return make
