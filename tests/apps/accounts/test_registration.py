"""Registering: who may, with what, and what is stored of it."""

import asyncio
from typing import Any

import pytest

from commonplace.apps.accounts.settings import AccountsSettings

from .conftest import PASSWORD, Rows, sign_in

pytestmark = pytest.mark.anyio


def newcomer(**changed: Any) -> dict[str, Any]:
    return {"email": "ana@example.org", "password": PASSWORD, "name": "Ana", **changed}


async def test_a_person_registers_and_signs_in(nobody: Any, told: Any) -> None:
    answer = await nobody.post("/auth/register", json=newcomer(email="Ana@Example.ORG", name="  Ana Ríos "))
    assert answer.status_code == 201
    person = answer.json()
    assert (person["email"], person["name"], person["role"]) == ("Ana@Example.ORG", "Ana Ríos", "user")
    assert (person["version"], answer.headers["etag"]) == (1, '"1"')
    assert "password" not in answer.text
    assert (await sign_in(nobody, "ana@example.org")).status_code == 200
    assert await told("person.registered") == [{"person_id": person["id"], "role": "user", "how": "sign_up"}]


async def test_the_canonical_path_and_the_fixed_one_are_the_same(nobody: Any) -> None:
    assert (await nobody.post("/api/auth/register", json=newcomer())).status_code == 201
    assert (await nobody.post("/auth/register", json=newcomer())).status_code == 409


SAME = [
    ("ana@example.org", "ANA@EXAMPLE.ORG"),
    ("jürgen@bücher.example", "JÜRGEN@xn--bcher-kva.example"),
    ("jürgen@example.org", "ju\u0308rgen@example.org"),
    ("straße@example.org", "STRASSE@example.org"),
    ("ана@пример.рф", "\u0410\u041d\u0410@xn--e1afmkfd.xn--p1ai"),
    ("\uff41\uff4e\uff41@example.org", "ana@example.org"),
    ("李@例え.jp", "李@xn--r8jz45g.jp"),
]


async def test_two_spellings_of_one_address_are_one_account(nobody: Any) -> None:
    for number, pair in enumerate(SAME):
        one, other = (f"{number}{address}" for address in pair)
        assert (await nobody.post("/auth/register", json=newcomer(email=one))).status_code == 201
        answer = await nobody.post("/auth/register", json=newcomer(email=other))
        assert (other, answer.status_code, answer.json()["type"]) == (other, 409, "/problems/address-taken")
        assert (await sign_in(nobody, other)).status_code == 200


IMPOSSIBLE: list[tuple[str, Any, str]] = [
    ("email", "ana", "malformed-address"), ("email", "@example.org", "malformed-address"),
    ("email", "ana@", "malformed-address"), ("email", "a b@example.org", "malformed-address"),
    ("email", "ana@exa mple.org", "malformed-address"), ("email", "ana@-.org", "malformed-address"),
    ("email", "an\x00a@example.org", "malformed-address"), ("email", "a\u200bna@example.org", "malformed-address"),
    ("email", "ana..b@example.org", "malformed-address"), ("email", "a" * 65 + "@b.org", "malformed-address"),
    ("email", "a@" + "b" * 64 + ".org", "malformed-address"),
    ("email", "a@" + "b." * 130 + "org", "malformed-address"),
    ("email", "ana@[127.0.0.1]", "malformed-address"), ("email", '"a b"@example.org', "malformed-address"),
    ("password", "seven77", "password-not-allowed"), ("password", "", "password-not-allowed"),
    ("password", "x" * 1025, "password-not-allowed"),
    ("name", "", "profile-not-allowed"), ("name", " \u00a0 ", "profile-not-allowed"),
    ("name", "A\x00na", "profile-not-allowed"), ("name", "A\nna", "profile-not-allowed"),
    ("name", "x" * 201, "profile-not-allowed"),
    ("email", 7, "validation-failed"), ("password", None, "validation-failed"),
    ("name", ["Ana"], "validation-failed"),
]  # fmt: skip


async def test_what_cannot_be_is_refused_and_leaves_nothing(nobody: Any, rows: Rows) -> None:
    for field, value, problem in IMPOSSIBLE:
        answer = await nobody.post("/auth/register", json=newcomer(**{field: value}))
        found = (field, value, answer.status_code, answer.json()["type"])
        assert found == (field, value, 422, f"/problems/{problem}")
    assert await rows("SELECT FROM accounts.account") == []
    assert await rows("SELECT FROM platform.item") == []


async def test_nothing_may_be_missing(nobody: Any) -> None:
    for field in newcomer():
        body = {name: value for name, value in newcomer().items() if name != field}
        assert (await nobody.post("/auth/register", json=body)).status_code == 422


async def test_nobody_registers_as_an_administrator(nobody: Any) -> None:
    answer = await nobody.post("/auth/register", json={**newcomer(), "role": "administrator", "is_admin": True})
    assert answer.json()["role"] == "user"


async def test_of_many_who_take_one_address_at_once_one_gets_it(nobody: Any, rows: Rows) -> None:
    spellings = [f"{''.join(letters)}@example.org" for letters in ("ana", "ANA", "Ana", "aNA")] * 4
    answers = await asyncio.gather(
        *(nobody.post("/auth/register", json=newcomer(email=spelling)) for spelling in spellings)
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 15
    assert await rows("SELECT count(*) AS n FROM platform.item") == [{"n": 1}]
    assert await rows("SELECT count(*) AS n FROM platform.event WHERE name = 'person.registered'") == [{"n": 1}]


async def test_the_password_is_stored_as_bcrypt_and_nowhere_else(
    nobody: Any, rows: Rows, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "a-password-to-look-for-éß"
    await nobody.post("/auth/register", json=newcomer(password=secret))
    await sign_in(nobody, "ana@example.org", secret)
    await sign_in(nobody, "ana@example.org", secret + "wrong")
    (stored,) = await rows("SELECT hash FROM accounts.password")
    assert stored["hash"].startswith("$2b$04$")
    everything = ""
    for table in await rows(
        "SELECT schemaname || '.' || tablename AS name FROM pg_tables WHERE schemaname IN ('accounts', 'platform')"
    ):
        everything += str(await rows(f"SELECT string_agg(t::text, '') AS all FROM {table['name']} AS t"))
    assert "ana@example.org" in everything
    assert secret not in everything + caplog.text
    assert "a-password-to-look-for" not in everything + caplog.text


async def test_no_event_or_version_holds_an_address(nobody: Any, rows: Rows) -> None:
    await nobody.post("/auth/register", json=newcomer())
    await sign_in(nobody, "ana@example.org")
    record = await rows(
        "SELECT (SELECT string_agg(to_jsonb(told)::text, '') FROM platform.event AS told)"
        " || (SELECT string_agg(to_jsonb(v)::text, '') FROM platform.version AS v) AS all"
    )
    assert "Ana" in record[0]["all"]
    assert "example.org" not in record[0]["all"]


class TestWhereRegistrationIsClosed:
    @pytest.fixture
    def environ(self, environ: dict[str, str]) -> dict[str, str]:
        return {**environ, "ACCOUNTS__REGISTRATION": "closed"}

    async def test_nobody_registers(self, nobody: Any, rows: Rows) -> None:
        answer = await nobody.post("/auth/register", json=newcomer())
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/registration-closed")
        assert await rows("SELECT FROM accounts.account") == []


@pytest.mark.parametrize(
    ("registration", "is_production", "is_open"),
    [(None, False, True), (None, True, False), ("open", True, True), ("closed", False, False)],
)
def test_registration_is_open_on_a_laptop_and_closed_in_production(
    registration: Any, is_production: bool, is_open: bool
) -> None:
    settings = AccountsSettings(registration=registration, is_production=is_production)
    assert settings.registration_is_open is is_open
