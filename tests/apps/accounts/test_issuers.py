"""Signing in with others, against a real issuer: first sign-in, linking, unlinking, second factors, errors."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pyotp
import pytest

from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.invitations.schemas import InvitationCreate
from commonplace.apps.accounts.invitations.service import invite, link_of
from commonplace.platform.http.public_url import PublicUrl
from tests.apps.accounts.conftest import ClientAt, Rows, SetClock, sign_in
from tests.apps.accounts.elsewhere import at_issuer, back, leads_to, sign_in_by, start, variables
from tests.real_issuer import RealIssuer

pytestmark = pytest.mark.anyio
SECURITY = "/app/account/security"


@pytest.fixture(scope="module")
def issuer() -> Iterator[RealIssuer]:
    running = start()
    yield running
    running.stop()


@pytest.fixture
def environ(environ: dict[str, str], issuer: RealIssuer) -> dict[str, str]:
    return environ | variables(issuer.address)


async def who_am_i(browser: Any) -> dict[str, Any]:
    answer = await browser.get("/auth/profile")
    return answer.json() if answer.status_code == 200 else {"status": answer.status_code}


async def link(browser: Any, name: str, who: str | None) -> Any:
    page = await browser.post(f"{SECURITY}/identities/{name}/link")
    assert page.status_code == 200, page.text
    return await back(browser, await at_issuer(leads_to(page), who))


async def identities(browser: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await browser.get("/api/auth/identities")).json()["items"]
    return found


async def test_who_comes_the_first_time_gets_an_account_and_comes_in_again(
    issuer: RealIssuer, client_at: ClientAt, rows: Rows, told: Any
) -> None:
    issuer.tell("eva-1", email="Eva@Example.org", email_verified=True, name="Eva\u202e Berger")
    browser = client_at()
    page = await browser.get("/app/sign-in", params={"next": "/app/files"})
    assert 'href="/app/sign-in/with/home?next=%2Fapp%2Ffiles"' in page.text
    answer = await browser.get("/app/sign-in/with/home", params={"next": "/app/files", "time_zone": "Europe/Vienna"})
    assert answer.headers["location"].startswith(f"{issuer.address}/auth?response_type=code&client_id=home&")
    assert re.search(r"code_challenge=[\w-]{43}&code_challenge_method=S256", answer.headers["location"])
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "Path=/app/sign-in/with" in cookie
    assert "SameSite=lax" in cookie
    came = await back(browser, await at_issuer(answer.headers["location"], "eva-1"))
    assert (came.status_code, came.headers["location"]) == (303, "/app/files"), came.text

    eva = await who_am_i(browser)
    assert (eva["email"], eva["is_email_verified"], eva["role"]) == ("Eva@Example.org", True, "user")
    assert (eva["name"], eva["time_zone"]) == ("Eva Berger", "Europe/Vienna")
    (identity,) = await identities(browser)
    assert (identity["issuer"], identity["title"], identity["shown"]) == (issuer.address, "Home", "Eva@Example.org")
    assert await told("identity.linked") == [{"person_id": eva["id"], "identity_id": identity["id"], "issuer": "home"}]
    assert [event["method"] for event in await told("session.began")] == ["identity"]

    # The address may change there: who it is goes by the subject.
    issuer.tell("eva-1", email="another@example.org", email_verified=True)
    again = client_at("203.0.113.5")
    assert (await sign_in_by(again, "home", "eva-1")).status_code == 303
    assert (await who_am_i(again))["id"] == eva["id"]
    history = (await again.get("/api/auth/sign-ins")).json()["items"]
    assert [(entry["method"], entry["outcome"]) for entry in history] == [("identity", "signed_in")] * 2
    assert "by a linked account" in (await again.get("/app/account/sessions")).text
    assert await rows("SELECT count(*) AS n FROM accounts.account") == [{"n": 1}]
    assert await rows("SELECT count(*) AS n FROM accounts.password") == [{"n": 0}]

    # It is the only way in. With a passkey or a password it is one of two.
    refused = await browser.delete(f"/api/auth/identities/{identity['id']}")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/only-way-in")
    page = await browser.post(f"{SECURITY}/identities/{identity['id']}/unlink")
    assert (page.status_code, "could not sign in any more" in page.text) == (409, True)
    assert len(await identities(browser)) == 1


@pytest.mark.parametrize(
    ("name", "claims"),
    [
        ("google", {"email": "g@example.org", "email_verified": True, "name": "Gerda"}),
        ("apple", {"email": "a@example.org", "email_verified": "true"}),
        ("keycloak", {"email": "k@example.org", "email_verified": True, "name": "Karl", "groups": ["keepers"]}),
    ],
)
async def test_each_preset_leads_in(
    issuer: RealIssuer, client_at: ClientAt, name: str, claims: dict[str, Any], rows: Rows
) -> None:
    browser = client_at()
    issuer.tell("77001", **claims)
    answer = await browser.get(f"/app/sign-in/with/{name}")
    there = await at_issuer(answer.headers["location"], "77001")
    if name == "apple":
        assert "response_mode=form_post" in answer.headers["location"]
    user = json.dumps({"name": {"firstName": "Ada", "lastName": "Apfel"}}) if name == "apple" else None
    came = await back(browser, there, user=user)
    assert (came.status_code, came.headers.get("location")) == (303, "/app"), came.text
    person = await who_am_i(browser)
    assert person["email"] == claims["email"]
    assert person["name"] == {"google": "Gerda", "apple": "Ada Apfel", "keycloak": "Karl"}[name]
    assert person["role"] == ("administrator" if name == "keycloak" else "user")
    if name == "keycloak":  # out of the group is out of the role, at once and in every session
        issuer.tell("77001", **claims | {"groups": []})
        await rows("UPDATE accounts.identity SET role_told_at = role_told_at - interval '5 s' RETURNING 1")
        assert (await sign_in_by(client_at(), name, "77001")).status_code == 303
        assert (await who_am_i(browser))["role"] == "user"
        audited = await rows("SELECT action, detail FROM accounts.audit_entry ORDER BY at")
        assert [entry["action"] for entry in audited] == ["role_changed"] * 2
        assert "by the group keepers of Keycloak" in audited[0]["detail"]


async def test_an_address_that_is_not_verified_opens_nothing(
    issuer: RealIssuer, ana: Any, client_at: ClientAt, rows: Rows
) -> None:
    """Ana has an account. Whoever calls themselves ana@example.org elsewhere gets neither in nor an account."""
    stranger = client_at("203.0.113.9")
    for claims in (
        {"email": ana.email, "email_verified": False},
        {"email": ana.email},
        {"email": ana.email, "email_verified": "yes"},
        {"email": "free@example.org", "email_verified": False},
        {"email": "no address", "email_verified": True},
        {},
    ):
        issuer.tell("mallory", **claims)
        page = await sign_in_by(stranger, "home", "mallory")
        assert (claims, page.status_code) == (claims, 403)
        assert "does not vouch for an e-mail address" in page.text
        assert "commonplace_session" not in stranger.cookies
    # Facebook says of no address that it is verified.
    issuer.tell("4711", email=ana.email, name="M")
    assert (await sign_in_by(stranger, "facebook", "4711")).status_code == 403
    # One that is verified is linked by Ana herself, not by coming in with it.
    issuer.tell("mallory", email=ana.email, email_verified=True)
    page = await sign_in_by(stranger, "home", "mallory")
    assert (page.status_code, "There is an account with your address already" in page.text) == (409, True)
    assert "%2Fapp%2Faccount%2Fsecurity%23identities" in page.text
    assert "commonplace_session" not in stranger.cookies
    assert await rows("SELECT (SELECT count(*) FROM accounts.identity) AS i, count(*) AS a FROM accounts.account") == [
        {"i": 0, "a": 1}
    ]


async def test_linking_and_unlinking(
    issuer: RealIssuer, join: Any, client_at: ClientAt, clock: SetClock, told: Any, deliver: Any
) -> None:
    ana, ben = await join("ana"), await join("ben")
    browser, bens = client_at(), client_at()
    for client, person in ((browser, ana), (bens, ben)):
        await client.post("/app/sign-in", data={"email": person.email, "password": "correct horse battery"})
    assert "Link Facebook" in (await browser.get(SECURITY)).text
    assert (await link(browser, "facebook", "5551")).headers["location"] == f"{SECURITY}?linked#identities"
    assert "You can sign in with it" in (await browser.get(f"{SECURITY}?linked")).text
    assert (await link(browser, "facebook", "5551")).status_code == 303  # again is no harm
    (linked,) = await identities(browser)
    assert linked["title"] == "Facebook"
    assert await told("identity.linked") == [
        {"person_id": ana.person["id"], "identity_id": linked["id"], "issuer": "facebook"}
    ]
    await deliver()

    taken = await link(bens, "facebook", "5551")
    assert (taken.status_code, "linked to another account" in taken.text) == (409, True)
    foreign = await bens.delete(f"/api/auth/identities/{linked['id']}")
    assert (foreign.status_code, foreign.json()["type"]) == (404, "/problems/identity-not-found")

    elsewhere = client_at("203.0.113.5")
    assert (await sign_in_by(elsewhere, "facebook", "5551")).status_code == 303
    assert (await who_am_i(elsewhere))["id"] == ana.person["id"]

    # An hour later it has to be proved again; and somebody else's way back links nothing to this session.
    clock.pass_(3600)
    for path in (f"{SECURITY}/identities/home/link", f"{SECURITY}/identities/{linked['id']}/unlink"):
        answer = await browser.post(path, headers={"Accept": "text/html"})
        assert (answer.status_code, answer.headers["location"].startswith("/app/account/prove")) == (303, True)
    assert (await browser.delete(f"/api/auth/identities/{linked['id']}")).status_code == 403
    assert (await browser.post("/app/account/prove", data={"password": "correct horse battery"})).status_code == 303

    clock.ahead_seconds = 0  # the issuer's clock is the machine's
    page = await browser.post(f"{SECURITY}/identities/home/link")
    there = await at_issuer(leads_to(page), "mallory")
    bens.cookies.set("commonplace_issuer", browser.cookies["commonplace_issuer"], path="/app/sign-in/with")
    strayed = await back(bens, there)
    assert (strayed.status_code, "This sign-in is over" in strayed.text) == (403, True)
    assert await identities(bens) == []

    unlinked = await browser.post(f"{SECURITY}/identities/{linked['id']}/unlink")
    assert unlinked.headers["location"] == f"{SECURITY}?unlinked#identities"
    assert await identities(browser) == []
    assert len(await told("identity.unlinked")) == 1
    assert (await sign_in_by(client_at(), "facebook", "5551")).status_code == 403


async def test_second_factors_of_ours_apply(
    issuer: RealIssuer, client_at: ClientAt, clock: SetClock, told: Any, rows: Rows
) -> None:
    issuer.tell("eva-2", email="eva2@example.org", email_verified=True)
    browser = client_at()
    await sign_in_by(browser, "home", "eva-2")
    secret = (await browser.post("/api/auth/factors/totp")).json()["secret"]
    await browser.post("/api/auth/factors/totp/confirm", json={"code": pyotp.TOTP(secret).at(int(clock.time()))})
    clock.pass_(30)
    other = client_at("203.0.113.5")
    answer = await sign_in_by(other, "home", "eva-2")
    assert (answer.status_code, answer.headers["location"]) == (303, "/app/sign-in/second?next=%2Fapp%2Ffiles")
    assert (await who_am_i(other))["status"] == 401
    wrong = await other.post("/app/sign-in/second", data={"code": "000000"})
    assert wrong.status_code == 401
    code = pyotp.TOTP(secret).at(int(clock.time()))
    done = await other.post("/app/sign-in/second", data={"code": code, "next": "/app/files"})
    assert (done.status_code, done.headers["location"]) == (303, "/app/files")
    assert (await who_am_i(other))["email"] == "eva2@example.org"
    assert (await told("session.began"))[-1]["method"] == "identity_and_totp"
    history = await rows("SELECT method, outcome FROM accounts.sign_in_attempt ORDER BY at DESC LIMIT 1")
    assert history == [{"method": "identity_and_totp", "outcome": "signed_in"}]
    # A step that waits falls with the identity.
    third = client_at("203.0.113.6")
    await sign_in_by(third, "home", "eva-2")
    await rows("DELETE FROM accounts.identity RETURNING 1")
    clock.pass_(30)
    over = await third.post("/app/sign-in/second", data={"code": pyotp.TOTP(secret).at(int(clock.time()))})
    assert over.headers["location"] == "/app/sign-in?over"


@pytest.mark.long
async def test_who_has_no_password_proves_it_by_the_issuer(
    issuer: RealIssuer, client_at: ClientAt, clock: SetClock
) -> None:
    issuer.tell("eva-3", email="eva3@example.org", email_verified=True)
    browser = client_at()
    await sign_in_by(browser, "home", "eva-3")
    clock.pass_(3600)
    needed = await browser.post("/api/auth/factors/totp")
    assert (needed.status_code, needed.json()["factors"]) == (403, ["identity"])
    page = await browser.get("/app/account/prove", params={"next": SECURITY})
    assert "Show it by Home" in page.text
    leading = await browser.post("/app/account/prove/with/home", data={"next": SECURITY})
    assert "prompt=login&max_age=0" in leads_to(leading)
    clock.ahead_seconds = 0
    somebody = await back(browser, await at_issuer(leads_to(leading), "somebody-else"))
    assert somebody.status_code == 403
    leading = await browser.post("/app/account/prove/with/home", data={"next": SECURITY})
    came = await back(browser, await at_issuer(leads_to(leading), "eva-3"))
    assert (came.status_code, came.headers["location"]) == (303, SECURITY)
    assert (await browser.post("/api/auth/factors/totp")).status_code == 201


@pytest.mark.long
async def test_errors_are_clear_pages(
    issuer: RealIssuer, client_at: ClientAt, accounts: Accounts, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = client_at()
    issuer.tell("eva-4", email="eva4@example.org", email_verified=True)
    cancelled = await sign_in_by(browser, "home", None, wanted="/app/tasks")
    assert (cancelled.status_code, "was cancelled there" in cancelled.text) == (403, True)
    assert 'href="/app/sign-in/with/home?next=%2Fapp%2Ftasks"' in cancelled.text
    assert "<b>no</b>" not in cancelled.text
    assert (await browser.get("/app/sign-in/with/nobody")).status_code == 404
    for path in ("/app/sign-in/with/home/callback", "/app/sign-in/with/home/callback?code=x&state=y"):
        strayed = await browser.get(path)
        assert (strayed.status_code, "This sign-in is over" in strayed.text) == (403, True)

    await sign_in_by(browser, "home", "eva-4")
    await rows("UPDATE accounts.account SET state = 'suspended' RETURNING 1")
    suspended = await sign_in_by(client_at(), "home", "eva-4")
    assert (suspended.status_code, "suspended" in suspended.text) == (403, True)
    history = await rows("SELECT method, outcome FROM accounts.sign_in_attempt ORDER BY at DESC LIMIT 1")
    assert history == [{"method": "identity", "outcome": "refused"}]

    monkeypatch.setattr(accounts.settings, "registration", "closed")
    issuer.tell("eva-5", email="eva5@example.org", email_verified=True)
    closed = await sign_in_by(client_at(), "home", "eva-5")
    assert (closed.status_code, "Registration is closed here" in closed.text) == (403, True)

    # Whom an administrator invited comes in by the address that the issuer vouches for, and nobody else does.
    monkeypatch.setattr(accounts.settings, "registration", "invitation")
    assert (await sign_in_by(client_at(), "home", "eva-5")).status_code == 403
    given = InvitationCreate(email="EVA6@example.org", role="administrator")
    made = await invite(accounts, PublicUrl("http://localhost"), given, by=None)
    page = await browser.get(link_of(accounts, PublicUrl("http://localhost"), made.id))
    assert 'href="/app/sign-in/with/home' in page.text
    issuer.tell("eva-6", email="eva6@example.org", email_verified=False)
    assert (await sign_in_by(client_at(), "home", "eva-6")).status_code == 403
    issuer.tell("eva-6", email="eva6@example.org", email_verified=True)
    invited = client_at()
    assert (await sign_in_by(invited, "home", "eva-6")).status_code == 303
    assert (await who_am_i(invited))["role"] == "administrator"
    assert await rows("SELECT 1 FROM accounts.invitation") == []
    trail = await rows("SELECT detail FROM accounts.audit_entry WHERE action = 'joined'")
    assert trail == [{"detail": "administrator"}]

    # The issuer rotates its keys: the new one is looked for as soon as a token is signed with it.
    monkeypatch.setattr(accounts.settings, "registration", "open")
    issuer.rotate()
    accounts.issuers["home"]._keys_at -= 11
    assert (await sign_in_by(client_at(), "home", "eva-5")).status_code == 303

    answer = await browser.get("/app/sign-in/with/google")
    monkeypatch.setattr(accounts.issuers["google"].web, "transport", _Away())
    there = await at_issuer(answer.headers["location"], "eva-5")
    away = await back(browser, there)
    assert (away.status_code, "cannot be reached at this moment" in away.text) == (503, True)
    accounts.issuers["google"]._metadata = None
    away = await browser.get("/app/sign-in/with/google")
    assert (away.status_code, away.headers["retry-after"]) == (503, "10")


class _Away:
    async def handle_async_request(self, request: Any) -> Any:
        import httpx

        raise httpx.ConnectError("nobody is there")

    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None


async def test_a_password_signs_in_as_before(ana: Any, nobody: Any) -> None:
    assert (await sign_in(nobody, ana.email)).status_code == 200
    listed = (await nobody.get("/api/auth/issuers")).json()
    assert listed["keeps_passwords"]
    assert [issuer["title"] for issuer in listed["items"]] == ["Home", "Google", "Keycloak", "Facebook", "Apple"]
