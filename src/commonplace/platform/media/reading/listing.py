"""Archives: what is in them, without unpacking it.

A zip has a table of contents. A tar is gone through from entry to entry; where it is compressed as a whole that has to
be undone for it, so it ends after a time. Names are text here and lead nowhere: nothing is ever written under them.
"""

import tarfile
from datetime import UTC, datetime
from typing import Final

from commonplace.platform.media.found import MOST_ENTRIES, Entry, Found, cut_text, facts_of
from commonplace.platform.media.reading.packed import directory_of
from commonplace.platform.media.reading.source import Collected, Read, Source

_LONGEST_NAME: Final = 1000
_TAR: Final = frozenset(
    {"application/x-tar", "application/gzip", "application/x-bzip2", "application/x-xz", "application/x-bzip"}
)


class _Listing:
    """The entries so far."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.number = 0
        self.unpacked_bytes = 0
        self.is_cut = False

    def add(self, name: str, size: int, modified_at: datetime | None, *, is_folder: bool) -> None:
        self.number += 1
        self.unpacked_bytes += max(size, 0)
        if len(self.entries) < MOST_ENTRIES:
            plain = cut_text(name[:_LONGEST_NAME])[0]
            self.entries.append(
                Entry(name=plain, size_bytes=max(size, 0), is_folder=is_folder, modified_at=modified_at)
            )
        else:
            self.is_cut = True


def read(source: Source) -> Read:
    """The names, sizes and times of what is in an archive; the names are its text."""
    listing = _Listing()
    if source.media_type in _TAR:
        is_archive = _tar(source, listing)
        if not is_archive:
            return Read(Found(state="none", reason="not_an_archive: It is one compressed file."))
    else:
        _zip(source, listing)
    collected = Collected()
    for entry in listing.entries:
        collected.add(entry.name + "\n")
    text, is_cut = collected.found()
    late = "timeout: Not all of it was looked through in the time there is."
    return Read(
        Found(
            text=text,
            is_cut=is_cut or listing.is_cut or source.is_late,
            reason=late if source.is_late else None,
            facts=facts_of(entries=listing.number, unpacked_bytes=min(listing.unpacked_bytes, 2**53)),
            entries=listing.entries,
        )
    )


def _zip(source: Source, listing: _Listing) -> None:
    with directory_of(source.path) as archive:
        for entry in archive.infolist():
            try:
                modified_at: datetime | None = datetime(*entry.date_time)  # noqa: DTZ001 - the packer's clock
            except ValueError:
                modified_at = None
            listing.add(entry.filename, entry.file_size, modified_at, is_folder=entry.is_dir())


def _tar(source: Source, listing: _Listing) -> bool:
    """Whether it is an archive at all, and not a single file that was compressed."""
    try:
        with tarfile.open(source.path, "r|*", errorlevel=1) as archive:
            while not source.is_late and (entry := archive.next()) is not None:
                vars(archive)["members"] = []  # it would keep all that it has seen
                try:
                    modified_at: datetime | None = datetime.fromtimestamp(entry.mtime, UTC)
                except (ValueError, OverflowError, OSError):
                    modified_at = None
                listing.add(entry.name, entry.size, modified_at, is_folder=entry.isdir())
                listing.is_cut = listing.is_cut or listing.number >= MOST_ENTRIES
                if listing.is_cut:
                    break
    except (tarfile.ReadError, EOFError, OSError):
        if not listing.number:
            return False
        listing.is_cut = True
    return True
