"""The bus: short messages between the processes of one installation, over PostgreSQL's LISTEN and NOTIFY.

It carries wake-ups ("there are new events") and revocations ("this session ended"), never data that must not be lost:
whoever was away reads the truth from the tables. A message that must be known everywhere before its sender goes on is
acknowledged by every listening process; one that cannot acknowledge has lost touch, and `confirm` tells it so within
`LEASE_SECONDS`, which is also the longest that the sender waits.
"""

import asyncio
import os
import secrets
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, Protocol

import asyncpg
import msgspec
import structlog

from commonplace.platform.cancellation import is_being_cancelled
from commonplace.platform.database.address import Address
from commonplace.platform.database.row import Row
from commonplace.platform.database.settings import DatabaseSettings

CHANNEL: Final = "commonplace"
LEASE_SECONDS: Final = 1.0
_NAME_PREFIX: Final = "commonplace-bus:"
_WAKE_SECONDS: Final = 0.01  # wakes of one burst become one NOTIFY: each takes a lock that every commit with one shares
_RECONNECT_SECONDS: Final = 0.5
_ALIVE_SECONDS: Final = 5.0
#: What the driver raises when the connection cannot be had, is lost, or ended while it was being used.
_GONE: Final = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
_log = structlog.get_logger(__name__)


class _OutOfTouch(Exception):
    """The connection cannot be had, or was lost."""


@asynccontextmanager
async def _in_touch() -> AsyncIterator[None]:
    """Tell every way in which the driver loses a connection as `_OutOfTouch`."""
    try:
        yield
    except _GONE as error:
        raise _OutOfTouch from error
    except asyncio.CancelledError as error:
        if is_being_cancelled():
            raise
        raise _OutOfTouch from error


class WakeCarrier(Protocol):
    """Another way for wake-ups, beside the database."""

    async def start(self, heard: Callable[[str | None], None]) -> None:
        """Call `heard(channel)` for each wake-up; with None after a break, when some may be lost."""

    async def tell(self, channel: str) -> bool:
        """Wake every process; False when that is not possible just now."""

    async def close(self) -> None:
        """Stop listening."""


Payload = dict[str, Any]
Callback = Callable[[Payload], None]


class Bus:
    """This process's end of the bus. `start` connects in the background and keeps reconnecting until `close`."""

    def __init__(
        self, address: Address | None, settings: DatabaseSettings, *, wakes: WakeCarrier | None = None
    ) -> None:
        """With no `address` (a pooler and no direct way to the server) the bus is silent, and users poll.

        Wake-ups go by `wakes` where there is such a carrier, and by the database while it is away.
        """
        self._wakes = wakes
        self._address = address
        self._settings = settings
        self._process = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._callbacks: defaultdict[str, list[Callback]] = defaultdict(list)
        self._connection: asyncpg.Connection[Row] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._asking = asyncio.Lock()
        self._last_contact = float("-inf")
        self._waking: dict[str, asyncio.TimerHandle] = {}
        self._acknowledged: dict[str, tuple[set[str], asyncio.Event]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def application_name(self) -> str | None:
        """The name under which this process listens, as `pg_stat_activity` shows it; None when it cannot listen."""
        return None if self._address is None else _NAME_PREFIX + self._process

    def subscribe(self, channel: str, callback: Callback) -> None:
        """Call `callback(payload)` for each message on `channel`; with `{}` after a break: some may be lost."""
        self._callbacks[channel].append(callback)

    async def start(self) -> None:
        """Begin to listen; returns when connected, or after the first failed try (the rest goes on behind)."""
        if self._wakes is not None:
            await self._wakes.start(self._woken)
        if self._address is not None and self._keeper is None:
            with suppress(_OutOfTouch):
                async with _in_touch():
                    await self._connect()
            self._keeper = asyncio.create_task(self._keep_connected())

    async def close(self) -> None:
        """Stop listening, after the messages under way."""
        for handle in self._waking.values():
            handle.cancel()
        if self._wakes is not None:
            await self._wakes.close()
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait({self._keeper})
            self._keeper = None
        connection, self._connection = self._connection, None
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LEASE_SECONDS)
        if connection is not None:
            with suppress(*_GONE):
                await connection.close(timeout=1)

    def take_address(self, before: Address, address: Address) -> None:
        """Listen at this address from the next connection on, where it was `before` that was listened at."""
        if self._address == before:
            self._address = address

    async def confirm(self) -> bool:
        """Whether every message sent more than `LEASE_SECONDS` ago has been seen here.

        True within that time of the last contact, otherwise after one question to the server: PostgreSQL delivers the
        messages that wait before it answers. False: out of touch, so nothing remembered may be trusted.
        """
        if self._is_in_touch():
            return True
        async with self._asking:
            return self._is_in_touch() or await self._contact()

    def _is_in_touch(self) -> bool:
        # A connection known to be gone ends the lease: others no longer wait for this process.
        connection = self._connection
        is_open = connection is not None and not connection.is_closed()
        return is_open and time.monotonic() - self._last_contact < LEASE_SECONDS

    def wake(self, channel: str) -> None:
        """Tell all processes, soon, that there is something new; many wakes in a short time become one."""
        if channel not in self._waking:
            loop = asyncio.get_running_loop()
            self._waking[channel] = loop.call_later(_WAKE_SECONDS, self._wake_now, channel)

    def _wake_now(self, channel: str) -> None:
        self._waking.pop(channel, None)
        self._background(self._carry(channel))

    async def _carry(self, channel: str) -> None:
        if self._wakes is None or not await self._wakes.tell(channel):
            await self.publish(channel, {})

    def _woken(self, channel: str | None) -> None:
        """A carrier's word; None: whoever waits for anything should look."""
        for name in list(self._callbacks) if channel is None else [channel]:
            for callback in self._callbacks.get(name, ()):
                callback({})

    async def publish(self, channel: str, payload: Payload) -> bool:
        """Send a message (7 kB at most) to every process, this one too; False when the bus is out of touch."""
        return await self._notify({"channel": channel, "payload": payload})

    async def publish_and_wait(self, channel: str, payload: Payload, *, timeout_seconds: float = LEASE_SECONDS) -> bool:
        """Send a message and wait until each listening process has acted on it.

        Returns whether all did. Those that did not within `LEASE_SECONDS` are out of touch, and `confirm` refuses
        them from then on, so what the message says holds everywhere when this returns after the full time.
        """
        identifier = secrets.token_hex(8)
        event = asyncio.Event()
        self._acknowledged[identifier] = (set(), event)
        deadline = time.monotonic() + timeout_seconds
        try:
            listeners = await self._listeners()
            message = {"channel": channel, "payload": payload, "ack": identifier}
            if not await self._notify(message):
                for callback in self._callbacks[channel]:
                    callback(payload)
                await self._notify_by_another(message, deadline)
                await asyncio.sleep(max(0.0, deadline - time.monotonic()))
                return False
            heard, _ = self._acknowledged[identifier]
            while not listeners <= heard:
                event.clear()
                try:
                    async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                        await event.wait()
                except TimeoutError:
                    return False
            return True
        finally:
            del self._acknowledged[identifier]

    async def _listeners(self) -> set[str]:
        connection = self._connection
        if connection is None:
            return set()
        try:
            async with _in_touch(), self._asking:
                rows = await connection.fetch(
                    "SELECT application_name AS name FROM pg_stat_activity"
                    " WHERE datname = current_database() AND starts_with(application_name, $1)",
                    _NAME_PREFIX,
                )
        except _OutOfTouch:
            return set()
        return {row.name.removeprefix(_NAME_PREFIX) for row in rows}

    async def _notify(self, message: Payload) -> bool:
        connection = self._connection
        if connection is None:
            return False
        try:
            async with _in_touch(), self._asking:
                await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, self._text(message))
        except _OutOfTouch:
            return False
        return True

    async def _notify_by_another(self, message: Payload, deadline: float) -> None:
        """Send a message while the connection of one's own is gone: others may be in touch, and trust what they know.

        Who acknowledges it cannot be heard; the sender waits out the lease instead.
        """
        if self._address is None:
            return
        with suppress(_OutOfTouch):
            async with _in_touch(), asyncio.timeout(max(0.0, deadline - time.monotonic())):
                connection = await asyncpg.connect(**self._address.driver_arguments(), record_class=Row)
                try:
                    await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, self._text(message))
                finally:
                    connection.terminate()

    def _text(self, message: Payload) -> str:
        return msgspec.json.encode({**message, "from": self._process}).decode()

    async def _contact(self) -> bool:
        connection = self._connection
        if connection is None or connection.is_closed():
            return False
        began = time.monotonic()
        try:
            async with _in_touch(), asyncio.timeout(LEASE_SECONDS):
                await connection.execute("SELECT 1")
        except _OutOfTouch:
            return False
        self._last_contact = began
        return True

    async def _connect(self) -> None:
        if self._address is None:
            return
        connection = await asyncpg.connect(
            **self._address.driver_arguments(),
            timeout=self._settings.connect_timeout_seconds,
            record_class=Row,
            server_settings={"application_name": _NAME_PREFIX + self._process},
        )
        await connection.add_listener(CHANNEL, self._heard)
        self._connection = connection
        self._last_contact = time.monotonic()
        for callbacks in list(self._callbacks.values()):
            for callback in callbacks:
                callback({})

    async def _keep_connected(self) -> None:
        while True:
            connection = self._connection
            if connection is None or connection.is_closed():
                self._connection = None
                try:
                    async with _in_touch():
                        await self._connect()
                    _log.info("bus.connected")
                except _OutOfTouch:
                    await asyncio.sleep(_RECONNECT_SECONDS)
                continue
            lost = asyncio.Event()
            connection.add_termination_listener(lambda _connection, lost=lost: lost.set())
            while not lost.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(_ALIVE_SECONDS):
                        await lost.wait()
                if not lost.is_set() and not await self.confirm():
                    connection.terminate()
                    break

    def _heard(self, _connection: Any, _pid: int, _channel: str, text: Any) -> None:
        message: Payload = msgspec.json.decode(text)
        if (identifier := message.get("acknowledges")) is not None:
            if identifier in self._acknowledged:
                heard, event = self._acknowledged[identifier]
                heard.add(message["from"])
                event.set()
            return
        for callback in self._callbacks.get(message["channel"], ()):
            callback(message["payload"])
        if "ack" in message:
            self._background(self._notify({"acknowledges": message["ack"]}))

    def _background(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
