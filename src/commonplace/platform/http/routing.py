"""Routes that run inside a unit of work, and the short way for hot ones.

`Router` is FastAPI's with two differences. Every route runs in a `Unit` whose transaction is committed between building
the response and sending it. And `hot` makes a route that is documented like any other, but found without walking
through all routes and called without FastAPI's dependency solving: a point read through it costs about a third.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from commonplace.platform.http import idempotency
from commonplace.platform.http.arguments import Handle, shortly
from commonplace.platform.http.unit import Unit
from commonplace.platform.identity.requests import caller_if_any
from commonplace.platform.parts import Parts

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Route(APIRoute):
    """A route in a unit of work; unsafe methods heed `Idempotency-Key`."""

    def get_route_handler(self) -> Handle:
        """FastAPI's handler, with the unit of work around it."""
        return _in_a_unit(super().get_route_handler(), self.endpoint)


class HotRoute(APIRoute):
    """A `Route` without FastAPI's dependency solving; see `arguments` for what it may take.

    It returns a `Response` with ready bytes, and `response_model` documents them.
    """

    def get_route_handler(self) -> Handle:
        """The endpoint, called with its parameters, with the unit of work around it."""
        return _in_a_unit(shortly(self.endpoint, self.dependant), self.endpoint)


def _in_a_unit(inner: Handle, endpoint: Callable[..., Any]) -> Handle:
    is_streaming = bool(getattr(endpoint, "takes_a_stream", False))
    is_secret = bool(getattr(endpoint, "answers_a_secret", False))

    async def handle(request: Request) -> Response:
        parts: Parts = request.app.state.parts
        unit = Unit(parts)
        request.scope["commonplace.unit"] = unit
        if is_secret or request.method in _SAFE or "idempotency-key" not in request.headers:
            return await _run(unit, inner, request, None)
        attempt = await _attempt(parts, request, is_streaming=is_streaming)
        if attempt is not None and attempt.is_repetition and not is_streaming:
            return attempt.replay()
        return await _run(unit, inner, request, attempt)

    return handle


def takes_a_stream(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """Mark an endpoint that reads its body itself, chunk by chunk.

    With an `Idempotency-Key` it sets `attempt_of(request).fingerprint` at the end, and returns `attempt.replay()` when
    the attempt `is_repetition`.
    """
    endpoint.takes_a_stream = True  # type: ignore[attr-defined]
    return endpoint


def answers_a_secret(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """Mark an endpoint whose answer holds a secret that is told once: with `Idempotency-Key` it would be stored."""
    endpoint.answers_a_secret = True  # type: ignore[attr-defined]
    return endpoint


async def _attempt(parts: Parts, request: Request, *, is_streaming: bool) -> idempotency.Attempt | None:
    key = idempotency.key_of(request)
    caller = await caller_if_any(request)
    if key is None or caller is None:  # without a caller a key belongs to nobody
        return None
    attempt = idempotency.Attempt(parts, caller.person_id, key, f"{request.method} {request.scope['path']}")
    if not is_streaming:
        attempt.fingerprint = await idempotency.fingerprint_of(request)
    await attempt.claim()
    idempotency.remember(request, attempt)
    return attempt


async def _run(unit: Unit, inner: Handle, request: Request, attempt: idempotency.Attempt | None) -> Response:
    is_new = attempt is not None and not attempt.is_repetition
    try:
        response = await inner(request)
        if attempt is not None and is_new:
            await attempt.finish(await unit.writing(), response)
        await unit.commit()
    except BaseException:
        await unit.rollback()
        if attempt is not None and is_new:
            await attempt.give_up()
        raise
    return response


class Router(APIRouter):
    """The router of an app: routes in a unit of work, hot ones by `hot`."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("route_class", Route)
        super().__init__(**options)

    def hot(
        self, path: str, *, methods: Sequence[str], **options: Any
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Declare a route that takes the short way; see `HotRoute`."""

        def declare(endpoint: Callable[..., Any]) -> Callable[..., Any]:
            self.add_api_route(path, endpoint, methods=list(methods), route_class_override=HotRoute, **options)
            return endpoint

        return declare

    def hot_get(self, path: str, **options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """`hot`, for a read."""
        return self.hot(path, methods=["GET"], **options)

    def hot_post(self, path: str, **options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """`hot`, for something that is made."""
        return self.hot(path, methods=["POST"], **options)


class HotLane:
    """Finds the hot routes by their path before the router does, and hands everything else on to it."""

    def __init__(self, app: ASGIApp, routes: Iterable[Any], *, state_of: Any) -> None:
        self._app = app
        self._state_of = state_of
        self._by_shape: dict[tuple[str, str, int], list[tuple[re.Pattern[str], str, Handle]]] = {}
        for route in routes:
            if isinstance(route, HotRoute):
                segments = route.path_format.split("/")
                entry = (route.path_regex, route.path_format, route.get_route_handler())
                for method in route.methods or ():
                    self._by_shape.setdefault((method, segments[2], len(segments)), []).append(entry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http":
            path = scope["path"]
            segments = path.split("/", 8)
            for pattern, template, handle in self._by_shape.get(
                (scope["method"], _second(segments), len(segments)), ()
            ):
                match = pattern.match(path)
                if match is not None:
                    scope["path_params"] = match.groupdict()
                    scope["commonplace.route"] = template
                    scope["app"] = self._state_of
                    response = await handle(Request(scope, receive, send))
                    await response(scope, receive, send)
                    return
        await self._app(scope, receive, send)


def _second(segments: list[str]) -> str:
    return segments[2] if len(segments) > 2 else ""  # noqa: PLR2004 - "", "api", and the app's name
