"""Whether the installation works, told quickly and to everybody."""

import asyncio
from collections.abc import Mapping
from time import monotonic
from typing import Any

import pytest
from fastapi import FastAPI

from commonplace.platform.http import front, health
from commonplace.platform.http.health import HealthCheck, HealthChecks
from commonplace.platform.parts import Parts
from tests.conftest import LogLines
from tests.platform.http.asking import Answer, ask

pytestmark = pytest.mark.anyio


async def works() -> None:
    return None


async def fails() -> None:
    raise RuntimeError("postgresql://user:secret@db.internal/cloud refused")


async def hangs() -> None:
    await asyncio.Event().wait()


async def hear(*checks: HealthCheck) -> Answer:
    app = FastAPI()
    app.state.parts = Parts()
    app.state.parts.add(HealthChecks(checks))
    app.include_router(health.router)
    return await ask(front.build(app), path="/health")


@pytest.mark.parametrize(
    ("database", "worker", "status", "state"),
    [
        (works, works, 200, "healthy"),
        (works, fails, 200, "degraded"),
        (fails, works, 503, "unhealthy"),
        (fails, fails, 503, "unhealthy"),
    ],
)
async def test_a_vital_part_decides(database, worker, status, state):
    answer = await hear(HealthCheck("database", database), HealthCheck("worker", worker, critical=False))
    assert answer.status == status
    assert answer.json["status"] == state
    assert [check["name"] for check in answer.json["checks"]] == ["database", "worker"]
    assert all(check["latency_ms"] >= 0 for check in answer.json["checks"])


async def test_reasons_are_for_the_log_only(log_lines: LogLines):
    answer = await hear(HealthCheck("database", fails))
    assert answer.json["checks"][0]["reason"] == "failed"
    assert b"db.internal" not in answer.body
    failed = [line for line in log_lines() if line["event"] == "health.check_failed"]
    assert "db.internal" in failed[0]["reason"]
    assert "secret@" not in failed[0]["reason"]


async def test_details_are_told():
    async def storage() -> Mapping[str, Any]:
        return {"free_bytes": 1_000}

    answer = await hear(HealthCheck("storage", storage))
    assert answer.json["checks"][0]["details"] == {"free_bytes": 1_000}


async def test_a_part_that_hangs_is_not_waited_for():
    begun = monotonic()
    answer = await hear(HealthCheck("database", hangs, timeout_seconds=0.05), HealthCheck("storage", works))
    assert monotonic() - begun < 1
    assert answer.status == 503
    assert answer.json["checks"][0]["reason"] == "timed out"
    assert answer.json["checks"][1]["status"] == "healthy"


async def test_a_part_that_ignores_its_timeout_is_let_go(monkeypatch):
    monkeypatch.setattr(health, "ANSWER_WITHIN_SECONDS", 0.1)
    released = asyncio.Event()

    async def stubborn() -> None:
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                continue

    answer = await hear(HealthCheck("database", stubborn, timeout_seconds=0.02))
    assert answer.json["checks"][0]["reason"] == "timed out"
    released.set()


async def test_many_who_ask_at_once_are_one_question():
    asked = []

    async def database() -> None:
        asked.append(True)
        await asyncio.sleep(0)

    checks = HealthChecks([HealthCheck("database", database)])
    reports = await asyncio.gather(*(checks.report() for _ in range(20)))
    assert len(asked) == 1
    assert len({id(report) for report in reports}) == 1
    await checks.report()
    assert len(asked) == 1


async def test_who_leaves_early_takes_the_answer_from_nobody():
    gate = asyncio.Event()

    async def database() -> None:
        await gate.wait()

    checks = HealthChecks([HealthCheck("database", database)])
    first, second = asyncio.create_task(checks.report()), asyncio.create_task(checks.report())
    await asyncio.sleep(0)
    first.cancel()
    gate.set()
    assert (await second).status == "healthy"


async def test_a_change_is_logged_once(monkeypatch, log_lines: LogLines):
    monkeypatch.setattr(health, "SHARED_FOR_SECONDS", 0.0)
    outcomes = [fails, fails, works, works]

    async def database() -> None:
        await outcomes.pop(0)()

    checks = HealthChecks()
    checks.add(HealthCheck("database", database))
    for _ in range(4):
        await checks.report()
    changes = [line["event"] for line in log_lines() if line["event"].startswith("health.part")]
    assert changes == ["health.part_ill", "health.part_well"]


async def test_liveness_asks_nobody():
    app = FastAPI()
    app.include_router(health.router)
    answer = await ask(front.build(app), path="/health/live")
    assert (answer.status, answer.json) == (200, {"status": "alive"})


async def test_liveness_is_not_logged(log_lines: LogLines):
    app = FastAPI()
    app.include_router(health.router)
    await ask(front.build(app), path="/health/live")
    assert log_lines() == []
