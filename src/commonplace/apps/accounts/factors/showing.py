"""Showing a factor: a code of the authenticator app, a recovery code, or a passkey."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.events import RecoveryCodeUsed
from commonplace.apps.accounts.factors import guessing, passkeys, queries, recovery_codes, totp
from commonplace.apps.accounts.factors.challenges import Purpose
from commonplace.apps.accounts.factors.errors import PasskeyRefused
from commonplace.apps.accounts.factors.passkeys import Credential
from commonplace.apps.accounts.factors.relying_party import RelyingParty
from commonplace.platform.database.session import WriteSession
from commonplace.platform.events import log

Factor = Literal["totp", "recovery_code", "passkey"]


class WrongFactor(Exception):
    """What was shown is not right; whoever asked for it says what follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One factor, as a person showed it."""

    code: str | None = field(default=None, repr=False)
    recovery_code: str | None = field(default=None, repr=False)
    passkey: Credential | None = field(default=None, repr=False)

    @property
    def factor(self) -> Factor:
        """Which it is."""
        if self.passkey is not None:
            return "passkey"
        return "totp" if self.code is not None else "recovery_code"


@asynccontextmanager
async def shown_rightly(
    accounts: Accounts,
    person_id: UUID,
    shown: Shown,
    *,
    party: RelyingParty | None,
    purpose: Purpose,
    bound_to: bytes,
) -> AsyncIterator[WriteSession]:
    """A transaction that goes on only if the factor is right, and uses it up when it commits.

    So a code is used if, and only if, what it was shown for has happened.

    Raises:
        WrongFactor: it is wrong, was used before, or the person has none such.
        FactorLocked: it was wrong too often.
        FactorUnreadable: no code of the authenticator app can be checked any more.
    """
    if shown.passkey is not None:
        async with _by_passkey(accounts, person_id, shown.passkey, party, purpose, bound_to) as session:
            yield session
        return
    if shown.code is not None:
        await totp.refuse_unreadable(accounts, person_id)
    factor: guessing.Guessable = "totp" if shown.code is not None else "recovery_code"
    await guessing.enter(accounts, person_id, factor)
    try:
        async with accounts.database.writing() as session:
            _demand(await _is_right(session, accounts, person_id, shown))
            await guessing.was_right(session, person_id, factor)
            yield session
    except WrongFactor:
        await guessing.was_wrong(accounts, person_id, factor)
        raise


def _demand(is_right: bool) -> None:
    if not is_right:
        raise WrongFactor


async def _is_right(session: WriteSession, accounts: Accounts, person_id: UUID, shown: Shown) -> bool:
    if shown.code is not None:
        return await totp.use_code(session, accounts, person_id, shown.code)
    if shown.recovery_code is None or not await recovery_codes.use(session, person_id, shown.recovery_code):
        return False
    factors = await session.first(queries.FACTORS, person_id=person_id)
    fact = RecoveryCodeUsed(person_id=person_id, left=factors.recovery_codes if factors is not None else 0)
    await log.tell(session, fact, owner_id=person_id, by=person_id)
    return True


@asynccontextmanager
async def _by_passkey(
    accounts: Accounts,
    person_id: UUID,
    credential: Credential,
    party: RelyingParty | None,
    purpose: Purpose,
    bound_to: bytes,
) -> AsyncIterator[WriteSession]:
    if party is None:
        raise WrongFactor
    try:
        async with accounts.database.reading() as reading:
            answer = await passkeys.verify(
                reading, accounts, party, credential, purpose=purpose, bound_to=bound_to, person_id=person_id
            )
    except PasskeyRefused as error:
        raise WrongFactor from error
    try:
        async with accounts.database.writing() as session:
            _demand(await passkeys.use(accounts, session, answer))
            yield session
    except WrongFactor:
        await passkeys.note_refused(accounts, answer)
        raise
