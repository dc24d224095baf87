"""Many small files in one form: stored in groups as they arrive, so that a batch of any size takes little memory."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from commonplace.apps.files import uploads
from commonplace.apps.files.errors import BatchTooLarge, FilePartMissing, MalformedUpload
from commonplace.apps.files.forms import Form, Part
from commonplace.apps.files.names import checked_name, extension_of
from commonplace.apps.files.service import NewFile
from commonplace.apps.files.uploads import SMALL_BYTES, Received
from commonplace.platform.media.types import HEAD_BYTES, detect
from commonplace.platform.storage.keys import Category, new_key
from commonplace.platform.storage.protocol import ObjectStorage

_GROUP_FILES: Final = 64
_GROUP_BYTES: Final = 2 * 1024 * 1024

Storing = Callable[[Sequence[str]], None]
"""Told which keys are about to be written."""


class _Group:
    """Files that are stored together."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.contents: list[bytes] = []
        self.size_bytes = 0

    def add(self, name: str, content: bytes) -> None:
        self.names.append(name)
        self.contents.append(content)
        self.size_bytes += len(content)

    @property
    def is_full(self) -> bool:
        return len(self.names) >= _GROUP_FILES or self.size_bytes >= _GROUP_BYTES

    async def store(self, storage: ObjectStorage, storing: Storing) -> list[NewFile]:
        """Store them, and say what is to be made of them."""
        keys = [new_key(Category.FILES, extension_of(name)) for name in self.names]
        storing(keys)
        stored = await storage.put_many(list(zip(keys, self.contents, strict=True)))
        return [
            NewFile(name, Received.of(one, detect(content[:HEAD_BYTES], name=name)))
            for name, content, one in zip(self.names, self.contents, stored, strict=True)
        ]


async def receive_batch(storage: ObjectStorage | None, form: Form, *, limit: int, storing: Storing) -> list[NewFile]:
    """Receive the files of a form, in its order. Without a storage they are only hashed.

    While one group is being stored the next one is received; memory holds no more than these two.

    Raises:
        MalformedUpload: there is a part that is no file `file`.
        FilePartMissing: there is no file at all.
        BatchTooLarge: there are more than `limit`, or one is not small.
        InvalidName: a file has a name that it cannot have.
    """
    received: list[NewFile] = []
    group, number = _Group(), 0
    writing: asyncio.Task[list[NewFile]] | None = None
    try:
        async for part in form:
            number += 1
            name = _file_name(part, number, limit)
            if storage is None:
                received.append(NewFile(name, await uploads.hash_only(aiter(part))))
                continue
            group.add(name, await _content(part, name))
            if group.is_full:
                if writing is not None:
                    received += await writing
                writing, group = asyncio.create_task(group.store(storage, storing)), _Group()
    finally:
        if writing is not None:
            received += await writing
    if storage is not None and group.names:
        received += await group.store(storage, storing)
    if not received:
        raise FilePartMissing
    return received


def _file_name(part: Part, number: int, limit: int) -> str:
    if part.file_name is None or part.name != "file":
        raise MalformedUpload(f"A batch has parts `file` with file names only; there is a part “{part.name}”.")
    if number > limit:
        raise BatchTooLarge(f"A batch may hold {limit} files at most (FILES__BATCH_FILES); send several.")
    return checked_name(part.file_name)


async def _content(part: Part, name: str) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in part:
        chunks.append(chunk)
        size += len(chunk)
        if size >= SMALL_BYTES:
            raise BatchTooLarge(
                f"“{name}” is not small: in a batch each file is under {SMALL_BYTES // 1024} kB. Send it alone."
            )
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
