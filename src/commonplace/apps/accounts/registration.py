"""How people come to have an account."""

from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from commonplace.apps.accounts import queries
from commonplace.apps.accounts.addresses import Address, parse_address
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.device import Device
from commonplace.apps.accounts.errors import AddressTaken, RegistrationClosed
from commonplace.apps.accounts.events import PersonRegistered
from commonplace.apps.accounts.letters import queries as letter_queries
from commonplace.apps.accounts.letters.asking import ask_registration, ask_verification
from commonplace.apps.accounts.models import PERSON
from commonplace.apps.accounts.password_rules import refuse_unfit
from commonplace.apps.accounts.profile import read_profile
from commonplace.apps.accounts.profile_rules import clean_name
from commonplace.apps.accounts.schemas import PersonCreate, PersonRead
from commonplace.platform.database.ids import new_id
from commonplace.platform.database.session import WriteSession
from commonplace.platform.history import record
from commonplace.platform.identity.caller import Role

How = Literal["sign_up", "first_run", "command", "invitation", "issuer"]
_FIRST_TIME_ZONE = "UTC"
_FIRST_LANGUAGE = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """Somebody whose data was found right, before they have an account."""

    address: Address
    name: str
    password_hash: str | None = field(repr=False)  #: None: the person signs in by other means


async def prepare(accounts: Accounts, person: PersonCreate) -> Newcomer:
    """Check a newcomer's data and hash the password; no transaction is open meanwhile.

    Raises:
        MalformedAddress, PasswordNotAllowed, ProfileNotAllowed: something cannot be as it is.
        SignInBusy: too many wait for a hash in this process.
    """
    address = parse_address(person.email)
    name = clean_name(person.name)
    refuse_unfit(person.password, fewest=accounts.settings.fewest_password_characters, about=(name, address.written))
    async with accounts.passwords.turn():
        password_hash = await accounts.passwords.hash(person.password)
    return Newcomer(address=address, name=name, password_hash=password_hash)


async def prepare_registration(accounts: Accounts, person: PersonCreate) -> Newcomer:
    """`prepare`, for somebody who asks for an account themselves.

    Raises:
        RegistrationClosed: nobody may make one by themselves.
        MalformedAddress, PasswordNotAllowed, ProfileNotAllowed: something cannot be as it is.
        SignInBusy: too many wait for a hash in this process.
    """
    accounts.require_passwords()
    if not accounts.settings.registration_is_open:
        raise RegistrationClosed
    return await prepare(accounts, person)


async def register(accounts: Accounts, person: PersonCreate) -> PersonRead:
    """Make an ordinary account for somebody who asks for one.

    Raises:
        RegistrationClosed: nobody may make one by themselves.
        AddressTaken: the address has one.
        MalformedAddress, PasswordNotAllowed, ProfileNotAllowed: something cannot be as it is.
        SignInBusy: too many wait for a hash in this process.
    """
    newcomer = await prepare_registration(accounts, person)
    async with accounts.database.writing() as session:
        person_id = await admit(session, accounts, newcomer, role="user", how="sign_up")
        await ask_verification(session, accounts, person_id)
        return await read_profile(session, person_id)


async def register_by_mail(accounts: Accounts, person: PersonCreate, device: Device) -> None:
    """Have a link sent that makes the account; nothing tells whether the address has one already.

    Raises:
        RegistrationClosed: nobody may make one by themselves.
        MalformedAddress, PasswordNotAllowed, ProfileNotAllowed: something cannot be as it is.
        SignInBusy: too many wait for a hash in this process.
        TooManyLetters: too many mails were asked for from this network.
    """
    newcomer = await prepare_registration(accounts, person)
    await ask_registration(
        accounts,
        address=newcomer.address,
        name=newcomer.name,
        password_hash=newcomer.password_hash,
        device=device,
    )


async def admit(session: WriteSession, accounts: Accounts, newcomer: Newcomer, *, role: Role, how: How) -> UUID:
    """Make the account in the given transaction; the person's id comes back.

    Raises:
        AddressTaken: the address has one, or is getting one at this moment.
    """
    person_id = new_id()
    now = accounts.now()
    await record.create(
        session,
        PERSON,
        id=person_id,
        owner_id=person_id,
        parent_id=None,
        title=newcomer.name,
        values={"job_title": None, "time_zone": _FIRST_TIME_ZONE, "language": _FIRST_LANGUAGE},
        fact=PersonRegistered(person_id=person_id, role=role, how=how),
        by=person_id if how != "command" else None,
    )
    if await session.scalar(letter_queries.IS_RESERVED, email_key=newcomer.address.key, now=now, person_id=None):
        raise AddressTaken
    added = await session.execute(
        queries.ADD_ACCOUNT,
        person_id=person_id,
        email=newcomer.address.written,
        email_key=newcomer.address.key,
        role=role,
        now=now,
    )
    if not added:
        raise AddressTaken
    if newcomer.password_hash is not None:
        await session.execute(queries.SET_PASSWORD, person_id=person_id, hash=newcomer.password_hash, now=now)
    return person_id
