"""`commonplace backup` and `commonplace restore`. What they work with is loaded when one runs."""

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from commonplace.platform.app import load

if TYPE_CHECKING:
    from commonplace.platform.backup.errors import BackupError
    from commonplace.platform.backup.making import Made
    from commonplace.platform.backup.restoring import Restored
    from commonplace.platform.backup.verifying import Verified
    from commonplace.platform.parts import Parts

_PACKAGE: Final = "commonplace.platform.backup"
_EXIT_CODES: Final = """
\b
Exit codes: 0 done; 65 the file (or, making one, an object) is damaged, or the file is no backup;
66 no such file; 70 PostgreSQL's program failed; 73 there is something already where nothing may be;
74 the disk is full or fails; 75 a process is in the way; 76 made by a newer release, or with other apps.
"""
_SHOWN_EVERY_SECONDS: Final = 0.5
a_file = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))


class _MakeUnlessNamed(click.Group):
    """`backup FILE` is `backup make FILE`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `make` before what is no command."""
        if args and args[0] not in self.commands and args[0] not in self.get_help_option_names(ctx):
            args = ["make", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_MakeUnlessNamed, subcommand_metavar="FILE | verify FILE", epilog=_EXIT_CODES)
def backup() -> None:
    """Write the database and all objects, as of one moment, to FILE; or `verify` such a file.

    Commonplace may run meanwhile, and people may go on. The file is a tar archive with a digest of each member. It
    holds everything that people keep here, unencrypted, so only its owner may read it. What is kept outside database
    and storage, such as .env and data/secrets, is not in it.
    """


@backup.command("make", hidden=True, epilog=_EXIT_CODES)
@a_file
@click.option("--keep-going", is_flag=True, help="Leave out objects that are damaged, and say which.")
@click.pass_obj
def make_command(installation: Any, file: Path, *, keep_going: bool) -> None:
    """Write a backup to FILE, which must not exist yet."""

    async def work(parts: "Parts") -> "Made":
        made: Made = await load(f"{_PACKAGE}.making:make_backup")(
            parts, file, keep_going=keep_going, progress=_progress("copied")
        )
        return made

    made: Made = _or_exit(lambda: installation.run(work))
    rows = sum(made.header.tables.values())
    click.echo(
        f"{file}: {made.header.objects - made.left_out - len(made.end.damaged):,} objects and {rows:,} rows"
        f" as of {made.header.taken_at}, {made.size_bytes:,} bytes."
    )
    for damage in made.end.damaged:
        click.echo(f"  left out: {damage.key}. {damage.reason}", err=True)


@backup.command("verify", epilog=_EXIT_CODES)
@a_file
def verify_command(file: Path) -> None:
    """Read FILE from start to end and compare every byte with its digest. Nothing is restored."""
    found: Verified = _or_exit(lambda: asyncio.run(load(f"{_PACKAGE}.verifying:verify")(file)))
    rows = sum(found.header.tables.values())
    click.echo(
        f"{file} is whole: {found.objects:,} objects and {rows:,} rows as of {found.header.taken_at},"
        f" made by Commonplace {found.header.release}."
    )
    for damage in found.damaged:
        click.echo(f"  left out when it was made: {damage.key}. {damage.reason}", err=True)


@click.command(epilog=_EXIT_CODES)
@a_file
@click.option(
    "--erased",
    "ledgers",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="A ledger, erased-people.jsonl, of the installation that made FILE: whoever is in it is erased again.",
)
@click.pass_obj
def restore(installation: Any, file: Path, ledgers: Sequence[Path]) -> None:
    """Restore the database and all objects from FILE into an empty installation that does not run.

    Whoever was erased since is erased again, as far as the ledger below the data directory or in the storage says so.
    Everything is checked on the way and read back at the end. When it is interrupted, run it again. Accounts that were
    made here before are replaced by those of the backup; people keep their passwords. Clients that follow changes begin
    anew.
    """

    async def work(parts: "Parts") -> "Restored":
        restored: Restored = await load(f"{_PACKAGE}.restoring:restore")(
            parts, file, ledgers=ledgers, progress=_progress("done"), say=lambda line: click.echo(line, err=True)
        )
        return restored

    restored: Restored = _or_exit(lambda: installation.run(work))
    click.echo(f"Restored: everything is as of {restored.header.taken_at}.")
    if restored.erased:
        click.echo(f"Erased again, having left after the backup was made: {restored.erased}.", err=True)
    if restored.damaged:
        click.echo(f"{restored.damaged} objects were damaged already when the backup was made.", err=True)


def _or_exit(work: Callable[[], Any]) -> Any:
    errors: Sequence[type[BackupError]] = (load(f"{_PACKAGE}.errors:BackupError"),)
    try:
        return work()
    except tuple(errors) as error:
        _fail(error)


def _fail(error: "BackupError") -> NoReturn:
    click.echo(f"Error: {error}", err=True)
    sys.exit(error.exit_code)


def _progress(word: str) -> Callable[[int, int], None]:
    """Show how far it is, on a terminal."""
    shown_at = float("-inf")

    def show(done: int, total: int) -> None:
        nonlocal shown_at
        if sys.stderr.isatty() and (done == total or time.monotonic() - shown_at > _SHOWN_EVERY_SECONDS):
            shown_at = time.monotonic()
            share = 100 * done // total if total else 100
            click.echo(f"\r{done:,} of {total:,} bytes {word} ({share} %)", err=True, nl=done == total)

    return show
