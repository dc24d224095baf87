"""What a person does with the accounts they have elsewhere: sign in by them, link and unlink them, prove by them."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from commonplace.apps.accounts import limits
from commonplace.apps.accounts import queries as account_queries
from commonplace.apps.accounts.addresses import Address, parse_address, sign_in_key
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.device import Device
from commonplace.apps.accounts.errors import AddressTaken, MalformedAddress, RegistrationClosed
from commonplace.apps.accounts.events import IdentityLinked, IdentityUnlinked
from commonplace.apps.accounts.factors import proving, second_step
from commonplace.apps.accounts.factors import queries as factor_queries
from commonplace.apps.accounts.factors.second_step import SecondStepNeeded
from commonplace.apps.accounts.invitations.taking import note_joined, take_invitation_of
from commonplace.apps.accounts.issuers import queries
from commonplace.apps.accounts.issuers.client import Vouched
from commonplace.apps.accounts.issuers.errors import (
    AccountSuspended,
    AddressHasAccount,
    AddressNotVouched,
    IdentityNotFound,
    IdentityTaken,
    IssuerNotBelieved,
    OnlyWayIn,
)
from commonplace.apps.accounts.issuers.roles import take_role
from commonplace.apps.accounts.registration import Newcomer, admit
from commonplace.apps.accounts.sessions import BrowserSession, begin_browser_session, tell_ended
from commonplace.platform.database.ids import new_id
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.events import log
from commonplace.platform.identity.caller import Caller
from commonplace.platform.identity.errors import SessionOver

_KEY_BYTES: Final = 16
_LONGEST_LOCAL_NAME: Final = 64
_PROOF_SECONDS: Final = 300  # how long ago an issuer may have seen the person for a proof; clocks differ
Outcome = Literal["signed_in", "second_step", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Come:
    """Somebody whom an issuer has let in."""

    session: BrowserSession
    is_new: bool  #: whether the account was made this moment


async def sign_in(accounts: Accounts, vouched: Vouched, device: Device) -> Come | SecondStepNeeded:
    """Begin a session for whom the issuer vouches for; make their account where there is none and they may have one.

    Raises:
        AccountSuspended: the account is.
        AddressHasAccount: another account has the address; its person links the issuer first.
        AddressNotVouched: there is no account, and no verified address that one could be made with.
        RegistrationClosed: there is none, and nobody may make one.
    """
    try:
        return await _sign_in(accounts, vouched, device)
    except AccountSuspended:
        await _note_refused(accounts, vouched, device)
        raise


async def _sign_in(accounts: Accounts, vouched: Vouched, device: Device) -> Come | SecondStepNeeded:
    session_id, changed = new_id(), None
    async with accounts.database.writing() as session:
        is_new = await _found(session, vouched) is None
        found = await found_or_made(session, accounts, vouched)
        if found.state != "active":
            raise AccountSuspended
        role = await take_role(
            session,
            accounts,
            vouched,
            identity_id=found.id,
            person_id=found.person_id,
            present=found.role,
        )
        changed = found.person_id if role != found.role else None
        await session.execute(queries.USE_IDENTITY, id=found.id, now=accounts.now(), shown=vouched.email)
        come = await _let_in(session, accounts, found, device, session_id, is_new=is_new)
    if changed is not None:
        await announce_role(accounts, changed)
    return come


async def announce_role(accounts: Accounts, person_id: UUID) -> None:
    """Let every process read the sessions of a person anew, whose role has changed."""
    async with accounts.database.reading() as session:
        rows = await session.all(account_queries.SESSIONS_OF_PERSON, person_id=person_id, now=accounts.now())
    await accounts.announce_changed(row.id for row in rows)


async def found_or_made(session: WriteSession, accounts: Accounts, vouched: Vouched) -> Row:
    """The identity and its account, held for this transaction; made where there is none.

    Raises:
        AddressHasAccount, AddressNotVouched, RegistrationClosed: as `make_person`.
    """
    found = await _found(session, vouched)
    if found is None:
        await make_person(session, accounts, vouched)
        found = await _found(session, vouched)
    if found is None:
        raise LookupError("The identity that was just added cannot be read.")
    return found


async def make_person(session: WriteSession, accounts: Accounts, vouched: Vouched) -> UUID:
    """Make an account with the verified address of whom the issuer vouches for; the person's id.

    Where accounts are made by invitation, one that is for this address is used up by it.

    Raises:
        AddressHasAccount: another account has the address.
        AddressNotVouched: there is no verified address.
        RegistrationClosed: nobody may make an account.
    """
    address = _address(vouched)
    if await session.scalar(queries.ADDRESS_HAS_ACCOUNT, email_key=address.key):
        raise AddressHasAccount(vouched.issuer.title)
    invitation = None
    if not accounts.settings.newcomers_may_come_by_issuer:
        if not accounts.settings.registration_is_closed:
            invitation = await take_invitation_of(session, accounts, address.key)
        if invitation is None:
            raise RegistrationClosed
    name = vouched.name or address.written.partition("@")[0][:_LONGEST_LOCAL_NAME]
    newcomer = Newcomer(address=address, name=name, password_hash=None)
    try:
        if invitation is None:
            person_id = await admit(session, accounts, newcomer, role="user", how="issuer")
        else:
            person_id = await admit(session, accounts, newcomer, role=invitation.role, how="invitation")
    except AddressTaken as error:
        raise AddressHasAccount(vouched.issuer.title) from error
    await session.execute(queries.VERIFY_ADDRESS, person_id=person_id, now=accounts.now())
    if not await _add(session, accounts, vouched, person_id):
        raise AddressHasAccount(vouched.issuer.title)  # came in twice at this moment
    if invitation is not None:
        await note_joined(session, accounts, invitation, person_id)
    return person_id


async def link(accounts: Accounts, caller: Caller, vouched: Vouched) -> None:
    """Let the caller sign in by this identity from now on. One that is linked already stays so.

    Raises:
        IdentityTaken: it is linked to another account.
    """
    async with accounts.database.writing() as session:
        if await session.first(factor_queries.LOCK_ACCOUNT, person_id=caller.person_id) is None:
            raise SessionOver
        found = await _found(session, vouched)
        if found is not None and found.person_id == caller.person_id:
            return
        if found is not None or not await _add(session, accounts, vouched, caller.person_id):
            raise IdentityTaken(vouched.issuer.title)


async def unlink(accounts: Accounts, caller: Caller, identity_id: UUID) -> None:
    """Let the caller not sign in by this identity any more. Sessions go on, but those that its tokens carry.

    Raises:
        IdentityNotFound: the caller has no such identity.
        OnlyWayIn: they could not sign in any more without it.
    """
    async with accounts.database.writing() as session:
        if await session.first(factor_queries.LOCK_ACCOUNT, person_id=caller.person_id) is None:
            raise SessionOver
        removed = await session.scalar(queries.REMOVE_IDENTITY, id=identity_id, person_id=caller.person_id)
        if removed is None:
            raise IdentityNotFound
        if not await has_way_in(session, accounts, caller.person_id):
            raise OnlyWayIn
        name = accounts.issuers.name_of(removed)
        fact = IdentityUnlinked(person_id=caller.person_id, identity_id=identity_id, issuer=name)
        await log.tell(session, fact, owner_id=caller.person_id, by=caller.person_id)
        ended = await session.all(queries.END_POOL_SESSIONS, person_id=caller.person_id, now=accounts.now())
        for row in ended:
            await tell_ended(session, row, "ended", by=caller.person_id)
    await accounts.announce_ended(row.id for row in ended)


async def has_way_in(session: ReadSession, accounts: Accounts, person_id: UUID) -> bool:
    """Whether there is anything by which the person can sign in."""
    ways = await session.first(queries.WAYS_IN, person_id=person_id, issuers=accounts.issuers.addresses)
    if ways is None:
        return False
    return bool(ways.has_passkey or ways.has_identity or (ways.has_password and accounts.settings.keeps_passwords))


async def prove(accounts: Accounts, caller: Caller, vouched: Vouched) -> None:
    """Take it as a proof of who the caller is that the issuer has just seen them.

    Raises:
        IssuerNotBelieved: it vouches for somebody else, or saw the person too long ago.
    """
    seen = vouched.authenticated_at
    if seen is not None and (accounts.now() - seen).total_seconds() > _PROOF_SECONDS:
        raise IssuerNotBelieved(vouched.issuer.title)
    async with accounts.database.writing() as session:
        found = await _found(session, vouched)
        if found is None or found.person_id != caller.person_id:
            raise IssuerNotBelieved(vouched.issuer.title)
        await proving.note(session, accounts, caller.session_id, "identity")


async def identities_of(session: ReadSession, person_id: UUID) -> Sequence[Row]:
    """A person's identities: id, issuer (its address), subject, shown, linked_at, last_used_at."""
    return await session.all(queries.IDENTITIES, person_id=person_id)


async def _let_in(
    session: WriteSession, accounts: Accounts, found: Row, device: Device, session_id: UUID, *, is_new: bool
) -> Come | SecondStepNeeded:
    attempt = attempt_of(accounts, found.email_key, device)
    if found.has_second_factor:
        await enter(session, accounts, attempt, found.person_id, "second_step")
        return await second_step.begin_by_identity(
            session, accounts, attempt, person_id=found.person_id, identity_id=found.id
        )
    await enter(session, accounts, attempt, found.person_id, "signed_in", session_id)
    begun = await begin_browser_session(
        session, accounts, session_id=session_id, person_id=found.person_id, method="identity", device=device
    )
    return Come(session=begun, is_new=is_new)


async def _found(session: ReadSession, vouched: Vouched) -> Row | None:
    return await session.first(queries.IDENTITY, issuer=vouched.issuer.address, subject=vouched.subject)


async def _add(session: WriteSession, accounts: Accounts, vouched: Vouched, person_id: UUID) -> bool:
    identity_id, now = new_id(), accounts.now()
    added = await session.execute(
        queries.ADD_IDENTITY,
        id=identity_id,
        person_id=person_id,
        issuer=vouched.issuer.address,
        subject=vouched.subject,
        shown=vouched.email,
        now=now,
        last_used_at=None,
    )
    if added:
        fact = IdentityLinked(person_id=person_id, identity_id=identity_id, issuer=vouched.issuer.name)
        await log.tell(session, fact, owner_id=person_id, by=person_id)
    return bool(added)


def _address(vouched: Vouched) -> Address:
    if vouched.email is None or not vouched.is_email_verified:
        raise AddressNotVouched(vouched.issuer.title)
    try:
        return parse_address(vouched.email)
    except MalformedAddress as error:
        raise AddressNotVouched(vouched.issuer.title) from error


def attempt_of(accounts: Accounts, email_key: str, device: Device, *, method: str = "identity") -> limits.Attempt:
    """A sign-in for the person's history; `enter` writes it down."""
    return limits.Attempt(
        email_key=email_key,
        account_key=hmac.digest(accounts.keys.naming, email_key.encode(), "sha256")[:_KEY_BYTES],
        device=device,
        network=device.network,
        method=method,
    )


async def enter(
    session: WriteSession,
    accounts: Accounts,
    attempt: limits.Attempt,
    person_id: UUID | None,
    outcome: Outcome,
    session_id: UUID | None = None,
) -> None:
    """Enter the sign-in into the person's history. It counts for no limit: nobody guesses what an issuer says."""
    await session.execute(
        queries.ADD_SIGN_IN,
        id=attempt.id,
        now=accounts.now(),
        account_key=attempt.account_key,
        person_id=person_id,
        session_id=session_id,
        address=attempt.device.address,
        network=attempt.network,
        user_agent=attempt.device.user_agent,
        method=attempt.method,
        outcome=outcome,
    )


async def _note_refused(accounts: Accounts, vouched: Vouched, device: Device) -> None:
    async with accounts.database.writing() as session:
        found = await _found(session, vouched)
        if found is not None:
            attempt = attempt_of(accounts, found.email_key or sign_in_key(vouched.email or ""), device)
            await enter(session, accounts, attempt, found.person_id, "refused")
