"""Paths that requirements fix lead to the canonical routes."""

from typing import Any

import pytest
from fastapi import FastAPI
from starlette.types import Scope

from commonplace.platform.app import Alias
from commonplace.platform.http import front, openapi
from commonplace.platform.http.aliases import Aliases
from tests.platform.http.asking import ask, request_scope

pytestmark = pytest.mark.anyio

TABLE = [
    Alias(path="/auth", canonical="/api/auth"),
    Alias(path="/tasks", canonical="/api/tasks"),
    Alias(path="/tasks/old", canonical="/api/archive"),
]


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        ("/auth", "/api/auth"),
        ("/auth/login", "/api/auth/login"),
        ("/auth/", "/api/auth/"),
        ("/authority", "/authority"),
        ("/api/auth/login", "/api/auth/login"),
        ("/tasks/7", "/api/tasks/7"),
        ("/tasks/old/7", "/api/archive/7"),
        ("/tasks/older", "/api/tasks/older"),
        ("/", "/"),
        ("", ""),
    ],
)
def test_a_prefix_of_whole_segments_is_rewritten(path, canonical):
    scope: Scope = request_scope(path=path)
    Aliases(TABLE).rewrite(scope)
    assert scope["path"] == canonical
    assert scope["raw_path"] == canonical.encode()


def make_app() -> FastAPI:
    app = FastAPI()

    @app.post("/api/auth/login")
    async def login() -> str:
        return "in"

    @app.get("/api/auth/broken")
    async def broken() -> None:
        raise KeyError

    return app


@pytest.mark.usefixtures("log_lines")
async def test_the_client_sees_nothing_of_it():
    app = front.build(make_app(), aliases=TABLE)
    assert (await ask(app, "POST", "/auth/login")).json == "in"
    assert (await ask(app, "POST", "/api/auth/login")).json == "in"
    assert (await ask(app, path="/auth/broken")).json["instance"] == "/auth/broken"


def test_openapi_lists_them():
    app = make_app()
    openapi.install(app, aliases=TABLE)
    paths: dict[str, Any] = app.openapi()["paths"]
    assert paths["/auth/login"]["post"]["x-alias-of"] == "/api/auth/login"
    assert paths["/auth/login"]["post"]["responses"] == paths["/api/auth/login"]["post"]["responses"]
    ids = [operation["operationId"] for item in paths.values() for operation in item.values()]
    assert len(ids) == len(set(ids))
