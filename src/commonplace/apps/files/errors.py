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
    ├── FileNotFound           404
    ├── FolderNotFound         404
    ├── ThumbnailNotReady      404  with Retry-After
    ├── NoThumbnail            404  there will be none
    ├── NotInSelection         404  something that was to go into an archive
    ├── ArchiveChanged         412  an archive of another moment was asked for
    ├── DownloadTooLarge       413  more than an archive may hold
    └── LinkNotFound           404  what a signed link leads to is gone

`NameTaken`, `StaleVersion` (platform/history/record.py), `ContainerNotFound`, `MoveIntoOwnSubtree`, `TooDeep`
(platform/history/places.py) and `VersionNotFound` (platform/history/versions.py) come from the platform.
"""

from http import HTTPStatus
from uuid import UUID

from commonplace.platform.errors import Problem

_RETRY_AFTER_SECONDS = 2  #: thumbnails are made within a second or two where nothing waits before them


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
