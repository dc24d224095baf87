"""What a process does before and around its work: bring the schema up, make the first-run link, run the worker."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog
import uvloop

from commonplace import application
from commonplace.apps.accounts.first_run import first_run_link
from commonplace.platform.database.address import Address
from commonplace.platform.database.embedded.databases import ensure_database
from commonplace.platform.database.embedded.server import Lease
from commonplace.platform.database.schema import MigrationRefused, is_current
from commonplace.platform.events.registry import Registry
from commonplace.platform.events.worker import Worker
from commonplace.platform.parts import Parts
from commonplace.platform.telemetry import logs, run_directory
from commonplace.settings import Settings

T = TypeVar("T")
_log = structlog.get_logger(__name__)


class SchemaBehind(Exception):
    """The database's schema is not the one of this release, and it is not ours to change unasked."""


class SchemaNotRaised(Exception):
    """The embedded database's schema could not be brought to this release's; it was left as it was."""


def prepare(settings: Settings, app_names: Sequence[str], url: str) -> str | None:
    """Bring the embedded database's schema up, or refuse another's that is behind; the first-run link, if there is one.

    Raises:
        SchemaBehind: `commonplace migrate` has to be run first.
        SchemaNotRaised: the embedded database's schema could not be brought up.
    """
    return uvloop.run(_prepare(settings, app_names, url))


async def _prepare(settings: Settings, app_names: Sequence[str], url: str) -> str | None:
    address, lease = application.database_of(settings)
    try:
        await bring_up(settings, address, lease)
        apps = application.served_apps(settings, app_names)
        if all(app.name != "accounts" for app in apps):
            return None
        async with application.opened(application.compose(settings, address, apps), apps) as parts:
            return await first_run_link(parts, url)
    finally:
        if lease is not None:
            lease.close()


async def bring_up(settings: Settings, address: Address, lease: Lease | None) -> None:
    """Make and migrate the embedded database (that one has a lease); only look at any other.

    Raises:
        SchemaBehind: the other's schema is not this release's.
        SchemaNotRaised: a branch of migrations was refused, or one of its steps failed.
    """
    locations = application.migration_locations(settings)
    if lease is not None:
        await ensure_database(lease, address.database)
    if await is_current(address, locations):
        return
    if lease is None:
        raise SchemaBehind("The database's schema is not that of this release. Run `commonplace migrate` first.")
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 - a third of a second, seldom needed

    from commonplace.platform.database.migrate import migrate  # noqa: PLC0415

    try:
        await migrate(address, locations)
    except (MigrationRefused, SQLAlchemyError) as error:
        raise SchemaNotRaised(f"The schema was left as it was. {error}") from error


def run_worker(settings: Settings, app_names: Sequence[str]) -> None:
    """Work until SIGINT or SIGTERM, then finish what was begun."""
    logs.configure(settings.telemetry, production=settings.is_production)
    uvloop.run(_work(settings, app_names))


async def _work(settings: Settings, app_names: Sequence[str]) -> None:
    address, lease = application.database_of(settings)
    apps = application.served_apps(settings, app_names)
    run = run_directory.path(settings.data_dir)
    try:
        composed = application.compose(settings, address, apps, run=run, role="worker")
        async with application.opened(composed, apps) as parts:
            worker = Worker(parts, parts[Registry], settings.events)
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, worker.stop)
            await worker.run()
    finally:
        logs.flush()
        if lease is not None:
            lease.close()


def run(settings: Settings, work: Callable[[Parts], Awaitable[T]]) -> T:
    """Run one command's work with the installation's parts, starting the embedded database where needed.

    Raises:
        SchemaBehind: the database needs `commonplace migrate`.
        SchemaNotRaised: the embedded database's schema could not be brought up.
    """

    async def with_parts() -> T:
        address, lease = application.database_of(settings)
        apps = application.served_apps(settings)
        try:
            await bring_up(settings, address, lease)
            async with application.opened(application.compose(settings, address, apps), apps) as parts:
                return await work(parts)
        finally:
            if lease is not None:
                lease.close()

    result: T = uvloop.run(with_parts())
    return result
