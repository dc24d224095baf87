"""Bringing a database's schema to what this release needs, and back: Alembic, one branch an app.

All steps of one call run in one transaction, under a lock that lets one process migrate at a time: a step that fails
leaves the schema as it was before the first. Branches of apps that are not installed stay as they are: an app can be
left out for a while, and comes back to its tables.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from commonplace.platform.database.address import Address
from commonplace.platform.database.schema import MigrationRefused, branch_digest

_LOCK: Final = 0x636F6D6D6F6E  # "common": the advisory lock that one migration at a time holds
_HERE: Final = Path(__file__).parent
LOCK_TIMEOUT_MS: Final = 10_000
STATEMENT_TIMEOUT_MS: Final = 600_000
#: 0 also where an earlier release made the table, with one digest for all branches together.
_HAS_BRANCHES: Final = """
SELECT count(*) FROM information_schema.columns
WHERE (table_schema, table_name, column_name) = ('platform', 'schema_digest', 'branch')
"""
_REMEMBER: Final = """
INSERT INTO platform.schema_digest VALUES (:branch, :digest) ON CONFLICT (branch) DO UPDATE SET digest = excluded.digest
"""


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
        MigrationRefused: a branch has two heads, or the database is at a revision that is not known here.
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
            await connection.run_sync(_remember, locations if target == "heads" else ())
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
    is_downgrade = target == "base" or "@" in target
    absent = () if is_downgrade else _set_aside(connection, ScriptDirectory.from_config(config))
    try:
        (command.downgrade if is_downgrade else command.upgrade)(config, target)
    except CommandError as error:
        raise MigrationRefused(
            f"{error}. Is the database a later release's, or an app of it not in APPS?"
            " Use that release, or add the app."
        ) from error
    for revision in absent:
        connection.execute(text("INSERT INTO platform.alembic_version VALUES (:revision)"), {"revision": revision})


def _set_aside(connection: Connection, scripts: ScriptDirectory) -> Sequence[str]:
    """Take out the revisions of branches that are not installed, which Alembic would refuse; the caller puts them back.

    An unknown revision of an installed branch is a later release's, and stays: to be refused is right then.
    """
    if connection.scalar(text("SELECT to_regclass('platform.alembic_version')")) is None:
        return ()
    known = {script.revision for script in scripts.walk_revisions()}
    branches = {_branch(revision) for revision in known}
    stored = connection.scalars(text("SELECT version_num FROM platform.alembic_version")).all()
    absent = [revision for revision in stored if revision not in known and _branch(revision) not in branches]
    for revision in absent:
        connection.execute(
            text("DELETE FROM platform.alembic_version WHERE version_num = :revision"), {"revision": revision}
        )
    return absent


def _branch(revision: str) -> str:
    """The branch of a revision by our names for them: `files` of `files_0001`."""
    return revision.rpartition("_")[0]


def _remember(connection: Connection, locations: Sequence[Path]) -> None:
    """Keep the digests of these branches, and those of branches that are not installed here; without any, none."""
    if connection.scalar(text(_HAS_BRANCHES)) == 0:
        connection.execute(text("DROP TABLE IF EXISTS platform.schema_digest"))
        connection.execute(text("CREATE TABLE platform.schema_digest (branch text PRIMARY KEY, digest text NOT NULL)"))
    if not locations:
        connection.execute(text("DELETE FROM platform.schema_digest"))
    scripts = ScriptDirectory.from_config(configuration(locations)) if locations else None
    branches = (
        {Path(script.path).parent: _branch(script.revision) for script in scripts.walk_revisions()} if scripts else {}
    )
    for location in locations:
        connection.execute(
            text(_REMEMBER), {"branch": branches.get(location, str(location)), "digest": branch_digest(location)}
        )
