"""Letters: proving an address, a new password by mail, changing an address and undoing it, an account by mail."""

import asyncio
import email
import email.policy
import re
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from commonplace.apps.accounts import people
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.events import LetterAsked
from commonplace.apps.accounts.leaving import erasure
from commonplace.apps.accounts.letters import asking, handlers
from commonplace.apps.accounts.letters.letter import token_of
from tests.visitor import PASSWORD

from .conftest import ClientAt, Rows, SetClock, sign_in

pytestmark = pytest.mark.anyio
HTML = {"Accept": "text/html"}
NEW_PASSWORD = "seven larks in a row"
Mails = Callable[[], Awaitable[list[EmailMessage]]]


@pytest.fixture
def mails(environ: dict[str, str], deliver: Callable[[], Awaitable[None]]) -> Mails:
    """`await mails()`: what was sent since it was asked last, in the order of its Date."""
    seen: set[Path] = set()

    async def read() -> list[EmailMessage]:
        await deliver()
        folder = Path(environ["COMMONPLACE_DATA_DIR"]) / "mail"
        fresh = sorted(set(folder.glob("*.eml")) - seen, key=lambda path: path.stat().st_mtime_ns)
        seen.update(fresh)
        return [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in fresh]

    return read


def text_of(mail: EmailMessage) -> str:
    text: str = mail.get_content()
    return text


async def test_who_is_to_be_erased_is_told_while_it_can_be_helped(
    ana: Any, accounts: Accounts, nobody: Any, mails: Mails
) -> None:
    await mails()
    asked = (await ana.post("/auth/erasure")).json()
    (mail,) = await mails()
    assert (mail["To"], mail["Subject"]) == (ana.email, "Your account is about to be removed")
    due = datetime.fromisoformat(asked["due_at"])
    assert f"{due:%d %B %Y, %H:%M} (UTC)" in " ".join(text_of(mail).split())
    assert "sign in before then" in " ".join(text_of(mail).split())
    back = await sign_in(nobody, ana.email)
    assert back.status_code == 200
    await erasure.ask_for_another(accounts, UUID(ana.person["id"]), by=None, waiting_days=1)
    (told,) = [mail for mail in await mails() if mail["Subject"] == "Your account is about to be removed"]
    assert "An administrator" in text_of(told)


def link_in(mail: EmailMessage) -> str:
    (link,) = re.findall(r"http://[^\s]+token=[\w-]+", text_of(mail))
    return str(link)


def token_in(mail: EmailMessage) -> str:
    return link_in(mail).rpartition("=")[2]


def said(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition("/")[2]


async def forgot(client: Any, address: str) -> Any:
    return await client.post("/auth/password/forgot", json={"email": address})


async def reset(client: Any, token: str, password: str = NEW_PASSWORD) -> Any:
    return await client.post("/auth/password/reset", json={"token": token, "password": password})


async def confirm(client: Any, token: str) -> Any:
    return await client.post("/auth/confirm", json={"token": token})


class TestProving:
    async def test_an_address_is_proved_once_by_the_link_that_a_newcomer_gets(
        self, ana: Any, nobody: Any, mails: Mails, told: Any
    ) -> None:
        assert ana.person["is_email_verified"] is False
        (mail,) = await mails()
        assert (mail["To"], mail["Subject"]) == (ana.email, "Confirm your e-mail address")
        token = token_in(mail)
        assert (await nobody.get(link_in(mail), headers=HTML)).status_code == 200  # looking uses nothing up
        done = await confirm(nobody, token)
        assert done.json() == {"purpose": "verify", "email": ana.email, "reset_token": None}
        assert (await ana.get("/auth/profile")).json()["is_email_verified"] is True
        assert said(await confirm(nobody, token)) == (403, "letter-not-valid")
        assert await told("address.verified") == [{"person_id": ana.person["id"]}]
        assert (await ana.post("/auth/address/verify")).status_code == 202
        assert await mails() == []

    async def test_it_is_sent_again_but_not_without_end(self, ana: Any, mails: Mails) -> None:
        await mails()
        for _ in range(5):
            assert (await ana.post("/auth/address/verify")).status_code == 202
        assert len(await mails()) == 2  # and the first made three

    async def test_a_link_of_another_installation_or_made_up_is_refused(
        self, ana: Any, nobody: Any, mails: Mails, rows: Rows
    ) -> None:
        (mail,) = await mails()
        token = token_in(mail)
        wrong = ["", "x", token[:-1], token + "A", "A" * len(token), token[:-2] + "__", "\u00e9" * 54, token[::-1]]
        for text in wrong:
            assert said(await confirm(nobody, text)) == (403, "letter-not-valid"), text
            assert (await nobody.get("/app/confirm", params={"token": text}, headers=HTML)).status_code == 403
        assert said(await reset(nobody, token)) == (403, "letter-not-valid")
        assert (await confirm(nobody, token)).status_code == 200

    async def test_one_mail_whatever_the_attempts_and_no_secret_in_the_database(
        self, ana: Any, accounts: Accounts, parts: Any, mails: Mails, rows: Rows
    ) -> None:
        (mail,) = await mails()
        (letter,) = await rows("SELECT id FROM accounts.letter")
        event = LetterAsked(letter_id=letter["id"], purpose="verify")
        context: Any = type("Context", (), {"parts": parts, "delivery": None})
        for _ in range(2):
            await handlers.send_letter(event, context)
        assert await mails() == []  # the same file under the same Message-ID
        assert token_in(mail) == token_of(accounts, letter["id"])
        everything = ""
        for table in await rows(
            "SELECT schemaname || '.' || tablename AS name FROM pg_tables WHERE schemaname IN ('accounts', 'platform')"
        ):
            everything += str(await rows(f"SELECT string_agg(t::text, '') AS all FROM {table['name']} AS t"))
        assert token_in(mail) not in everything


class TestForgotten:
    async def test_a_new_password_ends_everything_and_is_told(
        self, ana: Any, nobody: Any, mails: Mails, told: Any, client_at: ClientAt, other_process: Any
    ) -> None:
        body = {"name": "a", "scopes": ["files:read"], "expires_at": None}
        token = (await ana.post("/auth/tokens", json=body)).json()["token"]
        there = client_at(of=other_process)
        there.headers["Authorization"] = ana.http.headers["Authorization"]
        assert (await there.get("/api/files")).status_code == 200
        await mails()
        answer = await forgot(nobody, "ANA@example.org")
        assert answer.status_code == 202
        (mail,) = await mails()
        assert mail["To"] == ana.email
        assert said(await reset(nobody, token_in(mail), "password1")) == (422, "password-not-allowed")
        assert said(await reset(nobody, token_in(mail), "ana@example.org")) == (422, "password-not-allowed")
        assert (await reset(nobody, token_in(mail))).status_code == 204
        for client in (ana, there):
            assert (await client.get("/api/files")).status_code == 401
        bearer = {"Authorization": f"Bearer {token}"}
        assert (await nobody.get("/api/files", headers=bearer)).status_code == 401
        assert (await sign_in(nobody, str(ana.email))).status_code == 401
        assert (await sign_in(nobody, str(ana.email), NEW_PASSWORD)).status_code == 200
        assert said(await reset(nobody, token_in(mail), "eight larks in a row")) == (403, "letter-not-valid")
        (notice,) = await mails()
        assert notice["Subject"] == "Your password was changed"
        assert "token" not in text_of(notice)
        assert await told("person.password_reset") == [{"person_id": ana.person["id"], "how": "letter"}]

    async def test_it_lasts_half_an_hour_and_serves_once(
        self, ana: Any, nobody: Any, mails: Mails, clock: SetClock, rows: Rows
    ) -> None:
        await mails()
        await forgot(nobody, str(ana.email))
        (late,) = await mails()
        clock.pass_(timedelta(minutes=30).total_seconds())
        assert said(await reset(nobody, token_in(late))) == (403, "letter-not-valid")
        assert (await nobody.get(link_in(late), headers=HTML)).status_code == 403
        await forgot(nobody, str(ana.email))
        (mail,) = await mails()
        answers = await asyncio.gather(*(reset(nobody, token_in(mail), f"{NEW_PASSWORD} {n}") for n in range(5)))
        assert sorted(answer.status_code for answer in answers) == [204, 403, 403, 403, 403]

    async def test_a_newer_password_leaves_no_older_link(self, ana: Any, nobody: Any, mails: Mails) -> None:
        await mails()
        await forgot(nobody, str(ana.email))
        await forgot(nobody, str(ana.email))
        first, second = await mails()
        assert (await reset(nobody, token_in(second))).status_code == 204
        assert said(await reset(nobody, token_in(first))) == (403, "letter-not-valid")

    async def test_who_has_no_account_or_is_suspended_gets_none_and_nothing_tells(
        self, ana: Any, ben: Any, nobody: Any, mails: Mails, accounts: Accounts
    ) -> None:
        await people.suspend(accounts, str(ben.email))
        await mails()
        answers = [await forgot(nobody, address) for address in (ana.email, ben.email, "stranger@example.org")]
        assert len({(answer.status_code, answer.text) for answer in answers}) == 1
        pages = [
            (await nobody.post("/app/forgot", data={"email": address}, headers=HTML)).text.replace(address, "")
            for address in (ana.email, ben.email, "stranger@example.org")
        ]
        assert len(set(pages)) == 1
        assert [mail["To"] for mail in await mails()] == [ana.email] * 2

    async def test_the_mail_goes_to_the_address_of_the_account_however_it_was_written(
        self, nobody: Any, mails: Mails
    ) -> None:
        person = {"email": "strasse@example.org", "name": "Eva", "password": PASSWORD}
        assert (await nobody.post("/auth/register", json=person)).status_code == 201
        await mails()
        await forgot(nobody, "stra\u00dfe@example.org")  # one key, and perhaps another mailbox
        (mail,) = await mails()
        assert mail["To"] == "strasse@example.org"

    async def test_an_address_gets_three_in_an_hour_and_a_network_asks_for_twenty(
        self, ana: Any, mails: Mails, client_at: ClientAt, rows: Rows, clock: SetClock
    ) -> None:
        await mails()
        far = client_at("203.0.113.7")
        answers = await asyncio.gather(*(forgot(far, str(ana.email)) for _ in range(8)))
        assert {answer.status_code for answer in answers} == {202}
        assert len(await mails()) == 3
        answers = [await forgot(far, f"stranger{number}@example.org") for number in range(19)]
        assert [answer.status_code for answer in answers] == [202] * 17 + [429] * 2
        assert said(answers[-1]) == (429, "too-many-letters")
        assert 3000 < int(answers[-1].headers["retry-after"]) <= 3600
        assert (await forgot(client_at("203.0.113.8"), "stranger@example.org")).status_code == 202
        clock.pass_(3601)
        assert (await forgot(far, str(ana.email))).status_code == 202
        assert len(await mails()) == 1

    async def test_the_pages(self, ana: Any, nobody: Any, mails: Mails) -> None:
        await mails()
        assert 'href="/app/forgot"' in (await nobody.get("/app/sign-in", headers=HTML)).text
        wrong = await nobody.post("/app/forgot", data={"email": "no address"}, headers=HTML)
        assert (wrong.status_code, 'id="email-error"' in wrong.text) == (422, True)
        await nobody.post("/app/forgot", data={"email": ana.email}, headers=HTML)
        (mail,) = await mails()
        page = await nobody.get(link_in(mail), headers=HTML)
        assert page.headers["cache-control"] == "no-store"
        fields = {"token": token_in(mail), "password": "password1"}
        wrong = await nobody.post("/app/reset", data=fields, headers=HTML)
        assert (wrong.status_code, 'id="password-error"' in wrong.text) == (422, True)
        answer = await nobody.post("/app/reset", data=fields | {"password": NEW_PASSWORD}, headers=HTML)
        assert (answer.status_code, answer.headers["location"]) == (303, "/app/sign-in?new-password")
        assert "Your password is changed." in (await nobody.get(answer.headers["location"], headers=HTML)).text
        assert (await sign_in(nobody, str(ana.email), NEW_PASSWORD)).status_code == 200


class TestChanging:
    async def change(self, person: Any, address: str, password: str = PASSWORD) -> Any:
        return await person.post("/auth/address", json={"email": address, "password": password})

    async def test_it_is_confirmed_at_the_new_address_and_undone_from_the_old(
        self, ana: Any, nobody: Any, mails: Mails, told: Any, clock: SetClock
    ) -> None:
        await mails()
        assert (await self.change(ana, "ana@new.example")).json() == {"state": "mail_sent"}
        assert (await ana.get("/auth/profile")).json()["email"] == ana.email
        (mail,) = await mails()
        assert mail["To"] == "ana@new.example"
        assert (await confirm(nobody, token_in(mail))).json()["purpose"] == "change"
        profile = (await ana.get("/auth/profile")).json()
        assert (profile["email"], profile["is_email_verified"]) == ("ana@new.example", True)
        assert (await sign_in(nobody, "ana@new.example")).status_code == 200
        assert (await sign_in(nobody, str(ana.email))).status_code == 401
        (notice,) = await mails()
        assert (notice["To"], notice["Subject"]) == (ana.email, "Your e-mail address was changed")
        clock.pass_(timedelta(days=6, hours=23).total_seconds())
        page = await nobody.get(link_in(notice), headers=HTML)
        assert "Undo the change?" in page.text
        answer = await nobody.post("/app/confirm", data={"token": token_in(notice)}, headers=HTML)
        assert answer.headers["location"].startswith("/app/reset?token=")
        assert (await ana.get("/auth/profile")).status_code == 401
        assert (await reset(nobody, answer.headers["location"].rpartition("=")[2])).status_code == 204
        assert (await sign_in(nobody, "ana@new.example", NEW_PASSWORD)).status_code == 401
        assert (await sign_in(nobody, str(ana.email), NEW_PASSWORD)).status_code == 200
        assert await told("address.restored") == [{"person_id": ana.person["id"]}]
        assert "example" not in str(await told("address.changed"))

    async def test_after_seven_days_it_stays(self, ana: Any, nobody: Any, mails: Mails, clock: SetClock) -> None:
        await mails()
        await self.change(ana, "ana@new.example")
        (mail,) = await mails()
        await confirm(nobody, token_in(mail))
        (notice,) = await mails()
        clock.pass_(timedelta(days=7).total_seconds())
        assert said(await confirm(nobody, token_in(notice))) == (403, "letter-not-valid")

    async def test_it_needs_the_password_and_guessing_it_is_limited(self, ana: Any, nobody: Any, mails: Mails) -> None:
        await mails()
        for _ in range(5):
            assert said(await self.change(ana, "ana@new.example", "certainly wrong")) == (403, "password-is-wrong")
        assert said(await self.change(ana, "ana@new.example")) == (429, "too-many-sign-ins")
        assert await mails() == []
        assert (await nobody.post("/auth/address", json={"email": "a@b.c", "password": "x"})).status_code == 401

    async def test_a_right_password_is_no_sign_in(self, ana: Any, rows: Rows) -> None:
        attempts = await rows("SELECT count(*) AS n FROM accounts.sign_in_attempt")
        assert said(await self.change(ana, str(ana.email))) == (409, "address-is-the-same")
        assert await rows("SELECT count(*) AS n FROM accounts.sign_in_attempt") == attempts

    async def test_an_address_with_an_account_is_told_there_only(
        self, ana: Any, ben: Any, nobody: Any, mails: Mails
    ) -> None:
        await mails()
        free = await self.change(ana, "free@example.org")
        taken = await self.change(ana, str(ben.email))
        assert (free.status_code, free.text) == (taken.status_code, taken.text)
        first, second = await mails()
        assert {first["To"], second["To"]} == {"free@example.org", ben.email}
        told_ben = first if first["To"] == ben.email else second
        assert "token" not in text_of(told_ben)

    async def test_who_took_an_account_over_cannot_keep_it_by_changing_twice(
        self, ana: Any, nobody: Any, mails: Mails
    ) -> None:
        await mails()
        await self.change(ana, "thief@one.example")
        (mail,) = await mails()
        await confirm(nobody, token_in(mail))
        (owners_way_back,) = await mails()
        await self.change(ana, "thief@two.example")
        (mail,) = await mails()
        await confirm(nobody, token_in(mail))
        (thiefs_way_back,) = await mails()
        registering = {"email": str(ana.email), "name": "Thief", "password": PASSWORD}
        assert said(await nobody.post("/auth/register", json=registering)) == (409, "address-taken")
        assert (await confirm(nobody, token_in(owners_way_back))).json()["email"] == ana.email
        assert said(await confirm(nobody, token_in(thiefs_way_back))) == (403, "letter-not-valid")

    async def test_of_two_accounts_that_want_one_address_one_gets_it(
        self, ana: Any, ben: Any, nobody: Any, mails: Mails, rows: Rows
    ) -> None:
        await mails()
        for person in (ana, ben):
            await self.change(person, "both@example.org")
        tokens = [token_in(mail) for mail in await mails()]
        answers = await asyncio.gather(*(confirm(nobody, token) for token in tokens))
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        assert await rows("SELECT count(*) AS n FROM accounts.account WHERE email = 'both@example.org'") == [{"n": 1}]

    async def test_the_page(self, ana: Any, mails: Mails) -> None:
        await mails()
        page = (await ana.get("/app/account/address", headers=HTML)).text
        assert "Not confirmed" in page
        fields = {"email": "ana@new.example", "password": "wrong"}
        wrong = await ana.post("/app/account/address", data=fields, headers=HTML)
        assert (wrong.status_code, 'id="password-error"' in wrong.text) == (403, True)
        assert 'value="ana@new.example"' in wrong.text
        answer = await ana.post("/app/account/address", data=fields | {"password": PASSWORD}, headers=HTML)
        assert answer.headers["location"] == "/app/account/address?asked"
        answer = await ana.post("/app/account/address/verify", headers=HTML)
        assert answer.headers["location"] == "/app/account/address?asked"
        assert len(await mails()) == 2


class TestWhereMailReachesPeople:
    """Nobody can tell whether an address has an account."""

    @pytest.fixture
    def environ(self, environ: dict[str, str]) -> dict[str, str]:
        return environ | {"ACCOUNTS__REGISTRATION_BY_MAIL": "true"}

    @staticmethod
    def person(address: str, **changed: str) -> dict[str, str]:
        return {"email": address, "name": "Eva", "password": PASSWORD, **changed}

    async def test_an_account_is_made_by_the_link(self, nobody: Any, mails: Mails, rows: Rows) -> None:
        answer = await nobody.post("/auth/register", json=self.person("eva@example.org"))
        assert (answer.status_code, list(answer.json())) == (202, ["detail"])
        assert await rows("SELECT FROM accounts.account") == []
        assert (await sign_in(nobody, "eva@example.org")).status_code == 401
        (mail,) = await mails()
        assert (await confirm(nobody, token_in(mail))).json()["purpose"] == "register"
        assert (await sign_in(nobody, "eva@example.org")).status_code == 200
        assert await rows("SELECT email_verified_at IS NOT NULL AS is_proved FROM accounts.account") == [
            {"is_proved": True}
        ]
        assert said(await confirm(nobody, token_in(mail))) == (403, "letter-not-valid")

    async def test_neither_answer_nor_page_tells_of_an_account(self, nobody: Any, mails: Mails) -> None:
        await nobody.post("/auth/register", json=self.person("eva@example.org"))
        (mail,) = await mails()
        await confirm(nobody, token_in(mail))
        free, taken = [
            await nobody.post("/auth/register", json=self.person(address))
            for address in ("free@example.org", "eva@example.org")
        ]
        assert (free.status_code, free.text) == (taken.status_code, taken.text) == (202, free.text)
        pages = [
            await nobody.post("/app/sign-up", data=self.person(address), headers=HTML)
            for address in ("free@example.org", "eva@example.org")
        ]
        assert {page.status_code for page in pages} == {200}
        assert pages[0].text.replace("free@", "eva@") == pages[1].text
        for mail in await mails():
            has_account = mail["To"] == "eva@example.org"
            assert ("You have an account already" in str(mail["Subject"])) == has_account
            assert ("token=" in text_of(mail)) != has_account
        bad = [
            await nobody.post("/auth/register", json=self.person(address, password="password1"))
            for address in ("free@example.org", "eva@example.org")
        ]
        assert {said(answer) for answer in bad} == {(422, "password-not-allowed")}

    async def test_of_two_links_for_one_address_one_makes_the_account(
        self, nobody: Any, mails: Mails, rows: Rows
    ) -> None:
        for _ in range(2):
            await nobody.post("/auth/register", json=self.person("eva@example.org"))
        tokens = [token_in(mail) for mail in await mails()]
        answers = await asyncio.gather(*(confirm(nobody, token) for token in tokens))
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        assert await rows("SELECT count(*) AS n FROM platform.item") == [{"n": 1}]

    async def test_time_does_not_tell_of_an_account(
        self, nobody: Any, mails: Mails, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(asking, "MOST_TO_ADDRESS", 1000)  # so that every one goes the whole way
        await nobody.post("/auth/register", json=self.person("eva@example.org"))
        (mail,) = await mails()
        await confirm(nobody, token_in(mail))
        seconds: dict[tuple[str, str], list[float]] = {}
        for _ in range(30):
            for address in ("eva@example.org", "free@example.org"):
                for path in ("/auth/password/forgot", "/auth/register"):
                    began = time.perf_counter()
                    answer = await nobody.post(path, json=self.person(address))
                    seconds.setdefault((path, address), []).append(time.perf_counter() - began)
                    assert answer.status_code == 202
        for path in ("/auth/password/forgot", "/auth/register"):
            taken, free = (statistics.median(seconds[path, f"{name}@example.org"]) for name in ("eva", "free"))
            assert 0.5 < taken / free < 2, path  # a look-up and a letter more or less would be a multiple


class TestWhereNoMailIsSent:
    @pytest.fixture
    def environ(self, environ: dict[str, str]) -> dict[str, str]:
        return environ | {"MAIL__URL": ""}

    async def test_nothing_depends_on_it(self, ana: Any, ben: Any, nobody: Any, rows: Rows) -> None:
        assert (await ana.get("/auth/profile")).json()["is_email_verified"] is False
        assert said(await forgot(nobody, str(ana.email))) == (503, "mail-not-configured")
        assert "sends no mail" in (await nobody.get("/app/forgot", headers=HTML)).text
        assert (await ana.post("/auth/address/verify")).status_code == 202
        taken = await ana.post("/auth/address", json={"email": ben.email, "password": PASSWORD})
        assert said(taken) == (409, "address-taken")
        changed = await ana.post("/auth/address", json={"email": "ana@new.example", "password": PASSWORD})
        assert changed.json() == {"state": "changed"}
        assert (await sign_in(nobody, "ana@new.example")).status_code == 200
        assert await rows("SELECT FROM accounts.letter") == []


class TestWhatGoesWithoutSaying:
    """Registration goes by mail where a server sends it, unless the operator says otherwise."""

    @pytest.fixture(
        params=[
            ({"MAIL__URL": "smtp://127.0.0.1:1?starttls=never"}, 202),
            ({"MAIL__URL": "smtp://127.0.0.1:1?starttls=never", "ACCOUNTS__REGISTRATION_BY_MAIL": "false"}, 201),
            ({"MAIL__URL": "", "ACCOUNTS__REGISTRATION_BY_MAIL": "true"}, 201),
            ({}, 201),
        ],
        ids=["a server", "a server, but no", "no mail, but yes", "files"],
    )
    def status(self, request: pytest.FixtureRequest, environ: dict[str, str]) -> int:
        changed, status = request.param
        environ |= changed | {"MAIL__FROM": "Commonplace <cloud@example.org>"}
        return int(status)

    async def test_registration(self, status: int, nobody: Any) -> None:
        person = {"email": "eva@example.org", "name": "Eva", "password": PASSWORD}
        assert (await nobody.post("/auth/register", json=person)).status_code == status
