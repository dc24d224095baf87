"""`commonplace user`: what is done for people by whoever has access to the server."""

import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click

from commonplace.platform.parts import Parts


@click.group()
def user() -> None:
    """People and their accounts."""


@user.command()
@click.argument("email")
@click.option("--name", help="How others see the person; left out, what stands before the @.")
@click.option("--admin", is_flag=True, help="Make an administrator.")
@click.option(
    "--password-stdin", is_flag=True, help="Read the password from the standard input; otherwise it is asked."
)
def create(email: str, name: str | None, *, admin: bool, password_stdin: bool) -> None:
    """Make an account, also while registration is closed."""
    from commonplace.apps.accounts import people  # noqa: PLC0415 - `--help` stays quick
    from commonplace.apps.accounts.context import Accounts  # noqa: PLC0415
    from commonplace.apps.accounts.schemas import PersonCreate  # noqa: PLC0415

    person = PersonCreate(
        email=email, password=_password(from_stdin=password_stdin), name=name or email.partition("@")[0]
    )
    role: Any = "administrator" if admin else "user"

    async def work(parts: Parts) -> str:
        made = await people.create_person(parts[Accounts], person, role=role)
        return f"Made {made.email}, {'an administrator' if admin else 'a user'}."

    click.echo(_run(work))


@user.command("reset-password")
@click.argument("email")
@click.option(
    "--password-stdin", is_flag=True, help="Read the password from the standard input; otherwise it is asked."
)
def reset_password(email: str, *, password_stdin: bool) -> None:
    """Give a person a new password and end all their sessions."""
    from commonplace.apps.accounts import people  # noqa: PLC0415
    from commonplace.apps.accounts.context import Accounts  # noqa: PLC0415

    password = _password(from_stdin=password_stdin)

    async def work(parts: Parts) -> str:
        ended = await people.reset_password(parts[Accounts], email, password)
        return f"The password of {email} is changed. Sessions ended: {ended}."

    click.echo(_run(work))


@user.command("remove-factors")
@click.argument("email")
def remove_factors(email: str) -> None:
    """Remove every second factor of a person who has lost them. Be sure that it is the person who asks."""
    from commonplace.apps.accounts.context import Accounts  # noqa: PLC0415
    from commonplace.apps.accounts.factors import service  # noqa: PLC0415

    async def work(parts: Parts) -> str:
        removed = await service.remove_all(parts[Accounts], email)
        if not removed:
            return f"{email} has no second factor."
        return f"Removed of {email}: {', '.join(removed).replace('_', ' ')}. The password alone signs in again."

    click.echo(_run(work))


@user.command("list")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable, one object a person.")
def list_people(*, as_json: bool) -> None:
    """List every account."""
    from commonplace.apps.accounts import people  # noqa: PLC0415
    from commonplace.apps.accounts.context import Accounts  # noqa: PLC0415

    async def work(parts: Parts) -> Any:
        return await people.everybody(parts[Accounts])

    rows = [dict(row) for row in _run(work)]
    if as_json:
        click.echo(json.dumps(rows, indent=2, default=str, ensure_ascii=False))
        return
    for row in rows:
        state = "" if row["state"] == "active" else f" ({row['state']})"
        click.echo(f"{row['email']}  {row['name']}  {row['role']}{state}")
    if not rows:
        click.echo("There is no account yet.")


@user.command()
@click.argument("email")
def suspend(email: str) -> None:
    """Keep a person from signing in and end their sessions. What they have stays."""
    from commonplace.apps.accounts import people  # noqa: PLC0415
    from commonplace.apps.accounts.context import Accounts  # noqa: PLC0415

    async def work(parts: Parts) -> str:
        ended = await people.suspend(parts[Accounts], email)
        return f"{email} is suspended. Sessions ended: {ended}."

    click.echo(_run(work))


@user.command()
@click.argument("email")
def reinstate(email: str) -> None:
    """Let a suspended person sign in again."""
    from commonplace.apps.accounts import people  # noqa: PLC0415
    from commonplace.apps.accounts.context import Accounts  # noqa: PLC0415

    async def work(parts: Parts) -> str:
        await people.reinstate(parts[Accounts], email)
        return f"{email} may sign in again."

    click.echo(_run(work))


@user.command()
@click.argument("email")
@click.confirmation_option(prompt="Erase this person and all they have, for good?")
def erase(email: str) -> None:
    """Erase a person and all they have, at once; print the receipt. The only administrator cannot be erased."""
    from commonplace.apps.accounts import people  # noqa: PLC0415
    from commonplace.apps.accounts.context import Accounts  # noqa: PLC0415
    from commonplace.apps.accounts.leaving import erasure  # noqa: PLC0415

    async def work(parts: Parts) -> str:
        person_id = await people.id_of(parts[Accounts], email)
        asked = await erasure.ask_for_another(parts[Accounts], person_id, by=None, waiting_days=0)
        receipt = await erasure.erase_now(parts, asked.row.id)
        return "Another process erases this person." if receipt is None else _json(receipt)

    click.echo(_run(work))


@user.command("import")
@click.argument("archive", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--email", required=True, help="Whose it all becomes; they have an account here.")
def read_in(archive: Path, email: str) -> None:
    """Read an archive of a person's data in, and print the report. Run it again when it was interrupted."""
    from commonplace.apps.accounts import people  # noqa: PLC0415
    from commonplace.apps.accounts.context import Accounts  # noqa: PLC0415
    from commonplace.apps.accounts.leaving import from_file  # noqa: PLC0415

    async def work(parts: Parts) -> Any:
        person_id = await people.id_of(parts[Accounts], email)
        return await from_file.read_in_file(parts, person_id, archive)

    click.echo(_json(_run(work)))


@user.command("set-role")
@click.argument("email")
@click.argument("role", type=click.Choice(["user", "administrator"]))
def set_role(email: str, role: str) -> None:
    """Make a person an administrator, or a user."""
    from commonplace.apps.accounts import people  # noqa: PLC0415
    from commonplace.apps.accounts.context import Accounts  # noqa: PLC0415

    chosen: Any = role

    async def work(parts: Parts) -> str:
        await people.set_role(parts[Accounts], email, chosen)
        return f"{email} is {'an administrator' if role == 'administrator' else 'a user'} now."

    click.echo(_run(work))


def _run(work: Callable[[Parts], Awaitable[Any]]) -> Any:
    return click.get_current_context().obj.run(work)


def _password(*, from_stdin: bool) -> str:
    """The password: the first line of the standard input without its end, or as typed twice without being shown."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return password


def _json(value: Any) -> str:
    import msgspec  # noqa: PLC0415

    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
