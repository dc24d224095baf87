"""The past as it was: one item, or what lay in a container, as of a time.

When a transaction commits cannot be known inside it, so no time in a row says when it became visible. Instead the
dispatcher saves a snapshot of the database each second while anything changes (`platform.moment`), and "as of T" means:
as of the last of these at or before T. Of each item the newest version that this snapshot sees is the answer. Versions
of an item follow each other without a gap (`valid_until` of one is `valid_from` of the next), so one that retention
dropped is noticed, and nothing else is shown in its place.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession
from commonplace.platform.errors import Problem
from commonplace.platform.history.kind import Kind


class NotKept(Problem):
    """What was then is no longer kept: it is older than what retention leaves."""

    status = HTTPStatus.GONE

    def __init__(self, since: datetime | None) -> None:
        super().__init__(
            "Nothing is kept of that time."
            if since is None
            else f"Of that time not everything is kept; the past is whole since {since:%Y-%m-%d %H:%M:%S} UTC.",
            since=since,
        )


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A saved snapshot: what a reader at this time would have seen."""

    at: datetime
    epoch: int
    snapshot: str  #: as PostgreSQL writes a `pg_snapshot`


@dataclass(frozen=True, kw_only=True)
class PastState:
    """An item as it was. `state` is in the present shape."""

    item_id: UUID
    version: int
    parent_id: UUID | None
    title: str
    trashed_at: datetime | None
    valid_from: datetime
    state: Any


_MOMENT = Query(
    text("""
    SELECT at, epoch, CAST(snapshot AS text) AS snapshot FROM platform.moment WHERE at <= :at
    ORDER BY at DESC LIMIT 1
    """)
)
_SEEN = """
    ({0}.epoch < :epoch
        OR {0}.epoch = :epoch AND pg_visible_in_snapshot({0}.xid, CAST(CAST(:snapshot AS text) AS pg_snapshot)))
"""
_COLUMNS = """
    version.item_id, version.version, version.parent_id, version.title, version.trashed_at, version.valid_from,
    version.valid_until, version.state, version.schema
"""
_FOLLOWED = """
    EXISTS (SELECT FROM platform.version AS after WHERE after.item_id = version.item_id
        AND after.version = version.version + 1)
"""
_ONE = Query(
    text(f"""
    SELECT {_COLUMNS}, {_FOLLOWED} AS is_followed FROM platform.version
    WHERE version.item_id = :item_id AND version.kind = :kind AND {_SEEN.format("version")}
    ORDER BY version.version DESC LIMIT 1
    """)
)
_BORN = Query(text("SELECT min(valid_from) FROM platform.version WHERE item_id = :item_id AND version = 1"))
_CREATED = Query(text("SELECT created_at FROM platform.item WHERE id = :item_id AND kind = :kind"))
# The newest version that is seen has no later one that is seen too. Clocks may be set back, hence the hour of grace
# where the time only serves the index.
_CHILDREN = """
    SELECT {columns}, {followed} AS is_followed FROM platform.version
    WHERE version.owner_id = :owner_id AND version.kind = :kind AND {place} AND version.trashed_at IS NULL
    AND version.valid_from <= CAST(:at AS timestamptz) + interval '1 hour' AND {seen} {after}
    AND NOT EXISTS (
        SELECT FROM platform.version AS later WHERE later.item_id = version.item_id
        AND later.version > version.version AND {seen_later})
    AND (version.valid_until IS NULL OR version.valid_until > CAST(:at AS timestamptz) OR {followed})
    ORDER BY version.title, version.item_id LIMIT :limit
"""
_HORIZON = Query(text("SELECT since FROM platform.forgotten_versions WHERE owner_id = :owner_id"))


async def moment_at(session: ReadSession, at: datetime) -> Moment:
    """The last saved moment at or before `at`.

    Raises:
        NotKept: none is kept that is so old.
    """
    row = await session.first(_MOMENT, at=at)
    if row is None:
        raise NotKept(None)
    return Moment(at=row.at, epoch=row.epoch, snapshot=row.snapshot)


async def whole_since(session: ReadSession, owner_id: UUID) -> datetime | None:
    """Since when every version of this owner's items is kept; None: nothing was dropped yet."""
    since: datetime | None = await session.scalar(_HORIZON, owner_id=owner_id)
    return since


async def item_as_of(session: ReadSession, kind: Kind, item_id: UUID, moment: Moment) -> PastState | None:
    """An item as it was at the moment; None when there was none yet. Who may see it is for the caller to decide.

    Raises:
        NotKept: it was there, but that version was dropped.
    """
    row = await session.first(_ONE, item_id=item_id, kind=kind.name, epoch=moment.epoch, snapshot=moment.snapshot)
    if row is None:
        created_at = await session.scalar(_CREATED, item_id=item_id, kind=kind.name)
        if created_at is not None and created_at <= moment.at and not await session.scalar(_BORN, item_id=item_id):
            raise NotKept(None)
        return None
    if row.valid_until is not None and row.valid_until <= moment.at and not row.is_followed:
        raise NotKept(None)
    return _past_state(kind, row)


async def children_as_of(
    session: ReadSession,
    kind: Kind,
    owner_id: UUID,
    parent_id: UUID | None,
    moment: Moment,
    *,
    limit: int,
    after: tuple[str, UUID] | None = None,
) -> Sequence[PastState]:
    """The items of one kind that lay in a container (None: at the owner's top level) at the moment, by title.

    `after` is the title and id of the last one of the page before. Items whose version of then was dropped are left
    out: `whole_since` tells whether there can be any.
    """
    statement = _children(in_container=parent_id is not None, is_later_page=after is not None)
    parameters: dict[str, Any] = {} if parent_id is None else {"parent_id": parent_id}
    if after is not None:
        parameters |= {"title": after[0], "id": after[1]}
    rows = await session.all(
        statement,
        owner_id=owner_id,
        kind=kind.name,
        at=moment.at,
        epoch=moment.epoch,
        snapshot=moment.snapshot,
        limit=limit,
        **parameters,
    )
    return [_past_state(kind, row) for row in rows]


def _children(*, in_container: bool, is_later_page: bool) -> Query:
    return _CHILDREN_QUERIES[in_container, is_later_page]


_CHILDREN_QUERIES = {
    (in_container, is_later_page): Query(
        text(
            _CHILDREN.format(
                columns=_COLUMNS,
                followed=_FOLLOWED,
                place="version.parent_id = :parent_id" if in_container else "version.parent_id IS NULL",
                seen=_SEEN.format("version"),
                seen_later=_SEEN.format("later"),
                after="AND (version.title, version.item_id) > (:title, :id)" if is_later_page else "",
            )
        )
    )
    for in_container in (False, True)
    for is_later_page in (False, True)
}


def _past_state(kind: Kind, row: Row) -> PastState:
    return PastState(
        item_id=row.item_id,
        version=row.version,
        parent_id=row.parent_id,
        title=row.title,
        trashed_at=row.trashed_at,
        valid_from=row.valid_from,
        state=kind.current_state(row.state, row.schema),
    )
