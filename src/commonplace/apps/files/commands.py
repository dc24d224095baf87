"""`commonplace files` and `sign-in`: the drive from the command line, over HTTP, here or on another machine."""

import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, TypeVar
from urllib.parse import urlencode
from uuid import uuid4

import click

if TYPE_CHECKING:
    from commonplace.apps.files.client import Client

P = ParamSpec("P")
T = TypeVar("T")
_BLOCK: Final = 1024 * 1024


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
        except Refused as error:
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
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--to", "folder", default="", help="The folder to put them in; made where it is missing.")
@click.option("--replace", is_flag=True, help="Make new versions of files that are there; otherwise both are kept.")
@_with_client
def put(client: "Client", paths: tuple[Path, ...], folder: str, *, replace: bool) -> None:
    """Upload files, and folders with everything in them."""
    from commonplace.apps.files.client import Drive  # noqa: PLC0415

    drive = Drive(client)
    known: dict[str, str | None] = {}
    for path in paths:
        for source, inner in _sources(path):
            place = "/".join(filter(None, (folder.strip("/"), inner)))
            if place not in known:
                known[place] = drive.folder_id(place, make=True)
            made = _upload(client, source, known[place], replace=replace)
            click.echo(f"{'/'.join(filter(None, (place, made['name'])))}  {made['size_bytes']} bytes")


@files.command("ls")
@click.argument("folder", default="")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable: one object a line.")
@_with_client
def list_files(client: "Client", folder: str, *, as_json: bool) -> None:
    """List a folder."""
    import json  # noqa: PLC0415

    from commonplace.apps.files.client import Drive  # noqa: PLC0415

    folder_id = Drive(client).folder_id(folder)
    parent = {} if folder_id is None else {"parent_id": folder_id}
    inside = {} if folder_id is None else {"folder_id": folder_id}
    for entry in client.pages("/api/folders", **parent):
        click.echo(json.dumps({"kind": "folder", **entry}, ensure_ascii=False) if as_json else f"{entry['name']}/")
    for entry in client.pages("/api/files", **inside):
        click.echo(
            json.dumps({"kind": "file", **entry}, ensure_ascii=False)
            if as_json
            else f"{entry['name']}  {entry['size_bytes']} bytes  {entry['updated_at'][:19]}Z"
        )


@files.command()
@click.argument("path")
@click.option("--output", type=click.Path(path_type=Path), help="Where to write it; the file's own name by default.")
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
@_with_client
def get(client: "Client", path: str, output: Path | None, *, force: bool) -> None:
    """Download a file, by its path or its id. It is complete, and its SHA-256 right, or not there at all."""
    from commonplace.apps.files.client import Drive  # noqa: PLC0415

    file = Drive(client).file(path)
    target = output or Path(_harmless(file["name"]))
    if target.is_dir():
        target /= _harmless(file["name"])
    if target.exists() and not force:
        raise click.ClickException(f"{target} is there already; --force overwrites it, --output names another.")
    _download(client, file, target)
    click.echo(f"{target}  {file['size_bytes']} bytes")


@files.command()
@click.argument("path")
@click.argument("name")
@_with_client
def rename(client: "Client", path: str, name: str) -> None:
    """Give a file or folder another name."""
    from commonplace.apps.files.client import Drive  # noqa: PLC0415

    kind, entry = Drive(client).entry(path)
    headers = {"If-Match": f'"{entry["version"]}"'}
    changed = client.request("PATCH", f"{kind}/{entry['id']}", headers=headers, json={"name": name})
    click.echo(changed.json()["name"])


@files.command()
@click.argument("paths", nargs=-1, required=True)
@_with_client
def rm(client: "Client", paths: tuple[str, ...]) -> None:
    """Move files and folders to the trash; `restore` brings them back."""
    from commonplace.apps.files.client import Drive  # noqa: PLC0415

    for path in paths:
        kind, entry = Drive(client).entry(path)
        client.request("DELETE", f"{kind}/{entry['id']}")
        click.echo(f"{entry['name']} is in the trash. `commonplace files restore {entry['id']}` brings it back.")


@files.command()
@click.argument("name")
@_with_client
def restore(client: "Client", name: str) -> None:
    """Bring a file or folder back from the trash, by its name (the one deleted last) or its id."""
    from commonplace.apps.files.client import Refused  # noqa: PLC0415

    for entry in client.pages("/api/trash"):
        if name in (entry["id"], entry["name"]) and entry["kind"] in ("file", "folder"):
            restored = client.request("POST", f"/api/{entry['kind']}s/{entry['id']}/restore").json()
            click.echo(f"{restored['name']} is back.")
            return
    raise Refused(f"There is nothing named “{name}” in the trash.")


def _sources(path: Path) -> Iterator[tuple[Path, str]]:
    """The files at and below a path, each with the folder that it is to lie in."""
    if not path.is_dir():
        yield path, ""
        return
    top = path.resolve().name
    for folder, folders, names in os.walk(path):
        folders.sort()
        inner = Path(folder).relative_to(path)
        for name in sorted(names):
            source = Path(folder) / name
            if source.is_file():
                yield source, "/".join((top, *inner.parts))


def _upload(client: "Client", source: Path, folder_id: str | None, *, replace: bool) -> dict[str, Any]:
    def blocks() -> Iterator[bytes]:
        with source.open("rb") as file:
            while block := file.read(_BLOCK):
                yield block

    try:
        source.name.encode()
    except UnicodeEncodeError:
        raise click.ClickException(f"{source!r}: its name is no text; rename it first.") from None
    wanted = {"name": source.name, "on_conflict": "replace" if replace else "keep_both"}
    query = urlencode(wanted | ({} if folder_id is None else {"folder_id": folder_id}))
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(source.stat().st_size)}
    made: dict[str, Any] = client.request("POST", f"/api/files?{query}", body=blocks, headers=headers).json()
    return made


def _download(client: "Client", file: dict[str, Any], target: Path) -> None:
    partial = target.with_name(f".{uuid4().hex}.part")
    digest = hashlib.sha256()
    try:
        with client.download(f"/api/files/{file['id']}/content") as answer, partial.open("xb") as output:
            for block in answer.iter_bytes(_BLOCK):
                digest.update(block)
                output.write(block)
        if digest.hexdigest() != file["sha256"]:
            raise click.ClickException(f"{file['name']}: what arrived is not what is stored, or it changed. Try again.")
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _harmless(name: str) -> str:
    """A name as it may stand in this folder, whatever it was called: on Windows a colon names a hidden stream."""
    if Path(name).name != name or name in ("", ".", "..") or (os.name == "nt" and ":" in name):
        raise click.ClickException(f"“{name}” cannot be a file's name here; choose one with --output.")
    return name
