"""What accounts does about leaving while nobody waits, and what of a leaving person only accounts knows."""

from commonplace.apps.accounts import audit, queries
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.invitations import queries as invitation_queries
from commonplace.apps.accounts.leaving import erasure
from commonplace.apps.accounts.limits import account_key_of
from commonplace.apps.accounts.pictures.leaving import erase as erase_pictures
from commonplace.platform.database.session import Database
from commonplace.platform.events.event import ScheduleTick
from commonplace.platform.events.registry import Context
from commonplace.platform.leaving import erasures
from commonplace.platform.leaving.erasing import Erasing
from commonplace.platform.leaving.events import ErasureDue, PersonErased


async def erase_person(event: ErasureDue, context: Context) -> None:
    """Erase a person whose waiting time is over. It goes on where another attempt was interrupted."""
    await erasure.erase_now(context.parts, event.erasure_id)


async def note_erased(event: PersonErased, context: Context) -> None:
    """Write into the trail that somebody was erased, by whom, and the number of the receipt; not who it was."""
    accounts = context.parts[Accounts]
    async with accounts.database.writing() as session:
        row = await erasures.read(session, event.erasure_id)
        if row is not None and row.asked_by in {"administrator", "server"}:
            await audit.note_without_person(session, accounts, event.erasure_id, by=row.by_id)


async def begin_what_is_due(_tick: ScheduleTick, context: Context) -> None:
    """The schedule: begin every erasure whose waiting time is over, and those that nobody works on any more."""
    database = context.parts[Database]
    async with database.reading() as session:
        due = await erasures.due(session)
    for erasure_id in due:
        async with database.writing() as session:
            await erasures.tell_due(session, erasure_id)
    async with database.writing() as session:
        await erasures.forget_tokens(session)


async def erase(erasing: Erasing) -> None:
    """Part of erasing a person: what is known of them by their address alone."""
    accounts = erasing.parts[Accounts]
    async with erasing.database.writing() as session:
        account = await session.first(queries.EMAIL_OF_PERSON, person_id=erasing.person_id)
        if account is None:
            return
        erasing.addresses.update({account.email, account.email_key})
        await erasing.count(
            session, "accounts.letter", await session.execute(queries.FORGET_LETTERS_TO, email_key=account.email_key)
        )
        await session.execute(invitation_queries.PUT_ASIDE, email_key=account.email_key)
        await session.execute(invitation_queries.FORGET_ADDRESS, email=account.email)
        await erase_pictures(session, erasing)
        key = account_key_of(accounts, account.email_key)
        attempts = await session.execute(queries.FORGET_ATTEMPTS_AT, account_key=key)
        await erasing.count(session, "accounts.sign_in_attempt", attempts)
