"""The registry of stored objects: which bytes there are, whose they are, and who needs them.

Bytes are stored first, outside any transaction; a row makes them count. In one transaction: `register` what was stored
(or `reference` what is there), and write the row or version that points to it. Both take a lock that the sweep's
excludes, and the sweep looks again after it has its own; so an object is either pointed to, or gone, never both.
An object that was registered and is pointed to only by a later transaction may be swept in between, once it is older
than the sweep's grace.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text

from commonplace.platform.database.ids import new_id
from commonplace.platform.database.query import Query
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import WriteSession
from commonplace.platform.storage.errors import ContentGone
from commonplace.platform.storage.protocol import Stored

# An update, not DO NOTHING: it returns the row that is there, and locks it against the sweep.
_REGISTER: Final = Query(
    text("""
    INSERT INTO platform.object (id, owner_id, sha256, key, size_bytes)
    VALUES (:id, :owner_id, :sha256, :key, :size_bytes)
    ON CONFLICT (owner_id, sha256) DO UPDATE SET size_bytes = excluded.size_bytes
    RETURNING id, owner_id, key, size_bytes, created_at
    """)
)
_REFERENCE: Final = Query(
    text("""
    SELECT id, owner_id, sha256, key, size_bytes, created_at FROM platform.object WHERE id = :object_id FOR KEY SHARE
    """)
)


@dataclass(frozen=True, kw_only=True)
class RegisteredObject:
    """A row of `platform.object`."""

    id: UUID
    owner_id: UUID
    key: str  #: where the bytes are, which for a duplicate is not where they were just stored
    size_bytes: int
    created_at: datetime
    is_duplicate: bool  #: the owner had these bytes already


async def register(session: WriteSession, owner_id: UUID, stored: Stored) -> RegisteredObject:
    """Make stored bytes an object of `owner_id`, or find the one that has the same bytes.

    When it is a duplicate, the bytes at `stored.key` are not needed: delete them after the commit. Who cannot (because
    the process dies, say) need not care: the sweep finds them, as it finds those of a transaction that was rolled back.
    """
    object_id = new_id()
    row = await session.first(
        _REGISTER,
        id=object_id,
        owner_id=owner_id,
        sha256=stored.sha256,
        key=stored.key,
        size_bytes=stored.size_bytes,
    )
    assert row is not None  # noqa: S101 — It was inserted or updated.
    return RegisteredObject(
        id=row.id,
        owner_id=row.owner_id,
        key=row.key,
        size_bytes=row.size_bytes,
        created_at=row.created_at,
        is_duplicate=row.id != object_id,
    )


async def reference(session: WriteSession, object_id: UUID) -> Row:
    """The object's row, which stays at least until this transaction ends; call it before pointing to the object anew.

    Raises:
        ContentGone: the sweep was faster, or there never was such an object.
    """
    row = await session.first(_REFERENCE, object_id=object_id)
    if row is None:
        raise ContentGone
    return row


@dataclass(frozen=True, kw_only=True)
class ObjectUse:
    """How one part of the installation uses stored objects: what the sweep has to ask before it removes anything.

    Both are SQL, composed into statements of the sweep: they are constants of the program, never input.
    """

    name: str
    condition: str | None = None  #: over a row `object` of `platform.object`: true while this part needs it
    keys: str | None = None  #: a SELECT of those keys in the array `:keys` that this part uses without such a row
    is_backed_up: bool = True  #: whether a backup copies what `keys` finds


# Every item's kept versions, of whatever app: a state names its object in the field `object_id`.
VERSIONS: Final = ObjectUse(
    name="versions",
    condition="""EXISTS (
        SELECT FROM platform.version
        WHERE version.state ? 'object_id' AND version.state ->> 'object_id' = CAST(object.id AS text)
    )""",
)


class ObjectUses:
    """All uses of an installation: a part, composed of the platform's and those of its apps' manifests."""

    def __init__(self, uses: Sequence[ObjectUse], *, apps: Collection[str]) -> None:
        """`apps` are the names of those whose uses these are: of any other the sweep knows nothing."""
        conditions = [f"({use.condition})" for use in uses if use.condition]
        if not conditions:
            raise ValueError("Without a single use every object would be swept away.")
        self.apps = frozenset(apps)
        self.names = tuple(use.name for use in uses)
        self.is_needed = " OR ".join(conditions)  #: SQL over `object`
        self.other_keys = tuple(use.keys for use in uses if use.keys)
        self.backed_up_keys = tuple(use.keys for use in uses if use.keys and use.is_backed_up)
