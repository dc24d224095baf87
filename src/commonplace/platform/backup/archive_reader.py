"""Reading the file of a backup, checking it on the way. All functions block; callers run them in threads."""

import hashlib
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from commonplace.platform.backup.archive import (
    CHUNK,
    COMMENT,
    DUMP_NAME,
    END_NAME,
    FORMAT,
    HEADER_NAME,
    OBJECTS,
    SHA256,
    Chain,
    End,
    Header,
    Member,
)
from commonplace.platform.backup.errors import DamagedBackup, DiskTrouble, MadeByAnother, NoSuchBackup, NotABackup

_HEADER_LIMIT: Final = 16 * 1024 * 1024


class ArchiveReader:
    """Reads a backup's members in order, checking each digest on the way."""

    def __init__(self, path: Path) -> None:
        """Open the file and read its header.

        Raises:
            NoSuchBackup: there is none, or it cannot be read.
            NotABackup: it is something else.
            DamagedBackup: it is cut off within its first bytes.
        """
        self.path = path
        self._chain = Chain()
        self.end: End | None = None  #: set when everything was read
        self.dump: Member | None = None  #: the database, once it was passed
        self.objects = 0  #: passed so far
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise NoSuchBackup(f"{path} cannot be read: {error.strerror}.") from error
        try:
            self._tar = tarfile.open(fileobj=self._file, mode="r:")  # noqa: SIM115 - open as long as the reader
            self.header = self._read_header()
        except tarfile.TarError as error:
            self._file.close()
            raise self._not_a_backup() from error
        except BaseException:
            self._file.close()
            raise

    def members(self) -> Iterator[Member]:
        """Every member but the first and the last. Read the `content` of each before asking for the next.

        After the last one `end` is set; it was checked against what was read.

        Raises:
            DamagedBackup: the file is cut off, or is not what was written.
        """
        while True:
            try:
                member = self._next()
            except tarfile.TarError as error:
                raise DamagedBackup(f"{self.path} is damaged: {error}.") from error
            if member is None:
                raise DamagedBackup(f"{self.path} is cut off: it has no end.")
            if member.name == END_NAME:
                self._check_end(member)
                return
            self._note(member)
            yield member

    def read_through(self) -> Member:
        """Check everything; the member that is the database.

        Raises:
            DamagedBackup: the file is not what was written.
        """
        for member in self.members():
            for _ in self.content(member):
                pass
        return self.database()

    def database(self) -> Member:
        """The member that is the database, after all were read.

        Raises:
            DamagedBackup: there is none.
        """
        if self.dump is None:
            raise DamagedBackup(f"{self.path} is damaged: the database is not in it.")
        return self.dump

    def content(self, member: Member) -> Iterator[bytes]:
        """A member's bytes, in chunks of 1 MiB.

        Raises:
            DamagedBackup: at the end, when they are not those that were written.
        """
        digest = hashlib.sha256()
        self._file.seek(member.offset)
        left = member.size_bytes
        while left:
            chunk = self._read(min(left, CHUNK))
            if not chunk:
                raise DamagedBackup(f"{self.path} is cut off within {member.name}.")
            left -= len(chunk)
            digest.update(chunk)
            yield chunk
        if digest.hexdigest() != member.sha256:
            raise DamagedBackup(f"{self.path} is damaged: {member.name} is not what was written.")
        self._chain.add(member.name, member.size_bytes, member.sha256)

    def bytes_of(self, member: Member) -> Iterator[bytes]:
        """The bytes of a member that was checked before, once more."""
        self._file.seek(member.offset)
        left = member.size_bytes
        while left and (chunk := self._read(min(left, CHUNK))):
            left -= len(chunk)
            yield chunk

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _note(self, member: Member) -> None:
        if member.name == DUMP_NAME:
            self.dump = member
        elif member.name.startswith(OBJECTS):
            self.objects += 1
        else:
            raise DamagedBackup(f"{self.path} is damaged: {member.name} does not belong into a backup.")

    def _next(self) -> Member | None:
        try:
            info = self._tar.next()
        except OSError as error:
            raise DiskTrouble(f"{self.path} cannot be read: {error.strerror}.") from error
        self._tar.members = []  # type: ignore[attr-defined]  # else it remembers each one
        if info is None:
            return None
        comment = info.pax_headers.get(COMMENT, "")
        if not comment.startswith(SHA256):
            if not self._chain.members:
                raise self._not_a_backup()
            raise DamagedBackup(f"{self.path} is damaged: {info.name} has no digest.")
        return Member(
            name=info.name, size_bytes=info.size, sha256=comment.removeprefix(SHA256), offset=info.offset_data
        )

    def _read(self, size_bytes: int) -> bytes:
        try:
            return self._file.read(size_bytes)
        except OSError as error:
            raise DiskTrouble(f"{self.path} cannot be read: {error.strerror}.") from error

    def _check_end(self, member: Member) -> None:
        expected = self._chain.end([])
        try:
            end = msgspec.json.decode(b"".join(self.content(member)), type=End)
        except msgspec.DecodeError as error:
            raise DamagedBackup(f"{self.path} is damaged: its end cannot be read.") from error
        if (end.members, end.content_bytes, end.chain) != (expected.members, expected.content_bytes, expected.chain):
            raise DamagedBackup(f"{self.path} is damaged: it does not hold what was written to it.")
        self.end = end

    def _read_header(self) -> Header:
        first = self._next()
        if first is None or first.name != HEADER_NAME or first.size_bytes > _HEADER_LIMIT:
            raise self._not_a_backup()
        content = b"".join(self.content(first))
        try:
            if msgspec.json.decode(content).get("format") != FORMAT:
                raise MadeByAnother(f"{self.path} is a backup of a later format. Restore it with a newer release.")
            return msgspec.json.decode(content, type=Header)
        except (msgspec.DecodeError, AttributeError) as error:
            raise self._not_a_backup() from error

    def _not_a_backup(self) -> NotABackup:
        return NotABackup(f"{self.path} is no backup of Commonplace.")
