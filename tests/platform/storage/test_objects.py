"""The registry of objects: one row for the same bytes of one owner, and locks against the sweep."""

import asyncio
from hashlib import sha256
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import dialect

from commonplace.platform.database.session import Database
from commonplace.platform.storage.errors import ContentGone
from commonplace.platform.storage.models import StoredObject
from commonplace.platform.storage.objects import ObjectUse, ObjectUses, RegisteredObject, reference, register
from commonplace.platform.storage.protocol import Stored

pytestmark = pytest.mark.anyio

OWNER = UUID(int=1)


def stored(content: bytes = b"bytes", key: str | None = None) -> Stored:
    return Stored(key or f"files/{uuid4()}", len(content), sha256(content).digest())


async def registered(database: Database, what: Stored, owner_id: UUID = OWNER) -> RegisteredObject:
    async with database.writing() as session:
        return await register(session, owner_id, what)


async def number(database: Database) -> int:
    async with database.reading() as session:
        count: int = await session.scalar(text("SELECT count(*) FROM platform.object"))
    return count


async def test_bytes_become_an_object_of_their_owner(database: Database) -> None:
    what = stored(b"12345")
    made = await registered(database, what)
    assert (made.owner_id, made.key, made.size_bytes, made.is_duplicate) == (OWNER, what.key, 5, False)
    async with database.writing() as session:
        row = await reference(session, made.id)
    assert (row.id, row.key, row.sha256, row.size_bytes) == (made.id, what.key, what.sha256, 5)


async def test_the_same_bytes_of_the_same_owner_are_one_object(database: Database) -> None:
    first = await registered(database, stored())
    second = await registered(database, stored())
    assert second.is_duplicate
    assert (second.id, second.key) == (first.id, first.key)
    assert await number(database) == 1


async def test_the_same_bytes_of_others_are_objects_of_their_own(database: Database) -> None:
    first = await registered(database, stored())
    second = await registered(database, stored(), UUID(int=2))
    assert not second.is_duplicate
    assert first.id != second.id


async def test_of_several_at_once_one_makes_the_object(database: Database) -> None:
    made = await asyncio.gather(*(registered(database, stored()) for _ in range(5)))
    assert len({one.id for one in made}) == 1
    assert sorted(one.is_duplicate for one in made) == [False, True, True, True, True]


async def test_a_transaction_that_is_rolled_back_leaves_no_row(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.writing() as session:
            await register(session, OWNER, stored())
            raise ZeroDivisionError
    assert await number(database) == 0


async def test_what_is_gone_cannot_be_referred_to(database: Database) -> None:
    async with database.writing() as session:
        with pytest.raises(ContentGone) as gone:
            await reference(session, uuid4())
    assert gone.value.status == 410


@pytest.mark.parametrize("way", ["register", "reference"])
async def test_an_object_cannot_be_removed_while_somebody_is_about_to_point_to_it(database: Database, way: str) -> None:
    what = stored()
    made = await registered(database, what)
    async with database.writing() as session:
        if way == "register":
            await register(session, OWNER, stored())
        else:
            await reference(session, made.id)
        async with database.writing() as sweep:
            free = await sweep.all(text("SELECT id FROM platform.object FOR UPDATE SKIP LOCKED"))
    assert free == []


async def test_two_may_refer_to_an_object_at_once(database: Database) -> None:
    made = await registered(database, stored())
    async with database.writing() as one, database.writing() as other:
        assert (await reference(one, made.id)).id == (await reference(other, made.id)).id


async def test_who_refers_to_an_object_that_is_being_removed_is_told(database: Database) -> None:
    made = await registered(database, stored())

    async def refer() -> None:
        async with database.writing() as session:
            await reference(session, made.id)

    async with database.writing() as sweep:
        await sweep.execute(text("DELETE FROM platform.object"))
        late = asyncio.create_task(refer())
        async with database.reading() as session, asyncio.timeout(10):
            waits = text("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
            while not await session.scalar(waits):
                await asyncio.sleep(0.01)
    with pytest.raises(ContentGone):
        await late


async def test_the_model_is_the_table(database: Database) -> None:
    columns = text("""
        SELECT column_name, data_type || coalesce(' collate "' || collation_name || '"', '') AS type, is_nullable
        FROM information_schema.columns WHERE table_schema = 'platform' AND table_name = 'object'
    """)
    async with database.reading() as session:
        migrated = {(row.column_name, row.type, row.is_nullable == "YES") for row in await session.all(columns)}
    model = {
        (column.name, column.type.compile(dialect=dialect()).lower(), bool(column.nullable))  # type: ignore[no-untyped-call]
        for column in StoredObject.__table__.columns  # type: ignore[attr-defined]
    }
    assert {(name, kind.replace('"c"', '"C"'), nullable) for name, kind, nullable in model} == migrated


def test_without_a_use_nothing_can_be_swept() -> None:
    with pytest.raises(ValueError, match="every object"):
        ObjectUses([], apps=[])
    with pytest.raises(ValueError, match="every object"):
        ObjectUses([ObjectUse(name="keys only", keys="SELECT 1")], apps=[])
