"""The archive of a person: a ZIP file (PKWARE APPNOTE 6.3, with ZIP64) that any program unpacks.

    files/tree/…                   a person's files in their folders, under their own names
    files/trash/…                  those in the trash
    files/versions/<id>/<n> name   earlier bytes, as far as they are kept
    objects/<sha256>               bytes that no file names any more
    objects.jsonl                  which bytes stand where: `id, path, sha256, size_bytes`
    <app>/<kind>.jsonl             the items of each kind, one a line, as they are
    <app>/<kind>.versions.jsonl    their versions
    <app>/….jsonl                  what else an app keeps about the person
    manifest.json                  the last member: what this is, and the SHA-256 of every other one

JSON Lines: UTF-8, one object a line. Bytes that are packed already are stored, the rest is deflated.
"""

from typing import Any, Final

import msgspec

FORMAT: Final = 1
KIND: Final = "commonplace-archive"
MANIFEST: Final = "manifest.json"
OBJECTS: Final = "objects.jsonl"
CHUNK: Final = 1024 * 1024


class Member(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One file of the archive."""

    name: str
    size_bytes: int
    sha256: str  #: 64 hexadecimal digits
    lines: int | None = None  #: of JSON
    title: str | None = None  #: what the person calls it, where that could not stand in a path


class Missing(msgspec.Struct, frozen=True):
    """Bytes that could not be had."""

    name: str
    reason: str


class Whose(msgspec.Struct, frozen=True, kw_only=True):
    """Of whom an archive is."""

    id: str
    name: str
    email: str


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What a manifest says besides its members."""

    kind: str
    format: int
    release: str  #: of Commonplace
    made_at: str  #: RFC 3339, UTC
    person: Whose
    counts: dict[str, int]  #: lines of each JSON member, by its name without the ending
    missing: list[Missing]


class Manifest(Head, frozen=True, kw_only=True):
    """The whole of it."""

    members: list[Member]


class ItemLine(msgspec.Struct, frozen=True, kw_only=True):
    """An item as it is."""

    id: str
    kind: str
    parent_id: str | None
    title: str
    version: int
    created_at: str
    updated_at: str
    trashed_at: str | None
    schema: int
    state: dict[str, Any]


class VersionLine(msgspec.Struct, frozen=True, kw_only=True):
    """One version of an item; the last one is the item as it is."""

    item_id: str
    version: int
    parent_id: str | None
    title: str
    trashed_at: str | None
    schema: int
    state: dict[str, Any]
    valid_from: str
    valid_until: str | None
    is_mine: bool  #: whether the person themself made it
    kept: bool


class ObjectLine(msgspec.Struct, frozen=True, kw_only=True):
    """Where the bytes stand that states name by this id."""

    id: str
    path: str
    sha256: str
    size_bytes: int
