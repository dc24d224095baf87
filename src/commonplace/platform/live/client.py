"""One client's connection: what waits to be sent to it, and how it ends.

An idle connection costs the server's own state and one suspended coroutine; a task for sending exists only while there
is something to send.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from uuid import UUID

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from commonplace.platform.events.log import Cursor
from commonplace.platform.live import errors
from commonplace.platform.live.changes import Change, next_message
from commonplace.platform.live.settings import LiveSettings

_CLOSE_SECONDS = 1.0
_GONE = (WebSocketDisconnect, RuntimeError, OSError)  # RuntimeError: starlette's and uvicorn's word for «after close»


class Client:
    """A connected WebSocket whose caller is known."""

    __slots__ = (
        "_changes",
        "_cursor",
        "_replies",
        "_sender",
        "_settings",
        "_socket",
        "check_at",
        "ending",
        "expires_at",
        "is_checked",
        "person_id",
        "quiet_since",
        "received",
        "session_id",
        "task",
        "verify",
    )

    def __init__(
        self,
        socket: WebSocket,
        settings: LiveSettings,
        *,
        person_id: UUID,
        session_id: UUID,
        verify: Callable[[], Awaitable[object]],
        expires_at: float,
    ) -> None:
        """`verify` looks at the credential again, raising when it is no good any more; `expires_at`: Unix seconds."""
        self.person_id = person_id
        self.session_id = session_id
        self.verify = verify
        self.expires_at = expires_at
        self.check_at = 0.0  #: when to verify next, by the loop's clock
        self.is_checked = True  #: False: nothing may be sent before the credential was verified again
        self.ending: errors.Refused | None = None  #: why it ends; from then on nothing is sent any more
        self.quiet_since = asyncio.get_running_loop().time()
        self.received: Cursor | None = None  #: everything up to here was sent, or waits to be; None while catching up
        self.task = asyncio.current_task()
        self._socket = socket
        self._settings = settings
        self._changes: deque[Change] = deque()
        self._replies: deque[str] = deque()
        self._cursor: Cursor | None = None
        self._sender: asyncio.Task[None] | None = None

    @property
    def is_ended(self) -> bool:
        """Whether it was ended, by us."""
        return self.ending is not None

    def offer(self, changes: Sequence[Change], cursor: Cursor) -> None:
        """Have these changes sent, soon; `cursor` is behind them. A client with too many waiting is ended."""
        if self.is_ended or self.received is None:
            return
        self._changes.extend(change for change in changes if change.cursor > self.received)
        self.received = self._cursor = max(cursor, self.received)
        if len(self._changes) > self._settings.backlog_events:
            self.end(errors.TOO_SLOW, "You do not keep up. Connect again with the last cursor.")
        else:
            self._start_sending()

    def reply(self, message: str) -> None:
        """Have a message sent that is no change."""
        if len(self._replies) >= self._settings.backlog_events:
            self.end(errors.TOO_SLOW, "You do not keep up. Connect again with the last cursor.")
        elif not self.is_ended:
            self._replies.append(message)
            self._start_sending()

    async def send(self, changes: Sequence[Change], cursor: Cursor) -> None:
        """Send these changes now and wait until the connection took them, as one does while catching up.

        Raises:
            Refused: the client does not keep up.
            WebSocketDisconnect: it is gone.
        """
        waiting = deque(changes)
        await self._send(next_message(waiting, cursor))
        while waiting:
            await self._send(next_message(waiting, cursor))

    def end(self, code: int, reason: str) -> None:
        """Have the connection closed; nothing is sent any more from now on.

        The connection's own coroutine closes it, once it waits for no message any more: some servers let nobody close
        a connection that is being read.
        """
        if self.ending is None:
            self.ending = errors.Refused(code, reason)
            self._changes.clear()
            self._replies.clear()
            if self.task is not None and self.task is not asyncio.current_task():
                self.task.cancel()

    async def say_goodbye(self) -> None:
        """Close the connection as `end` said, whether the other side listens or not."""
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.wait([self._sender], timeout=_CLOSE_SECONDS)
        if self.ending is not None:
            await close(self._socket, self.ending)

    def _start_sending(self) -> None:
        if self._sender is None:
            self._sender = asyncio.create_task(self._send_what_waits())
            self._sender.add_done_callback(self._sent)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sender = None
        error = None if task.cancelled() else task.exception()
        if isinstance(error, errors.Refused):
            self.end(error.code, error.reason)
        elif error is not None and not isinstance(error, _GONE):
            asyncio.get_running_loop().call_exception_handler(
                {"message": "A live connection's sender failed.", "exception": error, "task": task}
            )
            self.end(errors.SERVICE_RESTART, "Something failed. Connect again with the last cursor.")
        elif error is None and (self._replies or self._cursor is not None):
            self._start_sending()

    async def _send_what_waits(self) -> None:
        while not self.is_ended:
            if self._replies:
                await self._send(self._replies.popleft())
            elif self._cursor is not None:
                message = next_message(self._changes, self._cursor)
                if not self._changes:
                    self._cursor = None
                await self._send(message)
            else:
                return

    async def _send(self, message: str) -> None:
        self.quiet_since = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._settings.send_seconds):
                await self._socket.send_text(message)
        except TimeoutError as error:
            raise errors.Refused(errors.TOO_SLOW, "You do not keep up. Connect again with the last cursor.") from error


async def close(socket: WebSocket, refused: errors.Refused) -> None:
    """Close a socket, if it is open still and takes it."""
    if socket.application_state == WebSocketState.CONNECTED:
        with suppress(TimeoutError, *_GONE):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await socket.close(refused.code, refused.short_reason)
