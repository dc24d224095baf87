"""The page that the link of an invitation leads to. It works without scripts.

It shows what the invitation offers, and a form: mail programs follow links by themselves, and must not use one up.
"""

from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.device import device_of
from commonplace.apps.accounts.invitations import service
from commonplace.apps.accounts.invitations.errors import InvitationNotValid, InvitationsClosed
from commonplace.apps.accounts.letting_in import let_in
from commonplace.apps.accounts.schemas import PersonCreate
from commonplace.platform.errors import Problem
from commonplace.platform.http.dependencies import part
from commonplace.platform.pages.render import render

_NO_STORE: Final = {"Cache-Control": "no-store"}

TheAccounts = Annotated[Accounts, Depends(part(Accounts))]

# These functions commit by themselves, so the routes take no session (as in pages.py).
router = APIRouter(include_in_schema=False)


@router.get(service.INVITATION_PATH)
async def invitation_page(request: Request, accounts: TheAccounts, token: str = "") -> Response:
    """Say who invites to what, and ask for what an account needs."""
    shown = await service.look(accounts, token)
    return render(request, "accounts/invitation.html", headers=_NO_STORE, **_context(accounts, token, shown))


@router.post(service.INVITATION_PATH)
async def accept(request: Request, accounts: TheAccounts) -> Response:
    """Make the account and sign its person in; or say that a mail is on its way."""
    form = await request.form()
    given = {name: value for name, value in form.items() if isinstance(value, str)}
    token = given.get("token", "")
    shown = await service.look(accounts, token)
    email = shown.email or given.get("email", "")
    person = PersonCreate(email=email, password=given.get("password", ""), name=given.get("name", ""))
    try:
        made = await service.accept(accounts, token, person, device_of(request))
    except (InvitationNotValid, InvitationsClosed):
        raise
    except Problem as problem:
        context = (
            _context(accounts, token, shown) | _errors(problem) | {"values": {"name": person.name, "email": email}}
        )
        headers = problem.headers() | _NO_STORE
        return render(request, "accounts/invitation.html", status=problem.status, headers=headers, **context)
    if made is None:
        return render(request, "accounts/look_in_mail.html", email=email)
    return await let_in(request, accounts, made.id, time_zone=given.get("time_zone", ""), wanted="")


def _context(accounts: Accounts, token: str, shown: service.Shown) -> dict[str, Any]:
    return {
        "token": token,
        "invitation": shown,
        "values": {},
        "errors": {},
        "problem": None,
        "fewest_characters": accounts.settings.fewest_password_characters,
        # An issuer vouches for an address: it makes the account that an invitation to this address is for.
        "issuers": list(accounts.issuers) if shown.email else (),
    }


def _errors(problem: Problem) -> dict[str, Any]:
    """The problem beside the field that it is about, or above the form."""
    field = problem.extensions.get("field") or ("email" if problem.status == HTTPStatus.CONFLICT else None)
    return {"errors": {field: problem.detail}, "problem": None} if field else {"errors": {}, "problem": problem.detail}
