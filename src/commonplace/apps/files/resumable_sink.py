"""Where the bytes of one request of a resumable upload go, until they count.

On local disk they are appended to the object that the file will have. Where objects cannot grow (S3, encrypted files)
each piece becomes an object of its own, and they are joined in the end. Either way a piece counts once it is durable
and its row says so: every `PIECE_BYTES`, every `PIECE_SECONDS`, and when the client breaks off. The row of an object
is written before its bytes, so no death leaves bytes that nobody knows of.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from time import monotonic
from types import TracebackType
from typing import Any, Final, Self
from uuid import UUID

from commonplace.apps.files import resumable_queries as queries
from commonplace.apps.files.errors import UploadConflict
from commonplace.apps.files.names import extension_of
from commonplace.apps.files.settings import FilesSettings
from commonplace.apps.files.tus import Checksum, new_digest
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database
from commonplace.platform.parts import Parts
from commonplace.platform.storage.keys import Category, new_key
from commonplace.platform.storage.local_lane import Lane
from commonplace.platform.storage.protocol import GrowingObject, ObjectStorage, ObjectWriter

PIECE_BYTES: Final = 64 * 1024 * 1024
PIECE_SECONDS: Final = 60.0
_BLOCK: Final = 1024 * 1024  #: bytes that a hop to a thread is worth
_REMEMBERED: Final = 1000

Pieces = list[tuple[str, int]]
"""The objects that hold an upload's bytes, in order: the key of each, and how many of its first bytes count."""


class RunningHashes:
    """SHA-256 of the uploads that this process was sent last, each as far as it came.

    A hash cannot be written down half-way, so it lives as long as its process. Where another one takes over, what is
    stored is read once more in the end.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[UUID, tuple[int, Any]] = OrderedDict()

    def take(self, upload_id: UUID, position: int) -> Any:
        """The hash of the first `position` bytes, which is the caller's now; None where it is not known."""
        known = self._known.pop(upload_id, None)
        if position == 0:
            return new_digest("sha256")
        return known[1] if known is not None and known[0] == position else None

    def keep(self, upload_id: UUID, position: int, digest: Any) -> None:
        """Remember the hash of the first `position` bytes."""
        self._known[upload_id] = (position, digest)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)


HASHES: Final = RunningHashes()


class _LoopThreads:
    """The event loop's own threads, for a `Lane`."""

    def run(self, call: Callable[[], None], /) -> "asyncio.Future[None]":
        """Start `call` in a thread."""
        return asyncio.get_running_loop().run_in_executor(None, call)


class Sink:
    """The end of one upload, being written to. Used with `async with`; what was not saved by then is dropped."""

    def __init__(self, parts: Parts, upload: Row, claim: UUID, checksum: Checksum | None) -> None:
        self.position: int = upload.received_bytes  #: of the next byte
        self.pieces: Pieces = []
        self.expires_at = upload.expires_at
        self._parts = parts
        self._storage = parts[ObjectStorage]
        self._upload = upload
        self._claim = claim
        self._size_bytes: int | None = upload.size_bytes
        self._checksum = checksum
        self._check = None if checksum is None else new_digest(checksum.algorithm)
        self._sha256 = HASHES.take(upload.id, self.position)
        self._remember()  # Should nothing of this request count, the next one goes on from here.
        self._hashing = Lane(_LoopThreads(), self._hash)
        self._number = 0  # of the part that was begun last
        self._growing: GrowingObject | None = None
        self._writer: ObjectWriter | None = None
        self._key = ""  # of the object that is being written
        self._written = 0  # bytes of the piece that was begun
        self._unsaved: Pieces = []  # that are durable, and whose rows do not say so yet
        self._chunks: list[bytes] = []
        self._held = 0
        self._began = monotonic()

    async def __aenter__(self) -> Self:
        """Find what is there already, and remove what a dead request left.

        Raises:
            ObjectNotFound: bytes that count are gone.
            ObjectBusy: another process writes to them.
        """
        async with self._parts[Database].reading() as session:
            rows = await session.all(queries.PARTS, upload_id=self._upload.id)
        dead = [row.key for row in rows if not row.size_bytes]
        if dead:
            await self._storage.delete(*dead)
            async with self._parts[Database].writing() as session:
                await session.execute(queries.FORGET_PARTS, keys=dead)
        self.pieces = [(row.key, row.size_bytes) for row in rows if row.size_bytes]
        self._number = max((row.number for row in rows), default=0)
        if self.pieces:
            key, size_bytes = self.pieces[-1]
            self._growing = await self._storage.grow(key, size_bytes)
            if self._growing is not None:
                self._key = key
                self.pieces.pop()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.shield(self._close())

    async def add(self, chunk: bytes) -> None:
        """Take the next bytes; at times they are made durable, and counted.

        Raises:
            StorageFull, StorageUnavailable: what was counted before stays.
            UploadConflict: another request has taken over.
        """
        self.position += len(chunk)
        self._chunks.append(chunk)
        self._held += len(chunk)
        if self._held >= _BLOCK:
            await self._write()
            if self._written >= PIECE_BYTES or monotonic() - self._began >= PIECE_SECONDS:
                await self.end_piece()
                if self.may_save and self.position != self._size_bytes:
                    await self.save()

    @property
    def may_save(self) -> bool:
        """Whether bytes may count before the request has ended: not where a checksum comes with them all."""
        return self._checksum is None

    def fits(self) -> bool:
        """Whether what came has the checksum that came with it. To be asked after `end_piece`."""
        return self._checksum is None or self._check is None or self._check.digest() == self._checksum.digest

    def set_size(self, size_bytes: int | None) -> None:
        """Note how long the upload is, which the client told only now."""
        self._size_bytes = size_bytes

    async def end_piece(self) -> Pieces:
        """Make all bytes durable; the pieces that there are then."""
        if self._held:
            await self._write()
        await self._hashing.finish()
        if self._growing is not None:
            size_bytes = await self._growing.sync()
            self._unsaved = [(self._key, size_bytes)]
        elif self._writer is not None:
            writer, self._writer = self._writer, None
            self._unsaved.append((self._key, (await writer.commit()).size_bytes))
        self._written = 0
        self._began = monotonic()
        return [*self.pieces, *self._unsaved]

    async def save(self) -> None:
        """Count the bytes of the pieces that have ended.

        Raises:
            UploadConflict: another request has taken over; what it counted stays.
        """
        async with self._parts[Database].writing() as session:
            row = await session.first(
                queries.ADVANCE,
                upload_id=self._upload.id,
                claim=self._claim,
                received_bytes=self.position,
                size_bytes=self._size_bytes,
                days=self._parts[FilesSettings].upload_days,
            )
            if row is None:
                raise UploadConflict(self._upload.received_bytes)
            for key, size_bytes in self._unsaved:
                await session.execute(queries.GROW_PART, key=key, size_bytes=size_bytes)
        self.expires_at = row.expires_at
        if self._growing is None:
            self.pieces += self._unsaved
            self._unsaved = []
        self._remember()

    def sha256(self) -> str | None:
        """The hash of all bytes so far; None where this process has not seen them all. After `end_piece`."""
        return None if self._sha256 is None else self._sha256.hexdigest()

    async def begin_part(self, number: int | None = None) -> str:
        """The key of a further object, whose row is there already. `number` 0: it is made of all the others.

        Raises:
            UploadConflict: another request has taken over.
        """
        key = new_key(Category.FILES, extension_of(self._upload.name))
        if number is None:
            self._number += 1
            number = self._number
        async with self._parts[Database].writing() as session:
            if not await session.execute(
                queries.ADD_PART, upload_id=self._upload.id, claim=self._claim, number=number, key=key
            ):
                raise UploadConflict(self._upload.received_bytes)
        return key

    async def _write(self) -> None:
        block = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._held = 0
        if self._growing is None and self._writer is None:
            self._key = await self.begin_part()
            if not self.pieces and not self._unsaved:
                self._growing = await self._storage.grow(self._key, 0)
            if self._growing is None:
                self._writer = await self._storage.open_writer(self._key)
        await self._hashing.push(block)
        target = self._growing or self._writer
        assert target is not None  # noqa: S101 — It was opened above.
        await target.write(block)
        self._written += len(block)

    def _hash(self, block: bytes) -> None:
        if self._sha256 is not None:
            self._sha256.update(block)
        if self._check is not None:
            self._check.update(block)

    def _remember(self) -> None:
        if self._sha256 is not None:
            HASHES.keep(self._upload.id, self.position, self._sha256.copy())

    async def _close(self) -> None:
        await self._hashing.stop()
        if self._growing is not None:
            await self._growing.close()
        if self._writer is not None:
            await self._writer.abort()
