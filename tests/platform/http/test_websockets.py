"""How WebSockets are refused and closed."""

from typing import Any

import pytest
from fastapi import FastAPI, WebSocket

from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.http import front
from tests.conftest import LogLines
from tests.platform.http.asking import shake_hands

pytestmark = pytest.mark.anyio


def make_app() -> Any:
    app = FastAPI()

    @app.websocket("/live")
    async def live(socket: WebSocket) -> None:
        await socket.accept()
        await socket.receive_text()

    @app.websocket("/refuses")
    async def refuses(socket: WebSocket) -> None:
        raise NotAuthenticated("Sign in first.")

    @app.websocket("/fails-later")
    async def fails_later(socket: WebSocket) -> None:
        await socket.accept()
        raise RuntimeError("a defect")

    @app.websocket("/ends-session")
    async def ends_session(socket: WebSocket) -> None:
        await socket.accept()
        raise NotAuthenticated("Signed out.")

    return front.build(app)


async def test_an_accepted_one_has_the_request_id(log_lines: LogLines):
    (accept,) = await shake_hands(make_app(), headers={"x-request-id": "my-own-name"})
    assert accept["type"] == "websocket.accept"
    assert (b"x-request-id", b"my-own-name") in accept["headers"]
    (line,) = log_lines()
    assert (line["event"], line["status"], line["correlation_id"]) == ("http.websocket", 101, "my-own-name")


async def test_a_refusal_is_a_problem_where_the_server_can_tell_it(log_lines: LogLines):
    start, body = await shake_hands(make_app(), "/refuses", extensions=["websocket.http.response"])
    assert start["type"] == "websocket.http.response.start"
    assert start["status"] == 401
    assert b"/problems/not-authenticated" in body["body"]
    assert log_lines()[0]["status"] == 401


async def test_a_refusal_is_a_close_elsewhere():
    (close,) = await shake_hands(make_app(), "/refuses")
    assert close == {"type": "websocket.close", "code": 1008, "reason": "not-authenticated"}


async def test_a_defect_closes_it(log_lines: LogLines):
    messages = await shake_hands(make_app(), "/fails-later")
    assert messages[-1]["code"] == 1011
    assert "RuntimeError: a defect" in log_lines()[0]["exception"]


async def test_a_problem_closes_it():
    messages = await shake_hands(make_app(), "/ends-session")
    assert messages[-1] == {"type": "websocket.close", "code": 1008, "reason": "not-authenticated"}


async def test_an_unknown_path_is_refused():
    messages = await shake_hands(make_app(), "/nowhere")
    assert messages[-1]["type"] == "websocket.close"
