"""Why a credential is refused.

NotAuthenticated
├── InvalidCredential     401  malformed, forged, from elsewhere
│   └── CredentialExpired 401  right in itself, but its time is over
├── SessionOver           401  its session was ended: signed out, expired, or the account is suspended
└── ApiTokenOver          401  the API token was revoked, has expired, or is of elsewhere
NotAllowed
├── ScopeMissing          403  the API token was not made for this
└── NotAdmitted           403  the token of another provider is genuine, and lets nobody in here
Problem
└── AccountsUnavailable   503  a separate service cannot ask the auth service; nobody is let in unasked
"""

from http import HTTPStatus

from commonplace.platform.errors import NotAllowed, NotAuthenticated, Problem


class InvalidCredential(NotAuthenticated):
    """The token or cookie is none that this installation gave out. The answer never says what is wrong with it."""

    def __init__(self, detail: str = "This credential is not valid here. Sign in again.") -> None:
        super().__init__(detail)


class CredentialExpired(InvalidCredential):
    """The access token's hour is over."""

    def __init__(self) -> None:
        super().__init__("The access token has expired. Get a new one with the refresh token, or sign in again.")


class SessionOver(NotAuthenticated):
    """The session that the credential belongs to has ended."""

    def __init__(self) -> None:
        super().__init__("This session has ended. Sign in again.")


class ApiTokenOver(NotAuthenticated):
    """The API token does not hold (any more): it was revoked, its time is over, or its person is suspended."""

    def __init__(self) -> None:
        super().__init__("This API token was revoked or has expired. Make another at /app/account/tokens.")


class ScopeMissing(NotAllowed):
    """The API token does not have the scope that this request needs."""

    def __init__(self, scope: str | None) -> None:
        self.scope = scope  #: the one that would do; None: tokens have no business here at all
        super().__init__(
            "API tokens cannot be used here. Sign in, and send the access token or the cookie of the session."
            if scope is None
            else f"This needs an API token with the scope {scope}. Make one at /app/account/tokens, or sign in."
        )

    def headers(self) -> dict[str, str]:
        """Say which scope is missing (RFC 6750, section 3.1)."""
        scope = f', scope="{self.scope}"' if self.scope else ""
        return {
            **super().headers(),
            "WWW-Authenticate": f'Bearer realm="commonplace", error="insufficient_scope"{scope}',
        }


class NotAdmitted(NotAllowed):
    """The token of another provider is genuine, and lets nobody in here: the auth service says why."""


class AccountsUnavailable(Problem):
    """The service that knows who is calling cannot be asked."""

    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self) -> None:
        super().__init__(
            "Who you are cannot be found out just now: the auth service does not answer. Nothing was done; try again.",
            retry_after_seconds=1,
        )
