"""The profile: read, changed, versioned."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commonplace.apps.accounts.errors import ProfileNotAllowed
from commonplace.apps.accounts.profile_rules import (
    clean_job_title,
    clean_language,
    clean_name,
    clean_time_zone,
    time_zones,
)

from .conftest import Rows

pytestmark = pytest.mark.anyio


async def test_a_new_profile(ana: Any) -> None:
    answer = await ana.get("/auth/profile")
    profile = answer.json()
    assert profile.pop("created_at") == profile.pop("updated_at")
    assert profile == {
        "id": ana.person["id"], "email": "ana@example.org", "is_email_verified": False, "name": "Ana", "role": "user",
        "job_title": None,
        "time_zone": "UTC", "language": "en", "version": 1,
    }  # fmt: skip
    assert answer.headers["etag"] == '"1"'


async def test_a_change_is_a_version_and_told_without_its_values(ana: Any, rows: Rows, told: Any) -> None:
    change = {"name": "Ana Ríos", "job_title": "Luthier", "time_zone": "Europe/Vienna", "language": "DE-at"}
    answer = await ana.put("/auth/profile", json=change)
    assert answer.status_code == 200
    profile = answer.json()
    assert {name: profile[name] for name in change} == {**change, "language": "de-AT"}
    assert (profile["version"], answer.headers["etag"]) == (2, '"2"')
    assert (await ana.get("/auth/profile")).json() == profile
    versions = await rows("SELECT version, title, state FROM platform.version ORDER BY version")
    assert [(version["version"], version["title"]) for version in versions] == [(1, "Ana"), (2, "Ana Ríos")]
    assert versions[1]["state"] == {"job_title": "Luthier", "time_zone": "Europe/Vienna", "language": "de-AT"}
    assert await told("person.profile_changed") == [
        {"person_id": ana.person["id"], "fields": ["job_title", "language", "name", "time_zone"]}
    ]


async def test_absent_fields_stay_and_null_removes_a_job_title(ana: Any) -> None:
    await ana.put("/auth/profile", json={"job_title": "Luthier", "time_zone": "Asia/Tokyo"})
    profile = (await ana.put("/auth/profile", json={"name": "Ana B"})).json()
    assert (profile["name"], profile["job_title"], profile["time_zone"]) == ("Ana B", "Luthier", "Asia/Tokyo")
    assert (await ana.put("/auth/profile", json={"job_title": None})).json()["job_title"] is None


async def test_what_changes_nothing_makes_no_version(ana: Any) -> None:
    profile = (await ana.get("/auth/profile")).json()
    answer = await ana.put("/auth/profile", json=profile)  # as read, with what only the server sets
    assert (answer.status_code, answer.json()) == (200, profile)
    assert (await ana.put("/auth/profile", json={})).json()["version"] == 1


async def test_nobody_makes_themselves_an_administrator_or_somebody_else(ana: Any, ben: Any) -> None:
    body = {"name": "Ana", "role": "administrator", "id": ben.person["id"], "person_id": ben.person["id"], "version": 9}
    profile = (await ana.put("/auth/profile", json=body)).json()
    assert (profile["role"], profile["id"], profile["version"]) == ("user", ana.person["id"], 1)
    assert (await ben.get("/auth/profile")).json()["name"] == "Ben"


async def test_the_address_may_be_repeated_but_not_changed(ana: Any) -> None:
    assert (await ana.put("/auth/profile", json={"email": "ANA@example.org", "name": "A"})).status_code == 200
    answer = await ana.put("/auth/profile", json={"email": "eve@example.org", "name": "Eve"})
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/address-is-fixed")
    assert (await ana.get("/auth/profile")).json()["name"] == "A"


async def test_a_change_of_an_older_version_is_refused(ana: Any) -> None:
    assert (await ana.put("/auth/profile", json={"name": "B"}, headers={"If-Match": '"1"'})).status_code == 200
    answer = await ana.put("/auth/profile", json={"name": "C"}, headers={"If-Match": '"1"'})
    assert (answer.status_code, answer.json()["type"]) == (412, "/problems/stale-version")
    assert (answer.json()["expected_version"], answer.json()["actual_version"]) == (1, 2)
    assert (await ana.put("/auth/profile", json={"name": "C"}, headers={"If-Match": "*"})).status_code == 200
    assert (await ana.put("/auth/profile", json={"name": "D"}, headers={"If-Match": "soon"})).status_code == 400


async def test_of_many_changes_of_one_version_at_once_one_is_made(ana: Any) -> None:
    answers = await asyncio.gather(
        *(ana.put("/auth/profile", json={"name": f"Ana {n}"}, headers={"If-Match": '"1"'}) for n in range(12))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 11
    assert (await ana.get("/auth/profile")).json()["version"] == 2


IMPOSSIBLE = [
    ("name", ""), ("name", "   "), ("name", "x" * 201), ("name", "a\x00b"), ("job_title", "x" * 201),
    ("job_title", "a\nb"), ("job_title", "\x00"), ("time_zone", "Mars/Olympus"), ("time_zone", "../../etc/passwd"),
    ("time_zone", "/etc/localtime"), ("time_zone", "Europe"), ("time_zone", ""), ("time_zone", "x" * 5000),
    ("time_zone", "Europe/Vienna\x00"), ("language", ""), ("language", "english please"), ("language", "e"),
    ("language", "de_AT"), ("language", "de-AT\n"),
]  # fmt: skip


async def test_what_cannot_be_is_refused(ana: Any) -> None:
    for field, value in IMPOSSIBLE:
        answer = await ana.put("/auth/profile", json={field: value})
        problem = answer.json()
        assert (value, answer.status_code, problem["type"]) == (value, 422, "/problems/profile-not-allowed")
        assert problem["field"] == field
    assert (await ana.get("/auth/profile")).json()["version"] == 1


async def test_nobody_has_no_profile(nobody: Any) -> None:
    assert (await nobody.get("/auth/profile")).status_code == 401
    assert (await nobody.put("/auth/profile", json={"name": "x"})).status_code == 401


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("en", "en"),
        ("DE-at", "de-AT"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("de-ch-1996", "de-CH-1996"),
    ],
)
def test_languages_are_kept_in_their_usual_case(sent: str, kept: str) -> None:
    assert clean_language(sent) == kept


def test_every_zone_that_the_documentation_lists_is_accepted() -> None:
    zones = time_zones()
    assert {"UTC", "Europe/Vienna", "America/Argentina/Buenos_Aires", "Etc/GMT+5"} <= set(zones)
    assert [clean_time_zone(zone) for zone in zones] == zones


@pytest.mark.parametrize("examples", [pytest.param(200), pytest.param(20_000, marks=pytest.mark.long)])
def test_whatever_is_sent_is_kept_whole_or_refused(examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(text=st.text(max_size=250))
    def check(text: str) -> None:
        for clean in (clean_name, clean_job_title, clean_time_zone, clean_language):
            try:
                kept = clean(text)
            except ProfileNotAllowed:
                continue
            assert kept is None or "\x00" not in kept
            assert kept is None or clean(kept) == kept

    check()
