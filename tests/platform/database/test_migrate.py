"""Migrations: up and down on populated data, failures, two heads, and models that equal the schema."""

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel import SQLModel

from commonplace import application
from commonplace.platform.app import load
from commonplace.platform.database.address import Address
from commonplace.platform.database.migrate import migrate, sqlalchemy_url
from commonplace.platform.database.schema import MigrationRefused, is_current
from commonplace.settings import load_settings

pytestmark = pytest.mark.anyio

LOCATIONS = application.migration_locations(load_settings({}, env_file=None))


async def fetch(address: Address, statement: str, *values: Any) -> Any:
    connection = await asyncpg.connect(**address.driver_arguments())
    try:
        return await connection.fetch(statement, *values)
    finally:
        await connection.close()


async def schema_of(address: Address) -> list[tuple[Any, ...]]:
    rows = await fetch(
        address,
        "SELECT table_schema, table_name, column_name, data_type, is_nullable, column_default"
        " FROM information_schema.columns WHERE table_schema NOT IN ('pg_catalog', 'information_schema')"
        " AND table_name NOT IN ('alembic_version', 'schema_digest') ORDER BY 1, 2, 3",
    )
    return [tuple(row) for row in rows]


async def test_up_down_and_up_again_give_the_same_schema(empty_database: Address) -> None:
    await migrate(empty_database, LOCATIONS)
    first = await schema_of(empty_database)
    assert ("platform", "item") in {(row[0], row[1]) for row in first}
    await migrate(empty_database, LOCATIONS, target="base")
    assert await schema_of(empty_database) == []
    await migrate(empty_database, LOCATIONS)
    assert await schema_of(empty_database) == first


async def test_a_database_knows_whether_it_is_current(empty_database: Address, tmp_path: Path) -> None:
    assert not await is_current(empty_database, LOCATIONS)
    await migrate(empty_database, LOCATIONS)
    assert await is_current(empty_database, LOCATIONS)
    (tmp_path / "0001_more.py").write_text("")
    assert not await is_current(empty_database, [*LOCATIONS, tmp_path])


@pytest.mark.long
async def test_services_with_different_apps_agree_about_the_schema(empty_database: Address) -> None:
    """One process has `APPS` without tasks, the other with it; the database was migrated by either."""
    fewer = [location for location in LOCATIONS if location.parent.name != "tasks"]
    await migrate(empty_database, fewer)
    assert await is_current(empty_database, fewer)
    assert not await is_current(empty_database, LOCATIONS)
    await migrate(empty_database, LOCATIONS)
    await migrate(empty_database, fewer)
    assert await is_current(empty_database, LOCATIONS)
    assert await is_current(empty_database, fewer)


@pytest.mark.long
async def test_what_an_earlier_release_remembered_is_read_anew(empty_database: Address) -> None:
    await migrate(empty_database, LOCATIONS)
    await fetch(empty_database, "DROP TABLE platform.schema_digest")
    await fetch(empty_database, "CREATE TABLE platform.schema_digest AS SELECT 'of all branches' AS digest")
    assert not await is_current(empty_database, LOCATIONS)
    await migrate(empty_database, LOCATIONS)
    assert await is_current(empty_database, LOCATIONS)


def step(folder: Path, revision: str, down: str | None, body: str) -> None:
    (folder / f"{revision}.py").write_text(
        "from alembic import op\n"
        f"revision = {revision!r}\ndown_revision = {down!r}\n"
        f"branch_labels = {('extra',) if down is None else None!r}\ndepends_on = None\n"
        f"def upgrade():\n    {body}\n\ndef downgrade():\n    op.execute('SELECT 1')\n"
    )


async def test_a_failing_step_leaves_the_schema_and_the_data_as_they_were(
    empty_database: Address, tmp_path: Path
) -> None:
    await migrate(empty_database, LOCATIONS)
    await fetch(empty_database, "INSERT INTO platform.consumer VALUES ('kept', 1, '5', 6)")
    before = await schema_of(empty_database)
    step(tmp_path, "extra_1", None, "op.execute('CREATE SCHEMA extra')")
    step(tmp_path, "extra_2", "extra_1", "op.execute('CREATE TABLE extra.t (n int)'); op.execute('SELECT 1 / 0')")
    with pytest.raises(DBAPIError, match="division by zero"):
        await migrate(empty_database, [*LOCATIONS, tmp_path])
    assert await schema_of(empty_database) == before
    assert len(await fetch(empty_database, "SELECT FROM platform.consumer WHERE name = 'kept'")) == 1
    assert await is_current(empty_database, LOCATIONS)


@pytest.mark.long
async def test_the_branch_of_an_app_that_is_left_out_stays_as_it_is(empty_database: Address, tmp_path: Path) -> None:
    step(tmp_path, "extra_1", None, "op.execute('CREATE SCHEMA extra'); op.execute('CREATE TABLE extra.t (n int)')")
    await migrate(empty_database, [*LOCATIONS, tmp_path])
    everything = await schema_of(empty_database)
    await migrate(empty_database, LOCATIONS)
    assert await is_current(empty_database, LOCATIONS)
    step(tmp_path, "extra_2", "extra_1", "op.execute('ALTER TABLE extra.t ADD COLUMN m int')")
    assert await schema_of(empty_database) == everything
    await migrate(empty_database, [*LOCATIONS, tmp_path])
    assert await is_current(empty_database, [*LOCATIONS, tmp_path])
    assert await fetch(empty_database, "SELECT m FROM extra.t") == []


async def test_a_revision_of_a_later_release_is_refused(empty_database: Address, tmp_path: Path) -> None:
    step(tmp_path, "extra_1", None, "op.execute('CREATE SCHEMA extra')")
    await migrate(empty_database, [*LOCATIONS, tmp_path])
    await fetch(
        empty_database, "UPDATE platform.alembic_version SET version_num = 'extra_9' WHERE version_num = 'extra_1'"
    )
    with pytest.raises(MigrationRefused, match="extra_9"):
        await migrate(empty_database, [*LOCATIONS, tmp_path])


async def test_two_heads_in_a_branch_are_refused_and_named(empty_database: Address, tmp_path: Path) -> None:
    step(tmp_path, "extra_1", None, "op.execute('SELECT 1')")
    step(tmp_path, "extra_2a", "extra_1", "op.execute('SELECT 1')")
    step(tmp_path, "extra_2b", "extra_1", "op.execute('SELECT 1')")
    with pytest.raises(MigrationRefused, match=r"two heads.*down_revision"):
        await migrate(empty_database, [*LOCATIONS, tmp_path])
    assert await schema_of(empty_database) == []


@pytest.mark.long
async def test_processes_that_migrate_at_once_agree(empty_database: Address) -> None:
    await asyncio.gather(*(migrate(empty_database, LOCATIONS) for _ in range(3)))
    assert await is_current(empty_database, LOCATIONS)


@pytest.mark.filterwarnings("ignore:Did not recognize type:sqlalchemy.exc.SAWarning")
async def test_models_equal_the_migrated_schema(database_address: Address) -> None:
    apps = application.served_apps(load_settings({}, env_file=None))
    for kind in (kind for app in apps for kind in app.kinds):
        load(kind)
    schemas = {"platform", *(app.name for app in apps)}  # Tests before this one may have made apps of their own.
    engine = create_async_engine(
        sqlalchemy_url(database_address),
        poolclass=NullPool,
        connect_args={"host": database_address.host, "port": database_address.port},
    )
    async with engine.connect() as connection:
        differences = await connection.run_sync(_differences, schemas)
    await engine.dispose()
    assert differences == []


def _differences(connection: Connection, schemas: set[str]) -> list[Any]:
    modelled = [table for table in SQLModel.metadata.tables.values() if table.schema in schemas]
    metadata = MetaData()
    for table in modelled:
        table.to_metadata(metadata)
    metadata.reflect(connection, schema="platform", only=["object"])  # apps refer to it; it has no model itself

    def of_a_model(thing: Any, _name: str | None, kind: str, _is_reflected: bool, _compared: Any) -> bool:
        table = thing if kind == "table" else getattr(thing, "table", None)
        return table is None or (table.schema, table.name) in {(model.schema, model.name) for model in modelled}

    context = MigrationContext.configure(
        connection,
        opts={"include_schemas": True, "compare_type": True, "include_object": of_a_model},
    )
    assert modelled
    return list(compare_metadata(context, metadata))
