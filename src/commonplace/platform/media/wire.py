"""What the server and the process that reads foreign files say to each other: JSON, each message behind its length.

Paths travel, pictures do not. Both sides are of one version, so the messages need no versions; a message that does not
decode is a broken process and is treated as one.
"""

import struct
from datetime import datetime
from typing import BinaryIO, Final, Literal

import msgspec

from commonplace.platform.media.found import Found
from commonplace.platform.media.rendering import Failure, NotRendered
from commonplace.platform.media.square import Square

LENGTH: Final = struct.Struct(">I")
#: The longest message: a text of a million bytes and ten thousand entries of an archive fit, whatever they hold.
MAX_MESSAGE_BYTES: Final = 16 << 20


Form = Literal["webp", "avif"]


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What the process imposes on itself when it starts."""

    parent_pid: int
    memory_bytes: int
    output_bytes: int
    niceness: int


class Job(msgspec.Struct, frozen=True, kw_only=True, tag="render"):
    """One picture to render."""

    source: str
    target_directory: str
    media_type: str
    sizes: tuple[int, ...]
    max_pixels: int
    decode_bytes: int  #: The most that a picture decoded as a whole may take.
    square: Square | None = None  #: What is shown of it; none: all.
    form: Form | None = None  #: What it is written as; none: JPEG, or WebP where something is transparent.
    cpu_seconds: int  #: The kernel ends the process when this job has used so much.


class ReadJob(msgspec.Struct, frozen=True, kw_only=True, tag="read"):
    """One file to read: for its text, facts about it, and a picture that stands for it."""

    source: str
    target_directory: str
    media_type: str
    name: str
    seconds: float  #: When they are over the reading ends by itself with what it has.
    cpu_seconds: int


class PageJob(msgspec.Struct, frozen=True, kw_only=True, tag="page"):
    """One page of a PDF to be drawn as a picture."""

    source: str
    target_directory: str
    page: int  #: The first is 1.
    size: int  #: Pixels of its longer side.
    cpu_seconds: int


AnyJob = Job | ReadJob | PageJob


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """One rendition that was written."""

    size: int
    path: str
    media_type: str
    width: int
    height: int
    size_bytes: int


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a job: what it asked for when all went well, else `code` and `text`."""

    code: Failure | NotRendered | None = None
    text: str = ""
    width: int | None = None
    height: int | None = None
    taken_at: datetime | None = None
    images: tuple[Image, ...] = ()
    found: Found | None = None  #: Of a file that was read, and of a picture: what it tells about itself.
    cover: str | None = None  #: A picture that was written of it, in some format, still foreign.


def framed(message: msgspec.Struct) -> bytes:
    """A message as it goes over the pipe."""
    body = msgspec.json.encode(message)
    return LENGTH.pack(len(body)) + body


def read_frame(stream: BinaryIO) -> bytes | None:
    """The body of the next message, or None when the other side is gone."""
    length = stream.read(LENGTH.size)
    if len(length) < LENGTH.size:
        return None
    (body_bytes,) = LENGTH.unpack(length)
    if body_bytes > MAX_MESSAGE_BYTES:
        return None
    body = stream.read(body_bytes)
    return body if len(body) == body_bytes else None
