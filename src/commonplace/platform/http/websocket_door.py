"""How a WebSocket is refused, and closed when its route fails."""

from starlette.types import Message, Scope, Send

from commonplace.platform.errors import Problem
from commonplace.platform.http import problems

POLICY_VIOLATION, INTERNAL_ERROR, TRY_AGAIN_LATER = 1008, 1011, 1013
OPENED = 101

_FIRST_SERVER_ERROR = 500
_SERVICE_UNAVAILABLE = 503


class WebSocketDoor:
    """The server's `send` for one WebSocket, watching whether it was opened and closed."""

    __slots__ = ("_request_id", "_scope", "_send", "closed", "status")

    def __init__(self, scope: Scope, send: Send, request_id: str) -> None:
        self._scope = scope
        self._send = send
        self._request_id = request_id
        self.status = 0  #: 101 when it was opened, or the status it was refused with
        self.closed = False

    async def send(self, message: Message) -> None:
        """Pass `message` on to the server; the handshake's answer gets the request id."""
        kind = message["type"]
        if kind == "websocket.accept":
            self.status = OPENED
            headers = [*message.get("headers", ()), (b"x-request-id", self._request_id.encode())]
            message = {**message, "headers": headers}
        elif kind == "websocket.close":
            self.closed = True
            self.status = self.status or 403
        elif kind == "websocket.http.response.start":
            self.closed = True
            self.status = message["status"]
        await self._send(message)

    async def close(self, problem: Problem, document: problems.Document) -> None:
        """Refuse the connection with `problem`, or close it if it was opened; nothing if it is closed already."""
        if self.closed:
            return
        if self.status == OPENED:
            code = _close_code(document["status"])
            await self.send({"type": "websocket.close", "code": code, "reason": problem.type_name()})
        elif "websocket.http.response" in self._scope.get("extensions", {}):
            response = problems.response(problem, document)
            start = {"type": "websocket.http.response.start", "status": response.status_code}
            await self.send({**start, "headers": response.raw_headers})
            await self.send({"type": "websocket.http.response.body", "body": response.body})
        else:
            await self.send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": problem.type_name()})


def _close_code(status: int) -> int:
    if status == _SERVICE_UNAVAILABLE:
        return TRY_AGAIN_LATER
    return INTERNAL_ERROR if status >= _FIRST_SERVER_ERROR else POLICY_VIOLATION
