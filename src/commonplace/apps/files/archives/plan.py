"""What an archive will hold, entry by entry, before a byte of it is made.

The plan stands in a temporary file once it is larger than a megabyte, so an archive of any number of entries takes
little memory. It names immutable objects: what is downloaded is the folder as it was when the plan was made, whatever
becomes of it meanwhile.
"""

import hashlib
import struct
import tempfile
from collections.abc import Iterator
from typing import Final, NamedTuple

from commonplace.apps.files.archives import layout

_IN_MEMORY: Final = 1024 * 1024  # bytes
_FORMAT: Final = b"commonplace zip 1"  # in the tag: another way to write archives makes other bytes
_RECORD: Final = struct.Struct("<QqI?HH16s32s")
_UNKNOWN: Final = 0


class Entry(NamedTuple):
    """A file or folder of an archive."""

    path: bytes  #: UTF-8; a folder's ends in a slash
    changed: int  #: seconds since 1970
    size: int = 0
    key: bytes = b""  #: where a file's bytes are; empty for a folder
    object_id: bytes = bytes(16)  #: of a file: the object's id
    sha256: bytes = b""
    crc32: int | None = None  #: None: nobody has computed it yet

    @property
    def is_folder(self) -> bool:
        """Whether it holds no bytes."""
        return not self.key

    @property
    def header(self) -> bytes:
        """What stands before its bytes."""
        return layout.local_header(self.path, self.size, self.changed, is_folder=self.is_folder)


class Plan:
    """The entries of an archive in their order. Add all, `finish`, then read as often as needed; `close` it."""

    def __init__(self) -> None:
        self.entries = 0
        self.directory_offset = 0  #: where the archive's directory begins
        self._directory_size = 0
        self._digest = hashlib.sha256(_FORMAT)
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - lives as long as the answer

    @property
    def size_bytes(self) -> int:
        """How long the archive is."""
        return self.directory_offset + self._directory_size + len(self.ending)

    @property
    def tag(self) -> str:
        """Names these bytes among all: another name, version or order of anything in it gives another one."""
        return self._digest.hexdigest()[:40]

    @property
    def ending(self) -> bytes:
        """The last bytes of the archive."""
        return layout.end(self.entries, offset=self.directory_offset, size=self._directory_size)

    def add(self, entry: Entry) -> None:
        """Put an entry behind those that are there."""
        known = entry.crc32 is not None
        self._file.write(
            _RECORD.pack(
                entry.size,
                entry.changed,
                entry.crc32 if entry.crc32 is not None else _UNKNOWN,
                known,
                len(entry.path),
                len(entry.key),
                entry.object_id,
                entry.sha256,
            )
            + entry.path
            + entry.key
        )
        self._digest.update(struct.pack("<qqH", entry.size, entry.changed, len(entry.path)) + entry.path)
        self._digest.update(entry.sha256)
        self._directory_size += layout.central_size(entry.path, entry.size, self.directory_offset)
        self.directory_offset += layout.local_size(entry.path, entry.size, is_folder=entry.is_folder)
        self.entries += 1

    def read(self) -> Iterator[tuple[int, Entry]]:
        """The entries from the first one, each with its place in the plan, for `know`."""
        position = 0
        for _ in range(self.entries):
            self._file.seek(position)
            size, changed, crc32, known, path_size, key_size, object_id, sha256 = _RECORD.unpack(
                self._file.read(_RECORD.size)
            )
            rest = self._file.read(path_size + key_size)
            entry = Entry(
                path=rest[:path_size],
                changed=changed,
                size=size,
                key=rest[path_size:],
                object_id=object_id,
                sha256=sha256,
                crc32=crc32 if known else None,
            )
            yield position, entry
            position += _RECORD.size + path_size + key_size

    def know(self, place: int, crc32: int) -> None:
        """Keep a checksum that was computed on the way."""
        self._file.seek(place + struct.calcsize("<Qq"))
        self._file.write(struct.pack("<I?", crc32, True))  # noqa: FBT003 - how `struct` writes it

    def close(self) -> None:
        """Let it go."""
        self._file.close()
