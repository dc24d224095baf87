"""The hub: one reader of the log for all WebSockets of a process.

It wakes when the bus says that something was told, and looks by itself each second, for a wake-up may be lost with the
process that owed it. What it reads it hands to the clients of the people concerned.

A client joins without a gap: it reads the log by itself until it has come as far as the hub, and from then on takes
what the hub hands out behind that place.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final
from uuid import UUID

import structlog

from commonplace.platform.database.bus import Bus
from commonplace.platform.database.session import Database
from commonplace.platform.errors import NotAuthenticated, Problem
from commonplace.platform.events.log import WAKE, Cursor, CursorTooOld
from commonplace.platform.identity.verifier import SESSION_ENDED
from commonplace.platform.live import errors
from commonplace.platform.live.changes import Change, Page, changes_for, news_for, present
from commonplace.platform.live.client import Client
from commonplace.platform.live.settings import LiveSettings
from commonplace.platform.parts import Parts
from commonplace.platform.telemetry.metrics import Metrics

BATCH: Final = 500
_NEAR_SECONDS: Final = (0.002, 0.005, 0.01, 0.02, 0.05)  # waits for a transaction that hides what was committed
_CATCHING_UP_AT_ONCE: Final = 2  # of a pool of five: a thousand clients that return together must not take it all
_STOP_SECONDS: Final = 5.0
_CHECKS_AT_ONCE: Final = 8
_log = structlog.get_logger(__name__)


class Hub:
    """The live connections of this process."""

    def __init__(self, parts: Parts) -> None:
        self.settings = parts[LiveSettings]
        self.waiting = 0  #: connections whose caller is not known yet
        self._database = parts[Database]
        self._bus = parts[Bus]
        self._clients: defaultdict[UUID, set[Client]] = defaultdict(set)  # by person
        self._sessions: defaultdict[UUID, set[Client]] = defaultdict(set)
        self._count = 0
        self._cursor: Cursor | None = None  # None: nobody is there to read for
        self._asked: frozenset[UUID] | None = None  # for whom a reading is under way; None: there is none
        self._has_read = asyncio.Event()
        self._wake = asyncio.Event()
        self._catching_up = asyncio.Semaphore(_CATCHING_UP_AT_ONCE)
        self._is_closing = False
        self._gauge = None
        if Metrics in parts:
            self._gauge = parts[Metrics].gauge("commonplace_live_connections", "WebSockets of signed-in people.")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Read the log and mind the connections until the block ends; then close them with 1012."""
        self._bus.subscribe(WAKE, lambda _payload: self._wake.set())
        self._bus.subscribe(SESSION_ENDED, self._session_ended)
        tasks = [asyncio.create_task(self._keep_on(self._read)), asyncio.create_task(self._keep_on(self._mind))]
        try:
            yield
        finally:
            await self.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """Close every connection with 1012 and take no new ones; idempotent."""
        self._is_closing = True
        clients = list(self._everyone())
        for client in clients:
            client.end(errors.SERVICE_RESTART, "The server restarts. Connect again with the last cursor.")
        own = [client.task for client in clients if client.task is not None]
        if own:
            await asyncio.wait(own, timeout=_STOP_SECONDS)

    @property
    def connections(self) -> int:
        """How many clients there are whose caller is known."""
        return self._count

    def refuse_if_full(self) -> None:
        """Check that there is room for one more connection.

        Raises:
            Refused: there is none, or the server is stopping.
        """
        if self._is_closing:
            raise errors.Refused(errors.SERVICE_RESTART, "The server restarts. Connect again in a moment.")
        if self._count + self.waiting >= self.settings.connections:
            raise errors.Refused(
                errors.TRY_AGAIN_LATER, f"This server has {self.settings.connections} connections, all it may."
            )

    def join(self, client: Client) -> None:
        """Take a client in: from now on it is ended with its session. It gets nothing before `catch_up`.

        Call it without any `await` after its credential was verified, or the end of its session may be missed.

        Raises:
            Refused: the person has too many connections.
        """
        own = self._clients.get(client.person_id, ())
        if len(own) >= self.settings.connections_of_a_person:
            raise errors.Refused(
                errors.TOO_MANY_CONNECTIONS, f"You have {len(own)} live connections, all that one may have."
            )
        self._clients[client.person_id].add(client)
        self._sessions[client.session_id].add(client)
        self._count += 1
        client.check_at = asyncio.get_running_loop().time() + self.settings.recheck_seconds
        self._measure()

    def leave(self, client: Client) -> None:
        """Forget a client that is gone."""
        for group, key in ((self._clients, client.person_id), (self._sessions, client.session_id)):
            group[key].discard(client)
            if not group[key]:
                del group[key]
        self._count -= 1
        self._measure()

    async def catch_up(self, client: Client, since: Cursor | None) -> None:
        """Send what happened after `since` (None: nothing of the past), then let the hub go on.

        Raises:
            CursorTooOld: the log no longer holds what comes right after it.
            Refused: the client does not keep up.
            DatabaseUnavailable, DatabaseBusy: the log cannot be read now.
        """
        is_greeted = False
        while not client.is_ended:
            async with self._catching_up, self._database.reading() as session:
                if since is None:
                    page = Page([], await present(session), has_more=False)
                else:
                    page = await changes_for(session, client.person_id, since, limit=BATCH)
            if page.changes or not is_greeted:
                await client.send(page.changes, page.next)
                is_greeted = True
            since = page.next
            if page.has_more or (self._cursor is not None and since < self._cursor):
                continue  # the hub went past while we were sending
            if self._asked is not None and client.person_id not in self._asked:
                await self._has_read.wait()  # it is about to go past, without what is ours
                continue
            client.received = since  # no await since the comparison: from here on the hub hands it out
            if self._cursor is None:
                self._cursor = since
            return

    async def _keep_on(self, work: Any) -> None:
        while True:
            try:
                await work()
            except Problem as problem:
                _log.warning("live.waits", reason=problem.detail)
                await asyncio.sleep(self.settings.poll_seconds)
            except Exception:  # noqa: BLE001 - a defect in one round must not end the others; it is logged
                _log.exception("live.loop_failed")
                await asyncio.sleep(self.settings.poll_seconds)

    async def _read(self) -> None:
        nearby = 0
        while True:
            self._wake.clear()
            is_more_near = False
            if self._cursor is not None:
                has_more, is_more_near = await self._read_once(self._cursor)
                if has_more:
                    continue
            nearby = nearby + 1 if is_more_near else 0
            if is_more_near:  # an older transaction hides it, and nobody wakes us when that one ends
                await asyncio.sleep(_NEAR_SECONDS[min(nearby, len(_NEAR_SECONDS)) - 1])
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(self.settings.poll_seconds):
                    await self._wake.wait()

    async def _read_once(self, since: Cursor) -> tuple[bool, bool]:
        """Read and hand out one batch; whether there is more, and whether more becomes visible in a moment."""
        if not self._clients:
            self._cursor = None
            return False, False
        self._asked = frozenset(self._clients)
        self._has_read.clear()
        try:
            return await self._hand_out(self._asked, since)
        finally:
            self._asked = None
            self._has_read.set()

    async def _hand_out(self, person_ids: frozenset[UUID], since: Cursor) -> tuple[bool, bool]:
        try:
            async with self._database.reading() as session:
                news = await news_for(session, person_ids, since, limit=BATCH)
        except CursorTooOld:  # the log began anew beneath us
            for client in self._everyone():
                client.end(errors.CURSOR_TOO_OLD, "The log began anew. Load everything anew.")
            self._cursor = None
            return False, False
        by_person: defaultdict[UUID, list[Change]] = defaultdict(list)
        for person_id, change in news.changes:
            by_person[person_id].append(change)
        concerned = [client for person_id in by_person for client in self._clients.get(person_id, ())]
        if concerned:
            await self._check([client for client in concerned if not client.is_checked])
            if not await self._bus.confirm():  # the end of a session may have been missed
                await self._check(concerned)
        for person_id, changes in by_person.items():
            for client in self._clients.get(person_id, ()):
                client.offer(changes, news.next)
        self._cursor = news.next
        return news.has_more, news.is_more_near

    async def _mind(self) -> None:
        """Each second: end what expired, verify what is due, and show quiet clients that the line is open."""
        while True:
            await asyncio.sleep(min(1.0, self.settings.heartbeat_seconds))
            now, unix = asyncio.get_running_loop().time(), time.time()
            due = []
            for client in list(self._everyone()):
                if client.expires_at <= unix:
                    client.end(errors.SIGN_IN_AGAIN, "The access token has expired. Connect again with a new one.")
                elif client.check_at <= now or not client.is_checked:
                    due.append(client)
                elif client.quiet_since + self.settings.heartbeat_seconds <= now and self._cursor is not None:
                    client.offer([], self._cursor)
            await self._check(due)

    async def _check(self, clients: Iterable[Client]) -> None:
        """Verify credentials again; whoever's is no longer good is ended.

        Raises:
            DatabaseUnavailable, DatabaseBusy: it cannot be found out.
        """
        limit = asyncio.Semaphore(_CHECKS_AT_ONCE)

        async def check(client: Client) -> None:
            async with limit:
                try:
                    await client.verify()
                except NotAuthenticated as refused:
                    client.end(errors.SIGN_IN_AGAIN, refused.detail)
                else:
                    client.is_checked = True
                    client.check_at = asyncio.get_running_loop().time() + self.settings.recheck_seconds

        outcomes = await asyncio.gather(*map(check, clients), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    def _session_ended(self, payload: dict[str, Any]) -> None:
        if "sids" not in payload:  # the bus was away: any session may have ended
            for client in self._everyone():
                client.is_checked = False
            return
        for session_id in map(UUID, payload["sids"]):
            for client in list(self._sessions.get(session_id, ())):
                client.end(errors.SIGN_IN_AGAIN, "This session has ended. Sign in again.")

    def _everyone(self) -> Iterable[Client]:
        return (client for clients in list(self._clients.values()) for client in list(clients))

    def _measure(self) -> None:
        if self._gauge is not None:
            self._gauge.set(self._count)
