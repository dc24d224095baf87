"""Sending the letters that were asked for, and telling people what happened to their account.

Each may run more than once: the mail of one letter, or of one event, has one key and one link, whatever the attempt.
"""

from typing import cast
from zoneinfo import ZoneInfo

from commonplace.apps.accounts import queries as profile_queries
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.events import AddressChanged, LetterAsked, PasswordReset
from commonplace.apps.accounts.letters import queries
from commonplace.apps.accounts.letters.letter import Purpose, token_of
from commonplace.apps.accounts.letters.mails import Wording
from commonplace.platform.database.row import Row
from commonplace.platform.events.registry import Context
from commonplace.platform.http.public_url import PublicUrl
from commonplace.platform.leaving import erasures
from commonplace.platform.leaving.events import ErasureAsked
from commonplace.platform.messages.mail import Mail, Mailer

CONFIRM_PATH = "/app/confirm"
RESET_PATH = "/app/reset"


async def send_letter(event: LetterAsked, context: Context) -> None:
    """Send a letter, if there is somebody to send it to. One that was used or has expired is not sent any more."""
    accounts = context.parts[Accounts]
    async with accounts.database.reading() as session:
        letter = await session.first(queries.READ, letter_id=event.letter_id, now=accounts.now())
    if letter is not None:
        mail = _mail_of(context, accounts, letter)
        if mail is not None:
            await context.parts[Mailer].send(mail)


async def tell_of_changed_address(event: AddressChanged, context: Context) -> None:
    """Tell the old address, with the link that undoes the change."""
    accounts = context.parts[Accounts]
    if event.letter_id is None:
        return  # no mail was sent here when it was changed
    async with accounts.database.reading() as session:
        letter = await session.first(queries.READ, letter_id=event.letter_id, now=accounts.now())
    if letter is not None:
        link = _link(context, CONFIRM_PATH, token_of(accounts, letter.id))
        await context.parts[Mailer].send(_wording(context).undo(letter.email, link, f"undo {letter.id}"))


async def tell_of_reset_password(event: PasswordReset, context: Context) -> None:
    """Tell a person that their password was changed, by a letter or by whoever runs the installation."""
    accounts = context.parts[Accounts]
    if not accounts.mailer.is_configured:
        return
    async with accounts.database.reading() as session:
        present = await session.first(queries.ADDRESS, person_id=event.person_id)
    if present is not None:
        key = f"password reset {context.delivery.envelope.seq}"
        await context.parts[Mailer].send(_wording(context).password_changed(present.email, key))


async def tell_of_erasure(event: ErasureAsked, context: Context) -> None:
    """Tell a person that they are to be erased, as long as it waits."""
    accounts = context.parts[Accounts]
    if not accounts.mailer.is_configured:
        return
    async with accounts.database.reading() as session:
        row = await erasures.read(session, event.erasure_id)
        if row is None or row.state != "waiting":
            return
        present = await session.first(queries.ADDRESS, person_id=row.person_id)
        person = await session.first(profile_queries.PROFILE, person_id=row.person_id)
    if present is not None and person is not None:
        when = row.due_at.astimezone(ZoneInfo(person.time_zone))
        text = f"{when:%d %B %Y, %H:%M} ({person.time_zone})"
        mail = _wording(context).to_be_erased(
            present.email, text, f"erasure {row.id}", is_own_wish=row.asked_by == "person"
        )
        await context.parts[Mailer].send(mail)


def _mail_of(context: Context, accounts: Accounts, letter: Row) -> Mail | None:
    """The mail of a letter as things are now; None: nobody is to get one."""
    wording, purpose = _wording(context), cast("Purpose", letter.purpose)
    key = f"{purpose} {letter.id}"
    token = token_of(accounts, letter.id)
    link = _link(context, RESET_PATH if purpose == "reset" else CONFIRM_PATH, token)
    has_account, is_another = letter.holder_id is not None, letter.holder_id != letter.person_id
    mail: Mail | None = None
    match purpose:
        case "reset" if letter.holder_state == "active":
            # To the address that the account has: what a stranger wrote may be another mailbox with the same key.
            mail = wording.reset(letter.holder_email, link, key)
        case "verify" if letter.present_key == letter.email_key:
            mail = wording.verify(letter.email, link, key)
        case "register":
            mail = (
                wording.registered_already(letter.holder_email, key)
                if has_account
                else wording.register(letter.email, link, key)
            )
        case "change":
            mail = (
                wording.change_not_possible(letter.holder_email, key)
                if has_account and is_another
                else wording.change(letter.email, link, key)
            )
        case _:
            pass  # there is nobody to write to; and an undo is told with the change
    return mail


def _wording(context: Context) -> Wording:
    return Wording(str(context.parts[PublicUrl]))


def _link(context: Context, path: str, token: str) -> str:
    return context.parts[PublicUrl].to(f"{path}?token={token}")
