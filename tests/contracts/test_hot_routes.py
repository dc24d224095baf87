"""Hot routes send bytes that the database wrote; here each is held to the class that documents it, to the letter."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from httpx import Response
from pydantic import TypeAdapter

from commonplace.apps.notifications import queries as notifications
from commonplace.platform.app import App, load
from commonplace.platform.database.ids import new_id
from commonplace.platform.database.session import Database
from commonplace.platform.http.routing import HotRoute
from commonplace.platform.live import api as live_api
from commonplace.platform.parts import Parts
from tests.platform.media.pictures import encoded, exif, quarters
from tests.visitor import Visitor

pytestmark = pytest.mark.anyio

PICTURE = encoded(quarters(), "JPEG", exif=exif(taken="2024:05:06 07:08:09", offset="+02:00"))
NO_PICTURE = b"\xff\xd8\xff\xe0 but no picture follows"


def hot_routes(apps: tuple[App, ...]) -> dict[str, HotRoute]:
    """The hot routes that answer JSON, such as `GET /api/files/{file_id}`."""
    routers = [load(app.api) for app in apps if app.api is not None]
    routes = [route for router in (live_api.router, *routers) for route in router.routes]
    return {
        f"{method} {route.path_format}": route
        for route in routes
        if isinstance(route, HotRoute) and route.response_model is not None
        for method in route.methods or ()
    }


def shape(value: Any) -> Any:
    """The names in a JSON value, all the way down, and the order of lists; instead of the values their types."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items()}
    return [shape(member) for member in value] if isinstance(value, list) else type(value).__name__


def assert_fits(route: HotRoute, answer: Response) -> None:
    """Nothing is missing, nothing beyond it is there, and each value is of the type that is documented."""
    assert answer.is_success, answer.text
    assert answer.headers["content-type"] == "application/json"
    model = TypeAdapter(route.response_model)
    read = model.validate_json(answer.content, strict=True)
    assert shape(model.dump_python(read, mode="json")) == shape(answer.json())
    assert_times_are_utc(answer.json())


def assert_times_are_utc(value: Any) -> None:
    for name, member in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(member, dict | list):
            assert_times_are_utc(member)
        elif str(name).endswith("_at") and member is not None:
            assert member.endswith("Z"), f"{name}: {member}"
            datetime.fromisoformat(member)


async def answers(ana: Visitor, deliver: Callable[[], Awaitable[None]]) -> dict[str, list[Response]]:
    """Answers of every hot route, over files of each state and folders of each kind of place."""
    since = (await ana.get("/api/sync")).json()["next"]
    outer = await ana.post("/api/folders", json={"name": "outer"})
    inner = await ana.post("/api/folders", json={"name": "inner", "parent_id": outer.json()["id"]})
    reused = await ana.post("/api/folders?on_conflict=reuse", json={"name": "outer"})
    places = {"folder_id": inner.json()["id"]}
    uploads = [
        await ana.post("/api/files", files={"file": ("picture.jpg", PICTURE)}),
        await ana.post("/api/files", files={"file": ("picture.jpg", NO_PICTURE)}, params=places),
        await ana.post("/api/files?name=a%20%22quoted%22%20%F0%9F%8C%8A.txt", content=b"text"),
        await ana.post("/api/files?on_conflict=replace", files={"file": ("picture.jpg", PICTURE + b"2")}),
        await ana.post("/api/files", files={"file": ("a", b"")}, headers={"Idempotency-Key": "once"}),
    ]
    batch = await ana.post("/api/files/batch", files=[("file", ("b", b"1")), ("file", ("b", b"2"))])
    pending = [await ana.get(f"/api/files/{upload.json()['id']}") for upload in uploads]
    await deliver()
    done = [await ana.get(f"/api/files/{upload.json()['id']}") for upload in uploads]
    assert {file.json()["processing"]["state"] for file in pending} == {"pending", "none"}
    assert {file.json()["processing"]["state"] for file in done} == {"done", "failed", "none"}
    assert any(file.json()["processing"]["taken_at"] for file in done)
    page = await ana.get("/api/files?limit=2")
    folders = await ana.get("/api/folders?limit=1&sort=-updated_at")
    tasks = await task_answers(ana, inner.json()["id"], uploads[0].json()["id"])
    changes = await ana.get("/api/sync", params={"since": since, "limit": 3})
    assert changes.json()["more"]
    return {
        "POST /api/files": uploads,
        "POST /api/files/batch": [batch],
        "GET /api/files/{file_id}": [*pending, *done],
        "GET /api/files": [
            page,
            await ana.get("/api/files", params={"limit": 2, "after": page.json()["next"]}),
            await ana.get("/api/files", params=places),
            await ana.get("/api/files", params={"folder_id": outer.json()["id"]}),
            *[await ana.get(f"/api/files?sort={sort}") for sort in ("-name", "updated_at", "size_bytes")],
        ],
        "POST /api/folders": [outer, inner, reused],
        "GET /api/folders": [folders, await ana.get(f"/api/folders?parent_id={outer.json()['id']}")],
        "GET /api/folders/as-of": [
            await ana.get("/api/folders/as-of?at=9999-01-01T00:00:00Z"),
            await ana.get("/api/folders/as-of?at=9999-01-01T00:00:00Z&limit=1"),
        ],
        "GET /api/folders/{folder_id}/as-of": [
            await ana.get(f"/api/folders/{outer.json()['id']}/as-of?at=9999-01-01T00:00:00Z")
        ],
        **tasks,
        "GET /api/sync": [changes, await ana.get("/api/sync"), await ana.get("/api/sync", params={"since": since})],
    }


async def answers_of_notifications(ana: Visitor, parts: Parts) -> dict[str, list[Response]]:
    """Answers over notices with everything that one may have, and with nothing of it, read and unread."""
    person = ana.person or {}
    notice = {"person_id": UUID(person["id"]), "kind": "a.b", "in_inbox": True, "mail": "none", "mail_due_at": None}
    async with parts[Database].writing() as session:
        for number, (text, path, item_id) in enumerate([("", None, None), ('Say "more"\n🌊', "/app/files", new_id())]):
            beside = {"event_seq": number, "at": datetime(2026, 1, 1 + number, tzinfo=UTC), "title": "T", "text": text}
            await session.execute(notifications.GIVE, id=new_id(), path=path, item_id=item_id, **beside, **notice)
    page = await ana.get("/api/notifications?limit=1")
    await ana.patch(f"/api/notifications/{page.json()['items'][0]['id']}", json={"is_read": True})
    return {
        "GET /api/notifications": [
            page,
            await ana.get("/api/notifications", params={"after": page.json()["next"]}),
            await ana.get("/api/notifications"),
        ],
        "GET /api/notifications/unread": [await ana.get("/api/notifications/unread")],
    }


async def task_answers(ana: Visitor, no_list_id: str, file_id: str) -> dict[str, list[Response]]:
    """Answers of the hot routes of tasks, over tasks with nothing and with everything."""
    lists = [await ana.post("/api/task-lists", json={"title": f"list {n}"}) for n in range(2)]
    full = {
        "title": 'a "quoted" \U0001f30a',
        "notes": "*text*",
        "due": {"date": "2026-06-14", "time": "09:00", "time_zone": "Europe/Vienna"},
        "start": {"date": "2026-06-14"},
        "recurrence": "FREQ=DAILY",
        "tags": ["a", "b"],
        "reminders": [{"minutes_before": 5}, {"at": "2026-06-14T09:00:00+02:00"}],
        "attachments": [{"id": file_id}],
        "list_id": lists[0].json()["id"],
    }
    made = [await ana.post("/api/tasks", json=body) for body in (full, {"title": "little", "status": "done"})]
    made.append(await ana.post("/api/tasks", json={"title": "sub", "parent_id": made[0].json()["id"]}))
    await ana.patch(f"/api/tasks/{made[0].json()['id']}", json={"status": "done"})
    saved = {"title": "f", "query": {"tag": "a", "has_due": True}}
    for _ in range(2):
        assert (await ana.post("/api/task-filters", json=saved)).is_success
    page = await ana.get("/api/tasks", params={"limit": 2})
    return {
        "POST /api/tasks": made,
        "GET /api/tasks": [
            page,
            await ana.get("/api/tasks", params={"limit": 2, "after": page.json()["next"]}),
            await ana.get("/api/tasks"),
            await ana.get("/api/tasks", params={"list_id": no_list_id}),
        ],
        "GET /api/tasks/{task_id}": [await ana.get(f"/api/tasks/{one.json()['id']}") for one in made],
        "GET /api/task-lists": [await ana.get("/api/task-lists"), await ana.get("/api/task-lists?limit=1")],
        "GET /api/task-filters": [await ana.get("/api/task-filters"), await ana.get("/api/task-filters?limit=1")],
    }


async def test_every_hot_route_answers_what_it_documents(
    ana: Visitor, apps: tuple[App, ...], parts: Parts, deliver: Callable[[], Awaitable[None]]
) -> None:
    routes, given = hot_routes(apps), await answers(ana, deliver) | await answers_of_notifications(ana, parts)
    assert given.keys() == routes.keys(), "Each hot route needs answers here."
    for name, route in routes.items():
        for answer in given[name]:
            assert_fits(route, answer)
