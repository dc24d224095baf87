"""What a shared list lets others see and do. Who may what is decided by the platform; here it is asked for tasks."""

from typing import Any

import pytest

from tests.apps.tasks.conftest import Make

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("whole")]


async def share(visitor: Any, item_id: str, person: Any, level: str) -> None:
    grant = {"item_id": item_id, "person_id": person.person["id"], "level": level}
    answer = await visitor.post("/api/shares", json=grant)
    assert answer.status_code == 201, answer.text


async def test_who_may_edit_a_list_works_in_it(ana: Any, ben: Any, make: Make, make_list: Make) -> None:
    home, bens = await make_list(ana), await make_list(ben, "Ben's")
    task = await make(ana, "task", list_id=home["id"])
    sub = await make(ana, "sub", parent_id=task["id"])
    await make(ana, "unshared")
    await make(ben, "own")
    await share(ana, home["id"], ben, "edit")
    assert [one["title"] for one in (await ben.get("/tasks")).json()["items"]] == ["task", "sub", "own"]
    assert [one["title"] for one in (await ben.get("/tasks?is_mine=false&limit=1")).json()["items"]] == ["task"]
    assert [one["title"] for one in (await ben.get("/tasks?is_mine=true")).json()["items"]] == ["own"]
    assert [one["title"] for one in (await ben.get(f"/tasks?list_id={home['id']}")).json()["items"]] == ["task", "sub"]
    assert {one["title"] for one in (await ben.get("/api/task-lists")).json()["items"]} == {"home", "Ben's"}
    added = await make(ben, "added", list_id=home["id"])
    assert added["owner_id"] == ana.person["id"]
    assert (await ana.get(f"/tasks/{added['id']}")).json() == added
    changed = await ben.patch(f"/tasks/{sub['id']}", json={"title": "by Ben", "status": "done"})
    assert changed.status_code == 200, changed.text
    assert (await ana.get(f"/tasks/{sub['id']}/versions/2")).json()["created_by"] == ben.person["id"]
    away = await ben.patch(f"/tasks/{task['id']}", json={"list_id": bens["id"]})
    assert (away.status_code, away.json()["type"]) == (409, "/problems/other-owner")
    out = await ben.patch(f"/tasks/{task['id']}", json={"list_id": None})
    assert (out.status_code, out.json()["type"]) == (409, "/problems/other-owner")
    assert (await ben.delete(f"/tasks/{task['id']}")).status_code == 204
    assert (await ben.post(f"/tasks/{task['id']}/restore")).status_code == 200
    gone = await ben.delete(f"/api/task-lists/{home['id']}")
    assert (gone.status_code, gone.json()["type"]) == (403, "/problems/place-not-yours")


async def test_who_may_view_a_list_only_reads(ana: Any, ben: Any, make: Make, make_list: Make) -> None:
    home = await make_list(ana)
    task = await make(ana, "task", list_id=home["id"])
    await ana.patch(f"/tasks/{task['id']}", json={"notes": "n"})
    await share(ana, home["id"], ben, "view")
    assert (await ben.get(f"/tasks/{task['id']}")).status_code == 200
    assert [one["version"] for one in (await ben.get(f"/tasks/{task['id']}/versions")).json()["items"]] == [2]
    assert (await ben.get(f"/tasks/{task['id']}/versions/1")).status_code == 404
    for answer in (
        await ben.patch(f"/tasks/{task['id']}", json={"title": "x"}),
        await ben.delete(f"/tasks/{task['id']}"),
        await ben.post("/tasks/batch", json={"change": [{"id": task["id"], "title": "x"}]}),
        await ben.patch(f"/api/task-lists/{home['id']}", json={"title": "x"}),
        await ben.delete(f"/api/task-lists/{home['id']}"),
    ):
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/read-only")
    assert (await ben.post("/tasks", json={"title": "x", "list_id": home["id"]})).status_code == 404
    await ana.delete(f"/tasks/{task['id']}")
    assert (await ben.post(f"/tasks/{task['id']}/restore")).status_code == 404
    assert (await ben.get("/tasks")).json()["items"] == []


async def test_a_task_that_is_shared_by_itself_keeps_its_place(ana: Any, ben: Any, make: Make, make_list: Make) -> None:
    home = await make_list(ana)
    task = await make(ana, "task", list_id=home["id"])
    await share(ana, task["id"], ben, "edit")
    assert (await ben.patch(f"/tasks/{task['id']}", json={"status": "done"})).status_code == 200
    for answer in (
        await ben.patch(f"/tasks/{task['id']}", json={"list_id": None}),
        await ben.delete(f"/tasks/{task['id']}"),
    ):
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/place-not-yours")
