"""Encrypting what is stored with the key of now: object by object, whole or not at all, and going on where it ended.

Which objects are still to be done is seen by themselves, so nothing has to be remembered; a process that dies leaves
each object readable, with the one key or the other. People can go on reading and writing meanwhile.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from commonplace.platform.storage.errors import ObjectNotFound, StorageFull, StorageUnavailable
from commonplace.platform.storage.local import LocalStorage

_NAMED: Final = 1000


@dataclass
class Reencryption:
    """What became of it."""

    objects: int = 0  #: that are stored
    rewritten: int = 0
    rewritten_bytes: int = 0
    unreadable: list[str] = field(default_factory=list)  #: keys of objects that are damaged, a thousand at most
    keys_retired: bool = False  #: whether the previous keys are not needed any more

    @property
    def is_done(self) -> bool:
        """Whether every object is as it would be if it were written now, and stays so."""
        return self.keys_retired and not self.unreadable


async def to_do(storage: LocalStorage) -> tuple[int, int]:
    """How many objects are to be written anew, and how many bytes they have."""
    number = size_bytes = 0
    async for info in storage.list():
        if not await _is_current(storage, info.key):
            number += 1
            size_bytes += info.size_bytes
    return number, size_bytes


async def reencrypt(storage: LocalStorage, on_progress: Callable[[int], None]) -> Reencryption:
    """Write every object anew that is not encrypted with the key of now; without one, those that are encrypted at all.

    `on_progress` is told the bytes of each.

    Raises:
        StorageFull: there is no room for a second copy of the largest object; what was done stays done.
    """
    report = Reencryption()
    async for info in storage.list():
        report.objects += 1
        if await _is_current(storage, info.key):
            continue
        try:
            await storage.copy(info.key, info.key)
        except ObjectNotFound:
            continue  # deleted meanwhile
        except StorageFull:
            raise
        except StorageUnavailable:
            if len(report.unreadable) < _NAMED:
                report.unreadable.append(info.key)
            continue
        report.rewritten += 1
        report.rewritten_bytes += info.size_bytes
        on_progress(info.size_bytes)
    if not report.unreadable and (await to_do(storage))[0] == 0:
        report.keys_retired = await storage.retire_keys()
    return report


async def _is_current(storage: LocalStorage, key: str) -> bool:
    try:
        return await storage.is_current(key)
    except ObjectNotFound:
        return True  # deleted meanwhile: nothing is left to do
