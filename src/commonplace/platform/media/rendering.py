"""What became of a picture: the answer of `Media.describe_and_render`."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from commonplace.platform.media.found import Found

State = Literal["done", "none", "failed"]

#: Why a file was not rendered. `none`: there is nothing to render, or no means to; `failed`: it should have worked.
NotRendered = Literal["not_a_picture", "empty", "unsupported_format", "missing_extra", "no_cover"]
Failure = Literal[
    "too_many_pixels",
    "too_much_memory",
    "truncated",
    "unreadable",
    "encrypted",
    "refused",
    "timeout",
    "crashed",
    "source_missing",
    "no_space",
    "interrupted",
]
#: What a later attempt may find cured: the disk has room again, the process is not being stopped.
_PASSING: Final = frozenset({"no_space", "interrupted"})


@dataclass(frozen=True, kw_only=True)
class Rendition:
    """One picture made from the source, in sRGB. Pixels only: no EXIF, no GPS position, no colour profile."""

    size: int  #: The size asked for: the longest side is this many pixels, or fewer where the source has fewer.
    path: Path  #: Shared by all sizes that are not smaller than the source.
    media_type: str  #: image/jpeg, or image/webp where something is transparent.
    width: int
    height: int
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """What is known of a file after its rendering."""

    state: State
    reason: str | None  #: None when done; else "code: text for people", the code one of `NotRendered` and `Failure`.
    media_type: str  #: What the bytes are, whatever they were said to be.
    width: int | None = None  #: As shown, after orientation. May be known even where nothing was rendered.
    height: int | None = None
    taken_at: datetime | None = None  #: Aware when the file gives the offset; else naive: the camera's own clock.
    renditions: tuple[Rendition, ...] = ()  #: One for each size, in the order asked for; none unless done.

    @property
    def reason_code(self) -> str | None:
        """The stable part of `reason`."""
        return None if self.reason is None else self.reason.partition(":")[0]

    @property
    def may_pass(self) -> bool:
        """Whether the same file may well be rendered on a later attempt."""
        return self.reason_code in _PASSING


@dataclass(frozen=True, kw_only=True)
class Looked:
    """All that is known of a file after it was looked at: the answer of `Media.look`."""

    media_type: str  #: What the bytes are, whatever they were said to be.
    found: Found
    rendered: Rendered | None = None  #: None where nothing stands for it as a picture.

    @property
    def state(self) -> State:
        """The state that people are told: of its picture where it has one or should, else of the reading."""
        if self.rendered is None or (self.rendered.state == "none" and self.found.state != "none"):
            return self.found.state
        return self.rendered.state

    @property
    def may_pass(self) -> bool:
        """Whether a later attempt may do better."""
        code = (self.found.reason or "").partition(":")[0]
        return code in _PASSING or (self.rendered is not None and self.rendered.may_pass)
