"""Fixtures for tasks: making them in one call, and a look at the record after each test."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database
from commonplace.platform.history.kinds import Kinds
from commonplace.platform.parts import Parts
from tests.record import assert_record_is_whole

Make = Callable[..., Awaitable[dict[str, Any]]]
Told = Callable[[], Awaitable[Sequence[Any]]]


@pytest.fixture
async def whole(app: Any, parts: Parts) -> AsyncIterator[None]:
    """After the test: the record is whole, and each task is found by its words."""
    yield
    await assert_record_is_whole(parts[Database], parts[Kinds])
    async with parts[Database].reading() as session:
        wrong = await session.all(
            Query(
                text("""
                SELECT task.id FROM tasks.task JOIN platform.item USING (id) LEFT JOIN tasks.search USING (id)
                WHERE search.words IS DISTINCT FROM
                    setweight(to_tsvector('simple', item.title), 'A') || to_tsvector('simple', task.notes)
                """)
            )
        )
    assert not wrong


@pytest.fixture
def make() -> Make:
    """`await make(ana, "pay the rent", due=…)`: the task that was made."""

    async def send(visitor: Any, title: str = "a task", **fields: Any) -> dict[str, Any]:
        answer = await visitor.post("/api/tasks", json={"title": title, **fields})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    return send


@pytest.fixture
def make_list() -> Make:
    """`await make_list(ana, "home")`: the list that was made."""

    async def send(visitor: Any, title: str = "home", **fields: Any) -> dict[str, Any]:
        answer = await visitor.post("/api/task-lists", json={"title": title, **fields})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    return send


@pytest.fixture
def told(parts: Parts) -> Told:
    """What tasks has told so far, in order: rows with name, item_id, version, by and payload."""

    async def find() -> Sequence[Any]:
        async with parts[Database].reading() as session:
            return await session.all(
                Query(
                    text("""
                    SELECT name, item_id, version, by, payload FROM platform.event WHERE name LIKE 'task%'
                    ORDER BY epoch, xid, seq
                    """)
                )
            )

    return find
