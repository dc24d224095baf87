"""What is done about archives while nobody waits: making, reading in, and removing those whose time is over."""

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Final
from uuid import UUID

import structlog

from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database
from commonplace.platform.errors import Problem
from commonplace.platform.events.event import ScheduleTick
from commonplace.platform.events.registry import Context
from commonplace.platform.leaving import archives, exporting
from commonplace.platform.leaving.errors import ArchiveNotFound, ArchiveRefused, Cancelled
from commonplace.platform.leaving.events import ArchiveAsked, ArchiveSent
from commonplace.platform.leaving.reading_in import on_disk, read_in
from commonplace.platform.leaving.settings import LeavingSettings
from commonplace.platform.storage.errors import StorageFull
from commonplace.platform.storage.keys import Category, new_key
from commonplace.platform.storage.protocol import ObjectStorage

_EVERY_SECONDS: Final = 1.0
_log = structlog.get_logger(__name__)


class Progress:
    """Writes down how far the work is, once a second at most, and notices a cancellation."""

    def __init__(self, database: Database, row: Row) -> None:
        self._database = database
        self._row = row
        self._last = 0.0

    async def __call__(self, done_bytes: int, total_bytes: int) -> None:
        """Say how far it is.

        Raises:
            Cancelled: somebody does not want it any more.
        """
        now = time.monotonic()
        if now - self._last < _EVERY_SECONDS and done_bytes:
            return
        self._last = now
        async with self._database.writing() as session:
            goes_on = await archives.progress(session, self._row, done_bytes, total_bytes)
        if not goes_on:
            raise Cancelled


async def make_archive(event: ArchiveAsked, context: Context) -> None:
    """Make an archive. One whose process died is begun anew: what it wrote was never there."""
    await _work(event.archive_id, context, _make)


async def read_archive_in(event: ArchiveSent, context: Context) -> None:
    """Read an archive in. One whose process died goes on: what was taken is not taken twice."""
    await _work(event.archive_id, context, _read_in)


async def _work(archive_id: UUID, context: Context, do: Callable[[Row, Context], Awaitable[None]]) -> None:
    database = context.parts[Database]
    with suppress(ArchiveNotFound):
        async with database.reading() as session:
            row = await archives.read(session, archive_id)
        async with database.writing() as session:
            if not await archives.begin(session, row.id):
                return
        try:
            await do(row, context)
        except Cancelled:
            _log.info("archive.cancelled", archive_id=str(row.id))
        except Exception as error:
            is_last = context.delivery.attempt >= context.delivery.max_attempts
            if not (is_last or _is_final(error)):
                raise
            async with database.writing() as session:
                await archives.fail(session, row, _reason(error))
            if not isinstance(error, Problem | OSError):  # a defect is not hidden
                raise


async def _make(row: Row, context: Context) -> None:
    parts = context.parts
    key = new_key(Category.EXPORTS, "zip")
    stored = await exporting.export(parts, row.person_id, key, Progress(parts[Database], row))
    try:
        async with parts[Database].writing() as session:
            is_wanted = await archives.end(
                session,
                row,
                days=parts[LeavingSettings].archive_days,
                key=key,
                size_bytes=stored.size_bytes,
                sha256=stored.sha256_hex,
            )
    except BaseException:
        await parts[ObjectStorage].delete(key)
        raise
    if not is_wanted:
        await parts[ObjectStorage].delete(key)
        raise Cancelled


async def _read_in(row: Row, context: Context) -> None:
    parts, database = context.parts, context.parts[Database]
    if row.key is None:
        raise Cancelled
    async with on_disk(parts[ObjectStorage], row.key) as path:
        report = await read_in(
            parts, path, archive_id=row.id, person_id=row.person_id, on_progress=Progress(database, row)
        )
    async with database.writing() as session:
        days = parts[LeavingSettings].archive_days
        sent = {"key": row.key, "size_bytes": row.size_bytes, "sha256": row.sha256}
        await archives.end(session, row, days=days, report=report, **sent)
    await parts[ObjectStorage].delete(row.key)
    async with database.writing() as session:
        await archives.forget_key(session, row.id)


def _is_final(error: Exception) -> bool:
    return isinstance(error, StorageFull | ArchiveRefused) or getattr(error, "status", None) == HTTPStatus.NOT_FOUND


def _reason(error: Exception) -> str:
    if isinstance(error, StorageFull):
        return "There is no room for it on this server. Remove what you need no more, or tell who runs it."
    if isinstance(error, Problem):
        return error.detail
    if isinstance(error, OSError):
        return "The server could not write it: its temporary directory is full or broken. Tell who runs it."
    return "It could not be done. The fault is the server's; tell who runs it."


async def remove_old_archives(_tick: ScheduleTick, context: Context) -> None:
    """The schedule: archives whose days are over, and those that were read in, lose their bytes."""
    database, storage = context.parts[Database], context.parts[ObjectStorage]
    while True:
        async with database.reading() as session:
            rows = await archives.over(session)
        if not rows:
            break
        await storage.delete(*(row.key for row in rows))
        for row in rows:
            async with database.writing() as session:
                await archives.forget_key(session, row.id)
    async with database.writing() as session:
        await archives.forget_old(session)
