"""What can go wrong with accounts.

Problem
├── NotAuthenticated
│   ├── WrongCredentials      401  address or password is wrong, or the account suspended; the answer does not say which
│   └── InvalidRefreshToken   401  the refresh token is none of ours
│       └── RefreshTokenReused 401 it was used before; its session was ended, since somebody may have copied it
├── NotAllowed
│   ├── RegistrationClosed    403
│   ├── LinkNotValid          403  the first run's link is wrong, used or too old
│   ├── NoticeNotValid        403  the link of a notice of a new device is wrong, used or too old
│   └── AdministratorsOnly    403
├── NotFound
│   ├── PersonNotFound        404
│   ├── TokenNotFound         404
│   └── SessionNotFound       404
├── Conflict
│   ├── AddressTaken          409
│   ├── TooManyTokens         409
│   ├── LastAdministrator     409  nobody would be left to look after the installation
│   └── AddressIsFixed        409  the address cannot be changed by the profile
├── Malformed
│   ├── MalformedAddress      422
│   ├── PasswordNotAllowed    422
│   ├── TokenNotAllowed       422  a name, a scope or a day of an API token that cannot be
│   └── ProfileNotAllowed     422  a name, time zone or language that cannot be
├── TooManySignIns            429
└── SignInBusy                503
"""

from http import HTTPStatus
from uuid import UUID

from commonplace.platform.errors import Conflict, NotAllowed, NotAuthenticated, NotFound, Problem


class WrongCredentials(NotAuthenticated):
    """Sign-in was refused. The same answer, in the same time, for every reason."""

    def __init__(self) -> None:
        super().__init__("The address or the password is wrong. Check both and try again.")


class InvalidRefreshToken(NotAuthenticated):
    """The refresh token is none that this installation gave out."""

    def __init__(self, detail: str = "This refresh token is not valid here. Sign in again.") -> None:
        super().__init__(detail)


class RefreshTokenReused(InvalidRefreshToken):
    """A refresh token came a second time: two parties hold it, and which of them is the person cannot be told."""

    def __init__(self) -> None:
        super().__init__(
            "This refresh token was used before, so somebody else may hold it. Its session was ended; sign in again."
        )


class RegistrationClosed(NotAllowed):
    """Nobody may make an account by themselves here."""

    def __init__(self) -> None:
        super().__init__("Registration is closed here. Ask an administrator for an account.")


class LinkNotValid(NotAllowed):
    """The first run's link does not hold (any more)."""

    def __init__(self) -> None:
        super().__init__(
            "This link is not valid: it was used, has expired, or a newer one was made. Start Commonplace again for a"
            " new one, or run `commonplace user create EMAIL --admin`."
        )


class NoticeNotValid(NotAllowed):
    """The link in the notice of a sign-in from a new device does not hold (any more)."""

    def __init__(self) -> None:
        super().__init__(
            "This link is not valid: it was used, or has expired. Sign in to end sessions and to change your password,"
            " or ask an administrator for a new one."
        )


class SessionNotFound(NotFound):
    """The caller has no such session, or it has ended."""

    def __init__(self) -> None:
        super().__init__("You have no such session. It may have ended; look at the list again.")


class AdministratorsOnly(NotAllowed):
    """Only who looks after the installation may do this."""

    def __init__(self) -> None:
        super().__init__("Only administrators may do this. Ask one; `commonplace user set-role` makes one.")


class LastAdministrator(Conflict):
    """An administrator would take the last one away, perhaps themselves."""

    def __init__(self) -> None:
        super().__init__(
            "This is the only active administrator, and nobody would be left to look after this Commonplace. Make"
            " somebody else an administrator first."
        )


class PersonNotFound(NotFound):
    """There is no account with this address or id."""

    def __init__(self, who: str | UUID) -> None:
        super().__init__(
            f"There is no person with the id {who}."
            if isinstance(who, UUID)
            else f"There is no account with the address {who}; `commonplace user list` shows all."
        )


class TokenNotFound(NotFound):
    """The caller has no API token with this id (any more)."""

    def __init__(self) -> None:
        super().__init__("You have no such API token; it may have been revoked before.")


class TooManyTokens(Conflict):
    """The person has as many API tokens as one may have."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"You have {limit} API tokens, which is the limit. Revoke one that is not used any more.")


class AddressTaken(Conflict):
    """An account with this address exists."""

    def __init__(self) -> None:
        super().__init__("There is an account with this address already. Sign in, or take another address.")


class AddressIsFixed(Conflict):
    """The profile does not change the address."""

    def __init__(self) -> None:
        super().__init__("The address cannot be changed here. Send the profile with the present one, or without it.")


class Malformed(Problem):
    """A value in the payload cannot be."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY


class MalformedAddress(Malformed):
    """Not an e-mail address."""

    def __init__(self, why: str) -> None:
        super().__init__(f"This is no e-mail address: {why}. Write it like anna@example.org.", field="email")


class PasswordNotAllowed(Malformed):
    """Too short, too long, used by many, or made of what others know of the person."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, field="password")


class TokenNotAllowed(Malformed):
    """A field of an API token has a value that cannot be."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail, field=field)


class ProfileNotAllowed(Malformed):
    """A field of the profile has a value that cannot be."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail, field=field)


class TooManySignIns(Problem):
    """Too many sign-ins failed; the next must wait."""

    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, *, retry_after_seconds: int) -> None:
        super().__init__(
            f"Too many sign-ins have failed. Wait {_span(retry_after_seconds)}, then try again.",
            retry_after_seconds=retry_after_seconds,
        )


class SignInBusy(Problem):
    """More sign-ins wait for their turn than this process takes on."""

    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, *, retry_after_seconds: int) -> None:
        super().__init__(
            "Too many people are signing in at this moment. Try again shortly.",
            retry_after_seconds=retry_after_seconds,
        )


def _span(seconds: int) -> str:
    if seconds < 120:  # noqa: PLR2004 - two minutes, from which on minutes read better
        return f"{seconds} s"
    return f"{-(-seconds // 60)} minutes"
