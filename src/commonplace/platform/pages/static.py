"""Serves static files to browsers."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from commonplace.platform.app import App
from commonplace.platform.errors import NotFound
from commonplace.platform.http.problems import MethodNotAllowed
from commonplace.platform.pages.assets import Assets, assets_of

_FOR_EVER: Final = "public, max-age=31536000, immutable"


class StaticFileNotFound(NotFound):
    """There is no static file of this name."""

    def __init__(self) -> None:
        super().__init__("There is no static file at this path. Load the page again for the present addresses.")


class StaticFiles:
    """An ASGI application for `/static/<digest>/<name>`.

    A digest of another release gets the present file, which may not be kept: a page that was open during an upgrade
    still finds its fonts and pictures.
    """

    def __init__(self, assets: Assets) -> None:
        self._assets = assets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._respond(scope)(scope, receive, send)

    def _respond(self, scope: Scope) -> Response:
        if scope["method"] != "GET":
            raise MethodNotAllowed(scope["method"], "GET, HEAD")
        digest, _, name = scope["path"].removeprefix(scope.get("root_path", "")).removeprefix("/").partition("/")
        asset = self._assets.by_name.get(name)
        if asset is None:
            raise StaticFileNotFound
        is_current = digest == self._assets.digest
        etag = f'"{self._assets.digest}"'
        sent = Headers(scope=scope)
        headers = {"Cache-Control": _FOR_EVER if is_current else "no-cache", "ETag": etag, "Vary": "Accept-Encoding"}
        if sent.get("if-none-match") == etag:
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        body = asset.compressed if "gzip" in sent.get("accept-encoding", "") else None
        if body is not None:
            headers["Content-Encoding"] = "gzip"
        return Response(asset.content if body is None else body, headers=headers, media_type=asset.media_type)


def static_routes(apps: Sequence[App]) -> list[Mount | Route]:
    """The routes for the static files of the platform and of `apps`."""
    return [Mount("/static", app=StaticFiles(assets_of(tuple(apps))), name="static")]
