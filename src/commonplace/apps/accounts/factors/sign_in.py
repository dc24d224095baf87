"""Signing in by a passkey alone."""

import hmac
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar
from uuid import UUID

from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.device import Device
from commonplace.apps.accounts.factors import passkeys, queries
from commonplace.apps.accounts.factors.errors import PasskeyRefused
from commonplace.apps.accounts.factors.passkeys import Answer, Credential, Options
from commonplace.apps.accounts.factors.relying_party import RelyingParty
from commonplace.apps.accounts.sessions import (
    BrowserSession,
    TokenSession,
    begin_browser_session,
    begin_token_session,
)
from commonplace.platform.database.ids import new_id
from commonplace.platform.database.session import WriteSession
from commonplace.platform.identity.caller import Role

Begun = TypeVar("Begun", BrowserSession, TokenSession)
_KEY_BYTES: Final = 16


async def options(accounts: Accounts, party: RelyingParty) -> Options:
    """What a browser needs to offer every passkey that it has for us. Nothing is stored for it."""
    async with accounts.database.reading() as session:
        return await passkeys.request_options(session, accounts, party, purpose="sign_in")


async def sign_in(accounts: Accounts, party: RelyingParty, credential: Credential, device: Device) -> TokenSession:
    """Begin a session that tokens carry.

    Raises:
        PasskeyRefused: for whatever reason.
    """

    async def begin(session: WriteSession, session_id: UUID, person_id: UUID, role: Role) -> TokenSession:
        return await begin_token_session(
            session,
            accounts,
            session_id=session_id,
            person_id=person_id,
            role=role,
            method="passkey",
            device=device,
        )

    return await _sign_in(accounts, party, credential, device, begin)


async def sign_in_browser(
    accounts: Accounts, party: RelyingParty, credential: Credential, device: Device
) -> BrowserSession:
    """Begin a session that a cookie carries; raises what `sign_in` raises."""

    async def begin(session: WriteSession, session_id: UUID, person_id: UUID, _role: Role) -> BrowserSession:
        return await begin_browser_session(
            session, accounts, session_id=session_id, person_id=person_id, method="passkey", device=device
        )

    return await _sign_in(accounts, party, credential, device, begin)


async def _sign_in(
    accounts: Accounts,
    party: RelyingParty,
    credential: Credential,
    device: Device,
    begin: Callable[[WriteSession, UUID, UUID, Role], Awaitable[Begun]],
) -> Begun:
    async with accounts.database.reading() as reading:
        answer = await passkeys.verify(reading, accounts, party, credential, purpose="sign_in")
    try:
        async with accounts.database.writing() as session:
            role = await _accept(session, accounts, answer)
            session_id = new_id()
            await _enter_into_history(session, accounts, answer, session_id, device)
            return await begin(session, session_id, answer.person_id, role)
    except PasskeyRefused:
        await passkeys.note_refused(accounts, answer)
        raise


async def _accept(session: WriteSession, accounts: Accounts, answer: Answer) -> Role:
    role: Role | None = await session.scalar(queries.ACTIVE_ACCOUNT, person_id=answer.person_id)
    if role is None or not await passkeys.use(accounts, session, answer):
        raise PasskeyRefused
    return role


async def _enter_into_history(
    session: WriteSession, accounts: Accounts, answer: Answer, session_id: UUID, device: Device
) -> None:
    account = await session.first(queries.EMAIL_KEY, person_id=answer.person_id)
    key = account.email_key if account is not None else ""
    await session.execute(
        queries.ADD_PASSKEY_SIGN_IN,
        id=new_id(),
        now=accounts.now(),
        account_key=hmac.digest(accounts.keys.naming, key.encode(), "sha256")[:_KEY_BYTES],
        person_id=answer.person_id,
        session_id=session_id,
        address=device.address,
        network=device.network,
        user_agent=device.user_agent,
    )
