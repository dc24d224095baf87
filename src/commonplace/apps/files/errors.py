"""What can go wrong with files.

Problem
└── FilesError
    ├── InvalidName            422  a name that no file or folder can have
    ├── MalformedUpload        400  a body that is not what it says
    │   ├── FilePartMissing    422  a form without a part `file`
    │   ├── OneFileOnly        422  a form with several, where one is taken
    │   └── BatchTooLarge      413  more, or larger, files than one batch takes
    ├── FileTooLarge           413
    ├── ContentMismatch        400  a signed upload of another size or type
    ├── UploadNotFound         404  there is none, it is over, or it waited too long
    ├── TusVersionUnknown      412  another protocol than tus 1.0.0
    ├── UploadConflict         409  bytes from another place than the one that is next
    ├── UploadBusy             423  another request is sending to the same upload
    ├── UploadFinal            403  what was put together of other uploads takes no bytes
    ├── UploadTooLong          413  more bytes than were announced
    ├── NotOffsetStream        415  a body of another type than tus has
    ├── TooManyUploads         409  with as many unfinished as one may have
    ├── ChecksumMismatch       460  other bytes than the client meant to send
    ├── ContentUnknown         404  the person has nothing with these bytes: they have to be sent
    ├── FileNotFound           404
    ├── FolderNotFound         404
    ├── EntryNotFound          404  of several files and folders
    ├── EntryNamedTwice        422  a batch that says two things of one file or folder
    ├── TooManyTags            422
    ├── CopyIntoItself         409
    ├── ThumbnailNotReady      404  with Retry-After
    ├── NoThumbnail            404  there will be none
    ├── NotInSelection         404  something that was to go into an archive
    ├── ArchiveChanged         412  an archive of another moment was asked for
    ├── DownloadTooLarge       413  more than an archive may hold
    └── LinkNotFound           404  what a signed link leads to is gone

`NameTaken`, `StaleVersion` (platform/history/record.py), `ContainerNotFound`, `MoveIntoOwnSubtree`, `TooDeep`
(platform/history/places.py) and `VersionNotFound` (platform/history/versions.py) come from the platform.
"""

from enum import IntEnum
from http import HTTPStatus
from typing import Final, cast
from uuid import UUID

from commonplace.platform.errors import Problem

_RETRY_AFTER_SECONDS = 2  #: thumbnails are made within a second or two where nothing waits before them


class _TusStatus(IntEnum):
    """A status that the tus protocol adds to those of HTTP."""

    CHECKSUM_MISMATCH = 460

    @property
    def phrase(self) -> str:
        """As `HTTPStatus` has it."""
        return "Checksum Mismatch"


CHECKSUM_STATUS: Final = cast("HTTPStatus", _TusStatus.CHECKSUM_MISMATCH)


class FilesError(Problem):
    """The root of the errors that files raises."""


class InvalidName(FilesError):
    """A name that no file or folder can have; the text says why and what can."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY


class MalformedUpload(FilesError):
    """The body of an upload cannot be read as what it says it is."""

    status = HTTPStatus.BAD_REQUEST


class FilePartMissing(MalformedUpload):
    """A form without a part named `file` that has a file name."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self) -> None:
        super().__init__("The form has no part `file` with a file name. Send the bytes as `file`, or as the raw body.")


class OneFileOnly(MalformedUpload):
    """A form with several files, where one is taken."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self) -> None:
        super().__init__("This takes one file a request; send several small ones to /api/files/batch.")


class BatchTooLarge(MalformedUpload):
    """More files, or larger ones, than a batch takes."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class FileTooLarge(FilesError):
    """A file is larger than the installation allows."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"A file may have {limit_bytes:,} bytes at most (FILES__LARGEST_FILE_BYTES).")


class ContentMismatch(FilesError):
    """What was sent to a signed link has not the size or the type that it was signed for."""

    status = HTTPStatus.BAD_REQUEST


class UploadNotFound(FilesError):
    """There is no such upload, or it is somebody else's."""

    status = HTTPStatus.NOT_FOUND

    def __init__(self) -> None:
        super().__init__("There is no such upload: it was finished, given up, or waited too long. Begin a new one.")


class TusVersionUnknown(FilesError):
    """The request does not speak the version of the tus protocol that is spoken here."""

    status = HTTPStatus.PRECONDITION_FAILED

    def __init__(self) -> None:
        super().__init__("Uploads speak tus 1.0.0; send `Tus-Resumable: 1.0.0`.")
        self.more_headers["Tus-Version"] = "1.0.0"


class UploadConflict(FilesError):
    """The bytes that were sent are not those that come next, or the upload was changed meanwhile."""

    status = HTTPStatus.CONFLICT

    def __init__(self, received_bytes: int) -> None:
        super().__init__(f"The next byte is number {received_bytes:,} (from 0); ask with HEAD, and go on from there.")


class UploadBusy(FilesError):
    """Another request is sending to the same upload just now."""

    status = HTTPStatus.LOCKED

    def __init__(self) -> None:
        super().__init__("Another request is sending to this upload; ask with HEAD when it has ended.")
        self.more_headers["Retry-After"] = "1"


class UploadFinal(FilesError):
    """An upload that was put together of others takes no bytes of its own."""

    status = HTTPStatus.FORBIDDEN

    def __init__(self) -> None:
        super().__init__("This upload was put together of others; nothing can be added to it.")


class UploadTooLong(FilesError):
    """More bytes were sent than the upload was said to have."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE

    def __init__(self, size_bytes: int) -> None:
        super().__init__(f"The upload was said to have {size_bytes:,} bytes, and more came. Begin a new one.")


class NotOffsetStream(FilesError):
    """The body of an upload has another type than the tus protocol has."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE

    def __init__(self) -> None:
        super().__init__("Send the bytes as `Content-Type: application/offset+octet-stream`.")


class TooManyUploads(FilesError):
    """The person has as many unfinished uploads as one may have."""

    status = HTTPStatus.CONFLICT

    def __init__(self, limit: int) -> None:
        super().__init__(f"You have {limit:,} unfinished uploads (FILES__UPLOADS_OPEN). Finish some, or give them up.")


class ChecksumMismatch(FilesError):
    """The bytes that came are not those that the client meant to send; they were dropped."""

    status = CHECKSUM_STATUS

    def __init__(
        self, detail: str = "These bytes do not have the checksum that came with them; send them again."
    ) -> None:
        super().__init__(detail)


class ContentUnknown(FilesError):
    """The person has nothing with these bytes, so they have to be sent."""

    status = HTTPStatus.NOT_FOUND

    def __init__(self) -> None:
        super().__init__("You have nothing with this SHA-256; send the bytes.")


class FileNotFound(FilesError):
    """There is no such file, or the caller may not see it."""

    status = HTTPStatus.NOT_FOUND

    def __init__(self) -> None:
        super().__init__("There is no such file. It may be in the trash.")


class FolderNotFound(FilesError):
    """There is no such folder, or the caller may not see it."""

    status = HTTPStatus.NOT_FOUND

    def __init__(self) -> None:
        super().__init__("There is no such folder. It may be in the trash.")


class EntryNotFound(FilesError):
    """One of several files and folders is none, or the caller may not see it; `id` says which."""

    status = HTTPStatus.NOT_FOUND

    def __init__(self, entry_id: UUID) -> None:
        super().__init__(
            "There is no such file or folder. It may be in the trash. Nothing was changed.", id=str(entry_id)
        )


class EntryNamedTwice(FilesError):
    """A batch names a file or folder twice."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self) -> None:
        super().__init__("A batch may name each file or folder once. Send what is to follow as a second batch.")


class TooManyTags(FilesError):
    """A file or folder would have more tags than one may."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, title: str, limit: int) -> None:
        super().__init__(f"“{title}” would have more than {limit} tags. Remove some first. Nothing was changed.")


class CopyIntoItself(FilesError):
    """A folder cannot be copied into itself or anything below it."""

    status = HTTPStatus.CONFLICT

    def __init__(self) -> None:
        super().__init__("A folder cannot be copied into itself or one of its subfolders; choose a target outside it.")


class ThumbnailNotReady(FilesError):
    """The thumbnail is still to be made."""

    status = HTTPStatus.NOT_FOUND

    def __init__(self) -> None:
        super().__init__("The thumbnail is not ready yet. Try again.", retry_after_seconds=_RETRY_AFTER_SECONDS)


class NoThumbnail(FilesError):
    """There is no thumbnail of this file and there will be none; the text says why."""

    status = HTTPStatus.NOT_FOUND

    def __init__(self, reason: str | None) -> None:
        super().__init__(f"This file has no thumbnail: {reason or 'it is no picture'}")


class LinkNotFound(FilesError):
    """A signed link whose bytes are gone."""

    status = HTTPStatus.NOT_FOUND

    def __init__(self) -> None:
        super().__init__("What this link leads to is gone.")


class NotInSelection(FilesError):
    """Something that was selected is not there, or the caller may not see it."""

    status = HTTPStatus.NOT_FOUND

    def __init__(self, item_id: UUID) -> None:
        super().__init__(f"There is no file or folder {item_id}. It may be in the trash; leave it out.")


class ArchiveChanged(FilesError):
    """What is in the archive is no longer what `If-Match` speaks of."""

    status = HTTPStatus.PRECONDITION_FAILED

    def __init__(self) -> None:
        super().__init__("Something in it changed since; download the archive anew, without `If-Match`.")


class DownloadTooLarge(FilesError):
    """An archive would hold more than it may; the text says what the limit is."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE

    def __init__(self, limit: str) -> None:
        super().__init__(f"{limit} Download the folders in it one by one, or use `commonplace files get`.")
