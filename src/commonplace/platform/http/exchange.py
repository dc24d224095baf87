"""One request on its way through the application: what is watched and added between the server and the route."""

import asyncio
from contextlib import suppress
from time import monotonic

from starlette.types import Message, Receive, Scope, Send

from commonplace.platform.http.context import RequestContext
from commonplace.platform.http.cors import HeaderList
from commonplace.platform.http.refusals import PayloadTooLarge
from commonplace.platform.http.security_headers import SecurityHeaders

CLIENT_GONE = 499  #: what is logged when the client did not wait for its answer
_DISCARDED_BYTES = 65_536  # of a request that was refused at the door
_DISCARD_SECONDS = 1.0
_DIGITS = 10


class Exchange:
    """A request and its answer. `send` and `receive` take the place of the server's."""

    __slots__ = (
        "_body_limit",
        "_cors_headers",
        "_receive",
        "_security",
        "_send",
        "body_bytes",
        "body_ended",
        "expired",
        "is_stream",
        "problem",
        "request",
        "scope",
        "started",
        "status",
        "task",
    )

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, request: RequestContext, security: SecurityHeaders
    ) -> None:
        self.scope = scope
        self.request = request
        self.started = monotonic()
        self.status = 0  #: of the answer, once it began
        self.problem = ""  #: the type of the problem that was answered
        self.is_stream = False
        self.task: asyncio.Task[object] | None = None
        self.expired = False
        self.body_bytes = 0
        self.body_ended = True
        self._receive = receive
        self._send = send
        self._security = security
        self._cors_headers: HeaderList = []
        self._body_limit = 0

    @property
    def has_begun(self) -> bool:
        """Whether the answer's status has left: nothing else can be answered."""
        return self.status != 0

    def add_cors(self, headers: HeaderList) -> None:
        """Headers for the answer, whatever it will be."""
        self._cors_headers = headers

    def limit_body(self, limit_bytes: int) -> None:
        """Count the body while it is read; more than `limit_bytes` is refused then."""
        self._body_limit = limit_bytes
        self.body_ended = False

    def receive_for_app(self) -> Receive:
        """The `receive` to hand to the application: the server's own, where nothing needs to be counted."""
        return self.receive if self._body_limit else self._receive

    async def receive(self) -> Message:
        """The next part of the body.

        Raises:
            PayloadTooLarge: there is more of it than the route takes.
        """
        message = await self._receive()
        if message["type"] == "http.request":
            self.body_bytes += len(message.get("body", b""))
            if self.body_bytes > self._body_limit:
                raise PayloadTooLarge(self._body_limit)
            self.body_ended = not message.get("more_body", False)
        return message

    async def discard_rest(self) -> None:
        """Read what is left of a body that nobody will read, before a refusal: within a second, and of what is allowed.

        A server that closes a connection with unread bytes in it resets it, and the client may lose the answer.
        """
        if self.is_stream or self.expired:
            return
        if self._body_limit:
            left = 0 if self.body_ended else self._body_limit - self.body_bytes
        else:  # it was refused before its body was looked at
            declared = self.request.fields.get(b"content-length", b"")
            left = int(declared) if declared.isdigit() and len(declared) < _DIGITS else 0
            left = left if left <= _DISCARDED_BYTES else 0
        with suppress(TimeoutError):
            async with asyncio.timeout(_DISCARD_SECONDS):
                while left > 0:
                    message = await self._receive()
                    if message["type"] != "http.request" or not message.get("more_body", False):
                        self.body_ended = True
                        return
                    left -= len(message.get("body", b""))

    async def send(self, message: Message) -> None:
        """Pass `message` on to the server; the first one gets our headers.

        The answer to a HEAD ends with them. Its route believes that it answers a GET, and what it sends as the body is
        dropped.
        """
        if message["type"] == "http.response.start":
            self.status = message["status"]
            # A new list: a response object may be sent many times, and lends us its own.
            headers: HeaderList = [*message.get("headers", ())]
            headers += self._security.missing(headers, self.request.scheme)
            headers += self._cors_headers
            headers.append((b"x-request-id", self.request.request_id.encode()))
            message = {**message, "headers": headers}
            if self.request.method == "HEAD":
                await self._send(message)
                message = {"type": "http.response.body", "body": b"", "more_body": False}
        elif self.request.method == "HEAD":
            return
        await self._send(message)
