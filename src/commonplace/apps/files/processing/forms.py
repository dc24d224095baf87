"""Thumbnails in further forms, AVIF and WebP: smaller for who takes them, made when nothing else waits."""

import tempfile
from pathlib import Path
from typing import Final
from uuid import UUID

from commonplace.apps.files.events import FileProcessed
from commonplace.apps.files.processing import queries
from commonplace.apps.files.settings import FilesSettings
from commonplace.platform.database.session import Database
from commonplace.platform.events.registry import Context
from commonplace.platform.media.formats import FORMATS, HEIC
from commonplace.platform.media.pictures import as_file, blocks_of
from commonplace.platform.media.process import Media
from commonplace.platform.media.rendering import Rendered
from commonplace.platform.parts import Parts
from commonplace.platform.storage.keys import Category, new_key
from commonplace.platform.storage.protocol import ObjectStorage

_SIZES: Final = (256, 1024)  #: of the largest, few are looked at
_MEDIA_TYPES: Final = (*FORMATS, HEIC)


async def make_forms(event: FileProcessed, context: Context) -> None:
    """Keep the thumbnails of a picture in the forms that the installation wants, as far as they are missing."""
    parts = context.parts
    wanted = parts[FilesSettings].picture_forms
    if event.state != "done" or not wanted:
        return
    async with parts[Database].reading() as session:
        row = await session.first(queries.TO_FORM, object_id=event.object_id, media_types=list(_MEDIA_TYPES))
    missing = [form for form in wanted if row is not None and form not in row.forms]
    if row is None or not missing:
        return
    async with as_file(parts[ObjectStorage], row.key) as source:
        for form in missing:
            with tempfile.TemporaryDirectory(prefix="commonplace-forms-") as folder:
                rendered = await parts[Media].describe_and_render(source, Path(folder), sizes=_SIZES, form=form)
                await _keep(parts, event.object_id, form, rendered)


async def _keep(parts: Parts, object_id: UUID, form: str, rendered: Rendered) -> None:
    """Store the pictures and name them. What cannot be made is left: the JPEG is there."""
    storage, written = parts[ObjectStorage], False
    keys: dict[Path, str] = {}
    try:
        for rendition in rendered.renditions:
            if rendition.path not in keys:
                keys[rendition.path] = new_key(Category.THUMBNAILS, form)
                await storage.put(keys[rendition.path], blocks_of(rendition.path), content_type=rendition.media_type)
        async with parts[Database].writing() as session:
            numbers = [
                await session.execute(
                    queries.WRITE_FORM,
                    object_id=object_id,
                    form=form,
                    size=rendition.size,
                    key=keys[rendition.path],
                    media_type=rendition.media_type,
                    width=rendition.width,
                    height=rendition.height,
                    size_bytes=rendition.size_bytes,
                )
                for rendition in rendered.renditions
            ]
        written = any(numbers)
    finally:
        if not written:
            await storage.delete(*keys.values())
