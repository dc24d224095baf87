"""Sending the mail of an invitation. It may run more than once: the mail has one key and one link."""

from typing import Final

from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.events import PersonInvited
from commonplace.apps.accounts.invitations import queries
from commonplace.apps.accounts.invitations.service import link_of
from commonplace.platform.events.registry import Context
from commonplace.platform.http.public_url import PublicUrl
from commonplace.platform.messages.mail import Mail, Mailer
from commonplace.platform.pages.formats import moment_text
from commonplace.platform.pages.viewer import UTC

_TEXT: Final = """Hello,

{who} invites you to the Commonplace at {base}. This link makes your account; it works once, until {until} (UTC):

{link}

Your files stay yours: nobody sees them unless you share them. If you expect no invitation, do nothing: then no account
is made.
"""


async def send_invitation(event: PersonInvited, context: Context) -> None:
    """Send an invitation to its address. One that was used, withdrawn, or has expired is not sent any more."""
    accounts, public = context.parts[Accounts], context.parts[PublicUrl]
    if not accounts.mailer.is_configured:
        return
    async with accounts.database.reading() as session:
        row = await session.first(queries.READ, invitation_id=event.invitation_id, now=accounts.now())
    if row is None or row.email is None:
        return
    text = _TEXT.format(
        who=row.by_name or "Whoever looks after it",
        base=public,
        until=moment_text(row.expires_at, UTC, "full"),
        link=link_of(accounts, public, row.id),
    )
    subject = "You are invited to Commonplace" if row.by_name is None else f"{row.by_name} invites you to Commonplace"
    mail = Mail(to=row.email, subject=subject, text=text, message_key=f"accounts/invitation/{row.id}")
    await context.parts[Mailer].send(mail)
