"""What can go wrong with the database as a whole; a statement's own errors belong to who wrote it.

Problem
├── DatabaseUnavailable   503  it cannot be reached, or went away in the middle
├── DatabaseBusy          503  every connection of this process stayed in use for too long
├── StatementTooLong      503  a statement or lock wait passed its time limit
└── QuotaExceeded         413  what is to be stored would be more than its owner may keep
"""

from http import HTTPStatus
from typing import Final

from commonplace.platform.errors import Problem


class DatabaseUnavailable(Problem):
    """The database cannot be reached; nothing was changed."""

    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(
        self, detail: str = "The database cannot be reached just now. Nothing was changed; try again."
    ) -> None:
        super().__init__(detail, retry_after_seconds=2)


class DatabaseBusy(Problem):
    """All connections of this process were in use for longer than a request waits for one."""

    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, waited_seconds: float) -> None:
        super().__init__(
            f"The server is busy: no database connection came free within {waited_seconds:g} s. Try again.",
            retry_after_seconds=1,
        )


class StatementTooLong(Problem):
    """A statement was cancelled by its time limit; its transaction was rolled back."""

    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self) -> None:
        super().__init__(
            "The database took too long over this and the change was not made. Try again, with less at once.",
            retry_after_seconds=5,
        )


class QuotaExceeded(Problem):
    """More was to be stored than its owner may keep. The database counts, and refuses (`platform.count_object`)."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    sqlstate: Final = "CP413"  #: by which the database says so

    def __init__(self, *, quota_bytes: int | None = None, used_bytes: int | None = None, is_own: bool = True) -> None:
        """With the numbers where they are known; those of another person are not told."""
        if not is_own or quota_bytes is None or used_bytes is None:
            super().__init__(
                "This does not fit: the quota of whose space this is is reached. Nothing was stored. Removing something"
                " for good, earlier versions and the trash included, makes room; an administrator can raise the quota."
            )
            return
        super().__init__(
            f"This does not fit into your quota of {quota_bytes:,} bytes: {used_bytes:,} are in use. Nothing was"
            " stored. Removing something for good, earlier versions and the trash included, makes room (/app/space says"
            " where it went); an administrator can raise the quota.",
            quota_bytes=quota_bytes,
            used_bytes=used_bytes,
        )
