"""Sessions: how everything above reads and writes the database.

A `ReadSession` sees each statement by itself (autocommit); a `WriteSession` is one transaction. Only `Database`
commits: a service that could commit could not be combined with another. Both go to the driver itself; `query.py`
says why.
"""

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar

import asyncpg
from sqlalchemy.sql import ClauseElement

from commonplace.platform.cancellation import is_being_cancelled
from commonplace.platform.database.address import Address
from commonplace.platform.database.errors import DatabaseBusy, DatabaseUnavailable, QuotaExceeded, StatementTooLong
from commonplace.platform.database.query import Query
from commonplace.platform.database.row import Row, prepare_connection
from commonplace.platform.database.settings import DatabaseSettings
from commonplace.platform.database.spare import Connection, Spare
from commonplace.platform.database.traced import traced_connections
from commonplace.platform.telemetry.tracing import Tracing

P = ParamSpec("P")
T = TypeVar("T")
Statement = Query | ClauseElement
if TYPE_CHECKING:  # the driver's classes are generic for the type checker only
    Pool: TypeAlias = asyncpg.Pool[Row]
else:
    Pool = asyncpg.Pool

_GONE = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the driver's word for a connection that ended while it was being used
    OSError,
)
_TOO_LONG = (asyncpg.QueryCanceledError, asyncpg.LockNotAvailableError, asyncpg.IdleInTransactionSessionTimeoutError)


def translated(function: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Turn what the driver raises for a lost or overtaxed server into our problems, here and nowhere else."""

    @functools.wraps(function)
    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await function(*args, **kwargs)
        except _TOO_LONG as error:
            raise StatementTooLong from error
        except _GONE as error:
            raise DatabaseUnavailable from error
        except asyncpg.PostgresError as error:
            if error.sqlstate == QuotaExceeded.sqlstate:
                raise QuotaExceeded from error
            raise
        except asyncio.CancelledError as error:
            if is_being_cancelled():
                raise
            raise DatabaseUnavailable from error  # the driver cancels what waits on a connection that ends

    return call


class ReadSession:
    """Reads; each statement sees what was committed when it began. May be used by one task at a time."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @translated
    async def all(self, statement: Statement, /, **parameters: Any) -> Sequence[Row]:
        """Every row of the answer; none gives an empty sequence."""
        sql, values = _bound(statement, parameters)
        return await self._connection.fetch(sql, *values)

    @translated
    async def first(self, statement: Statement, /, **parameters: Any) -> Row | None:
        """The first row of the answer, or None."""
        sql, values = _bound(statement, parameters)
        return await self._connection.fetchrow(sql, *values)

    @translated
    async def scalar(self, statement: Statement, /, **parameters: Any) -> Any:
        """The first column of the first row, or None."""
        sql, values = _bound(statement, parameters)
        return await self._connection.fetchval(sql, *values)

    @translated
    async def execute(self, statement: Statement, /, **parameters: Any) -> int:
        """Run a statement; how many rows it touched."""
        sql, values = _bound(statement, parameters)
        status = await self._connection.execute(sql, *values)
        count = status.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    async def stream(self, statement: Statement, /, *, batch: int = 500, **parameters: Any) -> AsyncIterator[Row]:
        """The rows of a long answer, `batch` at a time: memory stays flat. Only inside a transaction."""
        sql, values = _bound(statement, parameters)
        async for row in self._connection.cursor(sql, *values, prefetch=batch):
            yield row

    @property
    def connection(self) -> Connection:
        """The driver's connection, for COPY and the like."""
        return self._connection


class WriteSession(ReadSession):
    """One transaction: everything it writes is committed together, or not at all."""

    __slots__ = ("news",)

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.news = False  #: whether an event was told in it: somebody waits to be woken


class Database:
    """A bounded pool of connections of this process, and the sessions over it."""

    def __init__(
        self,
        address: Address,
        settings: DatabaseSettings,
        *,
        name: str = "commonplace",
        tracing: Tracing | None = None,
    ) -> None:
        """With `tracing` that is on, every statement of a request or a delivery is a step of its trace."""
        self.address = address
        self.settings = settings
        #: called when the server refuses the password; whether there is another by now
        self.on_refused: Callable[[], Awaitable[bool]] | None = None
        self.on_news: Callable[[], None] | None = None  #: called after each commit that told an event
        self._name = name
        self._tracing = tracing or Tracing()
        self._pool: Pool | None = None
        self._opening = asyncio.Lock()
        self._spare = Spare(self._to_pool)

    async def close(self) -> None:
        """Close every connection, after the sessions under way (10 s at most)."""
        await self._spare.close()
        pool, self._pool = self._pool, None
        if pool is not None:
            try:
                async with asyncio.timeout(10):
                    await pool.close()
            except TimeoutError:
                pool.terminate()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[ReadSession]:
        """A session that writes nothing.

        Raises:
            DatabaseUnavailable: the server cannot be reached.
            DatabaseBusy: no connection came free in time.
        """
        connection = await self.acquire()
        is_clean = False
        try:
            yield ReadSession(connection)
            is_clean = True
        finally:
            await self.release(connection, is_clean=is_clean)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[WriteSession]:
        """A transaction: committed when the block ends, rolled back when it raises.

        Raises:
            DatabaseUnavailable: the server cannot be reached, or went away before it said that it committed.
            DatabaseBusy: no connection came free in time.
        """
        connection = await self.acquire()
        is_clean = False
        try:
            await begin(connection)
            session = WriteSession(connection)
            try:
                yield session
            except BaseException:
                await rollback(connection)
                raise
            await commit(connection)
            is_clean = True
            self.announce(session)
        finally:
            await self.release(connection, is_clean=is_clean)

    def take_address(self, address: Address) -> None:
        """Open further connections at this address (with a new password, say). Those that are open go on."""
        self.address = address
        if self._pool is not None:
            of_pool = {"record_class", "connection_class"}  # which it keeps by itself
            given = self.connect_arguments()
            self._pool.set_connect_args(**{name: given[name] for name in given.keys() - of_pool})

    def announce(self, session: WriteSession) -> None:
        """After a commit: wake whoever waits for events, when the session told some."""
        if session.news and self.on_news is not None:
            self.on_news()

    async def acquire(self) -> Connection:
        """A connection out of the pool; give it back with `release`. Prefer `reading` and `writing`."""
        connection = self._spare.take()
        if connection is not None:
            return connection
        try:
            return await self._acquire()
        except asyncpg.InvalidAuthorizationSpecificationError as error:
            if self.on_refused is None or not await self.on_refused():
                raise DatabaseUnavailable from error
        try:
            return await self._acquire()
        except asyncpg.InvalidAuthorizationSpecificationError as error:
            raise DatabaseUnavailable from error

    async def _acquire(self) -> Connection:
        pool = self._pool or await self._open()
        wait_seconds = self.settings.acquire_timeout_seconds
        self._spare.wanted += 1
        try:
            return await pool.acquire(timeout=wait_seconds)
        except TimeoutError as error:
            raise DatabaseBusy(wait_seconds) from error
        except _GONE as error:
            raise DatabaseUnavailable from error
        except asyncio.CancelledError as error:
            if is_being_cancelled():
                raise
            raise DatabaseUnavailable from error
        finally:
            self._spare.wanted -= 1

    async def release(self, connection: Connection, *, is_clean: bool = False) -> None:
        """Give a connection back; one that broke is replaced.

        `is_clean` says that all it was asked for came to a good end: then it may serve the next at once.
        """
        if self._pool is None or (is_clean and self._spare.keep(connection)):
            return
        await self._to_pool(connection)

    async def _to_pool(self, connection: Connection) -> None:
        if self._pool is not None:
            try:
                await self._pool.release(connection)
            except _GONE:
                _drop(connection)
            except asyncio.CancelledError:
                _drop(connection)
                if is_being_cancelled():
                    raise

    @translated
    async def _open(self) -> Pool:
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    **self.connect_arguments(),
                    min_size=0,
                    max_size=self.settings.pool_size,
                    max_inactive_connection_lifetime=60.0,
                    reset=_keep_as_it_is,
                    init=prepare_connection,
                )
            return self._pool

    def connect_arguments(self) -> dict[str, Any]:
        """What every connection of this process is opened with."""
        settings = self.settings
        arguments: dict[str, Any] = {
            **self.address.driver_arguments(),
            "timeout": settings.connect_timeout_seconds,
            "record_class": Row,
            "server_settings": {"application_name": self._name},
        }
        if self._tracing.enabled:
            arguments["connection_class"] = traced_connections(self._tracing, self.address)
        if settings.pooler == "transaction":
            # The server's connection changes between transactions: neither prepared statements nor settings stay.
            arguments["statement_cache_size"] = 0
        else:
            arguments["server_settings"] |= {
                "timezone": "UTC",
                "statement_timeout": f"{settings.statement_timeout_seconds * 1000:.0f}",
                "lock_timeout": f"{settings.lock_timeout_seconds * 1000:.0f}",
                "idle_in_transaction_session_timeout": f"{settings.transaction_timeout_seconds * 1000:.0f}",
                "jit": "off",
            }
        return arguments


@translated
async def begin(connection: Connection) -> None:
    """Begin the transaction of a `WriteSession`."""
    await connection.execute("BEGIN")


@translated
async def commit(connection: Connection) -> None:
    """Commit the transaction of a `WriteSession`."""
    status = await connection.execute("COMMIT")
    if status != "COMMIT":  # the server answers ROLLBACK when a statement had failed and its error was swallowed
        raise TransactionAborted


async def rollback(connection: Connection) -> None:
    """Undo the transaction of a `WriteSession`; a connection that is gone has done so by itself."""
    try:
        await connection.execute("ROLLBACK")
    except (*_GONE, asyncpg.PostgresError, TimeoutError):
        _drop(connection)
    except asyncio.CancelledError:
        _drop(connection)
        if is_being_cancelled():
            raise


def _drop(connection: Connection) -> None:
    """Close a connection that cannot be used further; the driver may have noticed, and taken it back, before us."""
    with suppress(asyncpg.InterfaceError):
        connection.terminate()


class TransactionAborted(Exception):
    """A statement failed inside a transaction that went on to commit: a defect, never answered as success."""


async def _keep_as_it_is(_connection: "asyncpg.Connection[Row]") -> None:
    """No reset between uses: nothing here changes a connection's settings, and a reset costs a round trip a request."""


def _bound(statement: Statement, parameters: dict[str, Any]) -> tuple[str, list[Any]]:
    query = statement if isinstance(statement, Query) else Query(statement)
    return query.bound(parameters)
