"""The log of events: telling a fact, and reading what became visible since a cursor.

Sequence numbers become visible out of order: a transaction takes its number before it commits. So the order is
`(epoch, xid, seq)`, and an event counts as visible only when every transaction that began before its own has ended
(`xid < pg_snapshot_xmin`). A reader that goes on from its cursor then misses nothing. Each restore or move of the
database raises the epoch, since transaction ids begin anew.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.errors import BadRequest, Problem
from commonplace.platform.events.event import Event, payload_of
from commonplace.platform.telemetry.correlation import correlation_id

WAKE: Final = "events"  #: the bus channel that says there is something new in the log


_LARGEST: Final = (2**31 - 1, 2**63 - 1, 2**63 - 1)  # epoch, transaction, sequence number: what the database can hold
#: For documents: every cursor given out fits, and everything that fits can be read. (`parse` takes a little more.)
CURSOR_PATTERN: Final = "^[0-9]{1,9}-[0-8]?[0-9]{1,18}-[0-8]?[0-9]{1,18}$"


class CursorTooOld(Problem):
    """What happened right after this cursor is no longer in the log, or the log began anew."""

    status = HTTPStatus.GONE

    def __init__(self) -> None:
        super().__init__(
            "This cursor is too old to go on from. Load everything anew and go on from the cursor given there."
        )


class MalformedCursor(BadRequest):
    """A cursor that did not come from here."""

    def __init__(self) -> None:
        super().__init__("`since` is not a cursor. Send one that this server gave, or none at all to begin now.")


class Cursor(NamedTuple):
    """A place in the log; what comes after it is new."""

    epoch: int
    xid: int
    seq: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.xid}-{self.seq}"

    @classmethod
    def parse(cls, value: str) -> "Cursor":
        """Read what `str` wrote.

        Raises:
            MalformedCursor: it is something else.
        """
        parts = value.split("-")
        if len(parts) != len(_LARGEST) or not all(part.isascii() and part.isdigit() for part in parts):
            raise MalformedCursor
        if any(
            len(part) > len(str(largest)) or int(part) > largest for part, largest in zip(parts, _LARGEST, strict=True)
        ):
            raise MalformedCursor
        return cls(*map(int, parts))


_TELL = Query(
    text("""
    INSERT INTO platform.event
        (epoch, at, name, kind, item_id, version, owner_id, parent_id, by, correlation_id, payload)
    SELECT epoch.current, clock_timestamp(), CAST(:name AS text), item.kind, item.id, item.version,
        CAST(:owner_id AS uuid), item.parent_id, CAST(:by AS uuid), CAST(:correlation_id AS text),
        CAST(:payload AS jsonb)
    FROM platform.epoch LEFT JOIN platform.item ON item.id = CAST(:about AS uuid)
    """)
)
EVENT_COLUMNS = """
    event.epoch, event.xid, event.seq, event.at, event.name, event.kind, event.item_id, event.version,
    event.owner_id, event.parent_id, event.by, event.correlation_id, event.payload
"""
#: What lies behind a cursor (`:epoch`, `:xid`, `:seq`), up to a horizon of the present epoch (`:horizon_xid`).
BETWEEN = """
    (event.epoch, event.xid, event.seq) > (:epoch, CAST(:xid AS xid8), :seq)
    AND event.epoch = :epoch AND event.xid <= CAST(:horizon_xid AS xid8)
"""
IN_ORDER = "ORDER BY event.epoch, event.xid, event.seq LIMIT :limit"
_EVENTS = Query(text(f"SELECT {EVENT_COLUMNS} FROM platform.event WHERE {BETWEEN} {IN_ORDER}"))
_EVENTS_OF_OWNER = Query(
    text(f"SELECT {EVENT_COLUMNS} FROM platform.event WHERE event.owner_id = :owner_id AND {BETWEEN} {IN_ORDER}")
)
_POSITION = Query(
    text("""
    SELECT epoch.current AS epoch, pg_snapshot_xmin(snapshot) AS xmin, pg_snapshot_xmax(snapshot) AS xmax,
        EXISTS (
            SELECT FROM platform.event WHERE event.epoch = epoch.current AND event.xid >= pg_snapshot_xmin(snapshot)
        ) AS is_something_hidden,
        forgotten.epoch AS forgotten_epoch, forgotten.xid AS forgotten_xid, forgotten.seq AS forgotten_seq
    FROM platform.epoch CROSS JOIN pg_current_snapshot() AS snapshot
    LEFT JOIN platform.consumer AS forgotten ON forgotten.name = 'forgotten'
    """)
)
_LAST_OF_A_TRANSACTION = 2**62  # no sequence number is larger


class Position(NamedTuple):
    """Where the log stands at one moment, as one snapshot shows it."""

    horizon: Cursor  #: behind everything that is visible
    is_something_hidden: bool  #: something was committed that is not visible yet: look again in a moment
    next_xid: int  #: no transaction has had this id, or a later one
    forgotten: Cursor | None  #: the last event that is no longer kept

    def refuse_too_old(self, cursor: Cursor) -> None:
        """Check that nothing after `cursor` is missing from the log.

        Raises:
            CursorTooOld: something is, or the cursor is of another log than this one: that of a database that was
                replaced by another, or by its own restored past.
        """
        is_of_this_log = cursor.epoch == self.horizon.epoch and cursor.xid < self.next_xid
        if not is_of_this_log or (self.forgotten is not None and cursor < self.forgotten):
            raise CursorTooOld


async def tell(
    session: WriteSession, fact: Event, *, owner_id: UUID | None, by: UUID | None, about: UUID | None = None
) -> None:
    """Record a fact that changes no item; it commits with the transaction.

    `about` is the item that something was derived from, so that whoever shows it looks again; its version stays. What
    changes an item is told by `history.create` and `history.change`, in the statement that changes it.
    """
    session.news = True
    await session.execute(
        _TELL,
        name=fact.name,
        owner_id=owner_id,
        by=by,
        correlation_id=correlation_id.get(),
        payload=payload_of(fact),
        about=about,
    )


async def position(session: ReadSession) -> Position:
    """Where the log stands now."""
    row = await session.first(_POSITION)
    if row is None:
        raise LookupError("platform.epoch is empty; the database was not migrated.")
    return Position(
        horizon=Cursor(row.epoch, row.xmin - 1, _LAST_OF_A_TRANSACTION),
        is_something_hidden=row.is_something_hidden,
        next_xid=row.xmax,
        forgotten=None
        if row.forgotten_epoch is None
        else Cursor(row.forgotten_epoch, row.forgotten_xid, row.forgotten_seq),
    )


async def now(session: ReadSession) -> Cursor:
    """The cursor behind everything that is visible at this moment."""
    return (await position(session)).horizon


async def since(session: ReadSession, cursor: Cursor, *, limit: int, owner_id: UUID | None = None) -> Sequence[Row]:
    """The events after `cursor` that have become visible, oldest first, `limit` at most; of one owner when given.

    Raises:
        CursorTooOld: the log no longer holds what comes right after it.
    """
    at = await position(session)
    at.refuse_too_old(cursor)
    bounds = {**cursor._asdict(), "horizon_xid": at.horizon.xid, "limit": limit}
    if owner_id is None:
        return await session.all(_EVENTS, **bounds)
    return await session.all(_EVENTS_OF_OWNER, **bounds, owner_id=owner_id)


def cursor_of(row: Row) -> Cursor:
    """The cursor right behind an event."""
    return Cursor(row.epoch, row.xid, row.seq)
