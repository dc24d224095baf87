"""`commonplace storage`: look after stored objects. What the commands work with is loaded when one runs."""

import json
import sys
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from commonplace.platform.app import load

if TYPE_CHECKING:
    from commonplace.platform.parts import Parts
    from commonplace.platform.storage.reencryption import Reencryption
    from commonplace.platform.storage.sweep import Findings, SweepReport

_PACKAGE = "commonplace.platform.storage"
_NAMED = 20  # findings of a kind that the text names; the JSON has up to 1,000


@click.group()
def storage() -> None:
    """Look after stored objects."""


@storage.command("sweep")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--repair", is_flag=True, help="Remove bytes without a row, and objects that nothing points to any more.")
@click.option(
    "--min-age-minutes",
    type=click.FloatRange(min=0),
    default=60,
    show_default=True,
    help="Leave younger objects alone: an upload stores its bytes first and its row a moment later.",
)
@click.option(
    "--disregard",
    metavar="SCHEMA",
    multiple=True,
    help="This schema of the database, of no installed app, keeps nothing in the storage. May be given several times.",
)
@click.pass_obj
def sweep_command(
    installation: Any, min_age_minutes: float, disregard: tuple[str, ...], *, as_json: bool, repair: bool
) -> None:
    """Find objects without rows, and rows without objects.

    Exit code 0: there are none (with --repair: none are left). 1: there are. Rows without bytes are never removed:
    what they point to is lost, and a backup may have it. Objects that nothing points to are no fault; --repair removes
    them. While the database has tables of an app that is not installed, --repair removes nothing.
    """

    async def work(parts: "Parts") -> "SweepReport":
        report: SweepReport = await load(f"{_PACKAGE}.sweep:sweep")(
            parts[load(f"{_PACKAGE}.protocol:ObjectStorage")],
            parts[load("commonplace.platform.database.session:Database")],
            parts[load(f"{_PACKAGE}.objects:ObjectUses")],
            repair=repair,
            grace=timedelta(minutes=min_age_minutes),
            disregard=disregard,
        )
        return report

    report: SweepReport = installation.run(work)
    if as_json:
        click.echo(json.dumps({**asdict(report), "faults": report.faults}, indent=2))
    else:
        _print(report)
    sys.exit(1 if report.faults else 0)


@storage.command("reencrypt")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_obj
def reencrypt_command(installation: Any, *, as_json: bool) -> None:
    """Encrypt everything with FILE_STORAGE__ENCRYPTION_KEY that is not, or with a previous key; local disk only.

    Give the new key, and the old one among FILE_STORAGE__PREVIOUS_ENCRYPTION_KEYS, start Commonplace again, and run
    this. It can be cut off at any point and run again. Without ENCRYPTION_KEY everything is decrypted. Exit code 0: it
    is done, and no previous key is needed any more. 1: it is not.
    """

    async def work(parts: "Parts") -> "Reencryption":
        stored = parts[load(f"{_PACKAGE}.protocol:ObjectStorage")]
        if not isinstance(stored, load(f"{_PACKAGE}.local:LocalStorage")):
            raise click.ClickException("On S3 the bucket encrypts (FILE_STORAGE__KMS_KEY_ID); there is nothing to do.")
        module = f"{_PACKAGE}.reencryption"
        _, total = await load(f"{module}:to_do")(stored)
        with click.progressbar(
            length=max(1, total), label="Encrypting", file=sys.stderr, hidden=not sys.stderr.isatty()
        ) as bar:
            report: Reencryption = await load(f"{module}:reencrypt")(stored, bar.update)
        return report

    report: Reencryption = installation.run(work)
    if as_json:
        click.echo(json.dumps({**asdict(report), "is_done": report.is_done}, indent=2))
    else:
        click.echo(f"{report.rewritten} of {report.objects} objects written anew, {report.rewritten_bytes} bytes.")
        for key in report.unreadable[:_NAMED]:
            click.echo(f"  {key} is damaged; restore it from a backup.")
        if not report.unreadable and not report.keys_retired:
            click.echo(
                "A process still writes with another key, or wrote meanwhile: start it again, and run this again."
            )
        if report.is_done:
            click.echo("No previous key is needed any more.")
    sys.exit(0 if report.is_done else 1)


def _print(report: "SweepReport") -> None:
    removed = "removed" if report.is_repair else "--repair removes them"
    click.echo(f"{report.objects} objects looked at.")
    if report.absent:
        removed = "some may be theirs; --repair refuses"
        click.echo(f"Not installed, though the database has their tables: {', '.join(report.absent)}.")
    _print_findings("objects without a row", report.without_row, removed)
    _print_findings("rows without an object", report.without_bytes, "lost; look in a backup")
    _print_findings("objects that nothing points to", report.not_needed, removed)
    _print_findings("files that are none of ours", report.strangers, "left alone")
    if report.leftovers:
        click.echo(f"{report.leftovers} unfinished writes of dead processes: removed.")


def _print_findings(what: str, findings: "Findings", remark: str) -> None:
    if not findings.number:
        return
    click.echo(f"{findings.number} {what}, {findings.size_bytes} bytes: {remark}.")
    for example in findings.examples[:_NAMED]:
        click.echo(f"  {example['key']}")
    if findings.number > _NAMED:
        click.echo(f"  … and {findings.number - _NAMED} more; --json names them.")
