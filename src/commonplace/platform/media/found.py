"""What is found in a file besides pictures: its text, and facts about it."""

from datetime import datetime
from typing import Any, Final, Literal

import msgspec

#: The version of what reads files. Raise it when files are read better: what an older one found is read again when
#: its file is looked at the next time, or when its owner asks for it.
READER: Final = 1
#: Of the text that is kept; what a book of 1,000 pages has is under two thirds of it, twice. In bytes of UTF-8.
MOST_TEXT_BYTES: Final = 1_000_000
MOST_ENTRIES: Final = 10_000  #: of an archive that are listed
LONGEST_FACT: Final = 500  #: characters of a title, a name of a camera, an address

FoundState = Literal["done", "none", "failed"]
Fact = str | int | float | list[str]


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where on earth something was taken (WGS 84)."""

    latitude: float  #: degrees, north is positive
    longitude: float  #: degrees, east is positive


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of an archive, as the archive tells it: neither name nor size is to be trusted."""

    name: str
    size_bytes: int | None = None
    is_folder: bool = False
    modified_at: datetime | None = None  #: naive where the archive has the clock of whoever packed it


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What reading a file brought to light."""

    state: FoundState = "done"
    reason: str | None = None  #: "code: text for people"; also of what was read in part
    text: str | None = None  #: at most `MOST_TEXT_BYTES`, without NUL
    is_cut: bool = False  #: whether there was more than is kept
    facts: dict[str, Fact] = {}  #: by the names that `docs/reference/what-is-read.md` lists
    place: Place | None = None
    entries: list[Entry] | None = None  #: of an archive


def cut_text(text: str) -> tuple[str, bool]:
    """`text` without what PostgreSQL cannot keep, and no longer than is kept; whether there was more."""
    clean = text.replace("\x00", "")
    packed = clean.encode("utf-8", "replace")  # lone surrogates, which a broken file may have, become `?`
    if len(packed) <= MOST_TEXT_BYTES:
        return packed.decode(), False
    return packed[:MOST_TEXT_BYTES].decode("utf-8", "ignore"), True


def facts_of(**facts: Any) -> dict[str, Fact]:
    """Those of the facts that say anything, cut to a sensible length."""
    kept: dict[str, Fact] = {}
    for name, value in facts.items():
        told = _told(value)
        if told not in (None, "", []):
            kept[name] = told
    return kept


def _told(value: Any) -> Any:
    if isinstance(value, str):
        return " ".join(cut_text(value[: LONGEST_FACT * 4])[0].split())[:LONGEST_FACT]
    if isinstance(value, list):
        return [told for one in value[:100] if (told := _told(one))]
    return value
