"""Whether the installation works: `/health` asks its parts, `/health/live` only says that this process answers.

`/health` is healthy (200), degraded (200: something that is not vital fails) or unhealthy (503). It answers within two
seconds whatever the parts do, and tells the world no more than names, states and latencies; reasons go to the log.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from time import monotonic
from typing import Any, Final, Literal

import msgspec
import structlog
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from commonplace.platform.parts import Parts

ANSWER_WITHIN_SECONDS: Final = 1.9
SHARED_FOR_SECONDS: Final = 1.0  #: one answer serves everybody who asks within this time

Details = Mapping[str, str | int | float | bool]
State = Literal["healthy", "degraded", "unhealthy"]

log = structlog.get_logger()
router = APIRouter(tags=["health"])


@dataclass(frozen=True)
class HealthCheck:
    """How to ask one part whether it works."""

    name: str
    check: Callable[[], Awaitable[Details | None]]  #: raises when it does not; what it returns is shown to everybody
    critical: bool = True  #: without it the installation cannot do its work: unhealthy rather than degraded
    timeout_seconds: float = 1.5


class CheckReport(BaseModel):
    """What one part said."""

    name: str
    status: Literal["healthy", "unhealthy"]
    latency_ms: float = Field(description="How long the answer took, in milliseconds.")
    reason: Literal["failed", "timed out"] | None = Field(default=None, description="Why it is unhealthy.")
    details: dict[str, str | int | float | bool] | None = None


class HealthReport(BaseModel):
    """What all parts said."""

    status: State
    checks: list[CheckReport]


class Liveness(BaseModel):
    """This process answers."""

    status: Literal["alive"]


class HealthChecks:
    """The checks of this process (a part), and their latest outcome."""

    def __init__(self, checks: Iterable[HealthCheck] = ()) -> None:
        self._checks = list(checks)
        self._running: asyncio.Task[HealthReport] | None = None
        self._latest: HealthReport | None = None
        self._latest_at = 0.0
        self._ill: set[str] = set()

    def add(self, check: HealthCheck) -> None:
        """Ask one more part."""
        self._checks.append(check)

    async def report(self) -> HealthReport:
        """How all parts are; at most `SHARED_FOR_SECONDS` old, within `ANSWER_WITHIN_SECONDS`."""
        if self._latest is not None and monotonic() - self._latest_at < SHARED_FOR_SECONDS:
            return self._latest
        running = self._running
        if running is None or running.done() or running.get_loop() is not asyncio.get_running_loop():
            running = self._running = asyncio.create_task(self._ask_all())
        return await asyncio.shield(running)  # whoever asked first may leave: the others wait on

    async def _ask_all(self) -> HealthReport:
        begun = monotonic()
        tasks = {asyncio.create_task(self._ask(check)): check for check in self._checks}
        if tasks:
            await asyncio.wait(tasks, timeout=ANSWER_WITHIN_SECONDS)
        reports = []
        is_critical = False
        for task, check in tasks.items():
            if task.done():
                report = task.result()
            else:  # it ignores its own timeout: let it go, and do not wait for it
                task.cancel()
                report = _ill(check, begun, "timed out")
            reports.append(report)
            is_critical = is_critical or (check.critical and report.status == "unhealthy")
            self._tell_change(check, report)
        is_whole = all(report.status == "healthy" for report in reports)
        status: State = "unhealthy" if is_critical else "healthy" if is_whole else "degraded"
        self._latest, self._latest_at = HealthReport(status=status, checks=reports), monotonic()
        return self._latest

    async def _ask(self, check: HealthCheck) -> CheckReport:
        begun = monotonic()
        try:
            async with asyncio.timeout(check.timeout_seconds):
                details = await check.check()
        except TimeoutError:
            return _ill(check, begun, "timed out")
        except Exception as error:  # noqa: BLE001 - whatever a part raises means that it does not work
            log.info("health.check_failed", check=check.name, reason=repr(error))
            return _ill(check, begun, "failed")
        return CheckReport(
            name=check.name, status="healthy", latency_ms=_since(begun), details=dict(details) if details else None
        )

    def _tell_change(self, check: HealthCheck, report: CheckReport) -> None:
        is_ill = report.status == "unhealthy"
        if is_ill == (check.name in self._ill):
            return
        if is_ill:
            self._ill.add(check.name)
            log.warning("health.part_ill", part=check.name, reason=report.reason)
        else:
            self._ill.discard(check.name)
            log.info("health.part_well", part=check.name)


def _ill(check: HealthCheck, begun: float, reason: Literal["failed", "timed out"]) -> CheckReport:
    return CheckReport(name=check.name, status="unhealthy", latency_ms=_since(begun), reason=reason)


def _since(begun: float) -> float:
    return round((monotonic() - begun) * 1000, 2)


_UNHEALTHY: dict[int | str, dict[str, Any]] = {
    503: {"description": "A vital part does not work.", "model": HealthReport}
}


@router.get("/health", response_model=HealthReport, responses=_UNHEALTHY, summary="Whether the installation works")
async def health(request: Request) -> Response:
    """Ask database, storage and workers; 503 when a vital one of them does not answer."""
    parts: Parts = request.app.state.parts
    report = await parts[HealthChecks].report()
    return Response(
        report.model_dump_json(exclude_none=True),
        status_code=HTTPStatus.SERVICE_UNAVAILABLE if report.status == "unhealthy" else HTTPStatus.OK,
        media_type="application/json",
    )


_ALIVE = Response(msgspec.json.encode({"status": "alive"}), media_type="application/json")


@router.get("/health/live", response_model=Liveness, summary="Whether this process answers")
async def live() -> Response:
    """Ask nothing, answer at once: for whoever restarts processes that hang."""
    return _ALIVE
