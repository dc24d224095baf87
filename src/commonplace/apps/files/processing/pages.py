"""Pages of documents as pictures: drawn when somebody looks at them, and kept for the next time."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from commonplace.apps.files.errors import FileNotFound
from commonplace.apps.files.processing import queries
from commonplace.apps.files.processing.errors import NothingFound, PagesBusy
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database
from commonplace.platform.identity.caller import Caller
from commonplace.platform.media.pictures import as_file, blocks_of
from commonplace.platform.media.process import Media
from commonplace.platform.media.rendering import Rendition
from commonplace.platform.media.serving import FOR_EVER, REVALIDATE, Content
from commonplace.platform.parts import Parts
from commonplace.platform.storage.keys import Category, new_key
from commonplace.platform.storage.protocol import ObjectStorage

SIZES: Final = (256, 1024, 2048)
MOST_KEPT: Final = 120  #: pictures of pages of one document
_MOST_AT_ONCE: Final = 8  #: pages that are drawn, or wait for it, in one process: other files are read meanwhile
_PDF: Final = "application/pdf"


class _Drawing:
    """How many pages are being drawn by this process."""

    number = 0


async def number_of_pages(parts: Parts, caller: Caller, file_id: UUID) -> int:
    """How many pages a document has.

    Raises:
        FileNotFound: there is no such file, or the caller may not see it.
        NothingFound: it has no pages that could be drawn.
    """
    return _pages(await _row(parts, caller, file_id, 1, SIZES[0]))


async def page_picture(parts: Parts, caller: Caller, file_id: UUID, page: int, size: int, shown: str | None) -> Content:
    """A page as a picture, drawn now when it is not kept.

    Raises:
        FileNotFound: there is no such file, or the caller may not see it.
        NothingFound: it has no such page, or it cannot be drawn.
        PagesBusy: too many others are being drawn.
    """
    row = await _row(parts, caller, file_id, page, size)
    pages = _pages(row)
    if page > pages:
        raise NothingFound(f"The document has {pages} pages.")
    stored = None if row.key is None else (row.key, row.size_bytes)
    if stored is None:
        stored = await _draw_in_turn(parts, row, page, size)
    if stored is None:  # somebody else was faster
        row = await _row(parts, caller, file_id, page, size)
        stored = (row.key, row.size_bytes)
    return Content(
        key=stored[0],
        size_bytes=stored[1],
        media_type="image/webp",
        tag=f"{row.sha256}-page-{page}-{size}",
        modified_at=row.processed_at or datetime.now(UTC),
        cache_control=FOR_EVER if shown == row.sha256 else REVALIDATE,
    )


async def _row(parts: Parts, caller: Caller, file_id: UUID, page: int, size: int) -> Row:
    async with parts[Database].reading() as session:
        row = await session.first(
            queries.PAGE, file_id=file_id, person_id=caller.person_id, form=f"page {page}", size=size
        )
    if row is None:
        raise FileNotFound
    return row


def _pages(row: Row) -> int:
    pages = (row.facts or {}).get("pages")
    if row.media_type != _PDF or not isinstance(pages, int):
        waits = " It has not been read yet: try again." if row.facts is None and row.media_type == _PDF else ""
        raise NothingFound(f"There are no pages to be drawn of this file.{waits}")
    return pages


async def _draw_in_turn(parts: Parts, row: Row, page: int, size: int) -> tuple[str, int] | None:
    if _Drawing.number >= _MOST_AT_ONCE:
        raise PagesBusy(_MOST_AT_ONCE)
    _Drawing.number += 1
    try:
        return await _draw(parts, row, page, size)
    finally:
        _Drawing.number -= 1


async def _draw(parts: Parts, row: Row, page: int, size: int) -> tuple[str, int] | None:
    """Draw a page and keep it: the bytes first, then the row that names them. None: another was kept meanwhile."""
    storage = parts[ObjectStorage]
    async with as_file(storage, row.source_key) as source:
        with tempfile.TemporaryDirectory(prefix="commonplace-page-") as folder:
            drawn = await parts[Media].draw_page(source, Path(folder), page=page, size=size)
            if drawn.state != "done":
                raise NothingFound(f"The page cannot be drawn: {(drawn.reason or '').partition(': ')[2]}")
            (rendition,) = drawn.renditions
            key = new_key(Category.THUMBNAILS, "webp")
            await storage.put(key, blocks_of(rendition.path), content_type=rendition.media_type)
    unused = [key]
    try:
        is_first, forgotten = await _write_down(parts, row.object_id, page, rendition, key)
        unused = forgotten if is_first else [key]
    finally:
        await storage.delete(*unused)
    return (key, rendition.size_bytes) if is_first else None


async def _write_down(
    parts: Parts, object_id: UUID, page: int, rendition: Rendition, key: str
) -> tuple[bool, list[str]]:
    """Name the stored picture, unless somebody else drew it meanwhile. Gives the keys named no longer, too."""
    async with parts[Database].writing() as session:
        written = await session.execute(
            queries.WRITE_FORM,
            object_id=object_id,
            form=f"page {page}",
            size=rendition.size,
            key=key,
            media_type=rendition.media_type,
            width=rendition.width,
            height=rendition.height,
            size_bytes=rendition.size_bytes,
        )
        forgotten = await session.all(queries.FORGET_PAGES, object_id=object_id, page=page, most=MOST_KEPT)
    return bool(written), [row.key for row in forgotten]
