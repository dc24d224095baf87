"""Forms of accounts as HTML; in a browser they are tested in tests/pages."""

import re
from typing import Any

import pytest

from commonplace.apps.accounts.first_run import first_run_link
from commonplace.apps.accounts.languages import preferred_language
from commonplace.platform.identity.caller import SESSION_COOKIE
from commonplace.platform.parts import Parts
from tests.visitor import PASSWORD, Visitor

pytestmark = pytest.mark.anyio
HTML = {"Accept": "text/html"}
EVA = {"name": "Eva Berger", "email": "eva@example.org", "password": PASSWORD}


async def send(visitor: Visitor, path: str, **fields: str) -> Any:
    return await visitor.post(path, data=fields, headers=HTML)


async def first_link(parts: Parts) -> tuple[str, str]:
    link = await first_run_link(parts, "http://localhost")
    assert link is not None
    return link, link.rpartition("=")[2]


async def test_the_first_run_makes_an_administrator_and_signs_them_in(nobody: Visitor, parts: Parts) -> None:
    link, token = await first_link(parts)
    assert f'value="{token}"' in (await nobody.get(link, headers=HTML)).text
    answer = await send(nobody, "/app/welcome", token=token, time_zone="Asia/Tokyo", **EVA)
    assert (answer.status_code, answer.headers["location"]) == (303, "/app")
    profile = (await nobody.get("/auth/profile")).json()
    assert (profile["role"], profile["time_zone"]) == ("administrator", "Asia/Tokyo")


async def test_the_first_link_serves_once_and_a_mistake_does_not_use_it_up(nobody: Visitor, parts: Parts) -> None:
    _, token = await first_link(parts)
    wrong = await send(nobody, "/app/welcome", token=token, **EVA | {"password": "short"})
    assert wrong.status_code == 422
    assert 'id="password-error"' in wrong.text
    assert "short" not in wrong.text.replace("too short", "")
    assert (await send(nobody, "/app/welcome", token=token, **EVA)).status_code == 303
    again = await send(nobody, "/app/welcome", token=token, **EVA | {"email": "other@example.org"})
    assert again.status_code == 403
    assert (await nobody.get(f"/app/welcome?token={token}", headers=HTML)).status_code == 403


async def test_a_taken_address_is_told_beside_it(nobody: Visitor, ana: Visitor) -> None:
    answer = await send(nobody, "/app/sign-up", **EVA | {"email": str(ana.email)})
    assert answer.status_code == 409
    assert re.search(r'id="email-error">.*There is an account with this address already', answer.text, re.DOTALL)
    assert 'value="Eva Berger"' in answer.text


async def test_a_newcomer_gets_the_language_of_the_device(nobody: Visitor) -> None:
    nobody.http.headers["Accept-Language"] = "xx, de-CH;q=0.9, en;q=0.8"
    answer = await send(nobody, "/app/sign-up", time_zone="No/Where", next="/app/trash", **EVA)
    assert answer.headers["location"] == "/app/trash"
    profile = (await nobody.get("/auth/profile")).json()
    assert (profile["language"], profile["time_zone"], profile["role"]) == ("de-CH", "UTC", "user")


async def test_the_cookie_is_out_of_reach_of_scripts(nobody: Visitor) -> None:
    answer = await send(nobody, "/app/sign-up", **EVA)
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/" in cookie


async def test_signing_in_and_out(nobody: Visitor, ana: Visitor) -> None:
    wrong = await send(nobody, "/app/sign-in", email=str(ana.email), password="certainly wrong")
    assert wrong.status_code == 401
    assert 'role="alert"' in wrong.text
    assert f'value="{ana.email}"' in wrong.text
    answer = await send(nobody, "/app/sign-in", email=str(ana.email), password=PASSWORD, next="/app/trash")
    assert (answer.status_code, answer.headers["location"]) == (303, "/app/trash")
    assert (await nobody.get("/app/trash", headers=HTML)).status_code == 200
    cookie = nobody.http.cookies[SESSION_COOKIE]
    answer = await send(nobody, "/app/sign-out")
    assert answer.headers["location"] == "/app/sign-in?signed-out"
    assert SESSION_COOKIE not in nobody.http.cookies
    nobody.http.cookies.set(SESSION_COOKIE, cookie)
    assert (await nobody.get("/app/trash", headers=HTML)).status_code == 303
    assert (await send(nobody, "/app/sign-out")).status_code == 303


@pytest.mark.parametrize(
    "wanted",
    ["https://evil.example/app/", "//evil.example", "/app/\\evil", "/app/\n", "/api/files", "", "/app/" + "x" * 3000],
)
async def test_after_signing_in_one_lands_on_a_page_of_ours(nobody: Visitor, ana: Visitor, wanted: str) -> None:
    answer = await send(nobody, "/app/sign-in", email=str(ana.email), password=PASSWORD, next=wanted)
    assert answer.headers["location"] == "/app"


async def test_another_sites_form_signs_nobody_in(nobody: Visitor, ana: Visitor) -> None:
    fields = {"email": str(ana.email), "password": PASSWORD}
    answer = await nobody.post("/app/sign-in", data=fields, headers=HTML | {"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert SESSION_COOKIE not in nobody.http.cookies


async def test_too_many_wrong_passwords_are_told_to_wait(nobody: Visitor, ana: Visitor) -> None:
    for _ in range(6):
        answer = await send(nobody, "/app/sign-in", email=str(ana.email), password="certainly wrong")
    assert answer.status_code == 429
    assert "Too many sign-ins have failed." in answer.text
    assert int(answer.headers["retry-after"]) > 0


async def test_the_profile_is_saved_or_says_what_is_wrong(ana: Visitor) -> None:
    fields = {"name": "Ana Maria", "job_title": "Baker", "time_zone": "Europe/Lisbon", "language": "pt"}
    answer = await send(ana, "/app/profile", **fields)
    assert answer.headers["location"] == "/app/profile?saved"
    html = (await ana.get("/app/profile?saved", headers=HTML)).text
    assert "Your profile is saved." in html
    assert '<option value="pt" selected>Português</option>' in html
    wrong = await send(ana, "/app/profile", **fields | {"time_zone": "Mars/Olympus"})
    assert wrong.status_code == 422
    assert 'id="time_zone-error"' in wrong.text
    assert 'value="Mars/Olympus"' in wrong.text
    assert (await ana.get("/auth/profile")).json()["time_zone"] == "Europe/Lisbon"


async def test_a_language_that_is_not_listed_stays(ana: Visitor) -> None:
    await ana.put("/auth/profile", json={"language": "cy"})
    assert '<option value="cy" selected>cy</option>' in (await ana.get("/app/profile", headers=HTML)).text


class TestWhereRegistrationIsClosed:
    @pytest.fixture
    def environ(self, environ: dict[str, str]) -> dict[str, str]:
        return environ | {"ACCOUNTS__REGISTRATION": "closed"}

    async def test_no_page_offers_it(self, nobody: Visitor) -> None:
        assert "Make an account" not in (await nobody.get("/app/sign-in", headers=HTML)).text
        assert (await nobody.get("/app/sign-up", headers=HTML)).status_code == 403
        assert (await send(nobody, "/app/sign-up", **EVA)).status_code == 403


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("de-AT,de;q=0.9", "de-AT"),
        ("de-LI,en;q=0.5", "de"),
        ("EN-us", "en-US"),
        ("zh-hant", "zh-Hant"),
        ("*", "en"),
        ("", "en"),
        ("!!, xx-YY", "en"),
    ],
)
def test_the_language_a_browser_prefers(header: str, language: str) -> None:
    assert preferred_language(header) == language
