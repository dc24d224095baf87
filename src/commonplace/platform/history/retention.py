"""How earlier versions are dropped: by age, by number and by space.

Never dropped is an item's newest version, nor one that is marked to be kept. What is dropped is noted for its owner, so
that nobody takes an incomplete past for the whole one (`asof.whole_since`). The bytes that only dropped versions
pointed to go with the next sweep of the storage. Every transaction here is short.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database
from commonplace.platform.events.event import ScheduleTick
from commonplace.platform.events.registry import Context
from commonplace.platform.history.settings import HistorySettings

BATCH: Final = 1000
_log = structlog.get_logger(__name__)

_DROP = """
    WITH dropped AS (
        DELETE FROM platform.version USING ({selection}) AS old
        WHERE version.item_id = old.item_id AND version.version = old.version
        RETURNING version.owner_id, version.valid_until
    ), noted AS (
        INSERT INTO platform.forgotten_versions (owner_id, since)
        SELECT owner_id, max(valid_until) FROM dropped GROUP BY owner_id ORDER BY owner_id
        ON CONFLICT (owner_id) DO UPDATE SET since = greatest(forgotten_versions.since, excluded.since)
    )
    SELECT count(*) FROM dropped
"""
_BY_AGE = Query(
    text(
        _DROP.format(
            selection="""
            SELECT item_id, version FROM platform.version
            WHERE valid_until < :before AND NOT kept
            ORDER BY valid_until LIMIT :batch FOR UPDATE SKIP LOCKED
            """
        )
    )
)
_BY_NUMBER = Query(
    text(
        _DROP.format(
            selection="""
            SELECT version.item_id, version.version
            FROM platform.item JOIN platform.version
                ON version.item_id = item.id AND version.version <= item.version - :most
            WHERE item.version > :most AND version.valid_until IS NOT NULL AND NOT version.kept
            LIMIT :batch FOR UPDATE OF version SKIP LOCKED
            """
        )
    )
)
# A version weighs its own row, and its object where no newer version has the same one.
_BY_SPACE = Query(
    text(
        _DROP.format(
            selection="""
            SELECT version.item_id, version.version FROM platform.version JOIN (
                SELECT item_id, version, sum(weight) OVER (ORDER BY valid_until DESC, item_id, version DESC) AS total
                FROM (
                    SELECT old.item_id, old.version, old.valid_until, pg_column_size(old.state)
                        + CASE WHEN old.valid_until IS NULL OR row_number() OVER (
                            PARTITION BY old.state ->> 'object_id' ORDER BY old.valid_until DESC NULLS FIRST) > 1
                        THEN 0 ELSE coalesce(object.size_bytes, 0) END AS weight
                    FROM platform.version AS old
                    LEFT JOIN platform.object ON object.id = CAST(old.state ->> 'object_id' AS uuid)
                    WHERE old.owner_id = :owner_id
                ) AS weighed WHERE valid_until IS NOT NULL
            ) AS running USING (item_id, version)
            WHERE running.total > :most AND NOT version.kept
            LIMIT :batch FOR UPDATE OF version SKIP LOCKED
            """
        )
    )
)
_OWNERS = Query(text("SELECT DISTINCT owner_id FROM platform.version WHERE valid_until IS NOT NULL"))


async def drop_versions(_tick: ScheduleTick, context: Context) -> None:
    """The schedule: drop what the settings no longer keep."""
    await apply_retention(context.parts[Database], context.parts[HistorySettings], now=datetime.now(UTC))


async def apply_retention(database: Database, settings: HistorySettings, *, now: datetime) -> int:
    """Drop what `settings` no longer keep at the time `now`; how many versions."""
    dropped = await _drop(database, _BY_AGE, before=now - timedelta(days=settings.version_days))
    dropped += await _drop(database, _BY_NUMBER, most=settings.versions_per_item)
    if settings.version_bytes_per_person is not None:
        async with database.reading() as session:
            owners = [row.owner_id for row in await session.all(_OWNERS)]
        for owner_id in owners:
            dropped += await _drop(database, _BY_SPACE, owner_id=owner_id, most=settings.version_bytes_per_person)
    if dropped:
        _log.info("history.versions_dropped", number=dropped)
    return dropped


async def _drop(database: Database, selection: Query, **parameters: Any) -> int:
    total, batch = 0, BATCH
    while batch == BATCH:
        async with database.writing() as session:
            batch = await session.scalar(selection, **parameters, batch=BATCH)
        total += batch
    return total
