"""Mails about second factors. They go to the account's address whatever a person wants to be told of otherwise."""

from typing import Final
from uuid import UUID

from commonplace.apps.accounts import queries
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.events import (
    PasskeyCountedBack,
    RecoveryCodeUsed,
    SecondFactorAdded,
    SecondFactorLocked,
    SecondFactorRemoved,
)
from commonplace.platform.database.row import Row
from commonplace.platform.events.registry import Context
from commonplace.platform.http.public_url import PublicUrl
from commonplace.platform.identity.enrolment import ENROLMENT_PAGE
from commonplace.platform.messages.mail import Mail, Mailer
from commonplace.platform.pages.formats import moment_text
from commonplace.platform.pages.viewer import zone_named

_WORDS: Final = {
    "totp": "authenticator app",
    "passkey": "passkey",
    "recovery_code": "recovery codes",
    "recovery_codes": "recovery codes",
}
_NOT_YOU: Final = "If it was not you, somebody else is in your account: choose a new password, and look here:"


async def tell_of_added(event: SecondFactorAdded, context: Context) -> None:
    """Tell the person that somebody can get in by something new."""
    what = _WORDS[event.factor]
    said = f"Your account has {'' if what.endswith('s') else 'a '}new {what}."
    await _send(context, event.person_id, f"Commonplace: {what} added", f"{said}\n\n{_NOT_YOU}")


async def tell_of_removed(event: SecondFactorRemoved, context: Context) -> None:
    """Tell the person that something is not asked for any more."""
    what = _WORDS[event.factor]
    by = "" if context.delivery.envelope.by is not None else " by somebody who runs the server"
    said = f"The {what} of your account {'were' if what.endswith('s') else 'was'} removed{by}."
    await _send(context, event.person_id, f"Commonplace: {what} removed", f"{said}\n\n{_NOT_YOU}")


async def tell_of_locked(event: SecondFactorLocked, context: Context) -> None:
    """Tell the person that somebody who knows their password guesses at the rest."""
    what = _WORDS[event.factor]
    accounts = context.parts[Accounts]
    row = await _person(accounts, event.person_id)
    if row is None:
        return
    until = moment_text(event.until, zone_named(row.time_zone), "full")
    said = (
        f"A code for the {what} of your account was wrong too often, so {what} cannot be used until {until}. Your"
        " other second factors go on.\n\nIf it was not you, somebody knows your password: choose a new one, and look"
        " here:"
    )
    await _send(context, event.person_id, f"Commonplace: {what} locked", said)


async def tell_of_recovery(event: RecoveryCodeUsed, context: Context) -> None:
    """Tell the person that a recovery code was used."""
    said = f"A recovery code of your account was used; {event.left} are left.\n\n{_NOT_YOU}"
    await _send(context, event.person_id, "Commonplace: recovery code used", said)


async def tell_of_counted_back(event: PasskeyCountedBack, context: Context) -> None:
    """Tell the person that a passkey may have been copied."""
    said = (
        "A passkey of your account was refused, since it counted backwards: its device may have been copied, or put"
        " back to an earlier state. Remove it and make a new one, here:"
    )
    await _send(context, event.person_id, "Commonplace: a passkey was refused", said)


async def send_about_safety(context: Context, person_id: UUID, subject: str, said: str) -> None:
    """Send a person a mail about how their account can be entered, with what to do if it was not they."""
    await _send(context, person_id, subject, f"{said}\n\n{_NOT_YOU}")


async def _send(context: Context, person_id: UUID, subject: str, said: str) -> None:
    mailer, row = context.parts[Mailer], await _person(context.parts[Accounts], person_id)
    if not mailer.is_configured or row is None:
        return
    await mailer.send(
        Mail(
            to=row.email,
            subject=subject,
            text=f"Hello {row.name},\n\n{said}\n\n{context.parts[PublicUrl].to(ENROLMENT_PAGE)}\n",
            message_key=f"accounts/second-factor/{context.delivery.id}",
        )
    )


async def _person(accounts: Accounts, person_id: UUID) -> Row | None:
    async with accounts.database.reading() as session:
        return await session.first(queries.PROFILE, person_id=person_id)
