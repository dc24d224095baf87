"""What can go wrong with the database as a whole; a statement's own errors belong to who wrote it.

Problem
├── DatabaseUnavailable   503  it cannot be reached, or went away in the middle
├── DatabaseBusy          503  every connection of this process stayed in use for too long
└── StatementTooLong      503  a statement or lock wait passed its time limit
"""

from http import HTTPStatus

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
