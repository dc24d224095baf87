"""Deliveries as rows of `platform.delivery`.

A claim need not survive a crash of the server (the delivery would only be due again), so it does not wait for the
disk; everything that ends a lease does.
"""

import time
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec
import structlog
from sqlalchemy import text

from commonplace.platform.database.ids import new_id
from commonplace.platform.database.query import Query
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database
from commonplace.platform.events.event import Envelope
from commonplace.platform.events.queue import Backoff, Delivery

_log = structlog.get_logger(__name__)
_RECOVERED_AT_ONCE: Final = 500
_TRIES: Final = 5
_LOST: Final = "The worker that had it died, or lost touch for longer than the lease."

# `= ANY(ARRAY(…))` and not a join: a plan made while the table was empty stays an index scan when it is not.
_CLAIM = Query(
    text("""
    UPDATE platform.delivery SET
        attempts = delivery.attempts + 1, lease_until = clock_timestamp() + CAST(:lease AS interval),
        leased_by = CAST(:worker AS uuid)
    WHERE delivery.id = ANY(ARRAY(
        SELECT id FROM platform.delivery
        WHERE queue = :queue AND lease_until IS NULL AND run_at <= now()
        AND (CAST(:handlers AS text[]) IS NULL OR handler = ANY(CAST(:handlers AS text[])))
        ORDER BY priority DESC, run_at, id LIMIT :limit FOR UPDATE SKIP LOCKED
    )) AND set_config('synchronous_commit', 'off', true) IS NOT NULL
    RETURNING delivery.id, delivery.queue, delivery.handler, delivery.event, delivery.attempts, delivery.max_attempts,
        delivery.priority, delivery.run_at
    """)
)
_EXTEND = Query(
    text("""
    UPDATE platform.delivery SET lease_until = clock_timestamp() + CAST(:lease AS interval)
    WHERE id = ANY(CAST(:ids AS bigint[])) AND leased_by = CAST(:worker AS uuid)
    """)
)
_DONE = Query(
    text("DELETE FROM platform.delivery WHERE id = ANY(CAST(:ids AS bigint[])) AND leased_by = CAST(:worker AS uuid)")
)
_FAILURE = """
    jsonb_build_object('at', clock_timestamp(), 'attempt', delivery.attempts, 'error', left(CAST(:error AS text), 2000))
"""
_DEAD_LETTER = f"""
    INSERT INTO platform.dead_letter
        (id, queue, handler, event, priority, attempts, max_attempts, deduplication_key, created_at, history)
    SELECT id, queue, handler, event, priority, attempts, max_attempts, deduplication_key, created_at,
        history || {_FAILURE}
    FROM dead AS delivery
"""
_BURY = Query(
    text(f"""
    WITH dead AS (
        DELETE FROM platform.delivery WHERE id = :id AND leased_by = CAST(:worker AS uuid) RETURNING *
    ) {_DEAD_LETTER}
    """)
)
# A delivery that comes back while another with the same key waits is absorbed by it, as a new one would be. `lost`
# holds what comes back together: of those with one key the first stays.
_IS_ABSORBED = """
    delivery.deduplication_key IS NOT NULL AND EXISTS (
        SELECT FROM platform.delivery AS other
        WHERE other.handler = delivery.handler AND other.deduplication_key = delivery.deduplication_key
        AND (other.lease_until IS NULL OR (other.id < delivery.id AND other.id IN (SELECT id FROM lost))))
"""
_GIVE_BACK = f"""
    absorbed AS (
        DELETE FROM platform.delivery WHERE id IN (SELECT id FROM lost) AND {_IS_ABSORBED} RETURNING id
    )
    UPDATE platform.delivery SET
        lease_until = NULL, leased_by = NULL, {{changes}}
    WHERE id IN (SELECT id FROM lost) AND NOT ({_IS_ABSORBED})
"""
_MINE = """
    SELECT id FROM platform.delivery
    WHERE id = ANY(CAST(:ids AS bigint[])) AND leased_by = CAST(:worker AS uuid) FOR UPDATE
"""
_RETRY = Query(
    text(
        f"WITH lost AS ({_MINE}), "
        + _GIVE_BACK.format(
            changes=f"run_at = clock_timestamp() + CAST(:after AS interval), history = delivery.history || {_FAILURE}"
        )
    )
)
_RELEASE = Query(text(f"WITH lost AS ({_MINE}), " + _GIVE_BACK.format(changes="attempts = delivery.attempts - 1")))
_RELEASE_ALL = Query(
    text(
        "WITH lost AS (SELECT id FROM platform.delivery"
        " WHERE lease_until IS NOT NULL AND leased_by = CAST(:worker AS uuid) FOR UPDATE), "
        + _GIVE_BACK.format(changes="attempts = delivery.attempts - 1")
    )
)
# Not at once: what made the worker die would meet the same innocent deliveries again.
_RECOVER = Query(
    text(
        f"""
    WITH found AS (
        SELECT id, attempts >= max_attempts AS is_dead FROM platform.delivery
        WHERE lease_until IS NOT NULL
        AND (lease_until < clock_timestamp() OR leased_by = ANY(CAST(:dead AS uuid[])))
        ORDER BY id LIMIT {_RECOVERED_AT_ONCE} FOR UPDATE SKIP LOCKED
    ), dead AS (
        DELETE FROM platform.delivery WHERE id IN (SELECT id FROM found WHERE is_dead) RETURNING *
    ), buried AS ({_DEAD_LETTER} RETURNING id
    ), lost AS (
        SELECT id FROM found WHERE NOT is_dead
    ), """
        + _GIVE_BACK.format(
            changes=f"""history = delivery.history || {_FAILURE},
            run_at = clock_timestamp() + (0.5 + random()) * interval '1 s'
                * least(CAST(:base AS float) * 2.0 ^ least(delivery.attempts - 1, 62), :limit)"""
        )
    )
)
# No release that runs knows the handler, and none did for a day: not a roll-out, but a handler that was removed.
_BURY_ORPHANS = Query(
    text(f"""
    WITH dead AS (
        DELETE FROM platform.delivery
        WHERE lease_until IS NULL AND run_at < clock_timestamp() - interval '1 day'
        AND NOT (handler = ANY(CAST(:known AS text[]))) RETURNING *
    ) {_DEAD_LETTER}
    """)
)
_ORPHANS_EVERY_SECONDS: Final = 3600.0
_ORPHANED: Final = "No app of this installation has had this handler for a day."
_COUNT_LOST = Query(
    text("""
    SELECT count(*) FROM platform.delivery WHERE lease_until IS NOT NULL
    AND (lease_until < clock_timestamp() OR leased_by = ANY(CAST(:dead AS uuid[])))
    """)
)


class PostgresQueue:
    """The deliveries of one installation's database, for one worker."""

    def __init__(
        self,
        database: Database,
        *,
        worker_id: UUID | None = None,
        handlers: Collection[str] | None = None,
        known_handlers: Collection[str] | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        """The deliveries of one installation.

        `handlers` are those that the worker can run (None: all); other deliveries are left to others.
        `known_handlers` are those of all apps (None: not known); what none of them takes is buried after a day.
        """
        self._database = database
        self._known_handlers = None if known_handlers is None else sorted(known_handlers)
        self._orphans_buried_at = float("-inf")
        self._handlers = None if handlers is None else sorted(handlers)
        self._backoff = backoff or Backoff()
        self.worker_id = worker_id or new_id()

    async def claim(self, queue: str, *, limit: int, lease: timedelta) -> Sequence[Delivery]:
        """See `DeliveryQueue.claim`."""
        async with self._database.reading() as session:  # one statement, so autocommit is a transaction
            rows = await session.all(
                _CLAIM, queue=queue, limit=limit, lease=lease, worker=self.worker_id, handlers=self._handlers
            )
        claimed = []
        for row in sorted(rows, key=lambda row: (-row["priority"], row["run_at"], row["id"])):
            try:
                claimed.append(_delivery(row))
            except msgspec.ValidationError as error:
                _log.error("delivery.unreadable", delivery=row["id"], handler=row["handler"], reason=str(error))
                await self._bury(row["id"], f"It cannot be read: {error}")
        return claimed

    async def extend(self, deliveries: Sequence[Delivery], *, lease: timedelta) -> None:
        """See `DeliveryQueue.extend`."""
        await self._execute(_EXTEND, deliveries, lease=lease)

    async def done(self, deliveries: Sequence[Delivery]) -> None:
        """See `DeliveryQueue.done`."""
        await self._execute(_DONE, deliveries)

    async def release(self, deliveries: Sequence[Delivery]) -> None:
        """See `DeliveryQueue.release`."""
        await self._execute(_RELEASE, deliveries)

    async def retry(self, delivery: Delivery, *, after: timedelta, error: str) -> None:
        """See `DeliveryQueue.retry`."""
        await self._execute(_RETRY, [delivery], after=after, error=_storable(error))

    async def bury(self, delivery: Delivery, *, error: str) -> None:
        """See `DeliveryQueue.bury`."""
        await self._bury(int(delivery.id), error)

    async def recover(self, dead_workers: Sequence[UUID] = ()) -> int:
        """See `DeliveryQueue.recover`; 500 deliveries a call at most, so that no transaction is long."""
        dead = list(dead_workers)
        async with self._database.reading() as session:
            lost = await session.scalar(_COUNT_LOST, dead=dead)
        if lost:
            await self._settle(
                _RECOVER,
                dead=dead,
                error=_LOST,
                base=self._backoff.base_seconds,
                limit=self._backoff.limit_seconds,
            )
        if self._known_handlers is not None and time.monotonic() - self._orphans_buried_at > _ORPHANS_EVERY_SECONDS:
            await self._settle(_BURY_ORPHANS, known=self._known_handlers, error=_ORPHANED)
            self._orphans_buried_at = time.monotonic()
        return min(int(lost), _RECOVERED_AT_ONCE)

    async def close(self) -> None:
        """See `DeliveryQueue.close`."""
        await self._settle(_RELEASE_ALL, worker=self.worker_id)

    async def _bury(self, delivery_id: int, error: str) -> None:
        await self._settle(_BURY, id=delivery_id, worker=self.worker_id, error=_storable(error))

    async def _execute(self, statement: Query, deliveries: Sequence[Delivery], **parameters: Any) -> None:
        if deliveries:
            ids = [int(delivery.id) for delivery in deliveries]
            await self._settle(statement, ids=ids, worker=self.worker_id, **parameters)

    async def _settle(self, statement: Query, **parameters: Any) -> None:
        """Run one statement; again when one with the same key was told meanwhile, which then absorbs ours."""
        for attempt in range(_TRIES):
            try:
                async with self._database.reading() as session:
                    await session.execute(statement, **parameters)
            except asyncpg.UniqueViolationError:
                if attempt == _TRIES - 1:
                    raise
            else:
                return


def _delivery(row: Row) -> Delivery:
    return Delivery(
        id=str(row["id"]),
        queue=row["queue"],
        handler=row["handler"],
        envelope=msgspec.convert(row["event"], Envelope),
        attempt=row["attempts"],
        max_attempts=row["max_attempts"],
    )


def _storable(error: str) -> str:
    """PostgreSQL keeps no NUL and no half surrogate in a text."""
    return error.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
