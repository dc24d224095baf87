"""One trace: the request, its statements, and the jobs that followed it."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from commonplace import application
from commonplace.platform.app import App
from commonplace.platform.parts import Parts
from commonplace.platform.telemetry import tracing
from commonplace.settings import Settings
from tests.platform.media import pictures
from tests.platform.telemetry.recorded import Recorded, facts, trace_id
from tests.visitor import Visitor

pytestmark = pytest.mark.anyio


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    recorded = Recorded()
    monkeypatch.setattr(tracing, "configure", lambda *_settings, **_role: recorded.tracing)
    return recorded


@pytest.fixture
def parts(settings: Settings, apps: tuple[App, ...], recorded: Recorded) -> Parts:
    address = settings.database_address
    assert address is not None
    return application.compose(settings, address, apps)


async def test_an_upload_its_statements_and_its_jobs_are_one_trace(
    ana: Visitor, recorded: Recorded, deliver: Callable[[], Awaitable[None]]
) -> None:
    answer = await ana.http.post("/api/files", files={"file": ("secret-plan.png", pictures.png(8, 8))})
    assert answer.status_code == 201
    await deliver()
    steps: list[Any] = [span for span in recorded.spans if trace_id(span) == answer.headers["X-Request-Id"]]
    names = [span.name for span in steps]
    assert "POST /api/files" in names
    assert any(name.startswith("process ") for name in names)
    ids = {span.context.span_id: span.name for span in steps}
    statements = [span for span in steps if "db.system.name" in facts(span)]
    parents = {ids[span.parent.span_id].partition(" ")[0] for span in statements}
    assert parents == {"POST", "process"}
    assert "secret-plan" not in "".join(span.to_json() for span in statements)
