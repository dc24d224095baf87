"""Files on their way down: into a part beside the target, which goes on where it ended and is renamed when right."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click
import httpx

from commonplace.apps.files.client import Client, Refused

_BLOCK: Final = 1024 * 1024
_TRIES: Final = 8  # in a row that bring nothing
_SUFFIX: Final = ".part"


def is_part(name: str) -> bool:
    """Whether a file of this name is an unfinished download."""
    return name.startswith(".") and name.endswith(_SUFFIX)


def fetch(
    client: Client,
    file: dict[str, Any],
    target: Path,
    advance: Callable[[int], None],
    *,
    check: Callable[[], None] | None = None,
) -> None:
    """Download a file. It is complete at `target`, and its SHA-256 right, or what was there is still there.

    `check` is called right before what is there is replaced, and may raise.

    Raises:
        ClickException: what arrived is not what is stored.
        Refused: the server said no, or cannot be reached any more. What came stays as a part; the next call goes on.
    """
    part = _part(target, file["sha256"])
    for is_second in (False, True):
        _fill(client, file, part, advance)
        if _sha256(part) == file["sha256"]:
            if check is not None:
                check()
            part.replace(target)
            return
        part.unlink()
        if is_second:
            raise click.ClickException(f"{file['name']}: what arrived is not what is stored, or it changed. Try again.")


def harmless(name: str) -> str:
    """A name as it may stand in a folder here, whatever it was called: on Windows a colon names a hidden stream.

    Raises:
        ClickException: it may not.
    """
    if Path(name).name != name or name in ("", ".", "..") or (os.name == "nt" and ":" in name):
        raise click.ClickException(f"“{name}” cannot be a file's name here; choose one with --output.")
    return name


def _part(target: Path, sha256: str) -> Path:
    """Where the bytes of this content are gathered for `target`; parts of what it was before are removed."""
    start = f".{hashlib.blake2b(target.name.encode(errors='surrogateescape'), digest_size=8).hexdigest()}-"
    part = target.with_name(f"{start}{sha256[:16]}{_SUFFIX}")
    for other in target.parent.glob(f"{start}*{_SUFFIX}"):
        if other != part:
            other.unlink(missing_ok=True)
    return part


def _fill(client: Client, file: dict[str, Any], part: Path, advance: Callable[[int], None]) -> None:
    """Bring the part to the file's size."""
    size, failures = int(file["size_bytes"]), 0
    have = part.stat().st_size if part.exists() else 0
    advance(min(have, size))
    while have < size or not part.exists():
        before = have
        try:
            have = _append(client, file, part, have, advance)
        except httpx.TransportError as error:
            have = part.stat().st_size if part.exists() else 0
            failures = 0 if have > before else failures + 1
            if failures >= _TRIES:
                raise Refused(
                    f"{client.server} cannot be reached: {error}. The next try goes on where it was."
                ) from error
            client.pause(min(0.2 * 2**failures, 30.0))
            continue
        if have < size:  # an answer that ended well, and early: the file is shorter now
            return


def _append(client: Client, file: dict[str, Any], part: Path, have: int, advance: Callable[[int], None]) -> int:
    tag = f'"{file["sha256"]}"'
    headers = {"Range": f"bytes={have}-", "If-Range": tag} if have else {}
    with client.download(f"/api/files/{file['id']}/content", headers=headers) as answer:
        is_rest = answer.status_code == httpx.codes.PARTIAL_CONTENT
        with part.open("ab" if is_rest else "wb") as output:
            if not is_rest:
                advance(-have)
            for block in answer.iter_bytes():
                output.write(block)
                advance(len(block))
            return output.tell()


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
