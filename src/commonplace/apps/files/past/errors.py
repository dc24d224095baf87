"""What can go wrong with the past of folders.

FilesError
├── NotThereThen           404  at that time the folder or file was not there, or was in the trash
├── RestorationNotFound    404
├── NotYoursToPutBack      403  a folder that was shared with the caller
├── NotYoursToRemove       403  a version of a file that was shared with the caller
├── RestorationAtWork      409  it is not over yet
└── UndoneAlready          409

`NotKept` (platform/history/asof.py) says that what was then is kept no longer.
"""

from http import HTTPStatus

from commonplace.apps.files.errors import FilesError


class NotThereThen(FilesError):
    """At that time there was no such folder or file, or it was in the trash."""

    status = HTTPStatus.NOT_FOUND

    def __init__(self) -> None:
        super().__init__("At that time it was not there yet, or it was in the trash. Choose another time.")


class RestorationNotFound(FilesError):
    """There is no such restoration, or it is somebody else's."""

    status = HTTPStatus.NOT_FOUND

    def __init__(self) -> None:
        super().__init__("There is no such restoration. `GET /api/restorations` lists those that there are.")


class NotYoursToPutBack(FilesError):
    """The folder was shared with the caller; putting it back as a whole is its owner's."""

    status = HTTPStatus.FORBIDDEN

    def __init__(self) -> None:
        super().__init__(
            "This folder was shared with you: its owner can put it back as a whole. You can restore single versions."
        )


class RestorationAtWork(FilesError):
    """The restoration is not over yet."""

    status = HTTPStatus.CONFLICT

    def __init__(self) -> None:
        super().__init__("This is still being put back. Wait until it is done, or stop its job; then undo it.")


class UndoneAlready(FilesError):
    """The restoration was undone before."""

    status = HTTPStatus.CONFLICT

    def __init__(self) -> None:
        super().__init__("This was undone already. To have it again, undo the undoing.")


class NotYoursToRemove(FilesError):
    """The file was shared with the caller; its past is the owner's."""

    status = HTTPStatus.FORBIDDEN

    def __init__(self) -> None:
        super().__init__("This file was shared with you: only its owner can remove versions for good.")
