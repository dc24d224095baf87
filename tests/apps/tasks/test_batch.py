"""Many tasks in one call: all of it or nothing, one statement for each kind of change, one event for each task."""

from typing import Any

import asyncpg
import pytest

from commonplace.platform.database.session import Database
from commonplace.platform.parts import Parts
from tests.apps.tasks.conftest import Make, Told

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("whole")]


async def test_a_thousand_tasks_at_once(ana: Any, told: Told) -> None:
    answer = await ana.post("/tasks/batch", json={"create": [{"title": str(n)} for n in range(1000)]})
    assert answer.status_code == 200, answer.text
    made = answer.json()["items"]
    assert [task["title"] for task in made] == [str(n) for n in range(1000)]
    assert len((await ana.get("/tasks")).json()["items"]) == 1000
    changes = [{"id": task["id"], "order": n, "priority": "high"} for n, task in enumerate(made)]
    answer = await ana.post("/tasks/batch", json={"change": changes})
    assert [(task["order"], task["version"]) for task in answer.json()["items"]] == [(n, 2) for n in range(1000)]
    events = await told()
    assert len(events) == 2000
    assert len({event.item_id for event in events if event.name == "task.changed"}) == 1000
    ids = [task["id"] for task in made]
    assert (await ana.post("/tasks/batch", json={"trash": ids})).json() == {"items": []}
    assert (await ana.get("/tasks")).json()["items"] == []
    answer = await ana.post("/tasks/batch", json={"restore": ids})
    assert {task["version"] for task in answer.json()["items"]} == {4}
    too_many = {"trash": ids, "create": [{"title": "one more"}]}
    assert (await ana.post("/tasks/batch", json=too_many)).status_code == 422


async def test_one_statement_changes_what_changes_alike(ana: Any, make: Make, parts: Parts) -> None:
    """However many tasks there are, a batch takes the same number of statements."""
    counts = []
    for number in (2, 50):
        made = [await make(ana, str(n)) for n in range(number)]
        changes = [{"id": task["id"], "status": "done"} for task in made]
        sent: list[str] = []

        def note(query: asyncpg.connection.LoggedQuery, sent: list[str] = sent) -> None:
            if "platform.item" in query.query:  # not what the session and the driver ask now and then
                sent.append(query.query)

        database = parts[Database]
        connections = [await database.acquire() for _ in range(database.settings.pool_size)]
        for connection in connections:
            connection.add_query_logger(note)
            await database.release(connection, is_clean=True)
        assert (await ana.post("/tasks/batch", json={"change": changes})).status_code == 200
        counts.append(len(sent))
        for connection in connections:
            connection.remove_query_logger(note)
    assert counts[0] == counts[1] > 0


async def test_it_is_all_or_nothing(ana: Any, ben: Any, make: Make, told: Told) -> None:
    mine, other, his = await make(ana, "mine"), await make(ana, "other"), await make(ben, "his")
    before = len(await told())
    good = {"create": [{"title": "new"}], "change": [{"id": mine["id"], "title": "x"}], "trash": [other["id"]]}
    for bad, status, problem in (
        ({"change": [*good["change"], {"id": his["id"], "title": "x"}]}, 404, "task-not-found"),
        ({"trash": [other["id"], his["id"]]}, 404, "task-not-found"),
        ({"restore": [his["id"]]}, 404, "task-not-found"),
        ({"change": [{"id": mine["id"], "title": "x", "version": 9}]}, 412, "stale-version"),
        ({"change": [{"id": mine["id"], "title": "x"}, {"id": mine["id"], "title": "y"}]}, 422, "named-twice"),
        ({"trash": [other["id"], mine["id"]]}, 422, "named-twice"),
        ({"create": [{"title": "a"}, {"title": "b", "recurrence": "x"}]}, 422, "invalid-recurrence"),
    ):
        answer = await ana.post("/tasks/batch", json={**good, **bad})
        assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{problem}"), answer.text
    assert len(await told()) == before
    answer = await ana.post("/tasks/batch", json={**good, "change": [{"id": mine["id"], "title": "x", "version": 1}]})
    assert [task["title"] for task in answer.json()["items"]] == ["new", "x"]
    assert {task["title"] for task in (await ana.get("/tasks")).json()["items"]} == {"new", "x"}


async def test_recurring_tasks_that_are_done_together_come_again_together(ana: Any, make: Make) -> None:
    made = [await make(ana, str(n), recurrence="FREQ=DAILY", due={"date": "2026-06-14"}) for n in range(3)]
    answer = await ana.post("/tasks/batch", json={"change": [{"id": one["id"], "status": "done"} for one in made]})
    assert answer.status_code == 200, answer.text
    following = (await ana.get("/tasks?status=open")).json()["items"]
    assert [(one["title"], one["due"]["date"]) for one in following] == [(str(n), "2026-06-15") for n in range(3)]
    assert [one["next_id"] for one in answer.json()["items"]] == [one["id"] for one in following]
