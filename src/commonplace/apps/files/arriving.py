"""How files and folders are read in out of an archive."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from commonplace.apps.files.errors import InvalidName
from commonplace.apps.files.events import FileUploaded, FolderCreated
from commonplace.apps.files.models import FILE, FOLDER
from commonplace.apps.files.names import checked_name, numbered_file, numbered_folder
from commonplace.apps.files.schemas import Tags
from commonplace.platform.leaving.arrival import Arrival, Arriving, NotTaken

_TAGS: Final[TypeAdapter[list[str]]] = TypeAdapter(Tags)


def _title(title: str) -> str:
    try:
        return checked_name(title)
    except InvalidName as problem:
        raise NotTaken(problem.detail) from problem


def _file(arriving: Arriving) -> dict[str, Any]:
    """The bytes are what was stored, whatever the state says of them."""
    if arriving.object is None:
        raise NotTaken("It names no bytes.")
    return {
        "object_id": str(arriving.object.id),
        "size_bytes": arriving.object.size_bytes,
        "media_type": arriving.object.media_type,
        "sha256": arriving.object.sha256,
        "tags": _tags(arriving),
    }


def _folder(arriving: Arriving) -> dict[str, Any]:
    return {"tags": _tags(arriving)}


def _tags(arriving: Arriving) -> list[str]:
    """Those that a tag can be: whatever an archive says, no more is taken than could be sent."""
    try:
        return _TAGS.validate_python(arriving.state.get("tags", []))
    except ValidationError:
        return []


def _uploaded(file_id: UUID, values: Mapping[str, Any]) -> FileUploaded:
    return FileUploaded(
        file_id=file_id,
        object_id=UUID(values["object_id"]),
        media_type=values["media_type"],
        size_bytes=values["size_bytes"],
    )


def _created(folder_id: UUID, _values: Mapping[str, Any]) -> FolderCreated:
    return FolderCreated(folder_id=folder_id)


ARRIVALS: Final = {
    FOLDER.name: Arrival(
        values=_folder, title=_title, fact=_created, parents=frozenset({FOLDER.name}), numbered=numbered_folder
    ),
    FILE.name: Arrival(
        values=_file, title=_title, fact=_uploaded, parents=frozenset({FOLDER.name}), numbered=numbered_file
    ),
}
