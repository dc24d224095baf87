"""The root of every error that Commonplace expects, and how one describes itself to a client.

    Problem
    ├── BadRequest            400
    ├── NotAuthenticated      401
    ├── NotAllowed            403
    ├── NotFound              404
    ├── Conflict              409
    └── …                     each part and app adds its own, beside its code

A problem is rendered as RFC 9457 `application/problem+json`. Its class name is the stable `type`; its text names what
was refused, the limit if there is one, and the way out. An error that is no `Problem` is a defect: a 500, logged.
"""

import re
from http import HTTPStatus
from typing import Any, ClassVar


class Problem(Exception):
    """Something expected went wrong. Subclasses set `status`; the message is shown to the person."""

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    title: ClassVar[str | None] = None

    def __init__(self, detail: str, *, retry_after_seconds: int | None = None, **extensions: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds
        self.extensions = extensions
        self.more_headers: dict[str, str] = {}  #: of the protocol that the request speaks, whatever went wrong

    @classmethod
    def type_name(cls) -> str:
        """The stable name of this class in a problem's `type`: `StaleVersion` is `stale-version`."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", cls.__name__).lower()

    @classmethod
    def title_text(cls) -> str:
        """A short title for people, the same for every occurrence of this class."""
        return cls.title or cls.type_name().replace("-", " ").capitalize()

    def headers(self) -> dict[str, str]:
        """Response headers that go with this problem."""
        wait = {} if self.retry_after_seconds is None else {"Retry-After": str(self.retry_after_seconds)}
        return {**self.more_headers, **wait}


class BadRequest(Problem):
    """The request cannot be understood."""

    status = HTTPStatus.BAD_REQUEST


class NotAuthenticated(Problem):
    """No valid credential came with the request."""

    status = HTTPStatus.UNAUTHORIZED

    def headers(self) -> dict[str, str]:
        """Add the challenge that RFC 9110, section 11.6.1, asks for."""
        return {**super().headers(), "WWW-Authenticate": 'Bearer realm="commonplace"'}


class NotAllowed(Problem):
    """The caller is known and may see the thing, but may not do this to it."""

    status = HTTPStatus.FORBIDDEN


class NotFound(Problem):
    """There is no such thing, or the caller may not see it."""

    status = HTTPStatus.NOT_FOUND


class Conflict(Problem):
    """The request is right in itself, but not with the state of the thing it is about."""

    status = HTTPStatus.CONFLICT
