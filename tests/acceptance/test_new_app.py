"""To add an app: write a folder, list it in the settings. This one is written here, and everything of it works."""

import sys
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent

import pytest

from commonplace.installed import APPS
from commonplace.platform.database.session import Database
from commonplace.platform.events.registry import Registry
from commonplace.platform.events.schedules import Scheduler
from commonplace.platform.parts import Parts
from tests.visitor import Visitor

pytestmark = pytest.mark.anyio

MODULES = {
    "manifest": """
        from commonplace.platform.app import App, NavigationEntry, Schedule, Subscription
        app = App(name="bells", title="Bells", api="bells.api:router", pages="bells.api:pages",
            navigation=[NavigationEntry(title="Bells", path="/app/bells", icon="bell")],
            subscriptions=[Subscription(event="bells.events:BellRung", handler="bells.handlers:hear")],
            schedules=[Schedule(name="noon", cron="0 12 * * *", handler="bells.handlers:strike")])
    """,
    "events": """
        from dataclasses import dataclass
        from typing import ClassVar
        from commonplace.platform.events.event import Event
        @dataclass(frozen=True, kw_only=True)
        class BellRung(Event):
            name: ClassVar[str] = "bell.rung"
            times: int
    """,
    "handlers": """
        heard = []
        async def hear(event, context): heard.append(event.times)
        async def strike(tick, context): heard.append(tick.schedule)
    """,
    "api": """
        from starlette.responses import HTMLResponse
        from commonplace.platform.events import log
        from commonplace.platform.http.dependencies import CurrentCaller, Writing
        from commonplace.platform.http.routing import Router
        from bells.events import BellRung
        router, pages = Router(prefix="/api/bells"), Router(prefix="/app/bells")
        @router.post("", status_code=202)
        async def ring(times: int, caller: CurrentCaller, session: Writing) -> None:
            await log.tell(session, BellRung(times=times), owner_id=caller.person_id, by=caller.person_id)
        @pages.get("")
        async def page() -> HTMLResponse: return HTMLResponse("<h1>Bells</h1>")
    """,
}


@pytest.fixture
def environ(environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    folder = tmp_path / "code" / "bells"
    folder.mkdir(parents=True)
    for name, source in MODULES.items():
        (folder / f"{name}.py").write_text(dedent(source))
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(folder.parent))
    yield environ | {"APPS": ",".join([*APPS, "bells.manifest:app"])}
    for name in [name for name in sys.modules if name.split(".")[0] == "bells"]:
        del sys.modules[name]


async def test_its_route_page_subscription_and_schedule_work(
    ana: Visitor, parts: Parts, deliver: Callable[[], Awaitable[None]]
) -> None:
    assert (await ana.post("/api/bells?times=3")).status_code == 202
    assert "Bells" in (await ana.get("/app/bells")).text
    assert "/api/bells" in (await ana.get("/openapi.json")).json()["paths"]
    await deliver()
    heard = sys.modules["bells.handlers"].heard
    assert heard == [3]

    registry = parts[Registry]
    monday, tuesday = datetime(2026, 11, 23, 12, 30, tzinfo=UTC), datetime(2026, 11, 24, 12, 0, 5, tzinfo=UTC)
    now = [monday]
    own = [named for named in registry.schedules if named.name == "bells.noon"]

    async def clock() -> datetime:
        return now[0]

    scheduler = Scheduler(parts[Database], own, clock=clock)
    await scheduler.tick()
    now[0] = tuesday
    await scheduler.tick()
    await deliver()
    assert heard == [3, "bells.noon"]
