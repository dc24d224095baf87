"""A sign-in from a new device: what is one, the mail that tells of it, and what its link does."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from html import unescape
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from sqlalchemy import text

from commonplace.apps.accounts import handlers
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.derived_keys import DerivedKeys
from commonplace.apps.accounts.device import DEVICE_COOKIE
from commonplace.apps.accounts.events import NewDeviceSignedIn
from commonplace.apps.accounts.new_device import notice_of
from commonplace.apps.accounts.security_mail import tell_of_new_device
from commonplace.platform.database.session import Database
from commonplace.platform.events.event import ScheduleTick
from commonplace.platform.events.registry import Context
from commonplace.platform.identity.caller import SESSION_COOKIE
from commonplace.platform.messages.mail import Mail, Mailer
from commonplace.platform.parts import Parts

from .conftest import PASSWORD, ClientAt, Rows, SetClock, sign_in

pytestmark = pytest.mark.anyio

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
NEW_PASSWORD = "another battery staple"
HTML = {"Accept": "text/html"}
Deliver = Callable[[], Awaitable[None]]


class Letterbox:
    """A mailer that keeps the mails about new devices; newcomers get others, too."""

    def __init__(self) -> None:
        self.is_configured = True
        self.mails: list[Mail] = []
        self.failures = 0

    async def send(self, mail: Mail) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError("the line is down")
        if "/not-me?" in mail.text:
            self.mails.append(mail)

    async def check(self) -> str:
        return ""

    @property
    def link(self) -> str:
        """Path and query of the newest mail's only link."""
        (link,) = re.findall(r"https?://\S+", self.mails[-1].text)
        assert link.startswith("http://127.0.0.1:8000/app/account/not-me?token=")
        return str(link.removeprefix("http://127.0.0.1:8000"))

    @property
    def token(self) -> str:
        return self.link.rpartition("=")[2]


@pytest.fixture
def letterbox(parts: Parts) -> Letterbox:
    letterbox = Letterbox()
    parts.add(letterbox, as_=Mailer)
    return letterbox


async def browse(client: httpx.AsyncClient, email: str, password: str = PASSWORD) -> httpx.Response:
    client.headers["User-Agent"] = FIREFOX
    answer: httpx.Response = await client.post("/app/sign-in", data={"email": email, "password": password})
    return answer


async def on(client: httpx.AsyncClient, email: str, user_agent: str) -> None:
    client.headers["User-Agent"] = user_agent
    assert (await sign_in(client, email)).status_code == 200


@pytest.fixture
def news(told: Any) -> Callable[[], Awaitable[int]]:
    """How many new devices were told of so far."""

    async def count() -> int:
        return len(await told("session.began_on_new_device"))

    return count


async def test_a_browser_stays_the_same_wherever_it_is_carried(
    ana: Any, client_at: ClientAt, app: Any, news: Any
) -> None:
    phone = client_at("198.51.100.1")
    await browse(phone, ana.email)
    assert await news() == 1
    for address in ("203.0.113.9", "2001:db8::9", "192.0.2.77"):
        await phone.post("/app/sign-out")
        phone._transport = httpx.ASGITransport(app=app, client=(address, 40_000))
        assert (await browse(phone, ana.email)).status_code == 303
    phone.headers["User-Agent"] = FIREFOX.replace("128", "129")
    await phone.post("/app/sign-in", data={"email": ana.email, "password": PASSWORD})
    await sign_in(phone, ana.email)  # a page's script that uses the API
    assert await news() == 1


async def test_another_browser_at_the_same_address_is_new(ana: Any, client_at: ClientAt, news: Any) -> None:
    for number in range(1, 4):
        await browse(client_at("198.51.100.1"), ana.email)
        assert await news() == number


async def test_the_first_device_is_no_news(nobody: Any, client_at: ClientAt, news: Any) -> None:
    newcomer = {"name": "Eva", "email": "eva@example.org", "password": PASSWORD}
    await nobody.post("/app/sign-up", data=newcomer)
    assert await news() == 0
    await browse(client_at(), "eva@example.org")
    assert await news() == 1


async def test_a_browser_that_two_share_is_new_to_the_second(
    ana: Any, ben: Any, client_at: ClientAt, news: Any
) -> None:
    shared = client_at()
    await browse(shared, ana.email)
    await browse(shared, ben.email)
    assert await news() == 2
    await browse(shared, ana.email)
    await browse(shared, ben.email)
    assert await news() == 2


async def test_a_program_is_known_by_its_name_and_network(ana: Any, client_at: ClientAt, news: Any) -> None:
    await on(client_at("203.0.113.7"), ana.email, "rclone/v1.66.0")
    assert await news() == 1
    await on(client_at("203.0.113.7"), ana.email, "rclone/v1.67.2")
    assert await news() == 1
    await on(client_at("203.0.113.8"), ana.email, "rclone/v1.67.2")
    assert await news() == 2
    await on(client_at("203.0.113.7"), ana.email, "curl/8.5.0")
    assert await news() == 3
    for address in ("2001:db8:0:1::1", "2001:db8:0:1::ffff:2", "2001:db8:0:1:a:b:c:d"):
        await on(client_at(address), ana.email, "curl/8.5.0")
    assert await news() == 4


async def test_many_sign_ins_of_one_new_device_are_one_news(
    ana: Any, nobody: Any, news: Any, letterbox: Letterbox, deliver: Deliver
) -> None:
    nobody.http.headers["User-Agent"] = "rclone/v1.66.0"
    answers = await asyncio.gather(*(sign_in(nobody, ana.email) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert await news() == 1
    await deliver()
    assert len(letterbox.mails) == 1


async def test_a_made_up_cookie_is_not_kept(ana: Any, client_at: ClientAt) -> None:
    for made_up in ("x", "A" * 44, "A" * 42 + "!", "A" * 4000):
        browser = client_at()
        browser.headers["Cookie"] = f"{DEVICE_COOKIE}={made_up}"
        answer = await browse(browser, ana.email)
        cookie = next(line for line in answer.headers.get_list("set-cookie") if line.startswith(DEVICE_COOKIE))
        assert f"{DEVICE_COOKIE}={made_up};" not in cookie
        assert {"HttpOnly", "SameSite=lax", "Max-Age=34560000"} <= set(cookie.split("; "))


async def test_one_mail_tells_where_and_when_and_has_one_link(
    ana: Any, client_at: ClientAt, letterbox: Letterbox, deliver: Deliver, told: Any, rows: Rows
) -> None:
    await ana.put("/auth/profile", json={"time_zone": "Asia/Tokyo"})
    await browse(client_at("203.0.113.7"), ana.email)
    await deliver()
    (mail,) = letterbox.mails
    assert mail.to == ana.email
    assert mail.subject == "New sign-in to Commonplace: Firefox on Linux"
    assert all(part in mail.text for part in ("Hello Ana", "Firefox on Linux", "203.0.113.7", "Asia/Tokyo"))
    (event,) = await told("session.began_on_new_device")
    assert set(event) == {"person_id", "session_id"}
    kept = str(await rows("SELECT notice::text AS notice FROM accounts.new_device_notice AS notice"))
    kept += str(await rows("SELECT event::text AS event FROM platform.event"))
    assert letterbox.token not in kept
    assert letterbox.token not in str(await rows("SELECT delivery::text AS delivery FROM platform.delivery"))


async def test_each_attempt_to_send_it_is_the_same_mail(
    ana: Any, client_at: ClientAt, accounts: Accounts, letterbox: Letterbox, parts: Parts, told: Any
) -> None:
    await browse(client_at("203.0.113.7"), ana.email)
    (payload,) = await told("session.began_on_new_device")
    event = NewDeviceSignedIn(**payload)
    context = cast("Context", SimpleNamespace(parts=parts, delivery=None))
    letterbox.failures = 1
    with pytest.raises(OSError, match="the line is down"):
        await tell_of_new_device(event, context)
    await tell_of_new_device(event, context)
    await tell_of_new_device(event, context)
    first, second = letterbox.mails
    assert first == second
    letterbox.is_configured = False
    await tell_of_new_device(event, context)
    assert len(letterbox.mails) == 2


@pytest.fixture
async def thief(ana: Any, client_at: ClientAt, letterbox: Letterbox, deliver: Deliver) -> httpx.AsyncClient:
    """Somebody who knows the password and has signed in; the mail is there."""
    client: httpx.AsyncClient = client_at("203.0.113.66")
    await browse(client, ana.email)
    await deliver()
    assert len(letterbox.mails) == 1
    return client


async def test_to_open_the_link_changes_nothing_however_often(
    thief: httpx.AsyncClient, nobody: Any, letterbox: Letterbox
) -> None:
    for _ in range(3):
        page = await nobody.get(letterbox.link, headers=HTML)
        assert page.status_code == 200
        assert all(part in page.text for part in ("Was it you?", "Firefox on Linux", "203.0.113.66", "ana@example.org"))
        assert (await nobody.request("HEAD", letterbox.link, headers=HTML)).status_code in {200, 405}
    assert (await thief.get("/auth/profile")).status_code == 200


async def test_its_button_ends_the_session_in_every_process_and_asks_for_a_password(
    ana: Any, thief: httpx.AsyncClient, nobody: Any, client_at: ClientAt, other_process: Any, letterbox: Letterbox,
    told: Any, deliver: Deliver,
) -> None:  # fmt: skip
    elsewhere = client_at(of=other_process)
    elsewhere.cookies.set(SESSION_COOKIE, thief.cookies[SESSION_COOKIE])
    made = await thief.post("/auth/tokens", json={"name": "Backdoor", "scopes": ["files:read"], "expires_at": None})
    backdoor = {"Authorization": f"Bearer {made.json()['token']}"}
    assert (await nobody.get("/api/files", headers=backdoor)).status_code == 200
    assert (await elsewhere.get("/auth/profile")).status_code == 200
    page = await nobody.post("/app/account/not-me", data={"token": letterbox.token}, headers=HTML)
    assert page.status_code == 200
    assert (await elsewhere.get("/auth/profile")).status_code == 401
    assert (await thief.get("/auth/profile")).status_code == 401
    assert (await ana.get("/auth/profile")).status_code == 200
    assert [event["reason"] for event in await told("session.ended")] == ["disowned"]

    token = unescape(re.findall(r'name="token" value="([^"]+)"', page.text)[0])
    assert token != letterbox.token
    wrong = await nobody.post("/app/account/not-me/password", data={"token": token, "password": "short"}, headers=HTML)
    assert wrong.status_code == 422
    assert 'id="password-error"' in wrong.text
    done = await nobody.post(
        "/app/account/not-me/password", data={"token": token, "password": NEW_PASSWORD}, headers=HTML
    )
    assert (done.status_code, "Your password is set" in done.text) == (200, True)
    assert (await ana.get("/auth/profile")).status_code == 401
    assert (await nobody.get("/api/files", headers=backdoor)).status_code == 401
    assert (await browse(thief, ana.email)).status_code == 401
    assert (await browse(thief, ana.email, NEW_PASSWORD)).status_code == 303  # the device is a new one again
    await deliver()
    assert len(letterbox.mails) == 2
    again = await nobody.post(
        "/app/account/not-me/password", data={"token": token, "password": NEW_PASSWORD}, headers=HTML
    )
    assert again.status_code == 403


async def test_the_link_works_once_however_many_race(
    thief: httpx.AsyncClient, nobody: Any, letterbox: Letterbox
) -> None:
    answers = await asyncio.gather(
        *(nobody.post("/app/account/not-me", data={"token": letterbox.token}, headers=HTML) for _ in range(8))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [403] * 7
    assert (await nobody.get(letterbox.link, headers=HTML)).status_code == 403


@pytest.mark.usefixtures("thief")
async def test_the_second_token_works_once_however_many_race(ana: Any, nobody: Any, letterbox: Letterbox) -> None:
    page = await nobody.post("/app/account/not-me", data={"token": letterbox.token}, headers=HTML)
    token = re.findall(r'name="token" value="([^"]+)"', page.text)[0]
    answers = await asyncio.gather(
        *(
            nobody.post("/app/account/not-me/password", data={"token": token, "password": f"{NEW_PASSWORD} {n}"})
            for n in range(5)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [403] * 4
    taken = [n for n in range(5) if (await sign_in(nobody, ana.email, f"{NEW_PASSWORD} {n}")).status_code == 200]
    assert taken == [next(n for n, answer in enumerate(answers) if answer.status_code == 200)]


async def test_factors_added_since_the_session_began_go_and_older_ones_stay(
    ana: Any, thief: httpx.AsyncClient, nobody: Any, letterbox: Letterbox, database: Database, rows: Rows, told: Any
) -> None:
    add = """
    INSERT INTO accounts.passkey (id, person_id, credential_id, public_key, sign_count, name, transports, is_synced,
        created_at)
    SELECT gen_random_uuid(), person_id, convert_to(name, 'UTF8'), 'key', 0, name, '{}', false, created_at + late
    FROM accounts.session, (VALUES ('hers', interval '-1 day'), ('the thief''s', interval '1 ms')) AS keys (name, late)
    WHERE kind = 'browser'
    """
    async with database.writing() as session:
        await session.execute(text(add))
    assert (await thief.get("/auth/profile")).status_code == 200
    page = await nobody.post("/app/account/not-me", data={"token": letterbox.token}, headers=HTML)
    token = re.findall(r'name="token" value="([^"]+)"', page.text)[0]
    await nobody.post("/app/account/not-me/password", data={"token": token, "password": NEW_PASSWORD}, headers=HTML)
    assert await rows("SELECT name FROM accounts.passkey") == [{"name": "hers"}]
    assert await told("second_factor.removed") == [{"person_id": ana.person["id"], "factor": "passkey"}]


async def test_the_link_expires_and_so_does_what_follows(
    ana: Any, thief: httpx.AsyncClient, nobody: Any, letterbox: Letterbox, clock: SetClock, deliver: Deliver
) -> None:
    page = await nobody.post("/app/account/not-me", data={"token": letterbox.token}, headers=HTML)
    token = re.findall(r'name="token" value="([^"]+)"', page.text)[0]
    clock.pass_(3601)
    late = await nobody.post("/app/account/not-me/password", data={"token": token, "password": NEW_PASSWORD})
    assert late.status_code == 403
    assert (await browse(thief, ana.email)).status_code == 303
    await deliver()
    clock.pass_(timedelta(hours=72).total_seconds() + 1)
    assert (await nobody.get(letterbox.link, headers=HTML)).status_code == 403
    answer = await nobody.post("/app/account/not-me", data={"token": letterbox.token}, headers=HTML)
    assert answer.status_code == 403
    assert "This link is not valid" in answer.text


async def test_no_other_token_opens_it(
    ana: Any, ben: Any, thief: httpx.AsyncClient, nobody: Any, letterbox: Letterbox, accounts: Accounts, rows: Rows
) -> None:
    (kept,) = await rows("SELECT session_id FROM accounts.new_device_notice")
    notice = await notice_of(accounts, kept["session_id"])
    assert notice is not None
    stranger = replace(accounts, keys=replace_keys(accounts))
    forged = await notice_of(stranger, kept["session_id"])
    assert forged is not None
    for token in ("", "x", "ü" * 64, "A" * 64, forged.token, notice.token[:-1], notice.token + "A", "\0"):
        for path in ("/app/account/not-me", "/app/account/not-me/password"):
            answer = await nobody.post(path, data={"token": token, "password": NEW_PASSWORD}, headers=HTML)
            assert (token, answer.status_code) == (token, 403)
        assert (await nobody.get("/app/account/not-me", params={"token": token}, headers=HTML)).status_code == 403
    answer = await nobody.post("/app/account/not-me/password", data={"token": notice.token, "password": NEW_PASSWORD})
    assert answer.status_code == 403  # the first token is not the second
    for site in ("cross-site", "same-site"):
        answer = await nobody.post(
            "/app/account/not-me", data={"token": notice.token}, headers=HTML | {"Sec-Fetch-Site": site}
        )
        assert answer.status_code == 403
    for client in (ana, ben, thief):
        assert (await client.get("/auth/profile")).status_code == 200


def replace_keys(accounts: Accounts) -> Any:
    other = DerivedKeys(b"another installation's secret, of the length that is asked for")
    assert other.disowning != accounts.keys.disowning
    return other


async def test_devices_long_unused_are_forgotten_but_the_last(
    ana: Any, client_at: ClientAt, accounts: Accounts, rows: Rows, clock: SetClock, parts: Parts, news: Any
) -> None:
    phone = client_at()
    await browse(phone, ana.email)
    clock.pass_(timedelta(days=200).total_seconds())
    await browse(phone, ana.email)
    clock.pass_(timedelta(days=201).total_seconds())
    context = cast("Context", SimpleNamespace(parts=parts, delivery=None))
    await handlers.forget_the_past(ScheduleTick(schedule="accounts.forget_the_past", tick=accounts.now()), context)
    assert await rows("SELECT count(*) AS n FROM accounts.known_device") == [{"n": 1}]
    assert await rows("SELECT count(*) AS n FROM accounts.new_device_notice") == [{"n": 0}]
    clock.pass_(timedelta(days=400).total_seconds())
    await handlers.forget_the_past(ScheduleTick(schedule="accounts.forget_the_past", tick=accounts.now()), context)
    assert await rows("SELECT count(*) AS n FROM accounts.known_device") == [{"n": 1}]
    await browse(phone, ana.email)
    assert await news() == 1
    await browse(client_at(), ana.email)
    assert await news() == 2
