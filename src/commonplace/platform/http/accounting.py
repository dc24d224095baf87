"""What is told of every request when it ends: to the metrics and to the access log."""

from time import monotonic

from commonplace.platform.http.context import route_of
from commonplace.platform.http.exchange import Exchange
from commonplace.platform.http.limits import InFlight
from commonplace.platform.telemetry.access_log import AccessLog
from commonplace.platform.telemetry.metrics import Metrics

_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_CLASSES = ("none", "1xx", "2xx", "3xx", "4xx", "5xx")
_UNTOLD = frozenset({"/health/live"})  #: asked every few seconds by machines


class Accounting:
    """Counts and logs ended requests."""

    def __init__(self, metrics: Metrics, access_log: AccessLog, in_flight: InFlight) -> None:
        labels = ("method", "route", "status")
        self._requests = metrics.counter("commonplace_http_requests", "Requests answered.", labels)
        self._seconds = metrics.histogram(
            "commonplace_http_request_duration_seconds", "From a request's arrival to its last byte.", labels[:2]
        )
        self._problems = metrics.counter("commonplace_http_problems", "Problems answered, by type.", ("type",))
        metrics.gauge("commonplace_http_requests_in_flight", "Requests being worked on.").sample(
            lambda: in_flight.requests
        )
        metrics.gauge("commonplace_http_streams_in_flight", "Uploads and downloads under way.").sample(
            lambda: in_flight.streams
        )
        metrics.gauge("commonplace_websockets", "Open WebSocket connections.").sample(lambda: in_flight.websockets)
        self._log = access_log

    def request_ended(self, exchange: Exchange) -> None:
        """Count and log a request."""
        duration_seconds = monotonic() - exchange.started
        scope, request, status = exchange.scope, exchange.request, exchange.status
        route = route_of(scope)
        method = request.method if request.method in _METHODS else "other"
        self._requests.add(1, method, route, _CLASSES[status // 100] if status < 600 else "none")  # noqa: PLR2004
        self._seconds.observe(duration_seconds, method, route)
        if exchange.problem:
            self._problems.add(1, exchange.problem)
        if request.path not in _UNTOLD:
            self._log.tell(
                "http.request",
                correlation_id=request.request_id,
                method=request.method,
                path=request.path,
                route=route,
                status=status,
                problem=exchange.problem,
                duration_seconds=duration_seconds,
                client=request.client_address,
            )

    def websocket_ended(self, exchange: Exchange, status: int) -> None:
        """Log a WebSocket; `status`: 101 when it was opened, else the status it was refused with."""
        if exchange.problem:
            self._problems.add(1, exchange.problem)
        self._log.tell(
            "http.websocket",
            correlation_id=exchange.request.request_id,
            method="GET",
            path=exchange.request.path,
            route=route_of(exchange.scope),
            status=status,
            problem=exchange.problem,
            duration_seconds=monotonic() - exchange.started,
            client=exchange.request.client_address,
        )
