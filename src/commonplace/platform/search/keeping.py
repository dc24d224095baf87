"""Rebuilding and checking the index, for `commonplace search`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database
from commonplace.platform.parts import Parts
from commonplace.platform.search.document import Indexers
from commonplace.platform.search.following import advance, ask_for_rebuild

_NAMED: Final = 20  # items that a report names of each fault
_OF_KINDS: Final = "item.kind = ANY(CAST(:kinds AS text[]))"
_ITEMS = Query(text(f"SELECT count(*) FROM platform.item WHERE {_OF_KINDS}"))
_ENTRIES = Query(text("SELECT count(*) FROM platform.search_entry"))
_COUNTS = Query(
    text("""
    SELECT (SELECT count(*) FROM platform.search_entry) AS entries,
        (SELECT count(*) FROM platform.search_word) AS words,
        EXISTS (SELECT FROM platform.search_rebuild) OR EXISTS (
            SELECT FROM platform.event, platform.consumer WHERE consumer.name = 'search'
            AND (event.epoch, event.xid, event.seq) > (consumer.epoch, consumer.xid, consumer.seq)
            AND event.kind = ANY(CAST(:kinds AS text[]))) AS is_behind
    """)
)
_FAULTS: Final = {
    "{} has no entry.": Query(
        text(f"""
        SELECT item.id FROM platform.item LEFT JOIN platform.search_entry AS entry ON entry.item_id = item.id
        WHERE {_OF_KINDS} AND item.trashed_at IS NULL AND entry.item_id IS NULL LIMIT :limit
        """)
    ),
    "{} is in the trash, or of no kind that can be found, and has an entry.": Query(
        text(f"""
        SELECT item.id FROM platform.item JOIN platform.search_entry AS entry ON entry.item_id = item.id
        WHERE item.trashed_at IS NOT NULL OR NOT {_OF_KINDS} LIMIT :limit
        """)
    ),
    "{} has the entry of another version.": Query(
        text(f"""
        SELECT item.id FROM platform.item JOIN platform.search_entry AS entry ON entry.item_id = item.id
        WHERE {_OF_KINDS} AND item.trashed_at IS NULL AND (item.version, item.owner_id)
            IS DISTINCT FROM (entry.version, entry.owner_id) LIMIT :limit
        """)
    ),
}


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a check found."""

    entries: int
    words: int
    is_behind: bool  #: whether something happened that the index does not show yet
    faults: list[str]


async def items_to_find(parts: Parts) -> int:
    """How many items there are of kinds that can be found."""
    async with parts[Database].reading() as session:
        number: int = await session.scalar(_ITEMS, kinds=list(parts[Indexers].kinds))
    return number


async def rebuild(parts: Parts, progress: Callable[[int], None]) -> int:
    """Write every entry anew; how many there are then. `progress` is told of each step how many items it took."""
    async with parts[Database].writing() as session:
        await ask_for_rebuild(session)
    is_more = True
    while is_more:
        step = await advance(parts)
        progress(step.number)
        is_more = step.is_more
    async with parts[Database].reading() as session:
        entries: int = await session.scalar(_ENTRIES)
    return entries


async def check(parts: Parts) -> Report:
    """Compare the entries with the items that they are of."""
    faults: list[str] = []
    async with parts[Database].reading() as session:
        counts = await session.first(_COUNTS, kinds=list(parts[Indexers].kinds))
        for words, statement in _FAULTS.items():
            rows = await session.all(statement, kinds=list(parts[Indexers].kinds), limit=_NAMED)
            faults.extend(words.format(row.id) for row in rows)
    if counts is None:
        raise LookupError("A SELECT without FROM has one row.")
    return Report(
        entries=counts.entries,
        words=counts.words,
        is_behind=counts.is_behind,
        faults=[] if counts.is_behind else faults,
    )
