"""After a restore: whoever was erased since the backup was made is erased again."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database
from commonplace.platform.leaving import erasures
from commonplace.platform.leaving.erasing import erase
from commonplace.platform.leaving.ledger import Ledger
from commonplace.platform.parts import Parts

_IS_BACK = Query(
    text("""
    SELECT EXISTS (SELECT FROM platform.item WHERE id = :person_id)
        OR EXISTS (SELECT FROM platform.version WHERE owner_id = :person_id)
        OR EXISTS (SELECT FROM platform.object WHERE owner_id = :person_id)
        OR EXISTS (SELECT FROM platform.event WHERE owner_id = :person_id)
    """)
)
_STOPPED = Query(
    text("""
    UPDATE platform.erasure SET state = 'cancelled', ended_at = clock_timestamp()
    WHERE person_id = :person_id AND state IN ('waiting', 'erasing')
    """)
)


async def replay(parts: Parts, ledgers: Iterable[Path] = ()) -> int:
    """Erase everybody whom the ledger, or one of the files, names and who is here; how many that were.

    Raises:
        StorageFull, StorageUnavailable, DatabaseUnavailable: run it again; what was done is done.
    """
    database, again = parts[Database], 0
    for person_id in await parts[Ledger].entries(ledgers):
        async with database.reading() as session:
            is_back = await session.scalar(_IS_BACK, person_id=person_id)
        if not is_back:
            continue
        async with database.writing() as session:
            await session.execute(_STOPPED, person_id=person_id)
            asked = await erasures.ask(session, person_id, asked_by="ledger", by_id=None, waiting=timedelta())
            await erasures.begin(session, asked.row.id)
        await erase(parts, asked.row.id)
        again += 1
    return again
