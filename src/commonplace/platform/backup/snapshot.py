"""One moment of the database: what is in it, and which objects belong to it.

Two connections are held. One keeps the sweep from removing objects for as long as they are copied; the other shows the
moment, and is let go as soon as the database is dumped: a snapshot that is held keeps dead rows from being cleaned up.
"""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC
from importlib import metadata
from typing import IO, Any, Final, NamedTuple

import asyncpg
from sqlalchemy import text

from commonplace.platform.backup.archive import FORMAT, Header
from commonplace.platform.backup.errors import InTheWay
from commonplace.platform.database.ids import new_id
from commonplace.platform.database.query import Query
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database, ReadSession
from commonplace.platform.database.spare import Connection
from commonplace.platform.events.registry import Registry
from commonplace.platform.parts import Parts
from commonplace.platform.storage.objects import ObjectUses
from commonplace.platform.storage.protocol import ObjectStorage
from commonplace.platform.storage.removal import COPYING

_PAGE: Final = 1000
_UNLIMITED: Final = "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0"
_ABOUT = Query(
    text("""
    SELECT current_setting('server_version_num') AS version, epoch.current AS epoch, clock_timestamp() AS at,
        ARRAY(SELECT version_num FROM platform.alembic_version ORDER BY version_num) AS heads
    FROM platform.epoch
    """)
)
# A branch is named as its schema is; an app that is installed no more has its rows kept all the same.
_SCHEMAS = Query(
    text("""
    SELECT nspname AS name FROM pg_namespace
    WHERE nspname = ANY(CAST(:names AS text[])) OR nspname = 'platform' OR nspname IN (
        SELECT regexp_replace(version_num, '_[0-9]+$', '') FROM platform.alembic_version)
    ORDER BY nspname
    """)
)
_TABLES = Query(
    text("""
    SELECT format('%I.%I', nspname, relname) AS name
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = ANY(CAST(:schemas AS text[])) AND relkind IN ('r', 'p') AND NOT relispartition
    ORDER BY nspname, relname
    """)
)
_OBJECTS = Query(text("SELECT key, size_bytes, encode(sha256, 'hex') AS sha256 FROM platform.object ORDER BY key"))


class Wanted(NamedTuple):
    """An object that belongs to the moment."""

    key: str
    size_bytes: int
    sha256: str | None  #: None: machines derived it and its digest is not known; it may be gone


class Moment(NamedTuple):
    """The moment, while its transaction is open."""

    header: Header
    snapshot: str  #: as `pg_export_snapshot` names it


@asynccontextmanager
async def nothing_is_removed(database: Database) -> AsyncIterator[None]:
    """Keep the sweep from removing objects until the block ends. It waits for a removal under way."""
    async with _transaction(database, "read committed") as session:
        await session.execute(COPYING)
        yield


@asynccontextmanager
async def moment(parts: Parts, listing: IO[bytes]) -> AsyncIterator[Moment]:
    """The database as of now, until the block ends; the objects of it are written to `listing`, one a line.

    Raises:
        InTheWay: a table is locked; a migration runs, say.
    """
    async with _transaction(parts[Database], "repeatable read") as session:
        try:
            about = await session.first(_ABOUT)
            if about is None:
                raise LookupError("platform.epoch is empty; the database was not migrated.")
            snapshot = await session.scalar(Query(text("SELECT pg_export_snapshot()")))
            schemas = await schemas_of(session, parts[Registry].app_names)
            tables = await count_rows(session, schemas)
            objects, object_bytes = await _list(session, parts, listing)
        except asyncpg.LockNotAvailableError as error:
            raise InTheWay("A table is locked, perhaps by a migration. Try again when it is done.") from error
        header = Header(
            format=FORMAT,
            id=str(new_id()),
            release=metadata.version("commonplace"),
            taken_at=about.at.astimezone(UTC).isoformat(timespec="microseconds"),
            server_version=int(about.version),
            epoch=about.epoch,
            schemas=list(schemas),
            heads=list(about.heads),
            tables=tables,
            objects=objects,
            object_bytes=object_bytes,
        )
        yield Moment(header, snapshot)


async def schemas_of(session: ReadSession, app_names: Sequence[str]) -> Sequence[str]:
    """The schemas of this installation that are there."""
    return [row.name for row in await session.all(_SCHEMAS, names=list(app_names))]


async def count_rows(session: ReadSession, schemas: Sequence[str]) -> dict[str, int]:
    """The number of rows of each table of these schemas."""
    tables = await session.all(_TABLES, schemas=list(schemas))
    return {row.name: await session.scalar(Query(text(f"SELECT count(*) FROM {row.name}"))) for row in tables}


async def _list(session: ReadSession, parts: Parts, listing: IO[bytes]) -> tuple[int, int]:
    """Write down what is to be copied: the objects of the rows, then what other rows name and the storage holds."""
    number = size_bytes = 0
    async for wanted in _wanted(session, parts):
        listing.write(json.dumps(wanted).encode() + b"\n")
        number += 1
        size_bytes += wanted.size_bytes
    listing.flush()
    return number, size_bytes


async def _wanted(session: ReadSession, parts: Parts) -> AsyncIterator[Wanted]:
    async for row in session.stream(_OBJECTS, batch=_PAGE):
        yield Wanted(row.key, row.size_bytes, row.sha256)
    queries = [Query(text(sql)) for sql in parts[ObjectUses].backed_up_keys]
    page: dict[str, int] = {}

    async def named() -> Sequence[Wanted]:
        known: set[str] = set()
        for query in queries:
            rows: Sequence[Row] = await session.all(query, keys=list(page))
            known.update(row.key for row in rows)
        return [Wanted(key, page[key], None) for key in sorted(known)]

    async for info in parts[ObjectStorage].list():
        page[info.key] = info.size_bytes
        if len(page) == _PAGE:
            for wanted in await named():
                yield wanted
            page.clear()
    for wanted in await named():
        yield wanted


@asynccontextmanager
async def _transaction(database: Database, isolation: str) -> AsyncIterator[ReadSession]:
    """A connection of its own, with a transaction that may stay open for long and writes nothing."""
    arguments: dict[str, Any] = database.connect_arguments()
    connection: Connection = await asyncpg.connect(**arguments)
    try:
        await connection.execute(f"BEGIN ISOLATION LEVEL {isolation} READ ONLY; {_UNLIMITED}")
        yield ReadSession(connection)
        await connection.execute("COMMIT")
    finally:
        await connection.close(timeout=5)
