"""What can go wrong with pictures.

Problem
├── NotFound
│   └── PictureNotFound      404
├── PictureTooLarge          413
├── Malformed
│   └── PictureNotAllowed    422  the bytes are no picture that can be shown
└── PicturesBusy             503  the machine has no room for it at this moment
"""

from http import HTTPStatus

from commonplace.apps.accounts.errors import Malformed
from commonplace.platform.errors import NotFound, Problem


class PictureNotFound(NotFound):
    """There is no such picture (any more), or nobody who asks may see it."""

    def __init__(self) -> None:
        super().__init__("There is no such picture; it may have been changed or removed.")


class PictureTooLarge(Problem):
    """More bytes than a picture may have, or nobody knows how many."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE

    def __init__(self, megabytes: int) -> None:
        super().__init__(
            f"A picture may have {megabytes} MB at most (`ACCOUNTS__PICTURE_MEGABYTES`), told in `Content-Length`. Save"
            " it smaller.",
            field="picture",
        )


class PictureNotAllowed(Malformed):
    """The bytes are no picture that can be shown."""

    def __init__(self, why: str) -> None:
        super().__init__(f"This cannot be your picture. {why} Take a JPEG, PNG, WebP, AVIF or HEIC.", field="picture")


class PicturesBusy(Problem):
    """The picture could not be looked at now, for a reason that passes."""

    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self) -> None:
        super().__init__("The picture could not be looked at just now. Try again shortly.", retry_after_seconds=5)
