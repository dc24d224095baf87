"""`commonplace files get`: a file, or a folder with everything in it."""

from pathlib import Path
from typing import Any

import click

from commonplace.apps.files.cli.fetching import fetch, harmless
from commonplace.apps.files.cli.sending import is_same
from commonplace.apps.files.cli.telling import Teller
from commonplace.apps.files.client import Client, Drive, Refused


def get_file(client: Client, file: dict[str, Any], output: Path | None, teller: Teller, *, force: bool) -> None:
    """Download one file to `output`, into the folder `output`, or under its own name.

    Raises:
        ClickException: something is there already, or what arrived is not what is stored.
    """
    target = output or Path(harmless(file["name"]))
    if target.is_dir():
        target /= harmless(file["name"])
    if target.exists() and not force:
        raise click.ClickException(f"{target} is there already; --force overwrites it, --output names another.")
    with teller.bar(file["size_bytes"], file["name"]):
        fetch(client, file, target, teller.advance)
    _tell(teller, file, target, "fetched")


def get_folder(client: Client, folder: dict[str, Any], output: Path | None, teller: Teller, *, force: bool) -> None:
    """Download a folder. What is there already with the same bytes stays; with others it fails, unless `force`."""
    top = output / harmless(folder["name"]) if output is not None and output.is_dir() else output
    top = top or Path(harmless(folder["name"]))
    top.mkdir(parents=True, exist_ok=True)
    files: list[tuple[Path, dict[str, Any]]] = []
    for path, kind, entry in Drive(client).below(folder["id"]):
        try:
            target = inside(top, path)
        except click.ClickException as error:
            teller.fail(path, error.message)
            continue
        if kind == "folder":
            target.mkdir(parents=True, exist_ok=True)
        else:
            files.append((target, entry))
    with teller.bar(sum(entry["size_bytes"] for _, entry in files), folder["name"]):
        for target, entry in files:
            _get(client, entry, target, teller, force=force)


def inside(top: Path, path: str) -> Path:
    """The place of a path from the server below a folder here.

    Raises:
        ClickException: one of its names would lead elsewhere.
    """
    place = top
    for name in path.split("/"):
        if place != top and place.is_symlink():
            raise click.ClickException(f"{place} is a link to elsewhere; nothing is written through it.")
        place /= harmless(name)
    return place


def _get(client: Client, entry: dict[str, Any], target: Path, teller: Teller, *, force: bool) -> None:
    try:
        if target.is_symlink() or (target.exists() and not target.is_file()):
            teller.fail(str(target), "something is there that is no file")
        elif target.exists() and is_same(target, target.stat().st_size, entry):
            teller.advance(entry["size_bytes"])
            _tell(teller, entry, target, "there")
        elif target.exists() and not force:
            teller.fail(str(target), "another file is there already; --force overwrites it")
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            fetch(client, entry, target, teller.advance)
            _tell(teller, entry, target, "fetched")
    except (click.ClickException, OSError) as error:
        teller.fail(str(target), error.message if isinstance(error, click.ClickException) else str(error))
    except Refused as refused:
        if not refused.problem:  # the server is gone, or is none
            raise
        teller.fail(str(target), str(refused))


def _tell(teller: Teller, file: dict[str, Any], target: Path, what: str) -> None:
    note = "" if what == "fetched" else "  is there already"
    facts = {key: file[key] for key in ("id", "size_bytes", "sha256", "version")}
    teller.say(f"{target}  {file['size_bytes']} bytes{note}", path=str(target), done=what, **facts)
