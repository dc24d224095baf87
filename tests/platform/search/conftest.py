"""Fixtures for search: things to find, and asking for them."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

Make = Callable[..., Awaitable[str]]
Titles = Callable[..., Awaitable[list[str]]]


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
def task() -> Make:
    """`await task(ana, title="…", notes="…")`: the id of the task that was made."""

    async def make(visitor: Any, **given: Any) -> str:
        answer = await visitor.post("/api/tasks", json=given)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    return make


@pytest.fixture
def titles() -> Titles:
    """`await titles(ana, "query", sort="name")`: the titles of what was found, the best first."""

    async def ask(visitor: Any, q: str, **parameters: Any) -> list[str]:
        answer = await visitor.get("/api/search", params={"q": q, **parameters})
        assert answer.status_code == 200, answer.text
        return [item["title"]["text"] for item in answer.json()["items"]]

    return ask
