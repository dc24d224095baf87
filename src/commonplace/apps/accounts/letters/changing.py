"""Changing the address that a person signs in with."""

from uuid import UUID

import asyncpg

from commonplace.apps.accounts.addresses import Address
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.errors import AddressTaken
from commonplace.apps.accounts.events import AddressChanged
from commonplace.apps.accounts.letters import queries
from commonplace.apps.accounts.letters.letter import add_letter
from commonplace.platform.database.session import WriteSession
from commonplace.platform.events import log
from commonplace.platform.identity.errors import SessionOver


async def set_address(
    session: WriteSession, accounts: Accounts, person_id: UUID, address: Address, *, is_verified: bool
) -> None:
    """Give the account another address in the given transaction. The old one gets a letter that undoes it.

    Raises:
        AddressTaken: another account has it, or may still take it back.
        SessionOver: the account is gone.
    """
    old = await session.first(queries.ADDRESS_FOR_CHANGE, person_id=person_id)
    if old is None:
        raise SessionOver
    await replace_address(session, accounts, person_id, address, is_verified=is_verified)
    await session.execute(queries.PUT_ASIDE, person_id=person_id)
    await session.execute(queries.PUT_ASIDE_RESETS, email_key=old.email_key)
    letter_id: UUID | None = None
    if accounts.mailer.is_configured:
        letter_id = await add_letter(
            session, accounts, "undo", email=old.email, email_key=old.email_key, person_id=person_id
        )
    fact = AddressChanged(person_id=person_id, letter_id=letter_id)
    await log.tell(session, fact, owner_id=person_id, by=person_id)


async def replace_address(
    session: WriteSession, accounts: Accounts, person_id: UUID, address: Address, *, is_verified: bool
) -> None:
    """Write the address into the account, and nothing else.

    Raises:
        AddressTaken: another account has it, or may still take it back.
    """
    now = accounts.now()
    if await session.scalar(queries.IS_RESERVED, email_key=address.key, now=now, person_id=person_id):
        raise AddressTaken
    try:
        changed = await session.execute(
            queries.SET_ADDRESS,
            person_id=person_id,
            email=address.written,
            email_key=address.key,
            verified_at=now if is_verified else None,
        )
    except asyncpg.UniqueViolationError as error:  # an account was made with it at this very moment
        raise AddressTaken from error
    if not changed:
        raise AddressTaken
