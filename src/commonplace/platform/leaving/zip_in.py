"""Reading an archive that came from outside: nothing in it is believed before it was checked.

No member is ever written under a name that the archive gives. Refused are: what is no ZIP file, other compressions than
deflate, encryption, links, folders, names that lead elsewhere, names that come twice, members that overlap or unpack to
far more than they are, other members than the manifest lists, and any byte that is not what the manifest says.
All functions block; callers run them in threads.
"""

import hashlib
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from commonplace.platform.leaving.errors import ArchiveRefused
from commonplace.platform.leaving.format import CHUNK, FORMAT, KIND, MANIFEST, Manifest

_MOST_MEMBERS: Final = 2_000_000
_LARGEST_MANIFEST: Final = 512 * 1024 * 1024
_LARGEST_RATIO: Final = 200  #: unpacked to packed, of the whole archive
_ALWAYS: Final = 256 * 1024 * 1024  #: bytes that may unpack out of however little
_LONGEST_LINE: Final = 4 * 1024 * 1024
_END: Final = b"PK\x05\x06"
_END_BYTES: Final = 22 + 65_535


class _Kind(msgspec.Struct):
    kind: str = ""
    format: int = 0


class ZipIn:
    """An archive, opened and checked in form; `verify` checks every byte."""

    def __init__(self, path: Path, *, limit_bytes: int) -> None:
        """Open the archive at `path`.

        Raises:
            ArchiveRefused: it is none, or is hostile.
        """
        self.size_bytes = path.stat().st_size
        _refuse_too_many(path)
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error, OverflowError) as error:
            raise ArchiveRefused("This is no ZIP file, or it is cut off. Download the archive once more.") from error
        try:
            self._check_form(limit_bytes)
            self.manifest = self._read_manifest()
            self.members = {member.name: member for member in self.manifest.members}
            self._check_members()
        except BaseException:
            self._zip.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._zip.close()

    def verify(self, on_progress: Callable[[int], None]) -> None:
        """Read every member and compare it with the manifest; `on_progress` is told the bytes so far.

        Raises:
            ArchiveRefused: one is not what the manifest says.
        """
        done = 0
        for member in self.manifest.members:
            digest, size = hashlib.sha256(), 0
            for chunk in self.chunks(member.name):
                size += len(chunk)
                done += len(chunk)
                digest.update(chunk)
                on_progress(done)
            if (size, digest.hexdigest()) != (member.size_bytes, member.sha256):
                raise ArchiveRefused(f"The archive is damaged: {member.name} is not what was written.")

    def chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of a member, in chunks of 1 MiB.

        Raises:
            ArchiveRefused: they cannot be unpacked, or are not those that the checksum is of.
        """
        try:
            with self._zip.open(name) as file:
                while chunk := file.read(CHUNK):
                    yield chunk
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, KeyError, OSError) as error:
            raise ArchiveRefused(f"The archive is damaged: {name!r} cannot be unpacked.") from error

    def lines(self, name: str) -> Iterator[bytes]:
        """The lines of a member; none where there is no such member.

        Raises:
            ArchiveRefused: a line is longer than any that is written.
        """
        if name not in self.members:
            return
        held = b""
        for chunk in self.chunks(name):
            *whole, held = (held + chunk).split(b"\n")
            yield from whole
            if len(held) > _LONGEST_LINE:
                raise ArchiveRefused(f"The archive is refused: {name} has a line of more than {_LONGEST_LINE:,} bytes.")
        if held:
            yield held

    def _check_form(self, limit_bytes: int) -> None:
        seen: set[str] = set()
        packed = unpacked = 0
        for info in self._zip.infolist():
            _refuse_bad_name(info.filename)
            if info.filename in seen:
                raise ArchiveRefused(f"The archive is refused: it has {info.filename!r} twice.")
            seen.add(info.filename)
            if info.flag_bits & 0x1 or info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                raise ArchiveRefused("The archive is refused: it is encrypted, or packed in another way than ours.")
            mode = info.external_attr >> 16
            if info.is_dir() or (stat.S_IFMT(mode) not in {0, stat.S_IFREG}):
                raise ArchiveRefused(f"The archive is refused: {info.filename!r} is no plain file.")
            packed += info.compress_size
            unpacked += info.file_size
        if packed > self.size_bytes:
            raise ArchiveRefused("The archive is refused: its members overlap, or it lies about their sizes.")
        if unpacked > max(_LARGEST_RATIO * self.size_bytes, _ALWAYS) or unpacked > limit_bytes:
            raise ArchiveRefused(
                f"The archive is refused: it unpacks to {unpacked:,} bytes. Up to {_LARGEST_RATIO} times its own size,"
                f" and {limit_bytes:,} bytes (LEAVING__READ_IN_BYTES), are taken."
            )

    def _read_manifest(self) -> Manifest:
        not_ours = ArchiveRefused("This is no archive of Commonplace: it has no manifest that can be read.")
        try:
            info = self._zip.getinfo(MANIFEST)
        except KeyError:
            raise not_ours from None
        if info.file_size > _LARGEST_MANIFEST:
            raise not_ours
        text = b"".join(self.chunks(MANIFEST))
        try:
            kind = msgspec.json.decode(text, type=_Kind)
            if kind.kind != KIND:
                raise not_ours
            if kind.format != FORMAT:
                raise ArchiveRefused(
                    f"This archive is of format {kind.format}; this release reads format {FORMAT}. Use another release."
                )
            return msgspec.json.decode(text, type=Manifest)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise not_ours from error

    def _check_members(self) -> None:
        if len(self.members) != len(self.manifest.members):
            raise ArchiveRefused("The archive is refused: its manifest lists a member twice.")
        there = {info.filename: info.file_size for info in self._zip.infolist() if info.filename != MANIFEST}
        if there.keys() != self.members.keys():
            name = min(there.keys() ^ self.members.keys())
            raise ArchiveRefused(f"The archive is refused: {name!r} is not in it, or not in its manifest.")
        for name, size in there.items():
            if size != self.members[name].size_bytes:
                raise ArchiveRefused(f"The archive is damaged: {name!r} has another size than its manifest says.")


def _refuse_bad_name(name: str) -> None:
    parts = name.split("/")
    if (
        not name
        or name.startswith("/")
        or "\\" in name
        or "\0" in name
        or any(part in {"", ".", ".."} for part in parts)
    ):
        raise ArchiveRefused(f"The archive is refused: {name!r} is a path that leads elsewhere.")


def _refuse_too_many(path: Path) -> None:
    """Look at the end of the file alone: a directory of millions is not read before it is known to be none."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _END_BYTES))
        tail = file.read(_END_BYTES)
        at = tail.rfind(_END)
        if at < 0 or len(tail) - at < 22:  # noqa: PLR2004 - the length of the record
            raise ArchiveRefused("This is no ZIP file, or it is cut off. Download the archive once more.")
        directory_bytes = struct.unpack_from("<L", tail, at + 12)[0]
        if directory_bytes == 0xFFFFFFFF:  # noqa: PLR2004 - the number stands in the record of ZIP64
            where = tail.rfind(b"PK\x06\x06", 0, at)
            directory_bytes = struct.unpack_from("<Q", tail, where + 40)[0] if where >= 0 else size
    if directory_bytes > _MOST_MEMBERS * 100:
        raise ArchiveRefused(f"The archive is refused: it has more than {_MOST_MEMBERS:,} members.")
