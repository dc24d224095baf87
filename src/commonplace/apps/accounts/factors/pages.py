"""Pages of second factors: the second step of a sign-in, proving it again, and one's own factors.

All but passkeys, which only a script can ask the browser for, work without scripts.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from markupsafe import Markup
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.cookies import set_cookie
from commonplace.apps.accounts.device import Device, device_of
from commonplace.apps.accounts.factors import passkeys, proving, second_step, service, sign_in
from commonplace.apps.accounts.factors.api import base_url
from commonplace.apps.accounts.factors.dependencies import ProvedEnrollingCaller
from commonplace.apps.accounts.factors.errors import (
    CodeIsWrong,
    FactorExists,
    FactorNotFound,
    PasskeyRefused,
    PasskeysNeedHostName,
    SecondStepOver,
)
from commonplace.apps.accounts.factors.proof_source import ways_to_prove
from commonplace.apps.accounts.factors.relying_party import relying_party_of
from commonplace.apps.accounts.factors.second_step import SecondStepNeeded
from commonplace.apps.accounts.factors.showing import Shown
from commonplace.apps.accounts.issuers import queries as identity_queries
from commonplace.apps.accounts.issuers.issuer import Issuer
from commonplace.apps.accounts.next_page import next_page
from commonplace.apps.accounts.sessions import BrowserSession, Method, begin_browser_session
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import WriteSession
from commonplace.platform.errors import Problem
from commonplace.platform.http.dependencies import part
from commonplace.platform.identity.caller import Caller
from commonplace.platform.identity.enrolment import ENROLMENT_PAGE
from commonplace.platform.identity.errors import SessionOver
from commonplace.platform.identity.people import People
from commonplace.platform.identity.proofs import PROOF_PAGE
from commonplace.platform.identity.requests import caller_even_enrolling
from commonplace.platform.pages.render import SIGN_IN_PATH, render
from commonplace.platform.pages.viewer import Viewer, zone_named
from commonplace.platform.parts import Parts

SECOND_STEP_PAGE: Final = "/app/sign-in/second"
SECOND_STEP_COOKIE: Final = "commonplace_second_step"  #: carries the token between the two steps, to this page only
_NO_STORE: Final = {"Cache-Control": "no-store"}

TheAccounts = Annotated[Accounts, Depends(part(Accounts))]

# These functions commit by themselves, so the routes take no session (as in api.py).
router = APIRouter(include_in_schema=False)


async def _enrolling_viewer(request: Request) -> Viewer:
    """Who looks at a page of this module: also somebody who may look at no other yet."""
    caller = await caller_even_enrolling(request)
    parts: Parts = request.app.state.parts
    person = await parts[People].person(caller.person_id)
    if person is None:
        raise SessionOver
    return Viewer(caller=caller, person=person, zone=zone_named(person.time_zone))


EnrollingViewer = Annotated[Viewer, Depends(_enrolling_viewer)]


# The second step


def to_second_step(needed: SecondStepNeeded, wanted: str, device: Device, accounts: Accounts) -> Response:
    """Lead the browser on; the token goes along in a cookie that scripts do not see and other pages do not get."""
    response = RedirectResponse(f"{SECOND_STEP_PAGE}?{urlencode({'next': wanted})}", HTTPStatus.SEE_OTHER)
    response.set_cookie(
        SECOND_STEP_COOKIE,
        needed.token,
        max_age=needed.expires_in,
        path=SECOND_STEP_PAGE,
        secure=device.is_secure or accounts.settings.is_production,
        httponly=True,
        samesite="strict",
    )
    return response


@router.get(SECOND_STEP_PAGE)
async def second_step_page(request: Request, accounts: TheAccounts) -> Response:
    """Ask for a second factor."""
    return await _second_step(request, accounts, next_page(request.query_params.get("next")))


@router.post(SECOND_STEP_PAGE)
async def take_second_step(request: Request, accounts: TheAccounts) -> Response:
    """Look at the second factor, and begin the session."""
    form, device = await request.form(), device_of(request)
    wanted = next_page(_text(form, "next"))

    async def begin(session: WriteSession, session_id: UUID, person: Row, method: Method) -> BrowserSession:
        return await begin_browser_session(
            session, accounts, session_id=session_id, person_id=person.person_id, method=method, device=device
        )

    try:
        begun = await second_step.finish(
            accounts,
            request.cookies.get(SECOND_STEP_COOKIE, ""),
            _shown(form),
            kind="browser",
            party=relying_party_of(request),
            begin_session=begin,
        )
    except SecondStepOver as over:
        return _sign_in_again(over)
    except Problem as problem:
        return await _second_step(request, accounts, wanted, problem, by_code="recovery_code" in form)
    response = RedirectResponse(wanted, HTTPStatus.SEE_OTHER)
    set_cookie(response, begun, device, accounts)
    response.delete_cookie(SECOND_STEP_COOKIE, path=SECOND_STEP_PAGE, httponly=True, samesite="strict")
    return response


async def _second_step(
    request: Request, accounts: Accounts, wanted: str, problem: Problem | None = None, *, by_code: bool = False
) -> Response:
    token = request.cookies.get(SECOND_STEP_COOKIE, "")
    party = relying_party_of(request)
    try:
        factors = await second_step.factors_of(accounts, token, "browser")
        has_passkey = "passkey" in factors and party is not None
        options = (
            await second_step.passkey_options(accounts, token, "browser", party)
            if has_passkey and party is not None
            else None
        )
    except SecondStepOver as over:
        return _sign_in_again(over)
    return render(
        request,
        "accounts/second_step.html",
        status=HTTPStatus.OK if problem is None else problem.status,
        headers=_NO_STORE | ({} if problem is None else problem.headers()),
        next=wanted,
        factors=factors,
        options=None if options is None else json.dumps(options),
        problem=_words(problem),
        by_recovery_code="recovery" in request.query_params or by_code,
    )


def _sign_in_again(_over: SecondStepOver) -> Response:
    response = RedirectResponse(f"{SIGN_IN_PATH}?over", HTTPStatus.SEE_OTHER, headers=_NO_STORE)
    response.delete_cookie(SECOND_STEP_COOKIE, path=SECOND_STEP_PAGE, httponly=True, samesite="strict")
    return response


# A passkey alone


@router.post("/app/sign-in/passkey")
async def sign_in_by_passkey(request: Request, accounts: TheAccounts) -> Response:
    """Begin a session by a passkey that the sign-in page's script has asked the browser for."""
    form, device, party = await request.form(), device_of(request), relying_party_of(request)
    wanted = next_page(_text(form, "next"))
    refused = RedirectResponse(
        f"{SIGN_IN_PATH}?{urlencode({'passkey-refused': '', 'next': wanted})}", HTTPStatus.SEE_OTHER
    )
    if party is None:
        return refused
    try:
        begun = await sign_in.sign_in_browser(accounts, party, _shown(form).passkey or {}, device)
    except PasskeyRefused:
        return refused
    response = RedirectResponse(wanted, HTTPStatus.SEE_OTHER)
    set_cookie(response, begun, device, accounts)
    return response


# Proving it again


@router.get(PROOF_PAGE)
async def proof_page(request: Request, viewer: EnrollingViewer, accounts: TheAccounts) -> Response:
    """Ask for a factor once more, before something dangerous."""
    return await _proof(request, viewer, accounts, next_page(request.query_params.get("next"), ENROLMENT_PAGE))


@router.post(PROOF_PAGE)
async def prove(request: Request, viewer: EnrollingViewer, accounts: TheAccounts) -> Response:
    """Look at the factor, and lead back."""
    form = await request.form()
    wanted = next_page(_text(form, "next"), ENROLMENT_PAGE)
    try:
        if "password" in form:
            await proving.prove_by_password(accounts, viewer.caller, _text(form, "password"), device_of(request))
        else:
            await proving.prove(accounts, viewer.caller, _shown(form), party=relying_party_of(request))
    except Problem as problem:
        return await _proof(request, viewer, accounts, wanted, problem, by_code="recovery_code" in form)
    return RedirectResponse(wanted, HTTPStatus.SEE_OTHER)


async def _proof(
    request: Request,
    viewer: Viewer,
    accounts: Accounts,
    wanted: str,
    problem: Problem | None = None,
    *,
    by_code: bool = False,
) -> Response:
    async with accounts.database.reading() as session:
        factors = await ways_to_prove(session, viewer.caller.person_id)
    party = relying_party_of(request)
    if party is None:  # where browsers show no passkeys
        factors = tuple(factor for factor in factors if factor != "passkey")
    return render(
        request,
        "accounts/prove.html",
        status=HTTPStatus.OK if problem is None else problem.status,
        headers=_NO_STORE | ({} if problem is None else problem.headers()),
        person=viewer.person,
        next=wanted,
        factors=factors,
        issuers=await _issuers_of(accounts, viewer.caller) if "identity" in factors else (),
        problem=_words(problem),
        by_recovery_code="recovery" in request.query_params or by_code,
    )


# One's own factors


@dataclass(frozen=True, kw_only=True)
class _Said:
    """What a page says about what was just done."""

    problem: Problem | None = None
    recovery_codes: Sequence[str] = ()
    done: str | None = None


_DONE: Final = {
    "totp-removed": "The authenticator app is removed. It is not asked for any more.",
    "passkey-removed": "The passkey is removed. It opens nothing here any more; delete it on your device too.",
    "passkey-renamed": "The passkey has its new name.",
    "unlinked": "The account is unlinked. It lets nobody in here any more.",
    "linked": "The account is linked. You can sign in with it.",
}


@router.get(ENROLMENT_PAGE)
async def security_page(request: Request, viewer: EnrollingViewer, accounts: TheAccounts) -> Response:
    """The viewer's second factors."""
    done = next((words for name, words in _DONE.items() if name in request.query_params), None)
    return await _security(request, viewer, accounts, _Said(done=done))


@router.post(f"{ENROLMENT_PAGE}/totp")
async def begin_totp(
    request: Request, viewer: EnrollingViewer, caller: ProvedEnrollingCaller, accounts: TheAccounts
) -> Response:
    """Begin to set up an authenticator app; the page shows the QR code until a code confirms it."""
    try:
        await service.begin_totp(accounts, caller, base_url(request))
    except FactorExists as problem:
        return await _security(request, viewer, accounts, _Said(problem=problem))
    return RedirectResponse(f"{ENROLMENT_PAGE}#totp", HTTPStatus.SEE_OTHER)


@router.post(f"{ENROLMENT_PAGE}/totp/confirm")
async def confirm_totp(
    request: Request, viewer: EnrollingViewer, caller: ProvedEnrollingCaller, accounts: TheAccounts
) -> Response:
    """Let the app count, by a code of it."""
    form = await request.form()
    try:
        added = await service.confirm_totp(accounts, caller, _text(form, "code"))
    except (CodeIsWrong, FactorExists, FactorNotFound) as problem:
        return await _security(request, viewer, accounts, _Said(problem=problem))
    said = _Said(done="The authenticator app is set up.", recovery_codes=added.recovery_codes)
    return await _security(request, await _enrolling_viewer(request), accounts, said, is_free=True)


@router.post(f"{ENROLMENT_PAGE}/totp/remove")
async def remove_totp(
    request: Request, viewer: EnrollingViewer, caller: ProvedEnrollingCaller, accounts: TheAccounts
) -> Response:
    """Remove the authenticator app, or give up setting one up."""
    try:
        await service.remove_totp(accounts, caller)
    except FactorNotFound:
        return RedirectResponse(ENROLMENT_PAGE, HTTPStatus.SEE_OTHER)
    except Problem as problem:
        return await _security(request, viewer, accounts, _Said(problem=problem))
    return RedirectResponse(f"{ENROLMENT_PAGE}?totp-removed", HTTPStatus.SEE_OTHER)


@router.post(f"{ENROLMENT_PAGE}/passkeys")
async def add_passkey(
    request: Request, viewer: EnrollingViewer, caller: ProvedEnrollingCaller, accounts: TheAccounts
) -> Response:
    """Keep a passkey that the page's script has asked the browser to make."""
    form, party = await request.form(), relying_party_of(request)
    try:
        if party is None:
            raise PasskeysNeedHostName
        credential = _shown(form).passkey or {}
        added = await service.add_passkey(accounts, caller, party, credential, name=_text(form, "name"))
    except Problem as problem:
        return await _security(request, viewer, accounts, _Said(problem=problem))
    said = _Said(done="The passkey is added. You can sign in with it.", recovery_codes=added.recovery_codes)
    return await _security(request, viewer, accounts, said, is_free=True)


@router.post(f"{ENROLMENT_PAGE}/passkeys/{{passkey_id}}/rename")
async def rename_passkey(
    passkey_id: UUID, request: Request, viewer: EnrollingViewer, accounts: TheAccounts
) -> Response:
    """Give a passkey another name."""
    form = await request.form()
    try:
        await service.rename_passkey(accounts, viewer.caller, passkey_id, _text(form, "name"))
    except FactorNotFound:
        return RedirectResponse(ENROLMENT_PAGE, HTTPStatus.SEE_OTHER)
    except Problem as problem:
        return await _security(request, viewer, accounts, _Said(problem=problem))
    return RedirectResponse(f"{ENROLMENT_PAGE}?passkey-renamed", HTTPStatus.SEE_OTHER)


@router.post(f"{ENROLMENT_PAGE}/passkeys/{{passkey_id}}/remove")
async def remove_passkey(
    passkey_id: UUID,
    request: Request,
    viewer: EnrollingViewer,
    caller: ProvedEnrollingCaller,
    accounts: TheAccounts,
) -> Response:
    """Remove a passkey."""
    try:
        await service.remove_passkey(accounts, caller, passkey_id)
    except FactorNotFound:
        return RedirectResponse(ENROLMENT_PAGE, HTTPStatus.SEE_OTHER)
    except Problem as problem:
        return await _security(request, viewer, accounts, _Said(problem=problem))
    return RedirectResponse(f"{ENROLMENT_PAGE}?passkey-removed", HTTPStatus.SEE_OTHER)


@router.post(f"{ENROLMENT_PAGE}/recovery-codes")
async def renew_recovery_codes(
    request: Request, viewer: EnrollingViewer, caller: ProvedEnrollingCaller, accounts: TheAccounts
) -> Response:
    """Show ten new recovery codes, this once: the answer is no redirection, and nothing keeps it."""
    try:
        codes = await service.renew_recovery_codes(accounts, caller)
    except Problem as problem:
        return await _security(request, viewer, accounts, _Said(problem=problem))
    return await _security(request, viewer, accounts, _Said(recovery_codes=codes))


async def _security(
    request: Request, viewer: Viewer, accounts: Accounts, said: _Said, *, is_free: bool = False
) -> Response:
    """`is_free`: a factor was added this moment, so the person may look at everything now."""
    caller, party = viewer.caller, relying_party_of(request)
    may_only_enrol = caller.may_only_enrol and not is_free
    factors = await service.read(accounts, caller)
    is_proved = factors.proved_until is not None and factors.proved_until > accounts.now()
    identities = await _identities(accounts, caller)
    waiting = await service.waiting_totp(accounts, caller, base_url(request)) if is_proved else None
    return render(
        request,
        "accounts/security.html",
        viewer=None if may_only_enrol else viewer,
        status=HTTPStatus.OK if said.problem is None else said.problem.status,
        headers=_NO_STORE,
        factors=factors,
        has_factor=factors.totp_since is not None or bool(factors.passkeys),
        is_proved=is_proved,
        may_only_enrol=may_only_enrol,
        waiting=waiting,
        # Made of numbers by the library; it holds nothing that a person wrote.
        qr_code=Markup(waiting.qr_code) if waiting is not None else None,  # noqa: S704
        passkeys_need_a_name=PasskeysNeedHostName().detail if party is None else None,
        longest_name=passkeys.LONGEST_NAME,
        identities=identities,
        issuers=list(accounts.issuers),
        prove_at=f"{PROOF_PAGE}?{urlencode({'next': ENROLMENT_PAGE})}",
        said=said,
        problem=_words(said.problem),
        code_error=said.problem.detail if isinstance(said.problem, CodeIsWrong) else None,
    )


async def _identities(accounts: Accounts, caller: Caller) -> list[Any]:
    """The accounts elsewhere that the person has linked, each with its issuer's title."""
    async with accounts.database.reading() as session:
        rows = await session.all(identity_queries.IDENTITIES, person_id=caller.person_id)
    return [(row, accounts.issuers.title_of(row.issuer)) for row in rows]


async def _issuers_of(accounts: Accounts, caller: Caller) -> list[Issuer]:
    """The issuers that have vouched for the person before."""
    async with accounts.database.reading() as session:
        rows = await session.all(identity_queries.IDENTITIES, person_id=caller.person_id)
    known = {row.issuer for row in rows}
    return [issuer for issuer in accounts.issuers if issuer.address in known]


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""


def _shown(form: FormData) -> Shown:
    """The factor that a form carries; a passkey's answer stands in it as JSON."""
    if passkey := _text(form, "passkey"):
        try:
            credential = json.loads(passkey)
        except (ValueError, RecursionError):
            credential = None
        return Shown(passkey=credential if isinstance(credential, dict) else {})
    if "recovery_code" in form:
        return Shown(recovery_code=_text(form, "recovery_code"))
    return Shown(code=_text(form, "code"))


def _words(problem: Problem | None) -> str | None:
    if problem is None or isinstance(problem, CodeIsWrong):
        return None
    return problem.detail
