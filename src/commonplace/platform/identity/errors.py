"""Why a credential is refused.

NotAuthenticated
├── InvalidCredential     401  malformed, forged, from elsewhere
│   └── CredentialExpired 401  right in itself, but its time is over
└── SessionOver           401  its session was ended: signed out, expired, or the account is suspended
"""

from commonplace.platform.errors import NotAuthenticated


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
