"""The past of a task: versions, differences, and putting one back."""

from typing import Any

import pytest

from tests.apps.tasks.conftest import Make, Told

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("whole")]


async def test_each_version_says_what_changed_and_who_did_it(ana: Any, make: Make, make_list: Make) -> None:
    home = await make_list(ana)
    made = await make(ana, "a", list_id=home["id"])
    path = f"/tasks/{made['id']}"
    await ana.patch(path, json={"title": "b", "due": {"date": "2026-06-14", "time": "09:00", "time_zone": "UTC"}})
    await ana.patch(path, json={"priority": "high", "list_id": None})
    await ana.patch(path, json={"status": "done"})
    page = (await ana.get(f"{path}/versions?limit=3")).json()
    assert [(one["version"], one["changed"]) for one in page["items"]] == [
        (4, ["completed_at", "status"]),
        (3, ["list_id", "priority"]),
        (2, ["due", "title"]),
    ]
    (first,) = (await ana.get(f"{path}/versions", params={"after": page["next"]})).json()["items"]
    assert (first["version"], first["changed"], first["state"]["list_id"]) == (1, [], home["id"])
    assert {one["created_by"] for one in [first, *page["items"]]} == {ana.person["id"]}
    second = (await ana.get(f"{path}/versions/2")).json()
    assert second == page["items"][2]
    assert (await ana.get(f"{path}/versions/9")).status_code == 404
    difference = (await ana.get(f"{path}/versions/1/diff?to=3")).json()
    assert (difference["from_version"], difference["to_version"]) == (1, 3)
    assert {one["field"]: (one["before"], one["after"]) for one in difference["fields"]} == {
        "title": ("a", "b"),
        "due": (None, {"date": "2026-06-14", "time": "09:00:00", "time_zone": "UTC"}),
        "priority": ("none", "high"),
        "list_id": (home["id"], None),
    }
    assert (await ana.get(f"{path}/versions/1/diff?to=9")).status_code == 404
    assert (await ana.get(f"{path}/versions/1/diff")).json()["to_version"] == 4


async def test_an_earlier_version_comes_back_as_the_next_one(ana: Any, make: Make, make_list: Make, told: Told) -> None:
    home = await make_list(ana)
    made = await make(ana, "a", notes="text", tags=["t"], due={"date": "2026-06-14"}, list_id=home["id"])
    path = f"/tasks/{made['id']}"
    await ana.put(path, json={"title": "b", "status": "done"})
    stale = await ana.post(f"{path}/versions/1/restore", headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    answer = await ana.post(f"{path}/versions/1/restore", headers={"If-Match": '"2"'})
    assert answer.status_code == 200, answer.text
    back = answer.json()
    assert back == {**made, "version": 3, "updated_at": back["updated_at"], "list_id": None}  # the place stays
    event = (await told())[-1]
    assert (event.name, event.payload["restored_version"]) == ("task.changed", 1)
    assert event.payload["fields"] == ["due", "notes", "status", "tags", "title"]
    assert (await ana.post(f"{path}/versions/9/restore")).status_code == 404


async def test_a_done_occurrence_that_is_put_back_makes_no_second_one(ana: Any, make: Make) -> None:
    made = await make(ana, "a", recurrence="FREQ=DAILY", due={"date": "2026-06-14"})
    path = f"/tasks/{made['id']}"
    done = (await ana.patch(path, json={"status": "done"})).json()
    await ana.post(f"{path}/versions/1/restore")
    again = (await ana.patch(path, json={"status": "done"})).json()
    assert again["next_id"] == done["next_id"]
    assert len((await ana.get("/tasks")).json()["items"]) == 2
