"""Zip archives that documents are made of: their entries, inflated within bounds.

An archive of 42 kB can claim to hold petabytes, and its entries can share their bytes. So what counts is what really
comes out, over all entries together; and the table of contents is looked at for its size before it is read.
"""

import os
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

from commonplace.platform.media.reading.source import Source, Unreadable

MOST_UNPACKED_BYTES: Final = 400_000_000  #: of all entries of a document together
_MOST_DIRECTORY_BYTES: Final = 32_000_000
_END: Final = struct.Struct("<4s4xHHII")
_END_MARK: Final = b"PK\x05\x06"
_END_REACH: Final = 65_536 + 22
_PIECE: Final = 65_536
_ENCRYPTED: Final = 0x1


def directory_of(path: Path) -> zipfile.ZipFile:
    """The table of contents of the archive at `path`.

    Raises:
        Unreadable: there is none, or a larger one than is read.
    """
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _END_REACH))
        tail = file.read(_END_REACH)
    place = tail.rfind(_END_MARK)
    if place >= 0 and len(tail) - place >= _END.size:
        directory_bytes = _END.unpack_from(tail, place)[3]
        # All ones: the true size stands elsewhere (zip64). It cannot be more than the file has.
        if min(directory_bytes, size) > _MOST_DIRECTORY_BYTES:
            raise Unreadable("refused", "Its table of contents is larger than 32 MB.")
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise Unreadable("truncated", "Its table of contents is not where it should be; upload it again.") from error


class Packed:
    """The entries of a document that is a zip archive. Use it as a context manager."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._archive = directory_of(source.path)
        self._left = MOST_UNPACKED_BYTES
        self.is_spent = False  #: whether an entry was not read to its end, for it is too much or too late
        self.names = frozenset(self._archive.namelist())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    def pieces(self, name: str) -> Iterator[bytes]:
        """The bytes of an entry, as far as they may be read.

        Raises:
            Unreadable: there is no such entry, it is encrypted, or packed in an unusual way.
        """
        try:
            entry = self._archive.getinfo(name)
        except KeyError:
            raise Unreadable("unreadable", f"It has no part {name}.") from None
        if entry.flag_bits & _ENCRYPTED:
            raise Unreadable("encrypted", "It needs a password to be opened.")
        if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise Unreadable("refused", "It is packed in a way that documents do not use.")
        with self._archive.open(entry) as file:
            while piece := file.read(_PIECE):
                self._left -= len(piece)
                if self._left < 0 or self._source.is_late:
                    self.is_spent = True
                    return
                yield piece

    def whole(self, name: str, most: int) -> bytes:
        """The bytes of an entry of at most `most` bytes; empty when it is missing, or larger."""
        if name not in self.names:
            return b""
        data = b""
        for piece in self.pieces(name):
            data += piece
            if len(data) > most:
                return b""
        return data
