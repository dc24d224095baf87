"""`commonplace events`: look after the log, its deliveries and the schedules. Loads what it works with when it runs."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click

from commonplace.platform.app import load

if TYPE_CHECKING:
    from commonplace.platform.database.row import Row
    from commonplace.platform.parts import Parts

_PACKAGE: Final = "commonplace.platform.events"
_DATABASE: Final = "commonplace.platform.database.session:Database"
_FOLLOW_SECONDS: Final = 0.5
_ERROR_WIDTH: Final = 100

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
limited = click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="How many at most.")


@click.group()
def events() -> None:
    """Look after events: what happened, who is still to be told, and what failed."""


@events.command("list")
@click.option("--queue", help="Of this queue only: processing, notifications or analytics.")
@limited
@as_json
@click.pass_obj
def list_command(installation: Any, queue: str | None, limit: int, *, as_json: bool) -> None:
    """List deliveries that wait or are under way."""

    async def work(parts: "Parts") -> "Sequence[Row]":
        found: Sequence[Row] = await load(f"{_PACKAGE}.dead_letters:waiting")(
            parts[load(_DATABASE)], queue=queue, limit=limit
        )
        return found

    _print(installation.run(work), _waiting_line, as_json=as_json, none="Nothing waits.")


@events.command("dead")
@click.option("--handler", help="Of this handler only, such as commonplace.apps.files.handlers:process.")
@limited
@as_json
@click.pass_obj
def dead_command(installation: Any, handler: str | None, limit: int, *, as_json: bool) -> None:
    """List dead letters: deliveries that failed for good, the latest first."""

    async def work(parts: "Parts") -> "Sequence[Row]":
        found: Sequence[Row] = await load(f"{_PACKAGE}.dead_letters:dead")(
            parts[load(_DATABASE)], handler=handler, limit=limit
        )
        return found

    _print(installation.run(work), _dead_line, as_json=as_json, none="There are no dead letters.")


@events.command("show")
@click.argument("delivery_id", metavar="ID", type=int)
@click.pass_obj
def show_command(installation: Any, delivery_id: int) -> None:
    """Show a delivery or dead letter with its event and the history of its failures."""

    async def work(parts: "Parts") -> "Row":
        found: Row = await load(f"{_PACKAGE}.dead_letters:find")(parts[load(_DATABASE)], delivery_id)
        return found

    click.echo(json.dumps(_plain(installation.run(work)), indent=2, ensure_ascii=False))


@events.command("redrive")
@click.argument("ids", metavar="[ID]…", type=int, nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All dead letters (of --handler, if it is given).")
@click.option("--handler", help="With --all: of this handler only.")
@click.pass_obj
def redrive_command(installation: Any, ids: tuple[int, ...], handler: str | None, *, everything: bool) -> None:
    """Try dead letters again, with all their attempts before them."""
    number = _settle(installation, "redrive", ids, handler, everything=everything)
    click.echo(f"{_deliveries(number)} on the way again.")


@events.command("drop")
@click.argument("ids", metavar="[ID]…", type=int, nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All dead letters (of --handler, if it is given).")
@click.option("--handler", help="With --all: of this handler only.")
@click.pass_obj
def drop_command(installation: Any, ids: tuple[int, ...], handler: str | None, *, everything: bool) -> None:
    """Let go of dead letters for good. The events stay in the log."""
    number = _settle(installation, "drop", ids, handler, everything=everything)
    click.echo(f"{_deliveries(number)} dropped.")


@events.command("log")
@click.option("--since", help="Begin behind this cursor; without it, at the latest events.")
@click.option("--name", help="Events of this name only, such as file.uploaded.")
@click.option("--follow", is_flag=True, help="Go on with what happens next, until Ctrl-C.")
@limited
@as_json
@click.pass_obj
def log_command(
    installation: Any, since: str | None, name: str | None, limit: int, *, follow: bool, as_json: bool
) -> None:
    """Show what happened, the oldest first."""

    async def work(parts: "Parts") -> None:
        async for row in load(f"{_PACKAGE}.log_reading:events")(
            parts[load(_DATABASE)],
            since=since,
            name=name,
            limit=limit,
            follow_seconds=_FOLLOW_SECONDS if follow else None,
        ):
            _print([row], _event_line, as_json=as_json, none="")

    try:
        installation.run(work)
    except KeyboardInterrupt:
        click.echo()


@events.command("schedules")
@as_json
@click.pass_obj
def schedules_command(installation: Any, *, as_json: bool) -> None:
    """List the schedules, when each was last due and when it is next. Times are UTC."""

    async def work(parts: "Parts") -> Sequence[dict[str, Any]]:
        registry = parts[load(f"{_PACKAGE}.registry:Registry")]
        found: Sequence[dict[str, Any]] = await load(f"{_PACKAGE}.schedules:timetable")(
            parts[load(_DATABASE)], registry.schedules
        )
        return found

    _print(installation.run(work), _schedule_line, as_json=as_json, none="There are no schedules.")


def _settle(installation: Any, verb: str, ids: tuple[int, ...], handler: str | None, *, everything: bool) -> int:
    if bool(ids) == everything:
        raise click.UsageError("Name dead letters by their numbers, or say --all.")
    if handler and not everything:
        raise click.UsageError("--handler goes with --all.")

    async def work(parts: "Parts") -> int:
        number: int = await load(f"{_PACKAGE}.dead_letters:{verb}")(
            parts[load(_DATABASE)], list(ids) if ids else None, handler=handler
        )
        return number

    number: int = installation.run(work)
    return number


def _print(rows: "Iterable[Any]", line: Any, *, as_json: bool, none: str) -> None:
    is_empty = True
    for row in rows:
        is_empty = False
        click.echo(json.dumps(_plain(row), ensure_ascii=False) if as_json else line(row))
    if is_empty and none and not as_json:
        click.echo(none)


def _plain(row: Any) -> dict[str, Any]:
    import msgspec  # noqa: PLC0415 - only when something is shown

    plain: dict[str, Any] = msgspec.to_builtins(dict(row.items()))
    return plain


def _waiting_line(row: Any) -> str:
    if row.lease_until is not None:
        state = "under way"
    else:
        seconds = (row.run_at - datetime.now(UTC)).total_seconds()
        state = "due" if seconds <= 0 else f"due in {seconds:.0f} s"
    return f"{row.id}  {row.queue}  {_handler(row)}  attempt {row.attempts} of {row.max_attempts}  {state}"


def _dead_line(row: Any) -> str:
    last = row.history[-1]["error"].splitlines()[0] if row.history else ""
    return f"{row.id}  {row.queue}  {_handler(row)}  {row.died_at:%Y-%m-%d %H:%M:%S}  {last[:_ERROR_WIDTH]}"


def _event_line(row: Any) -> str:
    item = f"{row.kind} {row.item_id} version {row.version}" if row.item_id is not None else "-"
    payload = json.dumps(row.payload, ensure_ascii=False)
    return f"{row.epoch}-{row.xid}-{row.seq}  {row.at:%Y-%m-%d %H:%M:%S.%f}  {row.name}  {item}  {payload}"


def _schedule_line(entry: dict[str, Any]) -> str:
    last = "never" if entry["last"] is None else f"{entry['last']:%Y-%m-%d %H:%M}"
    return f"{entry['name']}  {entry['cron']}  last {last}  next {entry['next']:%Y-%m-%d %H:%M}  {entry['queue']}"


def _handler(row: Any) -> str:
    return f"{row.event.get('name', '?')} → {row.handler}"


def _deliveries(number: int) -> str:
    return "One dead letter is" if number == 1 else f"{number} dead letters are"
