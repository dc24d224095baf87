"""What can go wrong with stored objects.

Problem
└── StorageError
    ├── InvalidKey             400  the name of an object is not one we would make
    ├── SignatureRefused       403  a signed URL was changed, is too old, or is for something else
    ├── AppsNotInstalled       409  nobody can say which objects an app needs
    ├── ObjectExists           409  a write that was to make a new object found one
    ├── ObjectBusy             423  somebody else is writing to the object
    ├── RangeNotSatisfiable    416  the range starts behind the last byte
    ├── ObjectNotFound         500  bytes that a row points to are not there
    ├── StorageUnavailable     503  the disk or the bucket does not answer
    │   └── WrongEncryptionKey 503  files are encrypted with a key that was not given
    └── StorageFull            507  there is no room, or what is left is kept for the database
"""

from collections.abc import Sequence
from http import HTTPStatus

from commonplace.platform.errors import Problem

RETRY_AFTER_SECONDS = 5


class StorageError(Problem):
    """The root of the errors that storage raises."""


class InvalidKey(StorageError):
    """The key of an object has a form that no storage accepts."""

    status = HTTPStatus.BAD_REQUEST


class SignatureRefused(StorageError):
    """A signed URL was altered, has expired, or was signed for another method."""

    status = HTTPStatus.FORBIDDEN


class ObjectExists(StorageError):
    """There is an object of this key already, and the write was to happen only if there is none."""

    status = HTTPStatus.CONFLICT

    def __init__(self, key: str) -> None:
        super().__init__(f"An object {key} exists already; write under a new key.")
        self.key = key


class ObjectBusy(StorageError):
    """Somebody else is writing to this object just now."""

    status = HTTPStatus.LOCKED

    def __init__(self) -> None:
        super().__init__("Another request is sending these bytes; try again when it has ended.", retry_after_seconds=1)


class AppsNotInstalled(StorageError):
    """Objects were to be removed, and the database has tables of apps that are not there to say what they need."""

    status = HTTPStatus.CONFLICT

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(
            f"Nothing was removed: the database has tables of what is not installed ({', '.join(names)}), and what they"
            " need of the storage is not known. Add those apps to APPS; or, if they keep nothing in this storage, name"
            " each with --disregard."
        )
        self.names = names


class ContentGone(StorageError):
    """The object that was to be referred to again is no longer kept."""

    status = HTTPStatus.GONE

    def __init__(self) -> None:
        super().__init__("This content is no longer kept; upload it again.")


class RangeNotSatisfiable(StorageError):
    """The wanted range of bytes holds none of the object's."""

    status = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE

    def __init__(self, *, start: int, end: int | None, size_bytes: int) -> None:
        to = "its end" if end is None else end
        super().__init__(f"The object has {size_bytes} bytes; nothing can be read from {start} to {to}.")
        self.size_bytes = size_bytes

    def headers(self) -> dict[str, str]:
        """Add the object's size, as RFC 9110, section 15.5.17, asks for."""
        return {**super().headers(), "Content-Range": f"bytes */{self.size_bytes}"}


class ObjectNotFound(StorageError):
    """There are no bytes under this key.

    A server's error on purpose: rows decide what exists for a client, so bytes that are missing are our loss.
    Code for which a missing object is ordinary (a signed URL that outlived it) catches this.
    """

    def __init__(self, key: str) -> None:
        super().__init__(f"The stored bytes {key} are missing; `commonplace storage sweep` lists what is.")
        self.key = key


class StorageUnavailable(StorageError):
    """The directory or the bucket cannot be reached, or refuses us. Trying again later may help."""

    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, detail: str) -> None:
        super().__init__(detail, retry_after_seconds=RETRY_AFTER_SECONDS)


class WrongEncryptionKey(StorageUnavailable):
    """Stored files are encrypted with a key that was not given."""


class StorageFull(StorageError):
    """Nothing more is accepted: the disk is full, or what is left of it is kept so that the database lives."""

    status = HTTPStatus.INSUFFICIENT_STORAGE
