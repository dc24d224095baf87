"""The bytes of a ZIP archive around those of its files, so that its length and every offset are known beforehand.

Files are stored, not packed: what is large is packed already, and only so the length is known before a byte is read.
A file's CRC-32 stands behind its bytes (a data descriptor) and in the directory at the end: the archive begins at once,
also where the checksum of a file has never been computed. Rules by "APPNOTE.TXT - .ZIP File Format Specification" of
PKWARE, 6.3.10; its sections are named where they are followed.
"""

import struct
from datetime import UTC, datetime
from typing import Final

_LOCAL: Final = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL: Final = struct.Struct("<4sHHHHHHIIIHHHHHII")
_DESCRIPTOR: Final = struct.Struct("<4sIII")
_DESCRIPTOR_64: Final = struct.Struct("<4sIQQ")
_END: Final = struct.Struct("<4sHHHHIIH")
_END_64: Final = struct.Struct("<4sQHHIIQQQQ")
_LOCATOR: Final = struct.Struct("<4sIQI")
_TIME: Final = struct.Struct("<HHBi")  # an "extended timestamp" (Info-ZIP), with the time of change only
_SIZES_64: Final = struct.Struct("<HHQQ")
_TIME_TAG: Final = 0x5455
_ZIP64_TAG: Final = 0x0001
_UTF8: Final = 1 << 11  # APPNOTE 4.4.4: names are UTF-8
_DESCRIBED: Final = 1 << 3  # and what is not known yet stands behind the bytes
_PLAIN_VERSION: Final = 20  # of the format, that a reader needs
_ZIP64_VERSION: Final = 45
_UNIX: Final = 3 << 8
_FILE_MODE: Final = 0o100644 << 16
_FOLDER_MODE: Final = (0o40755 << 16) | 0x10
FULL_32: Final = 0xFFFFFFFF  # such a field stands elsewhere, in its ZIP64 form (APPNOTE 4.3.14.1, 4.5.3)
FULL_16: Final = 0xFFFF
LONGEST_PATH: Final = FULL_16  #: bytes of UTF-8
_FIRST_YEAR: Final = 1980
_LAST_YEAR: Final = 2107


def local_header(path: bytes, size: int, changed: int, *, is_folder: bool) -> bytes:
    """What stands before a file's bytes. `path` is UTF-8, a folder's ends in a slash; `changed` in seconds since 1970.

    Sizes are 0 in it, or, for a file that needs ZIP64, in a field of its own (APPNOTE 4.4.4, 4.5.3).
    """
    is_long = size >= FULL_32
    date, time = _dos(changed)
    extra = _timestamp(changed)
    if is_long:
        extra += _SIZES_64.pack(_ZIP64_TAG, 16, 0, 0)
    masked = FULL_32 if is_long else 0
    return (
        _LOCAL.pack(
            b"PK\3\4",
            _ZIP64_VERSION if is_long else _PLAIN_VERSION,
            _flags(is_folder=is_folder),
            0,
            time,
            date,
            0,
            masked,
            masked,
            len(path),
            len(extra),
        )
        + path
        + extra
    )


def descriptor(size: int, crc32: int) -> bytes:
    """What stands behind a file's bytes (APPNOTE 4.3.9)."""
    return (_DESCRIPTOR_64 if size >= FULL_32 else _DESCRIPTOR).pack(b"PK\7\x08", crc32, size, size)


def central_header(path: bytes, size: int, changed: int, *, crc32: int, offset: int, is_folder: bool) -> bytes:
    """A file's entry in the directory at the end; `offset` is where its local header begins."""
    is_long, is_far = size >= FULL_32, offset >= FULL_32
    date, time = _dos(changed)
    extra = _timestamp(changed)
    if is_long or is_far:  # APPNOTE 4.5.3: only what does not fit, in this order
        further = struct.pack("<QQ", size, size) if is_long else b""
        further += struct.pack("<Q", offset) if is_far else b""
        extra += struct.pack("<HH", _ZIP64_TAG, len(further)) + further
    shown_size = FULL_32 if is_long else size
    version = _ZIP64_VERSION if is_long or is_far else _PLAIN_VERSION
    return (
        _CENTRAL.pack(
            b"PK\1\2",
            _UNIX | version,
            version,
            _flags(is_folder=is_folder),
            0,
            time,
            date,
            crc32,
            shown_size,
            shown_size,
            len(path),
            len(extra),
            0,
            0,
            0,
            _FOLDER_MODE if is_folder else _FILE_MODE,
            FULL_32 if is_far else offset,
        )
        + path
        + extra
    )


def end(entries: int, *, offset: int, size: int) -> bytes:
    """What ends the archive, whose directory of so many entries begins at `offset` and has `size` bytes."""
    parts = []
    if entries >= FULL_16 or offset >= FULL_32 or size >= FULL_32:
        version = _UNIX | _ZIP64_VERSION
        parts.append(
            _END_64.pack(b"PK\6\6", _END_64.size - 12, version, _ZIP64_VERSION, 0, 0, entries, entries, size, offset)
        )
        parts.append(_LOCATOR.pack(b"PK\6\7", 0, offset + size, 1))
    short = min(entries, FULL_16)
    parts.append(_END.pack(b"PK\5\6", 0, 0, short, short, min(size, FULL_32), min(offset, FULL_32), 0))
    return b"".join(parts)


def local_size(path: bytes, size: int, *, is_folder: bool) -> int:
    """How long the header, the bytes and what stands behind them are together."""
    header = _LOCAL.size + len(path) + _TIME.size
    if is_folder:
        return header
    if size >= FULL_32:
        return header + _SIZES_64.size + size + _DESCRIPTOR_64.size
    return header + size + _DESCRIPTOR.size


def central_size(path: bytes, size: int, offset: int) -> int:
    """How long the entry in the directory is."""
    is_long, is_far = size >= FULL_32, offset >= FULL_32
    further = 4 + 16 * is_long + 8 * is_far if is_long or is_far else 0
    return _CENTRAL.size + len(path) + _TIME.size + further


def _flags(*, is_folder: bool) -> int:
    return _UTF8 if is_folder else _UTF8 | _DESCRIBED


def _timestamp(changed: int) -> bytes:
    """The time in UTC: that of DOS has no zone. It ends in 2038, and is the last one it can say from then on."""
    return _TIME.pack(_TIME_TAG, _TIME.size - 4, 1, max(-(2**31), min(changed, 2**31 - 1)))


def _dos(changed: int) -> tuple[int, int]:
    """Date and time as DOS has them, in UTC, to two seconds."""
    at = datetime.fromtimestamp(changed, UTC)
    if at.year < _FIRST_YEAR:
        at = datetime(_FIRST_YEAR, 1, 1, tzinfo=UTC)
    if at.year > _LAST_YEAR:
        at = datetime(_LAST_YEAR, 12, 31, 23, 59, 58, tzinfo=UTC)
    date = (at.year - _FIRST_YEAR) << 9 | at.month << 5 | at.day
    return date, at.hour << 11 | at.minute << 5 | at.second // 2
