"""Being told of what is shared: the first kind of notice, told by the platform for all apps."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.apps.notifications.conftest import Sent
from tests.visitor import Visitor

pytestmark = pytest.mark.anyio
Deliver = Callable[[], Awaitable[None]]


async def make_folder(visitor: Visitor, name: str) -> str:
    return str((await visitor.post("/api/folders", json={"name": name})).json()["id"])


async def share(visitor: Visitor, item_id: str, level: str, **person: Any) -> str:
    answer = await visitor.post("/api/shares", json={"item_id": item_id, "level": level, **person})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def inbox(visitor: Visitor) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await visitor.get("/api/notifications")).json()["items"]
    return items


async def test_who_was_given_access_is_told_where_it_is(
    ana: Visitor, ben: Visitor, join: Any, deliver: Deliver, sent: Sent
) -> None:
    cara = await join("cara")
    folder_id = await make_folder(ana, "Dorset")
    await share(ana, folder_id, "view", person_id=(ben.person or {})["id"])
    await share(ana, folder_id, "edit", email="cara@example.org")
    await share(ana, folder_id, "edit", email="nobody@example.org")
    await deliver()
    for visitor, text in ((ben, "You can read it."), (cara, "You can change it.")):
        (notice,) = await inbox(visitor)
        assert (notice["kind"], notice["title"]) == ("platform.shared", "Ana shared “Dorset” with you")
        assert (notice["text"], notice["item_id"]) == (text, folder_id)
        assert (await visitor.get(notice["path"])).status_code == 200, "it leads to where the folder is shown"
    assert await inbox(ana) == []
    assert {message["To"] for message in sent()} == {"ben@example.org", "cara@example.org"}


async def test_what_was_taken_back_meanwhile_is_not_told(ana: Visitor, ben: Visitor, deliver: Deliver) -> None:
    folder_id = await make_folder(ana, "Dorset")
    grant_id = await share(ana, folder_id, "view", person_id=(ben.person or {})["id"])
    assert (await ana.delete(f"/api/shares/{grant_id}")).status_code == 204
    trashed_id = await make_folder(ana, "Wales")
    await share(ana, trashed_id, "view", person_id=(ben.person or {})["id"])
    assert (await ana.delete(f"/api/folders/{trashed_id}")).status_code == 204
    await deliver()
    assert await inbox(ben) == []
