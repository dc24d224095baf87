"""Requests that other sites' pages send are refused; the table is that of Go's CrossOriginProtection, and more."""

from typing import Any

import pytest

from commonplace.platform.http import front
from commonplace.platform.http.settings import CorsSettings
from tests.platform.http.asking import ask, shake_hands

pytestmark = pytest.mark.anyio

COOKIE = {"cookie": "commonplace_session=abc"}
OWN = "http://localhost:8000"
FRIEND = "https://friend.example"


async def fine(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def app(origins: str = "") -> Any:
    return front.build(fine, cors=CorsSettings.model_validate({"origins": origins}))


TABLE = [
    ({"sec-fetch-site": "same-origin"}, True),
    ({"sec-fetch-site": "none"}, True),
    ({"sec-fetch-site": "cross-site"}, False),
    ({"sec-fetch-site": "same-site"}, False),
    ({"sec-fetch-site": "something-new"}, False),
    ({}, True),
    ({"origin": OWN}, True),
    ({"origin": "https://localhost:8000"}, True),
    ({"origin": "http://localhost:9000"}, False),
    ({"origin": "https://attacker.example"}, False),
    ({"origin": "null"}, False),
    ({"origin": ""}, False),
    ({"sec-fetch-site": "same-origin", "origin": "https://attacker.example"}, True),
    ({"sec-fetch-site": "cross-site", "origin": OWN}, False),
]


@pytest.mark.parametrize(("headers", "passes"), TABLE)
@pytest.mark.parametrize("cookie", [COOKIE, {}], ids=["cookie", "no cookie"])
class TestCrossSite:
    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "UNKNOWN"])
    async def test_changes_are_let_through_or_not(self, method, headers, passes, cookie):
        answer = await ask(app(), method, headers={**headers, **cookie})
        assert answer.status == (200 if passes else 403)
        if not passes:
            assert answer.json["type"] == "/problems/cross-site-request"

    @pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
    async def test_reading_is_let_through(self, method, headers, passes, cookie):
        assert passes in (True, False)
        assert (await ask(app(), method, headers={**headers, **cookie})).status == 200

    async def test_websockets_are_opened_or_not(self, headers, passes, cookie):
        messages = await shake_hands(app(), headers={**headers, **cookie})
        assert messages[0]["type"] == ("websocket.accept" if passes else "websocket.close")


@pytest.mark.parametrize(
    ("configured", "origin", "cookie", "status"),
    [
        (FRIEND, FRIEND, COOKIE, 200),
        (FRIEND, "https://attacker.example", COOKIE, 403),
        ("*", "https://anybody.example", {}, 200),
        ("*", "https://anybody.example", COOKIE, 403),
        (f"*, {FRIEND}", FRIEND, COOKIE, 200),
    ],
)
async def test_what_cors_allows_is_allowed(configured, origin, cookie, status):
    headers = {"sec-fetch-site": "cross-site", "origin": origin, **cookie}
    assert (await ask(app(configured), "POST", headers=headers)).status == status
