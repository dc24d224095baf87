"""Writing a ZIP file piece by piece into the storage: a block is in memory at a time, whatever the size.

The destination cannot be read again, so each member's size and checksum follow its bytes (a data descriptor), in the
form of ZIP64 whatever its size.
"""

import asyncio
import hashlib
import zipfile
from collections.abc import AsyncIterable
from datetime import UTC, datetime
from typing import IO, Any, Final, cast

from commonplace.platform.leaving.format import Member
from commonplace.platform.storage.protocol import ObjectWriter, Stored

_FIRST: Final = (1980, 1, 1, 0, 0, 0)
_LAST_YEAR: Final = 2107
_ONLY_THE_OWNER: Final = 0o100600 << 16


class ZipOut:
    """The file while it grows."""

    def __init__(self, writer: ObjectWriter) -> None:
        self._writer = writer
        self._pieces = _Pieces()
        self._zip = zipfile.ZipFile(cast("IO[bytes]", self._pieces), "w", allowZip64=True)

    async def add(
        self,
        name: str,
        chunks: AsyncIterable[bytes],
        *,
        at: datetime,
        pack: bool,
        lines: int | None = None,
        title: str | None = None,
    ) -> Member:
        """Add a member; with `pack` it is deflated.

        Raises:
            StorageFull, StorageUnavailable: the storage does not take it.
        """
        info = zipfile.ZipInfo(name, _date(at))
        info.compress_type = zipfile.ZIP_DEFLATED if pack else zipfile.ZIP_STORED
        info.external_attr = _ONLY_THE_OWNER
        digest, size = hashlib.sha256(), 0
        with self._zip.open(info, "w", force_zip64=True) as member:
            async for chunk in chunks:
                size += len(chunk)
                digest.update(chunk)
                if pack:
                    await asyncio.to_thread(member.write, chunk)
                else:
                    member.write(chunk)
                await self._flush()
        await self._flush()
        return Member(name=name, size_bytes=size, sha256=digest.hexdigest(), lines=lines, title=title)

    async def commit(self) -> Stored:
        """Write the directory and make the object appear.

        Raises:
            StorageFull, StorageUnavailable: the storage does not take it.
        """
        await asyncio.to_thread(self._zip.close)
        await self._flush()
        return await self._writer.commit()

    async def _flush(self) -> None:
        pieces = self._pieces.take()
        if pieces:
            await self._writer.write(pieces)


class _Pieces:
    """What `zipfile` writes, until it is taken. It has no `tell`, so `zipfile` never goes back."""

    def __init__(self) -> None:
        self._held: list[bytes] = []

    def write(self, piece: Any) -> int:
        """Hold a piece."""
        self._held.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        """Nothing waits."""

    def take(self) -> bytes:
        """What was written since it was last taken."""
        held, self._held = self._held, []
        return held[0] if len(held) == 1 else b"".join(held)


def _date(at: datetime) -> tuple[int, int, int, int, int, int]:
    at = at.astimezone(UTC)
    if not _FIRST[0] <= at.year <= _LAST_YEAR:
        return _FIRST
    return (at.year, at.month, at.day, at.hour, at.minute, at.second)
