"""Moving, renaming and sharing what is on the server."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from commonplace.apps.files.client import Client, Drive, NotThere, Refused


def change(client: Client, path: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Change a file or folder, if it is still as it was looked at; what it is now.

    Raises:
        Refused: there is none, or the server said no.
    """
    kind, entry = Drive(client).entry(path)
    return _changed(client, kind, entry, fields)


def move(client: Client, paths: Sequence[str], target: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Move everything into the folder `target`, or one thing to be `target`: each one's new path, and what it is now.

    Raises:
        Refused: something is not there, or the server said no. What was moved before stays moved.
    """
    drive = Drive(client)
    target = target.strip("/")
    try:
        folder_id, name = drive.folder_id(target), None
    except NotThere:
        if len(paths) > 1:
            raise Refused(f"There is no folder {target} to move them into; make it first.") from None
        parent, _, name = target.rpartition("/")
        folder_id, target = drive.folder_id(parent), parent
    for path in paths:
        kind, entry = drive.entry(path)
        place = "folder_id" if kind == "/api/files" else "parent_id"
        changed = _changed(client, kind, entry, {place: folder_id} | ({} if name is None else {"name": name}))
        yield "/".join(filter(None, (target, changed["name"]))), changed


def share(client: Client, path: str, *, days: int | None) -> dict[str, Any]:
    """Make a link to a file or folder: the server's answer, with its `url`.

    Raises:
        Refused: there is none, or it is not the caller's to share.
    """
    _, entry = Drive(client).entry(path)
    until = None if days is None else (datetime.now(UTC) + timedelta(days=days)).isoformat()
    body = {"item_id": entry["id"], "expires_at": until}
    made: dict[str, Any] = client.request("POST", "/api/shares/links", json=body).json()
    return made


def _changed(client: Client, kind: str, entry: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    headers = {"If-Match": f'"{entry["version"]}"'}
    changed: dict[str, Any] = client.request("PATCH", f"{kind}/{entry['id']}", headers=headers, json=fields).json()
    return changed
