"""A thousand open connections on a pool of ten."""

import asyncio
from collections.abc import Callable

import pytest

from benchmarks.connections import CONNECTIONS, TARGET_MS, read_with_many
from tests.acceptance.served import Served


@pytest.mark.long
def test_a_thousand_people_read_without_an_error(installation: Callable[..., Served]) -> None:
    served = installation(WEB_WORKERS="2", DATABASE__POOL_SIZE="5").start()
    ana = served.join("ana")
    task = ana.post("/api/tasks", json={"title": "Pay the rent"}).json()
    headers = {"Authorization": ana.headers["Authorization"]}
    answers, p95_ms = asyncio.run(read_with_many(served.url, f"/api/tasks/{task['id']}", headers))
    assert set(answers) == {"200"}, answers
    assert answers.total() >= 2 * CONNECTIONS
    assert p95_ms < TARGET_MS
