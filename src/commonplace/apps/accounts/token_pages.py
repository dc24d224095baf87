"""The page of API tokens. It works without scripts."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from commonplace.apps.accounts import api_tokens
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.errors import TokenNotFound
from commonplace.apps.accounts.token_schemas import TokenCreate, TokenMade
from commonplace.platform.errors import Problem
from commonplace.platform.http.dependencies import part
from commonplace.platform.identity.proofs import ProvedCaller
from commonplace.platform.identity.scopes import READ, SYNC, WRITE, Scopes
from commonplace.platform.pages.render import render
from commonplace.platform.pages.viewer import CurrentViewer, Viewer

PATH: Final = "/app/account/tokens"
_PAGE: Final = 50
_LEVELS: Final = (("", "Nothing"), (READ, "Read"), (WRITE, "Read and change"))
_NEVER: Final = "never"
_LIFETIMES: Final = (
    ("7", "A week"),
    ("30", "A month"),
    ("90", "Three months"),
    ("365", "A year"),
    (_NEVER, "For ever, until you revoke it"),
)

TheAccounts = Annotated[Accounts, Depends(part(Accounts))]
TheScopes = Annotated[Scopes, Depends(part(Scopes))]

# These functions commit by themselves, so the routes take no session (as in token_api.py).
router = APIRouter(include_in_schema=False)


@router.get(PATH)
async def tokens_page(
    request: Request, viewer: CurrentViewer, accounts: TheAccounts, scopes: TheScopes, after: str | None = None
) -> Response:
    """The viewer's tokens, and a form to make one."""
    is_revoked = "revoked" in request.query_params
    return await _page(request, viewer, accounts, scopes, after=after, is_revoked=is_revoked)


@router.post(PATH)
async def make_token(
    request: Request, viewer: CurrentViewer, _caller: ProvedCaller, accounts: TheAccounts, scopes: TheScopes
) -> Response:
    """Make a token and show it, this once: the answer is no redirection, and nothing keeps it."""
    form = await request.form()
    values = {name: value for name, value in form.items() if isinstance(value, str)}
    try:
        made = await api_tokens.make_token(accounts, scopes, viewer.caller.person_id, _wanted(values, scopes, accounts))
    except Problem as problem:
        return await _page(request, viewer, accounts, scopes, values=values, problem=problem)
    return await _page(request, viewer, accounts, scopes, made=made)


@router.post(PATH + "/{token_id}/revoke")
async def revoke_token(token_id: UUID, viewer: CurrentViewer, accounts: TheAccounts) -> Response:
    """Revoke a token; when this answers, no process admits it any more. One that is gone is revoked as well."""
    try:
        await api_tokens.revoke_token(accounts, viewer.caller.person_id, token_id)
    except TokenNotFound:
        return RedirectResponse(PATH, HTTPStatus.SEE_OTHER)
    return RedirectResponse(f"{PATH}?revoked", HTTPStatus.SEE_OTHER)


def _wanted(values: Mapping[str, str], scopes: Scopes, accounts: Accounts) -> TokenCreate:
    levels = {name: values.get(f"scope-{name}", "") for name in scopes.titles}
    days = values.get("days", "")
    lifetimes = {text for text, _ in _LIFETIMES} - {_NEVER}
    never = days == _NEVER
    # What the form does not offer is as good as its first choice: the shortest.
    lifetime = timedelta(days=int(days) if days in lifetimes else int(_LIFETIMES[0][0]))
    return TokenCreate(
        name=values.get("name", ""),
        scopes=[f"{name}:{level}" for name, level in levels.items() if level in {READ, WRITE}],
        expires_at=None if never else accounts.now() + lifetime,
    )


async def _page(
    request: Request,
    viewer: Viewer,
    accounts: Accounts,
    scopes: Scopes,
    *,
    after: str | None = None,
    is_revoked: bool = False,
    values: Mapping[str, str] | None = None,
    problem: Problem | None = None,
    made: TokenMade | None = None,
) -> Response:
    async with accounts.database.reading() as session:
        page = await api_tokens.list_tokens(session, accounts, viewer.caller.person_id, limit=_PAGE, after=after)
    field = None if problem is None else problem.extensions.get("field")
    return render(
        request,
        "accounts/tokens.html",
        viewer=viewer,
        status=HTTPStatus.OK if problem is None else problem.status,
        headers={"Cache-Control": "no-store"},
        tokens=page.items,
        following=page.next,
        made=made,
        is_revoked=is_revoked,
        values=dict(values or {}),
        errors={field: problem.detail} if problem is not None and field else {},
        problem=problem.detail if problem is not None and not field else None,
        apps=_choices(scopes),
        lifetimes=_LIFETIMES,
    )


def _choices(scopes: Scopes) -> Sequence[tuple[str, str, Any]]:
    return [
        (name, title, [level for level in _LEVELS if level[0] == "" or f"{name}:{level[0]}" in scopes.all])
        for name, title in sorted(scopes.titles.items(), key=lambda entry: (entry[0] == SYNC, entry[1]))
    ]
