"""What can go wrong with the past of folders.

FilesError
└── NotThereThen           404  at that time the folder or file was not there, or was in the trash

`NotKept` (platform/history/asof.py) says that what was then is kept no longer.
"""

from http import HTTPStatus

from commonplace.apps.files.errors import FilesError


class NotThereThen(FilesError):
    """At that time there was no such folder or file, or it was in the trash."""

    status = HTTPStatus.NOT_FOUND

    def __init__(self) -> None:
        super().__init__("At that time it was not there yet, or it was in the trash. Choose another time.")
