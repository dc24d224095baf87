"""No mail: what an installation without a mail server has."""

from commonplace.platform.messages.errors import MailNotConfigured
from commonplace.platform.messages.mail import Mail


class AbsentMailer:
    """Sends nothing, and says so."""

    is_configured = False

    async def send(self, mail: Mail) -> None:  # noqa: ARG002 - the protocol's signature
        """Refuse.

        Raises:
            MailNotConfigured: always.
        """
        raise MailNotConfigured

    async def check(self) -> str:
        """Nothing is wrong with sending none."""
        return "MAIL__URL is not set: no mail is sent"
