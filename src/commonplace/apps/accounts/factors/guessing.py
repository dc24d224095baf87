"""How often a factor may be wrong.

A try is counted before it is looked at, in a transaction of its own, so those that run at the same moment never pass
the limit together. When it is reached the factor is locked, at first for `factor_lock_seconds`, then twice as long each
time, for a day at most; a right one ends the count. The person's other factors go on, and a passkey, which nobody can
guess, is never locked: so who knows the password alone cannot lock the person out for good, and is told of by mail.

With ten tries, three codes that fit at any moment and these waits, a code of six digits is guessed in a year with a
chance of about 1 in 90; the first lock tells the person that somebody knows their password.
"""

import math
from datetime import timedelta
from typing import Final, Literal
from uuid import UUID

from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.events import SecondFactorLocked
from commonplace.apps.accounts.factors import queries
from commonplace.apps.accounts.factors.errors import FactorLocked
from commonplace.platform.database.session import WriteSession
from commonplace.platform.events import log

Guessable = Literal["totp", "recovery_code"]
LONGEST_LOCK: Final = timedelta(days=1)
_FORGOTTEN_AFTER: Final = timedelta(days=30)  # without any try: then it counts from nought


async def enter(accounts: Accounts, person_id: UUID, factor: Guessable) -> None:
    """Count a try, which is looked at afterwards.

    Raises:
        FactorLocked: there were too many.
    """
    now = accounts.now()
    async with accounts.database.writing() as session:
        row = await session.first(
            queries.TRY_FACTOR, person_id=person_id, factor=factor, now=now, forget_before=now - _FORGOTTEN_AFTER
        )
        if row is not None and row.tries > accounts.settings.factor_tries:
            await _lock(session, accounts, person_id, factor, row.locks)
            row = None
        if row is None:
            until = await session.scalar(queries.LOCKED_UNTIL, person_id=person_id, factor=factor, now=now)
            seconds = math.ceil((until - now).total_seconds()) if until is not None else 1
            refusal = FactorLocked(retry_after_seconds=seconds)
        else:
            refusal = None
    if refusal is not None:  # after the commit: the lock must stand
        raise refusal


async def was_wrong(accounts: Accounts, person_id: UUID, factor: Guessable) -> None:
    """Lock the factor, if that was the last try that it may have."""
    async with accounts.database.writing() as session:
        row = await session.first(queries.TRIES, person_id=person_id, factor=factor)
        if row is not None and row.tries >= accounts.settings.factor_tries:
            await _lock(session, accounts, person_id, factor, row.locks)


async def was_right(session: WriteSession, person_id: UUID, factor: Guessable) -> None:
    """Begin to count anew, in the transaction that uses the factor."""
    await session.execute(queries.FORGET_TRIES, person_id=person_id, factor=factor)


async def _lock(session: WriteSession, accounts: Accounts, person_id: UUID, factor: Guessable, locks: int) -> None:
    span = timedelta(seconds=accounts.settings.factor_lock_seconds * 2.0 ** min(locks, 20))
    until = accounts.now() + min(span, LONGEST_LOCK)
    locked = await session.execute(queries.LOCK_FACTOR, person_id=person_id, factor=factor, until=until)
    if locked:  # of several at once, one tells
        fact = SecondFactorLocked(person_id=person_id, factor=factor, until=until)
        await log.tell(session, fact, owner_id=person_id, by=None)
