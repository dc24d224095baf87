"""The dispatcher: turns events that became visible into deliveries, once each, in the order of the log.

Cursor and deliveries move in one transaction, and whoever holds the cursor's row dispatches; so several workers may try
and one does. While anything changes it also saves a snapshot each second: that is what "as of" means.
"""

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database, WriteSession
from commonplace.platform.events.event import LogGrew
from commonplace.platform.events.log import EVENT_COLUMNS, cursor_of
from commonplace.platform.events.registry import Registry

BATCH: Final = 1000
FOLLOWED: Final = "log"  #: the key under which one delivery to a follower absorbs the others
MOMENT_SECONDS: Final = 1.0

# Here epochs may follow each other: what an older one left undelivered is visible as a whole.
_IS_VISIBLE: Final = """
    (event.epoch < (SELECT current FROM platform.epoch) OR event.xid < pg_snapshot_xmin(pg_current_snapshot()))
"""
_PEEK = Query(
    text(f"""
    SELECT coalesce(bool_or(is_visible), false) AS is_something_visible, count(*) > 0 AS is_something_there FROM (
        SELECT {_IS_VISIBLE} AS is_visible
        FROM platform.consumer JOIN platform.event
            ON (event.epoch, event.xid, event.seq) > (consumer.epoch, consumer.xid, consumer.seq)
        WHERE consumer.name = 'dispatcher'
        ORDER BY event.epoch, event.xid, event.seq LIMIT 1
    ) AS next_event
    """)
)
_CURSOR = Query(text("SELECT epoch, xid, seq FROM platform.consumer WHERE name = 'dispatcher' FOR UPDATE SKIP LOCKED"))
_EVENTS = Query(
    text(f"""
    SELECT {EVENT_COLUMNS} FROM platform.event
    WHERE (event.epoch, event.xid, event.seq) > (:epoch, CAST(:xid AS xid8), :seq) AND {_IS_VISIBLE}
    ORDER BY event.epoch, event.xid, event.seq LIMIT :limit
    """)
)
#: Of a queue that is longer still, the rest counts no more: whoever has so much waiting is last anyway.
_WAITING = Query(
    text("""
    SELECT queue, owner_id, count(*) AS number FROM (
        SELECT queue, event ->> 'owner_id' AS owner_id FROM platform.delivery
        WHERE queue = ANY(CAST(:queues AS text[])) AND lease_until IS NULL LIMIT 20000
    ) AS waiting
    WHERE owner_id = ANY(CAST(:owners AS text[])) GROUP BY queue, owner_id
    """)
)
_MOVE = Query(
    text("UPDATE platform.consumer SET epoch = :epoch, xid = CAST(:xid AS xid8), seq = :seq WHERE name = 'dispatcher'")
)
# A waiting delivery absorbs a new one with its key, and is due as early as the new one would be: after a failure it
# may be waiting for an hour, and what was told now must not.
_DELIVER = Query(
    text("""
    INSERT INTO platform.delivery (queue, handler, event, priority, max_attempts, deduplication_key)
    SELECT queue, handler, event, priority, max_attempts, deduplication_key
    FROM jsonb_to_recordset(CAST(:deliveries AS jsonb)) AS given (
        queue text, handler text, event jsonb, priority smallint, max_attempts smallint, deduplication_key text)
    ON CONFLICT (handler, deduplication_key) WHERE deduplication_key IS NOT NULL AND lease_until IS NULL
    DO UPDATE SET run_at = excluded.run_at WHERE delivery.run_at > excluded.run_at
    """)
)
_MOMENT = Query(
    text("""
    INSERT INTO platform.moment (at, epoch, snapshot)
    SELECT clock_timestamp(), current, pg_current_snapshot() FROM platform.epoch
    """)
)


class Dispatched(NamedTuple):
    """What one round did."""

    events: int  #: how many were dispatched
    queues: frozenset[str]  #: which queues have new deliveries
    is_more_near: bool  #: whether something is committed that this round did not dispatch: look again in a moment


_NOTHING: Final = Dispatched(0, frozenset(), is_more_near=False)


class Dispatcher:
    """Moves the installation's cursor through the log."""

    def __init__(self, database: Database, registry: Registry) -> None:
        self._database = database
        self._registry = registry
        self._last_moment = float("-inf")
        self.is_moment_due = False  #: whether a change is not yet covered by a saved snapshot

    async def dispatch(self) -> Dispatched:
        """Dispatch up to `BATCH` events. Nothing also when another worker is at it."""
        async with self._database.reading() as session:
            log = await session.first(_PEEK)
        if log is None or not (log.is_something_visible or self._is_time_for_a_moment):
            return _NOTHING if log is None else _NOTHING._replace(is_more_near=log.is_something_there)
        async with self._database.writing() as session:
            held = await session.first(_CURSOR)
            if held is None:
                return _NOTHING
            events = await session.all(_EVENTS, epoch=held.epoch, xid=held.xid, seq=held.seq, limit=BATCH)
            queues = await self._deliver(session, events) if events else frozenset[str]()
            await self._save_moment(session, something_changed=bool(events))
        return Dispatched(len(events), queues, is_more_near=len(events) == BATCH)

    async def _deliver(self, session: WriteSession, events: Sequence[Row]) -> frozenset[str]:
        deliveries = [delivery for row in events for delivery in self._deliveries(row)]
        await _take_turns(session, deliveries)
        if deliveries:
            await session.execute(_DELIVER, deliveries=_each_key_once(deliveries))
        await session.execute(_MOVE, **cursor_of(events[-1])._asdict())
        return frozenset(delivery["queue"] for delivery in deliveries)

    def _deliveries(self, row: Row) -> list[dict[str, Any]]:
        told = [
            {
                "queue": subscription.queue,
                "handler": subscription.handler,
                "event": envelope_fields(row),
                "priority": subscription.priority,
                "max_attempts": subscription.max_attempts,
                "deduplication_key": _deduplication_key(row, subscription.deduplicate_by),
                "is_fair": subscription.is_fair,
            }
            for subscription in self._registry.subscriptions_to(row["name"])
        ]
        followed = [
            {
                "queue": follower.queue,
                "handler": follower.handler,
                "event": {"seq": row["seq"], "at": row["at"], "name": LogGrew.name, "payload": {}},
                "priority": 0,
                "max_attempts": follower.max_attempts,
                "deduplication_key": FOLLOWED,
            }
            for follower in self._registry.followers_of(row["kind"])
        ]
        return told + followed

    @property
    def _is_time_for_a_moment(self) -> bool:
        return self.is_moment_due and time.monotonic() - self._last_moment >= MOMENT_SECONDS

    async def _save_moment(self, session: WriteSession, *, something_changed: bool) -> None:
        self.is_moment_due = self.is_moment_due or something_changed
        if self._is_time_for_a_moment:
            await session.execute(_MOMENT)
            self._last_moment = time.monotonic()
            self.is_moment_due = False


async def _take_turns(session: WriteSession, deliveries: list[dict[str, Any]]) -> None:
    """Lower the priority of fair deliveries by how many of their owner's wait: by one for each doubling.

    So the one photograph of somebody goes before most of the ten thousand of somebody else, and of two who have many
    each the halves take turns. Nothing waits while there is nobody else.
    """
    fair = [
        delivery
        for delivery in deliveries
        if delivery.pop("is_fair", False) and delivery["event"].get("owner_id") is not None
    ]
    if not fair:
        return
    owners = {str(delivery["event"]["owner_id"]) for delivery in fair}
    queues = {delivery["queue"] for delivery in fair}
    rows = await session.all(_WAITING, queues=list(queues), owners=list(owners))
    waiting = Counter({(row.queue, row.owner_id): row.number for row in rows})
    for delivery in fair:
        key = (delivery["queue"], str(delivery["event"]["owner_id"]))
        delivery["priority"] -= waiting[key].bit_length()
        waiting[key] += 1


def envelope_fields(row: Row) -> dict[str, Any]:
    """An event's row as the fields of an `Envelope`."""
    return {
        "seq": row["seq"],
        "at": row["at"],
        "name": row["name"],
        "kind": row["kind"],
        "item_id": row["item_id"],
        "version": row["version"],
        "owner_id": row["owner_id"],
        "parent_id": row["parent_id"],
        "by": row["by"],
        "correlation_id": row["correlation_id"],
        "payload": row["payload"],
    }


def _deduplication_key(row: Row, field: str | None) -> str | None:
    if field is None:
        return None
    value = row["payload"].get(field) if field != "item_id" else row["item_id"]
    return None if value is None else str(value)


def _each_key_once(deliveries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out what an earlier one of the same batch absorbs: one statement must not meet a row twice."""
    seen: set[tuple[str, str]] = set()
    kept = []
    for delivery in deliveries:
        key = (delivery["handler"], delivery["deduplication_key"])
        if key[1] is None or key not in seen:
            kept.append(delivery)
            seen.add(key)
    return kept
