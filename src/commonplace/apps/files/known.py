"""Bytes that a person has already need not be sent again.

Only what is the caller's own is looked for, by one statement that is the same whatever others have: nobody learns
anything of another's files. Nor can one who may write to another's folder get at its owner's bytes by their hash.
"""

from typing import NamedTuple
from uuid import UUID

from commonplace.apps.files import resumable_queries as queries
from commonplace.apps.files.uploads import Received
from commonplace.platform.database.session import Database
from commonplace.platform.identity.caller import Caller
from commonplace.platform.media.types import HEAD_BYTES, detect
from commonplace.platform.parts import Parts
from commonplace.platform.storage.errors import ObjectNotFound
from commonplace.platform.storage.protocol import ObjectStorage


class Known(NamedTuple):
    """An object of the caller's."""

    object_id: UUID
    received: Received  #: as if it had just come


async def find_known(parts: Parts, caller: Caller, sha256: str, size_bytes: int, *, name: str) -> Known | None:
    """The caller's object with this hash and size, if its bytes are there. `name` is the new file's."""
    async with parts[Database].reading() as session:
        row = await session.first(queries.OWN_OBJECT, person_id=caller.person_id, sha256=sha256, size_bytes=size_bytes)
    if row is None:
        return None
    head = b""
    try:
        async with await parts[ObjectStorage].read(row.key, 0, min(size_bytes, HEAD_BYTES) or None) as reader:
            if reader.size_bytes != size_bytes:
                return None
            head = b"".join([chunk async for chunk in reader])
    except ObjectNotFound:
        return None  # Lost: sending it again brings it back.
    media_type = detect(head[:HEAD_BYTES], name=name)
    return Known(row.id, Received(key=row.key, size_bytes=size_bytes, sha256=sha256, media_type=media_type))
