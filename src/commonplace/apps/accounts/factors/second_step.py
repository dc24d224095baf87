"""The second step of a sign-in.

After a right password, or when an issuer has vouched for the person, the caller gets a token instead of a session. It
is a secret of 256 bits that is good for one thing: showing a second factor, within minutes, a few times. It falls with
the password or the identity, with the account, and with the sign-in that it completes; a token of a program is none
for a browser, and the other way round.
"""

import hashlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Literal, TypeVar
from uuid import UUID

from commonplace.apps.accounts import limits
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.factors import passkeys, queries
from commonplace.apps.accounts.factors.errors import SecondStepOver, SecondStepRefused
from commonplace.apps.accounts.factors.passkeys import Options
from commonplace.apps.accounts.factors.relying_party import RelyingParty
from commonplace.apps.accounts.factors.showing import Factor, Shown, WrongFactor, shown_rightly
from commonplace.apps.accounts.issuers import queries as identity_queries
from commonplace.apps.accounts.sessions import BrowserSession, Method, TokenSession
from commonplace.platform.database.ids import new_id
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession, WriteSession

Kind = Literal["api", "browser"]
Begun = TypeVar("Begun", BrowserSession, TokenSession)
BeginSession = Callable[[WriteSession, UUID, Row, Method], Awaitable[Begun]]
"""Begins the session of this id, of the person and role in the row."""
PREFIX: Final = "cps_"  #: lets people and scanners for leaked secrets see what it is
_METHODS: Final[dict[Factor, Method]] = {
    "totp": "password_and_totp",
    "recovery_code": "password_and_recovery_code",
    "passkey": "password_and_passkey",
}
_METHODS_BY_IDENTITY: Final[dict[Factor, Method]] = {
    "totp": "identity_and_totp",
    "recovery_code": "identity_and_recovery_code",
    "passkey": "identity_and_passkey",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondStepNeeded:
    """A right password that is not enough."""

    token: str = field(repr=False)
    factors: tuple[Factor, ...]  #: what the person has
    expires_in: int  #: seconds


async def begin(
    session: WriteSession, accounts: Accounts, attempt: limits.Attempt, account: Row, kind: Kind
) -> SecondStepNeeded | None:
    """Ask for a second step; None when the account is suspended, or has another password since it was read."""
    token = PREFIX + secrets.token_urlsafe(32)
    seconds = accounts.settings.second_step_seconds
    added = await session.execute(
        queries.PASSWORD_IS_RIGHT,
        person_id=account.person_id,
        hash=account.hash,
        attempt_id=attempt.id,
        digest=_digest(token),
        kind=kind,
        account_key=attempt.account_key,
        network=attempt.network,
        expires_at=accounts.now() + timedelta(seconds=seconds),
    )
    if not added:
        return None
    return SecondStepNeeded(token=token, factors=await _factors(session, account.person_id), expires_in=seconds)


async def begin_by_identity(
    session: WriteSession, accounts: Accounts, attempt: limits.Attempt, *, person_id: UUID, identity_id: UUID
) -> SecondStepNeeded:
    """Ask for a second step where an issuer has vouched for the person. The attempt stands in the history already."""
    token = PREFIX + secrets.token_urlsafe(32)
    seconds = accounts.settings.second_step_seconds
    await session.execute(
        identity_queries.ADD_SECOND_STEP,
        digest=_digest(token),
        person_id=person_id,
        kind="browser",
        attempt_id=attempt.id,
        account_key=attempt.account_key,
        network=attempt.network,
        identity_id=identity_id,
        expires_at=accounts.now() + timedelta(seconds=seconds),
    )
    return SecondStepNeeded(token=token, factors=await _factors(session, person_id), expires_in=seconds)


async def factors_of(accounts: Accounts, token: str, kind: Kind) -> tuple[Factor, ...]:
    """What may be shown for the second step.

    Raises:
        SecondStepOver: there is no such sign-in, or not any more.
    """
    async with accounts.database.reading() as session:
        return await _factors(session, await _person(session, accounts, token, kind))


async def passkey_options(accounts: Accounts, token: str, kind: Kind, party: RelyingParty) -> Options:
    """What the browser needs to show one of the person's passkeys.

    Raises:
        SecondStepOver: there is no such sign-in, or not any more.
    """
    async with accounts.database.reading() as session:
        person_id = await _person(session, accounts, token, kind)
        return await passkeys.request_options(
            session, accounts, party, purpose="second_step", bound_to=_digest(token), person_id=person_id
        )


async def finish(
    accounts: Accounts,
    token: str,
    shown: Shown,
    *,
    kind: Kind,
    party: RelyingParty | None,
    begin_session: BeginSession[Begun],
) -> Begun:
    """Complete the sign-in.

    Raises:
        SecondStepRefused: the factor is wrong; another try may be right.
        SecondStepOver: there is no such sign-in, or not any more.
        FactorLocked: it was wrong too often, in this sign-in or in others.
    """
    digest = _digest(token)
    async with accounts.database.writing() as counting:
        step = await counting.first(
            queries.TRY_SECOND_STEP,
            digest=digest,
            kind=kind,
            now=accounts.now(),
            limit=accounts.settings.second_step_tries,
        )
    if step is None:
        raise SecondStepOver
    method = (_METHODS_BY_IDENTITY if step.is_by_identity else _METHODS)[shown.factor]
    session_id = new_id()
    try:
        async with shown_rightly(
            accounts, step.person_id, shown, party=party, purpose="second_step", bound_to=digest
        ) as session:
            finished = await session.first(
                queries.FINISH_SECOND_STEP,
                digest=digest,
                now=accounts.now(),
                method=method,
                session_id=session_id,
                since=limits.window_start(accounts),
            )
            if finished is None:
                raise SecondStepOver
            return await begin_session(session, session_id, finished, method)
    except WrongFactor as error:
        raise SecondStepRefused from error


async def _person(session: ReadSession, accounts: Accounts, token: str, kind: Kind) -> UUID:
    row = await session.first(
        queries.SECOND_STEP,
        digest=_digest(token),
        kind=kind,
        now=accounts.now(),
        limit=accounts.settings.second_step_tries,
    )
    if row is None:
        raise SecondStepOver
    person_id: UUID = row.person_id
    return person_id


async def _factors(session: ReadSession, person_id: UUID) -> tuple[Factor, ...]:
    row = await session.first(queries.FACTORS, person_id=person_id)
    if row is None:
        return ()
    has: dict[Factor, bool] = {
        "passkey": row.has_passkey,
        "totp": row.has_totp,
        "recovery_code": row.recovery_codes > 0,
    }
    return tuple(factor for factor, is_there in has.items() if is_there)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
