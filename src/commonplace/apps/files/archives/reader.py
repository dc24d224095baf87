"""The bytes of an archive, or of a range of it, made while they are sent.

What is in memory at a time: a chunk or two of a large file, or the first chunks of a few small ones, which are opened
ahead. A file's CRC-32 is computed when its bytes pass here for the first time, together with their SHA-256, and kept
(`keep`); a range that needs one which nobody has kept yet reads that file for it. A file that is not what its row says
ends the download: an archive that a checksum calls whole holds what was uploaded.
"""

import asyncio
import hashlib
import zlib
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Final, NamedTuple, Self

from commonplace.apps.files.archives import layout
from commonplace.apps.files.archives.plan import Entry, Plan
from commonplace.platform.storage.errors import StorageUnavailable
from commonplace.platform.storage.protocol import ObjectReader, ObjectStorage

Known = tuple[bytes, int]  #: an object's id, and its CRC-32
Keep = Callable[[Sequence[Known]], Awaitable[None]]
_PIECE: Final = 128 * 1024  # bytes that are sent at a time, where there are so many
_AHEAD: Final = 8  # small files that are opened before their turn
_SMALL: Final = 256 * 1024  # bytes
_TURN: Final = 1000  # entries passed over before others may run
_KEPT_ENTRIES: Final = 500
_KEPT_BYTES: Final = 64 * 1024 * 1024


class _Next(NamedTuple):
    """An entry whose turn comes, and its bytes where they are being opened already."""

    place: int
    entry: Entry
    position: int  #: in the archive
    opening: "asyncio.Task[ObjectReader] | None"


class ArchiveReader:
    """See `ObjectReader`. It closes the plan."""

    def __init__(self, storage: ObjectStorage, plan: Plan, start: int, end: int, *, keep: Keep) -> None:
        self.size_bytes = plan.size_bytes
        self.start = start
        self.end = end
        self._storage = storage
        self._plan = plan
        self._keep = keep
        self._ahead: deque[_Next] = deque()
        self._new: list[Known] = []
        self._new_bytes = 0
        self._joined = self._join()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """The next bytes.

        Raises:
            StorageUnavailable: a file's bytes cannot be read, or are not what was stored.
        """
        return await anext(self._joined)

    async def aclose(self) -> None:
        """Let everything go, and keep what was found out."""
        await asyncio.shield(self._close())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _close(self) -> None:
        await self._joined.aclose()
        while self._ahead:
            await _forget(self._ahead.popleft().opening)
        self._plan.close()
        await self._keep_new()

    async def _join(self) -> AsyncGenerator[bytes, None]:
        """Small pieces together: each that is sent costs the same."""
        pieces: list[bytes] = []
        held = 0
        async for piece in self._pieces():
            pieces.append(piece)
            held += len(piece)
            if held >= _PIECE:
                yield b"".join(pieces)
                pieces, held = [], 0
        if held:
            yield b"".join(pieces)

    async def _pieces(self) -> AsyncGenerator[bytes, None]:
        coming = self._coming()
        passed = 0
        while (entry := self._advance(coming)) is not None:
            async for piece in self._one(entry):
                yield piece
            passed += 1
            if passed % _TURN == 0:
                await asyncio.sleep(0)
        if self.end > self._plan.directory_offset:
            async for piece in self._directory():
                yield piece

    def _coming(self) -> Iterator[_Next]:
        """The entries that the range has bytes of."""
        position = 0
        for place, entry in self._plan.read():
            if position >= self.end:
                return
            size = layout.local_size(entry.path, entry.size, is_folder=entry.is_folder)
            if position + size > self.start:
                yield _Next(place, entry, position, None)
            position += size

    def _advance(self, coming: Iterator[_Next]) -> _Next | None:
        while len(self._ahead) < _AHEAD and (following := next(coming, None)) is not None:
            entry, position = following.entry, following.position
            is_whole = self.start <= position and position + len(entry.header) + entry.size <= self.end
            if is_whole and 0 < entry.size <= _SMALL:
                following = following._replace(
                    opening=asyncio.ensure_future(self._storage.read(entry.key.decode(), 0, entry.size))
                )
            self._ahead.append(following)
        return self._ahead.popleft() if self._ahead else None

    async def _one(self, coming: _Next) -> AsyncGenerator[bytes, None]:
        """An entry: its header, its bytes, and its checksum."""
        place, entry, position, opening = coming
        header = entry.header
        if piece := self._clip(header, position):
            yield piece
        if entry.is_folder:
            return
        position += len(header)
        first, last = max(0, self.start - position), min(entry.size, self.end - position)
        if first < last:
            is_whole = (first, last) == (0, entry.size)
            check = _Check(entry) if is_whole and entry.crc32 is None else None
            reader = await (opening or self._storage.read(entry.key.decode(), first, last))
            async with reader as chunks:
                count = 0
                async for chunk in chunks:
                    count += len(chunk)
                    if check is not None:
                        check.update(chunk)
                    yield chunk
            if count != last - first:
                raise _damaged(entry)
            if check is not None:
                entry = await self._know(place, entry, check.crc32())
        position += entry.size
        if position < self.end:
            crc32 = await self._crc32(place, entry)
            if piece := self._clip(layout.descriptor(entry.size, crc32), position):
                yield piece

    async def _directory(self) -> AsyncGenerator[bytes, None]:
        position, offset = self._plan.directory_offset, 0
        for number, (place, entry) in enumerate(self._plan.read()):
            size = layout.central_size(entry.path, entry.size, offset)
            if position < self.end and position + size > self.start:
                header = layout.central_header(
                    entry.path,
                    entry.size,
                    entry.changed,
                    crc32=0 if entry.is_folder else await self._crc32(place, entry),
                    offset=offset,
                    is_folder=entry.is_folder,
                )
                yield self._clip(header, position)
            position += size
            offset += layout.local_size(entry.path, entry.size, is_folder=entry.is_folder)
            if number % _TURN == 0:
                await asyncio.sleep(0)
        if piece := self._clip(self._plan.ending, position):
            yield piece

    def _clip(self, piece: bytes, position: int) -> bytes:
        """What of a piece, which stands at `position`, belongs to the range."""
        return piece[max(0, self.start - position) : max(0, self.end - position)]

    async def _crc32(self, place: int, entry: Entry) -> int:
        """The checksum of a file: known, or computed by reading it."""
        if entry.crc32 is not None:
            return entry.crc32
        if entry.size == 0:
            return 0
        check = _Check(entry)
        async with await self._storage.read(entry.key.decode(), 0, entry.size) as chunks:
            async for chunk in chunks:
                check.update(chunk)
        known = await self._know(place, entry, check.crc32())
        return known.crc32 or 0

    async def _know(self, place: int, entry: Entry, crc32: int) -> Entry:
        self._plan.know(place, crc32)
        self._new.append((entry.object_id, crc32))
        self._new_bytes += entry.size
        if len(self._new) >= _KEPT_ENTRIES or self._new_bytes >= _KEPT_BYTES:
            await self._keep_new()
        return entry._replace(crc32=crc32)

    async def _keep_new(self) -> None:
        new, self._new, self._new_bytes = self._new, [], 0
        if new:
            await self._keep(new)


class _Check:
    """Computes a file's CRC-32, and whether its bytes are those of its row."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry
        self._sha256 = hashlib.sha256()
        self._crc32 = 0

    def update(self, chunk: bytes) -> None:
        self._sha256.update(chunk)
        self._crc32 = zlib.crc32(chunk, self._crc32)

    def crc32(self) -> int:
        """The checksum of all.

        Raises:
            StorageUnavailable: these are other bytes than were stored.
        """
        if self._sha256.digest() != self._entry.sha256:
            raise _damaged(self._entry)
        return self._crc32


def _damaged(entry: Entry) -> StorageUnavailable:
    return StorageUnavailable(
        f"The stored bytes {entry.key.decode()} are not what was stored; restore them from a backup."
    )


async def _forget(opening: "asyncio.Task[ObjectReader] | None") -> None:
    if opening is None:
        return
    opening.cancel()
    with suppress(asyncio.CancelledError, Exception):
        await (await opening).aclose()
