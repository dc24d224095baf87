"""Coming by invitation: who may invite, whom, how often, how long, and what is left in the trail."""

import asyncio
from typing import Any

import pytest

from commonplace.apps.accounts import people
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.invitations import service
from tests.visitor import PASSWORD, Join

from .conftest import ClientAt, Rows, SetClock, sign_in
from .test_letters import Mails, confirm, mails, said, token_in  # noqa: F401 - a fixture

pytestmark = pytest.mark.anyio


@pytest.fixture
async def adam(join: Join, accounts: Accounts) -> Any:
    """An administrator."""
    adam: Any = await join("adam")
    await people.set_role(accounts, adam.email, "administrator")
    return adam


@pytest.fixture
def by_invitation(adam: Any, ana: Any, accounts: Accounts) -> None:
    """Nobody comes otherwise, from now on: Adam and Ana have come already."""
    accounts.settings.registration = "invitation"


async def invite(adam: Any, **wanted: Any) -> Any:
    answer = await adam.post("/auth/invitations", json=wanted)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def come(client: Any, token: str | None, email: str = "carl@example.org", **changed: Any) -> Any:
    newcomer = {"email": email, "password": PASSWORD, "name": "Carl", "invitation": token, **changed}
    return await client.post("/auth/register", json=newcomer)


def token_of(made: Any) -> str:
    return str(made["link"].rpartition("=")[2])


async def trail(adam: Any, **query: Any) -> list[tuple[str, str | None, str | None, str | None]]:
    """What was done, the latest first, since Adam became an administrator."""
    items = (await adam.get("/auth/audit", params=query)).json()["items"][:-1]
    return [(one["action"], one["detail"], one["person_email"], one["by_name"]) for one in items]


async def test_a_link_lets_in_as_many_as_it_says_though_they_come_at_once(
    by_invitation: None, adam: Any, client_at: ClientAt, rows: Rows
) -> None:
    nobody = client_at()
    assert said(await come(nobody, None)) == (403, "registration-closed")
    made = await invite(adam, uses=3)
    assert (made["role"], made["email"], made["uses_left"], made["is_mailed"]) == ("user", None, 3, False)
    stored = str(await rows("SELECT * FROM accounts.invitation"))
    assert token_of(made) not in stored
    assert "link" not in str((await adam.get("/auth/invitations")).json())
    answers = await asyncio.gather(
        *(come(client_at(), token_of(made), f"guest{number}@example.org") for number in range(6))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 201, 201, 403, 403, 403]
    assert len(await rows("SELECT FROM accounts.account WHERE email LIKE 'guest%'")) == 3
    assert said(await come(nobody, token_of(made))) == (403, "invitation-not-valid")
    assert (await adam.get("/auth/invitations")).json() == {"items": [], "next": None}
    assert [one[:2] for one in await trail(adam)] == [*[("joined", "user")] * 3, ("invited", "user")]


async def test_an_invitation_by_mail_goes_to_nobody_else_and_proves_the_address(
    by_invitation: None,
    adam: Any,
    nobody: Any,
    mails: Mails,  # noqa: F811
    rows: Rows,
) -> None:
    await mails()
    made = await invite(adam, email="Carl@Example.org", role="administrator")
    assert (made["is_mailed"], made["link"]) == (True, None)
    (mail,) = await mails()
    assert (mail["To"], mail["Subject"]) == ("Carl@example.org", "Adam invites you to Commonplace")
    token = token_in(mail)
    assert said(await come(nobody, token, "eve@example.org")) == (422, "invitation-not-allowed")
    assert said(await come(nobody, token, password="short")) == (422, "password-not-allowed")
    again = await invite(adam, email="carl@example.org")  # a newer one takes its place
    assert said(await come(nobody, token)) == (403, "invitation-not-valid")
    (mail,) = await mails()
    arrived = await come(nobody, token_in(mail))
    assert arrived.status_code == 201, arrived.text
    assert (arrived.json()["is_email_verified"], arrived.json()["role"]) == (True, "user")
    assert (await sign_in(nobody, "carl@example.org")).status_code == 200
    assert await mails() == []  # nothing is left to confirm
    assert await trail(adam) == [
        ("joined", "user", "carl@example.org", "Carl"), ("invited", "user", "carl@example.org", "Adam"),
        ("invited", "administrator", "Carl@Example.org", "Adam"),
    ]  # fmt: skip
    kept = await rows("SELECT address FROM accounts.audit_entry WHERE invitation_id IS NOT NULL ORDER BY at")
    assert [row["address"] for row in kept] == [
        "Carl@Example.org", None, None,
    ]  # fmt: skip
    assert said(await adam.post("/auth/invitations", json={"email": "CARL@example.org"})) == (409, "address-taken")
    assert again["by_name"] == "Adam"


async def test_where_addresses_are_hidden_a_link_for_anybody_tells_nothing_of_them(
    by_invitation: None,
    adam: Any,
    ana: Any,
    nobody: Any,
    mails: Mails,  # noqa: F811
    accounts: Accounts,
) -> None:
    object.__setattr__(accounts, "hides_addresses", True)
    await mails()
    token = token_of(await invite(adam, uses=1))
    answers = [await come(nobody, token, email) for email in ("carl@example.org", ana.email, "dora@example.org")]
    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert len({answer.text for answer in answers}) == 1
    by_address = {mail["To"]: mail for mail in await mails()}
    assert "You have an account already" in by_address[ana.email]["Subject"]
    assert (await confirm(nobody, token_in(by_address["carl@example.org"]))).status_code == 200
    late = await confirm(nobody, token_in(by_address["dora@example.org"]))
    assert said(late) == (403, "invitation-not-valid")
    arrived = await sign_in(nobody, "carl@example.org")
    assert arrived.status_code == 200
    assert (await sign_in(nobody, "dora@example.org")).status_code == 401


async def test_it_ends_by_time_by_being_withdrawn_and_with_who_made_it(
    adam: Any, ana: Any, nobody: Any, accounts: Accounts, clock: SetClock
) -> None:
    withdrawn, kept, too_old = [await invite(adam, days=days) for days in (2, 2, 1)]
    assert (await adam.delete(f"/auth/invitations/{withdrawn['id']}")).status_code == 204
    assert (await adam.delete(f"/auth/invitations/{withdrawn['id']}")).status_code == 404
    assert said(await come(nobody, token_of(withdrawn))) == (403, "invitation-not-valid")
    assert said(await come(nobody, token_of(kept)[:-2] + "AA")) == (403, "invitation-not-valid")
    for nonsense in ("", "x", "ä" * 40, "A" * 54, "A" * 100):
        assert said(await come(nobody, nonsense)) == (403, "invitation-not-valid")
    await people.set_role(accounts, ana.email, "administrator")
    await people.suspend(accounts, adam.email)
    assert said(await come(nobody, token_of(kept))) == (403, "invitation-not-valid")
    assert (await ana.get("/auth/invitations")).json()["items"] == []
    await people.reinstate(accounts, adam.email)
    clock.pass_(86_400)
    assert said(await come(nobody, token_of(too_old))) == (403, "invitation-not-valid")
    assert (await come(nobody, token_of(kept))).status_code == 201


async def test_what_cannot_be_is_refused_and_nobody_else_may_do_any_of_it(
    adam: Any, ana: Any, nobody: Any, accounts: Accounts, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wanted, problem in (
        ({"email": "x"}, "malformed-address"), ({"uses": 2, "role": "administrator"}, "invitation-not-allowed"),
        ({"uses": 2, "email": "b@example.org"}, "invitation-not-allowed"), ({"uses": 0}, None), ({"days": 91}, None),
        ({"role": "owner"}, None),
    ):  # fmt: skip
        refused = await adam.post("/auth/invitations", json=wanted)
        assert refused.status_code == 422
        assert problem is None or said(refused) == (422, problem)
    made = await invite(adam)
    one = f"/auth/invitations/{made['id']}"
    for method, path in (("GET", "/auth/invitations"), ("POST", "/auth/invitations"), ("DELETE", one)):
        assert said(await ana.request(method, path, json={})) == (403, "administrators-only")
        assert (await nobody.request(method, path, json={})).status_code == 401
    monkeypatch.setattr(service, "MOST_OPEN", 1)
    assert said(await adam.post("/auth/invitations", json={})) == (409, "too-many-invitations")
    monkeypatch.setattr(accounts.settings, "registration", "closed")
    assert said(await adam.post("/auth/invitations", json={})) == (403, "invitations-closed")
    assert said(await come(nobody, token_of(made))) == (403, "invitations-closed")
    clock.pass_(16 * 60)
    for method, path in (("POST", "/auth/invitations"), ("DELETE", one)):
        assert said(await adam.request(method, path, json={})) == (403, "proof-needed")


async def test_a_second_factor_asked_of_one_person_holds_at_once_and_for_the_next_sign_in(
    adam: Any, ana: Any, ben: Any, nobody: Any, told: Any
) -> None:
    path = f"/auth/people/{ana.person['id']}"
    asked = await adam.patch(path, json={"needs_second_factor": True})
    assert (asked.json()["needs_second_factor"], asked.json()["has_second_factor"]) == (True, False)
    assert said(await ana.get("/auth/profile")) == (403, "second-factor-missing")
    assert (await ben.get("/auth/profile")).status_code == 200
    bearer = {"Authorization": f"Bearer {(await sign_in(nobody, ana.email)).json()['access_token']}"}
    assert said(await nobody.get("/auth/profile", headers=bearer)) == (403, "second-factor-missing")
    assert (await adam.patch(path, json={"needs_second_factor": True})).status_code == 200  # changes nothing more
    assert (await adam.patch(path, json={"needs_second_factor": False})).status_code == 200
    assert (await ana.get("/auth/profile")).status_code == 200
    assert (await nobody.get("/auth/profile", headers=bearer)).status_code == 200
    assert [one["is_required"] for one in await told("second_factor.required")] == [True, False]
    assert [one[0] for one in await trail(adam)] == ["second_factor_waived", "second_factor_required"]
