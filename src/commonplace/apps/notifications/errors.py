"""What can go wrong with notifications.

Problem
└── NotificationsError
    ├── NoticeNotFound          404
    ├── UnknownNoticeKind       422  a preference for a kind of notice that no app gives
    └── QuietHoursNotAllowed    422  quiet hours that begin when they end
"""

from http import HTTPStatus

from commonplace.platform.errors import Problem


class NotificationsError(Problem):
    """The root of the errors that notifications raises."""


class NoticeNotFound(NotificationsError):
    """There is no such notice in the caller's inbox."""

    status = HTTPStatus.NOT_FOUND

    def __init__(self) -> None:
        super().__init__("There is no such notice in your inbox; it may be older than notices are kept.")


class UnknownNoticeKind(NotificationsError):
    """No app gives notices of this kind."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, kind: str) -> None:
        super().__init__(f"No app gives notices of the kind “{kind}”. `GET` lists the kinds there are.", field="kinds")


class QuietHoursNotAllowed(NotificationsError):
    """Quiet hours that begin when they end: it cannot be told whether that is all day or never."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self) -> None:
        super().__init__(
            "Quiet hours cannot begin when they end. To have no mail at all, turn mail off.", field="quiet"
        )
