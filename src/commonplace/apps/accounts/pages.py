"""Pages of accounts: the first run, signing up, in and out, and the profile. All of them work without scripts."""

from contextlib import suppress
from functools import lru_cache
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from commonplace.apps.accounts import audit_pages, first_run, people_pages, queries, session_pages, token_pages
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.cookies import clear_cookie, set_cookie
from commonplace.apps.accounts.device import Device, device_of
from commonplace.apps.accounts.errors import LinkNotValid, ProfileNotAllowed, RegistrationClosed
from commonplace.apps.accounts.factors import pages as factor_pages
from commonplace.apps.accounts.factors.errors import PasskeyRefused, SecondStepOver
from commonplace.apps.accounts.factors.pages import to_second_step
from commonplace.apps.accounts.factors.second_step import SecondStepNeeded
from commonplace.apps.accounts.invitations import pages as invitation_pages
from commonplace.apps.accounts.issuers import pages as issuer_pages
from commonplace.apps.accounts.languages import LANGUAGES
from commonplace.apps.accounts.leaving import pages as leaving_pages
from commonplace.apps.accounts.letters import pages as letters_pages
from commonplace.apps.accounts.letting_in import let_in
from commonplace.apps.accounts.next_page import next_page
from commonplace.apps.accounts.password_rules import FEWEST_CHARACTERS
from commonplace.apps.accounts.pictures import pages as picture_pages
from commonplace.apps.accounts.profile import change_profile, read_profile
from commonplace.apps.accounts.profile_rules import time_zones
from commonplace.apps.accounts.registration import register, register_by_mail
from commonplace.apps.accounts.schemas import PersonCreate, PersonRead, ProfileChange
from commonplace.apps.accounts.sessions import BrowserSession, sign_out
from commonplace.apps.accounts.sign_in import sign_in_browser
from commonplace.platform.errors import NotAuthenticated, Problem
from commonplace.platform.http.dependencies import Reading, Writing, part
from commonplace.platform.http.routing import Router
from commonplace.platform.identity.requests import caller_even_enrolling, caller_if_any
from commonplace.platform.pages.render import Pages, render
from commonplace.platform.pages.viewer import CurrentViewer

# These functions commit by themselves, so the routes take no session (as in api.py).
by_themselves = APIRouter(include_in_schema=False)
router = Router(include_in_schema=False)

TheAccounts = Annotated[Accounts, Depends(part(Accounts))]
ThePages = Annotated[Pages, Depends(part(Pages))]


@by_themselves.get("/app/welcome")
async def welcome_page(request: Request, accounts: TheAccounts, token: str = "") -> Response:
    """The first run: whoever holds the link becomes the administrator."""
    if not await first_run.link_is_valid(accounts, token):
        raise LinkNotValid
    return render(request, "accounts/welcome.html", token=token, **_form(accounts))


@by_themselves.post("/app/welcome")
async def welcome(request: Request, accounts: TheAccounts) -> Response:
    """Make the first administrator and sign them in."""
    form = await request.form()
    token = _text(form, "token")
    try:
        person = await first_run.welcome(accounts, token=token, person=_newcomer(form))
    except LinkNotValid:
        raise
    except Problem as problem:
        return _again(request, "accounts/welcome.html", form, problem, token=token)
    return await let_in(request, accounts, person.id, time_zone=_text(form, "time_zone"), wanted=_text(form, "next"))


@by_themselves.get("/app/sign-up")
async def sign_up_page(request: Request, accounts: TheAccounts) -> Response:
    """Make an account, while registration is open."""
    accounts.require_passwords()
    if not accounts.settings.registration_is_open:
        raise RegistrationClosed
    return render(request, "accounts/sign_up.html", next=next_page(request.query_params.get("next")), **_form(accounts))


@by_themselves.post("/app/sign-up")
async def sign_up(request: Request, accounts: TheAccounts) -> Response:
    """Make an account and sign its person in."""
    form = await request.form()
    try:
        if accounts.hides_addresses:
            await register_by_mail(accounts, _newcomer(form), device_of(request))
            return render(request, "accounts/look_in_mail.html", email=_text(form, "email"))
        person = await register(accounts, _newcomer(form))
    except RegistrationClosed:
        raise
    except Problem as problem:
        return _again(request, "accounts/sign_up.html", form, problem, next=next_page(_text(form, "next")))
    return await let_in(request, accounts, person.id, time_zone=_text(form, "time_zone"), wanted=_text(form, "next"))


@by_themselves.get("/app/sign-in")
async def sign_in_page(request: Request, accounts: TheAccounts) -> Response:
    """Sign in; who is signed in already is led on."""
    wanted = next_page(request.query_params.get("next"))
    if await caller_if_any(request) is not None:
        return RedirectResponse(wanted, HTTPStatus.SEE_OTHER)
    async with accounts.database.reading() as session:
        has_administrator = await session.scalar(queries.ADMINISTRATOR_EXISTS)
    return render(
        request,
        "accounts/sign_in.html",
        next=wanted,
        is_open=accounts.settings.registration_is_open,
        has_administrator=has_administrator,
        is_signed_out="signed-out" in request.query_params,
        issuers=list(accounts.issuers),
        keeps_passwords=accounts.settings.keeps_passwords,
        **(_form(accounts) | _refused_before(request)),
    )


@by_themselves.post("/app/sign-in")
async def sign_in(request: Request, accounts: TheAccounts) -> Response:
    """Check the address and the password, and begin a session that the browser's cookie carries."""
    form, device = await request.form(), device_of(request)
    wanted = next_page(_text(form, "next"))
    try:
        session = await sign_in_browser(
            accounts, email=_text(form, "email"), password=_text(form, "password"), device=device
        )
    except Problem as problem:
        return _again(
            request,
            "accounts/sign_in.html",
            form,
            problem,
            next=wanted,
            is_open=accounts.settings.registration_is_open,
            has_administrator=True,
            is_signed_out=False,
            issuers=list(accounts.issuers),
            keeps_passwords=accounts.settings.keeps_passwords,
        )
    if isinstance(session, SecondStepNeeded):
        return to_second_step(session, wanted, device, accounts)
    return _with_cookie(RedirectResponse(wanted, HTTPStatus.SEE_OTHER), session, device, accounts)


@by_themselves.post("/app/sign-out")
async def leave(request: Request, accounts: TheAccounts) -> Response:
    """End the session of the browser's cookie; when this answers, no process admits it any more."""
    with suppress(NotAuthenticated):
        await sign_out(accounts, await caller_even_enrolling(request))
    response = RedirectResponse("/app/sign-in?signed-out", HTTPStatus.SEE_OTHER)
    clear_cookie(response)
    return response


@router.get("/app/profile")
async def profile_page(request: Request, viewer: CurrentViewer, session: Reading) -> Response:
    """What a person tells of themselves, and how they want to be shown dates and numbers."""
    profile = await read_profile(session, viewer.caller.person_id)
    is_saved = "saved" in request.query_params
    return render(request, "accounts/profile.html", viewer=viewer, is_saved=is_saved, **_profile(profile))


@router.post("/app/profile")
async def save_profile(request: Request, viewer: CurrentViewer, session: Writing) -> Response:
    """Change the profile."""
    form = await request.form()
    given = {name: _text(form, name) for name in ("name", "job_title", "time_zone", "language")}
    try:
        await change_profile(session, viewer.caller.person_id, ProfileChange(**given), expected=None)
    except ProfileNotAllowed as problem:
        profile = await read_profile(session, viewer.caller.person_id)
        shown = _profile(profile) | {"values": given} | _errors(problem)
        return render(request, "accounts/profile.html", viewer=viewer, status=problem.status, is_saved=False, **shown)
    return RedirectResponse("/app/profile?saved", HTTPStatus.SEE_OTHER)


router.include_router(by_themselves)
router.include_router(factor_pages.router)
router.include_router(token_pages.router)
router.include_router(letters_pages.router)
router.include_router(session_pages.router)
router.include_router(leaving_pages.router)
router.include_router(invitation_pages.router)
router.include_router(people_pages.router)
router.include_router(audit_pages.router)
router.include_router(issuer_pages.router)
router.include_router(picture_pages.router)


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""


def _newcomer(form: FormData) -> PersonCreate:
    return PersonCreate(email=_text(form, "email"), password=_text(form, "password"), name=_text(form, "name"))


def _refused_before(request: Request) -> dict[str, Any]:
    """Why another page of the sign-in led back to this one."""
    if "over" in request.query_params:
        return {"problem": SecondStepOver().detail}
    return {"problem": PasskeyRefused().detail} if "passkey-refused" in request.query_params else {}


def _form(accounts: Accounts | None = None, values: dict[str, str] | None = None) -> dict[str, Any]:
    """What a form's template knows when nothing is wrong."""
    fewest = FEWEST_CHARACTERS if accounts is None else accounts.settings.fewest_password_characters
    return {"values": values or {}, "errors": {}, "problem": None, "fewest_characters": fewest}


def _errors(problem: Problem) -> dict[str, Any]:
    """The problem beside the field that it is about, or above the form."""
    field = problem.extensions.get("field") or ("email" if problem.status == HTTPStatus.CONFLICT else None)
    return {"errors": {field: problem.detail}, "problem": None} if field else {"errors": {}, "problem": problem.detail}


def _again(request: Request, template: str, form: FormData, problem: Problem, **context: Any) -> Response:
    """The form once more, with what was written (but the password) and what is wrong with it."""
    values = {name: _text(form, name) for name in ("name", "email")}
    shown = _form(request.app.state.parts[Accounts], values) | _errors(problem) | context
    return render(request, template, status=problem.status, headers=problem.headers(), **shown)


def _with_cookie(response: Response, session: BrowserSession, device: Device, accounts: Accounts) -> Response:
    set_cookie(response, session, device, accounts)
    return response


def _profile(profile: PersonRead) -> dict[str, Any]:
    values = {
        "name": profile.name,
        "job_title": profile.job_title or "",
        "time_zone": profile.time_zone,
        "language": profile.language,
    }
    languages = dict(LANGUAGES)
    languages.setdefault(profile.language, profile.language)
    return _form(values=values) | {"person": profile, "languages": languages.items(), "time_zones": _zones()}


@lru_cache(maxsize=1)
def _zones() -> list[str]:
    return time_zones()
