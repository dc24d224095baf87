"""What an archive holds beside items: an app takes of it what is a person's own, such as a choice or a picture.

It comes after the items. What the person has here already goes before what the archive says, so reading it in twice
changes nothing.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeVar
from uuid import UUID

import msgspec

from commonplace.platform.leaving.zip_in import ZipIn
from commonplace.platform.parts import Parts

Line = TypeVar("Line", bound=msgspec.Struct)
_MOST_LINES: Final = 1000  #: no table of choices is longer


@dataclass(frozen=True, slots=True, kw_only=True)
class Bringing:
    """What an app's `bring` is given. Nothing in the archive is believed but that its bytes are whole."""

    parts: Parts
    person_id: UUID
    archive: ZipIn

    async def lines(self, member: str, line: type[Line]) -> list[Line]:
        """The first thousand lines of `member`.jsonl that are of this form; none where there is no such member."""
        raw = await asyncio.to_thread(lambda: list(islice(self.archive.lines(f"{member}.jsonl"), _MOST_LINES)))
        found = []
        for one in raw:
            with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                found.append(msgspec.json.decode(one, type=line))
        return found

    def member(self, beginning: str) -> str | None:
        """The first member whose name begins so."""
        return next((name for name in self.archive.members if name.startswith(beginning)), None)

    async def chunks(self, member: str) -> AsyncIterator[bytes]:
        """The bytes of a member, 1 MiB at a time."""
        chunks = self.archive.chunks(member)
        while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
            yield chunk
