"""The command: serve, worker, migrate, doctor, database, storage, events, backup, and what the apps bring.

Modules are imported when a command runs: `commonplace --help` answers at once.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from commonplace.platform.parts import Parts
    from commonplace.settings import Settings

_PLATFORM_GROUPS: Final = {
    "storage": "commonplace.platform.storage.commands:storage",
    "events": "commonplace.platform.events.commands:events",
    "backup": "commonplace.platform.backup.commands:backup",
    "restore": "commonplace.platform.backup.commands:restore",
    "search": "commonplace.platform.search.commands:search",
}


class Installation:
    """What a command works on: `click.get_current_context().obj`."""

    @property
    def settings(self) -> "Settings":
        """The settings, checked; the process ends with 78 and every fault when they are wrong."""
        from commonplace.settings import EXIT_CODE, SettingsRefused, load_settings

        try:
            settings = load_settings()
            faults = _faults_of_keys(settings)
        except SettingsRefused as refused:
            faults = [str(fault) for fault in refused.faults]
        if faults:
            click.echo("Commonplace cannot start with these settings:", err=True)
            for fault in faults:
                click.echo(f"  {fault}", err=True)
            sys.exit(EXIT_CODE)
        return settings

    def run(self, work: "Callable[[Parts], Awaitable[Any]]") -> Any:
        """What `work(parts)` returns; expected errors become one line and exit code 1."""
        from commonplace import startup
        from commonplace.platform.database.embedded.errors import EmbeddedServerError
        from commonplace.platform.errors import Problem
        from commonplace.platform.telemetry import logs

        settings = self.settings
        logs.configure(settings.telemetry, production=settings.is_production)
        try:
            return startup.run(settings, work)
        except (Problem, EmbeddedServerError, startup.SchemaBehind, startup.SchemaNotRaised) as error:
            raise click.ClickException(str(error)) from error


def _faults_of_keys(settings: "Settings") -> list[str]:
    """Why what is stored on this disk cannot be read: no command works on what would read as noise."""
    if settings.file_storage.type != "local":
        return []
    from commonplace.platform.storage.build import fault_of_keys

    fault = fault_of_keys(settings.file_storage, settings.data_dir)
    return [] if fault is None else [fault]


class Commands(click.Group):
    """The platform's commands, and those of the installed apps by their manifests."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command's name."""
        return sorted({*super().list_commands(ctx), *_PLATFORM_GROUPS, *self._of_apps()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, imported now."""
        from commonplace.platform.app import load

        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        reference = _PLATFORM_GROUPS.get(cmd_name) or self._of_apps().get(cmd_name)
        if reference is None:
            return None
        command: click.Command = load(reference)
        return command

    def _of_apps(self) -> dict[str, str]:
        from commonplace.platform.app import load

        apps = [load(reference) for reference in _installed_apps()]
        return {name: reference for app in apps for name, reference in app.commands.items()}


def _installed_apps() -> tuple[str, ...]:
    text = os.environ.get("APPS")
    if text:
        return tuple(filter(None, (part.strip() for part in text.split(","))))
    from commonplace.installed import APPS

    return APPS


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="commonplace")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Commonplace: a cloud you own. It never loses a thing."""
    ctx.obj = Installation()


@main.command()
@click.option("--apps", default="", help="Serve these apps only, separated by commas.")
@click.option("--server", type=click.Choice(["granian", "uvicorn"]), default="granian", show_default=True)
@click.option("--no-worker", is_flag=True, help="Run no worker here; `commonplace worker` runs elsewhere.")
@click.pass_obj
def serve(installation: Installation, apps: str, server: Any, *, no_worker: bool) -> None:
    """Serve everything: the web server, and the worker for jobs.

    Without options: the server is granian, which sends files without passing them through Python; one web process a
    processor (2 at least, 4 at most; WEB_WORKERS sets it) and one worker. Each holds 5 database connections at most
    (DATABASE__POOL_SIZE, 10 at most) and one that listens.

    The address is HOST:PORT (127.0.0.1:8000). Without DATABASE_URL it starts a PostgreSQL of its own below
    COMMONPLACE_DATA_DIR (./data).
    """
    settings = installation.settings
    from commonplace.platform.database.embedded.ahead import start_ahead

    reap = start_ahead(settings.data_dir) if settings.database_url is None else None
    from commonplace import application, processes
    from commonplace.platform.database.embedded.errors import EmbeddedServerError
    from commonplace.platform.telemetry import logs

    logs.configure(settings.telemetry, production=settings.is_production)
    names = tuple(filter(None, (name.strip() for name in apps.split(","))))
    try:
        application.served_apps(settings, names)
        supervisor = processes.Supervisor(settings, apps=names, with_worker=not no_worker, server=server)
        code = supervisor.run(when_leased=reap)
    except (processes.CannotStart, EmbeddedServerError, LookupError, OSError) as error:
        raise click.ClickException(str(error)) from error
    sys.exit(code)


@main.command()
@click.option("--apps", default="", help="Work for these apps only, separated by commas.")
@click.pass_obj
def worker(installation: Installation, apps: str) -> None:
    """Run deliveries and schedules, beside a `serve --no-worker` or as one more worker."""
    settings = installation.settings
    from commonplace import application, startup

    names = tuple(filter(None, (name.strip() for name in apps.split(","))))
    try:
        application.served_apps(settings, names)
    except LookupError as error:
        raise click.ClickException(str(error)) from error
    startup.run_worker(settings, names)


@main.command()
@click.option(
    "--to", "target", default="heads", show_default=True, help="`heads`, or `<branch>@<revision>` to go back."
)
@click.pass_obj
def migrate(installation: Installation, target: str) -> None:
    """Bring the database's schema to this release's. A step that fails leaves the schema as it was."""
    settings = installation.settings
    from sqlalchemy.exc import SQLAlchemyError

    from commonplace import application
    from commonplace.platform.database.embedded.databases import ensure_database
    from commonplace.platform.database.migrate import migrate as migrate_database
    from commonplace.platform.database.schema import MigrationRefused

    address, lease = application.database_of(settings)
    try:
        if lease is not None:
            asyncio.run(ensure_database(lease, address.database))
        asyncio.run(migrate_database(address, application.migration_locations(settings), target=target))
    except (MigrationRefused, SQLAlchemyError, OSError) as error:
        raise click.ClickException(f"The schema was left as it was. {error}") from error
    finally:
        if lease is not None:
            lease.close()
    click.echo("The schema is up to date." if target == "heads" else f"The schema is at {target}.")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.pass_obj
def doctor(installation: Installation, *, as_json: bool) -> None:
    """Explain what is configured, and whether each part answers. Exit code 1 when one does not."""
    from commonplace.doctor import examine

    findings = examine(installation.settings)
    if as_json:
        click.echo(json.dumps([finding.as_dict() for finding in findings], indent=2))
    else:
        for finding in findings:
            click.echo(f"{'ok ' if finding.is_well else 'ILL'}  {finding.part}: {finding.text}")
    sys.exit(0 if all(finding.is_well for finding in findings) else 1)


@main.group()
def database() -> None:
    """The embedded database."""


@database.command()
@click.option("--old-binaries", type=click.Path(exists=True, file_okay=False, path_type=Path), default=None)
@click.pass_obj
def upgrade(installation: Installation, old_binaries: Path | None) -> None:
    """Bring a cluster of an older major version to the one that comes with this release; the old one is kept."""
    from commonplace.platform.database.embedded.errors import EmbeddedServerError
    from commonplace.platform.database.embedded.upgrade import upgrade_cluster

    try:
        click.echo(upgrade_cluster(installation.settings.data_dir, old_binaries=old_binaries, say=click.echo))
    except EmbeddedServerError as error:
        raise click.ClickException(str(error)) from error
