"""A task by itself: made, read, changed, replaced, moved, trashed; who may do what."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from commonplace.platform.database.session import Database
from commonplace.platform.history.kinds import Kinds
from commonplace.platform.history.purge import purge
from commonplace.platform.parts import Parts
from tests.apps.tasks.conftest import Make, Told

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("whole")]

NOBODYS = "01a1fdb1-58af-7a2f-9912-68adab323c1c"
FULL = {
    "title": "Pay the rent",
    "notes": "# To *whom*\n\nthe landlord",
    "status": "in_progress",
    "priority": "high",
    "start": {"date": "2026-06-01", "time": None, "time_zone": None},
    "due": {"date": "2026-06-14", "time": "09:00:00", "time_zone": "Europe/Vienna"},
    "tags": ["home", "money matters"],
    "order": 7,
    "recurrence": "FREQ=MONTHLY;BYMONTHDAY=14",
    "reminders": [{"minutes_before": 30, "of": "due"}, {"at": "2026-06-13T08:00:00.000000Z"}],
}


async def test_every_field_comes_back_as_it_was_given(ana: Any, make: Make, make_list: Make) -> None:
    file = (await ana.post("/api/files?name=bill.pdf", content=b"bill")).json()
    home = await make_list(ana)
    attachments = [{"kind": "file", "id": file["id"]}]
    answer = await ana.post("/tasks", json={**FULL, "list_id": home["id"], "attachments": attachments})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert answer.headers["location"] == f"/api/tasks/{made['id']}"
    assert {name: made[name] for name in FULL} == FULL
    assert (made["list_id"], made["parent_id"], made["attachments"]) == (home["id"], None, attachments)
    assert (made["due_at"], made["start_at"]) == ("2026-06-14T07:00:00.000000Z", None)
    assert (made["version"], made["completed_at"], made["owner_id"]) == (1, None, ana.person["id"])
    read = await ana.get(f"/tasks/{made['id']}")
    assert (read.json(), read.headers["etag"]) == (made, '"1"')
    again = await ana.get(f"/tasks/{made['id']}", headers={"If-None-Match": '"1"'})
    assert again.status_code == 304


async def test_a_title_is_enough(ana: Any, make: Make) -> None:
    made = await make(ana, "x")
    assert (made["status"], made["priority"], made["due"], made["tags"], made["list_id"]) == (
        "open",
        "none",
        None,
        [],
        None,
    )
    later = await make(ana, "y")
    assert later["order"] > made["order"]


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"title": ""}, 422, "validation-failed"),
    ({"title": "a\u0000b"}, 422, "validation-failed"),
    ({"title": "x" * 501}, 422, "validation-failed"),
    ({"notes": "\u0000"}, 422, "validation-failed"),
    ({"status": "later"}, 422, "validation-failed"),
    ({"due": {"date": "2026-02-30"}}, 422, "validation-failed"),
    ({"due": {"date": "2026-02-03", "time": "25:00"}}, 422, "validation-failed"),
    ({"due": {"date": "2026-02-03", "time": "09:00", "time_zone": "Europe/Nowhere"}}, 422, "validation-failed"),
    ({"due": {"date": "2026-02-03", "time_zone": "Europe/Vienna"}}, 422, "validation-failed"),
    ({"reminders": [{"at": "1700000000"}]}, 422, "validation-failed"),
    ({"tags": ["a,b"]}, 422, "validation-failed"),
    ({"order": "5"}, 422, "validation-failed"),
    ({"unknown": 1}, 422, "validation-failed"),
    ({"recurrence": "FREQ=NEVER"}, 422, "invalid-recurrence"),
    ({"recurrence": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31"}, 422, "recurrence-never-comes"),
    ({"recurrence": "FREQ=DAILY;COUNT=1"}, 422, "recurrence-never-comes"),
    ({"recurrence": "FREQ=DAILY;UNTIL=20260101", "due": {"date": "2026-02-03"}}, 422, "recurrence-never-comes"),
    ({"list_id": NOBODYS, "parent_id": NOBODYS}, 422, "two-places"),
    ({"list_id": NOBODYS}, 404, "place-not-found"),
    ({"parent_id": NOBODYS}, 404, "place-not-found"),
    ({"attachments": [{"id": NOBODYS}]}, 404, "attachment-not-found"),
]


async def test_what_is_refused_leaves_nothing(ana: Any, make: Make, told: Told) -> None:
    made = await make(ana)
    for fields, status, problem in REFUSED:
        for answer in (
            await ana.post("/api/tasks", json={"title": "a", **fields}),
            await ana.patch(f"/api/tasks/{made['id']}", json=fields),
            await ana.put(f"/api/tasks/{made['id']}", json={"title": "a", **fields}),
            await ana.post("/api/tasks/batch", json={"create": [{"title": "a"}, {"title": "b", **fields}]}),
        ):
            assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{problem}"), answer.text
    assert [event.name for event in await told()] == ["task.created"]


async def test_a_change_leaves_alone_what_it_does_not_name(ana: Any, make: Make, told: Told) -> None:
    made = await make(ana, **{name: value for name, value in FULL.items() if name != "title"})
    answer = await ana.patch(f"/tasks/{made['id']}", json={"priority": "low", "tags": ["a", "a"]})
    assert answer.status_code == 200, answer.text
    changed = answer.json()
    assert changed == {**made, "priority": "low", "tags": ["a"], "version": 2, "updated_at": changed["updated_at"]}
    again = await ana.patch(f"/tasks/{made['id']}", json={"priority": "low", "due": FULL["due"]})
    assert again.json() == changed  # nothing differs: no version
    assert [(event.name, event.payload.get("fields")) for event in await told()] == [
        ("task.created", None),
        ("task.changed", ["priority", "tags"]),
    ]


async def test_a_replacement_sets_what_it_does_not_name_back(ana: Any, make: Make, make_list: Make) -> None:
    home = await make_list(ana)
    made = await make(ana, **{**FULL, "title": "x", "list_id": home["id"]})
    answer = await ana.put(f"/tasks/{made['id']}", json={"title": "only this"})
    assert answer.status_code == 200, answer.text
    fresh, put = await make(ana, "only this"), answer.json()
    for name in ("id", "version", "created_at", "updated_at", "order"):
        fresh.pop(name)
    assert put["order"] == made["order"]
    assert {name: put[name] for name in fresh} == fresh


async def test_a_change_of_an_older_version_is_refused(ana: Any, make: Make) -> None:
    made = await make(ana)
    await ana.patch(f"/tasks/{made['id']}", json={"title": "b"})
    for answer in (
        await ana.patch(f"/tasks/{made['id']}", json={"title": "c"}, headers={"If-Match": '"1"'}),
        await ana.put(f"/tasks/{made['id']}", json={"title": "c"}, headers={"If-Match": '"1"'}),
        await ana.delete(f"/tasks/{made['id']}", headers={"If-Match": '"1"'}),
    ):
        assert (answer.status_code, answer.json()["actual_version"]) == (412, 2)


async def test_a_repetition_with_a_key_makes_one(ana: Any, told: Told) -> None:
    answers = [await ana.post("/tasks", json={"title": "once"}, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert len(await told()) == 1


async def test_of_many_changes_at_once_none_is_lost(ana: Any, make: Make) -> None:
    made = await make(ana)
    fields = [{"title": "b"}, {"notes": "n"}, {"priority": "high"}, {"tags": ["t"]}, {"order": 5}, {"status": "done"}]
    answers = await asyncio.gather(*(ana.patch(f"/tasks/{made['id']}", json=one) for one in fields))
    assert {answer.status_code for answer in answers} == {200}
    read = (await ana.get(f"/tasks/{made['id']}")).json()
    assert read["version"] == 7
    assert all(read[name] == value for one in fields for name, value in one.items())


async def test_completing_and_reopening_are_told(ana: Any, make: Make, told: Told) -> None:
    made = await make(ana)
    done = (await ana.patch(f"/tasks/{made['id']}", json={"status": "done", "priority": "low"})).json()
    assert made["created_at"] < done["completed_at"] < done["updated_at"]
    open_again = (await ana.patch(f"/tasks/{made['id']}", json={"status": "open"})).json()
    assert open_again["completed_at"] is None
    await ana.patch(f"/tasks/{made['id']}", json={"status": "cancelled"})
    events = await told()
    assert [event.name for event in events] == ["task.created", "task.completed", "task.reopened", "task.changed"]
    assert [event.payload.get("fields") for event in events][1:] == [["priority", "status"], ["status"], ["status"]]
    assert {event.by for event in events} == {UUID(ana.person["id"])}


class TestPlaces:
    async def test_subtasks_go_with_their_task(self, ana: Any, make: Make, make_list: Make, told: Told) -> None:
        home, work = await make_list(ana, "home"), await make_list(ana, "work")
        task = await make(ana, "task", list_id=home["id"])
        sub = await make(ana, "sub", parent_id=task["id"])
        assert (sub["parent_id"], sub["list_id"]) == (task["id"], None)
        moved = (await ana.patch(f"/tasks/{task['id']}", json={"list_id": work["id"]})).json()
        assert moved["list_id"] == work["id"]
        (event,) = [event for event in await told() if event.name == "task.moved"]
        assert (event.payload["from_id"], event.payload["to_id"]) == (home["id"], work["id"])
        assert event.payload["fields"] == ["list_id"]
        titles = [one["title"] for one in (await ana.get(f"/tasks?list_id={work['id']}")).json()["items"]]
        assert titles == ["task", "sub"]
        assert (await ana.get(f"/tasks?list_id={home['id']}")).json()["items"] == []
        out = (await ana.patch(f"/tasks/{sub['id']}", json={"parent_id": None})).json()
        assert (out["parent_id"], out["list_id"]) == (None, None)
        into = (await ana.patch(f"/tasks/{sub['id']}", json={"list_id": home["id"]})).json()
        assert (into["parent_id"], into["list_id"]) == (None, home["id"])

    async def test_none_lies_in_itself(self, ana: Any, make: Make) -> None:
        outer = await make(ana, "outer")
        inner = await make(ana, "inner", parent_id=outer["id"])
        for task_id, parent_id in ((outer["id"], inner["id"]), (outer["id"], outer["id"])):
            answer = await ana.patch(f"/tasks/{task_id}", json={"parent_id": parent_id})
            assert (answer.status_code, answer.json()["type"]) == (409, "/problems/task-inside-itself"), answer.text
        other = await make(ana, "other")
        swap = {
            "change": [{"id": outer["id"], "parent_id": other["id"]}, {"id": other["id"], "parent_id": inner["id"]}]
        }
        answer = await ana.post("/tasks/batch", json=swap)
        assert answer.json()["type"] == "/problems/task-inside-itself"
        answers = await asyncio.gather(
            ana.patch(f"/tasks/{outer['id']}", json={"parent_id": other["id"]}),
            ana.patch(f"/tasks/{other['id']}", json={"parent_id": inner["id"]}),
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409]

    async def test_the_depth_is_limited(self, ana: Any, make: Make) -> None:
        parent = await make(ana, "1")
        for level in range(2, 11):
            parent = await make(ana, str(level), parent_id=parent["id"])
        answer = await ana.post("/tasks", json={"title": "11", "parent_id": parent["id"]})
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/subtasks-too-deep")
        two = await make(ana, "a")
        await make(ana, "b", parent_id=two["id"])
        ninth = (await ana.get("/tasks?title=9")).json()["items"][0]
        answer = await ana.patch(f"/tasks/{two['id']}", json={"parent_id": ninth["id"]})
        assert answer.json()["type"] == "/problems/subtasks-too-deep"

    async def test_what_is_no_place_of_that_kind_is_refused(self, ana: Any, make: Make, make_list: Make) -> None:
        home, task = await make_list(ana), await make(ana)
        for place in ({"list_id": task["id"]}, {"parent_id": home["id"]}):
            assert (await ana.post("/tasks", json={"title": "x", **place})).status_code == 404


class TestTrash:
    async def test_a_task_comes_back_with_its_subtasks(self, ana: Any, make: Make, make_list: Make, told: Told) -> None:
        home = await make_list(ana)
        task = await make(ana, "task", list_id=home["id"])
        sub = await make(ana, "sub", parent_id=task["id"])
        assert (await ana.delete(f"/tasks/{task['id']}")).status_code == 204
        for gone in (task, sub):
            assert (await ana.get(f"/tasks/{gone['id']}")).status_code == 404
        assert (await ana.get("/tasks")).json()["items"] == []
        (trashed,) = (await ana.get("/api/trash")).json()["items"]
        assert (trashed["kind"], trashed["name"], trashed["parent_name"]) == ("task", "task", "home")
        restored = (await ana.post(f"/tasks/{task['id']}/restore")).json()
        assert (restored["list_id"], restored["version"]) == (home["id"], 3)
        assert (await ana.post(f"/tasks/{task['id']}/restore")).json() == restored  # as it is
        assert (await ana.get(f"/tasks/{sub['id']}")).json() == sub
        assert [event.name for event in await told()][-2:] == ["task.trashed", "task.restored"]

    async def test_without_its_list_it_comes_to_the_top(self, ana: Any, make: Make, make_list: Make) -> None:
        home = await make_list(ana)
        task = await make(ana, "task", list_id=home["id"])
        other = await make(ana, "other", list_id=home["id"])
        await ana.delete(f"/tasks/{task['id']}")
        assert (await ana.delete(f"/api/task-lists/{home['id']}")).status_code == 204
        assert (await ana.get(f"/tasks/{other['id']}")).status_code == 404
        restored = (await ana.post(f"/tasks/{task['id']}/restore")).json()
        assert restored["list_id"] is None
        assert (await ana.post(f"/api/task-lists/{home['id']}/restore")).status_code == 200
        assert (await ana.get(f"/tasks/{other['id']}")).json() == other

    async def test_it_is_removed_in_the_end(self, ana: Any, make: Make, parts: Parts, make_list: Make) -> None:
        home = await make_list(ana)
        task = await make(ana, "task", list_id=home["id"])
        await make(ana, "sub", parent_id=task["id"])
        await ana.delete(f"/api/task-lists/{home['id']}")
        assert await purge(parts[Database], parts[Kinds], before=datetime.now(UTC) - timedelta(days=1)) == 0
        assert await purge(parts[Database], parts[Kinds], before=datetime.now(UTC) + timedelta(days=1)) == 3
        assert (await ana.post(f"/tasks/{task['id']}/restore")).status_code == 404


#: Method, path (T: Ana's task, L: her list, F: her saved filter), the request, and what the owner is answered.
OPERATIONS: list[tuple[str, str, Any, int]] = [
    ("GET", "/tasks/T", None, 200),
    ("GET", "/tasks/T/versions", None, 200),
    ("GET", "/tasks/T/versions/1", None, 200),
    ("GET", "/tasks/T/versions/1/diff", None, 200),
    ("POST", "/tasks/T/versions/1/restore", None, 200),
    ("PATCH", "/tasks/T", {"title": "b"}, 200),
    ("PUT", "/tasks/T", {"title": "c"}, 200),
    ("POST", "/tasks", {"title": "x", "list_id": "L"}, 201),
    ("POST", "/tasks", {"title": "x", "parent_id": "T"}, 201),
    ("POST", "/tasks/batch", {"change": [{"id": "T", "title": "d"}]}, 200),
    ("POST", "/tasks/batch", {"trash": ["T"]}, 200),
    ("POST", "/tasks/batch", {"restore": ["T"]}, 200),
    ("POST", "/tasks/T/restore", None, 200),
    ("DELETE", "/tasks/T", None, 204),
    ("GET", "/api/task-lists/L", None, 200),
    ("PATCH", "/api/task-lists/L", {"title": "b"}, 200),
    ("DELETE", "/api/task-lists/L", None, 204),
    ("POST", "/api/task-lists/L/restore", None, 200),
    ("GET", "/tasks?filter_id=F", None, 200),
    ("GET", "/api/task-filters/F", None, 200),
    ("PATCH", "/api/task-filters/F", {"title": "b"}, 200),
    ("DELETE", "/api/task-filters/F", None, 204),
    ("POST", "/api/task-filters/F/restore", None, 200),
]


async def test_who_may_do_what(ana: Any, ben: Any, nobody: Any, make: Make, make_list: Make, told: Told) -> None:
    home = await make_list(ana)
    saved = (await ana.post("/api/task-filters", json={"title": "f", "query": {}})).json()
    ids = {"T": (await make(ana, list_id=home["id"]))["id"], "L": home["id"], "F": saved["id"]}

    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: filled(member) for name, member in value.items()}
        return [filled(one) for one in value] if isinstance(value, list) else ids.get(value, value)

    for method, path, body, status in OPERATIONS:
        for letter, item_id in ids.items():
            path = path.replace(f"/{letter}", f"/{item_id}").replace(f"={letter}", f"={item_id}")  # noqa: PLW2901
        before = len(await told())
        for visitor, expected in ((nobody, 401), (ben, 404)):
            answer = await visitor.request(method, path, json=filled(body))
            assert answer.status_code == expected, f"{method} {path}: {answer.text}"
        assert len(await told()) == before
        answer = await ana.request(method, path, json=filled(body))
        assert answer.status_code == status, f"{method} {path}: {answer.text}"
    for path in ("/tasks", "/api/task-lists", "/api/task-filters"):
        assert (await ben.get(path)).json()["items"] == []
        assert (await nobody.get(path)).status_code == 401
        assert (await nobody.post(path, json={"title": "x"})).status_code == 401


async def test_a_file_of_another_person_cannot_be_attached(ana: Any, ben: Any, make: Make) -> None:
    file = (await ben.post("/api/files?name=secret", content=b"s")).json()
    made = await make(ana)
    answer = await ana.patch(f"/tasks/{made['id']}", json={"attachments": [{"id": file["id"]}]})
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/attachment-not-found")
