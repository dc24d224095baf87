"""What can go wrong with outgoing mail, and with notices pushed to browsers.

Problem
├── PushError
│   ├── PushGone           410  the browser's subscription is no more
│   ├── PushRefused        502  this notice will never be taken; a handler that raises it makes a dead letter
│   └── PushUnavailable    503  not now: no connection, or a temporary refusal
└── MailError
    ├── MailRefused            502  this message will never be taken; a handler that raises it makes a dead letter
    │   └── MailNotConfigured  503  this installation sends no mail
    └── MailUnavailable        503  not now: no connection, a temporary refusal, or a server that takes nothing from us
"""

from http import HTTPStatus

from commonplace.platform.errors import Problem
from commonplace.platform.events.registry import Discard

RETRY_AFTER_SECONDS = 60


class MailError(Problem):
    """The root of the errors of outgoing mail."""


class MailRefused(MailError, Discard):
    """The message cannot be sent, now or later: a 5xx to its sender, recipient or content, or an impossible address.

    It is a `Discard`: a handler that lets it pass is not called again, and its delivery waits among the dead letters.
    """

    status = HTTPStatus.BAD_GATEWAY


class MailNotConfigured(MailRefused):
    """There is no mail server; `Mailer.is_configured` tells before one tries."""

    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self) -> None:
        super().__init__("This installation sends no mail; its operator can set MAIL__URL and MAIL__FROM.")


class MailUnavailable(MailError):
    """The mail server cannot be reached, is busy (4xx), or refuses us as such: our name, password or certificate.

    The last is the operator's to mend, after which the same message passes; so it is no reason to give a message up.
    """

    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, detail: str) -> None:
        super().__init__(detail, retry_after_seconds=RETRY_AFTER_SECONDS)


class PushError(Problem):
    """The root of the errors of notices pushed to browsers."""


class PushGone(PushError):
    """The browser's subscription is no more: its person took the permission back, or it was never one of a browser."""

    status = HTTPStatus.GONE


class PushRefused(PushError, Discard):
    """The push service will never take this notice, or does not take our key. The delivery becomes a dead letter."""

    status = HTTPStatus.BAD_GATEWAY


class PushUnavailable(PushError):
    """The push service cannot be reached, or has too much to do."""

    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, detail: str) -> None:
        super().__init__(detail, retry_after_seconds=RETRY_AFTER_SECONDS)
