"""The file of a backup: a plain tar archive that any `tar` unpacks, written and read once from start to end.

    commonplace-backup.json   what it is: release, schemas, number of rows, objects
    objects/<key>             each stored object
    database.dump             the database, as `pg_dump --format=custom` writes it
    end.json                  what was written, and a digest over all of it: without it the file is not whole

Each member carries its SHA-256 in a comment before it, so memory is bounded whatever the number of objects.
"""

import hashlib
from typing import Final

import msgspec

FORMAT: Final = 1
HEADER_NAME: Final = "commonplace-backup.json"
OBJECTS: Final = "objects/"
DUMP_NAME: Final = "database.dump"
END_NAME: Final = "end.json"
COMMENT: Final = "comment"  #: the header of a member that holds its digest; other programs pass it over
SHA256: Final = "sha256="  #: what the comment begins with, before 64 hexadecimal digits
CHUNK: Final = 1024 * 1024


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup says of itself before anything else."""

    format: int
    id: str
    release: str  #: of Commonplace
    taken_at: str  #: RFC 3339, UTC: the moment that it shows
    server_version: int  #: of PostgreSQL, such as 180006
    epoch: int  #: of the log
    schemas: list[str]
    heads: list[str]  #: the migrations that had been applied
    tables: dict[str, int]  #: rows of each
    objects: int
    object_bytes: int


class Damage(msgspec.Struct, frozen=True):
    """An object that could not be copied as the database describes it."""

    key: str
    reason: str


class End(msgspec.Struct, frozen=True, kw_only=True):
    """What was written."""

    members: int
    content_bytes: int
    chain: str  #: SHA-256 over the names, sizes and digests of all members before this one
    damaged: list[Damage]


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One member while it is read."""

    name: str
    size_bytes: int
    sha256: str
    offset: int  #: of its content in the file


class Chain:
    """The digest over everything: two archives with the same one have the same members in the same order."""

    def __init__(self) -> None:
        self.members = 0
        self.content_bytes = 0
        self._digest = hashlib.sha256()

    def add(self, name: str, size_bytes: int, sha256: str) -> None:
        """Count one more member."""
        self.members += 1
        self.content_bytes += size_bytes
        self._digest.update(f"{name}\0{size_bytes}\0{sha256}\n".encode())

    def end(self, damaged: list[Damage]) -> End:
        """What is said at the end."""
        return End(
            members=self.members,
            content_bytes=self.content_bytes,
            chain=self._digest.hexdigest(),
            damaged=damaged,
        )
