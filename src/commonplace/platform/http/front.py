"""The front of the application: everything that happens to each request before and after its route, in one pass.

Outermost first: id and client address → host → sizes → alias → preflight → cross-site → requests at once → limits of
requests in a time → body length → deadline → the application. On the way back: problems for whatever was raised,
security and CORS headers and the request id, then metrics, trace and log. One object does it, since each layer of
middleware costs a call and a wrapped `send` more; the whole takes about 20 µs. What each duty is stands in a module
of its own.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path

import structlog
from fastapi import FastAPI
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from commonplace.platform.app import Alias
from commonplace.platform.cancellation import is_being_cancelled
from commonplace.platform.http import problems
from commonplace.platform.http.accounting import Accounting
from commonplace.platform.http.admission import Admission
from commonplace.platform.http.aliases import Aliases
from commonplace.platform.http.context import RequestContext, TrustedProxies, attach, route_of
from commonplace.platform.http.cors import Cors
from commonplace.platform.http.deadlines import Deadlines
from commonplace.platform.http.exchange import CLIENT_GONE, Exchange
from commonplace.platform.http.hosts import AllowedHosts
from commonplace.platform.http.limits import InFlight, RequestLimits
from commonplace.platform.http.refusals import BodyTooSlow, TookTooLong
from commonplace.platform.http.security_headers import SecurityHeaders
from commonplace.platform.http.settings import CorsSettings, HttpSettings, LimitsSettings
from commonplace.platform.http.shared_rates import SharedRates
from commonplace.platform.http.websocket_door import WebSocketDoor
from commonplace.platform.telemetry import logs
from commonplace.platform.telemetry.access_log import AccessLog
from commonplace.platform.telemetry.correlation import correlation_id
from commonplace.platform.telemetry.metrics import Metrics
from commonplace.platform.telemetry.redaction import redacted_path
from commonplace.platform.telemetry.tracing import Tracing

IsStream = Callable[[str, str], bool]
"""Whether (method, canonical path) streams its body or its answer: no body limit, no deadline, counted apart."""

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_FIRST_SERVER_ERROR = 500

log = structlog.get_logger()


def build(
    app: ASGIApp,
    *,
    http: HttpSettings | None = None,
    limits: LimitsSettings | None = None,
    cors: CorsSettings | None = None,
    production: bool = False,
    bound_host: str = "127.0.0.1",
    aliases: Sequence[Alias] = (),
    is_stream: IsStream | None = None,
    takes_cross_site: Callable[[str, str], bool] | None = None,
    html_problem: problems.HtmlProblem | None = None,
    metrics: Metrics | None = None,
    tracing: Tracing | None = None,
    run_directory: Path | None = None,
    rates: SharedRates | None = None,
    access_log: AccessLog | None = None,
    lane: Callable[[ASGIApp], ASGIApp] | None = None,
    session_cookie: str = "commonplace_session",
) -> "Front":
    """Put `app` behind a `Front`.

    A FastAPI application is called without its own middlewares (`lean`). Outside production this machine's own
    requests are not counted against the limits in a time. `run_directory` is where processes share counts; None: each
    counts alone. `rates` is what other machines counted.
    `takes_cross_site`: which (method, path) another site's page may make a browser send, since nothing changes by it.
    `lane` wraps the routes, inside of everything else: a short way for some of them. `access_log`: the process's own,
    as `logs.configure` made it, unless another is given.
    """
    http, limits, cors = http or HttpSettings(), limits or LimitsSettings(), cors or CorsSettings()
    in_flight = InFlight(limits)
    requests = RequestLimits(limits, exempt_loopback=not production, directory=run_directory, rates=rates)
    routes = lean(app) if isinstance(app, FastAPI) else app
    return Front(
        lane(routes) if lane else routes,
        proxies=TrustedProxies(http.trusted_proxies),
        admission=Admission(
            hosts=AllowedHosts(http.allowed_hosts, bound_host),
            aliases=Aliases(aliases),
            cors=Cors(cors),
            settings=limits,
            requests=requests,
            in_flight=in_flight,
            is_stream=is_stream or (lambda _method, _path: False),
            takes_cross_site=takes_cross_site or (lambda _method, _path: False),
            session_cookie=session_cookie.encode(),
        ),
        deadlines=Deadlines(limits.request_seconds),
        security=SecurityHeaders(strict_transport_seconds=http.strict_transport_seconds if production else 0),
        accounting=Accounting(metrics or Metrics(), access_log or logs.access_log(), in_flight),
        tracing=tracing or Tracing(),
        html_problem=html_problem or (lambda _scope, _document: None),
    )


def lean(app: FastAPI) -> ASGIApp:
    """`app` without the middlewares for errors and telemetry that it builds for itself: `Front` does their work.

    What closes an upload's temporary files stays. Start and stop go to `app` as usual. Where a path has other methods
    only, the answer names all of them; Starlette knows those of the first route.
    """
    routes = AsyncExitStackMiddleware(app.router)

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
        else:
            scope["app"] = app
            try:
                await routes(scope, receive, send)
            except HTTPException as error:
                if error.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
                    raise
                allowed = ", ".join(_methods(app, scope["path"]))
                raise HTTPException(error.status_code, headers={"Allow": allowed}) from error

    return call


def _methods(app: FastAPI, path: str) -> list[str]:
    """The methods that `path` takes."""
    found = []
    for method in METHODS:
        probe = {"type": "http", "method": method, "path": path, "root_path": "", "headers": []}
        if any(route.matches({**probe})[0] is Match.FULL for route in app.routes):
            found += [method, "HEAD"] if method == "GET" else [method]
    return found


class Front:
    """The ASGI application that servers are given. `build` makes one from settings."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        proxies: TrustedProxies,
        admission: Admission,
        deadlines: Deadlines,
        security: SecurityHeaders,
        accounting: Accounting,
        tracing: Tracing,
        html_problem: problems.HtmlProblem,
    ) -> None:
        self._app = app
        self._proxies = proxies
        self._admission = admission
        self._deadlines = deadlines
        self._security = security
        self._accounting = accounting
        self._tracing = tracing
        self._html_problem = html_problem

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, one WebSocket, or the application's lifespan."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        request = RequestContext(scope, self._proxies)
        if request.method == "HEAD":
            scope = {**scope, "method": "GET"}  # in a copy: the server looks into its own to leave out the body
        attach(scope, request)
        exchange = Exchange(scope, receive, send, request, self._security)
        token = correlation_id.set(request.request_id)
        try:
            if scope["type"] == "websocket":
                await self._websocket(exchange, receive, send)
            elif self._tracing.enabled:
                await self._traced(exchange)
            else:
                await self._http(exchange)
        finally:
            if scope["type"] == "http":
                self._accounting.request_ended(exchange)
            correlation_id.reset(token)

    def close(self) -> None:
        """Let go of what is shared with other processes."""
        self._admission.close()

    async def _http(self, exchange: Exchange) -> None:
        try:
            answer = self._admission.admit(exchange)
            if answer is None:
                await self._run(exchange)
            else:
                await answer(exchange.scope, exchange.receive_for_app(), exchange.send)
        except Exception as error:  # noqa: BLE001 - the one place where every error becomes an answer
            await self._answer(exchange, error)
        except asyncio.CancelledError as error:
            if is_being_cancelled():
                raise
            await self._answer(exchange, error)  # a library cancelled what it waited for: to the client, a failure

    async def _run(self, exchange: Exchange) -> None:
        in_flight = self._admission.in_flight
        if exchange.is_stream:
            in_flight.streams += 1
            try:
                await self._app(exchange.scope, exchange.receive_for_app(), exchange.send)
            finally:
                in_flight.streams -= 1
            return
        in_flight.requests += 1
        self._deadlines.enter(exchange)
        try:
            await self._app(exchange.scope, exchange.receive_for_app(), exchange.send)
        except (Exception, asyncio.CancelledError) as error:
            if exchange.expired:
                seconds = self._deadlines.limit_seconds
                raise (TookTooLong(seconds) if exchange.body_ended else BodyTooSlow(seconds)) from error
            raise
        finally:
            in_flight.requests -= 1
            self._deadlines.leave(exchange)

    async def _traced(self, exchange: Exchange) -> None:
        scope, request = exchange.scope, exchange.request
        method = request.method
        attributes = {
            "http.request.method": method,
            "url.path": redacted_path(request.path),
            "url.scheme": request.scheme,
        }
        parent = request.fields.get(b"traceparent", b"").decode("latin-1")
        with self._tracing.span(method, kind="server", attributes=attributes, traceparent=parent) as span:
            await self._http(exchange)
            route = route_of(scope)
            span.rename(f"{method} {route}")
            span.set("http.route", route)
            span.set("http.response.status_code", exchange.status)
            if exchange.status >= _FIRST_SERVER_ERROR:
                span.fail(exchange.problem or str(exchange.status))

    async def _answer(self, exchange: Exchange, error: BaseException) -> None:
        """Answer `error`, unless the client is gone or the answer has begun."""
        if problems.is_disconnect(error):
            exchange.status = exchange.status or CLIENT_GONE
            return
        scope, request = exchange.scope, exchange.request
        problem = problems.problem_of(error, method=request.method)
        exchange.problem = problem.type_name()
        if isinstance(problem, problems.InternalError):
            log.error(
                "request.failed",
                exc_info=error,
                method=request.method,
                path=redacted_path(request.path),
                route=route_of(scope),
            )
        if exchange.has_begun:
            # The client was promised another answer: only a connection that breaks tells it that this one is not whole.
            log.warning("response.broken_off", path=redacted_path(request.path), problem=exchange.problem)
            raise ConnectionAbortedError(f"The answer to {request.request_id} could not be completed.") from error
        content = problems.document(problem, path=request.path, request_id=request.request_id)
        page: Response | None = None
        if problems.wants_page(request.path, request.fields.get(b"accept", b"")):
            page = self._html_problem(scope, content)
        with suppress(OSError):  # the client left before it was told
            await exchange.discard_rest()
            await (page or problems.response(problem, content))(scope, exchange.receive_for_app(), exchange.send)

    async def _websocket(self, exchange: Exchange, receive: Receive, send: Send) -> None:
        request, in_flight = exchange.request, self._admission.in_flight
        door = WebSocketDoor(exchange.scope, send, request.request_id)
        in_flight.websockets += 1
        try:
            self._admission.admit_websocket(exchange)
            await self._app(exchange.scope, receive, door.send)
        except WebSocketDisconnect:
            pass
        except Exception as error:
            if not problems.is_disconnect(error):
                problem = problems.problem_of(error)
                exchange.problem = problem.type_name()
                if isinstance(problem, problems.InternalError):
                    log.exception("websocket.failed", path=request.path)
                content = problems.document(problem, path=request.path, request_id=request.request_id)
                with suppress(OSError, RuntimeError):  # closed by the other side in the meantime
                    await door.close(problem, content)
        finally:
            in_flight.websockets -= 1
            self._accounting.websocket_ended(exchange, door.status)
