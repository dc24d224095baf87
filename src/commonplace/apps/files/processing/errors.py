"""What can go wrong with what was found in files.

FilesError
├── NothingFound           404  no such text, list or page was found in the file, or not yet
└── PagesBusy              503  as many pages are being drawn as may be at a time
"""

from http import HTTPStatus

from commonplace.apps.files.errors import FilesError


class NothingFound(FilesError):
    """The file has no text, no entries or no such page, as far as it was read; the text says which and why."""

    status = HTTPStatus.NOT_FOUND


class PagesBusy(FilesError):
    """As many pages are being drawn as may be at a time."""

    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} pages are being drawn already. Try again.", retry_after_seconds=2)
