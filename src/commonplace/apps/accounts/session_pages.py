"""Pages about sessions: where one is signed in, and what the notice of a new device leads to.

All of them work without scripts.
"""

from http import HTTPStatus
from typing import Annotated, Any, Final, cast, get_args
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi import Query as QueryParameter
from starlette.responses import RedirectResponse, Response

from commonplace.apps.accounts import new_device, own_sessions
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.cookies import clear_cookie
from commonplace.apps.accounts.errors import NoticeNotValid, SessionNotFound
from commonplace.apps.accounts.sign_in_history import Filter, Outcome, list_sign_ins
from commonplace.platform.errors import Problem
from commonplace.platform.http.dependencies import Reading, part
from commonplace.platform.http.routing import Router
from commonplace.platform.pages.render import render
from commonplace.platform.pages.viewer import CurrentViewer, zone_named

SESSIONS_PATH: Final = "/app/account/sessions"
_SESSIONS_SHOWN: Final = 50
_SIGN_INS_SHOWN: Final = 25
_METHODS: Final = {
    "password": "by password",
    "registration": "when the account was made",
    "password_and_totp": "by password and authenticator app",
    "password_and_recovery_code": "by password and recovery code",
    "password_and_passkey": "by password and passkey",
    "passkey": "by passkey",
    "identity": "by a linked account",
    "identity_and_totp": "by a linked account and authenticator app",
    "identity_and_recovery_code": "by a linked account and recovery code",
    "identity_and_passkey": "by a linked account and passkey",
    "cognito_token": "by a token of Cognito",
}

# What ends a session commits by itself (as in session_api.py).
by_themselves = APIRouter(include_in_schema=False)
router = Router(include_in_schema=False)

TheAccounts = Annotated[Accounts, Depends(part(Accounts))]


@router.get(SESSIONS_PATH)
async def sessions_page(
    request: Request,
    viewer: CurrentViewer,
    accounts: TheAccounts,
    session: Reading,
    *,
    sessions: str | None = None,
    outcome: str = "",
    after: str | None = None,
    ended: Annotated[int | None, QueryParameter(ge=0)] = None,
) -> Response:
    """The person's sessions, and their sign-ins with those that failed; `sessions` and `after` are pages of each."""
    chosen = cast("Outcome", outcome) if outcome in get_args(Outcome) else None
    shown = await own_sessions.list_sessions(session, accounts, viewer.caller, limit=_SESSIONS_SHOWN, after=sessions)
    history = await list_sign_ins(
        session, accounts, viewer.caller.person_id, Filter(outcome=chosen), limit=_SIGN_INS_SHOWN, after=after
    )
    return render(
        request,
        "accounts/sessions.html",
        viewer=viewer,
        sessions=sorted(shown.items, key=lambda one: not one.is_current),
        more_sessions=shown.next,
        has_others=sessions is not None or any(not one.is_current for one in shown.items),
        sign_ins=history.items,
        older=history.next,
        outcome=chosen or "",
        ended=ended,
        history_days=accounts.settings.history_days,
        how=lambda method: _METHODS.get(method, f"by {method.replace('_', ' ')}"),
    )


@by_themselves.post(SESSIONS_PATH + "/end-others")
async def end_others(viewer: CurrentViewer, accounts: TheAccounts) -> Response:
    """End every session but the one of this browser."""
    ended = await own_sessions.end_other_sessions(accounts, viewer.caller)
    return RedirectResponse(f"{SESSIONS_PATH}?ended={ended}", HTTPStatus.SEE_OTHER)


@by_themselves.post(SESSIONS_PATH + "/{session_id}/end")
async def end_one(session_id: UUID, viewer: CurrentViewer, accounts: TheAccounts) -> Response:
    """End one session; the one of this browser signs out."""
    try:
        await own_sessions.end_session(accounts, viewer.caller, session_id)
    except SessionNotFound:
        return RedirectResponse(f"{SESSIONS_PATH}?ended=0", HTTPStatus.SEE_OTHER)
    if session_id != viewer.caller.session_id:
        return RedirectResponse(f"{SESSIONS_PATH}?ended=1", HTTPStatus.SEE_OTHER)
    response = RedirectResponse("/app/sign-in?signed-out", HTTPStatus.SEE_OTHER)
    clear_cookie(response)
    return response


@by_themselves.get(new_device.NOTICE_PATH)
async def notice_page(request: Request, accounts: TheAccounts, token: str = "") -> Response:
    """What the link in the mail opens. It tells and asks, and changes nothing: programs follow links, too."""
    notice = await new_device.open_notice(accounts, token)
    return _not_me(request, accounts, "ask", notice=notice, zone=zone_named(notice.time_zone))


@by_themselves.post(new_device.NOTICE_PATH)
async def not_me(request: Request, accounts: TheAccounts) -> Response:
    """End the session, and ask for a new password."""
    form = await request.form()
    token = await new_device.disown(accounts, str(form.get("token", "")))
    return _not_me(request, accounts, "password", token=token)


@by_themselves.post(new_device.NOTICE_PATH + "/password")
async def new_password(request: Request, accounts: TheAccounts) -> Response:
    """Set the new password."""
    form = await request.form()
    token, password = str(form.get("token", "")), form.get("password")
    try:
        await new_device.set_password(accounts, token, password if isinstance(password, str) else "")
    except NoticeNotValid:
        raise
    except Problem as problem:
        return _not_me(request, accounts, "password", problem, token=token)
    return _not_me(request, accounts, "done")


router.include_router(by_themselves)


def _not_me(
    request: Request, accounts: Accounts, step: str, problem: Problem | None = None, **context: Any
) -> Response:
    is_of_field = problem is not None and problem.extensions.get("field") == "password"
    return render(
        request,
        "accounts/not_me.html",
        status=HTTPStatus.OK if problem is None else problem.status,
        headers={} if problem is None else problem.headers(),
        step=step,
        errors={"password": problem.detail} if problem is not None and is_of_field else {},
        problem=None if problem is None or is_of_field else problem.detail,
        fewest_characters=accounts.settings.fewest_password_characters,
        **context,
    )
