"""When a session's person last proved who they are, and how they do so again.

Signing in is a proof. Later whoever has a second factor shows that: a password that was looked over a shoulder, or a
browser that was left open, is not enough to change how somebody gets in. Who has none gives the password again.
"""

from datetime import datetime, timedelta
from uuid import UUID

from commonplace.apps.accounts import limits
from commonplace.apps.accounts import queries as account_queries
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.device import Device
from commonplace.apps.accounts.factors import passkeys, queries
from commonplace.apps.accounts.factors.errors import ProofRefused
from commonplace.apps.accounts.factors.passkeys import Options
from commonplace.apps.accounts.factors.proof_source import ways_to_prove
from commonplace.apps.accounts.factors.relying_party import RelyingParty
from commonplace.apps.accounts.factors.showing import Shown, WrongFactor, shown_rightly
from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.identity.caller import Caller


async def note(session: WriteSession, accounts: Accounts, session_id: UUID, method: str) -> datetime:
    """Remember that the person behind a session has proved at this moment who they are; until when it counts."""
    now = accounts.now()
    await session.execute(queries.NOTE_PROOF, session_id=session_id, now=now, method=method)
    return now + timedelta(minutes=accounts.settings.proof_minutes)


async def proved_until(session: ReadSession, accounts: Accounts, session_id: UUID) -> datetime | None:
    """Until when the last proof of a session counts; None when there is none."""
    proved_at: datetime | None = await session.scalar(queries.PROVED_AT, session_id=session_id)
    return None if proved_at is None else proved_at + timedelta(minutes=accounts.settings.proof_minutes)


async def passkey_options(accounts: Accounts, caller: Caller, party: RelyingParty) -> Options:
    """What the browser needs to show one of the caller's passkeys as a proof."""
    async with accounts.database.reading() as session:
        return await passkeys.request_options(
            session,
            accounts,
            party,
            purpose="proof",
            bound_to=caller.session_id.bytes,
            person_id=caller.person_id,
        )


async def prove(accounts: Accounts, caller: Caller, shown: Shown, *, party: RelyingParty | None) -> datetime:
    """Prove by a second factor; until when it counts.

    Raises:
        ProofRefused: it is wrong.
        FactorLocked: it was wrong too often.
    """
    try:
        async with shown_rightly(
            accounts, caller.person_id, shown, party=party, purpose="proof", bound_to=caller.session_id.bytes
        ) as session:
            return await note(session, accounts, caller.session_id, shown.factor)
    except WrongFactor as error:
        raise ProofRefused from error


async def prove_by_password(accounts: Accounts, caller: Caller, password: str, device: Device) -> datetime:
    """Prove by the password, where the person has no second factor; until when it counts.

    Wrong ones count among the attempts to sign in, so a session is no way round those limits.

    Raises:
        ProofRefused: it is wrong, or not enough.
        TooManySignIns: too many were wrong.
        SignInBusy: too many sign-ins wait in this process.
    """
    async with accounts.database.reading() as session:
        email = await session.scalar(queries.ADDRESS, person_id=caller.person_id)
        if email is None or await ways_to_prove(session, caller.person_id) != ("password",):
            raise ProofRefused
    attempt = limits.attempt_of(accounts, email, device, method="proof")
    async with accounts.passwords.turn():
        account = await limits.enter(accounts, attempt)
        checked = await accounts.passwords.check(password, account.hash)
    async with accounts.database.writing() as session:
        if checked.is_right:
            # A proof is no sign-in: the history of those does not show it.
            await session.execute(account_queries.WITHDRAW_ATTEMPT, attempt_id=attempt.id)
            return await note(session, accounts, caller.session_id, "password")
        await session.execute(account_queries.REFUSE_ATTEMPT, attempt_id=attempt.id)
    raise ProofRefused
