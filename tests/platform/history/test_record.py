"""The one statement that writes the record."""

import asyncio
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest

from commonplace.platform.database.ids import new_id
from commonplace.platform.database.session import Database
from commonplace.platform.history import record
from commonplace.platform.history.kind import Kind, NoWayForward
from commonplace.platform.history.record import Changed, NameTaken, NewItem, NewObject, StaleVersion
from tests.platform.history.conftest import ANA, BEN, Change, Sql, Write
from tests.platform.history.notes import NOTE, Note, NoteWritten

pytestmark = pytest.mark.anyio


def new_note(title: str, *, key: str | None = None, content: NewObject | None = None) -> NewItem:
    item = NewItem(
        id=new_id(),
        owner_id=ANA,
        parent_id=None,
        title=title,
        name_key=key,
        values={"body": title, "stars": 1} if content else {"body": title, "stars": 1, "object_id": None},
        fact=NoteWritten(),
    )
    return {**item, "object": content} if content else item


def new_object(sha256: str) -> NewObject:
    return NewObject(id=new_id(), key=f"files/{new_id()}", sha256=sha256 * 64, size_bytes=3)


class TestCreating:
    async def test_row_item_version_and_event_are_written_together(self, write: Write, sql: Sql) -> None:
        note = await write("a", body="text")
        assert (note.title, note.body, note.version, note.owner_id) == ("a", "text", 1, ANA)
        (version,) = await sql("SELECT * FROM platform.version")
        assert version.state == {"body": "text", "stars": 0, "object_id": None}
        assert (version.valid_from, version.valid_until, version.schema) == (note.created_at, None, 2)
        (event,) = await sql("SELECT * FROM platform.event")
        assert (event.name, event.item_id, event.version, event.by) == ("note.written", note.id, 1, ANA)
        assert (event.xid, event.epoch) == (version.xid, version.epoch)

    async def test_nothing_of_it_remains_when_the_transaction_fails(self, notes: Database, sql: Sql) -> None:
        with pytest.raises(RuntimeError):
            async with notes.writing() as session:
                await record.create_many(session, NOTE, [new_note("a"), new_note("b")], by=ANA)
                raise RuntimeError
        for table in ("platform.item", "platform.version", "platform.event", "notes.note"):
            assert not await sql(f"SELECT * FROM {table}")

    async def test_a_taken_name_leaves_the_transaction_usable(self, notes: Database, write: Write, sql: Sql) -> None:
        await write("a")
        async with notes.writing() as session:
            with pytest.raises(NameTaken, match="“a”"):
                await record.create_many(session, NOTE, [new_note("a", key="a")], by=ANA)
            made = await record.create_where_free(
                session, NOTE, [new_note("a", key="a"), new_note("b", key="b"), new_note("b again", key="b")], by=ANA
            )
            assert len(made) == 1
        assert [row.title for row in await sql("SELECT title FROM platform.item ORDER BY title")] == [
            "a",
            made[0].title,
        ]

    async def test_without_a_name_key_names_are_no_matter(self, notes: Database) -> None:
        async with notes.writing() as session:
            assert len(await record.create_many(session, NOTE, [new_note("a"), new_note("a")], by=ANA)) == 2

    async def test_an_expression_comes_back_with_the_row(self, notes: Database) -> None:
        async with notes.writing() as session:
            (row,) = await record.create_many(
                session, NOTE, [new_note("a")], by=ANA, returning="item.title || ': ' || app.stars"
            )
            assert row.returned == "a: 1"

    async def test_an_object_is_registered_once_for_its_owner(self, notes: Database, sql: Sql) -> None:
        first, second, other = new_object("a"), new_object("a"), new_object("b")
        items = [new_note("1", content=first), new_note("2", content=second), new_note("3", content=other)]
        async with notes.writing() as session:
            rows = {row.title: row for row in await record.create_many(session, NOTE, items, by=ANA)}
        assert rows["1"].object_id == rows["2"].object_id != rows["3"].object_id
        assert rows["1"].object_key == rows["2"].object_key
        assert rows["1"].object_key in {first["key"], second["key"]}
        third = new_object("a")
        async with notes.writing() as session:
            (row,) = await record.create_many(session, NOTE, [new_note("4", content=third)], by=ANA)
        assert (row.object_id, row.object_key) == (rows["1"].object_id, rows["1"].object_key)
        assert len(await sql("SELECT * FROM platform.object")) == 2

    async def test_what_was_not_made_registers_no_object(self, notes: Database, write: Write, sql: Sql) -> None:
        await write("a")
        async with notes.writing() as session:
            items = [new_note("a", key="a", content=new_object("a"))]
            assert not await record.create_where_free(session, NOTE, items, by=ANA)
        assert not await sql("SELECT * FROM platform.object")


class TestChanging:
    async def test_versions_follow_each_other_without_a_gap(self, write: Write, change: Change, sql: Sql) -> None:
        note = await write("a", body="1")
        for number in range(2, 6):
            assert (await change(note.id, body=str(number))).version == number
        versions = await sql("SELECT * FROM platform.version ORDER BY version")
        assert [version.state["body"] for version in versions] == ["1", "2", "3", "4", "5"]
        for before, after in pairwise(versions):
            assert before.valid_until == after.valid_from > before.valid_from
        assert versions[-1].valid_until is None

    async def test_an_expected_version_must_be_the_stored_one(self, notes: Database, write: Write) -> None:
        note = await write("a")
        async with notes.writing() as session:
            locked = await record.lock(session, NOTE, note.id)
            assert locked is not None
            with pytest.raises(StaleVersion) as caught:
                await record.change(session, NOTE, locked, fact=NoteWritten(), by=ANA, expected=7)
            assert caught.value.extensions == {"expected_version": 7, "actual_version": 1}

    async def test_a_taken_name_is_refused(self, write: Write, change: Change) -> None:
        await write("a")
        other = await write("b")
        with pytest.raises(NameTaken, match="“a”"):
            await change(other.id, item={"title": "a", "name_key": "a"})

    async def test_changes_at_once_are_one_after_the_other(self, write: Write, change: Change, sql: Sql) -> None:
        note = await write("a")
        rows = await asyncio.gather(*(change(note.id, stars=number) for number in range(10)))
        assert sorted(row.version for row in rows) == list(range(2, 12))
        assert len(await sql("SELECT * FROM platform.event")) == 11

    async def test_a_version_is_later_than_its_predecessor_though_the_clock_stands(
        self, write: Write, change: Change, sql: Sql
    ) -> None:
        note = await write("a")
        ahead = note.created_at + timedelta(days=1)
        await sql("UPDATE platform.version SET valid_from = :ahead RETURNING 1", ahead=ahead)
        await sql("UPDATE platform.item SET updated_at = :ahead RETURNING 1", ahead=ahead)
        assert (await change(note.id, stars=1)).updated_at == ahead + timedelta(microseconds=1)

    async def test_what_was_not_locked_cannot_be_changed(self, notes: Database, write: Write, change: Change) -> None:
        note = await write("a")
        await change(note.id, stars=1)
        async with notes.writing() as session:
            with pytest.raises(LookupError, match="not locked"):
                await record.change(session, NOTE, note, fact=NoteWritten(), by=ANA)


class TestLocking:
    async def test_tells_whether_something_above_is_in_the_trash(
        self, notes: Database, write: Write, notebook: Write, change: Change
    ) -> None:
        from tests.platform.history.notes import NOTEBOOK

        outer = await notebook("outer")
        inner = await notebook("inner", parent=outer.id)
        note = await write("a", parent=inner.id)

        async def is_hidden() -> Any:
            async with notes.writing() as session:
                locked = await record.lock(session, NOTE, note.id)
                assert locked is not None
                return locked.is_hidden

        assert await is_hidden() is False
        await change(outer.id, kind=NOTEBOOK, item={"trashed_at": outer.created_at})
        assert await is_hidden() is True

    async def test_finds_nothing_of_another_kind(self, notes: Database, notebook: Write) -> None:
        book = await notebook("a")
        async with notes.writing() as session:
            assert await record.lock(session, NOTE, book.id) is None
            assert await record.lock(session, NOTE, UUID(int=9)) is None


class TestKinds:
    def test_a_table_must_not_repeat_what_stands_in_the_item(self) -> None:
        from sqlmodel import Field, SQLModel

        class Titled(SQLModel, table=True):
            __tablename__ = "titled"
            id: UUID = Field(primary_key=True)
            title: str

        with pytest.raises(TypeError, match="repeats title"):
            Kind(name="titled", table=Titled)

    def test_a_state_without_a_way_forward_is_refused(self) -> None:
        kind = Kind(name="note", table=Note, schema=3, upgrades={1: lambda state: state})
        with pytest.raises(NoWayForward, match="from schema 2"):
            kind.current_state({}, 1)


async def test_people_do_not_share_names(write: Write) -> None:
    await write("a")
    await write("a", owner=BEN)


class TestChangingMany:
    async def test_each_gets_its_version_and_its_event(self, notes: Database, write: Write, sql: Sql) -> None:
        made = [await write(name) for name in ("a", "b", "c")]
        async with notes.writing() as session:
            locked = await record.lock_many(session, NOTE, [note.id for note in made])
            assert [row.id for row in locked] == sorted(note.id for note in made)
            first, second, third = locked
            changes = [
                Changed(first, {"stars": 1}, {}, NoteWritten()),
                Changed(second, {"stars": 2}, {}, NoteWritten()),
                Changed(third, {"body": "text"}, {"title": "z", "name_key": "z"}, NoteWritten()),
            ]
            await record.change_many(session, NOTE, changes, by=BEN)
        rows = await sql("SELECT item.title, item.version, note.* FROM platform.item JOIN notes.note USING (id)")
        by_id = {row.id: (row.title, row.body, row.stars, row.version) for row in rows}
        assert by_id == {
            first.id: (first.title, "", 1, 2),
            second.id: (second.title, "", 2, 2),
            third.id: ("z", "text", 0, 2),
        }
        assert len(await sql("SELECT FROM platform.event WHERE version = 2 AND by = :by", by=BEN)) == 3

    async def test_none_is_changed_where_one_name_is_taken(self, notes: Database, write: Write, sql: Sql) -> None:
        made = [await write(name) for name in ("a", "b")]
        with pytest.raises(NameTaken):
            async with notes.writing() as session:
                locked = await record.lock_many(session, NOTE, [note.id for note in made])
                changes = [Changed(row, {}, {"title": "c", "name_key": "c"}, NoteWritten()) for row in locked]
                await record.change_many(session, NOTE, changes, by=ANA)
        assert {row.title for row in await sql("SELECT title FROM platform.item")} == {"a", "b"}

    async def test_one_who_waited_for_the_lock_reads_what_was_written_meanwhile(
        self, notes: Database, write: Write
    ) -> None:
        note = await write("a", body="old")

        async def read_locked() -> Any:
            async with notes.writing() as session:
                return await record.lock(session, NOTE, note.id)

        async with notes.writing() as session:
            locked = await record.lock(session, NOTE, note.id)
            assert locked is not None
            waiting = asyncio.create_task(read_locked())
            await asyncio.sleep(0.2)
            assert not waiting.done()
            await record.change(session, NOTE, locked, values={"body": "new"}, fact=NoteWritten(), by=ANA)
        seen = await waiting
        assert (seen.version, seen.body) == (2, "new")
