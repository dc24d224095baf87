"""Looking after deliveries by hand: what waits, what failed for good, trying that again, and letting go of it."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database
from commonplace.platform.errors import Problem

_COLUMNS: Final = "id, queue, handler, event, priority, attempts, max_attempts, deduplication_key, created_at, history"
_WAITING = Query(
    text(f"""
    SELECT {_COLUMNS}, run_at, lease_until FROM platform.delivery
    WHERE CAST(:queue AS text) IS NULL OR queue = CAST(:queue AS text)
    ORDER BY queue, lease_until NULLS LAST, priority DESC, run_at, id LIMIT :limit
    """)
)
_DEAD = Query(
    text(f"""
    SELECT {_COLUMNS}, died_at FROM platform.dead_letter
    WHERE CAST(:handler AS text) IS NULL OR handler = CAST(:handler AS text) ORDER BY died_at DESC, id LIMIT :limit
    """)
)
_FIND = Query(
    text(f"""
    SELECT {_COLUMNS}, run_at, lease_until, CAST(NULL AS timestamptz) AS died_at
    FROM platform.delivery WHERE id = :id
    UNION ALL
    SELECT {_COLUMNS}, NULL, NULL, died_at FROM platform.dead_letter WHERE id = :id
    """)
)
_IS_MEANT: Final = """
    (CAST(:ids AS bigint[]) IS NULL OR id = ANY(CAST(:ids AS bigint[])))
    AND (CAST(:handler AS text) IS NULL OR handler = CAST(:handler AS text))
"""
# A waiting delivery with the same key does the same work: it absorbs the letter.
_REDRIVE = Query(
    text(f"""
    WITH letter AS (
        DELETE FROM platform.dead_letter WHERE id IN (
            SELECT id FROM platform.dead_letter WHERE {_IS_MEANT} ORDER BY id LIMIT :limit
        ) RETURNING *
    ), again AS (
        INSERT INTO platform.delivery
            (id, queue, handler, event, priority, max_attempts, deduplication_key, created_at, history)
        OVERRIDING SYSTEM VALUE
        SELECT {_COLUMNS.replace("attempts, max_attempts", "max_attempts")} FROM letter
        ON CONFLICT DO NOTHING
    )
    SELECT id FROM letter
    """)
)
_DROP = Query(text(f"DELETE FROM platform.dead_letter WHERE {_IS_MEANT} RETURNING id"))
_AT_ONCE: Final = 1000


class DeliveryNotFound(Problem):
    """No delivery and no dead letter has this number."""

    status = HTTPStatus.NOT_FOUND

    def __init__(self, ids: Sequence[int]) -> None:
        numbers = ", ".join(map(str, ids))
        super().__init__(f"There is no such delivery: {numbers}. It was done meanwhile, or dropped.")


async def waiting(database: Database, *, queue: str | None = None, limit: int = 100) -> Sequence[Row]:
    """Deliveries that wait or are under way, by queue, in the order in which they are due."""
    async with database.reading() as session:
        return await session.all(_WAITING, queue=queue, limit=limit)


async def dead(database: Database, *, handler: str | None = None, limit: int = 100) -> Sequence[Row]:
    """Dead letters, the latest first."""
    async with database.reading() as session:
        return await session.all(_DEAD, handler=handler, limit=limit)


async def find(database: Database, delivery_id: int) -> Row:
    """A delivery or a dead letter (which has `died_at`), with its event and its history.

    Raises:
        DeliveryNotFound: there is neither.
    """
    async with database.reading() as session:
        row = await session.first(_FIND, id=delivery_id)
    if row is None:
        raise DeliveryNotFound([delivery_id])
    return row


async def redrive(database: Database, ids: Sequence[int] | None = None, *, handler: str | None = None) -> int:
    """Make dead letters deliveries again, with all their attempts before them and their history kept; how many.

    Those named by `ids` (None: all), and of one handler when it is given.

    Raises:
        DeliveryNotFound: one that is named is no dead letter; the others were redriven.
    """
    redriven: set[int] = set()
    while True:  # in batches: write transactions are short
        async with database.writing() as session:
            rows = await session.all(_REDRIVE, ids=_listed(ids), handler=handler, limit=_AT_ONCE)
        redriven.update(row.id for row in rows)
        if len(rows) < _AT_ONCE:
            break
    _refuse_missing(ids, redriven)
    return len(redriven)


async def drop(database: Database, ids: Sequence[int] | None = None, *, handler: str | None = None) -> int:
    """Let go of dead letters for good; how many.

    Raises:
        DeliveryNotFound: one that is named is no dead letter; the others were dropped.
    """
    async with database.writing() as session:
        dropped = {row.id for row in await session.all(_DROP, ids=_listed(ids), handler=handler)}
    _refuse_missing(ids, dropped)
    return len(dropped)


def _listed(ids: Sequence[int] | None) -> list[int] | None:
    return None if ids is None else list(ids)


def _refuse_missing(ids: Sequence[int] | None, found: set[int]) -> None:
    missing = [] if ids is None else [identifier for identifier in ids if identifier not in found]
    if missing:
        raise DeliveryNotFound(missing)
