"""What a person does with their second factors. Each change tells an event and ends no session."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from commonplace.apps.accounts import queries as account_queries
from commonplace.apps.accounts.addresses import sign_in_key
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.errors import PersonNotFound
from commonplace.apps.accounts.events import SecondFactorAdded, SecondFactorRemoved
from commonplace.apps.accounts.factors import challenges, passkeys, proving, queries, recovery_codes, standing, totp
from commonplace.apps.accounts.factors.errors import (
    CodeIsWrong,
    FactorExists,
    FactorIsAskedFor,
    FactorIsMissing,
    FactorNotFound,
    PasskeyNotAccepted,
)
from commonplace.apps.accounts.factors.passkeys import Credential, Options
from commonplace.apps.accounts.factors.relying_party import RelyingParty
from commonplace.apps.accounts.factors.totp import TotpEnrolment
from commonplace.platform.database.ids import new_id
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.events import log
from commonplace.platform.identity.caller import Caller
from commonplace.platform.identity.errors import SessionOver


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """What a person has."""

    totp_since: datetime | None
    passkeys: Sequence[Row]
    recovery_codes_left: int
    is_asked_for: bool
    proved_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What came of adding a factor."""

    passkey_id: UUID | None = None
    recovery_codes: Sequence[str] = field(default=(), repr=False)  #: made with the first factor, and shown once


async def read(accounts: Accounts, caller: Caller) -> Factors:
    """The caller's own factors."""
    async with accounts.database.reading() as session:
        app = await session.first(queries.TOTP, person_id=caller.person_id)
        factors = await session.first(queries.FACTORS, person_id=caller.person_id)
        return Factors(
            totp_since=app.confirmed_at if app is not None else None,
            passkeys=await session.all(queries.PASSKEYS, person_id=caller.person_id),
            recovery_codes_left=factors.recovery_codes if factors is not None else 0,
            is_asked_for=standing.is_asked_of(
                accounts, caller.role, is_needed=factors is not None and factors.is_needed
            ),
            proved_until=await proving.proved_until(session, accounts, caller.session_id),
        )


async def begin_totp(accounts: Accounts, caller: Caller, base_url: str) -> TotpEnrolment:
    """A new secret for an authenticator app; it counts when a code of it was given. An earlier one that waits falls.

    Raises:
        FactorExists: an app is set up already.
    """
    secret = totp.new_secret()
    async with accounts.database.writing() as session:
        account = await _account(session, caller.person_id)
        begun = await session.execute(
            queries.BEGIN_TOTP,
            person_id=caller.person_id,
            sealed_secret=totp.seal(accounts, caller.person_id, secret),
            now=accounts.now(),
        )
    if not begun:
        raise FactorExists("an authenticator app")
    return totp.enrolment(secret, email=account.email, base_url=base_url)


async def waiting_totp(accounts: Accounts, caller: Caller, base_url: str) -> TotpEnrolment | None:
    """The enrolment that waits for its first code, once more; None when none does."""
    async with accounts.database.reading() as session:
        row = await session.first(queries.TOTP, person_id=caller.person_id)
        email = await session.scalar(queries.ADDRESS, person_id=caller.person_id)
    if row is None or row.confirmed_at is not None:
        return None
    secret = totp.unseal(accounts, caller.person_id, row.sealed_secret)
    return None if secret is None else totp.enrolment(secret, email=email, base_url=base_url)


async def confirm_totp(accounts: Accounts, caller: Caller, code: str) -> Added:
    """Let the authenticator app count, whose code this is.

    Raises:
        CodeIsWrong: the code does not fit.
        FactorNotFound: none waits to be confirmed.
        FactorExists: it was confirmed before.
    """
    async with accounts.database.writing() as session:
        await _account(session, caller.person_id)
        row = await session.first(queries.TOTP, person_id=caller.person_id)
        if row is None:
            raise FactorNotFound
        if row.confirmed_at is not None:
            raise FactorExists("an authenticator app")
        step = totp.matching_step(accounts, caller.person_id, row.sealed_secret, code)
        if step is None:
            raise CodeIsWrong
        await session.execute(
            queries.CONFIRM_TOTP,
            person_id=caller.person_id,
            sealed_secret=row.sealed_secret,
            step=step,
            now=accounts.now(),
        )
        await _tell_added(session, caller, SecondFactorAdded(person_id=caller.person_id, factor="totp"))
        codes, freed = await _after_adding(session, accounts, caller)
    await accounts.announce_changed(freed)
    return Added(recovery_codes=codes)


async def remove_totp(accounts: Accounts, caller: Caller) -> None:
    """Remove the authenticator app, or give up setting one up.

    Raises:
        FactorNotFound: there is none.
        FactorIsAskedFor: it is the last factor, and one is asked for.
    """
    async with accounts.database.writing() as session:
        await _account(session, caller.person_id)
        row = await session.first(queries.REMOVE_TOTP, person_id=caller.person_id)
        if row is None:
            raise FactorNotFound
        if row.was_confirmed:
            await _after_removing(
                session, accounts, caller, SecondFactorRemoved(person_id=caller.person_id, factor="totp")
            )


async def passkey_options(accounts: Accounts, caller: Caller, party: RelyingParty, *, name: str) -> Options:
    """What the browser needs to make a passkey; `name` is the person's, for authenticators to show."""
    async with accounts.database.reading() as session:
        email = await session.scalar(queries.ADDRESS, person_id=caller.person_id)
        if email is None:
            raise SessionOver
        return await passkeys.registration_options(
            session,
            accounts,
            party,
            person_id=caller.person_id,
            email=email,
            name=name,
            bound_to=caller.session_id.bytes,
        )


async def add_passkey(
    accounts: Accounts, caller: Caller, party: RelyingParty, credential: Credential, *, name: str
) -> Added:
    """Keep a passkey that the browser has made.

    Raises:
        PasskeyNotAccepted: it is not what was asked for, or the person has too many.
        FactorExists: this passkey is known already.
    """
    name = passkeys.clean_name(name)
    made = passkeys.verify_new(accounts, party, credential, bound_to=caller.session_id.bytes)
    passkey_id = new_id()
    async with accounts.database.writing() as session:
        await _account(session, caller.person_id)
        if len(await session.all(queries.PASSKEYS, person_id=caller.person_id)) >= passkeys.MOST_PASSKEYS:
            raise PasskeyNotAccepted(
                f"You have {passkeys.MOST_PASSKEYS} passkeys, which is the limit. Remove one first."
            )
        if not await challenges.spend(session, made.challenge):
            raise PasskeyNotAccepted("This answer was used before. Begin again.")
        added = await session.execute(
            queries.ADD_PASSKEY,
            id=passkey_id,
            person_id=caller.person_id,
            credential_id=made.credential_id,
            public_key=made.public_key,
            sign_count=made.sign_count,
            name=name,
            transports=made.transports,
            is_synced=made.is_synced,
            now=accounts.now(),
        )
        if not added:
            raise FactorExists("this passkey")
        await _tell_added(session, caller, SecondFactorAdded(person_id=caller.person_id, factor="passkey"))
        codes, freed = await _after_adding(session, accounts, caller)
    await accounts.announce_changed(freed)
    return Added(passkey_id=passkey_id, recovery_codes=codes)


async def rename_passkey(accounts: Accounts, caller: Caller, passkey_id: UUID, name: str) -> None:
    """Give a passkey another name.

    Raises:
        FactorNotFound: the caller has no such passkey.
        PasskeyNotAccepted: it cannot be a name.
    """
    name = passkeys.clean_name(name)
    async with accounts.database.writing() as session:
        if not await session.execute(queries.RENAME_PASSKEY, id=passkey_id, person_id=caller.person_id, name=name):
            raise FactorNotFound


async def remove_passkey(accounts: Accounts, caller: Caller, passkey_id: UUID) -> None:
    """Remove a passkey.

    Raises:
        FactorNotFound: the caller has no such passkey.
        FactorIsAskedFor: it is the last factor, and one is asked for.
    """
    async with accounts.database.writing() as session:
        await _account(session, caller.person_id)
        if not await session.execute(queries.REMOVE_PASSKEY, id=passkey_id, person_id=caller.person_id):
            raise FactorNotFound
        await _after_removing(
            session, accounts, caller, SecondFactorRemoved(person_id=caller.person_id, factor="passkey")
        )


async def renew_recovery_codes(accounts: Accounts, caller: Caller) -> Sequence[str]:
    """Ten new recovery codes; the ones before count no more.

    Raises:
        FactorIsMissing: there is no factor that they could stand in for.
    """
    async with accounts.database.writing() as session:
        await _account(session, caller.person_id)
        if not await _has_factor(session, caller.person_id):
            raise FactorIsMissing
        codes = await recovery_codes.make(session, accounts, caller.person_id)
        await _tell_added(session, caller, SecondFactorAdded(person_id=caller.person_id, factor="recovery_codes"))
    return codes


async def remove_all(accounts: Accounts, email: str, *, by: UUID | None = None) -> Sequence[str]:
    """Remove every factor of a person who has lost them, and forgive what was tried; which kinds there were.

    Sessions go on. Where a factor is asked for, the next sign-in leads to a new one.

    Raises:
        PersonNotFound: no account has this address.
    """
    async with accounts.database.writing() as session:
        account = await session.first(account_queries.ACCOUNT_FOR_CHANGE, email_key=sign_in_key(email))
        if account is None:
            raise PersonNotFound(email)
        person_id = account.person_id
        app = await session.first(queries.REMOVE_TOTP, person_id=person_id)
        had = {
            "totp": app is not None and app.was_confirmed,
            "passkey": await session.execute(queries.REMOVE_PASSKEYS, person_id=person_id) > 0,
            "recovery_codes": await session.execute(queries.REMOVE_RECOVERY_CODES, person_id=person_id) > 0,
        }
        await session.execute(queries.FORGET_ALL_TRIES, person_id=person_id)
        removed = [factor for factor, was_there in had.items() if was_there]
        for factor in removed:
            fact = SecondFactorRemoved(person_id=person_id, factor=factor)  # type: ignore[arg-type]
            await log.tell(session, fact, owner_id=person_id, by=by)
    return removed


async def _account(session: WriteSession, person_id: UUID) -> Row:
    account = await session.first(queries.LOCK_ACCOUNT, person_id=person_id)
    if account is None:
        raise SessionOver
    return account


async def _has_factor(session: ReadSession, person_id: UUID) -> bool:
    row = await session.first(queries.FACTORS, person_id=person_id)
    return row is not None and (row.has_totp or row.has_passkey)


async def _tell_added(session: WriteSession, caller: Caller, fact: SecondFactorAdded) -> None:
    await log.tell(session, fact, owner_id=caller.person_id, by=caller.person_id)


async def _after_adding(
    session: WriteSession, accounts: Accounts, caller: Caller
) -> tuple[Sequence[str], Sequence[UUID]]:
    """The recovery codes that come with the first factor, and the sessions that may do everything from now on."""
    factors = await session.first(queries.FACTORS, person_id=caller.person_id)
    codes: Sequence[str] = ()
    if factors is None or factors.recovery_codes == 0:
        codes = await recovery_codes.make(session, accounts, caller.person_id)
        await _tell_added(session, caller, SecondFactorAdded(person_id=caller.person_id, factor="recovery_codes"))
    freed = await session.all(queries.END_ENROLMENT_DUE, person_id=caller.person_id)
    return codes, [row.session_id for row in freed]


async def _after_removing(session: WriteSession, accounts: Accounts, caller: Caller, fact: SecondFactorRemoved) -> None:
    await log.tell(session, fact, owner_id=caller.person_id, by=caller.person_id)
    factors = await session.first(queries.FACTORS, person_id=caller.person_id)
    if factors is not None and (factors.has_totp or factors.has_passkey):
        return
    if standing.is_asked_of(accounts, caller.role, is_needed=factors is not None and factors.is_needed):
        raise FactorIsAskedFor
    if await session.execute(queries.REMOVE_RECOVERY_CODES, person_id=caller.person_id):
        codes = SecondFactorRemoved(person_id=caller.person_id, factor="recovery_codes")
        await log.tell(session, codes, owner_id=caller.person_id, by=caller.person_id)
