"""`commonplace search`: look after the index. Loads what it works with when it runs."""

from typing import TYPE_CHECKING, Any, Final

import click

from commonplace.platform.app import load

if TYPE_CHECKING:
    from commonplace.platform.parts import Parts

_KEEPING: Final = "commonplace.platform.search.keeping"


@click.group()
def search() -> None:
    """Look after the search index. All of it is derived from what is kept, and can be made anew."""


@search.command()
@click.pass_obj
def rebuild(installation: Any) -> None:
    """Write the whole index anew, while everything goes on.

    It may be stopped at any point: the next worker, or the next call, goes on where it was.
    """

    async def work(parts: "Parts") -> int:
        with click.progressbar(length=await load(f"{_KEEPING}:items_to_find")(parts), label="Writing") as bar:
            number: int = await load(f"{_KEEPING}:rebuild")(parts, bar.update)
            return number

    click.echo(f"{installation.run(work):,} items can be found.")


@search.command()
@click.pass_obj
def check(installation: Any) -> None:
    """Compare the index with what it should hold. What differs is named, and the exit code is 1."""

    async def work(parts: "Parts") -> Any:
        return await load(f"{_KEEPING}:check")(parts)

    report = installation.run(work)
    click.echo(f"{report.entries:,} entries; {report.words:,} words.")
    for fault in report.faults:
        click.echo(fault)
    if report.is_behind:
        click.echo("The index is behind what happened; a running worker catches up by itself.")
    if report.faults:
        raise click.ClickException("Run `commonplace search rebuild`.")
