"""The ledger of those who were erased: receipts, kept outside the backups, so that no restore brings anybody back.

It stands in two places: among the objects of the storage, where backups do not look, and as a file below the data
directory. Whoever restores into another place brings the file along. An entry holds an id, times and counts, and
nothing else about the person.
"""

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec

from commonplace.platform.storage.keys import ERASED
from commonplace.platform.storage.protocol import ObjectStorage

KIND: Final = "commonplace-erasure"
FORMAT: Final = 1
FILE_NAME: Final = "erased-people.jsonl"


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What was removed, when, and of which id."""

    kind: str = KIND
    format: int = FORMAT
    id: UUID
    person_id: UUID
    asked_by: str  #: `person`, `administrator`, `server`, or `ledger`: after a restore
    asked_at: str  #: RFC 3339, UTC
    erased_at: str
    removed: dict[str, int]  #: how many of what


class Ledger:
    """A part: the ledger of this installation."""

    def __init__(self, storage: ObjectStorage, directory: Path) -> None:
        self._storage = storage
        self.path = directory / FILE_NAME

    async def add(self, receipt: Receipt) -> None:
        """Write an entry in both places; durable on return. One that is there is not written again.

        Raises:
            StorageFull, StorageUnavailable, OSError: it cannot be written, so nobody may be called erased.
        """
        line = msgspec.json.encode(receipt)
        await self._storage.put(f"{ERASED}/{receipt.id}.json", line, content_type="application/json")
        if receipt.id not in {one.id for one in await asyncio.to_thread(read_ledger, self.path)}:
            await asyncio.to_thread(_append, self.path, line)

    async def entries(self, more: Iterable[Path] = ()) -> dict[UUID, Receipt]:
        """Everybody who was erased, by their ids: of both places, and of files that were brought along."""
        found: dict[UUID, Receipt] = {}
        async for info in self._storage.list(ERASED):
            async with await self._storage.read(info.key) as reader:
                receipt = msgspec.json.decode(b"".join([chunk async for chunk in reader]), type=Receipt)
            found[receipt.person_id] = receipt
        for path in (self.path, *more):
            for receipt in await asyncio.to_thread(read_ledger, path):
                found.setdefault(receipt.person_id, receipt)
        return found


def read_ledger(path: Path) -> list[Receipt]:
    """The entries of a file; none where there is no file. A last line that a crash cut off is passed over."""
    if not path.exists():
        return []
    receipts = []
    for line in path.read_bytes().splitlines():
        try:
            receipts.append(msgspec.json.decode(line, type=Receipt))
        except msgspec.DecodeError:
            continue
    return receipts


def _append(path: Path, line: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, b"\n" + line + b"\n")  # the first break ends a line that a crash cut off
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
