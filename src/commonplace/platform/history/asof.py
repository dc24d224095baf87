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
from commonplace.platform.history.spans import GRACE, spans_around


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
    valid_until: datetime | None  #: None: it is still so
    state: Any


def seen(
    version: str = "version",
    *,
    epoch: str = ":epoch",
    snapshot: str = "CAST(CAST(:snapshot AS text) AS pg_snapshot)",
) -> str:
    """The condition that a moment sees the row `version`: that in the parameters, or one given by expressions."""
    is_visible = f"pg_visible_in_snapshot({version}.xid, {snapshot})"
    return f"({version}.epoch < {epoch} OR {version}.epoch = {epoch} AND {is_visible})"


_MOMENT = Query(
    text("""
    SELECT at, epoch, CAST(snapshot AS text) AS snapshot FROM platform.moment WHERE at <= :at
    ORDER BY at DESC LIMIT 1
    """)
)
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
    WHERE version.item_id = :item_id AND version.kind = :kind AND {seen()}
    ORDER BY version.version DESC LIMIT 1
    """)
)
_BORN = Query(text("SELECT min(valid_from) FROM platform.version WHERE item_id = :item_id AND version = 1"))
_CREATED = Query(text("SELECT created_at FROM platform.item WHERE id = :item_id AND kind = :kind"))
# A version was the newest one when it is seen and the next one is not. Times only narrow down where to look, with grace
# on both sides; what is over by far needs no look at its successor.
_THEN = f"""
    {seen()} AND (version.valid_until IS NULL OR version.valid_until > :latest OR (
        NOT EXISTS (SELECT FROM platform.version AS later WHERE later.item_id = version.item_id
            AND later.version = version.version + 1 AND {seen("later")})
        AND (version.valid_until > :at OR {_FOLLOWED})))
"""
_IN_PLACE = """
    SELECT {columns} FROM platform.version
    WHERE coalesce(version.parent_id, version.owner_id) = :place AND version.kind = {kind}
    AND version.trashed_at IS NULL AND platform.span_of(version.valid_from, version.valid_until) = {span}
    AND version.valid_from <= :latest {until} {after} AND {then}
    ORDER BY version.title, version.item_id LIMIT :limit
"""
_CHILDREN = """
    SELECT * FROM (
        SELECT found.* FROM unnest(CAST(:spans AS integer[])) AS cell (span) CROSS JOIN LATERAL ({over}) AS found
        UNION ALL
        ({still})
    ) AS version
    ORDER BY title, item_id LIMIT :limit
"""
#: The first page of several kinds: each as a whole, one after the other.
_FIRST_OF_KINDS = """
    SELECT found.* FROM unnest(CAST(:kinds AS text[])) WITH ORDINALITY AS wanted (kind, number)
    CROSS JOIN LATERAL ({of_kind}) AS found
    ORDER BY wanted.number, found.title, found.item_id LIMIT :limit
"""


def way_of(item: str, *, epoch: str = ":epoch", snapshot: str = "CAST(CAST(:snapshot AS text) AS pg_snapshot)") -> str:
    """SQL: the item whose id is an expression, and the containers it lay in at a moment, the uppermost first.

    Rows of `item_id`, `title`, `parent_id`, `trashed_at` and `owner_id`; none when it was not there yet.
    """
    link = f"""
        SELECT version.item_id, version.title, version.parent_id, version.trashed_at, version.owner_id
        FROM platform.version WHERE version.item_id = {{item}} AND {seen(epoch=epoch, snapshot=snapshot)}
        ORDER BY version.version DESC LIMIT 1
    """
    return f"""
        WITH RECURSIVE above AS (
            SELECT own.*, 0 AS height FROM ({link.format(item=item)}) AS own
            UNION ALL
            SELECT container.*, above.height + 1
            FROM above CROSS JOIN LATERAL ({link.format(item="above.parent_id")}) AS container
        )
        SELECT * FROM above ORDER BY height DESC
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
    parameters: dict[str, Any] = {} if after is None else {"title": after[0], "id": after[1]}
    rows = await session.all(
        _FIRST_CHILDREN if after is None else _NEXT_CHILDREN,
        kind=kind.name,
        **_of_moment(owner_id, parent_id, moment),
        limit=limit,
        **parameters,
    )
    return [_past_state(kind, row) for row in rows]


def _children(*, is_later_page: bool, kind: str = ":kind") -> str:
    after = "AND (version.title, version.item_id) > (:title, :id)" if is_later_page else ""
    parts = {"columns": f"version.kind, {_COLUMNS}", "after": after, "then": _THEN, "kind": kind}
    over = _IN_PLACE.format(**parts, span="cell.span", until="AND version.valid_until > :earliest")
    still = _IN_PLACE.format(**parts, span="0", until="")
    return _CHILDREN.format(over=over, still=still)


_FIRST_CHILDREN, _NEXT_CHILDREN = (
    Query(text(_children(is_later_page=False))),
    Query(text(_children(is_later_page=True))),
)
_FIRST_CHILDREN_OF_KINDS = Query(
    text(_FIRST_OF_KINDS.format(of_kind=_children(is_later_page=False, kind="wanted.kind")))
)


async def first_children_as_of(
    session: ReadSession, kinds: Sequence[Kind], owner_id: UUID, parent_id: UUID | None, moment: Moment, *, limit: int
) -> Sequence[tuple[Kind, PastState]]:
    """The first items of several kinds that lay in a container, kind by kind, each by title: see `children_as_of`."""
    rows = await session.all(
        _FIRST_CHILDREN_OF_KINDS,
        kinds=[kind.name for kind in kinds],
        **_of_moment(owner_id, parent_id, moment),
        limit=limit,
    )
    by_name = {kind.name: kind for kind in kinds}
    return [(by_name[row["kind"]], _past_state(by_name[row["kind"]], row)) for row in rows]


def _of_moment(owner_id: UUID, parent_id: UUID | None, moment: Moment) -> dict[str, Any]:
    return {
        "place": parent_id or owner_id,
        "at": moment.at,
        "earliest": moment.at - GRACE,
        "latest": moment.at + GRACE,
        "spans": spans_around(moment.at),
        "epoch": moment.epoch,
        "snapshot": moment.snapshot,
    }


def _past_state(kind: Kind, row: Row) -> PastState:
    return PastState(
        item_id=row.item_id,
        version=row.version,
        parent_id=row.parent_id,
        title=row.title,
        trashed_at=row.trashed_at,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        state=kind.current_state(row.state, row.schema),
    )
