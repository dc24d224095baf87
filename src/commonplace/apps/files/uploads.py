"""Bytes on their way in: received, and durable before any row speaks of them.

The order is what makes an acknowledged upload safe: the bytes are stored first, then a transaction registers them with
the file and commits, then the answer leaves. When something fails in between, the bytes are removed at once; should the
process die, the storage's sweep removes them.
"""

import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from commonplace.apps.files.errors import FileTooLarge
from commonplace.apps.files.names import extension_of
from commonplace.platform.database.ids import new_id
from commonplace.platform.history.record import NewObject
from commonplace.platform.http.unit import Unit
from commonplace.platform.media.types import HEAD_BYTES, detect
from commonplace.platform.space.room import Room
from commonplace.platform.storage.keys import Category, new_key
from commonplace.platform.storage.protocol import ObjectStorage, ObjectWriter, Stored

Chunks = AsyncIterator[bytes]
SMALL_BYTES: Final = 256 * 1024  #: a file below this is small: a batch takes it


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """Bytes that arrived. `key` is where they are stored; None when they were only hashed."""

    key: str | None
    size_bytes: int
    sha256: str  #: 64 hexadecimal digits
    media_type: str

    def as_object(self) -> NewObject:
        """The object to be registered with a new item."""
        stored = self.as_stored()
        return NewObject(id=new_id(), key=stored.key, sha256=self.sha256, size_bytes=self.size_bytes)

    def as_stored(self) -> Stored:
        """What the storage said of them."""
        if self.key is None:
            raise ValueError("These bytes were not stored.")
        return Stored(self.key, self.size_bytes, bytes.fromhex(self.sha256))

    @classmethod
    def of(cls, stored: Stored, media_type: str) -> "Received":
        """What the storage says of bytes of this type."""
        return cls(key=stored.key, size_bytes=stored.size_bytes, sha256=stored.sha256.hex(), media_type=media_type)


async def receive(
    storage: ObjectStorage,
    chunks: Chunks,
    *,
    name: str,
    expected_bytes: int | None,
    limit_bytes: int | None,
    room: Room | None = None,
) -> Received:
    """Store what `chunks` brings; durable on return, and nothing is left after an error.

    Memory holds the first 64 kB, which tell the type, and then a block or two.

    Raises:
        FileTooLarge: there is more than `limit_bytes`; a larger `expected_bytes` is refused before the first byte.
        QuotaExceeded: there is more than `room` has, in the same way.
        StorageFull: it does not fit.
    """
    fits = partial(_refuse, limit_bytes, room)
    fits(expected_bytes or 0)
    key = new_key(Category.FILES, extension_of(name))
    held: list[bytes] = []
    size = 0
    async for chunk in chunks:
        held.append(chunk)
        size += len(chunk)
        if size >= HEAD_BYTES:
            break
    head = held[0] if len(held) == 1 else b"".join(held)
    media_type = detect(head[:HEAD_BYTES], name=name)
    if size < HEAD_BYTES:
        return Received.of(await _put_small(storage, key, head, media_type, fits), media_type)
    async with await storage.open_writer(key, content_type=media_type, expected_bytes=expected_bytes) as writer:
        await _write(writer, head, fits)
        async for chunk in chunks:
            await _write(writer, chunk, fits)
        return Received.of(await writer.commit(), media_type)


async def hash_only(chunks: Chunks) -> Received:
    """Read what `chunks` brings and store nothing: the repetition of an upload that is known."""
    digest, size = hashlib.sha256(), 0
    async for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
    return Received(key=None, size_bytes=size, sha256=digest.hexdigest(), media_type="")


def fingerprint(*parts: object, sha256: str) -> bytes:
    """What an `Idempotency-Key` stands for: the same parts and the same bytes give the same."""
    digest = hashlib.sha256(bytes.fromhex(sha256))
    for part in parts:
        digest.update(f"\0{part}".encode())
    return digest.digest()


def remove_unless_committed(unit: Unit, storage: ObjectStorage, *keys: str) -> None:
    """From now on the bytes under `keys` are removed when the request's transaction is rolled back."""
    unit.after_rollback(partial(storage.delete, *keys))


def remove_once_committed(unit: Unit, storage: ObjectStorage, *keys: str) -> None:
    """The bytes under `keys` turned out to be there already: they are removed when the transaction is committed."""
    if keys:
        unit.after_commit(partial(storage.delete, *keys))


async def _put_small(
    storage: ObjectStorage, key: str, content: bytes, media_type: str, fits: Callable[[int], None]
) -> Stored:
    fits(len(content))
    return await storage.put(key, content, content_type=media_type, expected_bytes=len(content))


def _refuse(limit_bytes: int | None, room: Room | None, size_bytes: int) -> None:
    if limit_bytes is not None and size_bytes > limit_bytes:
        raise FileTooLarge(limit_bytes)
    if room is not None:
        room.refuse(size_bytes)


async def _write(writer: ObjectWriter, chunk: bytes, fits: Callable[[int], None]) -> None:
    fits(writer.size_bytes + len(chunk))
    await writer.write(chunk)
