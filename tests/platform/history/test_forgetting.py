"""What is forgotten, and that nothing else is: retention, the end of the trash, moments, keys, ticks."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from commonplace.platform import housekeeping
from commonplace.platform.app import load
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database
from commonplace.platform.events.event import ScheduleTick
from commonplace.platform.events.registry import Context
from commonplace.platform.history import asof, purge, record, retention, trash
from commonplace.platform.history.kind import Kind
from commonplace.platform.history.kinds import Kinds
from commonplace.platform.history.settings import HistorySettings
from commonplace.platform.parts import Parts
from tests.platform.history.conftest import ANA, BEN, Change, Sql, Write
from tests.platform.history.notes import NOTE, NOTEBOOK, NoteWritten

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


async def numbers(sql: Sql, item_id: UUID) -> list[int]:
    rows = await sql("SELECT version FROM platform.version WHERE item_id = :id ORDER BY version", id=item_id)
    return [row.version for row in rows]


@pytest.fixture
def shift(sql: Sql) -> Any:
    """Let `days` pass: everything so far is that much older."""

    async def pass_(days: float) -> None:
        span = timedelta(days=days)
        await sql(
            "UPDATE platform.version SET valid_from = valid_from - CAST(:span AS interval),"
            " valid_until = valid_until - CAST(:span AS interval), trashed_at = trashed_at - CAST(:span AS interval)"
            " RETURNING 1",
            span=span,
        )
        await sql(
            "UPDATE platform.item SET updated_at = updated_at - CAST(:span AS interval),"
            " created_at = created_at - CAST(:span AS interval), trashed_at = trashed_at - CAST(:span AS interval)"
            " RETURNING 1",
            span=span,
        )

    return pass_


class TestRetention:
    async def test_versions_go_when_they_are_old_but_never_the_newest_nor_a_kept_one(
        self, notes: Database, write: Write, change: Change, sql: Sql, shift: Any
    ) -> None:
        old, kept = await write("old"), await write("kept")
        for note in (old, kept):
            await change(note.id, stars=1)
        await sql("UPDATE platform.version SET kept = true WHERE item_id = :id AND version = 1 RETURNING 1", id=kept.id)
        await shift(11)
        await change(old.id, stars=2)
        dropped = await retention.apply_retention(notes, HistorySettings(version_days=10), now=datetime.now(UTC))
        assert dropped == 1
        assert (await numbers(sql, old.id), await numbers(sql, kept.id)) == ([2, 3], [1, 2])
        async with notes.reading() as session:
            since = await asof.whole_since(session, ANA)
            assert await asof.whole_since(session, BEN) is None
        assert since is not None
        assert timedelta(days=10) < datetime.now(UTC) - since < timedelta(days=12)

    async def test_an_item_keeps_so_many(self, notes: Database, write: Write, change: Change, sql: Sql) -> None:
        note, other = await write("a"), await write("b")
        for number in range(6):
            await change(note.id, stars=number)
        await change(other.id, stars=1)
        settings = HistorySettings(versions_per_item=3)
        assert await retention.apply_retention(notes, settings, now=datetime.now(UTC)) == 4
        assert (await numbers(sql, note.id), await numbers(sql, other.id)) == ([5, 6, 7], [1, 2])
        assert await retention.apply_retention(notes, settings, now=datetime.now(UTC)) == 0

    async def test_a_person_s_past_takes_so_much_space(
        self, notes: Database, write: Write, change: Change, sql: Sql
    ) -> None:
        """An object weighs once, and not at all while a newest version has it."""
        objects = [UUID(int=number) for number in range(10, 14)]
        for object_id in objects:
            await sql(
                "INSERT INTO platform.object (id, owner_id, sha256, key, size_bytes)"
                " VALUES (:id, :owner, sha256(uuid_send(:id)), CAST(CAST(:id AS uuid) AS text), 1000) RETURNING 1",
                id=object_id,
                owner=ANA,
            )
        note = await write("a", object_id=objects[0])
        for object_id in (*objects[1:], objects[3]):
            await change(note.id, object_id=object_id)
        other = await write("b", owner=BEN)
        await change(other.id, stars=1)
        apply = retention.apply_retention
        now = datetime.now(UTC)
        assert await apply(notes, HistorySettings(version_bytes_per_person=3600), now=now) == 0
        assert await apply(notes, HistorySettings(version_bytes_per_person=2600), now=now) == 1
        assert await numbers(sql, note.id) == [2, 3, 4, 5]
        assert await apply(notes, HistorySettings(version_bytes_per_person=0), now=now) == 4
        assert (await numbers(sql, note.id), await numbers(sql, other.id)) == ([5], [2])

    async def test_goes_on_until_nothing_is_left_to_drop(
        self, notes: Database, write: Write, change: Change, sql: Sql, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(retention, "BATCH", 2)
        note = await write("a")
        for number in range(7):
            await change(note.id, stars=number)
        assert await retention.apply_retention(notes, HistorySettings(versions_per_item=2), now=datetime.now(UTC)) == 6


class TestTheEndOfTheTrash:
    @pytest.fixture
    def throw_away(self, notes: Database) -> Any:
        async def throw(row: Row, kind: Kind = NOTE) -> None:
            async with notes.writing() as session:
                locked = await record.lock(session, kind, row.id)
                assert locked is not None
                await trash.trash(session, kind, locked, fact=NoteWritten(), by=ANA)

        return throw

    async def test_what_was_trashed_long_ago_is_removed_with_all_its_versions(
        self, notes: Database, kinds: Kinds, write: Write, change: Change, throw_away: Any, shift: Any, sql: Sql
    ) -> None:
        old, fresh, alive = await write("old"), await write("fresh"), await write("alive")
        await change(old.id, stars=1)
        await throw_away(old)
        await shift(31)
        await throw_away(fresh)
        before = datetime.now(UTC) - timedelta(days=30)
        assert await purge.purge(notes, kinds, before=before) == 1
        left = {row.id for row in await sql("SELECT id FROM platform.item")}
        assert left == {fresh.id, alive.id}
        assert await numbers(sql, old.id) == []
        assert {row.id for row in await sql("SELECT id FROM notes.note")} == left
        (event,) = await sql("SELECT * FROM platform.event WHERE name = 'item.purged'")
        assert (event.item_id, event.kind, event.version, event.owner_id) == (old.id, "note", 3, ANA)
        assert event.payload == {"item_id": str(old.id), "kind": "note"}
        async with notes.reading() as session:
            assert await asof.whole_since(session, ANA) is not None
        assert await purge.purge(notes, kinds, before=before) == 0

    async def test_a_tree_goes_from_its_leaves_up(
        self,
        notes: Database,
        kinds: Kinds,
        write: Write,
        notebook: Write,
        throw_away: Any,
        shift: Any,
        sql: Sql,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(purge, "BATCH", 2)
        outer = await notebook("outer")
        inner = await notebook("inner", parent=outer.id)
        outside = await notebook("outside")
        for number in range(5):
            await write(f"{number}", parent=inner.id)
            await write(f"{number}", parent=outer.id)
        elsewhere = await write("elsewhere", parent=outside.id)
        await throw_away(outer, NOTEBOOK)
        await shift(31)
        assert await purge.purge(notes, kinds, before=datetime.now(UTC) - timedelta(days=30)) == 12
        assert {row.id for row in await sql("SELECT id FROM platform.item")} == {outside.id, elsewhere.id}
        order = await sql("SELECT item_id FROM platform.event WHERE name = 'item.purged' ORDER BY xid, seq")
        assert order[-1].item_id == outer.id

    async def test_a_tree_with_a_version_to_be_kept_stays(
        self, notes: Database, kinds: Kinds, write: Write, notebook: Write, throw_away: Any, shift: Any, sql: Sql
    ) -> None:
        book = await notebook("book")
        note = await write("a", parent=book.id)
        await sql("UPDATE platform.version SET kept = true WHERE item_id = :id RETURNING 1", id=note.id)
        await throw_away(book, NOTEBOOK)
        await shift(31)
        assert await purge.purge(notes, kinds, before=datetime.now(UTC) - timedelta(days=30)) == 0
        assert len(await sql("SELECT id FROM platform.item")) == 2

    async def test_a_tree_of_an_app_that_is_not_served_here_stays(
        self, notes: Database, write: Write, throw_away: Any, shift: Any, sql: Sql
    ) -> None:
        await throw_away(await write("a"))
        await shift(31)
        assert await purge.purge(notes, Kinds([]), before=datetime.now(UTC) - timedelta(days=30)) == 0

    async def test_what_was_restored_meanwhile_stays(
        self, notes: Database, kinds: Kinds, write: Write, notebook: Write, throw_away: Any, shift: Any, sql: Sql
    ) -> None:
        book = await notebook("book")
        await write("a", parent=book.id)
        await throw_away(book, NOTEBOOK)
        await shift(31)
        before = datetime.now(UTC) - timedelta(days=30)
        async with notes.writing() as session:
            locked = await record.lock(session, NOTEBOOK, book.id)
            assert locked is not None
            await trash.restore(
                session, NOTEBOOK, locked, fact=NoteWritten(), by=ANA, numbered=lambda name, number: f"{name} {number}"
            )
        assert await purge.purge_tree(notes, kinds, book.id, before=before) == 0
        assert len(await sql("SELECT id FROM platform.item")) == 2


class TestSchedules:
    """Each schedule of the platform does its work when it is delivered."""

    @pytest.fixture
    def run(self, notes: Database, kinds: Kinds) -> Any:
        from commonplace.platform.events.settings import EventsSettings

        parts = Parts()
        for part in (notes, kinds, HistorySettings(), EventsSettings()):
            parts.add(part)

        async def deliver(name: str) -> None:
            (schedule,) = [one for one in housekeeping.app.schedules if one.name == name]
            context: Any = Context(parts, None)  # type: ignore[arg-type]
            await load(schedule.handler)(ScheduleTick(schedule=f"platform.{name}", tick=NOW), context)

        return deliver

    def test_all_of_them_can_be_loaded(self) -> None:
        for schedule in housekeeping.app.schedules:
            assert callable(load(schedule.handler))

    async def test_the_trash_and_versions_follow_the_settings(
        self, run: Any, write: Write, change: Change, sql: Sql, shift: Any
    ) -> None:
        gone, changed = await write("gone"), await write("changed")
        await change(gone.id, item={"trashed_at": datetime.now(UTC)})
        await change(changed.id, stars=1)
        await shift(29)
        await run("purge_trash")
        assert len(await sql("SELECT id FROM platform.item")) == 2
        await shift(2)
        await run("purge_trash")
        assert len(await sql("SELECT id FROM platform.item")) == 1
        await run("drop_versions")
        assert await numbers(sql, changed.id) == [1, 2]
        await shift(365)
        await run("drop_versions")
        assert await numbers(sql, changed.id) == [2]

    async def test_moments_are_thinned(self, run: Any, sql: Sql) -> None:
        await sql("""
            INSERT INTO platform.moment (at, epoch, snapshot)
            SELECT date_trunc('minute', clock_timestamp()) - ago + second * interval '1 second',
                1, pg_current_snapshot()
            FROM unnest(ARRAY[interval '1 hour', interval '2 days', interval '400 days']) AS ago,
                generate_series(0, 119, 10) AS second
            RETURNING 1
        """)
        await run("thin_moments")
        counts = await sql("""
            SELECT date_trunc('minute', at) AS minute, count(*) AS number, max(extract(second FROM at)) AS last
            FROM platform.moment GROUP BY 1 ORDER BY 1
        """)
        assert [(row.number, row.last) for row in counts] == [(1, 50), (1, 50), (6, 50), (6, 50)]

    async def test_keys_are_forgotten_after_a_day(self, run: Any, sql: Sql) -> None:
        await sql("""
            INSERT INTO platform.idempotency (caller_id, key, operation, created_at)
            SELECT CAST('00000000-0000-0000-0000-000000000001' AS uuid), 'key ' || hours, 'POST /', clock_timestamp()
                - hours * interval '1 hour'
            FROM unnest(ARRAY[1, 23, 25]) AS hours RETURNING 1
        """)
        await run("forget_keys")
        assert {row.key for row in await sql("SELECT key FROM platform.idempotency")} == {"key 1", "key 23"}

    async def test_the_last_tick_of_a_schedule_is_never_forgotten(self, run: Any, sql: Sql) -> None:
        await sql("""
            INSERT INTO platform.schedule_tick (schedule, tick)
            SELECT schedule, clock_timestamp() - days * interval '1 day'
            FROM unnest(ARRAY['daily', 'daily', 'daily', 'yearly']) WITH ORDINALITY AS one (schedule, number)
            JOIN unnest(ARRAY[1, 9, 10, 300]) WITH ORDINALITY AS other (days, number) USING (number) RETURNING 1
        """)
        await run("forget_ticks")
        left = await sql("SELECT schedule, count(*) AS number FROM platform.schedule_tick GROUP BY 1 ORDER BY 1")
        assert [(row.schedule, row.number) for row in left] == [("daily", 1), ("yearly", 1)]

    async def test_the_log_s_months_are_made(self, run: Any, sql: Sql) -> None:
        await run("keep_log")
        months = await sql("SELECT relname FROM pg_class WHERE relname ~ '^event_[0-9]' AND relkind = 'r'")
        assert len(months) == 3
