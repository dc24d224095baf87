"""Mails about the safety of an account. They go to its address whatever a person wants to be told of otherwise."""

from urllib.parse import urlencode

from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.events import NewDeviceSignedIn
from commonplace.apps.accounts.new_device import NOTICE_PATH, Notice, notice_of
from commonplace.platform.events.registry import Context
from commonplace.platform.http.public_url import PublicUrl
from commonplace.platform.messages.mail import Mail, Mailer
from commonplace.platform.pages.formats import moment_text
from commonplace.platform.pages.viewer import zone_named


async def tell_of_new_device(event: NewDeviceSignedIn, context: Context) -> None:
    """Send the person the link that ends the session, unless it was used meanwhile or holds no more."""
    mailer, accounts = context.parts[Mailer], context.parts[Accounts]
    notice = await notice_of(accounts, event.session_id)
    if not mailer.is_configured or notice is None or notice.is_used or notice.expires_at <= accounts.now():
        return
    await mailer.send(_new_device(notice, context.parts[PublicUrl]))


def _new_device(notice: Notice, public: PublicUrl) -> Mail:
    zone = zone_named(notice.time_zone)
    link = public.to(f"{NOTICE_PATH}?{urlencode({'token': notice.token})}")
    return Mail(
        to=notice.email,
        subject=f"New sign-in to Commonplace: {notice.device}",
        text=f"""Hello {notice.name},

somebody signed in to your account from a device that was not used for it before:

    {notice.device}
    {moment_text(notice.at, zone, "full")} ({zone.key})
    {f"from the address {notice.address}" if notice.address else "from an unknown address"}

If it was you, there is nothing to do.

If it was not, open this page. It ends that session and lets you choose a new password:

{link}

The link works once, until {moment_text(notice.expires_at, zone, "full")}. You need not be signed in.
""",
        message_key=f"accounts/new-device/{notice.session_id}",
    )
