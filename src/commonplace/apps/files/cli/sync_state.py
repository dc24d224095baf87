"""What a directory and a folder had in common when they were last brought together, in one small file in the directory.

Without it nothing is lost: what is alike on both sides is recognised by its SHA-256, and what differs is kept twice.
"""

import json
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import uuid4

import click

NAME: Final = ".commonplace-sync.json"
_FORMAT: Final = 1


class Common(NamedTuple):
    """A file as both sides had it."""

    sha256: str
    size_bytes: int
    changed_ns: int  #: when it was changed here, so that it need not be read to know that it was not


class State:
    """The state of one directory with one folder of one server."""

    def __init__(self, directory: Path, *, server: str, folder: str) -> None:
        """Read it.

        Raises:
            ClickException: the directory belongs to another folder or server, or the file is none of ours.
        """
        self._path = directory / NAME
        self._whose = {"format": _FORMAT, "server": server, "folder": folder}
        self.folder_id: str | None = None
        self.files: dict[str, Common] = {}
        self.folders: set[str] = set()
        try:
            known: Any = json.loads(self._path.read_text())
        except FileNotFoundError:
            return
        except ValueError as error:
            raise click.ClickException(f"{self._path} cannot be read ({error}). Remove it to compare anew.") from error
        if {key: known.get(key) for key in self._whose} != self._whose:
            raise click.ClickException(
                f"{directory} was synced with {known.get('folder')!r} of {known.get('server')}. Use that folder, or "
                f"remove {self._path} to compare it with another one anew."
            )
        self.folder_id = known["folder_id"]
        self.files = {path: Common(*common) for path, common in known["files"].items()}
        self.folders = set(known["folders"])

    def belongs_to(self, folder_id: str | None) -> None:
        """Forget what was in common with another folder, of the same name: what is gone with that was not removed."""
        if self.folder_id != folder_id:
            self.files, self.folders = {}, set()
        self.folder_id = folder_id

    def save(self) -> None:
        """Write it, whole or not at all."""
        fresh = self._path.with_name(f".{uuid4().hex}.part")
        content = {**self._whose, "folder_id": self.folder_id, "folders": sorted(self.folders), "files": self.files}
        fresh.write_text(json.dumps(content, ensure_ascii=False))
        fresh.replace(self._path)
