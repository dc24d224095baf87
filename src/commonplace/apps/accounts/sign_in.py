"""Signing in with a password.

Every refusal takes the same way: the same statements, one hash, the same answer. Nobody learns from it whether an
address has an account, whether that is suspended, or how wrong the password was.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

from commonplace.apps.accounts import limits, queries
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.device import Device
from commonplace.apps.accounts.errors import WrongCredentials
from commonplace.apps.accounts.factors import second_step
from commonplace.apps.accounts.factors.second_step import Kind, SecondStepNeeded
from commonplace.apps.accounts.passwords import Checked
from commonplace.apps.accounts.sessions import (
    BrowserSession,
    TokenSession,
    begin_browser_session,
    begin_token_session,
)
from commonplace.platform.database.ids import new_id
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import WriteSession
from commonplace.platform.identity.caller import Role

Begun = TypeVar("Begun", BrowserSession, TokenSession)
Begin = Callable[[WriteSession, UUID, Role], Awaitable[Begun]]


async def sign_in(accounts: Accounts, *, email: str, password: str, device: Device) -> TokenSession | SecondStepNeeded:
    """Begin a session that tokens carry; or a sign-in that `second_step` completes, for who has a second factor.

    Raises:
        WrongCredentials: the address, the password or both are wrong, or the account is suspended.
        TooManySignIns: too many attempts failed before.
        SignInBusy: too many sign-ins wait in this process.
        LocalPasswordsOff: accounts are kept by an issuer.
    """
    session_id = new_id()

    async def begin(session: WriteSession, person_id: UUID, role: Role) -> TokenSession:
        return await begin_token_session(
            session,
            accounts,
            session_id=session_id,
            person_id=person_id,
            role=role,
            method="password",
            device=device,
        )

    return await _sign_in(accounts, (email, password), device, session_id, begin, "api")


async def sign_in_browser(
    accounts: Accounts, *, email: str, password: str, device: Device
) -> BrowserSession | SecondStepNeeded:
    """Begin a session that a cookie carries, or a sign-in with two steps; raises what `sign_in` raises."""
    session_id = new_id()

    async def begin(session: WriteSession, person_id: UUID, _role: Role) -> BrowserSession:
        return await begin_browser_session(
            session, accounts, session_id=session_id, person_id=person_id, method="password", device=device
        )

    return await _sign_in(accounts, (email, password), device, session_id, begin, "browser")


async def _sign_in(
    accounts: Accounts, given: tuple[str, str], device: Device, session_id: UUID, begin: Begin[Begun], kind: Kind
) -> Begun | SecondStepNeeded:
    accounts.require_passwords()
    email, password = given
    attempt = limits.attempt_of(accounts, email, device, method="password")
    async with accounts.passwords.turn():  # no connection is held while waiting, nor while hashing
        account = await limits.enter(accounts, attempt)
        checked = await accounts.passwords.check(password, account.hash)
    if checked.is_right:
        begun = (
            await _ask_for_more(accounts, attempt, account, checked, kind)
            if account.has_second_factor
            else await _accept(accounts, attempt, account, checked, session_id, begin)
        )
        if begun is not None:
            return begun
    async with accounts.database.reading() as session:
        await session.execute(queries.REFUSE_ATTEMPT, attempt_id=attempt.id)
    raise WrongCredentials


async def _accept(
    accounts: Accounts, attempt: limits.Attempt, account: Row, checked: Checked, session_id: UUID, begin: Begin[Begun]
) -> Begun | None:
    """Begin the session, unless the account is suspended, or has another password since it was read."""
    async with accounts.database.writing() as session:
        role: Role | None = await session.scalar(
            queries.ACCEPT_ATTEMPT,
            person_id=account.person_id,
            hash=account.hash,
            attempt_id=attempt.id,
            session_id=session_id,
            account_key=attempt.account_key,
            network=attempt.network,
            since=limits.window_start(accounts),
        )
        if role is None:
            return None
        await _rehash(session, account, checked)
        return await begin(session, account.person_id, role)


async def _ask_for_more(
    accounts: Accounts, attempt: limits.Attempt, account: Row, checked: Checked, kind: Kind
) -> SecondStepNeeded | None:
    """Ask for a second factor, unless the account is suspended, or has another password since it was read."""
    async with accounts.database.writing() as session:
        needed = await second_step.begin(session, accounts, attempt, account, kind)
        if needed is not None:
            await _rehash(session, account, checked)
        return needed


async def _rehash(session: WriteSession, account: Row, checked: Checked) -> None:
    if checked.replacement is not None:
        await session.execute(
            queries.REHASH_PASSWORD,
            person_id=account.person_id,
            hash=account.hash,
            replacement=checked.replacement,
        )
