"""Pages of signing in by an issuer: leading there, coming back, linking. All of them work without scripts.

What changes something begins with a form of ours, and goes on by a page that leads away by itself: browsers hold a
form's redirects to the policy that forms stay on this site.
"""

import json
from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.cookies import set_cookie
from commonplace.apps.accounts.device import device_of
from commonplace.apps.accounts.errors import ProfileNotAllowed
from commonplace.apps.accounts.factors.pages import to_second_step
from commonplace.apps.accounts.factors.second_step import SecondStepNeeded
from commonplace.apps.accounts.issuers import client, flow, service
from commonplace.apps.accounts.issuers.client import Vouched
from commonplace.apps.accounts.issuers.errors import (
    AddressHasAccount,
    IssuerNotBelieved,
    IssuerRefused,
    OnlyWayIn,
    SignInStrayed,
)
from commonplace.apps.accounts.issuers.flow import FLOW_COOKIE, FLOW_PATH, Flow, Purpose
from commonplace.apps.accounts.issuers.provider import Provider
from commonplace.apps.accounts.languages import preferred_language
from commonplace.apps.accounts.next_page import next_page
from commonplace.apps.accounts.profile import change_profile
from commonplace.apps.accounts.profile_rules import clean_name, clean_time_zone
from commonplace.apps.accounts.schemas import ProfileChange
from commonplace.apps.accounts.sessions import BrowserSession
from commonplace.platform.errors import NotAuthenticated, Problem
from commonplace.platform.http import context
from commonplace.platform.http.dependencies import part
from commonplace.platform.http.public_url import PublicUrl
from commonplace.platform.identity.caller import Caller
from commonplace.platform.identity.enrolment import ENROLMENT_PAGE
from commonplace.platform.identity.proofs import PROOF_PAGE, ProvedCaller
from commonplace.platform.identity.requests import caller_even_enrolling
from commonplace.platform.pages.render import SIGN_IN_PATH, render
from commonplace.platform.parts import Parts

_CANCELLED: Final = frozenset({"access_denied", "user_cancelled_authorize", "user_cancelled_login", "login_required"})
_PASSED_ON: Final = ("code", "state", "error", "iss")
_LONGEST_FIELD: Final = 2048
_NO_STORE: Final = {"Cache-Control": "no-store"}
_log = structlog.get_logger(__name__)

TheAccounts = Annotated[Accounts, Depends(part(Accounts))]

# These functions commit by themselves, so the routes take no session (as in api.py).
router = APIRouter(include_in_schema=False)


# Leading there


@router.get(FLOW_PATH + "/{name}")
async def begin_sign_in(name: str, request: Request, accounts: TheAccounts) -> Response:
    """Lead the browser to the issuer. `next` is where to go afterwards; `time_zone` is for who comes the first time."""
    wanted = next_page(request.query_params.get("next"))
    elsewhere = _at_public_address(request)
    if elsewhere is not None:
        return elsewhere
    begun = flow.begin(accounts, name, "sign_in", wanted=wanted, redirect_uri=_redirect_uri(request, name))
    with suppress(ProfileNotAllowed):
        begun = replace(begun, time_zone=clean_time_zone(request.query_params.get("time_zone", "")))
    try:
        address = await client.address_to_lead_to(accounts.issuers[name], begun)
    except Problem as problem:
        return _failed(request, accounts, problem, name, wanted)
    response = RedirectResponse(address, HTTPStatus.SEE_OTHER, headers=_NO_STORE)
    flow.keep(response, accounts, begun, device_of(request))
    return response


@router.post(ENROLMENT_PAGE + "/identities/{name}/link")
async def begin_link(name: str, request: Request, caller: ProvedCaller, accounts: TheAccounts) -> Response:
    """Lead to the issuer, to link the account that the person has there."""
    return await _lead(request, accounts, name, "link", caller, f"{ENROLMENT_PAGE}?linked#identities")


@router.post(PROOF_PAGE + "/with/{name}")
async def begin_proof(name: str, request: Request, accounts: TheAccounts) -> Response:
    """Lead to the issuer, to be seen there once more."""
    caller, form = await caller_even_enrolling(request), await request.form()
    wanted = next_page(_text(form, "next"), ENROLMENT_PAGE)
    return await _lead(request, accounts, name, "prove", caller, wanted)


@router.post(ENROLMENT_PAGE + "/identities/{identity_id}/unlink")
async def unlink(identity_id: UUID, request: Request, caller: ProvedCaller, accounts: TheAccounts) -> Response:
    """Let the person not sign in by this identity any more."""
    try:
        await service.unlink(accounts, caller, identity_id)
    except OnlyWayIn as problem:
        return _failed(request, accounts, problem, None, ENROLMENT_PAGE)
    except Problem:
        return RedirectResponse(f"{ENROLMENT_PAGE}#identities", HTTPStatus.SEE_OTHER)
    return RedirectResponse(f"{ENROLMENT_PAGE}?unlinked#identities", HTTPStatus.SEE_OTHER)


async def _lead(
    request: Request, accounts: Accounts, name: str, purpose: Purpose, caller: Caller, wanted: str
) -> Response:
    provider = accounts.issuers[name]
    begun = flow.begin(
        accounts,
        name,
        purpose,
        wanted=wanted,
        redirect_uri=_redirect_uri(request, name),
        session_id=caller.session_id,
    )
    try:
        address = await client.address_to_lead_to(provider, begun)
    except Problem as problem:
        return _failed(request, accounts, problem, None, ENROLMENT_PAGE)
    response = render(
        request,
        "accounts/leading.html",
        headers=_NO_STORE,
        title=provider.issuer.title,
        address=address,
        back=ENROLMENT_PAGE,
    )
    flow.keep(response, accounts, begun, device_of(request))
    return response


# Coming back


@router.post(FLOW_PATH + "/{name}/callback")
async def come_back_with_form(name: str, request: Request, accounts: TheAccounts) -> Response:
    """Turn the form of `response_mode=form_post` into an ordinary way back.

    Another site's page posts it, so the browser sends no cookie of ours along, and nothing is done here. The redirect
    makes a GET of it, with which cookies go.
    """
    accounts.issuers[name]  # 404 for one that is none
    form = await request.form()
    query = {key: value for key in _PASSED_ON if 0 < len(value := _text(form, key)) <= _LONGEST_FIELD}
    told = _name_told(_text(form, "user"))
    if told:
        query["name"] = told
    address = f"{FLOW_PATH}/{name}/callback?{urlencode(query)}"
    return RedirectResponse(address, HTTPStatus.SEE_OTHER, headers=_NO_STORE)


@router.get(FLOW_PATH + "/{name}/callback")
async def come_back(name: str, request: Request, accounts: TheAccounts) -> Response:
    """Look at what the issuer says, and do what the person went there for."""
    under_way: Flow | None = None
    try:
        provider = accounts.issuers[name]
        under_way = flow.read(accounts, request.cookies.get(FLOW_COOKIE, ""), issuer=name)
        await flow.spend(accounts, under_way, request.query_params.get("state", ""))
        vouched = await _vouched(request, accounts, provider, under_way)
        response = await _do(request, accounts, under_way, vouched)
    except Problem as problem:
        wanted = under_way.next if under_way is not None and under_way.purpose == "sign_in" else ENROLMENT_PAGE
        response = _failed(request, accounts, problem, name, wanted)
    flow.forget(response)
    return response


async def _vouched(request: Request, accounts: Accounts, provider: Provider, under_way: Flow) -> Vouched:
    query, issuer = request.query_params, provider.issuer
    said = query.get("iss")
    # RFC 9207, section 2.4: whoever answers has to be who was asked.
    if said is not None and said != issuer.address:
        _log.warning("issuer.mixed_up", issuer=issuer.name)
        raise IssuerNotBelieved(issuer.title)
    if said is None and issuer.speaks_openid and (await provider.metadata()).tells_itself:
        _log.warning("issuer.does_not_tell_itself", issuer=issuer.name)
        raise IssuerNotBelieved(issuer.title)
    if error := query.get("error"):
        _log.info("issuer.refused", issuer=issuer.name, error=error[:100])
        raise IssuerRefused(issuer.title, was_cancelled=error in _CANCELLED)
    code = query.get("code", "")
    if not 0 < len(code) <= _LONGEST_FIELD:
        raise SignInStrayed
    vouched = await client.vouched_for(provider, under_way, code, accounts.now())
    if vouched.name is None and issuer.preset == "apple":
        with suppress(ProfileNotAllowed):  # Apple tells it once, beside the token: a name and nothing more
            vouched = replace(vouched, name=clean_name(query.get("name", "")))
    return vouched


async def _do(request: Request, accounts: Accounts, under_way: Flow, vouched: Vouched) -> Response:
    if under_way.purpose == "sign_in":
        return await _sign_in(request, accounts, under_way, vouched)
    try:
        caller = await caller_even_enrolling(request)
    except NotAuthenticated as error:
        raise SignInStrayed from error
    if str(caller.session_id) != under_way.session_id:
        raise SignInStrayed
    if under_way.purpose == "link":
        await service.link(accounts, caller, vouched)
    else:
        await service.prove(accounts, caller, vouched)
    return RedirectResponse(under_way.next, HTTPStatus.SEE_OTHER, headers=_NO_STORE)


async def _sign_in(request: Request, accounts: Accounts, under_way: Flow, vouched: Vouched) -> Response:
    device = device_of(request)
    come = await service.sign_in(accounts, vouched, device)
    if isinstance(come, SecondStepNeeded):
        return to_second_step(come, under_way.next, device, accounts)
    if come.is_new:
        await _settle_in(request, accounts, come.session, under_way)
    response = RedirectResponse(under_way.next, HTTPStatus.SEE_OTHER, headers=_NO_STORE)
    set_cookie(response, come.session, device, accounts)
    return response


async def _settle_in(request: Request, accounts: Accounts, session: BrowserSession, under_way: Flow) -> None:
    """Give a newcomer the language and the time zone of their device."""
    change = ProfileChange(language=preferred_language(request.headers.get("accept-language", "")))
    if under_way.time_zone is not None:
        change.time_zone = under_way.time_zone
    caller = Caller(person_id=session.person_id, session_id=session.session_id, role="user")
    async with accounts.database.writing() as writing:
        await change_profile(writing, caller.person_id, change, expected=None)


def _failed(request: Request, accounts: Accounts, problem: Problem, name: str | None, wanted: str) -> Response:
    """What went wrong, and the ways on: again, or in by something else."""
    again = None
    if name is not None and not isinstance(problem, AddressHasAccount):
        known = next((issuer for issuer in accounts.issuers if issuer.name == name), None)
        if known is not None and not wanted.startswith(ENROLMENT_PAGE):
            again = (known.title, f"{FLOW_PATH}/{name}?{urlencode({'next': wanted})}")
    is_own_page = wanted.startswith(ENROLMENT_PAGE)
    after = f"{ENROLMENT_PAGE}#identities" if isinstance(problem, AddressHasAccount) else wanted
    back = ENROLMENT_PAGE if is_own_page else f"{SIGN_IN_PATH}?{urlencode({'next': after})}"
    return render(
        request,
        "accounts/not_in.html",
        status=HTTPStatus(problem.status),
        headers=_NO_STORE | problem.headers(),
        problem=problem.detail,
        again=again,
        back=back,
        is_own_page=is_own_page,
    )


def _redirect_uri(request: Request, name: str) -> str:
    return f"{_base(request)}{FLOW_PATH}/{name}/callback"


def _base(request: Request) -> str:
    parts: Parts = request.app.state.parts
    public = parts[PublicUrl]
    if public.is_configured:
        return public.base
    return f"{context.of(request.scope).scheme}://{request.headers.get('host', '')}"


def _at_public_address(request: Request) -> Response | None:
    """Lead on to the address that the issuer leads back to: a cookie left at another one would not come along."""
    parts: Parts = request.app.state.parts
    public = parts[PublicUrl]
    present = f"{context.of(request.scope).scheme}://{request.headers.get('host', '')}"
    if not public.is_configured or present.lower() == public.base.lower() or "moved" in request.query_params:
        return None
    query = urlencode({**request.query_params, "moved": ""})
    return RedirectResponse(f"{public.base}{request.url.path}?{query}", HTTPStatus.SEE_OTHER, headers=_NO_STORE)


def _name_told(user: str) -> str | None:
    """The name in what Apple posts beside its answer: `{"name": {"firstName": "Ana", "lastName": "Li"}}`."""
    if not 0 < len(user) <= _LONGEST_FIELD:
        return None
    try:
        told: Any = json.loads(user)
        names = [told["name"].get(key) for key in ("firstName", "lastName")]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return " ".join(part for part in names if isinstance(part, str) and part.strip())[:200] or None


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""
