"""What can go wrong with archives and leaving.

Problem
├── ArchiveNotFound        404  there is none, or it is somebody else's
├── ErasureNotFound        404  there is none
├── ArchiveUnderWay        409  one is being made, or read in, already
├── ArchiveNotReady        409  it is still being made, or it failed
├── ErasureUnderWay        409  it was asked for already
├── ArchiveGone            410  it was kept for its days
├── ArchiveTooLarge        413  what is sent is larger than the setting allows
└── ArchiveRefused         422  it cannot be read in: it is damaged, hostile, or of another format
"""

from http import HTTPStatus

from commonplace.platform.errors import Conflict, NotFound, Problem


class ArchiveNotFound(NotFound):
    """There is no such archive of the caller's."""

    def __init__(self) -> None:
        super().__init__("You have no such archive. The list of archives shows what there is.")


class ErasureNotFound(NotFound):
    """There is no such erasure."""

    def __init__(self) -> None:
        super().__init__("There is no such erasure. It may have been cancelled.")


class ArchiveUnderWay(Conflict):
    """One archive at a time is made for a person, and one is read in."""

    def __init__(self, *, making: bool) -> None:
        what = "is being made" if making else "is being read in"
        super().__init__(f"An archive {what} for you already. Wait until it is done, or cancel it.")


class ArchiveNotReady(Conflict):
    """The archive has no bytes to be read."""

    def __init__(self) -> None:
        super().__init__("This archive is not ready. Wait until its state is `done`, or ask for another one.")


class ErasureUnderWay(Conflict):
    """The person is to be erased already."""

    def __init__(self) -> None:
        super().__init__("The erasure was asked for already. It can be cancelled until it begins.")


class ArchiveGone(Problem):
    """The archive was kept for as long as the setting says."""

    status = HTTPStatus.GONE

    def __init__(self) -> None:
        super().__init__("This archive is no longer kept. Ask for another one.")


class ArchiveTooLarge(Problem):
    """The archive is larger than what is read in here."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            f"An archive of {limit_bytes:,} bytes at most is read in here. Whoever runs the installation can raise"
            " LEAVING__READ_IN_BYTES.",
            limit_bytes=limit_bytes,
        )


class ArchiveRefused(Problem):
    """The archive cannot be read in; nothing of it was."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY


class Cancelled(Exception):
    """Somebody cancelled the archive while it was at work."""
