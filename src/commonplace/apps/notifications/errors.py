"""What can go wrong with notifications.

Problem
└── NotificationsError
    ├── NoticeNotFound          404
    ├── DeviceNotFound          404
    ├── DeviceNotAllowed        422  a subscription that notices cannot be pushed to
    ├── TooManyDevices          409  a person has as many as they can have
    ├── NoDeviceWithoutSession  403  an API token is no browser
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
            "Quiet hours cannot begin when they end. To have none at all, turn mail and devices off.", field="quiet"
        )


class DeviceNotFound(NotificationsError):
    """The caller has no such device notified."""

    status = HTTPStatus.NOT_FOUND

    def __init__(self) -> None:
        super().__init__("There is no such device among those that you have notified; it may have signed out.")


class DeviceNotAllowed(NotificationsError):
    """A subscription to which notices cannot be pushed."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, reason: str) -> None:
        super().__init__(f"The subscription {reason}. Send what the browser's `PushSubscription.toJSON()` gives.")


class TooManyDevices(NotificationsError):
    """A person has as many devices notified as they can have."""

    status = HTTPStatus.CONFLICT

    def __init__(self, most: int) -> None:
        super().__init__(
            f"You can have {most} devices notified, and you have. Stop notifying one you do not use any more: they are"
            " listed under Notifications, What you are told.",
            limit=most,
        )


class NoDeviceWithoutSession(NotificationsError):
    """An API token asked to be notified; only what signs in ends with its session."""

    status = HTTPStatus.FORBIDDEN

    def __init__(self) -> None:
        super().__init__("An API token cannot have a device notified: sign in on it, and do so there.")
