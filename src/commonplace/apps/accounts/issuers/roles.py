"""Roles by the groups of an issuer, where the settings name the group of administrators."""

from typing import Final
from uuid import UUID

from commonplace.apps.accounts import audit
from commonplace.apps.accounts import queries as account_queries
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.events import RoleChanged
from commonplace.apps.accounts.issuers import queries
from commonplace.apps.accounts.issuers.client import Vouched
from commonplace.platform.database.session import WriteSession
from commonplace.platform.events import log
from commonplace.platform.identity.caller import Role

_DETAIL: Final = "{role}, by the group {group} of {issuer}"


async def take_role(
    session: WriteSession, accounts: Accounts, vouched: Vouched, *, identity_id: UUID, person_id: UUID, present: Role
) -> Role:
    """Give the person the role that their groups say, in the given transaction; the role they have then.

    What was said earlier than the last word changes nothing: an old token must not bring a lost role back. Tell the
    other processes of sessions that go on with another role after the commit.
    """
    group = vouched.issuer.administrators_group
    if group is None or not await session.execute(queries.TAKE_ROLE, id=identity_id, told_at=vouched.at):
        return present
    role: Role = "administrator" if group in vouched.groups else "user"
    if role != present:
        await session.execute(account_queries.SET_ROLE, person_id=person_id, role=role)
        await log.tell(session, RoleChanged(person_id=person_id, role=role), owner_id=person_id, by=None)
        detail = _DETAIL.format(role=role, group=group, issuer=vouched.issuer.title)
        await audit.note(session, accounts, "role_changed", person_id, by=None, detail=detail)
    if role == "administrator":
        await session.execute(account_queries.END_FIRST_RUN)
    return role
