"""API tokens over HTTP. None of these routes can be reached with one."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from commonplace.apps.accounts import api_tokens
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.errors import TokenNotAllowed, TokenNotFound, TooManyTokens
from commonplace.apps.accounts.token_schemas import TokenCreate, TokenMade, TokenPage
from commonplace.platform.database.pages import UnknownPage
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.http.dependencies import CurrentCaller, Reading, part
from commonplace.platform.http.problems import problems
from commonplace.platform.http.routing import Router
from commonplace.platform.identity.proofs import ProofNeeded, ProvedCaller
from commonplace.platform.identity.scopes import Scopes

TheAccounts = Annotated[Accounts, Depends(part(Accounts))]
TheScopes = Annotated[Scopes, Depends(part(Scopes))]

# Plain routes: these functions commit by themselves, and an `Idempotency-Key` would keep the token in the database.
by_themselves = APIRouter()
router = Router()


@router.get("/tokens", responses=problems(NotAuthenticated, UnknownPage))
async def list_tokens(
    caller: CurrentCaller,
    accounts: TheAccounts,
    session: Reading,
    limit: Annotated[int, Query(ge=1, le=100)] = 100,
    after: Annotated[str | None, Query(description="`next` of the page before.")] = None,
) -> TokenPage:
    """The caller's API tokens, the newest first."""
    return await api_tokens.list_tokens(session, accounts, caller.person_id, limit=limit, after=after)


@by_themselves.post(
    "/tokens",
    status_code=HTTPStatus.CREATED,
    responses=problems(NotAuthenticated, ProofNeeded, TokenNotAllowed, TooManyTokens),
)
async def make_token(
    wanted: TokenCreate, caller: ProvedCaller, accounts: TheAccounts, scopes: TheScopes, response: Response
) -> TokenMade:
    """Make an API token. The answer holds it, and it is shown never again.

    It is sent as `Authorization: Bearer`, or as the password of HTTP Basic under any name. A request needs the scope of
    its app: GET and HEAD `files:read` or `files:write`, every other method `files:write`.
    """
    response.headers["Cache-Control"] = "no-store"
    return await api_tokens.make_token(accounts, scopes, caller.person_id, wanted)


@by_themselves.delete(
    "/tokens/{token_id}", status_code=HTTPStatus.NO_CONTENT, responses=problems(NotAuthenticated, TokenNotFound)
)
async def revoke_token(token_id: UUID, caller: CurrentCaller, accounts: TheAccounts) -> None:
    """Revoke an API token. When this answers, no process admits it any more."""
    await api_tokens.revoke_token(accounts, caller.person_id, token_id)


router.include_router(by_themselves)
