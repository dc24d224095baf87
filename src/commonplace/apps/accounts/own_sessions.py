"""A person's own sessions: seeing them, and ending them from elsewhere."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from commonplace.apps.accounts import queries
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.errors import SessionNotFound
from commonplace.apps.accounts.session_schemas import SessionPage, SessionRead
from commonplace.apps.accounts.sessions import EndReason, end_sessions_of, tell_ended
from commonplace.apps.accounts.user_agents import program_of
from commonplace.platform.database.pages import read_cursor, write_cursor
from commonplace.platform.database.session import ReadSession
from commonplace.platform.http.moments import moment_of_cursor
from commonplace.platform.identity.caller import Caller


class _Cursor(NamedTuple):
    """Where a page ended."""

    last_used_at: datetime
    id: UUID


async def list_sessions(
    session: ReadSession, accounts: Accounts, caller: Caller, *, limit: int, after: str | None
) -> SessionPage:
    """The caller's sessions that have not ended, the one used last first.

    One that is used while somebody pages through moves to the front, and is not met again behind.

    Raises:
        UnknownPage: `after` is no cursor of this list.
    """
    place = None if after is None else read_cursor(after, _Cursor)
    rows = await session.all(
        queries.LIST_SESSIONS,
        person_id=caller.person_id,
        now=accounts.now(),
        before=place and moment_of_cursor(place.last_used_at),
        before_id=place and place.id,
        limit=limit + 1,
    )
    items = [
        SessionRead(**row, device=str(program_of(row.user_agent)), is_current=row.id == caller.session_id)
        for row in rows[:limit]
    ]
    following = write_cursor(items[-1].last_used_at, items[-1].id) if len(rows) > limit else None
    return SessionPage(items=items, next=following)


async def end_session(accounts: Accounts, caller: Caller, session_id: UUID) -> None:
    """End one of the caller's sessions; when this returns, no process admits it any more.

    Raises:
        SessionNotFound: the caller has no such session, or it has ended.
    """
    reason: EndReason = "signed_out" if session_id == caller.session_id else "ended"
    async with accounts.database.writing() as session:
        row = await session.first(
            queries.END_OWN_SESSION,
            session_id=session_id,
            person_id=caller.person_id,
            now=accounts.now(),
            reason=reason,
        )
        if row is None:
            raise SessionNotFound
        await tell_ended(session, row, reason, by=caller.person_id)
    await accounts.announce_ended([session_id])


async def end_other_sessions(accounts: Accounts, caller: Caller) -> int:
    """End every session of the caller but the present one; how many were ended."""
    async with accounts.database.writing() as session:
        rows = await session.all(
            queries.END_OTHER_SESSIONS,
            person_id=caller.person_id,
            session_id=caller.session_id,
            now=accounts.now(),
            reason="ended",
        )
        for row in rows:
            await tell_ended(session, row, "ended", by=caller.person_id)
    await accounts.announce_ended([row.id for row in rows])
    return len(rows)


async def end_all_sessions(accounts: Accounts, caller: Caller) -> int:
    """End every session of the caller, the present one too; how many were ended."""
    async with accounts.database.writing() as session:
        ended = await end_sessions_of(session, accounts, caller.person_id, reason="ended", by=caller.person_id)
    await accounts.announce_ended(ended)
    return len(ended)
