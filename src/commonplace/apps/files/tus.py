"""The tus protocol 1.0.0 (https://tus.io/protocols/resumable-upload): what its headers say, read and written.

Nothing here knows of storage or database. Names of headers are those of the protocol; numbers are bytes.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Any, Final, Literal, get_args
from uuid import UUID

from commonplace.apps.files.errors import MalformedUpload, NotOffsetStream, TusVersionUnknown
from commonplace.apps.files.names import checked_name
from commonplace.apps.files.schemas import OnConflict

VERSION: Final = "1.0.0"
EXTENSIONS: Final = "creation,creation-with-upload,creation-defer-length,checksum,expiration,termination,concatenation"
ALGORITHMS: Final = ("sha1", "sha256", "md5")
OFFSET_STREAM: Final = "application/offset+octet-stream"
MOST_METADATA: Final = 8192  #: characters
MOST_PARTS: Final = 1000  #: uploads that one may be put together of
_LARGEST: Final = 2**62
_UNNAMED: Final = "Untitled"
_KEY: Final = re.compile(r"[!-+\--~]+")  # ASCII without space and comma
_SHA256: Final = re.compile(r"[0-9a-f]{64}")

Purpose = Literal["file", "partial", "final"]


@dataclass(frozen=True, slots=True)
class Checksum:
    """What the bytes of one request are to have."""

    algorithm: str
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to become of an upload: its `Upload-Metadata`, understood."""

    name: str
    folder_id: UUID | None = None
    replaces_id: UUID | None = None
    replaces_version: int | None = None
    on_conflict: OnConflict = "keep_both"
    sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation:
    """A request for a new upload."""

    purpose: Purpose
    size_bytes: int | None  #: None: it is told later
    metadata: str
    concat: str | None
    parts: tuple[UUID, ...] = ()  #: of a final one: the uploads that it is put together of
    wanted: Wanted = field(default_factory=lambda: Wanted(name=_UNNAMED))


def require_version(headers: Mapping[str, str]) -> None:
    """Refuse a request that speaks another protocol.

    Raises:
        TusVersionUnknown: it does.
    """
    if headers.get("tus-resumable") != VERSION:
        raise TusVersionUnknown


def creation(headers: Mapping[str, str]) -> Creation:
    """The upload that a POST asks for.

    Raises:
        MalformedUpload, InvalidName: it cannot be.
    """
    purpose, parts = _concatenation(headers.get("upload-concat"))
    metadata = headers.get("upload-metadata", "")
    size = length(headers)
    is_deferred = headers.get("upload-defer-length")
    if purpose == "final":
        if size is not None or is_deferred is not None:
            raise MalformedUpload("A final upload has the length of its parts; leave `Upload-Length` out.")
    elif is_deferred not in (None, "1") or (size is None) == (is_deferred is None):
        raise MalformedUpload("Say either `Upload-Length`, in bytes, or `Upload-Defer-Length: 1`.")
    return Creation(
        purpose=purpose,
        size_bytes=size,
        metadata=metadata,
        concat=headers.get("upload-concat"),
        parts=parts,
        wanted=_wanted(read_metadata(metadata)),
    )


def length(headers: Mapping[str, str]) -> int | None:
    """The value of `Upload-Length`; None where there is none."""
    return None if "upload-length" not in headers else _number(headers, "upload-length")


def offset(headers: Mapping[str, str]) -> int:
    """The value of `Upload-Offset`."""
    return _number(headers, "upload-offset")


def require_offset_stream(headers: Mapping[str, str]) -> None:
    """Refuse a body of another type.

    Raises:
        NotOffsetStream: it is.
    """
    if headers.get("content-type", "").lower() != OFFSET_STREAM:
        raise NotOffsetStream


def checksum(headers: Mapping[str, str]) -> Checksum | None:
    """What the request's bytes are to have; None where it does not say.

    Raises:
        MalformedUpload: it cannot be read, or the algorithm is not one of `ALGORITHMS`.
    """
    value = headers.get("upload-checksum")
    if value is None:
        return None
    algorithm, _, encoded = value.partition(" ")
    if algorithm not in ALGORITHMS:
        raise MalformedUpload(f"A checksum is one of {', '.join(ALGORITHMS)}; this one says “{algorithm[:40]}”.")
    digest = _decoded(encoded)
    if digest is None or len(digest) != hashlib.new(algorithm, usedforsecurity=False).digest_size:
        raise MalformedUpload(f"`Upload-Checksum` is the name of an algorithm and its {algorithm} digest in base64.")
    return Checksum(algorithm, digest)


def read_metadata(value: str) -> dict[str, str]:
    """The pairs of `Upload-Metadata`; values that are no text of UTF-8 are refused.

    Raises:
        MalformedUpload: it is not of the form that the protocol has.
    """
    pairs: dict[str, str] = {}
    if len(value) > MOST_METADATA:
        raise MalformedUpload(f"`Upload-Metadata` has {MOST_METADATA} characters at most.")
    for pair in value.split(",") if value.strip() else ():
        key, _, encoded = pair.strip().partition(" ")
        decoded = _decoded(encoded.strip())
        if not _KEY.fullmatch(key) or key in pairs or decoded is None:
            raise MalformedUpload("`Upload-Metadata` is pairs of a key, which comes once, and a value in base64.")
        try:
            pairs[key] = decoded.decode()
        except UnicodeDecodeError:
            raise MalformedUpload(f"The value of “{key}” in `Upload-Metadata` is no text in UTF-8.") from None
    return pairs


def expires(moment: datetime) -> str:
    """A time as `Upload-Expires` has it (RFC 9110, section 5.6.7)."""
    return format_datetime(moment, usegmt=True)


def _wanted(pairs: Mapping[str, str]) -> Wanted:
    on_conflict = pairs.get("on_conflict", "keep_both")
    known = next((one for one in get_args(OnConflict) if one == on_conflict), None)
    if known is None:
        raise MalformedUpload("The metadata `on_conflict` is `keep_both`, `replace` or `fail`.")
    sha256 = pairs.get("sha256")
    if sha256 is not None and not _SHA256.fullmatch(sha256):
        raise MalformedUpload("The metadata `sha256` is 64 hexadecimal digits in lower case.")
    version = pairs.get("file_version")
    if version is not None and not (version.isascii() and version.isdigit() and len(version) < 10):  # noqa: PLR2004
        raise MalformedUpload("The metadata `file_version` is the number of a version.")
    return Wanted(
        name=checked_name(pairs.get("filename") or pairs.get("name") or _UNNAMED),
        folder_id=_id(pairs, "folder_id"),
        replaces_id=_id(pairs, "file_id"),
        replaces_version=None if version is None else int(version),
        on_conflict=known,
        sha256=sha256,
    )


def _concatenation(value: str | None) -> tuple[Purpose, tuple[UUID, ...]]:
    if value is None:
        return "file", ()
    if value == "partial":
        return "partial", ()
    kind, _, addresses = value.partition(";")
    ids = [_last_segment(address) for address in addresses.split()]
    if kind != "final" or not ids or len(ids) > MOST_PARTS:
        raise MalformedUpload(
            f"`Upload-Concat` is `partial`, or `final;` and the addresses of 1 to {MOST_PARTS} uploads."
        )
    return "final", tuple(ids)


def _last_segment(address: str) -> UUID:
    try:
        return UUID(address.rstrip("/").rpartition("/")[2])
    except ValueError:
        raise MalformedUpload("`Upload-Concat` names something that is no upload of this server.") from None


def _id(pairs: Mapping[str, str], key: str) -> UUID | None:
    try:
        return UUID(pairs[key]) if pairs.get(key) else None
    except ValueError:
        raise MalformedUpload(f"The metadata `{key}` is not an id.") from None


def _number(headers: Mapping[str, str], name: str) -> int:
    value = headers.get(name, "")
    if not (value.isascii() and value.isdigit() and len(value) < 20) or (number := int(value)) > _LARGEST:  # noqa: PLR2004
        raise MalformedUpload(f"`{name.title()}` is a number of bytes.")
    return number


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def new_digest(algorithm: str) -> Any:
    """A hash of one of `ALGORITHMS`. What it guards against is broken lines, not people."""
    return hashlib.new(algorithm, usedforsecurity=False)
