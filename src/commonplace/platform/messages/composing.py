"""From a `Mail` to the message that travels (RFC 5322)."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from email.generator import BytesGenerator
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from io import BytesIO

from commonplace.platform.messages.errors import MailRefused
from commonplace.platform.messages.flowed import flowed
from commonplace.platform.messages.mail import Mail
from commonplace.platform.messages.mailbox import Mailbox, one_line, parse_mailbox


@dataclass(frozen=True)
class Composed:
    """A message ready for a server."""

    sender: Mailbox
    recipient: Mailbox
    id: str  #: its Message-ID, without the angle brackets
    content: bytes  #: 7-bit, unless a mailbox needs SMTPUTF8

    @property
    def needs_utf8(self) -> bool:
        """Whether its headers have to be UTF-8, for which a server must have SMTPUTF8."""
        return self.sender.needs_utf8 or self.recipient.needs_utf8


def compose(mail: Mail, sender: Mailbox, *, is_renamed: bool = False) -> Composed:
    """The message of `mail`, as of now; `is_renamed`: its server will put another Message-ID in the place of ours.

    Raises:
        MailRefused: it is for no address.
    """
    try:
        recipient = parse_mailbox(mail.to)
    except ValueError as error:
        raise MailRefused(f"The message was not sent: its address {error}.") from None
    message = EmailMessage(policy=SMTP)
    message["From"] = sender.header()
    message["To"] = recipient.header()
    message["Subject"] = one_line(mail.subject)
    message["Date"] = format_datetime(datetime.now(UTC))
    message_id = _message_id(mail, recipient, sender)
    message["Message-ID"] = f"<{message_id}>"
    if is_renamed:
        message["References"] = f"<{message_id}>"  # RFC 5322, section 3.6.4: mailboxes put what shares it together
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notes in answer, please
    text = flowed(mail.text)
    is_plain = text.isascii() and all(len(line) < 998 for line in text.splitlines())  # noqa: PLR2004 - RFC 5322, 2.1.1
    message.set_content(
        text,
        charset="us-ascii" if text.isascii() else "utf-8",
        cte="7bit" if is_plain else "quoted-printable",
        params={"format": "flowed"},
    )
    composed = Composed(sender, recipient, message_id, b"")
    policy = SMTPUTF8 if composed.needs_utf8 else SMTP
    written = BytesIO()
    BytesGenerator(written, policy=policy.clone(cte_type="7bit")).flatten(message)
    return Composed(sender, recipient, message_id, written.getvalue())


def _message_id(mail: Mail, recipient: Mailbox, sender: Mailbox) -> str:
    """The same for each attempt. A hash: the key may name what only we should know."""
    unique = f"{mail.message_key}\x00{recipient.address}".encode("utf-8", "surrogatepass")
    return f"{hashlib.sha256(unique).hexdigest()[:40]}@{sender.domain}"
