"""One request's unit of work: its sessions, and the one place where a request commits.

The transaction is committed after the response was built and before its first byte leaves, so a commit that fails is
never answered as success. (FastAPI's own `yield` dependencies end after the response, unless told otherwise.)
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import structlog
from starlette.requests import Request

from commonplace.platform.database.errors import DatabaseUnavailable
from commonplace.platform.database.session import (
    Database,
    ReadSession,
    WriteSession,
    begin,
    commit,
    rollback,
)
from commonplace.platform.database.spare import Connection
from commonplace.platform.parts import Parts

Action = Callable[[], Awaitable[None]]
_log = structlog.get_logger(__name__)


class Unit:
    """The sessions of one request, opened when they are first asked for."""

    __slots__ = ("_after_commit", "_after_rollback", "_connection", "_parts", "_read", "_write")

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._connection: Connection | None = None
        self._read: ReadSession | None = None
        self._write: WriteSession | None = None
        self._after_commit: list[Action] = []
        self._after_rollback: list[Action] = []

    async def reading(self) -> ReadSession:
        """The request's session for reading: the transaction, when one is open."""
        if self._write is not None:
            return self._write
        if self._read is None:
            self._connection = await self._parts[Database].acquire()
            self._read = ReadSession(self._connection)
        return self._read

    async def writing(self) -> WriteSession:
        """The request's transaction, begun now if it was not."""
        if self._write is None:
            if self._connection is None:
                self._connection = await self._parts[Database].acquire()
            await begin(self._connection)
            self._write = WriteSession(self._connection)
        return self._write

    @asynccontextmanager
    async def at_once(self) -> AsyncIterator[WriteSession]:
        """A session for exactly one statement, which is a transaction by itself: no BEGIN and no COMMIT are sent.

        It saves two round trips where a request is one statement. When that has written, say so with
        `nothing_to_undo`; a transaction may follow where it has not.
        """
        if self._write is not None:
            raise RuntimeError("A transaction is open already; the statement belongs into it.")
        if self._connection is None:
            self._connection = await self._parts[Database].acquire()
        session = WriteSession(self._connection)
        try:
            yield session
        except (DatabaseUnavailable, asyncio.CancelledError):
            self.nothing_to_undo()
            raise
        self._parts[Database].announce(session)

    def nothing_to_undo(self) -> None:
        """Something was committed, or may have been: what was meant for a rollback is not to be done any more."""
        self._after_rollback.clear()

    @property
    def is_writing(self) -> bool:
        """Whether a transaction was begun."""
        return self._write is not None

    def after_commit(self, action: Action) -> None:
        """Have `action` done when the commit has succeeded: what lies outside the database. Its errors are logged."""
        self._after_commit.append(action)

    def after_rollback(self, action: Action) -> None:
        """Have `action` done when it is certain that nothing was committed. Its errors are logged.

        When the database went away during the commit nobody knows, and it is not done.
        """
        self._after_rollback.append(action)

    async def commit(self) -> None:
        """Commit what was written, give the connection back, and wake whoever waits for news."""
        connection, self._connection = self._connection, None
        if connection is not None:
            is_clean = False
            try:
                if self._write is not None:
                    await commit(connection)
                is_clean = True
            except (DatabaseUnavailable, asyncio.CancelledError):
                self.nothing_to_undo()
                raise
            finally:
                await self._parts[Database].release(connection, is_clean=is_clean)
            if self._write is not None:
                self._parts[Database].announce(self._write)
            self._read = self._write = None
        if self._after_commit:
            await _do(self._after_commit)

    async def rollback(self) -> None:
        """Undo what was written and give the connection back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                if self._write is not None:
                    await rollback(connection)
            finally:
                self._read = self._write = None
                await self._parts[Database].release(connection)
        if self._after_rollback:
            await _do(self._after_rollback)


async def _do(actions: list[Action]) -> None:
    while actions:
        try:
            await actions.pop()()
        except Exception:  # noqa: BLE001 - the answer is right without it, and a sweep makes up for it; it is logged
            _log.exception("unit.action_failed")


def unit_of(request: Request) -> Unit:
    """The unit of work of a request; every route of a `Router` has one."""
    unit: Any = request.scope.get("commonplace.unit")
    if not isinstance(unit, Unit):
        raise TypeError("The route has no unit of work: make it with commonplace.platform.http.routing.Router.")
    return unit
