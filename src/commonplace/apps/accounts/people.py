"""What those who run the installation do for people, by the command line or over HTTP.

A person is named by address or id. `by` is the administrator; None: a command on the server, which may do anything.
"""

from collections.abc import Sequence
from uuid import UUID

from commonplace.apps.accounts import audit, people_queries, queries
from commonplace.apps.accounts.addresses import sign_in_key
from commonplace.apps.accounts.api_tokens import revoke_tokens_of, token_ids_of
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.errors import LastAdministrator, PersonNotFound
from commonplace.apps.accounts.events import (
    PasswordReset,
    PersonReinstated,
    PersonSuspended,
    RoleChanged,
    SecondFactorRequired,
)
from commonplace.apps.accounts.factors import standing
from commonplace.apps.accounts.password_rules import refuse_unfit
from commonplace.apps.accounts.profile import read_profile
from commonplace.apps.accounts.registration import admit, prepare
from commonplace.apps.accounts.schemas import PersonCreate, PersonRead
from commonplace.apps.accounts.sessions import end_sessions_of
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import WriteSession
from commonplace.platform.events import log
from commonplace.platform.identity.caller import Role
from commonplace.platform.space.usage import set_quota


async def create_person(accounts: Accounts, person: PersonCreate, *, role: Role) -> PersonRead:
    """Make an account for somebody, also while registration is closed. An administrator ends the first run.

    Raises:
        AddressTaken: the address has one.
        MalformedAddress, PasswordNotAllowed, ProfileNotAllowed: something cannot be as it is.
    """
    newcomer = await prepare(accounts, person)
    async with accounts.database.writing() as session:
        person_id = await admit(session, accounts, newcomer, role=role, how="command")
        if role == "administrator":
            await session.execute(queries.END_FIRST_RUN)
        await audit.note(session, accounts, "created", person_id, by=None, detail=role)
        return await read_profile(session, person_id)


async def everybody(accounts: Accounts) -> Sequence[Row]:
    """Every account: id, email, name, role, state, created_at, last_used_at (None: never signed in)."""
    async with accounts.database.reading() as session:
        return await session.all(queries.PEOPLE)


async def reset_password(accounts: Accounts, email: str, password: str, *, by: UUID | None = None) -> int:
    """Give a person a new password, end sessions and API tokens, forgive what failed; how many sessions were ended.

    Raises:
        PersonNotFound: no account has this address.
        PasswordNotAllowed: the password is too short, too long, common, or the address.
    """
    refuse_unfit(password, fewest=accounts.settings.fewest_password_characters, about=(email,))
    async with accounts.passwords.turn():
        password_hash = await accounts.passwords.hash(password)
    async with accounts.database.writing() as session:
        account = await _locked(session, email)
        await session.execute(queries.SET_PASSWORD, person_id=account.person_id, hash=password_hash, now=accounts.now())
        await session.execute(queries.FORGIVE_PERSON, person_id=account.person_id)
        fact = PasswordReset(person_id=account.person_id)
        await log.tell(session, fact, owner_id=account.person_id, by=by)
        await audit.note(session, accounts, "password_reset", account.person_id, by=by)
        ended = await end_sessions_of(session, accounts, account.person_id, reason="password_reset", by=by)
        tokens = await revoke_tokens_of(session, account.person_id, reason="password_reset", by=by)
    await accounts.announce_ended([*ended, *tokens])
    return len(ended)


async def suspend(accounts: Accounts, who: str | UUID, *, by: UUID | None = None) -> int:
    """Keep a person from signing in and end their sessions; how many were ended. Items stay, API tokens rest.

    Raises:
        PersonNotFound: there is no such person.
        LastAdministrator: an administrator would leave nobody to look after the installation.
    """
    async with accounts.database.writing() as session:
        account = await _locked(session, who, keeps_administrators=by is not None)
        if account.state != "suspended":
            await session.execute(queries.SET_STATE, person_id=account.person_id, state="suspended")
            fact = PersonSuspended(person_id=account.person_id)
            await log.tell(session, fact, owner_id=account.person_id, by=by)
            await audit.note(session, accounts, "suspended", account.person_id, by=by)
        ended = await end_sessions_of(session, accounts, account.person_id, reason="suspended", by=by)
        tokens = await token_ids_of(session, account.person_id)
    await accounts.announce_ended([*ended, *tokens])
    return len(ended)


async def reinstate(accounts: Accounts, who: str | UUID, *, by: UUID | None = None) -> None:
    """Let a suspended person sign in again.

    Raises:
        PersonNotFound: there is no such person.
    """
    async with accounts.database.writing() as session:
        account = await _locked(session, who)
        if account.state != "active":
            await session.execute(queries.SET_STATE, person_id=account.person_id, state="active")
            fact = PersonReinstated(person_id=account.person_id)
            await log.tell(session, fact, owner_id=account.person_id, by=by)
            await audit.note(session, accounts, "reinstated", account.person_id, by=by)


async def set_role(accounts: Accounts, who: str | UUID, role: Role, *, by: UUID | None = None) -> None:
    """Make a person an administrator or a user. It holds for their sessions at once.

    Raises:
        PersonNotFound: there is no such person.
        LastAdministrator: an administrator would leave nobody to look after the installation.
    """
    async with accounts.database.writing() as session:
        account = await _locked(session, who, keeps_administrators=by is not None and role != "administrator")
        if account.role != role:
            await session.execute(queries.SET_ROLE, person_id=account.person_id, role=role)
            fact = RoleChanged(person_id=account.person_id, role=role)
            await log.tell(session, fact, owner_id=account.person_id, by=by)
            await audit.note(session, accounts, "role_changed", account.person_id, by=by, detail=role)
        if role == "administrator":
            await session.execute(queries.END_FIRST_RUN)
        sessions = await session.all(queries.SESSIONS_OF_PERSON, person_id=account.person_id, now=accounts.now())
    await accounts.announce_changed(row.id for row in sessions)


async def id_of(accounts: Accounts, email: str) -> UUID:
    """The person whose address this is.

    Raises:
        PersonNotFound: nobody's.
    """
    async with accounts.database.writing() as session:
        account = await _locked(session, email)
    person_id: UUID = account.person_id
    return person_id


async def require_second_factor(
    accounts: Accounts, who: str | UUID, *, is_required: bool, by: UUID | None = None
) -> None:
    """Ask a second factor of a person, or leave it to the settings again. It holds for their sessions at once.

    Raises:
        PersonNotFound: there is no such person.
    """
    async with accounts.database.writing() as session:
        account = await _locked(session, who)
        if account.needs_second_factor != is_required:
            await session.execute(
                people_queries.SET_NEEDS_SECOND_FACTOR, person_id=account.person_id, is_needed=is_required
            )
            fact = SecondFactorRequired(person_id=account.person_id, is_required=is_required)
            await log.tell(session, fact, owner_id=account.person_id, by=by)
            action: audit.Action = "second_factor_required" if is_required else "second_factor_waived"
            await audit.note(session, accounts, action, account.person_id, by=by)
        changed = await standing.note_requirement(session, accounts, account, is_required=is_required)
    await accounts.announce_changed(changed)


async def give_quota(accounts: Accounts, who: str | UUID, quota_bytes: int | None, *, by: UUID | None = None) -> None:
    """Let a person keep so much; None: as much as everybody. Who keeps more already keeps it, and can add nothing.

    Raises:
        PersonNotFound: there is no such person.
    """
    async with accounts.database.writing() as session:
        account = await _locked(session, who)
        await set_quota(session, account.person_id, quota_bytes)
        detail = "default" if quota_bytes is None else str(quota_bytes)
        await audit.note(session, accounts, "quota_changed", account.person_id, by=by, detail=detail)


async def sign_out(accounts: Accounts, who: str | UUID, *, by: UUID | None = None) -> int:
    """End all of a person's sessions; how many were ended. They may sign in again.

    Raises:
        PersonNotFound: there is no such person.
    """
    async with accounts.database.writing() as session:
        account = await _locked(session, who)
        ended = await end_sessions_of(session, accounts, account.person_id, reason="ended", by=by)
        if ended:
            await audit.note(session, accounts, "signed_out", account.person_id, by=by)
    await accounts.announce_ended(ended)
    return len(ended)


async def _locked(session: WriteSession, who: str | UUID, *, keeps_administrators: bool = False) -> Row:
    """The account, for a change; with `keeps_administrators` one that takes an administrator away.

    Raises:
        PersonNotFound: there is no such person.
        LastAdministrator: it is that of the only active administrator, who must be kept.
    """
    administrators = await session.all(people_queries.ADMINISTRATORS_FOR_CHANGE) if keeps_administrators else []
    if isinstance(who, UUID):
        account = await session.first(people_queries.ACCOUNT_OF_PERSON_FOR_CHANGE, person_id=who)
    else:
        account = await session.first(queries.ACCOUNT_FOR_CHANGE, email_key=sign_in_key(who))
    if account is None:
        raise PersonNotFound(who)
    if [row.person_id for row in administrators] == [account.person_id]:
        raise LastAdministrator
    return account
