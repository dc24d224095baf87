"""`commonplace keys`: the keys that sign access tokens."""

import json

import click

from commonplace.platform.parts import Parts


@click.group()
def keys() -> None:
    """The keys that sign access tokens."""


@keys.command()
@click.option(
    "--compromised",
    is_flag=True,
    help="Refuse at once what the present keys have signed: somebody else may have one.",
)
def rotate(*, compromised: bool) -> None:
    """Sign with a new key from now on. Nobody is signed out, and nothing has to be started again."""
    from commonplace.apps.accounts.context import Accounts  # noqa: PLC0415 - `--help` stays quick

    async def work(parts: Parts) -> str:
        kid = await parts[Accounts].signing_keys.rotate(is_compromised=compromised)
        after = "What others signed is refused; programs renew theirs." if compromised else "Nobody is signed out."
        return f"Access tokens are signed with the key {kid} now. {after}"

    click.echo(click.get_current_context().obj.run(work))


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON, one key a line.")
def list_keys(*, as_json: bool) -> None:
    """List the keys, the newest first. The private halves are shown nowhere."""
    from commonplace.apps.accounts.context import Accounts  # noqa: PLC0415

    async def work(parts: Parts) -> str:
        lines = []
        for row in await parts[Accounts].signing_keys.all_keys():
            state = "revoked" if row.revoked_at else "retired" if row.retired_at else "signs"
            told = {"kid": row.kid, "state": state, "created_at": row.created_at.isoformat()}
            lines.append(json.dumps(told) if as_json else f"{row.kid}  {state:8}  {row.created_at:%Y-%m-%d %H:%M} UTC")
        return "\n".join(lines) or "There is no key yet: the first sign-in makes one."

    click.echo(click.get_current_context().obj.run(work))
