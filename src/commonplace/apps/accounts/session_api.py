"""Sessions and the history of sign-ins over HTTP."""

from http import HTTPStatus
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi import Query as QueryParameter
from starlette.responses import StreamingResponse

from commonplace.apps.accounts import own_sessions, sign_in_history
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.cookies import clear_cookie
from commonplace.apps.accounts.errors import SessionNotFound
from commonplace.apps.accounts.session_schemas import SessionPage, SessionsEnded, SignInPage
from commonplace.apps.accounts.sign_in_history import Filter, Outcome
from commonplace.platform.database.pages import UnknownPage
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.http.dependencies import CurrentCaller, Reading, part
from commonplace.platform.http.moments import Moment
from commonplace.platform.http.problems import problems
from commonplace.platform.http.routing import Router
from commonplace.platform.identity.caller import SESSION_COOKIE

_FILE_NAME: Final = "sign-ins.csv"

# Plain routes: what ends a session commits by itself, and answers when every process knows.
by_themselves = APIRouter()
router = Router()

TheAccounts = Annotated[Accounts, Depends(part(Accounts))]
Limit = Annotated[int, QueryParameter(ge=1, le=200)]
After = Annotated[str | None, QueryParameter(description="`next` of the page before.")]


async def _filter(
    outcome: Annotated[Outcome | None, QueryParameter(description="Only these.")] = None,
    address: Annotated[
        str | None,
        QueryParameter(
            max_length=50, pattern="^[0-9A-Fa-f:./]*$", description="Only from this IP address, or network."
        ),
    ] = None,
    since: Annotated[Moment | None, QueryParameter(description="Not before this moment.")] = None,
    until: Annotated[Moment | None, QueryParameter(description="Before this moment.")] = None,
) -> Filter:
    return Filter(outcome=outcome, address=address, since=since, until=until)


Wanted = Annotated[Filter, Depends(_filter)]


@router.get("/sessions", responses=problems(NotAuthenticated, UnknownPage))
async def list_sessions(
    caller: CurrentCaller, accounts: TheAccounts, session: Reading, limit: Limit = 50, after: After = None
) -> SessionPage:
    """The caller's sessions that have not ended, the one used last first."""
    return await own_sessions.list_sessions(session, accounts, caller, limit=limit, after=after)


@by_themselves.delete(
    "/sessions/{session_id}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(NotAuthenticated, SessionNotFound),
)
async def end_session(
    session_id: UUID, caller: CurrentCaller, accounts: TheAccounts, request: Request, response: Response
) -> None:
    """End one of the caller's sessions; when this answers, its access token is refused everywhere."""
    await own_sessions.end_session(accounts, caller, session_id)
    if session_id == caller.session_id:
        _forget(request, response)


@by_themselves.delete("/sessions", responses=problems(NotAuthenticated))
async def end_sessions(
    caller: CurrentCaller,
    accounts: TheAccounts,
    request: Request,
    response: Response,
    *,
    keep_current: Annotated[bool, QueryParameter(description="Let the session of this request go on.")] = False,
) -> SessionsEnded:
    """End all of the caller's sessions, or all others; when this answers, they are refused everywhere."""
    if keep_current:
        return SessionsEnded(ended=await own_sessions.end_other_sessions(accounts, caller))
    ended = await own_sessions.end_all_sessions(accounts, caller)
    _forget(request, response)
    return SessionsEnded(ended=ended)


@router.get("/sign-ins", responses=problems(NotAuthenticated, UnknownPage))
async def list_sign_ins(
    caller: CurrentCaller,
    accounts: TheAccounts,
    session: Reading,
    wanted: Wanted,
    limit: Limit = 50,
    after: After = None,
) -> SignInPage:
    """The caller's own sign-ins, and the tries that failed, the latest first."""
    return await sign_in_history.list_sign_ins(session, accounts, caller.person_id, wanted, limit=limit, after=after)


@router.get(
    "/sign-ins.csv",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "A header and a line each."},
        **problems(NotAuthenticated),
    },
)
async def export_sign_ins(caller: CurrentCaller, accounts: TheAccounts, wanted: Wanted) -> StreamingResponse:
    """All of the same as a table (RFC 4180). Cells that a spreadsheet would run as a formula begin with `'`."""
    return StreamingResponse(
        sign_in_history.sign_ins_as_csv(accounts, caller.person_id, wanted),
        media_type="text/csv; charset=utf-8; header=present",
        headers={"Content-Disposition": f'attachment; filename="{_FILE_NAME}"'},
    )


router.include_router(by_themselves)


def _forget(request: Request, response: Response) -> None:
    if SESSION_COOKIE in request.cookies:
        clear_cookie(response)
