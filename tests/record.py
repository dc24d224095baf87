"""What must be true of the record after whatever was done to it."""

from collections.abc import Iterable

from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database
from commonplace.platform.history.kind import Kind


async def assert_record_is_whole(database: Database, kinds: Iterable[Kind]) -> None:
    """Every item has its row, its newest version says exactly what both say, and the chain of versions has no gap."""
    async with database.reading() as session:
        for kind in kinds:
            wrong = await session.all(
                Query(
                    text(f"""
                    SELECT coalesce(item.id, app.id) AS id, item.version, newest.version AS newest,
                        to_jsonb(app) - 'id' AS row, newest.state
                    FROM (SELECT * FROM platform.item WHERE kind = '{kind.name}') AS item
                    FULL JOIN {kind.qualified_table} AS app USING (id)
                    LEFT JOIN platform.version AS newest ON newest.item_id = item.id AND newest.valid_until IS NULL
                    WHERE item.id IS NULL OR app.id IS NULL OR newest.state IS NULL
                    OR newest.state <> to_jsonb(app) - 'id' OR newest.version <> item.version
                    OR newest.title <> item.title OR newest.owner_id <> item.owner_id OR newest.kind <> item.kind
                    OR newest.parent_id IS DISTINCT FROM item.parent_id
                    OR newest.trashed_at IS DISTINCT FROM item.trashed_at OR newest.valid_from <> item.updated_at
                    """)
                )
            )
            assert not wrong, f"{kind.name}: {[dict(row) for row in wrong]}"
        broken = await session.all(
            Query(
                text("""
                SELECT version.item_id, version.version FROM platform.version
                LEFT JOIN platform.version AS next
                    ON next.item_id = version.item_id AND next.version = version.version + 1
                WHERE version.valid_from >= coalesce(version.valid_until, 'infinity')
                OR next.valid_from IS NOT NULL AND next.valid_from IS DISTINCT FROM version.valid_until
                OR version.valid_until IS NULL AND EXISTS (
                    SELECT FROM platform.version AS later
                    WHERE later.item_id = version.item_id AND later.version > version.version)
                """)
            )
        )
        assert not broken, [dict(row) for row in broken]
        lost = await session.all(
            Query(
                text("""
                SELECT version.item_id, version.version FROM platform.version
                WHERE version.state ->> 'object_id' IS NOT NULL AND NOT EXISTS (
                    SELECT FROM platform.object WHERE object.id = CAST(version.state ->> 'object_id' AS uuid)
                    AND object.owner_id = version.owner_id)
                """)
            )
        )
        assert not lost, f"Versions whose object is gone: {[dict(row) for row in lost]}"
        untold = await session.all(
            Query(
                text("""
                SELECT version.item_id, version.version FROM platform.version
                WHERE NOT EXISTS (
                    SELECT FROM platform.event
                    WHERE event.item_id = version.item_id AND event.version = version.version
                    AND event.owner_id = version.owner_id AND event.by IS NOT DISTINCT FROM version.by)
                """)
            )
        )
        assert not untold, f"Versions without their event: {[dict(row) for row in untold]}"
