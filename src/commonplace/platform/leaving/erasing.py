"""Erasing a person: every row, object, event, version, credential and notice of theirs.

In short transactions, each of which notes what it removed; so it can be interrupted anywhere and repeated, and the
receipt counts each thing once. The person's own item goes last: until then it is known whom to go on with. Bytes go
after the rows that named them, by a list that survives whoever removes them.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database, WriteSession
from commonplace.platform.events.erasing import erase_from_log
from commonplace.platform.history import erasing as history
from commonplace.platform.jobs import store as jobs
from commonplace.platform.leaving import erasures
from commonplace.platform.leaving.errors import ErasureNotFound
from commonplace.platform.leaving.ledger import Ledger, Receipt
from commonplace.platform.leaving.personal import PersonalData, PersonalTable
from commonplace.platform.parts import Parts
from commonplace.platform.sharing import grants
from commonplace.platform.storage.protocol import ObjectStorage
from commonplace.platform.storage.removal import MAY_REMOVE

BATCH: Final = 1000
PERSON: Final = "person"  #: the kind of item that a person themself is
_log = structlog.get_logger(__name__)
_DOOM = Query(
    text("""
    INSERT INTO platform.erasure_key (key, erasure_id) SELECT key, :erasure_id
    FROM unnest(CAST(:keys AS text[])) AS doomed (key) ON CONFLICT DO NOTHING
    """)
)
_DOOMED = Query(text("SELECT key FROM platform.erasure_key WHERE erasure_id = :erasure_id LIMIT :batch"))
_GONE = Query(text("DELETE FROM platform.erasure_key WHERE key = ANY(CAST(:keys AS text[]))"))
_OBJECTS = Query(
    text("""
    WITH gone AS (
        DELETE FROM platform.object WHERE id = ANY(ARRAY(
            SELECT id FROM platform.object WHERE owner_id = :person_id LIMIT :batch)) RETURNING key, size_bytes
    )
    SELECT array_agg(key) AS doomed, count(*) AS number, CAST(coalesce(sum(size_bytes), 0) AS bigint) AS size_bytes
    FROM gone
    """)
)
_ARCHIVES = Query(text("SELECT key FROM platform.archive WHERE person_id = :person_id AND key IS NOT NULL"))


class BackupUnderWay(Exception):
    """A backup copies objects just now: what it has not come to must not go. The next attempt may do better."""


class Erasing:
    """One erasure at work: what an app's `erase` is given."""

    def __init__(self, parts: Parts, erasure_id: UUID, person_id: UUID) -> None:
        self.parts = parts
        self.database = parts[Database]
        self.erasure_id = erasure_id
        self.person_id = person_id
        self.addresses: set[str] = set()  #: the person's e-mail addresses, which others may have shared with

    async def count(self, session: WriteSession, name: str, number: int) -> None:
        """Note in the transaction that so many of something are removed by it."""
        await erasures.count(session, self.erasure_id, name, number)

    async def doom(self, session: WriteSession, keys: Sequence[str]) -> None:
        """Note in the transaction that removes the last row which names them: these bytes are to go."""
        if keys:
            await session.execute(_DOOM, erasure_id=self.erasure_id, keys=list(keys))


async def erase(parts: Parts, erasure_id: UUID) -> Receipt:
    """Erase the person of an erasure that has begun; the receipt, which stands in the ledger then.

    Raises:
        ErasureNotFound: there is none.
        BackupUnderWay: objects cannot be removed now.
        StorageFull, StorageUnavailable, DatabaseUnavailable: try again later; what was done is done.
    """
    database, data = parts[Database], parts[PersonalData]
    async with database.reading() as session:
        row = await erasures.read(session, erasure_id)
    if row is None:
        raise ErasureNotFound
    erasing = Erasing(parts, erasure_id, row.person_id)
    async with database.writing() as session:  # what works for them would make anew what is removed
        await jobs.stop_all(session, row.person_id)
    for _, hook in data.hooks("erase"):
        await hook(erasing)
    await _remove_shares(erasing)
    own = None
    for _, kind in data.kinds():
        if kind.name == PERSON:
            own = kind
        else:
            await history.remove_items(database, kind, row.person_id, erasing.count)
    await _remove_objects(erasing)
    for _, table in data.tables():
        if table.on_erasure != "apart":
            await _remove_rows(erasing, table)
    await history.forget_author(database, row.person_id, erasing.count)
    await erase_from_log(database, row.person_id, erasing.count)
    await _remove_bytes(erasing, parts[ObjectStorage])
    if own is not None:
        await history.remove_items(database, own, row.person_id, erasing.count)
    async with database.reading() as session:
        row = await erasures.read(session, erasure_id)
    if row is None:
        raise ErasureNotFound
    receipt = erasures.receipt_of(row)
    await parts[Ledger].add(receipt)
    async with database.writing() as session:
        await erasures.done(session, receipt)
    _log.info("person.erased", erasure_id=str(erasure_id))
    return receipt


async def _remove_shares(erasing: Erasing) -> None:
    async with erasing.database.writing() as session:
        removed = await grants.forget_person(session, erasing.person_id, addresses=sorted(erasing.addresses))
        for name, number in removed.items():
            await erasing.count(session, name, number)


async def _remove_objects(erasing: Erasing) -> None:
    number = BATCH
    while number == BATCH:
        async with erasing.database.writing() as session:
            if not await session.scalar(MAY_REMOVE):
                raise BackupUnderWay
            gone = await session.first(_OBJECTS, person_id=erasing.person_id, batch=BATCH)
            number = 0 if gone is None else gone.number
            if gone is not None and number:
                await erasing.doom(session, gone.doomed)
                await erasing.count(session, "objects", number)
                await erasing.count(session, "object_bytes", gone.size_bytes)
    async with erasing.database.writing() as session:
        keys = [row.key for row in await session.all(_ARCHIVES, person_id=erasing.person_id)]
        await erasing.doom(session, keys)


async def _remove_rows(erasing: Erasing, table: PersonalTable) -> None:
    number = BATCH
    while number == BATCH:
        async with erasing.database.writing() as session:
            number = await session.execute(_statement(table), person_id=erasing.person_id, batch=BATCH)
            if table.on_erasure == "delete":
                await erasing.count(session, table.table, number)


def _statement(table: PersonalTable) -> Query:
    what = f"DELETE FROM {table.table}"
    if table.on_erasure == "clear":
        what = f"UPDATE {table.table} SET {table.person} = NULL"
    return Query(
        text(
            f"{what} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table.table}"
            f" WHERE {table.person} = :person_id LIMIT :batch))"
        )
    )


async def _remove_bytes(erasing: Erasing, storage: ObjectStorage) -> None:
    while True:
        async with erasing.database.reading() as session:
            rows = await session.all(_DOOMED, erasure_id=erasing.erasure_id, batch=BATCH)
        if not rows:
            return
        keys = [row.key for row in rows]
        await storage.delete(*keys)
        async with erasing.database.writing() as session:
            await session.execute(_GONE, keys=keys)
            await erasing.count(session, "stored_files", len(keys))
