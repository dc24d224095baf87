"""How deliveries and workers are doing: what `/health`, `/metrics` and the command line ask."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database
from commonplace.platform.telemetry.metrics import Metrics

SEEN_SECONDS: Final = 30  #: a worker that was not seen for longer counts as away

_ANSWER = Query(text("SELECT 1"))
_WORKERS = Query(
    text(f"""
    SELECT count(*) AS workers FROM platform.worker WHERE seen_at > clock_timestamp() - interval '{SEEN_SECONDS} s'
    """)
)
_WAITING = Query(
    text("""
    SELECT queue, count(*) AS waiting, count(*) FILTER (WHERE lease_until IS NOT NULL) AS leased,
        coalesce(extract(epoch FROM clock_timestamp() - min(run_at) FILTER (WHERE lease_until IS NULL
            AND run_at <= clock_timestamp())), 0) AS oldest_due_seconds
    FROM platform.delivery GROUP BY queue ORDER BY queue
    """)
)
_DEAD = Query(text("SELECT queue, count(*) AS dead FROM platform.dead_letter GROUP BY queue"))


class NoWorker(Exception):
    """No worker is at work: nothing is delivered, and no schedule kept."""


async def check_database(database: Database) -> None:
    """Ask the database for a sign of life.

    Raises:
        DatabaseUnavailable, DatabaseBusy: it gives none.
    """
    async with database.reading() as session:
        await session.scalar(_ANSWER)


async def check_workers(database: Database) -> dict[str, Any]:
    """How many workers were seen in the last 30 seconds.

    Raises:
        NoWorker: none was.
        DatabaseUnavailable, DatabaseBusy: it cannot be found out.
    """
    async with database.reading() as session:
        workers = await session.scalar(_WORKERS)
    if not workers:
        raise NoWorker(f"No worker was seen in the last {SEEN_SECONDS} s. Run `commonplace worker`.")
    return {"workers": workers}


async def queues(database: Database) -> Sequence[Row]:
    """Each queue that has something: `queue, waiting` (leased included), `leased, oldest_due_seconds`."""
    async with database.reading() as session:
        return await session.all(_WAITING)


async def waiting_by_queue(database: Database) -> Mapping[tuple[str, ...], float]:
    """How many deliveries are waiting or under way, for `commonplace_deliveries_waiting{queue}`."""
    return {(row.queue,): float(row.waiting) for row in await queues(database)}


async def oldest_by_queue(database: Database) -> Mapping[tuple[str, ...], float]:
    """Since when the longest waiting delivery that is due waits, for `commonplace_delivery_oldest_seconds{queue}`."""
    return {(row.queue,): float(row.oldest_due_seconds) for row in await queues(database)}


async def dead_by_queue(database: Database) -> Mapping[tuple[str, ...], float]:
    """How many dead letters there are, for `commonplace_dead_letters{queue}`."""
    async with database.reading() as session:
        return {(row.queue,): float(row.dead) for row in await session.all(_DEAD)}


def measure(metrics: Metrics, database: Database) -> None:
    """Have the queues' depths and the dead letters answered whenever metrics are asked for."""
    metrics.on_scrape(
        "commonplace_deliveries_waiting",
        "Deliveries that wait or are under way.",
        ("queue",),
        lambda: waiting_by_queue(database),
    )
    metrics.on_scrape(
        "commonplace_delivery_oldest_seconds",
        "How long the oldest delivery that is due has been waiting.",
        ("queue",),
        lambda: oldest_by_queue(database),
    )
    metrics.on_scrape(
        "commonplace_dead_letters", "Deliveries that failed for good.", ("queue",), lambda: dead_by_queue(database)
    )
