"""A commit that fails: the answer is 500, and nothing of the request is there, in the database or on the disk."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import text

from commonplace.platform.database.session import Database
from commonplace.platform.parts import Parts
from commonplace.platform.storage.protocol import ObjectStorage
from tests.conftest import LogLines
from tests.visitor import PASSWORD, Visitor

pytestmark = pytest.mark.anyio

CONTENT = bytes(range(256)) * 1024
_REFUSE = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'refused at the commit'; END $$
"""
#: Checked when the transaction commits, and not before: every statement in it succeeds.
_AT_COMMIT = """
    CREATE CONSTRAINT TRIGGER refusing AFTER INSERT OR UPDATE OR DELETE ON platform.item
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()
"""


@asynccontextmanager
async def commits_failing(database: Database) -> AsyncIterator[None]:
    async with database.writing() as session:
        for statement in (_REFUSE, _AT_COMMIT):
            await session.execute(text(statement))
    try:
        yield
    finally:
        async with database.writing() as session:
            await session.execute(text("DROP FUNCTION refuse() CASCADE"))


async def everything(database: Database, storage: ObjectStorage) -> dict[str, Any]:
    """What is in every table, in numbers and versions, and which bytes are stored."""
    counted = ("platform.version", "platform.event", "platform.object", "platform.idempotency", "files.file")
    async with database.reading() as session:
        items = await session.all(text("SELECT id, version, title, trashed_at FROM platform.item ORDER BY id"))
        counts = {table: await session.scalar(text(f"SELECT count(*) FROM {table}")) for table in counted}
    stored = sorted([found.key async for found in storage.list()])
    return {"items": [tuple(row) for row in items], "stored": stored, **counts}


async def test_is_answered_500_and_leaves_nothing(
    ana: Visitor, database: Database, parts: Parts, log_lines: LogLines
) -> None:
    kept = (await ana.post("/api/files", files={"file": ("kept.txt", b"kept")})).json()
    gone = (await ana.post("/api/files", files={"file": ("gone.txt", b"gone")})).json()
    folder = (await ana.post("/api/folders", json={"name": "folder"})).json()
    await ana.delete(f"/api/files/{gone['id']}")
    path, folder_path = f"/api/files/{kept['id']}", f"/api/folders/{folder['id']}"
    changes: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/api/files", {"files": {"file": ("small.txt", b"small")}}),
        ("POST", "/api/files", {"files": {"file": ("kept.txt", b"beside it")}}),
        ("POST", "/api/files?name=large.bin", {"content": CONTENT}),
        ("POST", "/api/files?name=kept.txt&on_conflict=replace", {"content": CONTENT}),
        ("POST", "/api/files/batch", {"files": [("file", ("1", b"1")), ("file", ("2", b"2"))]}),
        ("POST", "/api/folders", {"json": {"name": "new"}}),
        ("PUT", f"{path}/content", {"content": CONTENT}),
        ("PATCH", path, {"json": {"name": "renamed"}}),
        ("POST", f"/api/files/{gone['id']}/restore", {}),
        ("DELETE", path, {}),
        ("PATCH", folder_path, {"json": {"name": "renamed"}}),
        ("DELETE", folder_path, {}),
        ("PUT", "/auth/profile", {"json": {"name": "Somebody Else"}}),
        ("POST", "/auth/register", {"json": {"email": "c@example.org", "password": PASSWORD, "name": "C"}}),
    ]
    before = await everything(database, parts[ObjectStorage])
    async with commits_failing(database):
        for with_key in (False, True):
            for number, (method, url, body) in enumerate(changes):
                headers = {"Idempotency-Key": str(number)} if with_key else {}
                answer = await ana.request(method, url, headers=headers, **body)
                assert answer.status_code == 500, (method, url, answer.text)
                assert answer.json()["type"] == "/problems/internal-error"
                assert answer.json()["request_id"] == answer.headers["x-request-id"]
                assert "refused" not in answer.text, "the reason is for the log"
                failed = [line for line in log_lines() if line["event"] == "request.failed"][-1]
                assert "refused at the commit" in failed["exception"]
                assert failed["correlation_id"] == answer.json()["request_id"]
    assert await everything(database, parts[ObjectStorage]) == before
    for number, (method, url, body) in enumerate(changes):
        answer = await ana.request(method, url, headers={"Idempotency-Key": str(number)}, **body)
        assert answer.is_success, (method, url, answer.text)
        assert "idempotent-replayed" not in answer.headers
