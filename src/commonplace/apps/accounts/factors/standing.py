"""What a session that begins may do: it counts as proved, and may have to set up a second factor first."""

from uuid import UUID

from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.factors import queries
from commonplace.platform.database.session import WriteSession
from commonplace.platform.identity.caller import Role


def is_asked_of(accounts: Accounts, role: Role) -> bool:
    """Whether this installation asks a second factor of people in this role."""
    wanted = accounts.settings.second_factor
    return wanted == "everybody" or (wanted == "administrators" and role == "administrator")


async def note_beginning(session: WriteSession, accounts: Accounts, session_id: UUID, method: str) -> None:
    """Note the proof that signing in is; and that a second factor is due, where one is asked for and missing."""
    await session.execute(queries.NOTE_PROOF, session_id=session_id, now=accounts.now(), method=method)
    wanted = accounts.settings.second_factor
    if wanted != "optional":
        await session.execute(queries.ADD_ENROLMENT_DUE, session_id=session_id, of_everybody=wanted == "everybody")
