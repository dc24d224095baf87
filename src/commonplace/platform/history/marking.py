"""Marking versions: to be kept for ever, with a label; and removing one for good.

A mark is no change of the item: it makes no version. Removing is the one way besides retention in which a version goes,
and is noted as that is: nobody takes an incomplete past for the whole one.
"""

from datetime import datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID

from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.session import WriteSession
from commonplace.platform.errors import Problem
from commonplace.platform.history.kind import Kind
from commonplace.platform.history.versions import VersionNotFound

LONGEST_LABEL: Final = 200  #: characters


class NewestVersion(Problem):
    """The version is how the item is now."""

    status = HTTPStatus.CONFLICT

    def __init__(self) -> None:
        super().__init__("This version is how it is now. Earlier ones can be removed; the whole goes by the trash.")


class VersionIsKept(Problem):
    """The version is to be kept for ever."""

    status = HTTPStatus.CONFLICT

    def __init__(self) -> None:
        super().__init__("This version is marked to be kept for ever. Let it go first, then remove it.")


# Whoever may not see the past before some time finds no version that ended before.
_KNOWN: Final = "(valid_until IS NULL OR CAST(:since AS timestamptz) IS NULL OR valid_until > :since)"
_MARK: Final = Query(
    text(f"""
    UPDATE platform.version SET kept = coalesce(CAST(:kept AS boolean), kept),
        label = CASE WHEN CAST(:sets_label AS boolean) THEN CAST(:label AS text) ELSE label END
    WHERE item_id = :item_id AND kind = :kind AND version = :version AND {_KNOWN}
    """)
)
_LOCK: Final = Query(
    text("""
    SELECT kept, valid_until FROM platform.version
    WHERE item_id = :item_id AND kind = :kind AND version = :version FOR UPDATE
    """)
)
_REMOVE: Final = Query(
    text("""
    WITH gone AS (
        DELETE FROM platform.version WHERE item_id = :item_id AND version = :version
        RETURNING owner_id, valid_until
    )
    INSERT INTO platform.forgotten_versions (owner_id, since) SELECT owner_id, valid_until FROM gone
    ON CONFLICT (owner_id) DO UPDATE SET since = greatest(forgotten_versions.since, excluded.since)
    """)
)


async def mark(
    session: WriteSession,
    kind: Kind,
    item_id: UUID,
    number: int,
    *,
    kept: bool | None,
    label: tuple[str | None] | None,
    since: datetime | None = None,
) -> None:
    """Keep a version for ever or let it go, and give it a label or take it away. None: that stays as it is.

    Who may do that is for the caller to decide; versions that ended before `since` are out of reach.

    Raises:
        VersionNotFound: there is none of this number.
    """
    number_of_rows = await session.execute(
        _MARK,
        item_id=item_id,
        kind=kind.name,
        version=number,
        kept=kept,
        sets_label=label is not None,
        label=None if label is None else label[0],
        since=since,
    )
    if not number_of_rows:
        raise VersionNotFound


async def remove(session: WriteSession, kind: Kind, item_id: UUID, number: int) -> None:
    """Remove an earlier version for good. Its bytes go with the next sweep, unless something else has the same.

    Raises:
        VersionNotFound: there is none of this number.
        NewestVersion: it is how the item is now.
        VersionIsKept: it is marked to be kept.
    """
    row = await session.first(_LOCK, item_id=item_id, kind=kind.name, version=number)
    if row is None:
        raise VersionNotFound
    if row.valid_until is None:
        raise NewestVersion
    if row.kept:
        raise VersionIsKept
    await session.execute(_REMOVE, item_id=item_id, version=number)
