"""The first run: one link makes one administrator."""

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from commonplace.apps.accounts import people
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.errors import AddressTaken, LinkNotValid, PasswordNotAllowed
from commonplace.apps.accounts.first_run import first_run_link, link_is_valid, welcome
from commonplace.apps.accounts.schemas import PersonCreate
from commonplace.platform.parts import Parts

from .conftest import PASSWORD, Rows, SetClock, sign_in

pytestmark = pytest.mark.anyio


def person(name: str = "ana") -> PersonCreate:
    return PersonCreate(email=f"{name}@example.org", password=PASSWORD, name=name.title())


async def new_token(parts: Parts) -> str:
    link = await first_run_link(parts, "http://127.0.0.1:8000/")
    assert link is not None
    parts_of_link = urlsplit(link)
    assert (parts_of_link.netloc, parts_of_link.path) == ("127.0.0.1:8000", "/app/welcome")
    return parse_qs(parts_of_link.query)["token"][0]


@pytest.fixture
async def token(accounts: Accounts, parts: Parts) -> str:
    assert accounts
    return await new_token(parts)


async def test_the_link_makes_an_administrator_once(
    accounts: Accounts, token: str, parts: Parts, nobody: Any, told: Any
) -> None:
    assert await link_is_valid(accounts, token)
    made = await welcome(accounts, token=token, person=person())
    assert made.role == "administrator"
    assert (await sign_in(nobody, "ana@example.org")).status_code == 200
    assert not await link_is_valid(accounts, token)
    with pytest.raises(LinkNotValid):
        await welcome(accounts, token=token, person=person("eve"))
    assert await first_run_link(parts, "http://127.0.0.1:8000") is None
    assert [event["how"] for event in await told("person.registered")] == ["first_run"]


async def test_of_many_who_use_it_at_once_one_becomes_administrator(accounts: Accounts, token: str, rows: Rows) -> None:
    outcomes = await asyncio.gather(
        *(welcome(accounts, token=token, person=person(f"person{n}")) for n in range(12)), return_exceptions=True
    )
    assert sum(isinstance(outcome, LinkNotValid) for outcome in outcomes) == 11
    assert await rows("SELECT role FROM accounts.account") == [{"role": "administrator"}]
    assert await rows("SELECT count(*) AS n FROM platform.item") == [{"n": 1}]


async def test_link_and_command_at_once_leave_the_link_used(accounts: Accounts, token: str, parts: Parts) -> None:
    await asyncio.gather(
        welcome(accounts, token=token, person=person()),
        people.create_person(accounts, person("ben"), role="administrator"),
        return_exceptions=True,
    )
    assert not await link_is_valid(accounts, token)
    assert await first_run_link(parts, "http://x") is None


async def test_a_wrong_token_does_nothing(accounts: Accounts, token: str, rows: Rows) -> None:
    for wrong in ("", "x", "é", "\x00", "A" * 43, "\ud800"):
        assert not await link_is_valid(accounts, wrong)
        with pytest.raises(LinkNotValid):
            await welcome(accounts, token=wrong, person=person())
    assert await rows("SELECT FROM accounts.account") == []
    assert await link_is_valid(accounts, token)


async def test_without_a_first_run_no_token_is_right(accounts: Accounts) -> None:
    assert not await link_is_valid(accounts, "")


async def test_each_start_replaces_the_link(accounts: Accounts, token: str, parts: Parts) -> None:
    newer = await new_token(parts)
    assert not await link_is_valid(accounts, token)
    assert (await welcome(accounts, token=newer, person=person())).role == "administrator"


async def test_it_expires_after_a_day(accounts: Accounts, token: str, clock: SetClock) -> None:
    clock.pass_(24 * 3600)
    assert not await link_is_valid(accounts, token)
    with pytest.raises(LinkNotValid):
        await welcome(accounts, token=token, person=person())


async def test_ordinary_people_register_before_it_is_used(accounts: Accounts, token: str, ben: Any) -> None:
    assert ben.person["role"] == "user"
    assert await link_is_valid(accounts, token)
    assert (await welcome(accounts, token=token, person=person())).role == "administrator"


async def test_a_mistake_in_the_form_does_not_use_it_up(accounts: Accounts, token: str, ben: Any, rows: Rows) -> None:
    with pytest.raises(AddressTaken):
        await welcome(accounts, token=token, person=person("ben"))
    with pytest.raises(PasswordNotAllowed):
        await welcome(accounts, token=token, person=PersonCreate(email="a@b.org", password="short", name="A"))
    assert await rows("SELECT email FROM accounts.account") == [{"email": ben.email}]
    assert (await welcome(accounts, token=token, person=person())).role == "administrator"


async def test_an_administrator_made_by_command_ends_the_first_run(accounts: Accounts, token: str) -> None:
    await people.create_person(accounts, person("ben"), role="administrator")
    assert not await link_is_valid(accounts, token)


async def test_who_registered_before_can_be_made_administrator(accounts: Accounts, token: str, ana: Any) -> None:
    await people.set_role(accounts, ana.email, "administrator")
    assert not await link_is_valid(accounts, token)
    assert (await ana.get("/auth/profile")).json()["role"] == "administrator"


async def test_only_the_digest_is_stored(token: str, rows: Rows) -> None:
    (stored,) = await rows("SELECT first_run::text AS all, token_digest FROM accounts.first_run")
    assert token not in stored["all"]
    assert len(stored["token_digest"]) == 32
