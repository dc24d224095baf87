"""Letters as they are asked for and followed over HTTP."""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field

from commonplace.apps.accounts.addresses import LONGEST_ADDRESS
from commonplace.apps.accounts.password_rules import FEWEST_CHARACTERS, MOST_CHARACTERS

_EMAIL: Final[dict[str, Any]] = {"format": "email", "maxLength": LONGEST_ADDRESS}
_PASSWORD: Final[dict[str, Any]] = {
    "format": "password", "minLength": FEWEST_CHARACTERS, "maxLength": MOST_CHARACTERS,
}  # fmt: skip

LetterToken = Annotated[str, Field(description="As the link in the mail has it.", repr=False)]


class PasswordForgotten(BaseModel):
    """The address of an account whose password is forgotten."""

    email: Annotated[str, Field(json_schema_extra=_EMAIL)]


class MailMayCome(BaseModel):
    """The same answer whether the address has an account or not."""

    detail: str


class PasswordChosen(BaseModel):
    """A new password, by the link of a mail."""

    token: LetterToken
    password: Annotated[str, Field(json_schema_extra=_PASSWORD, repr=False)]


class Confirmation(BaseModel):
    """The link of a mail, followed."""

    token: LetterToken


class ConfirmationRead(BaseModel):
    """What the link did."""

    purpose: Annotated[
        Literal["verify", "change", "undo", "register"],
        Field(
            description="The address is proved; is the account's now; is the account's again, and all sessions ended;"
            " or has an account now."
        ),
    ]
    email: str
    reset_token: Annotated[
        str | None, Field(description="After `undo`: chooses a new password at `/api/auth/password/reset`.", repr=False)
    ]


class AddressChange(BaseModel):
    """Another address to sign in with, and the password once more."""

    email: Annotated[str, Field(json_schema_extra=_EMAIL)]
    password: Annotated[str, Field(repr=False)]


class AddressChangeRead(BaseModel):
    """What became of it."""

    state: Annotated[
        Literal["mail_sent", "changed"],
        Field(description="`changed` at once where no mail is sent; otherwise when the link is followed."),
    ]
