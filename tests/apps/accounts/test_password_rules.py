"""Which passwords may be chosen."""

from typing import Any

import pytest

from commonplace.apps.accounts.common_passwords import FILE, digest, folded, is_common
from commonplace.apps.accounts.errors import PasswordNotAllowed
from commonplace.apps.accounts.password_rules import refuse_unfit
from tests.visitor import PASSWORD

ABOUT = ("Ana María Ríos", "ana.rios@bakery.example.org")


@pytest.mark.parametrize(
    ("password", "is_fit"),
    [("xyz vut", False), ("xyz vuts", True), ("ézyéxwéé", True), ("xy z" * 256, True), ("xy z" * 256 + "x", False)],
)
def test_eight_to_a_thousand_characters_are_allowed(password: str, is_fit: bool) -> None:
    if is_fit:
        refuse_unfit(password)
    else:
        with pytest.raises(PasswordNotAllowed, match=r"8 characters|1024 characters"):
            refuse_unfit(password)


def test_the_list_is_whole_and_sorted() -> None:
    table = FILE.read_bytes()
    digests = [table[at : at + 5] for at in range(0, len(table), 5)]
    assert len(digests) > 10_000
    assert digests == sorted(set(digests))
    assert len(digests[-1]) == 5
    assert digest(folded("password")) in digests


@pytest.mark.parametrize(
    "password",
    [
        "password",
        "PassWord",
        "12345678",
        "iloveyou",
        "qwertyuiop",
        "princess1",
        "\uff50assword",
        "1qaz2wsx",
        "trustno1",
    ],
)
def test_what_many_people_use_is_refused(password: str) -> None:
    assert is_common(password)
    with pytest.raises(PasswordNotAllowed, match="Many people use"):
        refuse_unfit(password)


@pytest.mark.parametrize("password", [PASSWORD, "another password", "\ud800 lone", "", "a", "\x00" * 9])
def test_what_is_not_in_the_list_passes_it(password: str) -> None:
    assert not is_common(password)


@pytest.mark.parametrize(
    ("password", "is_fit"),
    [
        ("ana.rios1990", False),
        ("ANA-RIOS!!", False),
        ("ana.rios@bakery.example.org", False),
        ("maríaríos", False),
        ("bakery12", False),
        ("Commonplace1", False),
        ("commonplace-ana", False),
        ("banana bread at noon", True),
        ("ana likes seven larks", True),
        ("hovercraft", True),
        ("12 34 56 aj", True),
    ],
)
def test_what_is_made_of_name_and_address_is_refused(password: str, is_fit: bool) -> None:
    refuse_unfit("seven larks in a row", about=ABOUT)
    if is_fit:
        refuse_unfit(password, about=ABOUT)
    else:
        with pytest.raises(PasswordNotAllowed, match="little more than your name"):
            refuse_unfit(password, about=ABOUT)


class TestOverHttp:
    pytestmark = pytest.mark.anyio

    @pytest.fixture
    def environ(self, environ: dict[str, str]) -> dict[str, str]:
        return environ | {"ACCOUNTS__FEWEST_PASSWORD_CHARACTERS": "12"}

    @pytest.mark.parametrize(
        ("password", "why"),
        [("sevenlarks", "at least 12"), ("qwertyuiop12345", "Many people"), ("ana@example.org", "little more")],
    )
    async def test_registration_refuses_them(self, nobody: Any, password: str, why: str) -> None:
        person = {"email": "ana@example.org", "name": "Ana", "password": password}
        answer = await nobody.post("/auth/register", json=person)
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/password-not-allowed")
        assert why in answer.json()["detail"]
        form = await nobody.post("/app/sign-up", data=person, headers={"Accept": "text/html"})
        assert form.status_code == 422
        assert why in form.text
        assert "At least 12 characters." in form.text
