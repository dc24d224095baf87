"""What a zip archive is: a document, a book, a program, or just a zip.

A zip with `word/` inside is a Word document only when its table of contents says so. The names and sizes in the archive
are the sender's: nothing here follows them out of the bytes at hand, and nothing is unpacked beyond a fixed size.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from typing import Final

ZIP: Final = "application/zip"

_SIGNATURE: Final = b"PK\x03\x04"
_LOCAL_HEADER: Final = struct.Struct("<4sHHHHHIIIHH")
_HAS_DESCRIPTOR: Final = 0x08
_STORED: Final = 0
_DEFLATED: Final = 8
_MAX_ENTRIES: Final = 256
_MAX_INFLATED_BYTES: Final = 65_536

_OFFICE: Final = "application/vnd.openxmlformats-officedocument."
_MACRO: Final = "application/vnd.ms-"
#: The content type of the main part, as `[Content_Types].xml` names it, and the type of the whole document.
_MAIN_PARTS: Final = {
    b"wordprocessingml.document.main+xml": _OFFICE + "wordprocessingml.document",
    b"wordprocessingml.template.main+xml": _OFFICE + "wordprocessingml.template",
    b"spreadsheetml.sheet.main+xml": _OFFICE + "spreadsheetml.sheet",
    b"spreadsheetml.template.main+xml": _OFFICE + "spreadsheetml.template",
    b"presentationml.presentation.main+xml": _OFFICE + "presentationml.presentation",
    b"presentationml.slideshow.main+xml": _OFFICE + "presentationml.slideshow",
    b"presentationml.template.main+xml": _OFFICE + "presentationml.template",
    b"ms-word.document.macroEnabled.main+xml": _MACRO + "word.document.macroEnabled.12",
    b"ms-excel.sheet.macroEnabled.main+xml": _MACRO + "excel.sheet.macroEnabled.12",
    b"ms-excel.sheet.binary.macroEnabled.main": _MACRO + "excel.sheet.binary.macroEnabled.12",
    b"ms-powerpoint.presentation.macroEnabled.main+xml": _MACRO + "powerpoint.presentation.macroEnabled.12",
}
#: Only these kinds may name themselves in a stored first entry called `mimetype`.
_SELF_NAMED: Final = re.compile(rb"application/(epub\+zip|vnd\.oasis\.opendocument\.[a-z-]{1,40})")
_BY_ENTRY: Final = {
    b"AndroidManifest.xml": "application/vnd.android.package-archive",
    b"META-INF/MANIFEST.MF": "application/java-archive",
}


def zip_type(head: bytes) -> str:
    """The media type of the zip archive that begins with `head`; `application/zip` when it is nothing more special."""
    found = ZIP
    for position, (name, method, data) in enumerate(_entries(head)):
        if position == 0 and name == b"mimetype" and method == _STORED:
            named = _SELF_NAMED.match(data)
            return named.group().decode() if named else ZIP
        if name == b"[Content_Types].xml":
            return _office_type(_inflated(method, data))
        found = _BY_ENTRY.get(name, found) if found == ZIP else found
    return found


def _entries(head: bytes) -> Iterator[tuple[bytes, int, bytes]]:
    """Name, method and packed bytes (as far as `head` goes) of each entry, in the order of the file."""
    position = 0
    for _ in range(_MAX_ENTRIES):
        position = head.find(_SIGNATURE, position)
        if position < 0 or position + _LOCAL_HEADER.size > len(head):
            return
        fields = _LOCAL_HEADER.unpack_from(head, position)
        flags, method, packed_bytes, name_bytes, extra_bytes = fields[2], fields[3], fields[7], fields[9], fields[10]
        start = position + _LOCAL_HEADER.size + name_bytes + extra_bytes
        name = head[position + _LOCAL_HEADER.size : start - extra_bytes]
        if flags & _HAS_DESCRIPTOR and not packed_bytes:  # The size comes behind the data: look for the next header.
            end = head.find(_SIGNATURE, start)
            end = len(head) if end < 0 else end
        else:
            end = start + packed_bytes
        yield name, method, head[start:end]
        position = max(end, start)


def _inflated(method: int, data: bytes) -> bytes:
    """At most 64 kB of an entry's content; what cannot be unpacked is empty."""
    if method == _STORED:
        return data[:_MAX_INFLATED_BYTES]
    if method != _DEFLATED:
        return b""
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, _MAX_INFLATED_BYTES)
    except zlib.error:
        return b""


def _office_type(contents: bytes) -> str:
    return next((kind for part, kind in _MAIN_PARTS.items() if part in contents), ZIP)
