"""`GET /api/tasks`: everything, pages, each order, each filter, words, saved filters."""

from typing import Any

import pytest

from commonplace.apps.tasks import queries
from commonplace.apps.tasks.filters import Filter
from commonplace.platform.database.pages import write_cursor
from tests.apps.tasks.conftest import Make

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("whole")]


@pytest.fixture
async def some(ana: Any, ben: Any, make: Make, make_list: Make) -> dict[str, str]:
    """Ana's tasks, each with something of its own; their ids by title. Ben has one, which nobody may find."""
    file = (await ana.post("/api/files?name=bill.pdf", content=b"bill")).json()
    home = await make_list(ana)
    await make(ben, "Bens zinc", notes="zinc", tags=["home"], priority="high", due={"date": "2026-06-14"})
    vienna = {"time": "00:30", "time_zone": "Europe/Vienna"}
    rows: list[dict[str, Any]] = [
        {
            "title": "Dentist",
            "notes": "Call the *Zahnarzt*",
            "priority": "high",
            "due": {"date": "2026-06-14", **vienna},
        },
        {"title": "rent 100%", "due": {"date": "2026-06-14"}, "tags": ["home", "money"], "list_id": home["id"]},
        {"title": "Bake", "status": "in_progress", "start": {"date": "2026-06-01"}, "tags": ["home"], "order": 5},
        {"title": "water", "recurrence": "FREQ=WEEKLY", "priority": "low", "due": {"date": "2026-07-01"}},
        {"title": "file it", "attachments": [{"id": file["id"]}], "reminders": [{"minutes_before": 5}], "order": -5},
        {"title": "old", "status": "done"},
    ]
    ids = {"home": home["id"], "file": file["id"]}
    for row in rows:
        ids[row["title"]] = (await make(ana, **row))["id"]
    ids["sub"] = (await make(ana, "sub", parent_id=ids["rent 100%"], status="cancelled"))["id"]
    return ids


async def titles(visitor: Any, **params: Any) -> list[str]:
    answer = await visitor.get("/tasks", params=params)
    assert answer.status_code == 200, answer.text
    assert answer.json()["next"] is None
    return [task["title"] for task in answer.json()["items"]]


ALL = ["Dentist", "rent 100%", "Bake", "water", "file it", "old", "sub"]


@pytest.mark.usefixtures("some")
async def test_without_a_limit_it_answers_all_in_the_order_of_their_making(ana: Any) -> None:
    assert await titles(ana) == ALL


FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({"q": "zahn"}, ["Dentist"]),
    ({"q": "DENT call"}, ["Dentist"]),
    ({"q": "dent rent"}, []),
    ({"q": "zinc"}, []),
    ({"q": "' | & ! \\ :*"}, []),
    ({"title": "%"}, ["rent 100%"]),
    ({"title": "EN"}, ["Dentist", "rent 100%"]),
    ({"notes": "*zahn"}, ["Dentist"]),
    ({"status": "done"}, ["old"]),
    ({"status": "in_progress,cancelled"}, ["Bake", "sub"]),
    ({"priority": "low,high"}, ["Dentist", "water"]),
    ({"tag": "home"}, ["rent 100%", "Bake"]),
    ({"tag": "home,money"}, ["rent 100%"]),
    ({"list_id": "@home"}, ["rent 100%", "sub"]),
    ({"list_id": "none"}, ["Dentist", "Bake", "water", "file it", "old"]),
    ({"parent_id": "@rent 100%"}, ["sub"]),
    ({"parent_id": "none", "tag": "home"}, ["rent 100%", "Bake"]),
    # The day that was said, wherever it is; the instant lies on the day before by UTC.
    ({"due_from": "2026-06-14", "due_before": "2026-06-15"}, ["Dentist", "rent 100%"]),
    ({"due_before": "2026-06-14"}, []),
    ({"due_before": "2026-06-13T22:30:01Z"}, ["Dentist"]),
    ({"due_before": "2026-06-13T22:30:00Z"}, []),
    ({"due_from": "2026-06-14T00:30:01+02:00"}, ["rent 100%", "water"]),
    ({"has_due": "false", "status": "open"}, ["file it"]),
    ({"start_from": "2026-06-01", "start_before": "2026-06-02"}, ["Bake"]),
    ({"has_start": "true"}, ["Bake"]),
    ({"order_from": -5, "order_before": 6}, ["Bake", "file it"]),
    ({"is_recurring": "true"}, ["water"]),
    ({"recurrence": "weekly"}, ["water"]),
    ({"has_reminders": "true"}, ["file it"]),
    ({"has_attachments": "true"}, ["file it"]),
    ({"attachment_id": "@file"}, ["file it"]),
    ({"attachment_id": "@sub"}, []),
    ({"is_mine": "false"}, []),
    ({"created_before": "2026-01-01"}, []),
    ({"created_from": "2026-01-01", "status": "done"}, ["old"]),
    ({"updated_from": "2026-01-01T00:00:00Z", "status": "done"}, ["old"]),
    ({"completed_from": "2026-01-01", "updated_before": "2999-01-01"}, ["old"]),
    ({"completed_before": "9999-12-31T23:59:59-12:00"}, ["old"]),
]


async def test_each_filter(ana: Any, some: dict[str, str]) -> None:
    for params, found in FILTERS:
        given = {name: some[value[1:]] if str(value).startswith("@") else value for name, value in params.items()}
        assert await titles(ana, **given) == found, params
    named = {name for params, _ in FILTERS for name in params}
    assert named == Filter.model_fields.keys() - {"sort"}, "Each filter needs a line here."


ORDERS = [
    ("title", ["Bake", "Dentist", "file it", "old", "rent 100%", "sub", "water"]),
    ("status", ["Bake", "Dentist", "rent 100%", "water", "file it", "old", "sub"]),
    ("-priority", ["Dentist", "water", "sub", "old", "file it", "Bake", "rent 100%"]),
    ("due", ["Dentist", "rent 100%", "water", "Bake", "file it", "old", "sub"]),
    ("-due", ["water", "rent 100%", "Dentist", "sub", "old", "file it", "Bake"]),
    ("order", ["file it", "Bake", "Dentist", "rent 100%", "water", "old", "sub"]),
]


@pytest.mark.usefixtures("some")
async def test_orders(ana: Any) -> None:
    for sort, expected in ORDERS:
        found, wanted = await titles(ana, sort=sort), expected
        if sort == "title":  # by the collation of the database
            found, wanted = sorted(found, key=str.lower), sorted(wanted, key=str.lower)
        assert found == wanted, sort


@pytest.mark.usefixtures("some")
async def test_every_order_pages_through_everything_once(ana: Any) -> None:
    for name in queries.SORTS:
        for sort in (name, f"-{name}"):
            whole, paged, after = await titles(ana, sort=sort), [], None
            assert sorted(whole) == sorted(ALL)
            while True:
                params = {"sort": sort, "limit": 2} | ({"after": after} if after else {})
                page = (await ana.get("/tasks", params=params)).json()
                paged += [task["title"] for task in page["items"]]
                after = page["next"]
                if after is None:
                    break
            assert paged == whole, sort


async def test_what_cannot_be_asked(ana: Any) -> None:
    other_order = "WyJ0aXRsZSIsIngiLCIwMWExZmRiMS01OGFmLTdhMmYtOTkxMi02OGFkYWIzMjNjMWMiXQ"
    for params, status in [
        ({"status": "later"}, 422),
        ({"due_from": "soon"}, 422),
        ({"limit": "0"}, 422),
        ({"unknown": "1"}, 422),
        ({"q": "\0"}, 422),
        ({"after": "nonsense"}, 404),
        ({"after": other_order}, 404),
        ({"filter_id": "01a1fdb1-58af-7a2f-9912-68adab323c1c"}, 404),
    ]:
        assert (await ana.get("/tasks", params=params)).status_code == status, params


async def test_words_follow_what_is_written(ana: Any, make: Make) -> None:
    made = await make(ana, "plums", notes="jam")
    await ana.patch(f"/tasks/{made['id']}", json={"title": "pears"})
    assert await titles(ana, q="plum") == []
    assert await titles(ana, q="pear jam") == ["pears"]
    await ana.patch(f"/tasks/{made['id']}", json={"notes": "jelly"})
    assert await titles(ana, q="jam") == []
    await ana.post(f"/tasks/{made['id']}/versions/1/restore")
    assert await titles(ana, q="plum jam") == ["plums"]


async def test_a_saved_filter_is_applied_and_what_is_given_beside_it_goes_before(
    ana: Any, some: dict[str, str]
) -> None:
    query = {"tag": "home", "sort": "-title", "list_id": some["home"]}
    saved = (await ana.post("/api/task-filters", json={"title": "at home", "query": query})).json()
    assert saved["query"] == query
    assert await titles(ana, filter_id=saved["id"]) == ["rent 100%"]
    assert await titles(ana, filter_id=saved["id"], list_id="none") == ["Bake"]
    changed = await ana.patch(f"/api/task-filters/{saved['id']}", json={"query": {"q": "dent"}})
    assert (changed.json()["query"], changed.json()["title"]) == ({"q": "dent"}, "at home")
    assert await titles(ana, filter_id=saved["id"]) == ["Dentist"]
    wrong = await ana.post("/api/task-filters", json={"title": "x", "query": {"status": "later"}})
    assert wrong.status_code == 422
    assert (await ana.delete(f"/api/task-filters/{saved['id']}")).status_code == 204
    assert (await ana.get("/tasks", params={"filter_id": saved["id"]})).status_code == 404


async def test_lists_stand_in_their_order(ana: Any, make_list: Make) -> None:
    made = [await make_list(ana, name) for name in ("a", "b", "c")]
    await ana.patch(f"/api/task-lists/{made[2]['id']}", json={"order": made[0]["order"] - 1, "colour": "#3b82f6"})
    page = (await ana.get("/api/task-lists?limit=2")).json()
    assert [one["title"] for one in page["items"]] == ["c", "a"]
    rest = (await ana.get("/api/task-lists", params={"limit": 2, "after": page["next"]})).json()
    assert ([one["title"] for one in rest["items"]], rest["next"]) == (["b"], None)
    read = await ana.get(f"/api/task-lists/{made[2]['id']}")
    assert (read.json()["colour"], read.headers["etag"]) == ("#3b82f6", '"2"')
    stale = await ana.patch(f"/api/task-lists/{made[2]['id']}", json={"title": "x"}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    assert (await ana.get("/api/task-lists?after=nonsense")).status_code == 404


NOBODYS = "01a1fdb1-58af-7a2f-9912-68adab323c1c"
ODD = [
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-W47-6T00:00:00+00:00", "2026-11-21", "1.7e9",
    "9" * 30, "\0", "1_000", None,
]  # fmt: skip


async def test_what_no_list_wrote_is_no_page_and_what_no_calendar_has_no_moment(ana: Any) -> None:
    """Cursors with dates that cannot be, and numbers of seconds: never more than a problem."""
    for key in ODD:
        for path, keys in (
            ("/api/trash?limit=1", [key, NOBODYS]),
            ("/api/tasks?limit=1&sort=due", ["due", key, NOBODYS]),
            ("/api/tasks?limit=1&sort=order", ["order", key, NOBODYS]),
            ("/api/task-lists?limit=1", [key, NOBODYS]),
            ("/api/files?limit=1&sort=updated_at", ["updated_at", key, NOBODYS]),
        ):
            answer = await ana.get(f"{path}&after={write_cursor(*keys)}")
            # Of these two some lists can make something: a day that is one, and a task that is not due.
            allowed = {200, 404} if key in {None, "2026-W47-6T00:00:00+00:00"} else {404}
            assert answer.status_code in allowed, f"{path} {key}: {answer.text}"
    for moment in ("1700000000", "2026-11-21T10:00:00", "2026-11-21T24:00:01Z", "2026-02-30", "now"):
        for path in ("/api/tasks?due_from=", "/api/auth/sign-ins?since=", "/api/auth/sign-ins.csv?until="):
            answer = await ana.get(path + moment)
            assert (answer.status_code, answer.json()["type"]) == (422, "/problems/validation-failed"), path + moment
    for moment in ("2026-11-21T10:00:00Z", "2026-12-31t23:59:60.5z", "2026-11-21T10:00:00%2B01:00"):
        assert (await ana.get(f"/api/tasks?due_from={moment}")).status_code == 200
    assert (await ana.get("/api/tasks?unknown=1")).status_code == 422
