"""What can go wrong with letters and addresses.

Problem
├── NotAllowed
│   ├── LetterNotValid     403  the link was used, is too old, or none of ours
│   └── PasswordIsWrong    403  the password that must be given again; the session goes on
├── Conflict
│   └── AddressIsTheSame   409
└── TooManyLetters         429  from one network, in an hour
"""

from http import HTTPStatus

from commonplace.platform.errors import Conflict, NotAllowed, Problem


class LetterNotValid(NotAllowed):
    """The link of a mail does not hold (any more)."""

    def __init__(self) -> None:
        super().__init__(
            "This link is not valid: it was used, it is too old, or a newer one took its place. Ask again."
        )


class PasswordIsWrong(NotAllowed):
    """The password that had to be given again is wrong, or there is none."""

    def __init__(self) -> None:
        super().__init__(
            "The password is wrong. Check it and try again; who has none gets one by “Forgot the password?”.",
            field="password",
        )


class AddressIsTheSame(Conflict):
    """The new address is the present one."""

    def __init__(self) -> None:
        super().__init__("This is the address that the account has. Write the new one.", field="email")


class TooManyLetters(Problem):
    """Too many mails were asked for from one network."""

    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, *, limit: int, retry_after_seconds: int) -> None:
        super().__init__(
            f"{limit} mails were asked for from your network within an hour, which is the limit. Try again later.",
            retry_after_seconds=retry_after_seconds,
        )
