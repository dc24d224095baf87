"""Whether a picture that could not be decoded ends too early.

The decoders say so for JPEG and GIF; for the other formats they say anything. "Upload it again" is a better answer than
"unreadable", so the outermost structure of the file, which states its length, is compared with the length it has.
"""

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

_MAX_PIECES: Final = 100_000  # Of a PNG or an AVIF; more is malice.
_PNG_SIGNATURE_BYTES: Final = 8
_GIF_HEADER_BYTES: Final = 13
_HAS_COLOUR_TABLE: Final = 0x80
_LONG_BOX: Final = 1


def ends_early(path: Path) -> bool:
    """Whether the file at `path` states that it is longer than it is. False for formats that state nothing."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(12)
        check = _boxes_end_early if head[4:8] == b"ftyp" else _CHECKS.get(head[:4])
        try:
            return check is not None and check(file, size)
        except struct.error:  # It ends in the middle of a number.
            return True


def _png_ends_early(file: BinaryIO, size: int) -> bool:
    position = _PNG_SIGNATURE_BYTES
    for _ in range(_MAX_PIECES):
        file.seek(position)
        length, kind = struct.unpack(">I4s", file.read(8))
        position += 12 + length
        if position > size or kind == b"IEND":
            return bool(position > size)
    return False


def _gif_ends_early(file: BinaryIO, size: int) -> bool:
    """Whether not even the colour table is whole; what comes later, the decoder tells."""
    file.seek(10)
    (flags,) = struct.unpack("B", file.read(1))
    colours = 2 << (flags & 7) if flags & _HAS_COLOUR_TABLE else 0
    return size < _GIF_HEADER_BYTES + 3 * colours


def _webp_ends_early(file: BinaryIO, size: int) -> bool:
    file.seek(4)
    (stated,) = struct.unpack("<I", file.read(4))
    return bool(stated + 8 > size)


def _tiff_ends_early(file: BinaryIO, size: int) -> bool:
    """Whether the first table of entries is cut; it often stands at the end, behind the pixels."""
    file.seek(0)
    order = "<" if file.read(4).startswith(b"II") else ">"
    (table,) = struct.unpack(order + "I", file.read(4))
    file.seek(table)
    (entries,) = struct.unpack(order + "H", file.read(2))
    return bool(table + 2 + 12 * entries > size)


def _boxes_end_early(file: BinaryIO, size: int) -> bool:
    position = 0
    for _ in range(_MAX_PIECES):
        if position >= size:
            return position > size
        file.seek(position)
        (length,) = struct.unpack(">I4x", file.read(8))
        if length == _LONG_BOX:
            (length,) = struct.unpack(">Q", file.read(8))
        if length < 8:  # noqa: PLR2004 - 0: up to the end of the file; less than its own header: broken
            return False
        position += length
    return False


_CHECKS: Final[dict[bytes, Callable[[BinaryIO, int], bool]]] = {
    b"\x89PNG": _png_ends_early,
    b"GIF8": _gif_ends_early,
    b"RIFF": _webp_ends_early,
    b"II*\x00": _tiff_ends_early,
    b"MM\x00*": _tiff_ends_early,
}
