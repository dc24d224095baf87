"""The end of the trash: what was trashed long enough ago is removed, with all that lies in it and all its versions.

This is the one place where Commonplace forgets an item that nobody asked it to erase; the settings say when. A tree in
which a version is marked to be kept stays in the trash. A large tree is removed from its leaves up, in several short
transactions, so that a process that dies leaves nothing that cannot be found again. Bytes go with the storage's sweep.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database, WriteSession
from commonplace.platform.events.event import ScheduleTick
from commonplace.platform.events.registry import Context
from commonplace.platform.history.events import ItemPurged
from commonplace.platform.history.kind import Kind
from commonplace.platform.history.kinds import Kinds
from commonplace.platform.history.settings import HistorySettings
from commonplace.platform.telemetry.correlation import correlation_id

BATCH: Final = 500
OnRemoved = Callable[[int], Awaitable[None]]
_log = structlog.get_logger(__name__)

_DUE = Query(
    text("""
    SELECT id, trashed_at FROM platform.item
    WHERE trashed_at < :before AND (trashed_at, id) > (:trashed_at, :id)
    ORDER BY trashed_at, id LIMIT :batch
    """)
)
_TREE = """
    WITH RECURSIVE tree AS (
        SELECT id, kind, 0 AS level FROM platform.item WHERE id = :id
        UNION ALL
        SELECT item.id, item.kind, tree.level + 1 FROM platform.item JOIN tree ON item.parent_id = tree.id
    )
"""
_MUST_STAY = Query(
    text(f"""
    {_TREE} SELECT EXISTS (SELECT FROM tree WHERE kind <> ALL(CAST(:kinds AS text[])))
    OR EXISTS (SELECT FROM tree JOIN platform.version ON version.item_id = tree.id WHERE version.kept)
    """)
)
_CONTAINERS = Query(
    text(f"""
    {_TREE} SELECT id FROM tree
    WHERE EXISTS (SELECT FROM platform.item AS child WHERE child.parent_id = tree.id)
    ORDER BY level DESC, id
    """)
)
_LOCK = Query(
    text("SELECT id, kind, owner_id, updated_at FROM platform.item WHERE id = :id AND trashed_at < :before FOR UPDATE")
)
_CHILDREN = Query(text("SELECT id, kind FROM platform.item WHERE parent_id = :id LIMIT :batch FOR UPDATE"))
_NOTE = Query(
    text("""
    INSERT INTO platform.forgotten_versions (owner_id, since) VALUES (:owner_id, :since)
    ON CONFLICT (owner_id) DO UPDATE SET since = greatest(forgotten_versions.since, excluded.since)
    """)
)
_REMOVE = Query(
    text(f"""
    WITH gone AS (
        DELETE FROM platform.item WHERE id = ANY(CAST(:ids AS uuid[])) RETURNING *
    ), versions AS (
        DELETE FROM platform.version WHERE item_id = ANY(CAST(:ids AS uuid[]))
    )
    INSERT INTO platform.event
        (epoch, at, name, kind, item_id, version, owner_id, parent_id, correlation_id, payload)
    SELECT epoch.current, clock_timestamp(), '{ItemPurged.name}', gone.kind, gone.id, gone.version, gone.owner_id,
        gone.parent_id, CAST(:correlation_id AS text), jsonb_build_object('item_id', gone.id, 'kind', gone.kind)
    FROM gone CROSS JOIN platform.epoch
    """)
)


async def purge_trash(_tick: ScheduleTick, context: Context) -> None:
    """The schedule: remove what has been in the trash for as long as the settings say."""
    days = context.parts[HistorySettings].trash_days
    await purge(context.parts[Database], context.parts[Kinds], before=datetime.now(UTC) - timedelta(days=days))


async def purge(database: Database, kinds: Kinds, *, before: datetime) -> int:
    """Remove every item that was trashed before `before`, and what lies in it; how many items that were.

    Trees with a version to be kept, or with items of an app that is not served here, are left alone.
    """
    removed, after = 0, (datetime(1970, 1, 1, tzinfo=UTC), UUID(int=0))
    while True:
        async with database.reading() as session:
            due = await session.all(_DUE, before=before, trashed_at=after[0], id=after[1], batch=BATCH)
        for row in due:
            removed += await purge_tree(database, kinds, row.id, before=before)
        if len(due) < BATCH:
            break
        after = (due[-1].trashed_at, due[-1].id)
    if removed:
        _log.info("history.trash_purged", items=removed)
    return removed


async def purge_tree(
    database: Database, kinds: Kinds, root_id: UUID, *, before: datetime, on_removed: OnRemoved | None = None
) -> int:
    """Remove one thing that was trashed before `before`, with all that lies in it; how many items that were.

    0: it was restored meanwhile, or must stay. `on_removed` is told after each batch how many items went in it.
    """
    async with database.reading() as session:
        if await session.scalar(_MUST_STAY, id=root_id, kinds=[kind.name for kind in kinds]):
            return 0
        containers = [row.id for row in await session.all(_CONTAINERS, id=root_id)]
    removed = 0
    for container_id in containers:
        batch = BATCH
        while batch == BATCH:
            async with database.writing() as session:
                root = await _locked_root(session, root_id, before)
                if root is None:
                    return removed
                children = await session.all(_CHILDREN, id=container_id, batch=BATCH)
                batch = await _remove(session, kinds, children)
            removed += batch
            if on_removed is not None:
                await on_removed(batch)
    async with database.writing() as session:
        root = await _locked_root(session, root_id, before)
        last = 0 if root is None else await _remove(session, kinds, [root])
    if on_removed is not None:
        await on_removed(last)
    return removed + last


async def _locked_root(session: WriteSession, root_id: UUID, before: datetime) -> Row | None:
    """The root, locked, if nobody has restored it meanwhile. The past of its owner is whole only after its deletion."""
    root = await session.first(_LOCK, id=root_id, before=before)
    if root is not None:
        await session.execute(_NOTE, owner_id=root.owner_id, since=root.updated_at)
    return root


async def _remove(session: WriteSession, kinds: Kinds, rows: Sequence[Row]) -> int:
    by_kind: dict[Kind, list[UUID]] = {}
    for row in rows:
        by_kind.setdefault(kinds[row.kind], []).append(row.id)
    for kind, ids in by_kind.items():
        await session.execute(_rows_of(kind), ids=ids)
    if rows:
        session.news = True
        await session.execute(_REMOVE, ids=[row.id for row in rows], correlation_id=correlation_id.get())
    return len(rows)


def _rows_of(kind: Kind) -> Query:
    return Query(text(f"DELETE FROM {kind.qualified_table} WHERE id = ANY(CAST(:ids AS uuid[]))"))
