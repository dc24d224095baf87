"""Files on their way up: small ones together, large ones each by itself, and nothing that is there already.

A command that was cut off is simply run again: what arrived is known by its SHA-256 and not sent twice.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import click

from commonplace.apps.files.cli.resuming import send_resumably
from commonplace.apps.files.client import Client, Refused

SMALL_BYTES: Final = 256 * 1024  #: the server's batches take what is smaller
RESUMED_BYTES: Final = 8 * 1024 * 1024  #: from here on an upload that is cut off goes on where it was
_BLOCK: Final = 1024 * 1024
_BATCH_FILES: Final = 500
_BATCH_BYTES: Final = 8 * 1024 * 1024
_NOT_IN_FORMS: Final = frozenset('"%\r\n\\')  # which forms write in ways that differ

Done = Callable[[Path, dict[str, Any]], None]


class Wanted(NamedTuple):
    """A file that is to be sent."""

    source: Path
    size_bytes: int


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file here, as the server writes it."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def checked_name(source: Path) -> str:
    """The name under which a file goes up.

    Raises:
        ClickException: it is none that could be sent.
    """
    try:
        source.name.encode()
    except UnicodeEncodeError:
        raise click.ClickException(f"{source!r}: its name is no text; rename it first.") from None
    return source.name


def is_same(source: Path, size_bytes: int, there: dict[str, Any] | None) -> bool:
    """Whether the file that is there has these bytes already."""
    return there is not None and there["size_bytes"] == size_bytes and there["sha256"] == sha256_of(source)


class Sender:
    """Sends files into folders of one server."""

    def __init__(self, client: Client, advance: Callable[[int], None]) -> None:
        self._client = client
        self._advance = advance

    def send_small(self, files: Iterable[Wanted], folder_id: str | None, done: Done) -> None:
        """Send files under 256 kB into one folder, many in a request. Names that are taken get a number.

        Raises:
            Refused: the server said no; the files of the request are not there.
        """
        for group in _groups(files):
            contents = [file.source.read_bytes() for file in group]
            for file, content, made in zip(group, contents, self._batch(group, contents, folder_id), strict=True):
                _require_same(file.source, hashlib.sha256(content).hexdigest(), made)
                self._advance(len(content))
                done(file.source, made)

    def send(self, source: Path, folder_id: str | None, *, on_conflict: str = "keep_both") -> dict[str, Any]:
        """Send one file of any size; the file that was made of it, or that has a new version.

        Raises:
            Refused: the server said no.
            ClickException: the file changed while it was sent.
        """
        where = {} if folder_id is None else {"folder_id": folder_id}
        name = checked_name(source)
        if source.stat().st_size >= RESUMED_BYTES:
            made = send_resumably(
                self._client, source, {"filename": name, "on_conflict": on_conflict, **where}, self._advance
            )
            if made is not None:
                return made
        query = urlencode({"name": name, "on_conflict": on_conflict, **where})
        return self._stream("POST", f"/api/files?{query}", source, {})

    def replace(self, source: Path, file_id: str, version: int) -> dict[str, Any]:
        """Make the next version of a file, if its newest is still `version`.

        Raises:
            Refused: it is not, or the server said no for another reason.
        """
        if source.stat().st_size >= RESUMED_BYTES:
            wanted = {"filename": checked_name(source), "file_id": file_id, "file_version": str(version)}
            made = send_resumably(self._client, source, wanted, self._advance)
            if made is not None:
                return made
        return self._stream("PUT", f"/api/files/{file_id}/content", source, {"If-Match": f'"{version}"'})

    def _stream(self, method: str, path: str, source: Path, headers: dict[str, str]) -> dict[str, Any]:
        sent = 0
        digest = hashlib.sha256()

        def blocks() -> Iterator[bytes]:
            nonlocal sent, digest
            self._advance(-sent)
            sent, digest = 0, hashlib.sha256()
            with source.open("rb") as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
                    sent += len(block)
                    yield block
                    self._advance(len(block))

        headers = {
            **headers,
            "Content-Type": "application/octet-stream",
            "Content-Length": str(source.stat().st_size),
        }
        made: dict[str, Any] = self._client.request(method, path, body=blocks, headers=headers).json()
        _require_same(source, digest.hexdigest(), made)
        return made

    def _batch(self, group: Sequence[Wanted], contents: Sequence[bytes], folder_id: str | None) -> list[dict[str, Any]]:
        parts = [
            ("file", (file.source.name, content, "application/octet-stream"))
            for file, content in zip(group, contents, strict=True)
        ]
        where = {} if folder_id is None else {"folder_id": folder_id}
        try:
            answer = self._client.request("POST", "/api/files/batch", params=where, files=parts)
        except Refused as refused:
            if refused.problem != "batch-too-large" or len(group) == 1:
                raise
            half = len(group) // 2  # of a server that takes fewer
            return [
                *self._batch(group[:half], contents[:half], folder_id),
                *self._batch(group[half:], contents[half:], folder_id),
            ]
        items: list[dict[str, Any]] = answer.json()["items"]
        return items


def goes_in_a_batch(name: str, size_bytes: int) -> bool:
    """Whether a file is small enough, and has a name that all forms write alike."""
    return size_bytes < SMALL_BYTES and _NOT_IN_FORMS.isdisjoint(name)


def _groups(files: Iterable[Wanted]) -> Iterator[list[Wanted]]:
    group: list[Wanted] = []
    size = 0
    for file in files:
        if group and (len(group) >= _BATCH_FILES or size + file.size_bytes > _BATCH_BYTES):
            yield group
            group, size = [], 0
        group.append(file)
        size += file.size_bytes
    if group:
        yield group


def _require_same(source: Path, sha256: str, made: dict[str, Any]) -> None:
    if made["sha256"] != sha256:
        raise click.ClickException(f"{source}: what arrived is not what was sent. Send it again with --replace.")
