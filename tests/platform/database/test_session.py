"""Sessions: what is committed, what is not, and what happens when the server goes away."""

import asyncio

import asyncpg
import pytest
from sqlalchemy import bindparam, column, select, table, text

from commonplace.platform.database.address import Address
from commonplace.platform.database.errors import DatabaseBusy, DatabaseUnavailable, StatementTooLong
from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database, TransactionAborted
from commonplace.platform.database.settings import DatabaseSettings

pytestmark = pytest.mark.anyio

NUMBERS = table("number", column("value"), schema="test")
INSERT = Query(NUMBERS.insert().values(value=bindparam("value")))
ALL = Query(select(NUMBERS.c.value).order_by(NUMBERS.c.value))


@pytest.fixture
async def numbers(database: Database) -> Database:
    async with database.writing() as session:
        await session.execute(text("CREATE SCHEMA test"))
        await session.execute(text("CREATE TABLE test.number (value integer PRIMARY KEY)"))
    return database


async def values(database: Database) -> list[int]:
    async with database.reading() as session:
        return [row.value for row in await session.all(ALL)]


async def test_what_a_block_wrote_is_committed_when_it_ends(numbers: Database) -> None:
    async with numbers.writing() as session:
        assert await session.execute(INSERT, value=1) == 1
        assert await values(numbers) == []
    assert await values(numbers) == [1]


async def test_a_block_that_raises_leaves_no_trace(numbers: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with numbers.writing() as session:
            await session.execute(INSERT, value=1)
            _ = 1 / 0
    assert await values(numbers) == []


async def test_a_swallowed_error_is_not_taken_for_a_commit(numbers: Database) -> None:
    with pytest.raises(TransactionAborted):
        async with numbers.writing() as session:
            await session.execute(INSERT, value=1)
            with pytest.raises(asyncpg.UniqueViolationError):
                await session.execute(INSERT, value=1)
    assert await values(numbers) == []


async def test_a_missing_or_unknown_parameter_is_refused(numbers: Database) -> None:
    async with numbers.reading() as session:
        with pytest.raises(TypeError, match="value"):
            await session.execute(INSERT)
        with pytest.raises(TypeError, match="other"):
            await session.execute(INSERT, value=1, other=2)


async def test_waiting_for_a_connection_is_bounded(database_address: Address) -> None:
    database = Database(database_address, DatabaseSettings(pool_size=1, acquire_timeout_seconds=0.05))
    try:
        async with database.reading():
            with pytest.raises(DatabaseBusy, match=r"0\.05 s"):
                async with database.reading():
                    pass
        async with database.reading() as session:
            assert await session.scalar(text("SELECT 1")) == 1
    finally:
        await database.close()


async def test_a_pool_never_holds_more_than_its_size(database_address: Address) -> None:
    database = Database(database_address, DatabaseSettings(pool_size=3), name="counted")

    async def ask() -> int:
        async with database.reading() as session:
            count: int = await session.scalar(
                text("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'counted'")
            )
            return count

    try:
        assert max(await asyncio.gather(*(ask() for _ in range(50)))) <= 3
    finally:
        await database.close()


async def test_a_broken_connection_is_replaced(numbers: Database) -> None:
    async with numbers.reading() as victim:
        pid = await victim.scalar(text("SELECT pg_backend_pid()"))
        async with numbers.reading() as other:
            await other.scalar(text("SELECT pg_terminate_backend(CAST(:pid AS int))"), pid=pid)
        with pytest.raises(DatabaseUnavailable):
            for _ in range(20):
                await victim.scalar(text("SELECT pg_sleep(0.01)"))
    assert await values(numbers) == []


async def test_a_connection_that_ends_between_two_uses_leaves_room_for_another(
    database: Database, database_address: Address
) -> None:
    single = Database(database_address, DatabaseSettings(pool_size=1, acquire_timeout_seconds=5))
    backend = text("SELECT pg_backend_pid()")
    try:
        for _ in range(2):
            async with single.reading() as session:
                pid = await session.scalar(backend)
            async with single.reading() as session:
                assert await session.scalar(backend) == pid, "what nobody waits for is at hand for the next"
            async with database.reading() as other:
                await other.scalar(text("SELECT pg_terminate_backend(CAST(:pid AS int), 5000)"), pid=pid)
            await asyncio.sleep(0.05)
            async with single.reading() as session:
                assert await session.scalar(backend) != pid
    finally:
        await single.close()


async def test_a_transaction_that_somebody_left_open_reaches_nobody_else(database_address: Address) -> None:
    single = Database(database_address, DatabaseSettings(pool_size=1))
    try:
        async with single.reading() as session:
            await session.connection.execute("BEGIN")
            await session.connection.execute("CREATE TABLE left_open (value int)")
        async with single.reading() as session:
            assert await session.scalar(text("SELECT to_regclass('left_open')")) is None
    finally:
        await single.close()


async def test_a_connection_lost_inside_a_transaction_is_told_and_nothing_stays(numbers: Database) -> None:
    with pytest.raises(DatabaseUnavailable):
        async with numbers.writing() as session:
            await session.execute(INSERT, value=1)
            pid = await session.scalar(text("SELECT pg_backend_pid()"))
            async with numbers.reading() as other:
                await other.scalar(text("SELECT pg_terminate_backend(CAST(:pid AS int))"), pid=pid)
            await session.scalar(text("SELECT pg_sleep(0.05)"))
    assert await values(numbers) == []


async def test_a_statement_over_its_time_is_told_and_the_connection_lives(database_address: Address) -> None:
    database = Database(database_address, DatabaseSettings(statement_timeout_seconds=0.5))
    try:
        async with database.reading() as session:
            with pytest.raises(StatementTooLong):
                await session.scalar(text("SELECT pg_sleep(5)"))
            assert await session.scalar(text("SELECT 2")) == 2
    finally:
        await database.close()


async def test_an_unreachable_server_is_unavailable() -> None:
    nowhere = Address(host="127.0.0.1", port=1, user="nobody", database="none", sslmode="disable")
    database = Database(nowhere, DatabaseSettings())
    with pytest.raises(DatabaseUnavailable):
        async with database.reading():
            pass


async def test_a_long_answer_streams(numbers: Database) -> None:
    async with numbers.writing() as session:
        await session.execute(text("INSERT INTO test.number SELECT generate_series(1, 2000)"))
        assert sum([row.value async for row in session.stream(ALL, batch=100)]) == 2001000
