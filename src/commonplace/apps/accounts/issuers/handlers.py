"""Mails about linked accounts. They go to the account's address whatever a person wants to be told of otherwise."""

from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.events import IdentityLinked, IdentityUnlinked
from commonplace.apps.accounts.factors.handlers import send_about_safety
from commonplace.platform.events.registry import Context


async def tell_of_linked(event: IdentityLinked, context: Context) -> None:
    """Tell the person that somebody can get in by something new."""
    title = _title(context, event.issuer)
    said = f"You can sign in to your account with {title} from now on."
    await send_about_safety(context, event.person_id, f"Commonplace: {title} linked", said)


async def tell_of_unlinked(event: IdentityUnlinked, context: Context) -> None:
    """Tell the person that something lets nobody in any more."""
    title = _title(context, event.issuer)
    said = f"Nobody can sign in to your account with {title} any more."
    await send_about_safety(context, event.person_id, f"Commonplace: {title} unlinked", said)


def _title(context: Context, name: str) -> str:
    issuers = context.parts[Accounts].issuers
    return next((issuer.title for issuer in issuers if issuer.name == name), name)
