"""Versions: listed, read, put back."""

import pytest

from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database
from commonplace.platform.history import record, versions
from commonplace.platform.history.record import StaleVersion
from commonplace.platform.history.versions import VersionNotFound
from tests.platform.history.conftest import ANA, Change, Sql, Write
from tests.platform.history.notes import NOTE, NoteWritten

pytestmark = pytest.mark.anyio


async def restore(database: Database, note: Row, number: int, expected: int | None = None) -> Row:
    async with database.writing() as session:
        locked = await record.lock(session, NOTE, note.id)
        assert locked is not None
        return await versions.restore_version(
            session, NOTE, locked, number, fact=lambda _: NoteWritten(what="restored"), by=ANA, expected=expected
        )


class TestListing:
    async def test_the_newest_comes_first_and_pages_meet(self, notes: Database, write: Write, change: Change) -> None:
        note = await write("a", body="1")
        for number in range(2, 6):
            await change(note.id, body=str(number))
        async with notes.reading() as session:
            everything = await versions.list_versions(session, NOTE, note.id, limit=9)
            first = await versions.list_versions(session, NOTE, note.id, limit=2)
            rest = await versions.list_versions(session, NOTE, note.id, limit=9, before=first[-1].row.version)
        assert [version.state["body"] for version in everything] == ["5", "4", "3", "2", "1"]
        assert [v.row.version for v in (*first, *rest)] == [5, 4, 3, 2, 1]

    async def test_a_state_of_an_earlier_release_is_read_in_the_present_shape(
        self, notes: Database, write: Write, change: Change, sql: Sql
    ) -> None:
        note = await write("a", body="old")
        await change(note.id, body="new", stars=5)
        await sql("""
            UPDATE platform.version SET schema = 1, state = '{"text": "old"}' WHERE version = 1 RETURNING 1
        """)
        async with notes.reading() as session:
            version = await versions.read_version(session, NOTE, note.id, 1)
        assert version.state == {"body": "old", "stars": 0, "object_id": None}
        restored = await restore(notes, note, 1)
        assert (restored.body, restored.stars, restored.version) == ("old", 0, 3)


class TestRestoring:
    async def test_makes_a_new_version_of_content_and_title_and_leaves_the_place(
        self, notes: Database, write: Write, notebook: Write, change: Change, sql: Sql
    ) -> None:
        book = await notebook("book")
        note = await write("before", body="before")
        await change(note.id, body="after", item={"title": "after", "name_key": "after", "parent_id": book.id})
        restored = await restore(notes, note, 1)
        assert (restored.title, restored.name_key, restored.body) == ("before", "before", "before")
        assert (restored.parent_id, restored.version) == (book.id, 3)
        events = await sql("SELECT payload FROM platform.event WHERE version = 3")
        assert events[0].payload == {"what": "restored"}

    async def test_keeps_the_title_where_another_has_it_by_now(
        self, notes: Database, write: Write, change: Change
    ) -> None:
        note = await write("a", body="1")
        await change(note.id, body="2", item={"title": "b", "name_key": "b"})
        await write("a")
        restored = await restore(notes, note, 1)
        assert (restored.title, restored.body) == ("b", "1")

    async def test_does_not_bring_back_from_the_trash_nor_into_it(
        self, notes: Database, write: Write, change: Change
    ) -> None:
        note = await write("a", body="1")
        await change(note.id, item={"trashed_at": note.created_at})
        await change(note.id, body="3", item={"trashed_at": None})
        restored = await restore(notes, note, 2)
        assert (restored.trashed_at, restored.body) == (None, "1")

    async def test_refuses_what_is_not_there_or_not_expected(self, notes: Database, write: Write) -> None:
        note = await write("a")
        with pytest.raises(VersionNotFound):
            await restore(notes, note, 2)
        with pytest.raises(StaleVersion):
            await restore(notes, note, 1, expected=3)
        async with notes.reading() as session:
            with pytest.raises(VersionNotFound):
                await versions.read_version(session, NOTE, note.id, 0)
