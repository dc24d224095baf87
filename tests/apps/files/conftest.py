"""Fixtures for files: uploading in one call, what is in the storage, and a look at the record after each test."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database
from commonplace.platform.history.kinds import Kinds
from commonplace.platform.parts import Parts
from commonplace.platform.storage.protocol import ObjectStorage
from tests.record import assert_record_is_whole

Upload = Callable[..., Awaitable[dict[str, Any]]]
MakeFolder = Callable[..., Awaitable[dict[str, Any]]]
StoredKeys = Callable[[], Awaitable[Sequence[str]]]
Told = Callable[[], Awaitable[Sequence[str]]]
_NAMING_KEYS = ("platform.object", "files.rendition", "files.form", "files.upload_part")


@pytest.fixture
async def whole(app: Any, parts: Parts) -> AsyncIterator[None]:
    """After the test: the record is whole, and every stored object has its row, and every row its object."""
    yield
    await assert_record_is_whole(parts[Database], parts[Kinds])
    stored = {info.key async for info in parts[ObjectStorage].list()}
    async with parts[Database].reading() as session:
        rows = await session.all(Query(text(" UNION ".join(f"SELECT key FROM {table}" for table in _NAMING_KEYS))))
    assert stored == {row.key for row in rows}


@pytest.fixture
def upload() -> Upload:
    """`await upload(ana, "a.txt", b"…", folder_id=…)`: the file that was made."""

    async def send(visitor: Any, name: str = "a.txt", content: bytes = b"hello", **params: Any) -> dict[str, Any]:
        given = {key: str(value) for key, value in params.items() if value is not None}
        answer = await visitor.post("/api/files", params={"name": name, **given}, content=content)
        assert answer.status_code in {200, 201}, answer.text
        made: dict[str, Any] = answer.json()
        return made

    return send


@pytest.fixture
def make_folder() -> MakeFolder:
    """`await make_folder(ana, "photos", parent_id=…)`: the folder that was made."""

    async def send(visitor: Any, name: str = "photos", parent_id: str | None = None) -> dict[str, Any]:
        answer = await visitor.post("/api/folders", json={"name": name, "parent_id": parent_id})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    return send


@pytest.fixture
def stored_keys(parts: Parts) -> StoredKeys:
    """The keys of everything in the storage."""

    async def find() -> Sequence[str]:
        return [info.key async for info in parts[ObjectStorage].list()]

    return find


@pytest.fixture
def told(parts: Parts) -> Told:
    """The names of all events so far, in their order."""

    async def find() -> Sequence[str]:
        async with parts[Database].reading() as session:
            rows = await session.all(
                Query(
                    text("SELECT name FROM platform.event WHERE name ~ '^(file|folder|item)' ORDER BY epoch, xid, seq")
                )
            )
        return [row.name for row in rows]

    return find
