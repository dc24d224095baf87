"""Fixtures for sharing: files and folders as the items, one database for all of a worker's tests."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from commonplace.platform.database.session import Database
from commonplace.platform.history.kinds import Kinds
from commonplace.platform.parts import Parts
from tests.record import assert_record_is_whole
from tests.visitor import Join, Visitor

Make = Callable[..., Awaitable[str]]
Share = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
async def cara(join: Join) -> Visitor:
    return await join("cara")


@pytest.fixture
async def whole(app: Any, parts: Parts) -> AsyncIterator[None]:
    """After the test the record is whole."""
    yield
    await assert_record_is_whole(parts[Database], parts[Kinds])


@pytest.fixture
def folder() -> Make:
    """`await folder(ana, "name", parent_id)`: the id of the folder that was made."""

    async def make(visitor: Any, name: str, parent_id: str | None = None) -> str:
        answer = await visitor.post("/api/folders", json={"name": name, "parent_id": parent_id})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    return make


@pytest.fixture
def file() -> Make:
    """`await file(ana, "name", folder_id, b"…")`: the id of the file that was made."""

    async def make(visitor: Any, name: str, folder_id: str | None = None, content: bytes = b"hello") -> str:
        given = {"name": name} | ({} if folder_id is None else {"folder_id": folder_id})
        answer = await visitor.post("/api/files", params=given, content=content)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    return make


@pytest.fixture
def share() -> Share:
    """`await share(ana, item_id, ben, "edit")`: the grant that was made."""

    async def make(visitor: Any, item_id: str, to: Any, level: str = "view") -> dict[str, Any]:
        answer = await visitor.post(
            "/api/shares", json={"item_id": item_id, "person_id": to.person["id"], "level": level}
        )
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    return make
