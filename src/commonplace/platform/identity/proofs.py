"""Step-up: before something dangerous a person proves again who they are.

A session remembers when its person last signed in by all that is asked of them, or proved it since. A route that
deletes for good, hands out credentials or changes how somebody gets in takes a `recently_proved` caller.
"""

from typing import Annotated, Final, Protocol

from fastapi import Depends
from starlette.requests import HTTPConnection

from commonplace.platform.errors import NotAllowed
from commonplace.platform.identity.caller import Caller
from commonplace.platform.identity.requests import caller_of
from commonplace.platform.parts import Parts

PROOF_PAGE: Final = "/app/account/prove"  #: where a person proves who they are, and is led back
PROOF_PATH: Final = "/api/auth/prove"  #: where a program does so for them


class ProofNeeded(NotAllowed):
    """The person has to prove again who they are; the session goes on."""

    def __init__(self, *, minutes: int, factors: tuple[str, ...]) -> None:
        self.minutes, self.factors = minutes, factors
        super().__init__(
            f"For this you must have proved who you are within the last {minutes} minutes. Show one of your `factors`"
            f" by `POST {PROOF_PATH}`, or on the page `continue_at`; then ask again.",
            factors=factors,
            prove_at=PROOF_PATH,
            continue_at=PROOF_PAGE,
        )


class Proofs(Protocol):
    """Who knows when a session's person last proved who they are: the accounts app."""

    async def refuse_unless_recent(self, caller: Caller) -> None:
        """Let pass who has proved it lately. Opens a session of its own: hold none while asking.

        Raises:
            ProofNeeded: it is too long ago, or the credential is none that a person can prove anything by.
        """


async def refuse_unless_recent(connection: HTTPConnection, caller: Caller) -> None:
    """The same, with the installation's `Proofs`.

    Raises:
        ProofNeeded: the caller has not proved lately who they are.
    """
    parts: Parts = connection.app.state.parts
    await parts[Proofs].refuse_unless_recent(caller)


async def recently_proved(connection: HTTPConnection) -> Caller:
    """The caller of a route that is dangerous.

    Raises:
        NotAuthenticated: nobody is signed in.
        ProofNeeded: the caller has not proved lately who they are.
    """
    caller = await caller_of(connection)
    await refuse_unless_recent(connection, caller)
    return caller


ProvedCaller = Annotated[Caller, Depends(recently_proved)]
"""Who is calling, and has proved it lately; 403 `proof-needed` says how to."""
