"""Requests as a server would hand them over, for tests that need to say exactly what arrives and when."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Scope


@dataclass
class Answer:
    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def request_scope(
    method: str = "GET",
    path: str = "/",
    headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
    *,
    client: str = "127.0.0.1",
    scheme: str = "http",
    query: str = "",
    kind: str = "http",
    extensions: Sequence[str] = (),
) -> Scope:
    pairs = list(headers.items() if isinstance(headers, Mapping) else headers)
    if not any(name.lower() == "host" for name, _ in pairs):
        pairs.insert(0, ("host", "localhost:8000"))
    return {
        "type": kind,
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": scheme,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in pairs if value is not None],
        "client": (client, 50_000) if client else None,
        "server": ("127.0.0.1", 8000),
        "extensions": {name: {} for name in extensions},
        "state": {},
    }


async def ask(
    app: ASGIApp,
    method: str = "GET",
    path: str = "/",
    headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
    *,
    body: bytes | Sequence[bytes] = b"",
    **options: Any,
) -> Answer:
    """The answer to one request; a body in parts arrives in parts, without a declared length."""
    parts = [body] if isinstance(body, bytes) else list(body)
    if isinstance(body, bytes) and body:
        pairs = list(headers.items() if isinstance(headers, Mapping) else headers)
        headers = [*pairs, ("content-length", str(len(body)))]
    answer = Answer()

    async def receive() -> Message:
        if parts:
            part = parts.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(parts)}
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = [(name.decode(), value.decode("latin-1")) for name, value in message["headers"]]
        elif message["type"] == "http.response.body":
            answer.body += message.get("body", b"")

    await app(request_scope(method, path, headers, **options), receive, send)
    return answer


async def shake_hands(
    app: ASGIApp, path: str = "/live", headers: Mapping[str, str] | None = None, **options: Any
) -> list[Message]:
    """What a server is told by `app` when a WebSocket asks for `path`, and leaves at once when it is accepted."""
    sent: list[Message] = []
    waiting: list[Message] = [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1001}]

    async def receive() -> Message:
        return waiting.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    await app(request_scope(path=path, headers=headers or {}, kind="websocket", scheme="ws", **options), receive, send)
    return sent
