"""Using an invitation up, in the transaction that makes the account."""

from uuid import UUID

from commonplace.apps.accounts import audit, link_tokens
from commonplace.apps.accounts import queries as account_queries
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.invitations import queries
from commonplace.apps.accounts.invitations.errors import InvitationNotValid
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession, WriteSession


async def read_invitation(session: ReadSession, accounts: Accounts, token: str) -> Row:
    """The invitation of a link, with the name of who made it.

    Raises:
        InvitationNotValid: it was used up or withdrawn, has expired, or is none of ours.
    """
    invitation_id = link_tokens.id_of(accounts.keys.all("inviting"), token)
    if invitation_id is None:
        raise InvitationNotValid
    row = await session.first(queries.READ, invitation_id=invitation_id, now=accounts.now())
    if row is None:
        raise InvitationNotValid
    return row


async def take_invitation(session: WriteSession, accounts: Accounts, invitation_id: UUID) -> Row:
    """Use an invitation once, in the given transaction; of several who come at once, as many get it as may.

    Raises:
        InvitationNotValid: it was used up or withdrawn, or has expired.
    """
    row = await session.first(queries.TAKE, invitation_id=invitation_id, now=accounts.now())
    if row is None:
        raise InvitationNotValid
    await _use(session, row)
    return row


async def take_invitation_of(session: WriteSession, accounts: Accounts, email_key: str) -> Row | None:
    """Use the invitation that is for this address, which somebody has proved to have; None where there is none."""
    row = await session.first(queries.TAKE_OF_ADDRESS, email_key=email_key, now=accounts.now())
    if row is not None:
        await _use(session, row)
    return row


async def _use(session: WriteSession, row: Row) -> None:
    await session.execute(queries.USE if row.uses_left > 1 else queries.REMOVE, invitation_id=row.id)


async def note_joined(session: WriteSession, accounts: Accounts, invitation: Row, person_id: UUID) -> None:
    """Enter in the trail who came by an invitation; an administrator ends the first run."""
    if invitation.role == "administrator":
        await session.execute(account_queries.END_FIRST_RUN)
    await session.execute(queries.SETTLE_AUDIT, person_id=person_id, invitation_id=invitation.id)
    await audit.note(
        session,
        accounts,
        "joined",
        person_id,
        by=person_id,
        detail=invitation.role,
        invitation_id=invitation.id,
    )
