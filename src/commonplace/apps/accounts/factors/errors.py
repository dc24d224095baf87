"""What can go wrong with second factors.

Problem
├── NotAuthenticated
│   ├── SecondStepRefused     401  the code or the passkey is wrong; another try may be right
│   ├── SecondStepOver        401  the sign-in has to begin again
│   └── PasskeyRefused        401  no passkey of anybody here, or not answered rightly
├── NotAllowed
│   └── ProofRefused          403  a step-up failed; the session goes on
├── NotFound
│   └── FactorNotFound        404
├── Conflict
│   ├── FactorExists          409  there is an authenticator app, or this passkey, already
│   ├── FactorIsAskedFor      409  the last factor, where one is asked for, cannot be removed
│   ├── FactorIsMissing       409  recovery codes stand in for a factor, and there is none
│   └── FactorUnreadable      409  the key that opens an authenticator app's secret is gone
├── Malformed
│   ├── CodeIsWrong           422  the code that confirms an authenticator app
│   ├── PasskeyNotAccepted    422  what a browser made of a registration cannot be taken
│   └── PasskeysNeedHostName     422  reached by an IP address, for which no browser makes passkeys
└── FactorLocked              429
"""

from http import HTTPStatus

from commonplace.apps.accounts.errors import Malformed
from commonplace.platform.errors import Conflict, NotAllowed, NotAuthenticated, NotFound, Problem


class SecondStepRefused(NotAuthenticated):
    """The second step was wrong; it may be tried again, a few times."""

    def __init__(self) -> None:
        super().__init__(
            "This is not right. A code of the app changes every 30 seconds and works once; a recovery code works once."
        )


class SecondStepOver(NotAuthenticated):
    """The sign-in took too long, failed too often, or is none that began here."""

    def __init__(self) -> None:
        super().__init__("This sign-in is over: it took too long, or failed too often. Begin again.")


class PasskeyRefused(NotAuthenticated):
    """The passkey is not known here, was answered too late, or not rightly. The same answer for every reason."""

    def __init__(self) -> None:
        super().__init__("This passkey did not work here. Try again, or sign in with your address and password.")


class ProofRefused(NotAllowed):
    """The step-up was wrong; the session goes on, and it may be tried again."""

    def __init__(self) -> None:
        super().__init__(
            "This is not right. A code of the app changes every 30 seconds and works once; where you have a second"
            " factor, the password alone is not enough."
        )


class FactorNotFound(NotFound):
    """The person has no such factor."""

    def __init__(self) -> None:
        super().__init__("There is no such second factor. `GET /api/auth/factors` lists yours.")


class FactorExists(Conflict):
    """There is one already."""

    def __init__(self, what: str) -> None:
        super().__init__(f"There is {what} already. Remove that first, or keep it.")


class FactorIsAskedFor(Conflict):
    """The last second factor cannot be removed where one is asked for."""

    def __init__(self) -> None:
        super().__init__("Here a second factor is needed to sign in, and this is your last. Add another one first.")


class FactorIsMissing(Conflict):
    """Recovery codes alone are no second factor."""

    def __init__(self) -> None:
        super().__init__("Recovery codes stand in for a second factor. Add an authenticator app or a passkey first.")


class FactorUnreadable(Conflict):
    """No code of the authenticator app can be checked: the key that sealed its secret is gone."""

    def __init__(self) -> None:
        super().__init__(
            "The key of this installation was changed since your authenticator app was set up, so its codes cannot be"
            " checked. Use a passkey or a recovery code. Whoever runs the server can put the former JWT__SECRET_KEY"
            " back, or remove the app by `commonplace user remove-factors`."
        )


class CodeIsWrong(Malformed):
    """The code does not belong to the authenticator app that is being set up."""

    def __init__(self) -> None:
        super().__init__(
            "This code does not fit. Wait for the next one, and see that the clock of the device is right.",
            field="code",
        )


class PasskeyNotAccepted(Malformed):
    """What the browser sent is no passkey that can be taken."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, field="passkey")


class PasskeysNeedHostName(Malformed):
    """Browsers make passkeys for names, not for IP addresses (WebAuthn section 5.1.3)."""

    def __init__(self) -> None:
        super().__init__(
            "Browsers make no passkeys for an IP address. Open Commonplace by its name, or as localhost on this"
            " machine; whoever runs it sets PUBLIC_URL to https:// and that name."
        )


class FactorLocked(Problem):
    """A factor was wrong too often; it cannot be tried for a while."""

    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, *, retry_after_seconds: int) -> None:
        minutes = -(-retry_after_seconds // 60)
        super().__init__(
            f"This was wrong too often and is locked for {minutes} min. Take another of your second factors, or wait.",
            retry_after_seconds=retry_after_seconds,
        )
