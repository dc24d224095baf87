"""Invitations over HTTP: what administrators do. Who comes by one registers with its token; see `accounts.api`."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from fastapi import Query as QueryParameter

from commonplace.apps.accounts.administrators import Administrator, ProvedAdministrator
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.errors import AddressTaken, AdministratorsOnly, MalformedAddress
from commonplace.apps.accounts.invitations import service
from commonplace.apps.accounts.invitations.errors import (
    InvitationNotAllowed,
    InvitationNotFound,
    InvitationsClosed,
    TooManyInvitations,
)
from commonplace.apps.accounts.invitations.schemas import InvitationCreate, InvitationMade, InvitationPage
from commonplace.platform.database.pages import UnknownPage
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.http.dependencies import Reading, part
from commonplace.platform.http.problems import problems
from commonplace.platform.http.public_url import PublicUrl
from commonplace.platform.http.routing import Router
from commonplace.platform.identity.proofs import ProofNeeded

TheAccounts = Annotated[Accounts, Depends(part(Accounts))]
ThePublicUrl = Annotated[PublicUrl, Depends(part(PublicUrl))]

# Plain routes, as in token_api.py: an `Idempotency-Key` would keep the link in the database.
by_themselves = APIRouter()
router = Router()


@router.get("/invitations", responses=problems(NotAuthenticated, AdministratorsOnly, UnknownPage))
async def list_invitations(
    _caller: Administrator,
    accounts: TheAccounts,
    session: Reading,
    limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
    after: Annotated[str | None, QueryParameter(description="`next` of the page before.")] = None,
) -> InvitationPage:
    """The invitations that hold, the newest first. For administrators."""
    return await service.list_invitations(session, accounts, limit=limit, after=after)


@by_themselves.post(
    "/invitations",
    status_code=HTTPStatus.CREATED,
    responses=problems(
        NotAuthenticated,
        AdministratorsOnly,
        ProofNeeded,
        InvitationsClosed,
        AddressTaken,
        TooManyInvitations,
        MalformedAddress,
        InvitationNotAllowed,
    ),
)
async def invite(
    wanted: InvitationCreate,
    caller: ProvedAdministrator,
    accounts: TheAccounts,
    public: ThePublicUrl,
    response: Response,
) -> InvitationMade:
    """Invite somebody. For administrators.

    With an address, and where mail is sent, the link goes there and nowhere else: who follows it has proved that the
    address is theirs. Otherwise the answer holds the link, and it is shown never again. A new invitation to an address
    takes the place of the one before. It holds while whoever made it is an administrator.
    """
    response.headers["Cache-Control"] = "no-store"
    return await service.invite(accounts, public, wanted, by=caller.person_id)


@by_themselves.delete(
    "/invitations/{invitation_id}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(NotAuthenticated, AdministratorsOnly, ProofNeeded, InvitationNotFound),
)
async def revoke_invitation(invitation_id: UUID, caller: ProvedAdministrator, accounts: TheAccounts) -> None:
    """Withdraw an invitation; nobody comes by it any more. For administrators."""
    await service.revoke(accounts, invitation_id, by=caller.person_id)


router.include_router(by_themselves)
