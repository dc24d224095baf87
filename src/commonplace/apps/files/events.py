"""The facts that files tells. Names and places are in the items' versions; what happened to which one is here."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from commonplace.platform.events.event import Event


@dataclass(frozen=True, kw_only=True)
class FileUploaded(Event):
    """A new file is there."""

    name: ClassVar[str] = "file.uploaded"
    file_id: UUID
    object_id: UUID
    media_type: str
    size_bytes: int
    copied_from: UUID | None = None  #: the file that it is a copy of


@dataclass(frozen=True, kw_only=True)
class FileReplaced(Event):
    """A file has other bytes than before: uploaded anew, or those of an earlier version."""

    name: ClassVar[str] = "file.replaced"
    file_id: UUID
    object_id: UUID
    media_type: str
    size_bytes: int
    restored_version: int | None = None  #: the version whose bytes came back


@dataclass(frozen=True, kw_only=True)
class FileRenamed(Event):
    """A file has another name."""

    name: ClassVar[str] = "file.renamed"
    file_id: UUID


@dataclass(frozen=True, kw_only=True)
class FileMoved(Event):
    """A file lies in another folder; it may have got another name, too."""

    name: ClassVar[str] = "file.moved"
    file_id: UUID
    from_folder_id: UUID | None
    to_folder_id: UUID | None


@dataclass(frozen=True, kw_only=True)
class FileTagged(Event):
    """A file has other tags than before."""

    name: ClassVar[str] = "file.tagged"
    file_id: UUID


@dataclass(frozen=True, kw_only=True)
class FileTrashed(Event):
    """A file was moved to the trash."""

    name: ClassVar[str] = "file.trashed"
    file_id: UUID


@dataclass(frozen=True, kw_only=True)
class FileRestored(Event):
    """A file came back from the trash, perhaps elsewhere or under another name."""

    name: ClassVar[str] = "file.restored"
    file_id: UUID


@dataclass(frozen=True, kw_only=True)
class FileProcessed(Event):
    """Machines have looked at a file's bytes. Told once for each file that has them; the file's version stays."""

    name: ClassVar[str] = "file.processed"
    file_id: UUID
    object_id: UUID
    state: Literal["done", "failed", "none"]


@dataclass(frozen=True, kw_only=True)
class FileHandedOver(Event):
    """Somebody was given a signed URL that reads a file's bytes: what they do with it is not seen here."""

    name: ClassVar[str] = "file.handed_over"
    file_id: UUID
    size_bytes: int
    until: datetime  #: the URL works so long


@dataclass(frozen=True, kw_only=True)
class FileToBeRead(Event):
    """A file's bytes are to be read anew: somebody asked for it, or this release reads them better."""

    name: ClassVar[str] = "file.to_be_read"
    file_id: UUID
    object_id: UUID
    is_asked: bool = False  #: by a person: also when this release has read it before


@dataclass(frozen=True, kw_only=True)
class FolderCreated(Event):
    """A new folder is there."""

    name: ClassVar[str] = "folder.created"
    folder_id: UUID
    copied_from: UUID | None = None  #: the folder that it is a copy of


@dataclass(frozen=True, kw_only=True)
class FolderRenamed(Event):
    """A folder has another name."""

    name: ClassVar[str] = "folder.renamed"
    folder_id: UUID


@dataclass(frozen=True, kw_only=True)
class FolderMoved(Event):
    """A folder lies elsewhere, with everything in it. Told once, for the folder."""

    name: ClassVar[str] = "folder.moved"
    folder_id: UUID
    from_folder_id: UUID | None
    to_folder_id: UUID | None


@dataclass(frozen=True, kw_only=True)
class FolderTagged(Event):
    """A folder has other tags than before."""

    name: ClassVar[str] = "folder.tagged"
    folder_id: UUID


@dataclass(frozen=True, kw_only=True)
class FolderTrashed(Event):
    """A folder was moved to the trash, and everything in it went out of sight. Told once, for the folder."""

    name: ClassVar[str] = "folder.trashed"
    folder_id: UUID


@dataclass(frozen=True, kw_only=True)
class FolderRestored(Event):
    """A folder came back from the trash with everything in it, perhaps elsewhere or under another name."""

    name: ClassVar[str] = "folder.restored"
    folder_id: UUID
