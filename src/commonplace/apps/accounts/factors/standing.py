"""What a session that begins may do: it counts as proved, and may have to set up a second factor first."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.factors import queries
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import WriteSession
from commonplace.platform.identity.caller import Role

_ROLES: Final[dict[str, tuple[Role, ...]]] = {
    "optional": (),
    "administrators": ("administrator",),
    "everybody": ("user", "administrator"),
}


def is_asked_of(accounts: Accounts, role: Role, *, is_needed: bool) -> bool:
    """Whether a second factor is asked of somebody in this role; `is_needed`: an administrator asks it of them."""
    return is_needed or role in _ROLES[accounts.settings.second_factor]


async def note_beginning(session: WriteSession, accounts: Accounts, session_id: UUID, method: str) -> None:
    """Note the proof that signing in is; and that a second factor is due, where one is asked for and missing."""
    await session.execute(
        queries.NOTE_BEGINNING,
        session_id=session_id,
        now=accounts.now(),
        method=method,
        roles=list(_ROLES[accounts.settings.second_factor]),
    )


async def note_beginning_unproved(session: WriteSession, accounts: Accounts, session_id: UUID) -> None:
    """Note that a second factor is due, where one is asked for and missing; to begin this session proves nothing."""
    roles = list(_ROLES[accounts.settings.second_factor])
    await session.execute(queries.NOTE_ENROLMENT, session_id=session_id, roles=roles)


async def note_requirement(
    session: WriteSession, accounts: Accounts, account: Row, *, is_required: bool
) -> Sequence[UUID]:
    """Hold the sessions of a person to what is asked of them from now on; those that may do more or less than before.

    `account` has `person_id` and `role`. Pass what comes back to `announce_changed` after the commit.
    """
    if is_required:
        rows = await session.all(queries.ADD_ENROLMENT_DUE, person_id=account.person_id, now=accounts.now())
    elif not is_asked_of(accounts, account.role, is_needed=False):
        rows = await session.all(queries.END_ENROLMENT_DUE, person_id=account.person_id)
    else:
        rows = []
    return [row.session_id for row in rows]
