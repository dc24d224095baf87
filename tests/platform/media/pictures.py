"""Pictures for the tests, good ones and hostile ones, made here: no file of anybody else is kept."""

import io
import random
import struct
import zlib
from typing import Any

from PIL import Image
from PIL.Image import Transpose

RED, GREEN, BLUE, WHITE = (220, 30, 30), (30, 200, 30), (30, 30, 220), (240, 240, 240)

#: What a camera held in this way did to the picture; the viewer has to do the opposite.
_DISTORTED = {
    1: None,
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_90,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_270,
}
ORIENTATION, EXIF_TABLE, TAKEN, TAKEN_OFFSET, GPS_TABLE, MODEL = 0x0112, 0x8769, 0x9003, 0x9011, 0x8825, 0x0110


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    with io.BytesIO() as file:
        image.save(file, form, **options)
        return file.getvalue()


def quarters(width: int = 160, height: int = 120, mode: str = "RGB") -> Image.Image:
    """Four colours: red, green / blue, white."""
    image = Image.new("RGB", (width, height), WHITE)
    image.paste(RED, (0, 0, width // 2, height // 2))
    image.paste(GREEN, (width // 2, 0, width, height // 2))
    image.paste(BLUE, (0, height // 2, width // 2, height))
    return image.convert(mode)


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Nothing compresses it, so that a cut falls into pixels."""
    bands = len(Image.new(mode, (1, 1)).getbands())
    return Image.frombytes(mode, (width, height), random.Random(1).randbytes(width * height * bands))


def exif(**tags: Any) -> Image.Exif:
    """EXIF with `orientation`, `taken`, `offset`, `model` and a GPS position where given."""
    block = Image.Exif()
    if "orientation" in tags:
        block[ORIENTATION] = tags["orientation"]
    if "model" in tags:
        block[MODEL] = tags["model"]
    times = {TAKEN: tags.get("taken"), TAKEN_OFFSET: tags.get("offset")}
    if any(times.values()):
        block[EXIF_TABLE] = {tag: text for tag, text in times.items() if text}
    if "latitude" in tags:
        block.get_ifd(GPS_TABLE)[2] = tags["latitude"]
    return block


def held(image: Image.Image, orientation: int, form: str = "JPEG", **options: Any) -> bytes:
    """`image` as a camera held in that orientation stores it."""
    distortion = _DISTORTED[orientation]
    stored = image if distortion is None else image.transpose(distortion)
    return encoded(stored, form, exif=exif(orientation=orientation), **options)


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *, rows: bytes = b"", extra: bytes = b"", interlaced: bool = False) -> bytes:
    """A grey PNG that says it is so large; its pixels end where `rows` ends."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, int(interlaced))
    pixels = png_chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + extra + pixels + png_chunk(b"IEND", b"")


def gif(width: int, height: int) -> bytes:
    """A GIF whose canvas and only frame say that they are so large; there is one pixel."""
    screen = struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\x00\x00\x00\xff\xff\xff"
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x44\x01\x00"
    return b"GIF89a" + screen + frame + b"\x3b"


def jpeg_claiming(width: int, height: int) -> bytes:
    """A small JPEG whose header says that it is so large."""
    data = bytearray(encoded(quarters(), "JPEG"))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def tiff(width: int, height: int, strip: bytes, *, next_table: int = 0) -> bytes:
    """A grey TIFF of one strip."""
    pixels_at = 8 + 2 + 12 * 9 + 4
    entries = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    entries += [(273, 4, 1, pixels_at), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, len(strip))]
    return _tiff(entries, next_table) + strip


def tiff_of_tiles(across: int, side: int) -> bytes:
    """A TIFF of 32 bits a pixel: one row of empty square tiles, which are one and the same in the file."""
    tile = zlib.compress(bytes(side * side * 4), 1)
    lists_at = 8 + 2 + 12 * 10 + 4
    entries = [(256, 4, 1, across * side), (257, 4, 1, side), (258, 3, 1, 32), (259, 3, 1, 8), (262, 3, 1, 1)]
    entries += [(277, 3, 1, 1), (322, 4, 1, side), (323, 4, 1, side)]
    entries += [(324, 4, across, lists_at), (325, 4, across, lists_at + 4 * across)]
    offsets = struct.pack("<I", lists_at + 8 * across) * across
    return _tiff(entries, 0) + offsets + struct.pack("<I", len(tile)) * across + tile


def _tiff(entries: list[tuple[int, int, int, int]], next_table: int) -> bytes:
    table = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\x00" + struct.pack("<IH", 8, len(entries)) + table + struct.pack("<I", next_table)


def svg(body: str, width: str = "100", height: str = "80") -> bytes:
    namespaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'<svg {namespaces} width="{width}" height="{height}">{body}</svg>'.encode()
