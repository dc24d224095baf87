"""What can go wrong with signing in by an issuer.

Problem
├── NotAuthenticated
│   └── IssuerTokenRefused    401  a bearer token of the issuer is forged, over, or not for us
├── NotAllowed
│   ├── SignInStrayed         403  the browser came back without the sign-in that it went away with
│   ├── IssuerRefused         403  the issuer says no: the person cancelled, or it does not know us
│   ├── IssuerNotBelieved     403  what it answered is not what an issuer must answer
│   ├── AddressNotVouched     403  it does not vouch for an address, and there is no account without one
│   ├── AccountSuspended      403
│   └── LocalPasswordsOff     403  accounts are kept elsewhere
├── NotFound
│   ├── IssuerNotFound        404
│   └── IdentityNotFound      404
├── Conflict
│   ├── AddressHasAccount     409  linking is done by the account's person
│   ├── IdentityTaken         409  it is linked to another account
│   └── OnlyWayIn             409  without it the person could not sign in any more
└── IssuerUnavailable         503
"""

from http import HTTPStatus

from commonplace.platform.errors import Conflict, NotAllowed, NotFound, Problem
from commonplace.platform.identity.errors import InvalidCredential


class IssuerTokenRefused(InvalidCredential):
    """A token of the issuer is not accepted. The answer never says what is wrong with it."""

    def __init__(self) -> None:
        super().__init__("This access token is not valid here. Sign in again where it came from.")


class SignInStrayed(NotAllowed):
    """The sign-in that a browser came back with is over, was used, or never began in it."""

    def __init__(self) -> None:
        super().__init__(
            "This sign-in is over: it took too long, was completed before, or began in another browser. Begin again."
        )


class IssuerRefused(NotAllowed):
    """The issuer led back without vouching for anybody."""

    def __init__(self, title: str, *, was_cancelled: bool) -> None:
        super().__init__(
            f"{title} was not asked to the end: the sign-in was cancelled there. Nothing has changed."
            if was_cancelled
            else f"{title} did not let you in, and gave a reason that only whoever runs this Commonplace can mend: its"
            " log says which."
        )


class IssuerNotBelieved(NotAllowed):
    """What the issuer answered cannot be trusted. The log says why; the answer does not."""

    def __init__(self, title: str) -> None:
        super().__init__(
            f"What {title} answered could not be trusted, so nobody was signed in. Begin again; if it stays so, tell"
            " whoever runs this Commonplace."
        )


class AddressNotVouched(NotAllowed):
    """The issuer tells no address, or one that it has not verified."""

    def __init__(self, title: str) -> None:
        super().__init__(
            f"{title} does not vouch for an e-mail address of yours, so no account can be made by it. If you have an"
            f" account here, sign in to it as usual and link {title} under Security."
        )


class AccountSuspended(NotAllowed):
    """The account of this identity is suspended."""

    def __init__(self) -> None:
        super().__init__("This account is suspended. Ask an administrator.")


class LocalPasswordsOff(NotAllowed):
    """Accounts are kept by an issuer, and there are no passwords here."""

    def __init__(self) -> None:
        super().__init__(
            "Passwords are not kept here (AUTH_PROVIDER=cognito): accounts are made, and passwords changed, where you"
            " sign in. Begin at /app/sign-in, or send an access token of the user pool."
        )


class IssuerNotFound(NotFound):
    """There is no issuer of this name."""

    def __init__(self) -> None:
        super().__init__("There is no issuer of this name here. `GET /api/auth/issuers` lists those there are.")


class IdentityNotFound(NotFound):
    """The caller has no such identity."""

    def __init__(self) -> None:
        super().__init__("You have no such link, or it was removed before. `GET /api/auth/identities` lists yours.")


class AddressHasAccount(Conflict):
    """The address that the issuer vouches for has an account, which it is not linked to."""

    def __init__(self, title: str) -> None:
        super().__init__(
            f"There is an account with your address already, and {title} is not linked to it. Sign in to it as usual,"
            f" then link {title} under Security."
        )


class IdentityTaken(Conflict):
    """The identity is linked to another account."""

    def __init__(self, title: str) -> None:
        super().__init__(
            f"This sign-in of {title} is linked to another account. Remove it there first, or choose another."
        )


class OnlyWayIn(Conflict):
    """What is to be removed is the only thing by which the person can sign in."""

    def __init__(self) -> None:
        super().__init__(
            "You could not sign in any more without it. Get a password by “Forgot the password?”, or add a passkey;"
            " then remove it."
        )


class IssuerUnavailable(Problem):
    """The issuer does not answer, or not with what it has to."""

    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, title: str) -> None:
        super().__init__(f"{title} cannot be reached at this moment. Try again shortly.", retry_after_seconds=10)
