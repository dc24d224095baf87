"""Erasing a person from the record: their items with every version, and their id from what others keep.

Erasure is the exception to keeping. Each function works in short transactions and can be repeated: what it has done is
done, and it goes on with the rest.
"""

from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database, WriteSession
from commonplace.platform.history.kind import Kind

BATCH: Final = 500
_PAGE: Final = 20_000  # versions that are looked at together
Count = Callable[[WriteSession, str, int], Awaitable[None]]  #: notes, in the transaction, how many of what went

# By the versions, which an index finds by their owner; each item has one.
_SOME = Query(
    text("""
    SELECT DISTINCT item_id AS id FROM platform.version WHERE owner_id = :person_id AND kind = :kind LIMIT :batch
    """)
)
_REMOVE = Query(
    text("""
    WITH gone AS (
        DELETE FROM platform.item WHERE id = ANY(CAST(:ids AS uuid[])) RETURNING id
    ), versions AS (
        DELETE FROM platform.version WHERE item_id = ANY(CAST(:ids AS uuid[])) RETURNING item_id
    )
    SELECT (SELECT count(*) FROM gone) AS items, (SELECT count(*) FROM versions) AS versions
    """)
)
_BY_PERSON = Query(
    text("""
    SELECT item_id, version, is_theirs FROM (
        SELECT item_id, version, by IS NOT DISTINCT FROM CAST(:person_id AS uuid) AS is_theirs,
            row_number() OVER (ORDER BY item_id, version) AS number
        FROM platform.version WHERE (item_id, version) > (:item_id, :version) ORDER BY item_id, version LIMIT :page
    ) AS seen
    WHERE is_theirs OR number = :page ORDER BY item_id, version
    """)
)
_FORGET_AUTHOR = Query(
    text("""
    UPDATE platform.version SET by = NULL
    FROM unnest(CAST(:ids AS uuid[]), CAST(:versions AS integer[])) AS theirs (item_id, version)
    WHERE version.item_id = theirs.item_id AND version.version = theirs.version AND version.by = :person_id
    """)
)


async def remove_items(database: Database, kind: Kind, person_id: UUID, count: Count) -> None:
    """Remove every item of a kind that a person owns, with all versions, grants and links; `count` is told."""
    while True:
        async with database.reading() as session:
            ids = [row.id for row in await session.all(_SOME, person_id=person_id, kind=kind.name, batch=BATCH)]
        if not ids:
            return
        async with database.writing() as session:
            await remove_some(session, kind, ids, count)


async def remove_some(session: WriteSession, kind: Kind, ids: list[UUID], count: Count) -> None:
    """Remove these items, in the given transaction."""
    await session.execute(_rows_of(kind), ids=ids)
    removed = await session.first(_REMOVE, ids=ids)
    if removed is not None:
        await count(session, f"items.{kind.name}", removed["items"])
        await count(session, f"versions.{kind.name}", removed["versions"])


async def forget_author(database: Database, person_id: UUID, count: Count) -> None:
    """Have nobody be the author of the versions that a person made of others' items."""
    item_id, version, found = UUID(int=0), 0, _PAGE
    while found:
        async with database.reading() as session:
            rows = await session.all(_BY_PERSON, person_id=person_id, item_id=item_id, version=version, page=_PAGE)
        theirs = [row for row in rows if row.is_theirs]
        for start in range(0, len(theirs), BATCH):
            some = theirs[start : start + BATCH]
            async with database.writing() as session:
                number = await session.execute(
                    _FORGET_AUTHOR,
                    person_id=person_id,
                    ids=[row.item_id for row in some],
                    versions=[row.version for row in some],
                )
                await count(session, "authorships", number)
        found = len(rows)
        if rows:
            item_id, version = rows[-1].item_id, rows[-1].version


def _rows_of(kind: Kind) -> Query:
    return Query(text(f"DELETE FROM {kind.qualified_table} WHERE id = ANY(CAST(:ids AS uuid[]))"))
