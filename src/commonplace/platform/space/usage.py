"""What people keep, in bytes, and how much they may.

What counts are a person's stored objects: each once, whatever files, versions or pictures of theirs refer to it, and
for as long as it is stored; so what lies in the trash and what is kept of the past counts, too. The database counts
(`platform.count_object`), in the transaction that makes or removes an object, so no way of storing goes past it.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.session import ReadSession, WriteSession

_SPACE = Query(
    text("""
    SELECT coalesce(space.used_bytes, 0) AS used_bytes,
        coalesce(space.quota_bytes, space_default.quota_bytes) AS quota_bytes
    FROM platform.space_default LEFT JOIN platform.space ON space.owner_id = :owner_id
    """)
)
_SET_QUOTA = Query(
    text("""
    INSERT INTO platform.space (owner_id, quota_bytes) VALUES (:owner_id, :quota_bytes)
    ON CONFLICT (owner_id) DO UPDATE SET quota_bytes = excluded.quota_bytes
    """)
)
_KEEP_DEFAULT = Query(
    text("""
    UPDATE platform.space_default SET quota_bytes = :quota_bytes WHERE quota_bytes IS DISTINCT FROM :quota_bytes
    """)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """What one person keeps."""

    used_bytes: int
    quota_bytes: int | None  #: None: as much as there is room for

    @property
    def left_bytes(self) -> int | None:
        """How much more they may keep; None: there is no quota."""
        return None if self.quota_bytes is None else max(0, self.quota_bytes - self.used_bytes)


async def space_of(session: ReadSession, owner_id: UUID) -> Space:
    """What a person keeps and may keep, at this moment."""
    row = await session.first(_SPACE, owner_id=owner_id)
    if row is None:
        raise LookupError("The statement always answers with a row.")
    return Space(used_bytes=row.used_bytes, quota_bytes=row.quota_bytes)


async def set_quota(session: WriteSession, owner_id: UUID, quota_bytes: int | None) -> None:
    """Give a person a quota of their own; None: the installation's. Who keeps more keeps it, and adds nothing."""
    await session.execute(_SET_QUOTA, owner_id=owner_id, quota_bytes=quota_bytes)


async def keep_default(session: WriteSession, quota_bytes: int | None) -> None:
    """Let the database know the installation's quota."""
    await session.execute(_KEEP_DEFAULT, quota_bytes=quota_bytes)
