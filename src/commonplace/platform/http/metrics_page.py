"""`GET /metrics`, for Prometheus: to this machine, or to whoever has the token.

"This machine" is the other end of the connection itself. A request that some proxy passed on comes from anywhere, even
where the proxy runs here.
"""

import hmac

from fastapi import APIRouter, Request
from starlette.responses import Response

from commonplace.platform.errors import NotAllowed, NotAuthenticated
from commonplace.platform.http import context
from commonplace.platform.http.context import RequestContext, is_loopback
from commonplace.platform.http.problems import problems
from commonplace.platform.parts import Parts
from commonplace.platform.telemetry.metrics import Metrics
from commonplace.platform.telemetry.settings import TelemetrySettings

router = APIRouter(tags=["health"])


class MetricsNotForYou(NotAllowed):
    """Metrics are read from the machine itself."""

    def __init__(self) -> None:
        super().__init__(
            "Metrics are answered to this machine only, not through a proxy. To read them from elsewhere, set "
            "TELEMETRY__METRICS_TOKEN and send it as a bearer token."
        )


class MetricsTokenNeeded(NotAuthenticated):
    """Metrics are read from elsewhere with a token."""

    def __init__(self) -> None:
        super().__init__("Send the metrics token as `Authorization: Bearer …`.")


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {"description": "Prometheus's text form.", "content": {"text/plain": {"schema": {"type": "string"}}}},
        **problems(MetricsTokenNeeded, MetricsNotForYou),
    },
    summary="Figures for Prometheus",
)
async def metrics(request: Request) -> Response:
    """Requests, latencies, queues and dead letters, over all processes of the installation."""
    parts: Parts = request.app.state.parts
    _check(context.of(request.scope), parts[TelemetrySettings])
    text, media_type = await parts[Metrics].exposition(request.headers.get("accept", ""))
    return Response(text, headers={"Content-Type": media_type})


def _check(request: RequestContext, settings: TelemetrySettings) -> None:
    if is_loopback(request.peer_address) and not request.forwarded:
        return
    if settings.metrics_token is None:
        raise MetricsNotForYou
    expected = f"Bearer {settings.metrics_token.get_secret_value()}".encode()
    if not hmac.compare_digest(request.fields.get(b"authorization", b""), expected):
        raise MetricsTokenNeeded
