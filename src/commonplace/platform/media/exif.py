"""What a camera writes into its pictures: when, where, and by what they were taken. Out of their EXIF.

EXIF is a small TIFF file: tables of entries that point at one another by offsets, all of them chosen by whoever made
the file. So this reads a bounded number of entries, follows two known pointers, and answers None to everything odd.
"""

import math
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final, Protocol

from commonplace.platform.media.found import Place

_MAKE: Final = 0x010F
_MODEL: Final = 0x0110
_ORIENTATION: Final = 0x0112
_EXIF_TABLE: Final = 0x8769
_PLACE_TABLE: Final = 0x8825
_EXPOSURE: Final = 0x829A
_APERTURE: Final = 0x829D
_SENSITIVITY: Final = 0x8827
_TAKEN: Final = 0x9003  # DateTimeOriginal
_TAKEN_OFFSET: Final = 0x9011  # OffsetTimeOriginal
_FOCAL_LENGTH: Final = 0x920A
_LENS: Final = 0xA434
_LATITUDE_SIDE, _LATITUDE, _LONGITUDE_SIDE, _LONGITUDE = range(1, 5)  # of the table of the place
_WANTED: Final = frozenset(
    {_MAKE, _MODEL, _ORIENTATION, _EXPOSURE, _APERTURE, _SENSITIVITY, _TAKEN, _TAKEN_OFFSET, _FOCAL_LENGTH, _LENS}
)
_WANTED_OF_PLACE: Final = frozenset({_LATITUDE_SIDE, _LATITUDE, _LONGITUDE_SIDE, _LONGITUDE})
_ASCII, _SHORT, _LONG, _RATIONAL = 2, 3, 4, 5
_SIZES: Final = {_ASCII: 1, _SHORT: 2, _LONG: 4, _RATIONAL: 8}
_MAX_ENTRIES: Final = 1000
_MAX_VALUE_BYTES: Final = 256
_FIRST_PHOTOGRAPH: Final = 1826  # Niépce's view from the window; earlier years are clocks never set.
_LAST_YEAR: Final = 9998  # One less than Python's, so that converting to UTC cannot overflow.

_DATE: Final = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_OFFSET: Final = re.compile(r"([+-])(\d\d):?(\d\d)")
_FURTHEST_OFFSET: Final = timedelta(hours=14)


class Bytes(Protocol):
    """Bytes, or a file mapped into memory."""

    def __len__(self) -> int: ...
    def __getitem__(self, key: slice, /) -> bytes: ...


@dataclass(frozen=True, kw_only=True)
class Exif:
    """What was found; None where the camera does not tell."""

    taken_at: datetime | None = None  #: aware when the camera wrote its offset from UTC, else its own clock
    place: Place | None = None
    orientation: int | None = None  #: 1 to 8, as TIFF counts them
    camera: str | None = None
    lens: str | None = None
    exposure_seconds: float | None = None
    f_number: float | None = None
    iso: int | None = None
    focal_length_mm: float | None = None

    def facts(self) -> dict[str, Any]:
        """What is told of the picture, without the place."""
        names = ("camera", "lens", "exposure_seconds", "f_number", "iso", "focal_length_mm")
        told = {name: getattr(self, name) for name in names}
        return told | {"taken_at": None if self.taken_at is None else self.taken_at.isoformat()}


def taken_at(data: Bytes) -> datetime | None:
    """The time of exposure in `data`: see `read_exif`."""
    return read_exif(data).taken_at


def read_exif(data: Bytes) -> Exif:
    """What `data` tells, which is an EXIF block (with or without its `Exif` mark) or a TIFF file."""
    start = 6 if data[0:6] == b"Exif\x00\x00" else 0
    order = {b"II*\x00": "<", b"MM\x00*": ">", b"IIU\x00": "<", b"IIRO": "<", b"IIRS": "<", b"MMOR": ">"}.get(
        data[start : start + 4]
    )
    if order is None:
        return Exif()
    values: dict[int, Any] = {}
    place: dict[int, Any] = {}
    try:
        (first,) = struct.unpack(order + "I", data[start + 4 : start + 8])
        tables = _values(data, start, first, order, _WANTED | {_EXIF_TABLE, _PLACE_TABLE})
        values.update(tables)
        if isinstance(values.get(_EXIF_TABLE), int):
            values.update(_values(data, start, values[_EXIF_TABLE], order, _WANTED))
        if isinstance(values.get(_PLACE_TABLE), int):
            place = dict(_values(data, start, values[_PLACE_TABLE], order, _WANTED_OF_PLACE))
    except struct.error:
        pass  # It ends in the middle; what came before counts.
    return _exif(values, place)


def _entries(data: Bytes, start: int, table: int, order: str) -> Iterator[tuple[int, int, int, bytes]]:
    """Tag, kind, count and the four value bytes of each entry of one table."""
    position = start + table
    (entries,) = struct.unpack(order + "H", data[position : position + 2])
    for number in range(min(entries, _MAX_ENTRIES)):
        entry = position + 2 + 12 * number
        yield struct.unpack(order + "HHI4s", data[entry : entry + 12])


def _values(data: Bytes, start: int, table: int, order: str, wanted: frozenset[int]) -> Iterator[tuple[int, Any]]:
    """The values of those entries of a table that are wanted: a text, a number, or a list of numbers."""
    for tag, kind, count, value in _entries(data, start, table, order):
        size = _SIZES.get(kind, 0) * count
        if tag not in wanted or not 0 < size <= _MAX_VALUE_BYTES:
            continue
        if size > len(value):
            (offset,) = struct.unpack(order + "I", value)
            value = data[start + offset : start + offset + size]  # noqa: PLW2901 - the same value, elsewhere
            if len(value) < size:
                continue
        yield tag, _value(value[:size], kind, count, order)


def _value(value: bytes, kind: int, count: int, order: str) -> Any:
    if kind == _ASCII:
        return value.partition(b"\x00")[0].decode("utf-8", "replace").strip()
    if kind == _RATIONAL:
        numbers = struct.unpack(f"{order}{2 * count}I", value)
        return [top / bottom if bottom else math.nan for top, bottom in zip(numbers[::2], numbers[1::2], strict=True)]
    numbers = struct.unpack(f"{order}{count}{'H' if kind == _SHORT else 'I'}", value)
    return numbers[0] if count == 1 else list(numbers)


def _exif(values: dict[int, Any], place: dict[int, Any]) -> Exif:
    orientation = values.get(_ORIENTATION)
    iso = values.get(_SENSITIVITY)
    return Exif(
        taken_at=_time(_text(values, _TAKEN), _text(values, _TAKEN_OFFSET)),
        place=_place(place),
        orientation=orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else None,  # noqa: PLR2004
        camera=_camera(_text(values, _MAKE), _text(values, _MODEL)),
        lens=_text(values, _LENS) or None,
        exposure_seconds=_positive(values.get(_EXPOSURE)),
        f_number=_positive(values.get(_APERTURE)),
        iso=iso if isinstance(iso, int) and iso else None,
        focal_length_mm=_positive(values.get(_FOCAL_LENGTH)),
    )


def _text(values: dict[int, Any], tag: int) -> str:
    value = values.get(tag)
    return value if isinstance(value, str) else ""


def _camera(make: str, model: str) -> str | None:
    """The camera as people call it: makers often stand in the model's name already."""
    first = make.split(maxsplit=1)[0].casefold() if make.split() else ""
    if first and model.casefold().startswith(first):
        return model
    return f"{make} {model}".strip() or None


def _positive(value: Any) -> float | None:
    number = value[0] if isinstance(value, list) and value else None
    return round(number, 6) if isinstance(number, float) and 0 < number < 1e6 else None  # noqa: PLR2004


def _place(values: dict[int, Any]) -> Place | None:
    latitude = _degrees(values.get(_LATITUDE), values.get(_LATITUDE_SIDE), "NS", 90)
    longitude = _degrees(values.get(_LONGITUDE), values.get(_LONGITUDE_SIDE), "EW", 180)
    if latitude is None or longitude is None or latitude == longitude == 0:  # what a camera without a fix writes
        return None
    return Place(latitude=latitude, longitude=longitude)


def _degrees(parts: Any, side: Any, sides: str, most: int) -> float | None:
    if not isinstance(parts, list) or not isinstance(side, str) or side[:1] not in sides or not side:
        return None
    degrees: float = sum(part / 60**number for number, part in enumerate(parts[:3]))
    if not 0 <= degrees <= most:  # also what is no number
        return None
    return round(-degrees if side[0] == sides[1] else degrees, 7)


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
