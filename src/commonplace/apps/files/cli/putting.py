"""`commonplace files put`: files and whole directories, into folders that are made where they are missing."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click

from commonplace.apps.files.cli.fetching import is_part
from commonplace.apps.files.cli.sending import Sender, Wanted, checked_name, goes_in_a_batch, is_same
from commonplace.apps.files.cli.telling import Teller
from commonplace.apps.files.client import Client, Drive, Refused


class Place(NamedTuple):
    """A folder, and the files that are to lie in it."""

    path: str
    files: list[Wanted]


def places(paths: Sequence[Path], folder: str) -> list[Place]:
    """Where everything at and below these paths is to lie. Links to elsewhere are not followed, empty folders kept."""
    found: dict[str, Place] = {}
    for path in paths:
        for source, inner in _sources(path):
            where = "/".join(filter(None, (folder.strip("/"), inner)))
            place = found.setdefault(where, Place(where, []))
            if source is not None:
                place.files.append(Wanted(source, source.stat().st_size))
    return list(found.values())


def put(client: Client, wanted: Sequence[Place], teller: Teller, *, replace: bool) -> None:
    """Send everything. What is there already with the same bytes stays as it is."""
    total = sum(file.size_bytes for place in wanted for file in place.files)
    drive, sender = Drive(client), Sender(client, teller.advance)
    ids: dict[str, str | None] = {"": None}
    with teller.bar(total, "Sending"):
        for place in wanted:
            _put_into(drive, sender, place, _folder_id(drive, place.path, ids), teller, replace=replace)


def _put_into(
    drive: Drive, sender: Sender, place: Place, folder_id: str | None, teller: Teller, *, replace: bool
) -> None:
    there = {entry["name"]: entry for kind, entry in drive.children(folder_id) if kind == "file"} if place.files else {}

    def done(source: Path, made: dict[str, Any], what: str = "sent") -> None:
        path = "/".join(filter(None, (place.path, made["name"])))
        facts = {key: made[key] for key in ("id", "size_bytes", "sha256", "version")}
        note = "" if what == "sent" else "  is there already"
        teller.say(f"{path}  {made['size_bytes']} bytes{note}", path=path, source=str(source), done=what, **facts)

    small: list[Wanted] = []
    for file in place.files:
        try:
            name = checked_name(file.source)
            known = there.get(name)
            if known is not None and is_same(file.source, file.size_bytes, known):
                teller.advance(file.size_bytes)
                done(file.source, known, "there")
            elif goes_in_a_batch(name, file.size_bytes) and not (known is not None and replace):
                small.append(file)
            else:
                done(file.source, sender.send(file.source, folder_id, on_conflict=_conflict(replace=replace)))
        except (click.ClickException, OSError) as error:
            teller.fail(str(file.source), _reason(error))
        except Refused as refused:
            if not refused.problem:  # no problem document: the server is gone, or it is none
                raise
            teller.fail(str(file.source), str(refused))
    _send_small(sender, small, folder_id, teller, done)


def _send_small(sender: Sender, small: list[Wanted], folder_id: str | None, teller: Teller, done: Any) -> None:
    sent: set[Path] = set()

    def note(source: Path, made: dict[str, Any]) -> None:
        sent.add(source)
        done(source, made)

    try:
        sender.send_small(small, folder_id, note)
    except (Refused, OSError) as error:
        if isinstance(error, Refused) and not error.problem:
            raise
        # One of them spoilt it: which one shows when each goes by itself.
        for file in small:
            if file.source not in sent:
                try:
                    done(file.source, sender.send(file.source, folder_id))
                except (Refused, OSError) as reason:
                    teller.fail(str(file.source), _reason(reason))


def _folder_id(drive: Drive, path: str, ids: dict[str, str | None]) -> str | None:
    """The id of a folder, made where it is missing; each is asked for once."""
    if path not in ids:
        parent, _, name = path.rpartition("/")
        ids[path] = drive.folder_in(_folder_id(drive, parent, ids), name)
    return ids[path]


def _conflict(*, replace: bool) -> str:
    return "replace" if replace else "keep_both"


def _reason(error: Exception) -> str:
    return error.message if isinstance(error, click.ClickException) else str(error)


def _sources(path: Path) -> Iterator[tuple[Path | None, str]]:
    """The files at and below a path, each with the folder that it is to lie in; None: a folder by itself."""
    if not path.is_dir():
        yield path, ""
        return
    top = path.resolve().name
    for folder, folders, names in os.walk(path):
        folders.sort()
        inner = "/".join((top, *Path(folder).relative_to(path).parts))
        yield None, inner
        for name in sorted(names):
            source = Path(folder) / name
            if source.is_symlink() or not source.is_file():
                click.echo(f"{source}: a link, or no file; left out", err=True)
            elif not is_part(name):
                yield source, inner
