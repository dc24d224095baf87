"""Leaving: a person wishes to be erased, waits, may come back, and is gone.

Also an administrator may wish it for somebody, or whoever has access to the server. The only administrator cannot be
erased: nobody would be left to look after the installation.
"""

from datetime import timedelta
from uuid import UUID

from commonplace.apps.accounts import people, people_queries, queries
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.errors import LastAdministrator, PersonNotFound
from commonplace.apps.accounts.sessions import end_sessions_of
from commonplace.platform.database.session import WriteSession
from commonplace.platform.leaving import erasures
from commonplace.platform.leaving.erasing import erase
from commonplace.platform.leaving.erasures import Asked, AskedBy
from commonplace.platform.leaving.errors import ErasureNotFound
from commonplace.platform.leaving.ledger import Receipt
from commonplace.platform.parts import Parts

_OF_OTHERS: tuple[AskedBy, ...] = ("administrator", "server")


async def ask_for_oneself(accounts: Accounts, person_id: UUID, *, waiting_days: float) -> Asked:
    """Have the person erased after the waiting time. All their sessions end now; signing in again cancels it.

    Raises:
        LastAdministrator: nobody would be left to look after the installation.
        ErasureUnderWay: it was asked for before.
    """
    async with accounts.database.writing() as session:
        await _refuse_last_administrator(session, person_id)
        asked = await erasures.ask(
            session, person_id, asked_by="person", by_id=None, waiting=timedelta(days=waiting_days)
        )
        ended = await end_sessions_of(session, accounts, person_id, reason="ended", by=person_id)
    await accounts.announce_ended(ended)
    return asked


async def ask_for_another(accounts: Accounts, person_id: UUID, *, by: UUID | None, waiting_days: float) -> Asked:
    """Have somebody erased after the waiting time. They are suspended now, and cannot cancel it by signing in.

    `by` is the administrator; None: a command on the server.

    Raises:
        PersonNotFound: there is no such person.
        LastAdministrator: nobody would be left to look after the installation.
        ErasureUnderWay: it was asked for before, by whomever.
    """
    async with accounts.database.reading() as session:
        if await session.first(queries.EMAIL_OF_PERSON, person_id=person_id) is None:
            raise PersonNotFound(person_id)
    async with accounts.database.writing() as session:
        await _refuse_last_administrator(session, person_id)
        asked = await erasures.ask(
            session,
            person_id,
            asked_by="server" if by is None else "administrator",
            by_id=by,
            waiting=timedelta(days=waiting_days),
        )
    await people.suspend(accounts, person_id, by=by)
    return asked


async def cancel_for_another(accounts: Accounts, person_id: UUID, *, by: UUID | None) -> None:
    """Cancel what was asked for another, and let them sign in again.

    Raises:
        ErasureNotFound: nothing waits, or it was asked for by the person, who alone can cancel it.
    """
    async with accounts.database.writing() as session:
        if not await erasures.cancel(session, person_id, asked_by=_OF_OTHERS):
            raise ErasureNotFound
    await people.reinstate(accounts, person_id, by=by)


async def erase_now(parts: Parts, erasure_id: UUID) -> Receipt | None:
    """Erase the person of an erasure whose time has come, or go on with it; None: there is nothing to do (any more).

    The only administrator is refused here too: others may have left meanwhile.

    Raises:
        What `erasing.erase` raises: run it again, what was done is done.
    """
    accounts = parts[Accounts]
    async with accounts.database.writing() as session:
        if not await erasures.begin(session, erasure_id):
            return None
        row = await erasures.read(session, erasure_id)
    if row is None:
        return None
    try:
        await people.suspend(accounts, row.person_id, by=row.person_id)
    except LastAdministrator as problem:
        async with accounts.database.writing() as session:
            await erasures.refuse(session, erasure_id, problem.detail)
        return None
    except PersonNotFound:
        pass  # an earlier attempt came as far as the account
    return await erase(parts, erasure_id)


async def _refuse_last_administrator(session: WriteSession, person_id: UUID) -> None:
    administrators = await session.all(people_queries.ADMINISTRATORS_FOR_CHANGE)
    if [row.person_id for row in administrators] == [person_id]:
        raise LastAdministrator
