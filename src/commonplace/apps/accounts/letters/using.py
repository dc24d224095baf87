"""Following the link of a letter: each does its one thing, once."""

from dataclasses import dataclass, field
from typing import assert_never, cast
from uuid import UUID

from commonplace.apps.accounts import queries as account_queries
from commonplace.apps.accounts.addresses import Address
from commonplace.apps.accounts.api_tokens import revoke_tokens_of
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.events import AddressRestored, AddressVerified, PasswordReset, TokenEndReason
from commonplace.apps.accounts.invitations.taking import note_joined, take_invitation
from commonplace.apps.accounts.letters import queries
from commonplace.apps.accounts.letters.changing import replace_address, set_address
from commonplace.apps.accounts.letters.errors import LetterNotValid
from commonplace.apps.accounts.letters.letter import Purpose, add_letter, read_letter, take_letter, token_of
from commonplace.apps.accounts.password_rules import refuse_unfit
from commonplace.apps.accounts.registration import Newcomer, admit
from commonplace.apps.accounts.sessions import end_sessions_of
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import WriteSession
from commonplace.platform.events import log


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the link of a letter would do, for whoever holds it."""

    purpose: Purpose
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What the link of a letter did."""

    purpose: Purpose
    email: str
    reset_token: str | None = field(default=None, repr=False)  #: after an undo: gives the account a new password


async def look(accounts: Accounts, token: str) -> Shown:
    """What the link of this token does; nothing is done.

    Raises:
        LetterNotValid: it was used, has expired, or is none of ours.
    """
    async with accounts.database.reading() as session:
        letter = await read_letter(session, accounts, token)
    return Shown(purpose=cast("Purpose", letter.purpose), email=letter.email)


async def confirm(accounts: Accounts, token: str) -> Done:
    """Do what the letter is for: prove or change an address, undo its change, or make the account.

    Raises:
        LetterNotValid: it was used, has expired, is none of ours, or is for a new password.
        AddressTaken: the address has an account meanwhile.
        InvitationNotValid: the invitation that led to it was used up or withdrawn meanwhile, or has expired.
    """
    ended: list[UUID] = []
    reset_token: str | None = None
    async with accounts.database.writing() as session:
        letter = await take_letter(session, accounts, token)
        purpose = cast("Purpose", letter.purpose)
        match purpose:
            case "verify":
                await _verify(session, accounts, letter)
            case "change":
                address = Address(written=letter.email, key=letter.email_key)
                await set_address(session, accounts, letter.person_id, address, is_verified=True)
            case "undo":
                ended, reset_token = await _undo(session, accounts, letter)
            case "register":
                await _register(session, accounts, letter)
            case "reset":
                raise LetterNotValid
            case _:
                assert_never(purpose)
    await accounts.announce_ended(ended)
    return Done(purpose=purpose, email=letter.email, reset_token=reset_token)


async def set_password(accounts: Accounts, token: str, password: str) -> None:
    """Give the account of a reset letter a new password; its sessions end and its API tokens are revoked, everywhere.

    Raises:
        LetterNotValid: it was used, has expired, is none of ours, or is for something else.
        PasswordNotAllowed: the password cannot be; the link still holds.
        SignInBusy: too many wait for a hash in this process; the link still holds.
        LocalPasswordsOff: accounts are kept by an issuer.
    """
    accounts.require_passwords()
    async with accounts.database.reading() as reading:
        letter = await read_letter(reading, accounts, token)
    if letter.purpose != "reset" or letter.holder_state != "active":
        raise LetterNotValid
    refuse_unfit(
        password,
        fewest=accounts.settings.fewest_password_characters,
        about=(letter.holder_name, letter.email),
    )
    async with accounts.passwords.turn():
        password_hash = await accounts.passwords.hash(password)
    async with accounts.database.writing() as session:
        letter = await take_letter(session, accounts, token)
        person_id = await session.scalar(queries.ACCOUNT_TO_RESET, email_key=letter.email_key)
        if person_id is None:
            raise LetterNotValid
        now = accounts.now()
        await session.execute(account_queries.SET_PASSWORD, person_id=person_id, hash=password_hash, now=now)
        await session.execute(account_queries.FORGIVE_PERSON, person_id=person_id)
        await session.execute(queries.VERIFY, person_id=person_id, email_key=letter.email_key, now=now)
        await session.execute(queries.PUT_ASIDE, person_id=person_id)
        await session.execute(queries.PUT_ASIDE_RESETS, email_key=letter.email_key)
        fact = PasswordReset(person_id=person_id, how="letter")
        await log.tell(session, fact, owner_id=person_id, by=None)
        ended = await _end_everything(session, accounts, person_id, "password_reset")
    await accounts.announce_ended(ended)


async def _verify(session: WriteSession, accounts: Accounts, letter: Row) -> None:
    parameters = {"person_id": letter.person_id, "email_key": letter.email_key}
    if not await session.execute(queries.VERIFY, **parameters, now=accounts.now()):
        raise LetterNotValid  # the account has another address by now
    await log.tell(session, AddressVerified(person_id=letter.person_id), owner_id=letter.person_id, by=letter.person_id)


async def _undo(session: WriteSession, accounts: Accounts, letter: Row) -> tuple[list[UUID], str]:
    """Give the account its old address back, to whoever has that mailbox, and keep everybody else out."""
    person_id: UUID = letter.person_id
    present = await session.first(queries.ADDRESS_FOR_CHANGE, person_id=person_id)
    if present is None:
        raise LetterNotValid
    address = Address(written=letter.email, key=letter.email_key)
    await replace_address(session, accounts, person_id, address, is_verified=True)
    await session.execute(queries.PUT_ASIDE_LATER, person_id=person_id, created_at=letter.created_at)
    await session.execute(queries.PUT_ASIDE_RESETS, email_key=present.email_key)
    await log.tell(session, AddressRestored(person_id=person_id), owner_id=person_id, by=None)
    ended = await _end_everything(session, accounts, person_id, "address_restored")
    reset_id = await add_letter(session, accounts, "reset", email=letter.email, email_key=letter.email_key)
    return ended, token_of(accounts, reset_id)


async def _register(session: WriteSession, accounts: Accounts, letter: Row) -> None:
    address = Address(written=letter.email, key=letter.email_key)
    newcomer = Newcomer(address=address, name=letter.name, password_hash=letter.password_hash)
    if letter.invitation_id is None:
        person_id = await admit(session, accounts, newcomer, role="user", how="sign_up")
    else:
        invitation = await take_invitation(session, accounts, letter.invitation_id)
        person_id = await admit(session, accounts, newcomer, role=invitation.role, how="invitation")
        await note_joined(session, accounts, invitation, person_id)
    await session.execute(queries.VERIFY, person_id=person_id, email_key=address.key, now=accounts.now())


async def _end_everything(
    session: WriteSession, accounts: Accounts, person_id: UUID, because_of: TokenEndReason
) -> list[UUID]:
    # A letter is followed by whoever fears that somebody else is in: programs begin anew as well as devices.
    sessions = await end_sessions_of(session, accounts, person_id, reason="password_reset", by=None)
    tokens = await revoke_tokens_of(session, person_id, reason=because_of, by=None)
    return [*sessions, *tokens]
