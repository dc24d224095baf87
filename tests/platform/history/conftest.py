"""Fixtures for history: notes, made and changed in one call; moments; a look at the record after each test."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from commonplace.platform.app import App
from commonplace.platform.database.address import Address
from commonplace.platform.database.ids import new_id
from commonplace.platform.database.query import Query
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database
from commonplace.platform.history import asof, record
from commonplace.platform.history.kinds import Kinds
from commonplace.platform.history.places import name_key
from commonplace.platform.history.record import ItemFields
from tests.platform.history.notes import NOTE, NOTEBOOK, TABLES, NoteWritten
from tests.record import assert_record_is_whole

ANA, BEN = UUID(int=1), UUID(int=2)

Write = Callable[..., Awaitable[Row]]
Change = Callable[..., Awaitable[Row]]
Now = Callable[[], Awaitable[asof.Moment]]
Sql = Callable[..., Awaitable[Any]]


@pytest.fixture
def database_address(cloned_database_address: Address) -> Address:
    """One that a test may alter: notes have tables."""
    return cloned_database_address


@pytest.fixture
def kinds() -> Kinds:
    references = ("tests.platform.history.notes:NOTE", "tests.platform.history.notes:NOTEBOOK")
    return Kinds([App(name="notes", title="Notes", kinds=references)])


@pytest.fixture
async def notes(database: Database, kinds: Kinds) -> AsyncIterator[Database]:
    """A database with the tables of notes; whatever a test does, its record is whole at the end."""
    async with database.writing() as session:
        for statement in TABLES.strip().split(";\n"):
            await session.execute(Query(text(statement.rstrip(";"))))
    yield database
    await assert_record_is_whole(database, kinds)


@pytest.fixture
def write(notes: Database) -> Write:
    """`await write("title", body="…", parent=…)`: a new note."""

    async def make(
        title: str, *, body: str = "", parent: UUID | None = None, owner: UUID = ANA, object_id: UUID | None = None
    ) -> Row:
        async with notes.writing() as session:
            return await record.create(
                session,
                NOTE,
                id=new_id(),
                owner_id=owner,
                parent_id=parent,
                title=title,
                name_key=name_key(title),
                values={"body": body, "stars": 0, "object_id": object_id},
                fact=NoteWritten(),
                by=owner,
            )

    return make


@pytest.fixture
def notebook(notes: Database) -> Write:
    """`await notebook("title", parent=…)`: a new notebook."""

    async def make(title: str, *, parent: UUID | None = None, owner: UUID = ANA) -> Row:
        async with notes.writing() as session:
            return await record.create(
                session,
                NOTEBOOK,
                id=new_id(),
                owner_id=owner,
                parent_id=parent,
                title=title,
                name_key=name_key(title),
                values={},
                fact=NoteWritten(),
                by=owner,
            )

    return make


@pytest.fixture
def change(notes: Database) -> Change:
    """`await change(note.id, body="…", item={…}, kind=…)`: its next version."""

    async def make(item_id: UUID, *, item: ItemFields | None = None, kind: Any = NOTE, **values: Any) -> Row:
        async with notes.writing() as session:
            locked = await record.lock(session, kind, item_id)
            assert locked is not None
            return await record.change(session, kind, locked, values=values, item=item, fact=NoteWritten(), by=ANA)

    return make


@pytest.fixture
def sql(notes: Database) -> Sql:
    """`await sql("SELECT …")`: the rows."""

    async def run(statement: str, **parameters: Any) -> Any:
        async with notes.writing() as session:
            return await session.all(Query(text(statement)), **parameters)

    return run


@pytest.fixture
def now(sql: Sql) -> Now:
    """Save a moment, as the dispatcher does each second, and return it."""

    async def save() -> asof.Moment:
        (row,) = await sql("""
            INSERT INTO platform.moment (at, epoch, snapshot)
            SELECT clock_timestamp(), current, pg_current_snapshot() FROM platform.epoch
            RETURNING at, epoch, CAST(snapshot AS text) AS snapshot
        """)
        return asof.Moment(at=row.at, epoch=row.epoch, snapshot=row.snapshot)

    return save
