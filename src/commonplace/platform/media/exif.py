"""When a picture was taken, out of its EXIF.

EXIF is a small TIFF file: tables of entries that point at one another by offsets, all of them chosen by whoever made
the file. So this reads a bounded number of entries, follows one known pointer, and answers None to everything odd.
"""

import re
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Final, Protocol

_EXIF_TABLE: Final = 0x8769
_TAKEN: Final = 0x9003  # DateTimeOriginal
_TAKEN_OFFSET: Final = 0x9011  # OffsetTimeOriginal
_LONG: Final = 4
_ASCII: Final = 2
_MAX_ENTRIES: Final = 1000
_MAX_TEXT_BYTES: Final = 64
_FIRST_PHOTOGRAPH: Final = 1826  # Niépce's view from the window; earlier years are clocks never set.
_LAST_YEAR: Final = 9998  # One less than Python's, so that converting to UTC cannot overflow.

_DATE: Final = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_OFFSET: Final = re.compile(r"([+-])(\d\d):?(\d\d)")
_FURTHEST_OFFSET: Final = timedelta(hours=14)


class Bytes(Protocol):
    """Bytes, or a file mapped into memory."""

    def __len__(self) -> int: ...
    def __getitem__(self, key: slice, /) -> bytes: ...


def taken_at(data: Bytes) -> datetime | None:
    """The time of exposure in `data`, which is an EXIF block (with or without its `Exif` mark) or a TIFF file.

    Returns:
        An aware time when the camera wrote its offset from UTC, a naive one when it did not, None when there is no
        plausible time at all.
    """
    start = 6 if data[0:6] == b"Exif\x00\x00" else 0
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(data[start : start + 4])
    if order is None:
        return None
    texts: dict[int, str] = {}
    try:
        (first,) = struct.unpack(order + "I", data[start + 4 : start + 8])
        for tag, kind, count, value in _entries(data, start, first, order):
            if tag == _EXIF_TABLE and kind == _LONG and count == 1:
                (table,) = struct.unpack(order + "I", value)
                texts = dict(_texts(data, start, table, order))
    except struct.error:
        return None
    return _time(texts.get(_TAKEN, ""), texts.get(_TAKEN_OFFSET, ""))


def _entries(data: Bytes, start: int, table: int, order: str) -> Iterator[tuple[int, int, int, bytes]]:
    """Tag, kind, count and the four value bytes of each entry of one table."""
    position = start + table
    (entries,) = struct.unpack(order + "H", data[position : position + 2])
    for number in range(min(entries, _MAX_ENTRIES)):
        entry = position + 2 + 12 * number
        yield struct.unpack(order + "HHI4s", data[entry : entry + 12])


def _texts(data: Bytes, start: int, table: int, order: str) -> Iterator[tuple[int, str]]:
    for tag, kind, count, value in _entries(data, start, table, order):
        if tag in {_TAKEN, _TAKEN_OFFSET} and kind == _ASCII and 4 < count <= _MAX_TEXT_BYTES:  # noqa: PLR2004 - 4 fit in
            (offset,) = struct.unpack(order + "I", value)
            yield tag, data[start + offset : start + offset + count].decode("latin-1")


def _time(date: str, offset: str) -> datetime | None:
    fields = _DATE.match(date)
    if fields is None:
        return None
    try:
        time = datetime(*(int(field) for field in fields.groups()))  # type: ignore[arg-type]  # noqa: DTZ001 - may stay naive
    except ValueError:
        return None
    if not _FIRST_PHOTOGRAPH <= time.year <= _LAST_YEAR:
        return None
    return time.replace(tzinfo=_zone(offset))


def _zone(text: str) -> timezone | None:
    if text.startswith("Z"):
        return UTC
    fields = _OFFSET.match(text)
    if fields is None:
        return None
    size = timedelta(hours=int(fields[2]), minutes=int(fields[3]))
    return timezone(size if fields[1] == "+" else -size) if size <= _FURTHEST_OFFSET else None
