"""Pages of forgotten passwords and addresses. All of them work without scripts.

A link of a mail shows what it does and a button: mail programs follow links by themselves, and must not use one up.
"""

from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.device import device_of
from commonplace.apps.accounts.letters import asking, queries, using
from commonplace.apps.accounts.letters.errors import LetterNotValid
from commonplace.apps.accounts.letters.handlers import CONFIRM_PATH, RESET_PATH
from commonplace.platform.errors import Problem
from commonplace.platform.http.dependencies import part
from commonplace.platform.identity.errors import SessionOver
from commonplace.platform.identity.requests import caller_if_any
from commonplace.platform.pages.render import render
from commonplace.platform.pages.viewer import CurrentViewer, Viewer

FORGOT_PATH: Final = "/app/forgot"
ADDRESS_PATH: Final = "/app/account/address"
_NO_STORE: Final = {"Cache-Control": "no-store"}

TheAccounts = Annotated[Accounts, Depends(part(Accounts))]

# These functions commit by themselves, so the routes take no session (as in api.py).
router = APIRouter(include_in_schema=False)


@router.get(FORGOT_PATH)
async def forgot_page(request: Request, accounts: TheAccounts) -> Response:
    """Ask for a new password."""
    return render(request, "accounts/forgot.html", **_form(accounts), is_sent=False)


@router.post(FORGOT_PATH)
async def forgot(request: Request, accounts: TheAccounts) -> Response:
    """Have a link sent, if the address has an account; the page says the same either way."""
    form = await request.form()
    values = {"email": _text(form, "email")}
    try:
        await asking.ask_reset(accounts, values["email"], device_of(request))
    except Problem as problem:
        shown = _form(accounts, values) | _errors(problem)
        return _with_problem(request, "accounts/forgot.html", problem, shown | {"is_sent": False})
    return render(request, "accounts/forgot.html", **_form(accounts, values), is_sent=True)


@router.get(RESET_PATH)
async def reset_page(request: Request, accounts: TheAccounts, token: str = "") -> Response:
    """Choose a new password, by the link of a mail."""
    letter = await using.look(accounts, token)
    if letter.purpose != "reset":
        raise LetterNotValid
    return render(request, "accounts/reset.html", headers=_NO_STORE, token=token, email=letter.email, **_form(accounts))


@router.post(RESET_PATH)
async def reset(request: Request, accounts: TheAccounts) -> Response:
    """Set the new password, and lead on to signing in with it."""
    form = await request.form()
    token = _text(form, "token")
    try:
        await using.set_password(accounts, token, _text(form, "password"))
    except LetterNotValid:
        raise
    except Problem as problem:
        letter = await using.look(accounts, token)
        shown = _form(accounts) | _errors(problem) | {"token": token, "email": letter.email}
        return _with_problem(request, "accounts/reset.html", problem, shown)
    return RedirectResponse("/app/sign-in?new-password", HTTPStatus.SEE_OTHER)


@router.get(CONFIRM_PATH)
async def confirm_page(request: Request, accounts: TheAccounts, token: str = "") -> Response:
    """Say what the link of a mail does."""
    letter = await using.look(accounts, token)
    if letter.purpose == "reset":
        raise LetterNotValid
    context: dict[str, Any] = {"token": token, "purpose": letter.purpose, "email": letter.email, "is_done": False}
    return render(request, "accounts/confirm.html", headers=_NO_STORE, **context, is_signed_in=False)


@router.post(CONFIRM_PATH)
async def confirm(request: Request, accounts: TheAccounts) -> Response:
    """Do it. After an undo, a new password is chosen right away: the old one may be known to somebody else."""
    form = await request.form()
    done = await using.confirm(accounts, _text(form, "token"))
    if done.reset_token is not None:
        address = f"{RESET_PATH}?token={done.reset_token}"
        return RedirectResponse(address, HTTPStatus.SEE_OTHER, headers=_NO_STORE)
    is_signed_in = await caller_if_any(request) is not None
    context: dict[str, Any] = {"token": "", "purpose": done.purpose, "email": done.email, "is_done": True}
    return render(request, "accounts/confirm.html", **context, is_signed_in=is_signed_in)


@router.get(ADDRESS_PATH)
async def address_page(request: Request, viewer: CurrentViewer, accounts: TheAccounts) -> Response:
    """The viewer's address: whether it is confirmed, and a form to change it."""
    context = {name: name in request.query_params for name in ("asked", "changed")}
    return await _address(request, viewer, accounts, _form(accounts) | context)


@router.post(f"{ADDRESS_PATH}/verify")
async def verify_address(viewer: CurrentViewer, accounts: TheAccounts) -> Response:
    """Have the link sent that confirms the address."""
    async with accounts.database.writing() as session:
        await asking.ask_verification(session, accounts, viewer.caller.person_id)
    return RedirectResponse(f"{ADDRESS_PATH}?asked", HTTPStatus.SEE_OTHER)


@router.post(ADDRESS_PATH)
async def change_address(request: Request, viewer: CurrentViewer, accounts: TheAccounts) -> Response:
    """Have the link sent that changes the address; change it at once where no mail is sent."""
    form = await request.form()
    email = _text(form, "email")
    try:
        is_mail_sent = await asking.ask_change(
            accounts,
            viewer.caller.person_id,
            email=email,
            password=_text(form, "password"),
            device=device_of(request),
        )
    except SessionOver:
        raise
    except Problem as problem:
        context = _form(accounts, {"email": email}) | _errors(problem) | {"asked": False, "changed": False}
        return await _address(request, viewer, accounts, context, problem=problem)
    return RedirectResponse(f"{ADDRESS_PATH}?{'asked' if is_mail_sent else 'changed'}", HTTPStatus.SEE_OTHER)


async def _address(
    request: Request, viewer: Viewer, accounts: Accounts, context: dict[str, Any], *, problem: Problem | None = None
) -> Response:
    async with accounts.database.reading() as session:
        present = await session.first(queries.ADDRESS, person_id=viewer.caller.person_id)
    if present is None:
        raise SessionOver
    context |= {"present": present.email, "verified_at": present.email_verified_at}
    if problem is not None:
        return _with_problem(request, "accounts/address.html", problem, context, viewer=viewer)
    return render(request, "accounts/address.html", viewer=viewer, **context)


def _with_problem(
    request: Request, template: str, problem: Problem, context: dict[str, Any], *, viewer: Viewer | None = None
) -> Response:
    return render(
        request, template, viewer=viewer, status=problem.status, headers=problem.headers() | _NO_STORE, **context
    )


def _form(accounts: Accounts, values: dict[str, str] | None = None) -> dict[str, Any]:
    return {
        "values": values or {},
        "errors": {},
        "problem": None,
        "fewest_characters": accounts.settings.fewest_password_characters,
        "sends_mail": accounts.mailer.is_configured,
    }


def _errors(problem: Problem) -> dict[str, Any]:
    """The problem beside the field that it is about, or above the form."""
    field = problem.extensions.get("field") or ("email" if problem.status == HTTPStatus.CONFLICT else None)
    return {"errors": {field: problem.detail}, "problem": None} if field else {"errors": {}, "problem": problem.detail}


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""
