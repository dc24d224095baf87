"""What can go wrong with invitations.

Problem
├── NotAllowed
│   ├── InvitationNotValid     403  the link was used up, revoked, is too old, or none of ours
│   └── InvitationsClosed      403  registration is closed, also for who was invited
├── NotFound
│   └── InvitationNotFound     404
├── Conflict
│   └── TooManyInvitations     409
└── Malformed
    └── InvitationNotAllowed   422  a number of uses or of days, or an address, that cannot be
"""

from commonplace.apps.accounts.errors import Malformed
from commonplace.platform.errors import Conflict, NotAllowed, NotFound


class InvitationNotValid(NotAllowed):
    """The link of an invitation does not hold (any more)."""

    def __init__(self) -> None:
        super().__init__(
            "This invitation is not valid: it was used or withdrawn, it is too old, or a newer one took its place. Ask"
            " whoever invited you for another."
        )


class InvitationsClosed(NotAllowed):
    """Here only a command on the server makes accounts."""

    def __init__(self) -> None:
        super().__init__(
            "Registration is closed here, also for who is invited. `ACCOUNTS__REGISTRATION=invitation` lets"
            " administrators invite; `commonplace user create` makes an account."
        )


class InvitationNotFound(NotFound):
    """There is no such invitation (any more)."""

    def __init__(self) -> None:
        super().__init__("There is no such invitation; it may have been used, withdrawn, or be too old.")


class TooManyInvitations(Conflict):
    """More invitations are open than there may be."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} invitations are open, which is the limit. Withdraw some, or wait until they end.")


class InvitationNotAllowed(Malformed):
    """A field of an invitation has a value that cannot be."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail, field=field)
