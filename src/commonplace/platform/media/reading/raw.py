"""Raw pictures of cameras: the preview that the camera has put beside its own data.

Nearly every raw file holds a JPEG as large as the picture, for the camera's own display. It is found by its marks,
whatever the maker's structure around it; so no library that knows them all is needed. For the few files without one
there is rawpy (extra `raw`), which develops the picture.
"""

import importlib.util
import struct
from collections.abc import Iterator
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, Final, NamedTuple

from commonplace.platform.media.exif import Exif, read_exif
from commonplace.platform.media.found import Found, facts_of
from commonplace.platform.media.reading.source import Read, Source

HOW_TO_GET_IT: Final = "It holds no preview; the extra `raw` develops it: pip install 'commonplace[raw]'."
_START: Final = b"\xff\xd8\xff"
_MOST_STARTS: Final = 2000
_MOST_SEGMENTS: Final = 200
_MOST_PREVIEW_BYTES: Final = 50_000_000
_LEAST_SIDE: Final = 300  #: less is the thumbnail of the thumbnail
_HEAD_BYTES: Final = 1 << 20
_FRAMES: Final = (0xC0, 0xC1, 0xC2)  # baseline and progressive; not 0xC3, which raw data itself comes in
_APPLICATION: Final = 0xE1


class _Preview(NamedTuple):
    start: int
    width: int
    height: int
    exif: bytes | None


def read(source: Source) -> Read:
    """When, where and by what it was taken, and its largest preview."""
    with source.path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
        exif = read_exif(data)
        preview = max(_previews(data), key=lambda one: one.width * one.height, default=None)
        cover = None if preview is None else _written(data, preview, exif, source.folder)
    if preview is not None and exif.camera is None and preview.exif is not None:
        exif = read_exif(preview.exif)
    size: dict[str, Any] = {}
    if preview is not None:
        turned = (exif.orientation or 1) > 4  # noqa: PLR2004 - those that lie on their side
        size = {"width": preview.height if turned else preview.width}
        size["height"] = preview.width if turned else preview.height
    if cover is None:
        cover = _developed(source)
    found = Found(
        facts=facts_of(**exif.facts(), **size),
        place=exif.place,
        reason=None if cover is not None else _why_not(),
    )
    return Read(found, cover)


def _previews(data: mmap) -> Iterator[_Preview]:
    position = 0
    for _ in range(_MOST_STARTS):
        position = data.find(_START, position)
        if position < 0:
            return
        preview = _frame(data, position)
        if preview is not None and min(preview.width, preview.height) >= _LEAST_SIDE:
            yield preview
        position += len(_START)


def _frame(data: mmap, start: int) -> _Preview | None:
    """The JPEG that begins at `start`, if its segments lead to a frame."""
    position, exif = start + 2, None
    for _ in range(_MOST_SEGMENTS):
        head = data[position : position + 4]
        if len(head) < 4 or head[0] != 0xFF:  # noqa: PLR2004
            return None
        kind, (length,) = head[1], struct.unpack(">H", head[2:])
        if length < 2:  # noqa: PLR2004 - less than its own length: no segment
            return None
        if kind in _FRAMES:
            frame = data[position + 5 : position + 9]
            if len(frame) < 4:  # noqa: PLR2004
                return None
            height, width = struct.unpack(">HH", frame)
            return _Preview(start, width, height, exif)
        if kind == _APPLICATION and data[position + 4 : position + 10] == b"Exif\x00\x00":
            exif = data[position + 4 : position + 2 + length]
        if not (0xC4 <= kind <= 0xFE) or 0xD0 <= kind <= 0xDA:  # noqa: PLR2004 - pixels, or nothing of a head
            return None
        position += 2 + length
    return None


def _written(data: mmap, preview: _Preview, exif: Exif, folder: Path) -> Path:
    """The preview as a file; one that does not say how it was held is told by the raw file around it."""
    cover = folder / "cover.jpg"
    with cover.open("wb") as file:
        file.write(data[preview.start : preview.start + 2])
        if preview.exif is None and exif.orientation is not None:
            file.write(_orientation(exif.orientation))
        file.write(data[preview.start + 2 : preview.start + _MOST_PREVIEW_BYTES])
    return cover


def _orientation(orientation: int) -> bytes:
    """A segment of EXIF that tells nothing else."""
    table = struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0)
    block = b"Exif\x00\x00II*\x00" + struct.pack("<I", 8) + table
    return b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block


def _why_not() -> str:
    if importlib.util.find_spec("rawpy") is None:
        return f"missing_extra: {HOW_TO_GET_IT}"
    return "no_cover: It holds no preview, and cannot be developed."


def _developed(source: Source) -> Path | None:
    """What rawpy makes of it, at half its size; None where it is not installed, or cannot."""
    if importlib.util.find_spec("rawpy") is None:
        return None
    import pyvips  # noqa: PLC0415 - rare
    import rawpy  # noqa: PLC0415 - optional

    try:
        with rawpy.imread(str(source.path)) as raw:
            pixels = raw.postprocess(half_size=True, use_camera_wb=True, output_bps=8)
    except rawpy.LibRawError:
        return None
    height, width, bands = pixels.shape
    cover = source.folder / "cover.png"
    picture = pyvips.Image.new_from_memory(pixels.tobytes(), width, height, bands, "uchar")
    picture.copy(interpretation="srgb").pngsave(str(cover), compression=1)
    return cover
