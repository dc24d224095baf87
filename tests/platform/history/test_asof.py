"""The past as it was: what is shown as of a time is what was there then."""

from datetime import timedelta
from uuid import UUID

import pytest

from commonplace.platform.database.session import Database
from commonplace.platform.history import asof, record
from commonplace.platform.history.asof import Moment, NotKept
from tests.platform.history.conftest import ANA, BEN, Change, Now, Sql, Write
from tests.platform.history.notes import NOTE, NOTEBOOK, NoteWritten

pytestmark = pytest.mark.anyio


async def then(database: Database, moment: Moment, parent: UUID | None = None, limit: int = 100) -> list[str]:
    """The notes in a place, as title and body."""
    found: list[str] = []
    after: tuple[str, UUID] | None = None
    async with database.reading() as session:
        while True:
            page = await asof.children_as_of(session, NOTE, ANA, parent, moment, limit=limit, after=after)
            found += [f"{state.title}={state.state['body']}" for state in page]
            if len(page) < limit:
                return found
            after = (page[-1].title, page[-1].item_id)


class TestOneItem:
    async def test_is_as_it_was(self, notes: Database, write: Write, change: Change, now: Now) -> None:
        before = await now()
        note = await write("a", body="1")
        first = await now()
        await change(note.id, body="2", item={"title": "b", "name_key": "b"})
        second = await now()
        async with notes.reading() as session:
            assert await asof.item_as_of(session, NOTE, note.id, before) is None
            one = await asof.item_as_of(session, NOTE, note.id, first)
            two = await asof.item_as_of(session, NOTE, note.id, second)
        assert one is not None
        assert two is not None
        assert (one.version, one.title, one.state["body"]) == (1, "a", "1")
        assert (two.version, two.title, two.state["body"]) == (2, "b", "2")

    async def test_what_had_not_committed_had_not_happened(self, notes: Database, write: Write, now: Now) -> None:
        """Though its version's time is earlier than the moment's."""
        note = await write("a", body="1")
        async with notes.writing() as session:
            locked = await record.lock(session, NOTE, note.id)
            assert locked is not None
            await record.change(session, NOTE, locked, values={"body": "2"}, fact=NoteWritten(), by=ANA)
            moment = await now()
        async with notes.reading() as session:
            state = await asof.item_as_of(session, NOTE, note.id, moment)
        assert state is not None
        assert state.state["body"] == "1"
        assert await then(notes, moment) == ["a=1"]
        assert await then(notes, await now()) == ["a=2"]

    async def test_a_dropped_version_is_not_replaced_by_another(
        self, notes: Database, write: Write, change: Change, now: Now, sql: Sql
    ) -> None:
        note = await write("a", body="1")
        first = await now()
        await change(note.id, body="2")
        second = await now()
        await change(note.id, body="3")
        third = await now()
        await sql("DELETE FROM platform.version WHERE version = 2 RETURNING 1")
        async with notes.reading() as session:
            assert (await asof.item_as_of(session, NOTE, note.id, first)) is not None
            with pytest.raises(NotKept):
                await asof.item_as_of(session, NOTE, note.id, second)
            assert (await asof.item_as_of(session, NOTE, note.id, third)) is not None
        assert (await then(notes, first), await then(notes, second), await then(notes, third)) == (["a=1"], [], ["a=3"])
        await sql("DELETE FROM platform.version WHERE version = 1 RETURNING 1")
        async with notes.reading() as session:
            with pytest.raises(NotKept):
                await asof.item_as_of(session, NOTE, note.id, first)


class TestAContainer:
    async def test_holds_what_it_held(
        self, notes: Database, write: Write, notebook: Write, change: Change, now: Now
    ) -> None:
        book = await notebook("book")
        seen: list[tuple[Moment, UUID | None, list[str]]] = []

        async def look(expected: list[str], parent: UUID | None) -> None:
            seen.append((await now(), parent, expected))

        await look([], book.id)
        a = await write("a", body="1", parent=book.id)
        await look(["a=1"], book.id)
        b = await write("b", body="1")
        await look(["b=1"], None)
        await change(b.id, item={"parent_id": book.id})
        await look(["a=1", "b=1"], book.id)
        await look([], None)
        await change(a.id, item={"trashed_at": a.created_at})
        await look(["b=1"], book.id)
        await change(a.id, body="2", item={"trashed_at": None, "title": "z", "name_key": "z"})
        await look(["b=1", "z=2"], book.id)
        await write("of somebody else", owner=BEN)
        for moment, parent, expected in seen:
            assert await then(notes, moment, parent) == expected
            assert await then(notes, moment, parent, limit=1) == expected

    async def test_the_trash_of_a_container_is_its_own_version(
        self, notes: Database, notebook: Write, change: Change, now: Now
    ) -> None:
        book = await notebook("book")
        before = await now()
        await change(book.id, kind=NOTEBOOK, item={"trashed_at": book.created_at})
        after = await now()
        async with notes.reading() as session:
            then_, later = [await asof.item_as_of(session, NOTEBOOK, book.id, moment) for moment in (before, after)]
        assert then_ is not None
        assert later is not None
        assert (then_.trashed_at, later.trashed_at) == (None, book.created_at)


class TestMoments:
    async def test_a_time_means_the_last_moment_before_it(self, notes: Database, now: Now) -> None:
        first, second = await now(), await now()
        async with notes.reading() as session:
            assert await asof.moment_at(session, second.at) == second
            assert await asof.moment_at(session, second.at - timedelta(microseconds=1)) == first
            assert await asof.moment_at(session, second.at + timedelta(days=9)) == second
            with pytest.raises(NotKept, match="Nothing is kept"):
                await asof.moment_at(session, first.at - timedelta(microseconds=1))

    async def test_what_an_earlier_life_of_the_database_wrote_is_seen(
        self, notes: Database, write: Write, change: Change, now: Now, sql: Sql
    ) -> None:
        """Transaction ids begin anew after a restore: the epoch tells the lives apart."""
        note = await write("a", body="1")
        await sql("UPDATE platform.version SET xid = '999999999999' RETURNING 1")
        await sql("UPDATE platform.epoch SET current = current + 1 RETURNING 1")
        moment = await now()
        assert await then(notes, moment) == ["a=1"]
        await change(note.id, body="2")
        assert await then(notes, moment) == ["a=1"]
        assert await then(notes, await now()) == ["a=2"]
