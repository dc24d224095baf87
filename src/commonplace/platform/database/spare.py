"""Connections between two uses, kept at hand.

The driver's pool makes a task and two timers each time that a connection goes and comes: a fifth of what a point read
costs. Where nobody waits, a connection in good order passes from one use to the next by a list.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from commonplace.platform.database.row import Row

if TYPE_CHECKING:  # the driver's class is generic for the type checker only
    Connection: TypeAlias = PoolConnectionProxy[Row]
else:
    Connection = PoolConnectionProxy
ToPool = Callable[[Connection], Coroutine[Any, Any, None]]

_KEPT_SECONDS: Final = 60.0  #: then all that are not in use go back to the pool, which closes what is old or idle


class Spare:
    """What was taken from the pool and is not in use. The last one used is the first to go: its plans are warm."""

    def __init__(self, to_pool: ToPool) -> None:
        self.wanted = 0  #: how many wait for the pool: meanwhile nothing is kept from it
        self._to_pool = to_pool
        self._connections: list[Connection] = []
        self._timer: asyncio.TimerHandle | None = None
        self._returning: set[asyncio.Task[None]] = set()
        self._is_closed = False

    def take(self) -> Connection | None:
        """One that can be used at once, if there is one."""
        while self._connections:
            connection = self._connections.pop()
            if is_usable(connection):
                return connection
            self._return(connection)
        return None

    def keep(self, connection: Connection) -> bool:
        """Whether it was kept; if not, it has to go to the pool."""
        if self.wanted or self._is_closed or not is_usable(connection):
            return False
        self._connections.append(connection)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_KEPT_SECONDS, self._return_all)
        return True

    async def close(self) -> None:
        """Give all of them back to the pool, and keep no more."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._return_all()
        while self._returning:
            await asyncio.wait(self._returning)

    def _return_all(self) -> None:
        self._timer = None
        while self._connections:
            self._return(self._connections.pop())

    def _return(self, connection: Connection) -> None:
        task = asyncio.create_task(self._to_pool(connection))
        self._returning.add(task)
        task.add_done_callback(self._returning.discard)


def is_usable(connection: Connection) -> bool:
    """Whether it is connected, and in no transaction that somebody left open."""
    try:
        return not connection.is_closed() and not connection.is_in_transaction()
    except asyncpg.InterfaceError:  # it ended, and the driver took it back already
        return False
