"""Bringing a database's schema to what this release needs, and back: Alembic, one branch an app.

All steps of one call run in one transaction, under a lock that lets one process migrate at a time: a step that fails
leaves the schema as it was before the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from commonplace.platform.database.address import Address
from commonplace.platform.database.schema import migrations_digest

_LOCK: Final = 0x636F6D6D6F6E  # "common": the advisory lock that one migration at a time holds
_HERE: Final = Path(__file__).parent
LOCK_TIMEOUT_MS: Final = 10_000
STATEMENT_TIMEOUT_MS: Final = 600_000


@dataclass(frozen=True)
class Migrations:
    """Where the migrations of this installation's branches are: a part, for what brings a database up by itself."""

    locations: tuple[Path, ...]


class MigrationRefused(Exception):
    """The branches cannot be brought up as they are; the message says which and what to do."""


def configuration(locations: Sequence[Path]) -> Config:
    """Alembic's configuration for these branches; no file of its own is needed."""
    config = Config()
    config.set_main_option("script_location", str(_HERE / "alembic"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(str(location) for location in locations))
    return config


def check_branches(locations: Sequence[Path]) -> None:
    """Refuse two heads in one branch: somebody has to say which comes first.

    Raises:
        MigrationRefused: a folder holds more than one head.
    """
    scripts = ScriptDirectory.from_config(configuration(locations))
    seen: dict[Path, str] = {}
    for head in scripts.get_heads():
        folder = Path(scripts.get_revision(head).path).parent
        if folder in seen:
            raise MigrationRefused(
                f"The migrations in {folder} have two heads, {seen[folder]} and {head}."
                " Make one of them follow the other (its down_revision), then migrate again."
            )
        seen[folder] = head


async def migrate(address: Address, locations: Sequence[Path], *, target: str = "heads") -> None:
    """Bring the database to `target`: `heads`, or `base`, or `<branch>@<revision>`.

    Raises:
        MigrationRefused: a branch has two heads.
        sqlalchemy.exc.DBAPIError: a step failed; the schema is as it was before.
    """
    check_branches(locations)
    engine = create_async_engine(sqlalchemy_url(address), poolclass=NullPool, connect_args=_connect_arguments(address))
    try:
        async with engine.begin() as connection:
            await connection.execute(text(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}"))
            await connection.execute(text(f"SET LOCAL statement_timeout = {STATEMENT_TIMEOUT_MS}"))
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            await connection.execute(text("CREATE SCHEMA IF NOT EXISTS platform"))
            await connection.run_sync(_run, locations, target)
            await _remember(connection, migrations_digest(locations) if target == "heads" else "")
    finally:
        await engine.dispose()


def sqlalchemy_url(address: Address) -> URL:
    """The address for SQLAlchemy's asyncpg dialect, which only migrations use."""
    return URL.create("postgresql+asyncpg", username=address.user, password=address.password, database=address.database)


def _connect_arguments(address: Address) -> dict[str, Any]:
    arguments = address.driver_arguments()
    return {name: arguments[name] for name in ("host", "port", "ssl") if name in arguments} | {
        "statement_cache_size": 0,
        "prepared_statement_name_func": lambda: "",
    }


def _run(connection: Connection, locations: Sequence[Path], target: str) -> None:
    config = configuration(locations)
    config.attributes["connection"] = connection
    if target == "base" or "@" in target:
        command.downgrade(config, target)
    else:
        command.upgrade(config, target)


async def _remember(connection: Any, digest: str) -> None:
    await connection.execute(text("CREATE TABLE IF NOT EXISTS platform.schema_digest (digest text NOT NULL)"))
    await connection.execute(text("DELETE FROM platform.schema_digest"))
    await connection.execute(text("INSERT INTO platform.schema_digest VALUES (:digest)"), {"digest": digest})
