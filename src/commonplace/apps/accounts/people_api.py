"""What administrators do for people, over HTTP."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi import Query as QueryParameter
from starlette.responses import StreamingResponse

from commonplace.apps.accounts import audit, members, people
from commonplace.apps.accounts.administrators import Administrator, ProvedAdministrator
from commonplace.apps.accounts.audit import Action, Filter
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.errors import AdministratorsOnly, LastAdministrator, PersonNotFound
from commonplace.apps.accounts.people_schemas import AuditPage, MemberChange, MemberPage, MemberRead, StateName
from commonplace.apps.accounts.schemas import RoleName
from commonplace.apps.accounts.session_schemas import SessionsEnded
from commonplace.platform.database.pages import UnknownPage
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.http.dependencies import Reading, part
from commonplace.platform.http.moments import Moment
from commonplace.platform.http.problems import problems
from commonplace.platform.http.routing import Router
from commonplace.platform.identity.proofs import ProofNeeded

_WORDS: Final = r"^[^\x00]*$"  # a database cannot hold NUL

# Plain routes: what changes somebody's sessions commits by itself, and answers when every process knows.
by_themselves = APIRouter()
router = Router()

TheAccounts = Annotated[Accounts, Depends(part(Accounts))]
Limit = Annotated[int, QueryParameter(ge=1, le=200)]
After = Annotated[str | None, QueryParameter(description="`next` of the page before.")]
Words = Annotated[
    str | None, QueryParameter(max_length=200, pattern=_WORDS, description="What stands in a name or an address.")
]


async def _filter(
    *,
    action: Annotated[Action | None, QueryParameter(description="Only this.")] = None,
    person: Annotated[UUID | None, QueryParameter(description="Only what was done to this person.")] = None,
    by: Annotated[UUID | None, QueryParameter(description="Only what this person did.")] = None,
    q: Words = None,
    since: Annotated[Moment | None, QueryParameter(description="Not before this moment.")] = None,
    until: Annotated[Moment | None, QueryParameter(description="Before this moment.")] = None,
) -> Filter:
    return Filter(action=action, person_id=person, by_id=by, words=q, since=since, until=until)


Wanted = Annotated[Filter, Depends(_filter)]


@router.get("/people", responses=problems(NotAuthenticated, AdministratorsOnly, UnknownPage))
async def list_people(
    _caller: Administrator,
    accounts: TheAccounts,
    session: Reading,
    *,
    q: Words = None,
    role: RoleName | None = None,
    state: StateName | None = None,
    limit: Limit = 50,
    after: After = None,
) -> MemberPage:
    """Everybody who has an account, the longest here first. For administrators."""
    return await members.list_members(session, accounts, words=q, role=role, state=state, limit=limit, after=after)


@router.get("/people/{person_id}", responses=problems(NotAuthenticated, AdministratorsOnly, PersonNotFound))
async def read_person(person_id: UUID, _caller: Administrator, accounts: TheAccounts, session: Reading) -> MemberRead:
    """One person. For administrators."""
    return await members.read_member(session, accounts, person_id)


@by_themselves.patch(
    "/people/{person_id}",
    responses=problems(NotAuthenticated, AdministratorsOnly, ProofNeeded, PersonNotFound, LastAdministrator),
)
async def change_person(
    person_id: UUID, change: MemberChange, caller: ProvedAdministrator, accounts: TheAccounts
) -> MemberRead:
    """Change a person's role or quota, suspend or reinstate them, or ask a second factor of them. For administrators.

    It holds for their sessions at once.
    """
    return await members.change_member(accounts, person_id, change, by=caller.person_id)


@by_themselves.delete(
    "/people/{person_id}/sessions",
    responses=problems(NotAuthenticated, AdministratorsOnly, ProofNeeded, PersonNotFound),
)
async def sign_person_out(person_id: UUID, caller: ProvedAdministrator, accounts: TheAccounts) -> SessionsEnded:
    """End all of a person's sessions; when this answers, they are refused everywhere. For administrators."""
    return SessionsEnded(ended=await people.sign_out(accounts, person_id, by=caller.person_id))


@router.get("/audit", responses=problems(NotAuthenticated, AdministratorsOnly, UnknownPage))
async def list_audit_entries(
    _caller: Administrator, session: Reading, wanted: Wanted, limit: Limit = 50, after: After = None
) -> AuditPage:
    """What administrators and commands on the server did to people, the latest first. For administrators."""
    return await audit.list_entries(session, wanted, limit=limit, after=after)


@router.get(
    "/audit.csv",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "A header and a line each."},
        **problems(NotAuthenticated, AdministratorsOnly),
    },
)
async def export_audit_entries(_caller: Administrator, accounts: TheAccounts, wanted: Wanted) -> StreamingResponse:
    """All of the same as a table (RFC 4180). Cells that a spreadsheet would run as a formula begin with `'`."""
    return StreamingResponse(
        audit.entries_as_csv(accounts, wanted),
        media_type="text/csv; charset=utf-8; header=present",
        headers={"Content-Disposition": 'attachment; filename="audit.csv"'},
    )


router.include_router(by_themselves)
