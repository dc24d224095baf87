"""Large files on their way up, by tus 1.0: an upload that was cut off goes on, in this run or the next one.

Where an upload stands is asked of the server. Kept here is only which upload belongs to which file, for as long as the
file stays as it is.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import click
import httpx

from commonplace.apps.files.client import Client, Refused

_PATH: Final = "/api/files/uploads"
_BLOCK: Final = 1024 * 1024
_VERSION: Final = {"Tus-Resumable": "1.0.0"}
_TRIES: Final = 8  # in a row that bring nothing
_MOST_KEPT: Final = 1000
_LATER: Final = frozenset({409, 423, 429, 502, 503, 504})  # another offset, another sender, or trouble that passes
_GONE: Final = frozenset({403, 404, 410})
_NOT_HERE: Final = frozenset({404, 405})

Advance = Callable[[int], None]


class Uploads:
    """Which unfinished uploads belong to which files, in one file of this person's."""

    def __init__(self, folder: Path | None = None) -> None:
        self._path = (folder or Path(click.get_app_dir("commonplace"))) / "uploads.json"

    def of(self, key: str) -> str | None:
        """The address of the upload of a file; None: there is none."""
        return self._all().get(key)

    def keep(self, key: str, address: str | None) -> None:
        """Remember an upload; None forgets it."""
        known = self._all()
        known.pop(key, None)
        if address is not None:
            known[key] = address
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = self._path.with_name(f".{self._path.name}.{uuid4().hex}")
        fresh.write_text(json.dumps(dict(list(known.items())[-_MOST_KEPT:])))
        fresh.replace(self._path)

    def _all(self) -> dict[str, str]:
        try:
            known: dict[str, str] = json.loads(self._path.read_text())
        except (OSError, ValueError):  # then uploads begin anew, which costs time and nothing else
            return {}
        return known


def send_resumably(
    client: Client, source: Path, wanted: Mapping[str, str], advance: Advance, *, uploads: Uploads | None = None
) -> dict[str, Any] | None:
    """Send a file so that it goes on where it was cut off: the file that was made. None: the server knows no tus.

    Args:
        client: The server.
        source: The file.
        wanted: The upload's metadata: `filename`, `folder_id`, `on_conflict`, `file_id`, `file_version`.
        advance: Told how many bytes are done.
        uploads: Where unfinished uploads are remembered.

    Raises:
        Refused: the server said no, or is away; the next call goes on where this one was.
        ClickException: what arrived is not what was sent.
    """
    uploads = uploads or Uploads()
    status = source.stat()
    of = [client.server, str(source.resolve()), status.st_size, status.st_mtime_ns, sorted(wanted.items())]
    key = hashlib.sha256(json.dumps(of).encode()).hexdigest()
    upload = _Upload(client, source, status.st_size, advance)
    upload.address = uploads.of(key)
    if upload.address is None or not upload.look():
        if not upload.begin(wanted):
            return None
        uploads.keep(key, upload.address)
    made = upload.finish()
    uploads.keep(key, None)
    return made


class _Upload:
    """One file on its way."""

    def __init__(self, client: Client, source: Path, size: int, advance: Advance) -> None:
        self.address: str | None = None
        self._client = client
        self._source = source
        self._size = size
        self._advance = advance
        self._shown = 0
        self._offset = 0
        self._made_at: str | None = None

    def begin(self, wanted: Mapping[str, str]) -> bool:
        """Make an upload; False: there are no such here."""
        pairs = ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in wanted.items())
        headers = {**_VERSION, "Upload-Length": str(self._size), "Upload-Metadata": pairs}
        try:
            answer = self._client.request("POST", _PATH, headers=headers)
        except Refused as refused:
            if refused.status in _NOT_HERE and refused.problem in ("", "not-found", "method-not-allowed"):
                return False
            raise
        self.address = answer.headers["Location"]
        self._note(answer)
        return True

    def look(self) -> bool:
        """Ask how far it is; False: it is gone."""
        try:
            self._note(self._client.request("HEAD", str(self.address), headers=dict(_VERSION)))
        except Refused as refused:
            if refused.status in _GONE:
                return False
            raise
        return True

    def finish(self) -> dict[str, Any]:
        """Send what is missing; the file that was made."""
        failures = 0
        digest = self._digest()
        while self._made_at is None:
            before = self._offset
            try:
                self._send()
            except (httpx.TransportError, Refused) as error:
                if isinstance(error, Refused) and error.status not in _LATER:
                    raise
                self._client.pause(min(0.2 * 2**failures, 30.0))
                if not self.look():
                    raise Refused(f"{self._source}: its upload is gone from the server. Send it again.") from error
                failures = 0 if self._offset > before else failures + 1
                if failures >= _TRIES:
                    raise Refused(f"{self._client.server} takes no more: {error}. The next try goes on.") from error
        made: dict[str, Any] = self._client.request("GET", self._made_at).json()
        if made["sha256"] != digest:
            raise click.ClickException(f"{self._source}: what arrived is not what is there now. Send it again.")
        return made

    def _send(self) -> None:
        headers = {
            **_VERSION,
            "Upload-Offset": str(self._offset),
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(self._size - self._offset),
        }
        self._note(self._client.once("PATCH", str(self.address), headers=headers, body=self._rest))

    def _rest(self) -> Iterator[bytes]:
        sent = self._offset
        with self._source.open("rb") as file:
            file.seek(sent)
            while block := file.read(_BLOCK):
                yield block
                sent += len(block)
                self._show(sent)

    def _note(self, answer: httpx.Response) -> None:
        self._offset = int(answer.headers.get("Upload-Offset", "0"))
        self._made_at = answer.headers.get("Content-Location")
        self._show(self._offset)

    def _show(self, done: int) -> None:
        self._advance(done - self._shown)
        self._shown = done

    def _digest(self) -> str:
        digest = hashlib.sha256()
        with self._source.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        return digest.hexdigest()
