"""What is told of files and folders that come back to how they were."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from commonplace.apps.files.events import (
    FileMoved,
    FileRenamed,
    FileReplaced,
    FileRestored,
    FileTrashed,
    FolderMoved,
    FolderRenamed,
    FolderRestored,
    FolderTrashed,
)
from commonplace.apps.files.models import FILE
from commonplace.apps.files.names import numbered_file, numbered_folder
from commonplace.platform.database.row import Row
from commonplace.platform.events.event import Event
from commonplace.platform.history.kind import Kind


def trashed(kind: Kind, item_id: UUID) -> Event:
    """It goes to the trash."""
    return FileTrashed(file_id=item_id) if kind is FILE else FolderTrashed(folder_id=item_id)


def back(kind: Kind, locked: Row, *, parent_id: UUID | None, values: Mapping[str, Any], version: int) -> Event:
    """It comes back: out of the trash, to its place, to its name, or to the bytes of a `version`."""
    was, is_moved = locked.trashed_at is not None, parent_id != locked.parent_id
    if "object_id" in values:
        return FileReplaced(
            file_id=locked.id,
            object_id=UUID(values["object_id"]),
            media_type=values["media_type"],
            size_bytes=values["size_bytes"],
            restored_version=version,
        )
    if was:
        return FileRestored(file_id=locked.id) if kind is FILE else FolderRestored(folder_id=locked.id)
    if is_moved and kind is FILE:
        return FileMoved(file_id=locked.id, from_folder_id=locked.parent_id, to_folder_id=parent_id)
    if is_moved:
        return FolderMoved(folder_id=locked.id, from_folder_id=locked.parent_id, to_folder_id=parent_id)
    return FileRenamed(file_id=locked.id) if kind is FILE else FolderRenamed(folder_id=locked.id)


def numbered(kind: Kind) -> Callable[[str, int], str]:
    """How another name beside one that is taken is made."""
    return numbered_file if kind is FILE else numbered_folder
