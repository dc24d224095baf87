"""Inviting people, and coming by an invitation."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from commonplace.apps.accounts import audit, link_tokens
from commonplace.apps.accounts.addresses import parse_address
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.device import Device
from commonplace.apps.accounts.errors import AddressTaken
from commonplace.apps.accounts.events import PersonInvited
from commonplace.apps.accounts.invitations import queries
from commonplace.apps.accounts.invitations.errors import (
    InvitationNotAllowed,
    InvitationNotFound,
    InvitationNotValid,
    InvitationsClosed,
    TooManyInvitations,
)
from commonplace.apps.accounts.invitations.schemas import (
    InvitationCreate,
    InvitationMade,
    InvitationPage,
    InvitationRead,
)
from commonplace.apps.accounts.invitations.taking import note_joined, read_invitation, take_invitation
from commonplace.apps.accounts.letters import queries as letter_queries
from commonplace.apps.accounts.letters.asking import ask_registration, ask_verification
from commonplace.apps.accounts.profile import read_profile
from commonplace.apps.accounts.registration import admit, prepare
from commonplace.apps.accounts.schemas import PersonCreate, PersonRead
from commonplace.platform.database.ids import new_id
from commonplace.platform.database.pages import read_cursor, write_cursor
from commonplace.platform.database.session import ReadSession
from commonplace.platform.events import log
from commonplace.platform.http.moments import moment_of_cursor
from commonplace.platform.http.public_url import PublicUrl
from commonplace.platform.identity.caller import Role

INVITATION_PATH: Final = "/app/invitation"
MOST_OPEN: Final = 500  #: invitations that hold at one time


class _Cursor(NamedTuple):
    """Where a page ended."""

    created_at: datetime
    id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What an invitation offers, to whoever holds its link."""

    email: str | None  #: the address that the account will have; None: one of their own
    role: Role
    by_name: str | None
    expires_at: datetime


def link_of(accounts: Accounts, public: PublicUrl, invitation_id: UUID) -> str:
    """The link of an invitation."""
    return public.to(f"{INVITATION_PATH}?token={link_tokens.token_of(accounts.keys.inviting, invitation_id)}")


async def invite(accounts: Accounts, public: PublicUrl, wanted: InvitationCreate, *, by: UUID | None) -> InvitationMade:
    """Make an invitation; one to the same address before holds no more. `by` is None for a command on the server.

    Where mail is sent, that for an address goes there, and nobody else is shown its link: who follows it has proved
    that they get its mail.

    Raises:
        InvitationsClosed: not even invitations make accounts here.
        MalformedAddress, InvitationNotAllowed: something cannot be as it is.
        AddressTaken: the address has an account.
        TooManyInvitations: too many hold already.
    """
    if accounts.settings.registration_is_closed:
        raise InvitationsClosed
    address = None if wanted.email is None else parse_address(wanted.email)
    if wanted.uses > 1 and (address is not None or wanted.role == "administrator"):
        raise InvitationNotAllowed("uses", "An invitation to an address, or for an administrator, works once.")
    invitation_id, now = new_id(), accounts.now()
    is_mailed = address is not None and accounts.mailer.is_configured
    async with accounts.database.writing() as session:
        await session.execute(queries.LOCK)
        if address is not None:
            if await session.scalar(queries.ADDRESS_IN_USE, email_key=address.key) or await session.scalar(
                letter_queries.IS_RESERVED, email_key=address.key, now=now, person_id=None
            ):
                raise AddressTaken
            await session.execute(queries.PUT_ASIDE, email_key=address.key)
        if await session.scalar(queries.COUNT, now=now) >= MOST_OPEN:
            raise TooManyInvitations(MOST_OPEN)
        await session.execute(
            queries.ADD,
            id=invitation_id,
            by_id=by,
            email=address and address.written,
            email_key=address and address.key,
            role=wanted.role,
            uses=wanted.uses,
            is_mailed=is_mailed,
            now=now,
            expires_at=now + timedelta(days=wanted.days),
        )
        await audit.note(
            session,
            accounts,
            "invited",
            None,
            by=by,
            detail=wanted.role,
            address=None if address is None else address.written,
            invitation_id=invitation_id,
        )
        if is_mailed:
            await log.tell(session, PersonInvited(invitation_id=invitation_id), owner_id=None, by=by)
        row = await session.first(queries.READ, invitation_id=invitation_id, now=now)
    if row is None:  # whoever invites was an administrator a moment ago, and is none any more
        raise InvitationNotValid
    link = None if is_mailed else link_of(accounts, public, invitation_id)
    return InvitationMade(**_shown(dict(row)), link=link)


async def list_invitations(
    session: ReadSession, accounts: Accounts, *, limit: int, after: str | None
) -> InvitationPage:
    """The invitations that hold, the newest first.

    Raises:
        UnknownPage: `after` is no cursor of this list.
    """
    place = None if after is None else read_cursor(after, _Cursor)
    rows = await session.all(
        queries.LIST,
        now=accounts.now(),
        before=place and moment_of_cursor(place.created_at),
        before_id=place and place.id,
        limit=limit + 1,
    )
    items = [InvitationRead(**_shown(dict(row))) for row in rows[:limit]]
    following = write_cursor(items[-1].created_at, items[-1].id) if len(rows) > limit else None
    return InvitationPage(items=items, next=following)


async def revoke(accounts: Accounts, invitation_id: UUID, *, by: UUID | None) -> None:
    """Withdraw an invitation: nobody comes by it any more.

    Raises:
        InvitationNotFound: there is none with this id (any more).
    """
    async with accounts.database.writing() as session:
        row = await session.first(queries.REMOVE, invitation_id=invitation_id)
        if row is None:
            raise InvitationNotFound
        await audit.note(
            session,
            accounts,
            "invitation_revoked",
            None,
            by=by,
            detail=row.role,
            address=row.email,
            invitation_id=invitation_id,
        )


async def look(accounts: Accounts, token: str) -> Shown:
    """What an invitation offers; nothing is done.

    Raises:
        InvitationNotValid: it was used up or withdrawn, has expired, or is none of ours.
        InvitationsClosed: not even invitations make accounts here.
    """
    async with accounts.database.reading() as session:
        row = await read_invitation(session, accounts, token)
    if accounts.settings.registration_is_closed:
        raise InvitationsClosed
    return Shown(email=row.email, role=row.role, by_name=row.by_name, expires_at=row.expires_at)


async def accept(accounts: Accounts, token: str, person: PersonCreate, device: Device) -> PersonRead | None:
    """Make the account that an invitation is for; None: a mail is on its way, and its link makes it.

    By mail goes what did not come by mail, where nobody may learn which addresses have accounts.

    Raises:
        InvitationNotValid: it was used up or withdrawn, has expired, or is none of ours.
        InvitationsClosed: not even invitations make accounts here.
        InvitationNotAllowed: it is for another address.
        AddressTaken: the address has an account; the invitation still holds.
        MalformedAddress, PasswordNotAllowed, ProfileNotAllowed: something cannot be as it is; it still holds.
        SignInBusy: too many wait for a hash in this process.
        TooManyLetters: too many mails were asked for from this network.
    """
    await look(accounts, token)
    async with accounts.database.reading() as reading:
        invitation = await read_invitation(reading, accounts, token)
    newcomer = await prepare(accounts, person)
    if invitation.email_key is not None and newcomer.address.key != invitation.email_key:
        raise InvitationNotAllowed("email", "The invitation is for another address.")
    if accounts.hides_addresses and not invitation.is_mailed:
        await ask_registration(
            accounts,
            address=newcomer.address,
            name=newcomer.name,
            password_hash=newcomer.password_hash,
            device=device,
            invitation_id=invitation.id,
        )
        return None
    async with accounts.database.writing() as session:
        taken = await take_invitation(session, accounts, invitation.id)
        person_id = await admit(session, accounts, newcomer, role=taken.role, how="invitation")
        if taken.is_mailed:
            await session.execute(
                letter_queries.VERIFY, person_id=person_id, email_key=newcomer.address.key, now=accounts.now()
            )
        else:
            await ask_verification(session, accounts, person_id)
        await note_joined(session, accounts, taken, person_id)
        return await read_profile(session, person_id)


def _shown(row: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in row.items() if name != "email_key"}
