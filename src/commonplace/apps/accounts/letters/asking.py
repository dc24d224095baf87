"""Asking for a letter.

What a stranger asks for by an address is written down and told in the same way whether the address has an account or
not, and nothing is looked up: who watches the answer, its status or its time learns nothing. The handler, which nobody
can watch, looks and decides what to send.
"""

import math
from datetime import timedelta
from typing import Final
from uuid import UUID

from commonplace.apps.accounts import limits
from commonplace.apps.accounts import queries as account_queries
from commonplace.apps.accounts.addresses import Address, parse_address
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.device import Device
from commonplace.apps.accounts.events import LetterAsked
from commonplace.apps.accounts.letters import queries
from commonplace.apps.accounts.letters.changing import set_address
from commonplace.apps.accounts.letters.errors import AddressIsTheSame, PasswordIsWrong, TooManyLetters
from commonplace.apps.accounts.letters.letter import Purpose, add_letter
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import WriteSession
from commonplace.platform.events import log
from commonplace.platform.identity.errors import SessionOver
from commonplace.platform.messages.errors import MailNotConfigured

_WINDOW: Final = timedelta(hours=1)
MOST_TO_ADDRESS: Final = 3  #: letters of one purpose to one address in an hour; further ones are not sent
MOST_FROM_NETWORK: Final = 20  #: letters asked for from one network in an hour


async def ask_reset(accounts: Accounts, email: str, device: Device) -> None:
    """Have a link sent that gives the account with this address a new password, if there is one.

    Raises:
        MalformedAddress: it is no address.
        MailNotConfigured: no mail is sent here.
        LocalPasswordsOff: accounts are kept by an issuer.
        TooManyLetters: too many were asked for from this network.
    """
    accounts.require_passwords()
    if not accounts.mailer.is_configured:
        raise MailNotConfigured
    async with accounts.database.writing() as session:
        await _ask(session, accounts, "reset", parse_address(email), device=device)


async def ask_registration(
    accounts: Accounts,
    *,
    address: Address,
    name: str,
    password_hash: str | None,
    device: Device,
    invitation_id: UUID | None = None,
) -> None:
    """Have a link sent that makes the account; who has one with this address already is told so instead.

    An invitation counts as used once the link is followed.

    Raises:
        TooManyLetters: too many were asked for from this network.
    """
    async with accounts.database.writing() as session:
        await _ask(
            session,
            accounts,
            "register",
            address,
            device=device,
            name=name,
            password_hash=password_hash,
            invitation_id=invitation_id,
        )


async def ask_verification(session: WriteSession, accounts: Accounts, person_id: UUID) -> None:
    """Have a link sent that proves the person's address, unless it is proved or no mail is sent here."""
    present = await session.first(queries.ADDRESS, person_id=person_id)
    if present is None:
        raise SessionOver
    if present.email_verified_at is None and accounts.mailer.is_configured:
        address = Address(written=present.email, key=present.email_key)
        await _ask(session, accounts, "verify", address, person_id=person_id)


async def ask_change(accounts: Accounts, person_id: UUID, *, email: str, password: str, device: Device) -> bool:
    """Change the person's address once the link sent to the new one is followed; at once, where no mail is sent.

    Returns whether a mail is on its way. Where one is, whether the new address has an account is told there only.

    Raises:
        MalformedAddress: it is no address.
        AddressIsTheSame: it is the present one.
        PasswordIsWrong: the password is not the person's.
        TooManySignIns, SignInBusy: as when signing in.
        AddressTaken: it has an account; only where no mail is sent.
    """
    address = parse_address(email)
    async with accounts.database.reading() as reading:
        present = await reading.first(queries.ADDRESS, person_id=person_id)
    if present is None:
        raise SessionOver
    await _confirm_password(accounts, present, password, device)
    if address.written == present.email:
        raise AddressIsTheSame
    async with accounts.database.writing() as session:
        if accounts.mailer.is_configured:
            await _ask(session, accounts, "change", address, person_id=person_id)
        else:
            await set_address(session, accounts, person_id, address, is_verified=False)
    return accounts.mailer.is_configured


async def _confirm_password(accounts: Accounts, present: Row, password: str, device: Device) -> None:
    """Hold a password given again to the limits of signing in: whoever has a session must not guess it here."""
    attempt = limits.attempt_of(accounts, present.email, device, method="confirmation")
    async with accounts.passwords.turn():
        account = await limits.enter(accounts, attempt)
        checked = await accounts.passwords.check(password, account.hash)
    outcome = account_queries.WITHDRAW_ATTEMPT if checked.is_right else account_queries.REFUSE_ATTEMPT
    async with accounts.database.reading() as session:
        await session.execute(outcome, attempt_id=attempt.id)
    if not checked.is_right:
        raise PasswordIsWrong


async def _ask(
    session: WriteSession,
    accounts: Accounts,
    purpose: Purpose,
    address: Address,
    *,
    person_id: UUID | None = None,
    device: Device | None = None,
    name: str | None = None,
    password_hash: str | None = None,
    invitation_id: UUID | None = None,
) -> None:
    network = "" if device is None else device.network
    counts = await _counts(session, accounts, purpose, address, network)
    is_counted = device is not None and network and (accounts.settings.is_production or not device.is_loopback)
    if is_counted and counts.from_network >= MOST_FROM_NETWORK:
        wait = (counts.oldest + _WINDOW - accounts.now()).total_seconds()
        raise TooManyLetters(limit=MOST_FROM_NETWORK, retry_after_seconds=max(1, math.ceil(wait)))
    if counts.to_address >= MOST_TO_ADDRESS:
        return  # who owns the mailbox has had three; nobody is told, for that would say that somebody asked
    letter_id = await add_letter(
        session,
        accounts,
        purpose,
        email=address.written,
        email_key=address.key,
        person_id=person_id,
        network=network,
        name=name,
        password_hash=password_hash,
        invitation_id=invitation_id,
    )
    await log.tell(session, LetterAsked(letter_id=letter_id, purpose=purpose), owner_id=person_id, by=person_id)


async def _counts(session: WriteSession, accounts: Accounts, purpose: Purpose, address: Address, network: str) -> Row:
    # Always in this order, so that two who ask cannot wait for each other.
    if network:
        await session.execute(queries.LOCK, what=f"letter of {network}")
    await session.execute(queries.LOCK, what=f"letter to {address.key}")
    since = accounts.now() - _WINDOW
    counts = await session.first(queries.COUNTS, email_key=address.key, purpose=purpose, network=network, since=since)
    if counts is None:
        raise LookupError("Counting gave no row.")
    return counts
