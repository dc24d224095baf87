"""Erasing a person from the log: their own events, and their id from those of others and from what is to be delivered.

Others' events stay, for they are others' past; in place of the id stands the one that means nobody (RFC 9562, 5.9).
"""

from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database, WriteSession

NOBODY: Final = UUID(int=0)
Count = Callable[[WriteSession, str, int], Awaitable[None]]
_BATCH: Final = 2000
_PAGE: Final = 20_000  # events that are looked at together
_OWN = Query(
    text("""
    DELETE FROM platform.event WHERE owner_id = :person_id AND (epoch, xid, seq) IN (
        SELECT epoch, xid, seq FROM platform.event WHERE owner_id = :person_id LIMIT :batch)
    """)
)
_NAMING = Query(
    text("""
    SELECT epoch, xid, seq, is_naming FROM (
        SELECT epoch, xid, seq, row_number() OVER (ORDER BY epoch, xid, seq) AS number,
            by IS NOT DISTINCT FROM CAST(:person_id AS uuid)
                OR strpos(CAST(payload AS text), CAST(CAST(:person_id AS uuid) AS text)) > 0 AS is_naming
        FROM platform.event WHERE (epoch, xid, seq) > (:epoch, CAST(:xid AS xid8), :seq)
        ORDER BY epoch, xid, seq LIMIT :page
    ) AS seen
    WHERE is_naming OR number = :page ORDER BY epoch, xid, seq
    """)
)
_CLEAR = Query(
    text("""
    UPDATE platform.event SET by = nullif(by, CAST(:person_id AS uuid)), payload = CAST(replace(
        CAST(payload AS text), CAST(CAST(:person_id AS uuid) AS text), CAST(CAST(:nobody AS uuid) AS text)) AS jsonb)
    WHERE epoch = :epoch AND xid = CAST(:xid AS xid8) AND seq = :seq
    """)
)
_OF_PERSON: Final = "event ->> 'owner_id' = CAST(CAST(:person_id AS uuid) AS text)"
_CLEARED: Final = """
    SET event = CAST(replace(CAST(event AS text), CAST(CAST(:person_id AS uuid) AS text),
            CAST(CAST(:nobody AS uuid) AS text)) AS jsonb),
        history = CAST(replace(CAST(history AS text), CAST(CAST(:person_id AS uuid) AS text),
            CAST(CAST(:nobody AS uuid) AS text)) AS jsonb)
    WHERE strpos(CAST(event AS text) || CAST(history AS text), CAST(CAST(:person_id AS uuid) AS text)) > 0
"""
_DELIVERIES: Final = {
    "deliveries": (
        Query(text(f"DELETE FROM platform.delivery WHERE {_OF_PERSON}")),
        Query(text(f"UPDATE platform.delivery {_CLEARED}")),
    ),
    "dead_letters": (
        Query(text(f"DELETE FROM platform.dead_letter WHERE {_OF_PERSON}")),
        Query(text(f"UPDATE platform.dead_letter {_CLEARED}")),
    ),
}


async def erase_from_log(database: Database, person_id: UUID, count: Count) -> None:
    """Remove a person's events, and their id from all others; `count` is told how many of what went."""
    number = _BATCH
    while number == _BATCH:
        async with database.writing() as session:
            number = await session.execute(_OWN, person_id=person_id, batch=_BATCH)
            await count(session, "events", number)
    for name, (removing, clearing) in _DELIVERIES.items():
        async with database.writing() as session:
            await count(session, name, await session.execute(removing, person_id=person_id))
            await session.execute(clearing, person_id=person_id, nobody=NOBODY)
    await _clear(database, person_id, count)


async def _clear(database: Database, person_id: UUID, count: Count) -> None:
    place, found = {"epoch": 0, "xid": 0, "seq": 0}, _PAGE
    while found:
        async with database.reading() as session:
            rows = await session.all(_NAMING, person_id=person_id, page=_PAGE, **place)
        naming = [row for row in rows if row.is_naming]
        for start in range(0, len(naming), _BATCH):
            async with database.writing() as session:
                for row in naming[start : start + _BATCH]:
                    await session.execute(
                        _CLEAR, person_id=person_id, nobody=NOBODY, epoch=row.epoch, xid=row.xid, seq=row.seq
                    )
                await count(session, "mentions", len(naming[start : start + _BATCH]))
        found = len(rows)
        if rows:
            place = {"epoch": rows[-1].epoch, "xid": rows[-1].xid, "seq": rows[-1].seq}
