"""What files does when there are new bytes: read them, and make smaller pictures."""

import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import msgspec
import structlog

from commonplace.apps.files import queries
from commonplace.apps.files.events import FileProcessed, FileReplaced, FileUploaded
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database, WriteSession
from commonplace.platform.events.log import tell
from commonplace.platform.events.registry import Context
from commonplace.platform.media.found import READER, Found
from commonplace.platform.media.pictures import as_file, blocks_of
from commonplace.platform.media.process import Media
from commonplace.platform.media.rendering import Looked, Rendered, Rendition
from commonplace.platform.parts import Parts
from commonplace.platform.storage.keys import Category, new_key
from commonplace.platform.storage.protocol import ObjectStorage

SIZES: Final = (256, 1024, 2048)  #: pixels of the longer side, at most
_MOST_FILES: Final = 100  #: files with the same bytes that are told of, the newest first
_LATECOMERS: Final = 10
_EXTENSIONS: Final = {"image/jpeg": "jpg", "image/webp": "webp"}
_log = structlog.get_logger(__name__)


class NotRenderedYet(Exception):
    """Rendering was interrupted, or had no room; the next attempt may do better."""


async def process_file(event: FileUploaded, context: Context) -> None:
    """Look at the bytes of a new file."""
    await _process(event.object_id, context)


async def process_replaced_file(event: FileReplaced, context: Context) -> None:
    """Look at the new bytes of a file."""
    await _process(event.object_id, context)


async def _process(object_id: UUID, context: Context) -> None:
    is_last = context.delivery.attempt >= context.delivery.max_attempts
    await process_object(context.parts, object_id, is_last=is_last)


async def process_object(parts: Parts, object_id: UUID, *, is_last: bool, again: bool = False) -> None:
    """Look at an object that files refer to, once however many do, and tell each of them.

    Idempotent: what was found out stands in one row for the object, and whoever comes second adds nothing. `again`
    replaces what was found before; `is_last` says that there will be no further attempt.

    Raises:
        NotRenderedYet: it was interrupted and may be tried again.
    """
    async with parts[Database].reading() as session:
        row = await session.first(queries.OBJECT_TO_PROCESS, object_id=object_id, reader=READER)
    if row is None:  # gone meanwhile
        return
    if row.state is not None and not again:
        await _tell_latecomers(parts, object_id, row)
        return
    async with as_file(parts[ObjectStorage], row.key) as source:
        with tempfile.TemporaryDirectory(prefix="commonplace-renditions-") as folder:
            looked = await parts[Media].look(source, Path(folder), sizes=SIZES, name=row.name or "")
            if looked.may_pass and not is_last:
                raise NotRenderedYet(looked.found.reason)
            keys = await _store(parts[ObjectStorage], looked.rendered.renditions if looked.rendered else ())
    await _write_down(parts, object_id, row.owner_id, looked, keys, again=again)


async def _tell_latecomers(parts: Parts, object_id: UUID, row: Row) -> None:
    """A file that came while others of the same bytes were being told must hear it, too."""
    async with parts[Database].writing() as session:
        await _tell(session, object_id, row.owner_id, row.state, limit=_LATECOMERS)


async def _tell(session: WriteSession, object_id: UUID, owner_id: UUID, state: Any, *, limit: int) -> None:
    for file in await session.all(queries.FILES_OF_OBJECT, object_id=object_id, limit=limit):
        fact = FileProcessed(file_id=file.id, object_id=object_id, state=state)
        await tell(session, fact, owner_id=owner_id, by=None, about=file.id)


async def _store(storage: ObjectStorage, renditions: Iterable[Rendition]) -> dict[Path, str]:
    """Store each picture once; sizes that share a file share its key."""
    keys: dict[Path, str] = {}
    try:
        for rendition in renditions:
            if rendition.path not in keys:
                key = new_key(Category.THUMBNAILS, _EXTENSIONS.get(rendition.media_type, ""))
                keys[rendition.path] = key
                await storage.put(key, blocks_of(rendition.path), content_type=rendition.media_type)
    except BaseException:
        await storage.delete(*keys.values())
        raise
    return keys


async def _write_down(
    parts: Parts, object_id: UUID, owner_id: UUID, looked: Looked, keys: dict[Path, str], *, again: bool
) -> None:
    """Keep what was found, in one transaction, and tell of it; the stored pictures that nobody names go."""
    unused = set(keys.values())
    try:
        async with parts[Database].writing() as session:
            is_mine = await session.execute(
                queries.WRITE_FOUND, object_id=object_id, again=again, **_read(looked.media_type, looked.found)
            )
            before: set[str] = set()
            if is_mine:
                before = {row.key for row in await session.all(queries.FORGET_PICTURES, object_id=object_id)}
                if looked.rendered is not None:
                    await _write_pictures(session, object_id, looked.rendered, keys)
                await _tell(session, object_id, owner_id, looked.state, limit=_MOST_FILES)
        if is_mine:
            unused = before
    finally:
        if unused:
            await parts[ObjectStorage].delete(*unused)
    _log.info("file.processed", object_id=str(object_id), state=looked.state, reason=looked.found.reason)


async def _write_pictures(session: WriteSession, object_id: UUID, rendered: Rendered, keys: dict[Path, str]) -> None:
    await session.execute(queries.WRITE_PROCESSING, object_id=object_id, **_findings(rendered))
    for rendition in rendered.renditions:
        await session.execute(
            queries.WRITE_RENDITION,
            object_id=object_id,
            size=rendition.size,
            key=keys[rendition.path],
            media_type=rendition.media_type,
            width=rendition.width,
            height=rendition.height,
            size_bytes=rendition.size_bytes,
        )


def _read(media_type: str, found: Found) -> dict[str, Any]:
    return {
        "state": found.state,
        "reason": found.reason,
        "media_type": media_type,
        "text": found.text,
        "is_cut": found.is_cut,
        "facts": found.facts,
        "entries": None if found.entries is None else msgspec.to_builtins(found.entries),
        "latitude": found.place.latitude if found.place else None,
        "longitude": found.place.longitude if found.place else None,
        "reader": READER,
    }


def _findings(rendered: Rendered) -> dict[str, Any]:
    taken_at: datetime | None = rendered.taken_at
    is_zone_known = taken_at is not None and taken_at.tzinfo is not None
    if taken_at is not None and not is_zone_known:  # the camera's clock, read as if it were UTC's
        taken_at = taken_at.replace(tzinfo=UTC)
    return {
        "state": rendered.state,
        "reason": rendered.reason,
        "media_type": rendered.media_type,
        "width": rendered.width,
        "height": rendered.height,
        "taken_at": taken_at,
        "is_zone_known": is_zone_known,
    }
