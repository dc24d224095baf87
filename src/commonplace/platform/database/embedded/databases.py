"""Make the application's database on a server that has none yet."""

from typing import Any, Protocol

import asyncpg


class _Server(Protocol):
    def connection_to(self, database: str, *, superuser: bool = False) -> dict[str, Any]: ...


async def ensure_database(server: _Server, name: str) -> bool:
    """Create the database `name` if it is missing, for the application's role; returns whether it was.

    `server` is a `Lease`, or anything else that tells how to connect.

    Raises:
        asyncpg.PostgresError, OSError: the server cannot be reached or refuses.
    """
    connection = await asyncpg.connect(**server.connection_to("postgres"))
    try:
        if await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
            return False
        quoted = '"' + name.replace('"', '""') + '"'
        try:
            await connection.execute(f"CREATE DATABASE {quoted} TEMPLATE template0")
        except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
            return False  # Another process was faster.
        return True
    finally:
        await connection.close()
