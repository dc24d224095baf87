"""Statements as steps of a trace: each of them where tracing is on, at no cost where it is off."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from opentelemetry.trace import SpanKind, StatusCode
from sqlalchemy import text

from commonplace.platform.database.address import Address
from commonplace.platform.database.session import Database
from commonplace.platform.database.settings import DatabaseSettings
from commonplace.platform.telemetry.correlation import correlated
from tests.platform.telemetry.recorded import Recorded, facts, trace_id

pytestmark = pytest.mark.anyio

SECRET = "what-only-a-parameter-says"


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


@pytest.fixture
async def traced(database_address: Address, recorded: Recorded) -> AsyncIterator[Database]:
    database = Database(database_address, DatabaseSettings(), tracing=recorded.tracing)
    yield database
    await database.close()


async def test_each_statement_is_a_step_of_the_request(traced: Database, recorded: Recorded) -> None:
    with correlated() as identifier, recorded.tracing.span("GET /", kind="server"):
        async with traced.writing() as session:
            await session.execute(text("CREATE TEMPORARY TABLE word (word text)"))
            await session.execute(text("INSERT INTO word VALUES (CAST(:word AS text))"), word=SECRET)
            assert [row.word for row in await session.all(text("SELECT word FROM word"))] == [SECRET]
            assert await session.first(text("SELECT word FROM word WHERE word = :word"), word=SECRET)
            assert await session.scalar(text("SELECT count(*) FROM word")) == 1
    assert recorded.names == ["BEGIN", "CREATE", "INSERT", "SELECT", "SELECT", "SELECT", "COMMIT", "GET /"]
    *steps, request = recorded.spans
    assert {trace_id(step) for step in steps} == {identifier}
    assert {step.kind for step in steps} == {SpanKind.CLIENT}
    assert request.context is not None
    assert {step.parent.span_id for step in steps if step.parent is not None} == {request.context.span_id}
    assert facts(steps[2]) == {
        "db.system.name": "postgresql",
        "db.namespace": traced.address.database,
        "db.operation.name": "INSERT",
        "db.query.text": "INSERT INTO word VALUES (CAST($1 AS text))",
        "server.address": traced.address.host,
        "server.port": traced.address.port,
        "correlation_id": identifier,
    }


async def test_a_statement_that_fails_says_how_and_not_with_which_values(traced: Database, recorded: Recorded) -> None:
    with correlated(), pytest.raises(asyncpg.InvalidTextRepresentationError, match=SECRET):
        async with traced.reading() as session:
            await session.scalar(text("SELECT CAST(CAST(:word AS text) AS integer)"), word=SECRET)
    (failed,) = recorded.spans
    assert failed.status.status_code is StatusCode.ERROR
    assert facts(failed)["db.response.status_code"] == "22P02"
    assert facts(failed)["error.type"] == "InvalidTextRepresentationError"
    assert SECRET not in failed.to_json()


async def test_what_belongs_to_no_request_and_no_delivery_is_not_recorded(traced: Database, recorded: Recorded) -> None:
    async with traced.reading() as session:
        assert await session.scalar(text("SELECT 1")) == 1
    assert not recorded.spans


async def test_where_tracing_is_off_connections_are_the_driver_s_own(database: Database) -> None:
    async with database.reading() as session:
        assert type(session.connection._con) is asyncpg.Connection
