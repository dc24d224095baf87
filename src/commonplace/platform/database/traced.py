"""Connections whose statements are steps of a trace. Pools open them when tracing is on; else nothing here is used.

A class of connections, not a question at each statement: where tracing is off, no statement pays for it.
"""

from typing import TYPE_CHECKING, Any, Final

import asyncpg

from commonplace.platform.database.address import Address
from commonplace.platform.telemetry.correlation import correlation_id
from commonplace.platform.telemetry.tracing import Attribute, Tracing

if TYPE_CHECKING:
    from commonplace.platform.database.row import Row

    Connection = asyncpg.Connection[Row]
else:
    Connection = asyncpg.Connection

TEXT_LIMIT: Final = 2_000  #: characters of a statement that a span keeps


def traced_connections(tracing: Tracing, address: Address) -> type[Connection]:
    """Connections to `address` that record each statement of a request or a delivery, BEGIN and COMMIT among them.

    A span has the statement with its parameters numbered, and never their values: neither does what is kept of an
    error, for the server's texts repeat them. What belongs to no request and no delivery (the worker's polling) would
    be a trace by itself, and is not recorded; nor are COPY and the rows of a cursor.
    """
    server: dict[str, Attribute] = {
        "db.system.name": "postgresql",
        "db.namespace": address.database,
        "server.address": address.host,
        "server.port": address.port,
    }

    async def step(method: Any, connection: Connection, sql: str, *values: Any, **options: Any) -> Any:
        if correlation_id.get() is None:
            return await method(connection, sql, *values, **options)
        operation = sql.split(None, 1)[0].upper()
        attributes = {**server, "db.operation.name": operation, "db.query.text": sql[:TEXT_LIMIT]}
        with tracing.span(operation, kind="client", attributes=attributes) as span:
            try:
                return await method(connection, sql, *values, **options)
            except asyncpg.PostgresError as error:
                span.set("db.response.status_code", error.sqlstate or "")
                raise

    class TracedConnection(Connection):
        async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
            return await step(Connection.fetch, self, query, *args, **options)

        async def fetchrow(self, query: str, *args: Any, **options: Any) -> Any:
            return await step(Connection.fetchrow, self, query, *args, **options)

        async def fetchval(self, query: str, *args: Any, **options: Any) -> Any:
            return await step(Connection.fetchval, self, query, *args, **options)

        async def execute(self, query: str, *args: Any, **options: Any) -> str:
            status: str = await step(Connection.execute, self, query, *args, **options)
            return status

        async def executemany(self, command: str, args: Any, **options: Any) -> None:
            await step(Connection.executemany, self, command, args, **options)

    return TracedConnection
