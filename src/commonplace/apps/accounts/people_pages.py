"""Pages of those who look after people: everybody, one person, and who is invited. All of them work without scripts."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated, Final, cast, get_args
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from commonplace.apps.accounts import audit, members, people
from commonplace.apps.accounts.administrators import Administrator, ProvedAdministrator
from commonplace.apps.accounts.audit import Filter
from commonplace.apps.accounts.audit_words import ACTIONS
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.errors import PersonNotFound
from commonplace.apps.accounts.invitations import service as invitations
from commonplace.apps.accounts.invitations.errors import InvitationNotFound
from commonplace.apps.accounts.invitations.schemas import MOST_USES, USUAL_DAYS, InvitationCreate, InvitationMade
from commonplace.apps.accounts.people_schemas import StateName
from commonplace.apps.accounts.schemas import RoleName
from commonplace.platform.errors import Problem
from commonplace.platform.http.dependencies import Reading, part
from commonplace.platform.http.public_url import PublicUrl
from commonplace.platform.http.routing import Router
from commonplace.platform.pages.render import render
from commonplace.platform.pages.viewer import CurrentViewer, Viewer

PEOPLE_PATH: Final = "/app/admin/people"
INVITATIONS_PATH: Final = f"{PEOPLE_PATH}/invitations"
_PAGE: Final = 50
_ENTRIES_SHOWN: Final = 8
_LIFETIMES: Final = (("1", "A day"), ("7", "A week"), ("30", "A month"), ("90", "Three months"))
_LONGEST_WORDS: Final = 200
_NO_STORE: Final = {"Cache-Control": "no-store"}

TheAccounts = Annotated[Accounts, Depends(part(Accounts))]
ThePublicUrl = Annotated[PublicUrl, Depends(part(PublicUrl))]

# What changes somebody's sessions commits by itself (as in people_api.py).
by_themselves = APIRouter(include_in_schema=False)
router = Router(include_in_schema=False)


@by_themselves.get("/app/admin")
async def enter() -> Response:
    """Lead to the first of these pages."""
    return RedirectResponse(PEOPLE_PATH, HTTPStatus.SEE_OTHER)


@router.get(PEOPLE_PATH)
async def people_page(
    request: Request,
    viewer: CurrentViewer,
    _caller: Administrator,
    accounts: TheAccounts,
    session: Reading,
    *,
    q: str = "",
    role: str = "",
    state: str = "",
    after: str | None = None,
) -> Response:
    """Everybody who has an account."""
    words = q.replace("\x00", "")[:_LONGEST_WORDS].strip()
    page = await members.list_members(
        session,
        accounts,
        words=words or None,
        role=role if role in get_args(RoleName) else None,
        state=state if state in get_args(StateName) else None,
        limit=_PAGE,
        after=after,
    )
    return render(
        request,
        "accounts/people.html",
        viewer=viewer,
        people=page.items,
        following=page.next,
        wanted={"q": words, "role": role, "state": state},
    )


@router.get(INVITATIONS_PATH)
async def invitations_page(
    request: Request, viewer: CurrentViewer, _caller: Administrator, accounts: TheAccounts, after: str | None = None
) -> Response:
    """Who is invited, and a form to invite somebody."""
    return await _invitations(request, viewer, accounts, after=after, is_withdrawn="withdrawn" in request.query_params)


@by_themselves.post(INVITATIONS_PATH)
async def invite(
    request: Request, viewer: CurrentViewer, caller: ProvedAdministrator, accounts: TheAccounts, public: ThePublicUrl
) -> Response:
    """Invite; the answer shows the link, this once, where it was not mailed."""
    form = await request.form()
    values = {name: value for name, value in form.items() if isinstance(value, str)}
    try:
        made = await invitations.invite(accounts, public, _wanted(values), by=caller.person_id)
    except Problem as problem:
        return await _invitations(request, viewer, accounts, values=values, problem=problem)
    return await _invitations(request, viewer, accounts, made=made)


@by_themselves.post(INVITATIONS_PATH + "/{invitation_id}/withdraw")
async def withdraw(invitation_id: UUID, caller: ProvedAdministrator, accounts: TheAccounts) -> Response:
    """Withdraw an invitation. One that is gone is withdrawn as well."""
    try:
        await invitations.revoke(accounts, invitation_id, by=caller.person_id)
    except InvitationNotFound:
        return RedirectResponse(INVITATIONS_PATH, HTTPStatus.SEE_OTHER)
    return RedirectResponse(f"{INVITATIONS_PATH}?withdrawn", HTTPStatus.SEE_OTHER)


@router.get(PEOPLE_PATH + "/{person_id}")
async def person_page(
    person_id: UUID, request: Request, viewer: CurrentViewer, _caller: Administrator, accounts: TheAccounts
) -> Response:
    """One person: how they get in, how much they keep, and what can be done for them."""
    return await _person(request, viewer, accounts, person_id, done=request.query_params.get("done", ""))


@by_themselves.post(PEOPLE_PATH + "/{person_id}")
async def change_person(
    person_id: UUID, request: Request, viewer: CurrentViewer, caller: ProvedAdministrator, accounts: TheAccounts
) -> Response:
    """Do one thing; it holds at once in every process."""
    form = await request.form()
    wanted = form.get("do")
    act = _ACTS.get(wanted) if isinstance(wanted, str) else None
    if wanted == "give_quota":
        act = _giving(form.get("gigabytes"))
    if act is None:
        return RedirectResponse(f"{PEOPLE_PATH}/{person_id}", HTTPStatus.SEE_OTHER)
    try:
        await act(accounts, person_id, caller.person_id)
    except PersonNotFound:
        raise
    except Problem as problem:
        return await _person(request, viewer, accounts, person_id, problem=problem)
    return RedirectResponse(f"{PEOPLE_PATH}/{person_id}?done={wanted}", HTTPStatus.SEE_OTHER)


router.include_router(by_themselves)


_GIGABYTE: Final = 1_000_000_000
_MOST_GIGABYTES: Final = 1_000_000


async def _suspend(accounts: Accounts, who: UUID, by: UUID) -> None:
    await people.suspend(accounts, who, by=by)


async def _reinstate(accounts: Accounts, who: UUID, by: UUID) -> None:
    await people.reinstate(accounts, who, by=by)


async def _make_administrator(accounts: Accounts, who: UUID, by: UUID) -> None:
    await people.set_role(accounts, who, "administrator", by=by)


async def _make_user(accounts: Accounts, who: UUID, by: UUID) -> None:
    await people.set_role(accounts, who, "user", by=by)


async def _sign_out(accounts: Accounts, who: UUID, by: UUID) -> None:
    await people.sign_out(accounts, who, by=by)


async def _require_factor(accounts: Accounts, who: UUID, by: UUID) -> None:
    await people.require_second_factor(accounts, who, is_required=True, by=by)


async def _waive_factor(accounts: Accounts, who: UUID, by: UUID) -> None:
    await people.require_second_factor(accounts, who, is_required=False, by=by)


def _giving(written: object) -> Callable[[Accounts, UUID, UUID], Awaitable[None]] | None:
    """Giving the quota that was written in gigabytes; none at all: everybody's. None: it is no number."""
    text = written.strip().replace(",", ".") if isinstance(written, str) else ""
    try:
        gigabytes = float(text) if text else None
    except ValueError:
        return None
    if gigabytes is not None and not 0 <= gigabytes <= _MOST_GIGABYTES:
        return None
    quota_bytes = None if gigabytes is None else round(gigabytes * _GIGABYTE)

    async def give(accounts: Accounts, who: UUID, by: UUID) -> None:
        await people.give_quota(accounts, who, quota_bytes, by=by)

    return give


_ACTS: Final[dict[str, Callable[[Accounts, UUID, UUID], Awaitable[None]]]] = {
    "suspend": _suspend,
    "reinstate": _reinstate,
    "make_administrator": _make_administrator,
    "make_user": _make_user,
    "sign_out": _sign_out,
    "require_factor": _require_factor,
    "waive_factor": _waive_factor,
}
_DONE: Final = {
    "suspend": "Suspended. Every session is ended, and no sign-in gets through.",
    "reinstate": "Reinstated. They can sign in again.",
    "make_administrator": "An administrator now, in every session at once.",
    "make_user": "A user now, in every session at once.",
    "sign_out": "Signed out everywhere. They may sign in again.",
    "require_factor": "A second factor is asked for. Who has none sets one up before anything else.",
    "give_quota": "The quota is changed. It holds from the next upload on.",
    "waive_factor": "Whether a second factor is asked for is left to the settings again.",
}


async def _person(
    request: Request,
    viewer: Viewer,
    accounts: Accounts,
    person_id: UUID,
    *,
    done: str = "",
    problem: Problem | None = None,
) -> Response:
    async with accounts.database.reading() as session:
        person = await members.read_member(session, accounts, person_id)
        trail = await audit.list_entries(session, Filter(person_id=person_id), limit=_ENTRIES_SHOWN, after=None)
    return render(
        request,
        "accounts/person.html",
        viewer=viewer,
        status=HTTPStatus.OK if problem is None else problem.status,
        person=person,
        is_oneself=person.id == viewer.caller.person_id,
        entries=trail.items,
        words=ACTIONS,
        done=_DONE.get(done),
        problem=None if problem is None else problem.detail,
        factor_setting=accounts.settings.second_factor,
    )


def _wanted(values: dict[str, str]) -> InvitationCreate:
    days, uses = values.get("days", ""), values.get("uses", "")
    email = values.get("email", "").strip()
    # What the form does not offer is as good as what it shows first.
    return InvitationCreate(
        email=email or None,
        role=cast("RoleName", values["role"]) if values.get("role") in get_args(RoleName) else "user",
        uses=int(uses) if uses.isascii() and uses.isdigit() and 1 <= int(uses[:9]) <= MOST_USES and not email else 1,
        days=int(days) if days in dict(_LIFETIMES) else USUAL_DAYS,
    )


async def _invitations(
    request: Request,
    viewer: Viewer,
    accounts: Accounts,
    *,
    after: str | None = None,
    is_withdrawn: bool = False,
    values: dict[str, str] | None = None,
    problem: Problem | None = None,
    made: InvitationMade | None = None,
) -> Response:
    async with accounts.database.reading() as session:
        page = await invitations.list_invitations(session, accounts, limit=_PAGE, after=after)
    field = None if problem is None else problem.extensions.get("field")
    if problem is not None and problem.status == HTTPStatus.CONFLICT and field is None:
        field = "email"
    return render(
        request,
        "accounts/invitations.html",
        viewer=viewer,
        status=HTTPStatus.OK if problem is None else problem.status,
        headers=_NO_STORE,
        invitations=page.items,
        following=page.next,
        made=made,
        is_withdrawn=is_withdrawn,
        is_closed=accounts.settings.registration_is_closed,
        sends_mail=accounts.mailer.is_configured,
        values=values or {},
        errors={field: problem.detail} if problem is not None and field else {},
        problem=problem.detail if problem is not None and not field else None,
        lifetimes=_LIFETIMES,
        usual_days=str(USUAL_DAYS),
        most_uses=MOST_USES,
    )
