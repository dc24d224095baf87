"""Issuers and linked accounts over HTTP. Linking is done in a browser, since the issuer has to see the person."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.issuers import service
from commonplace.apps.accounts.issuers.errors import IdentityNotFound, OnlyWayIn
from commonplace.apps.accounts.issuers.flow import FLOW_PATH
from commonplace.apps.accounts.issuers.schemas import IdentityList, IdentityRead, IssuerList, IssuerRead
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.http.dependencies import CurrentCaller, Reading, part
from commonplace.platform.http.problems import problems
from commonplace.platform.http.routing import Router
from commonplace.platform.identity.proofs import ProofNeeded, ProvedCaller

TheAccounts = Annotated[Accounts, Depends(part(Accounts))]

by_themselves = APIRouter()
router = Router()


@by_themselves.get("/issuers")
async def list_issuers(accounts: TheAccounts) -> IssuerList:
    """Whom people can sign in with here beside a password, or in its place."""
    return IssuerList(
        keeps_passwords=accounts.settings.keeps_passwords,
        items=[
            IssuerRead(name=issuer.name, title=issuer.title, sign_in_path=f"{FLOW_PATH}/{issuer.name}")
            for issuer in accounts.issuers
        ],
    )


@router.get("/identities", responses=problems(NotAuthenticated))
async def list_identities(caller: CurrentCaller, accounts: TheAccounts, session: Reading) -> IdentityList:
    """The accounts elsewhere that the caller can sign in with, the oldest first."""
    rows = await service.identities_of(session, caller.person_id)
    return IdentityList(
        items=[
            IdentityRead(
                id=row.id,
                issuer=row.issuer,
                title=accounts.issuers.title_of(row.issuer),
                shown=row.shown,
                linked_at=row.linked_at,
                last_used_at=row.last_used_at,
            )
            for row in rows
        ]
    )


@by_themselves.delete(
    "/identities/{identity_id}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(NotAuthenticated, ProofNeeded, IdentityNotFound, OnlyWayIn),
)
async def unlink(identity_id: UUID, caller: ProvedCaller, accounts: TheAccounts) -> None:
    """Let the caller not sign in by this account any more."""
    await service.unlink(accounts, caller, identity_id)


router.include_router(by_themselves)
