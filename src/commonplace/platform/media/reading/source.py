"""What a reader is given, what it gives back, and how it says no. For the child process only."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final, NamedTuple

from commonplace.platform.media.found import MOST_TEXT_BYTES, Found, cut_text
from commonplace.platform.media.readable import reader_of
from commonplace.platform.media.rendering import Failure
from commonplace.platform.media.wire import Outcome, ReadJob

_LONGEST_QUOTE: Final = 200


class Unreadable(Exception):
    """The file is not read, for a reason that can be told."""

    def __init__(self, code: Failure, text: str) -> None:
        super().__init__(text)
        self.code: Failure = code
        self.text = text


@dataclass(frozen=True, kw_only=True)
class Source:
    """A foreign file."""

    path: Path
    media_type: str
    name: str
    folder: Path  #: where a picture may be written
    ends_at: float  #: of the monotonic clock: whoever reads in steps ends then with what there is

    @property
    def is_late(self) -> bool:
        """Whether the time for it is over."""
        return time.monotonic() >= self.ends_at


class Read(NamedTuple):
    """What a reader gives back."""

    found: Found
    cover: Path | None = None  #: a picture that stands for the file, in some format


class Collected:
    """A text that grows piece by piece, to as much as is kept and little more."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._characters = 0
        self.is_cut = False

    @property
    def is_full(self) -> bool:
        """Whether further pieces would not be kept."""
        return self._characters >= MOST_TEXT_BYTES

    def add(self, piece: str) -> None:
        """Put a piece behind the others."""
        if self.is_full:
            self.is_cut = self.is_cut or bool(piece)
            return
        room = MOST_TEXT_BYTES - self._characters
        self.is_cut = self.is_cut or len(piece) > room
        self._pieces.append(piece[:room])
        self._characters += len(piece)

    def found(self) -> tuple[str | None, bool]:
        """The text, None when there is none, and whether there was more."""
        text, is_cut = cut_text("".join(self._pieces))
        return text.strip() or None, is_cut or self.is_cut


def read(job: ReadJob) -> Outcome:
    """Do a job. Whatever is wrong with the file is told in the outcome."""
    source = Source(
        path=Path(job.source),
        media_type=job.media_type,
        name=job.name,
        folder=Path(job.target_directory),
        ends_at=time.monotonic() + job.seconds,
    )
    try:
        reader: Callable[[Source], Read] = import_module(f"{__package__}.{reader_of(job.media_type)}").read
        found, cover = reader(source)
    except Unreadable as refused:
        return Outcome(code=refused.code, text=refused.text)
    except (MemoryError, RecursionError):
        return Outcome(code="too_much_memory", text="Reading it takes more memory than the limit allows.")
    except FileNotFoundError:
        return Outcome(code="source_missing", text="The file is gone.")
    except Exception as error:  # noqa: BLE001 - parsers of foreign bytes raise anything; the file is what is wrong
        said = " ".join(f"{type(error).__name__}: {error}".split())[:_LONGEST_QUOTE]
        return Outcome(code="unreadable", text=f"The file is damaged or of an unusual kind ({said}).")
    return Outcome(found=found, cover=None if cover is None else str(cover))
