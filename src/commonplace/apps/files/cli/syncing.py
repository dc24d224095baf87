"""`commonplace files sync`: bring a directory and a folder together. It can be cut off at any point and run again.

Nothing is overwritten that was not looked at: a file here is replaced or removed only while it is as it was when it was
compared, a file there only at the version that was compared.
"""

import os
import time
import unicodedata
from pathlib import Path
from typing import Any, Final, NamedTuple

import click

from commonplace.apps.files.cli import sync_plan
from commonplace.apps.files.cli.fetching import fetch, is_part
from commonplace.apps.files.cli.getting import inside
from commonplace.apps.files.cli.sending import Sender, Wanted, checked_name, goes_in_a_batch, sha256_of
from commonplace.apps.files.cli.sync_plan import Direction, Step
from commonplace.apps.files.cli.sync_state import NAME, Common, State
from commonplace.apps.files.cli.telling import Teller
from commonplace.apps.files.client import Client, Drive, NotThere, Refused

_SAVED_EVERY_SECONDS: Final = 5.0


class _Here(NamedTuple):
    source: Path
    size_bytes: int
    changed_ns: int
    sha256: str


class Sync:
    """One directory and one folder."""

    def __init__(
        self, client: Client, directory: Path, folder: str, teller: Teller, *, direction: Direction = "both"
    ) -> None:
        """`folder` is made where it is missing, unless only files of it are wanted (down).

        Raises:
            ClickException: the directory was synced with another folder.
        """
        self._direction = direction
        self._client = client
        self._drive = Drive(client)
        self._directory = directory
        self._folder = folder.strip("/")
        self._teller = teller
        self._sender = Sender(client, teller.advance)
        self._state = State(directory, server=client.server, folder=self._folder)
        self._here: dict[str, _Here] = {}
        self._there: dict[str, dict[str, Any]] = {}
        self._folders_here: set[str] = set()
        self._folder_ids: dict[str, str | None] = {}
        self._saved_at = time.monotonic()
        self._small: list[str] = []

    def run(self, *, delete: bool, dry_run: bool) -> None:
        """Compare, and do what is to be done; with `dry_run` only say it."""
        self._look_there(make=not dry_run)
        self._look_here()
        steps = list(
            sync_plan.plan(
                {path: file.sha256 for path, file in self._here.items()},
                {path: entry["sha256"] for path, entry in self._there.items()},
                {path: common.sha256 for path, common in self._state.files.items()},
                direction=self._direction,
                delete=delete,
            )
        )
        if dry_run:
            for step in steps:
                self._say(step)
            return
        try:
            self._make_folders()
            with self._teller.bar(sum(self._weight(step) for step in steps), "Syncing"):
                for step in steps:
                    self._attempt(step)
                self._send_small()
            if delete:
                self._remove_folders()
        finally:
            there = set(self._folder_ids) - {""}
            # What is gone on one side only was in common until it is gone on both.
            self._state.folders &= self._folders_here | there
            self._state.folders |= self._folders_here & there
            self._state.save()

    # Looking

    def _look_here(self) -> None:
        for folder, folders, names in os.walk(self._directory):
            folders[:] = sorted(name for name in folders if not (Path(folder) / name).is_symlink())
            inner = Path(folder).relative_to(self._directory)
            if inner.parts:
                self._folders_here.add(_key("/".join(inner.parts)))
            for name in names:
                source = Path(folder) / name
                if name == NAME or is_part(name):
                    continue
                if source.is_symlink() or not source.is_file():
                    click.echo(f"{source}: a link, or no file; left out", err=True)
                    continue
                try:
                    checked_name(source)
                    self._here[_key("/".join((*inner.parts, name)))] = self._look_at(source, (*inner.parts, name))
                except (click.ClickException, OSError) as error:
                    self._teller.fail(str(source), str(error))

    def _look_at(self, source: Path, parts: tuple[str, ...]) -> _Here:
        status = source.stat()
        known = self._state.files.get(_key("/".join(parts)))
        is_known = known is not None and (known.size_bytes, known.changed_ns) == (status.st_size, status.st_mtime_ns)
        sha256 = known.sha256 if known is not None and is_known else sha256_of(source)
        return _Here(source, status.st_size, status.st_mtime_ns, sha256)

    def _look_there(self, *, make: bool) -> None:
        try:
            root = self._drive.folder_id(self._folder)
        except NotThere:
            if self._direction == "down":
                raise
            self._state.belongs_to(None)
            if make:
                self._folder_ids[""] = self._drive.folder_id(self._folder, make=True)
                self._state.belongs_to(self._folder_ids[""])
            return
        self._state.belongs_to(root)
        self._folder_ids[""] = root
        for path, kind, entry in self._drive.below(root):
            if kind == "folder":
                self._folder_ids[_key(path)] = entry["id"]
            elif entry["name"] != NAME and not is_part(entry["name"]):
                self._there[_key(path)] = entry

    # Doing

    def _attempt(self, step: Step) -> None:
        try:
            self._do(step)
        except click.ClickException as error:
            self._teller.fail(step.path, error.message)
        except OSError as error:
            self._teller.fail(step.path, str(error))
        except Refused as refused:
            if not refused.problem:  # the server is gone, or is none
                raise
            self._teller.fail(step.path, str(refused))
        if time.monotonic() - self._saved_at > _SAVED_EVERY_SECONDS:
            self._state.save()
            self._saved_at = time.monotonic()

    def _do(self, step: Step) -> None:
        path = step.path
        if step.what == "alike":
            self._agree(path)
            return
        if step.what == "send" and path not in self._there and self._is_small(path):
            self._small.append(path)
            return
        if step.what == "send":
            self._send(path)
        elif step.what == "fetch":
            self._fetch(path)
        elif step.what == "conflict":
            self._keep_both(path)
        elif step.what == "remove_here":
            self._require_unchanged(path)
            self._here.pop(path).source.unlink()
            self._state.files.pop(path, None)
        elif step.what == "remove_there":
            entry = self._there.pop(path)
            self._client.request("DELETE", f"/api/files/{entry['id']}", headers={"If-Match": f'"{entry["version"]}"'})
            self._state.files.pop(path, None)
        self._say(step)

    def _send(self, path: str) -> None:
        file, entry = self._here[path], self._there.get(path)
        if entry is None:
            made = self._sender.send(file.source, self._parent_id(path), on_conflict="fail")
        else:
            made = self._sender.replace(file.source, entry["id"], entry["version"])
        self._common(path, made["sha256"], file)

    def _send_small(self) -> None:
        places: dict[str, list[str]] = {}
        for path in self._small:
            places.setdefault(path.rpartition("/")[0], []).append(path)
        for place, paths in places.items():
            by_source = {self._here[path].source: path for path in paths}

            def done(source: Path, made: dict[str, Any], by_source: dict[Path, str] = by_source) -> None:
                path = by_source[source]
                self._common(path, made["sha256"], self._here[path])
                self._say(Step("send", path))

            files = [Wanted(self._here[path].source, self._here[path].size_bytes) for path in paths]
            try:
                self._sender.send_small(files, self._parent_id(f"{place}/" if place else ""), done)
            except (Refused, OSError) as error:
                if isinstance(error, Refused) and not error.problem:
                    raise
                for path in paths:  # one of them spoilt it; which one shows when each goes by itself
                    if path not in self._state.files or self._state.files[path].sha256 != self._here[path].sha256:
                        self._alone(path)

    def _alone(self, path: str) -> None:
        try:
            self._send(path)
            self._say(Step("send", path))
        except (Refused, OSError, click.ClickException) as error:
            self._teller.fail(path, str(error))

    def _fetch(self, path: str) -> None:
        entry = self._there[path]
        target = self._here[path].source if path in self._here else inside(self._directory, path)
        self._require_unchanged(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        fetch(self._client, entry, target, self._teller.advance, check=lambda: self._require_unchanged(path))
        status = target.stat()
        self._here[path] = _Here(target, status.st_size, status.st_mtime_ns, entry["sha256"])
        self._common(path, entry["sha256"], self._here[path])

    def _keep_both(self, path: str) -> None:
        """What is here gets another name, beside what comes down, and goes up by it where files go up."""
        file = self._here.pop(path)
        kept = _beside(file.source)
        file.source.rename(kept)
        self._fetch(path)
        if self._direction == "both":
            beside = _key(path.rpartition("/")[0] + "/" + kept.name).removeprefix("/")
            self._here[beside] = file._replace(source=kept)
            self._send(beside)
            self._say(Step("send", beside))

    def _require_unchanged(self, path: str) -> None:
        known = self._here.get(path)
        if known is None:
            if inside(self._directory, path).exists():
                raise click.ClickException("it appeared here meanwhile; run sync again")
            return
        status = known.source.stat()
        if (status.st_size, status.st_mtime_ns) != (known.size_bytes, known.changed_ns):
            raise click.ClickException("it changed here meanwhile; run sync again")

    # Folders

    def _make_folders(self) -> None:
        there = set(self._folder_ids) - {""}
        gone_there, gone_here = self._state.folders - there, self._state.folders - self._folders_here
        if self._direction != "down":
            for path in sorted(self._folders_here - there):
                if self._direction == "up" or path not in gone_there:
                    self._parent_id(f"{path}/")
        if self._direction != "up":
            for path in sorted(there - self._folders_here):
                if self._direction == "down" or path not in gone_here:
                    try:
                        inside(self._directory, path).mkdir(parents=True, exist_ok=True)
                        self._folders_here.add(path)
                    except (click.ClickException, OSError) as error:
                        self._teller.fail(path, str(error))

    def _remove_folders(self) -> None:
        """Remove folders that are gone on the other side, when nothing is left in them."""
        there = set(self._folder_ids) - {""}
        both = self._state.folders
        if self._direction != "up":
            for path in sorted((self._folders_here & both) - there, reverse=True):
                target = inside(self._directory, path)
                if not any(target.iterdir()):
                    target.rmdir()
                    self._folders_here.discard(path)
                    self._say(Step("remove_here", path))
        if self._direction != "down":
            gone = there - self._folders_here if self._direction == "up" else (there & both) - self._folders_here
            for path in sorted(gone, reverse=True):
                folder_id = self._folder_ids[path]
                if not any(True for _ in self._drive.children(folder_id)):
                    self._client.request("DELETE", f"/api/folders/{folder_id}")
                    del self._folder_ids[path]
                    self._say(Step("remove_there", path))

    def _parent_id(self, path: str) -> str | None:
        """The id of the folder of a path, made where it is missing."""
        parent = path.rpartition("/")[0]
        if parent not in self._folder_ids:
            self._folder_ids[parent] = self._drive.folder_in(self._parent_id(parent), parent.rpartition("/")[2])
        return self._folder_ids[parent]

    # Keeping

    def _agree(self, path: str) -> None:
        if path in self._here:
            self._common(path, self._here[path].sha256, self._here[path])
        else:
            self._state.files.pop(path, None)

    def _common(self, path: str, sha256: str, file: _Here) -> None:
        self._state.files[path] = Common(sha256, file.size_bytes, file.changed_ns)

    def _is_small(self, path: str) -> bool:
        return goes_in_a_batch(self._here[path].source.name, self._here[path].size_bytes)

    def _weight(self, step: Step) -> int:
        if step.what == "send":
            return self._here[step.path].size_bytes
        return int(self._there[step.path]["size_bytes"]) if step.what in ("fetch", "conflict") else 0

    def _say(self, step: Step) -> None:
        if step.what != "alike":
            self._teller.say(f"{step.path}  {sync_plan.WORDS[step.what]}", path=step.path, done=step.what)


def _key(path: str) -> str:
    """Names are compared as the server does: some systems write letters and their accents apart."""
    return unicodedata.normalize("NFC", path)


def _beside(source: Path) -> Path:
    day = time.strftime("%Y-%m-%d")
    for number in range(1, 1000):
        mark = f" (conflict {day})" if number == 1 else f" (conflict {day}, {number})"
        kept = source.with_name(f"{source.stem}{mark}{source.suffix}")
        if not kept.exists():
            return kept
    raise click.ClickException(f"{source}: there are too many conflicts of today; look through them first.")
