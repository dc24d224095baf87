"""Forgotten passwords, and addresses: proving and changing them, over HTTP."""

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request

from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.device import device_of
from commonplace.apps.accounts.errors import (
    AddressTaken,
    MalformedAddress,
    PasswordNotAllowed,
    SignInBusy,
    TooManySignIns,
)
from commonplace.apps.accounts.invitations.errors import InvitationNotValid
from commonplace.apps.accounts.issuers.errors import LocalPasswordsOff
from commonplace.apps.accounts.letters import asking, using
from commonplace.apps.accounts.letters.errors import AddressIsTheSame, LetterNotValid, PasswordIsWrong, TooManyLetters
from commonplace.apps.accounts.letters.schemas import (
    AddressChange,
    AddressChangeRead,
    Confirmation,
    ConfirmationRead,
    MailMayCome,
    PasswordChosen,
    PasswordForgotten,
)
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.http.dependencies import CurrentCaller, part
from commonplace.platform.http.problems import problems
from commonplace.platform.messages.errors import MailNotConfigured

RESET_MAY_COME: Final = MailMayCome(
    detail="If an account has this address, a mail with a link is on its way. The link works once, for 30 minutes."
)

TheAccounts = Annotated[Accounts, Depends(part(Accounts))]

# Plain routes, as in token_api.py: these functions commit by themselves, and an `Idempotency-Key` would keep secrets.
router = APIRouter()


@router.post(
    "/password/forgot",
    status_code=HTTPStatus.ACCEPTED,
    responses=problems(MalformedAddress, TooManyLetters, MailNotConfigured, LocalPasswordsOff),
)
async def forgot_password(forgotten: PasswordForgotten, accounts: TheAccounts, request: Request) -> MailMayCome:
    """Have a link sent by which the account with this address gets a new password, if there is one.

    Neither the answer nor its time tells whether there is. An address gets three such mails in an hour at most.
    """
    await asking.ask_reset(accounts, forgotten.email, device_of(request))
    return RESET_MAY_COME


@router.post(
    "/password/reset",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(LetterNotValid, PasswordNotAllowed, SignInBusy, LocalPasswordsOff),
)
async def reset_password(chosen: PasswordChosen, accounts: TheAccounts) -> None:
    """Choose a new password by the link of a mail. All sessions end, and all API tokens are revoked."""
    await using.set_password(accounts, chosen.token, chosen.password)


@router.post("/confirm", responses=problems(LetterNotValid, AddressTaken, InvitationNotValid))
async def confirm(confirmation: Confirmation, accounts: TheAccounts) -> ConfirmationRead:
    """Follow the link of a mail: prove an address, change it, undo its change, or make the account."""
    done = await using.confirm(accounts, confirmation.token)
    return ConfirmationRead.model_validate(
        {"purpose": done.purpose, "email": done.email, "reset_token": done.reset_token}
    )


@router.post("/address/verify", status_code=HTTPStatus.ACCEPTED, responses=problems(NotAuthenticated))
async def verify_address(caller: CurrentCaller, accounts: TheAccounts) -> MailMayCome:
    """Have a link sent that proves the caller's address, unless it is proved."""
    async with accounts.database.writing() as session:
        await asking.ask_verification(session, accounts, caller.person_id)
    return MailMayCome(detail="Unless the address is confirmed already, a mail with a link is on its way.")


@router.post(
    "/address",
    responses=problems(
        NotAuthenticated,
        MalformedAddress,
        AddressIsTheSame,
        AddressTaken,
        PasswordIsWrong,
        TooManySignIns,
        SignInBusy,
    ),
)
async def change_address(
    change: AddressChange, caller: CurrentCaller, accounts: TheAccounts, request: Request
) -> AddressChangeRead:
    """Change the address that the caller signs in with, once the link sent to the new one is followed.

    The old address is told, with a link that undoes it for 7 days. Where no mail is sent, it is changed at once.
    """
    is_mail_sent = await asking.ask_change(
        accounts, caller.person_id, email=change.email, password=change.password, device=device_of(request)
    )
    return AddressChangeRead(state="mail_sent" if is_mail_sent else "changed")
