"""An installation with one small app, without database or server: requests go to the routes themselves."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI, Request

from commonplace.platform.app import App, NavigationEntry
from commonplace.platform.http import front
from commonplace.platform.identity.caller import Caller
from commonplace.platform.identity.people import Person
from commonplace.platform.pages.render import Pages, render
from commonplace.platform.pages.static import static_routes
from commonplace.platform.pages.viewer import Viewer, zone_named
from commonplace.platform.parts import Parts

BELLS = App(
    name="bells",
    title="Bells",
    navigation=[
        NavigationEntry(title="Ringer", path="/app/ringer", icon="user", order=1, group="account"),
        NavigationEntry(title="Keys", path="/app/keys", icon="x", order=2, administrators_only=True),
        NavigationEntry(title="Bells", path="/app/bells", icon="bell"),
        NavigationEntry(title="Towers", path="/app/towers", icon="no-such-icon", group="overview"),
        NavigationEntry(title="Ropes", path="/app/ropes", icon="x", administrators_only=True),
    ],
)


@pytest.fixture
def viewer() -> Viewer:
    caller = Caller(person_id=uuid4(), session_id=uuid4(), role="user")
    person = Person(
        id=caller.person_id, name="Eva <b>Berger</b>", email="eva@example.org", time_zone="Europe/Vienna", language="de"
    )
    return Viewer(caller=caller, person=person, zone=zone_named(person.time_zone))


@pytest.fixture
async def client(viewer: Viewer) -> AsyncIterator[httpx.AsyncClient]:
    """Asks an application that answers every path under /app with a page or, by `?raise=`, with a problem."""
    parts = Parts()
    pages = Pages([BELLS])
    parts.add(pages)
    application = FastAPI()
    application.state.parts = parts

    @application.get("/app/{path:path}")  # noqa: FAST003 - any
    async def page(request: Request) -> Any:
        if name := request.query_params.get("raise"):
            raise _problems()[name]
        return render(request, "problem.html", viewer=viewer, problem=_NOTHING, home=pages.home)

    application.router.routes.extend(static_routes([BELLS]))
    asgi = front.build(application, html_problem=pages.problem)
    transport = httpx.ASGITransport(app=asgi, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as made:
        yield made
    asgi.close()


_NOTHING = {"status": 404, "title": "Not found", "detail": "There is nothing here.", "request_id": "r1"}


def _problems() -> dict[str, Exception]:
    from commonplace.platform.errors import NotAllowed, NotAuthenticated, NotFound
    from commonplace.platform.http.refusals import Overloaded

    return {
        "401": NotAuthenticated("Sign in first."),
        "403": NotAllowed("Only administrators may ring <all> bells."),
        "404": NotFound("There is no such bell."),
        "503": Overloaded("requests", 5),
        "500": RuntimeError("a bug"),
    }
