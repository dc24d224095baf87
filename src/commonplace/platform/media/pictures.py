"""Pictures that stand for somebody or something: an object as it came, and the squares that pages show of it.

The picture is read in the media process, which may die of it: a bomb or a lie is a reason here. What comes out is
pixels only, at a few sizes. Bytes are stored before any row speaks of them; whoever keeps rows of them says so to the
sweep by an `ObjectUse`.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from commonplace.platform.media.process import Media
from commonplace.platform.media.rendering import Rendered, Rendition
from commonplace.platform.media.square import Square
from commonplace.platform.storage.keys import Category, new_key
from commonplace.platform.storage.protocol import ObjectStorage

WHOLE: Final = "whole"  #: the name of the variant with all that there is to see
WHOLE_SIZE: Final = 1024  #: pixels of its longer side
_BLOCK: Final = 1024 * 1024
_EXTENSIONS: Final = {"image/jpeg": "jpg", "image/webp": "webp"}


class PictureUnusable(Exception):
    """The bytes are no picture that can be shown; `reason` says why, `may_pass` whether it may be cured by waiting."""

    def __init__(self, rendered: Rendered) -> None:
        super().__init__(rendered.reason)
        self.reason = (rendered.reason or "").partition(": ")[2] or "It cannot be read."
        self.may_pass = rendered.may_pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One stored form of a picture."""

    name: str  #: the length of its side in pixels, or `WHOLE`
    key: str
    media_type: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What was made of an object: how large it is, and its variants."""

    media_type: str  #: what the bytes are, whatever they were said to be
    width: int  #: pixels, as shown
    height: int
    variants: Sequence[Variant]


async def make_picture(
    media: Media, storage: ObjectStorage, source: Path, square: Square, sizes: Sequence[int]
) -> Picture:
    """Store a picture's square at these sizes, and the whole of it to choose the square in.

    The keys are new; delete them when no row comes to name them.

    Raises:
        PictureUnusable: it is no picture, or none that can be read.
        StorageFull, StorageUnavailable: the storage does not take them; nothing is left behind.
    """
    with tempfile.TemporaryDirectory(prefix="commonplace-picture-") as folder:
        whole = await _rendered(media, source, Path(folder, "whole"), [WHOLE_SIZE], None)
        cut = await _rendered(media, source, Path(folder, "square"), sizes, square)
        named = {WHOLE: whole.renditions[0]} | {str(one.size): one for one in cut.renditions}
        variants = await _stored(storage, named)
    assert whole.width is not None, "it was rendered"  # noqa: S101 - for the type checker
    assert whole.height is not None, "it was rendered"  # noqa: S101
    return Picture(media_type=whole.media_type, width=whole.width, height=whole.height, variants=variants)


@asynccontextmanager
async def as_file(storage: ObjectStorage, key: str) -> AsyncIterator[Path]:
    """The object as a file of this machine: its own, or a copy for the time of the block.

    Raises:
        ObjectNotFound: there is no such object.
    """
    path = await storage.local_path(key)
    if path is not None:
        yield path
        return
    with tempfile.NamedTemporaryFile(prefix="commonplace-source-") as copy:
        async with await storage.read(key) as reader:
            async for chunk in reader:
                await asyncio.to_thread(copy.write, chunk)
        await asyncio.to_thread(copy.flush)
        yield Path(copy.name)


async def blocks_of(path: Path) -> AsyncIterator[bytes]:
    """The bytes of a file, 1 MiB at a time."""
    with await asyncio.to_thread(path.open, "rb") as file:
        while block := await asyncio.to_thread(file.read, _BLOCK):
            yield block


async def _rendered(media: Media, source: Path, folder: Path, sizes: Sequence[int], square: Square | None) -> Rendered:
    await asyncio.to_thread(folder.mkdir)
    rendered = await media.describe_and_render(source, folder, sizes=sizes, square=square)
    if rendered.state != "done":
        raise PictureUnusable(rendered)
    return rendered


async def _stored(storage: ObjectStorage, renditions: Mapping[str, Rendition]) -> list[Variant]:
    variants: list[Variant] = []
    try:
        for name, rendition in renditions.items():
            key = new_key(Category.THUMBNAILS, _EXTENSIONS.get(rendition.media_type, ""))
            await storage.put(key, blocks_of(rendition.path), content_type=rendition.media_type)
            variants.append(
                Variant(name=name, key=key, media_type=rendition.media_type, size_bytes=rendition.size_bytes)
            )
    except BaseException:
        await storage.delete(*(variant.key for variant in variants))
        raise
    return variants
