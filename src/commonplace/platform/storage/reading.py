"""Reading several objects as if they were one."""

from collections.abc import AsyncIterator, Sequence

from commonplace.platform.storage.errors import ObjectNotFound
from commonplace.platform.storage.protocol import ObjectStorage


async def read_all(storage: ObjectStorage, parts: Sequence[tuple[str, int]]) -> AsyncIterator[bytes]:
    """The bytes of `parts` (keys, each with how many of its first bytes count), in chunks of at most 1 MiB.

    Raises:
        ObjectNotFound: one of them is not there, or is shorter.
    """
    for key, size_bytes in parts:
        if size_bytes:
            async with await storage.read(key, 0, size_bytes) as reader:
                if reader.end != size_bytes:
                    raise ObjectNotFound(key)
                async for chunk in reader:
                    yield chunk
