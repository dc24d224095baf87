"""`commonplace files` and `sign-in`: the drive from the command line, over HTTP, here or on another machine."""

import os
import sys
from collections.abc import Callable
from contextlib import closing
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import click

if TYPE_CHECKING:
    from commonplace.apps.files.client import Client

P = ParamSpec("P")
T = TypeVar("T")
_JSON = click.option("--json", "as_json", is_flag=True, help="Machine-readable: one object a line.")
_FILE = click.Path(exists=True, path_type=Path)


def _with_client(command: "Callable[Concatenate[Client, P], T]") -> Callable[..., T]:
    """Give a command its `--server` and the client for it; what the server refuses becomes one line and exit code 1."""

    @click.option(
        "--server",
        envvar="COMMONPLACE_SERVER",
        help="The server's address (or COMMONPLACE_SERVER); left out: the one signed in to last, or this machine's.",
    )
    @wraps(command)
    def run(*arguments: Any, server: str | None, **options: Any) -> T:
        from commonplace.apps.files.client import Client, Refused, Sessions  # noqa: PLC0415 - `--help` stays quick

        sessions = Sessions()
        here = f"http://127.0.0.1:{os.environ.get('PORT', '8000')}"
        try:
            with closing(Client(server or sessions.latest() or here, sessions=sessions)) as client:
                return command(client, *arguments, **options)
        except (Refused, OSError) as error:
            raise click.ClickException(str(error)) from error

    return run


@click.command("sign-in")
@click.option("--email", prompt=True, help="The address of the account; asked for when left out.")
@click.option("--password-stdin", is_flag=True, help="Read the password from the standard input instead of asking.")
@_with_client
def sign_in(client: "Client", email: str, *, password_stdin: bool) -> None:
    """Begin a session with a server; the other commands then use it."""
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else click.prompt("Password", hide_input=True)
    client.sign_in(email, password)
    click.echo(f"Signed in to {client.server} as {email}.")


@click.command("sign-out")
@_with_client
def sign_out(client: "Client") -> None:
    """End the session with a server."""
    client.sign_out()
    click.echo(f"Signed out of {client.server}.")


@click.group()
def files() -> None:
    """Files and folders of a running server. Paths are like Photos/2026/harbour.jpg."""


@files.command()
@click.argument("paths", nargs=-1, required=True, type=_FILE)
@click.option("--to", "folder", default="", help="The folder to put them in; made where it is missing.")
@click.option("--replace", is_flag=True, help="Make new versions of files that are there; otherwise both are kept.")
@_JSON
@_with_client
def put(client: "Client", paths: tuple[Path, ...], folder: str, *, replace: bool, as_json: bool) -> None:
    """Upload files, and folders with everything in them.

    What is there already with the same bytes stays as it is: a command that was cut off is run again.
    """
    from commonplace.apps.files.cli import putting  # noqa: PLC0415
    from commonplace.apps.files.cli.telling import Teller  # noqa: PLC0415

    teller = Teller(as_json=as_json)
    putting.put(client, putting.places(paths, folder), teller, replace=replace)
    teller.end()


@files.command()
@click.argument("path")
@click.option("--output", type=click.Path(path_type=Path), help="Where to write it; under its own name by default.")
@click.option("--force", is_flag=True, help="Overwrite files that are there.")
@_JSON
@_with_client
def get(client: "Client", path: str, output: Path | None, *, force: bool, as_json: bool) -> None:
    """Download a file, or a folder with everything in it, by its path or a file's id.

    Each file is complete, and its SHA-256 right, or not there at all. A command that was cut off is run again, and goes
    on in the middle of a file.
    """
    from commonplace.apps.files.cli import getting  # noqa: PLC0415
    from commonplace.apps.files.cli.telling import Teller  # noqa: PLC0415
    from commonplace.apps.files.client import Drive  # noqa: PLC0415

    teller = Teller(as_json=as_json)
    kind, entry = Drive(client).entry(path)
    fetch = getting.get_folder if kind == "/api/folders" else getting.get_file
    fetch(client, entry, output, teller, force=force)
    teller.end()


@files.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("folder")
@click.option("--up", "direction", flag_value="up", help="Only to the server: this side is right.")
@click.option("--down", "direction", flag_value="down", help="Only from the server: what was changed here is kept too.")
@click.option("--both", "direction", flag_value="both", default=True, help="Both ways (the default).")
@click.option("--delete", is_flag=True, help="Remove what is gone on the other side; there it goes to the trash.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@_JSON
@_with_client
def sync(
    client: "Client", directory: Path, folder: str, *, direction: Any, delete: bool, dry_run: bool, as_json: bool
) -> None:
    """Bring a directory here and a folder on the server together. A folder / is the top level.

    What was changed on both sides is kept twice; nothing is removed without --delete. What both sides had in common is
    remembered in .commonplace-sync.json in the directory.
    """
    from commonplace.apps.files.cli.syncing import Sync  # noqa: PLC0415
    from commonplace.apps.files.cli.telling import Teller  # noqa: PLC0415

    teller = Teller(as_json=as_json)
    Sync(client, directory, folder, teller, direction=direction).run(delete=delete, dry_run=dry_run)
    teller.end()


@files.command("ls")
@click.argument("folder", default="")
@_JSON
@_with_client
def list_files(client: "Client", folder: str, *, as_json: bool) -> None:
    """List a folder."""
    from commonplace.apps.files.cli.telling import Teller  # noqa: PLC0415
    from commonplace.apps.files.client import Drive  # noqa: PLC0415

    teller, drive = Teller(as_json=as_json), Drive(client)
    for kind, entry in drive.children(drive.folder_id(folder)):
        text = f"{entry['name']}/"
        if kind == "file":
            text = f"{entry['name']}  {entry['size_bytes']} bytes  {entry['updated_at'][:19]}Z"
        teller.say(text, kind=kind, **entry)


@files.command()
@click.argument("path")
@click.argument("name")
@_JSON
@_with_client
def rename(client: "Client", path: str, name: str, *, as_json: bool) -> None:
    """Give a file or folder another name."""
    from commonplace.apps.files.cli import arranging  # noqa: PLC0415
    from commonplace.apps.files.cli.telling import Teller  # noqa: PLC0415

    changed = arranging.change(client, path, {"name": name})
    Teller(as_json=as_json).say(changed["name"], **changed)


@files.command()
@click.argument("paths", nargs=-1, required=True)
@click.argument("target")
@_JSON
@_with_client
def mv(client: "Client", paths: tuple[str, ...], target: str, *, as_json: bool) -> None:
    """Move files and folders into a folder that is there, or one of them to a new path. / is the top level."""
    from commonplace.apps.files.cli import arranging  # noqa: PLC0415
    from commonplace.apps.files.cli.telling import Teller  # noqa: PLC0415

    teller = Teller(as_json=as_json)
    for place, changed in arranging.move(client, paths, target):
        teller.say(place, path=place, **changed)


@files.command()
@click.argument("paths", nargs=-1, required=True)
@_JSON
@_with_client
def rm(client: "Client", paths: tuple[str, ...], *, as_json: bool) -> None:
    """Move files and folders to the trash; `restore` brings them back."""
    from commonplace.apps.files.cli.telling import Teller  # noqa: PLC0415
    from commonplace.apps.files.client import Drive  # noqa: PLC0415

    teller = Teller(as_json=as_json)
    for path in paths:
        kind, entry = Drive(client).entry(path)
        client.request("DELETE", f"{kind}/{entry['id']}")
        text = f"{entry['name']} is in the trash. `commonplace files restore {entry['id']}` brings it back."
        teller.say(text, path=path, id=entry["id"], name=entry["name"], done="trashed")


@files.command()
@click.argument("name")
@_JSON
@_with_client
def restore(client: "Client", name: str, *, as_json: bool) -> None:
    """Bring a file or folder back from the trash, by its name (the one deleted last) or its id."""
    from commonplace.apps.files.cli.telling import Teller  # noqa: PLC0415
    from commonplace.apps.files.client import Refused  # noqa: PLC0415

    for entry in client.pages("/api/trash"):
        if name in (entry["id"], entry["name"]) and entry["kind"] in ("file", "folder"):
            restored = client.request("POST", f"/api/{entry['kind']}s/{entry['id']}/restore").json()
            Teller(as_json=as_json).say(f"{restored['name']} is back.", **restored)
            return
    raise Refused(f"There is nothing named “{name}” in the trash.")


@files.command()
@click.argument("path")
@click.option("--days", type=click.IntRange(min=1), help="How long the link is good; left out: until it is revoked.")
@_JSON
@_with_client
def share(client: "Client", path: str, *, days: int | None, as_json: bool) -> None:
    """Make a link by which anybody can read a file, or a folder and all that lies in it. It is shown this once."""
    from commonplace.apps.files.cli import arranging  # noqa: PLC0415
    from commonplace.apps.files.cli.telling import Teller  # noqa: PLC0415

    made = arranging.share(client, path, days=days)
    Teller(as_json=as_json).say(made["url"], **made)
