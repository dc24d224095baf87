"""Who may read the metrics, and that requests are in them."""

from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from commonplace.platform.http import front, metrics_page
from commonplace.platform.http.settings import HttpSettings
from commonplace.platform.parts import Parts
from commonplace.platform.telemetry.metrics import Metrics
from commonplace.platform.telemetry.settings import TelemetrySettings
from tests.platform.http.asking import ask

pytestmark = pytest.mark.anyio

TOKEN = "a-token-for-prometheus"


def make_app(*, token: str | None = None, trusted: tuple[str, ...] = ()) -> Any:
    metrics = Metrics()
    app = FastAPI(redirect_slashes=False)
    app.state.parts = Parts()
    app.state.parts.add(metrics)
    app.state.parts.add(TelemetrySettings(metrics_token=SecretStr(token) if token else None))
    app.include_router(metrics_page.router)

    @app.get("/api/files/{file_id}")
    async def one(file_id: int) -> int:
        return 1 // file_id

    return front.build(app, metrics=metrics, http=HttpSettings(trusted_proxies=trusted))


@pytest.mark.parametrize(
    ("client", "headers", "token", "status"),
    [
        ("127.0.0.1", {}, None, 200),
        ("::1", {}, None, 200),
        ("127.0.0.1", {}, TOKEN, 200),
        ("10.0.0.5", {}, None, 403),
        ("", {}, None, 403),
        ("10.0.0.5", {}, TOKEN, 401),
        ("10.0.0.5", {"authorization": "Bearer wrong"}, TOKEN, 401),
        ("10.0.0.5", {"authorization": f"Bearer {TOKEN}"}, TOKEN, 200),
        ("10.0.0.5", {"authorization": "Bearer None"}, None, 403),
        ("127.0.0.1", {"x-forwarded-for": "127.0.0.1"}, None, 403),
        ("127.0.0.1", {"forwarded": "for=10.0.0.5"}, None, 403),
        ("127.0.0.1", {"via": "1.1 proxy"}, TOKEN, 401),
        ("10.0.0.5", {"x-forwarded-for": "127.0.0.1"}, None, 403),
    ],
)
@pytest.mark.parametrize("trusted", [(), ("127.0.0.1", "10.0.0.0/8")])
async def test_who_may_read(client, headers, token, status, trusted):
    answer = await ask(make_app(token=token, trusted=trusted), path="/metrics", headers=headers, client=client)
    assert answer.status == status
    assert (b"commonplace_" in answer.body) == (status == 200)


@pytest.mark.usefixtures("log_lines")
async def test_requests_are_counted_by_route():
    app = make_app()
    for path in ("/api/files/1", "/api/files/2", "/api/files/0", "/api/files/x", "/made-up/1", "/made-up/2"):
        await ask(app, path=path)
    text = (await ask(app, path="/metrics")).body.decode()
    assert 'http_requests_total{method="GET",route="/api/files/{file_id}",status="2xx"} 2.0' in text
    assert 'http_requests_total{method="GET",route="/api/files/{file_id}",status="5xx"} 1.0' in text
    assert 'http_requests_total{method="GET",route="/api/files/{file_id}",status="4xx"} 1.0' in text
    assert 'http_requests_total{method="GET",route="unmatched",status="4xx"} 2.0' in text
    assert 'duration_seconds_count{method="GET",route="/api/files/{file_id}"} 4.0' in text
    assert 'http_problems_total{type="internal-error"} 1.0' in text
    assert "http_requests_in_flight 1.0" in text
    assert "made-up" not in text


async def test_methods_that_clients_invent_are_one():
    app = make_app()
    for number in range(3):
        await ask(app, f"INVENTED{number}", "/api/files/1")
    text = (await ask(app, path="/metrics")).body.decode()
    assert 'method="other"' in text
    assert "INVENTED" not in text


async def test_open_metrics_is_spoken():
    answer = await ask(make_app(), path="/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.status == 200
    assert (answer.header("content-type") or "").startswith("application/openmetrics-text")
    assert answer.body.rstrip().endswith(b"# EOF")
