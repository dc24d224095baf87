"""What machines tell each other of the requests that they counted, through PostgreSQL."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database

_EXCHANGE: Final = Query(
    text("""
    WITH told AS (
        INSERT INTO platform.request_rate (key, machine, counted, window_seconds, at)
        SELECT key, :machine, counted, window_seconds, clock_timestamp()
        FROM unnest(CAST(:keys AS bytea[]), CAST(:counts AS real[]), CAST(:windows AS real[]))
            AS mine (key, counted, window_seconds)
        ORDER BY key
        ON CONFLICT (key, machine) DO UPDATE
        SET counted = excluded.counted, window_seconds = excluded.window_seconds, at = excluded.at
    )
    SELECT key, sum(counted * (1 - extract(epoch FROM clock_timestamp() - at) / window_seconds)) AS counted
    FROM platform.request_rate
    WHERE key = ANY(CAST(:keys AS bytea[])) AND machine <> :machine
    AND at > clock_timestamp() - make_interval(secs => window_seconds)
    GROUP BY key
    """)
)
_FORGET: Final = Query(
    text("DELETE FROM platform.request_rate WHERE at < clock_timestamp() - make_interval(secs => window_seconds)")
)
_FORGET_EVERY: Final = 400  # exchanges


class PostgresRates:
    """A `RateExchange`. The table is not logged, and its rows are past with their windows."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._exchanges = 0

    async def exchange(self, machine: bytes, counts: Mapping[bytes, tuple[float, float]]) -> Mapping[bytes, float]:
        """Tell this machine's counts (key to count and the window's seconds); the sum of all others' for each key.

        Raises:
            DatabaseUnavailable, DatabaseBusy, StatementTooLong: the database cannot take it now.
        """
        self._exchanges += 1
        async with self._database.writing() as session:
            rows = await session.all(
                _EXCHANGE,
                machine=machine,
                keys=list(counts),
                counts=[counted for counted, _ in counts.values()],
                windows=[seconds for _, seconds in counts.values()],
            )
            if self._exchanges % _FORGET_EVERY == 0:
                await session.execute(_FORGET)
        return dict.fromkeys(counts, 0.0) | {row.key: float(row.counted) for row in rows}
