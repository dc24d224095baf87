"""Outgoing mail: what is sent, and whoever sends it. Send from the handler of an event, never inside a transaction."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Mail:
    """One message of plain text to one person."""

    to: str  #: an address, or `Name <address>`; letters of every script may stand in both
    subject: str  #: one line; what would break it becomes a space
    text: str  #: paragraphs are long lines; they are wrapped for reading
    message_key: str  #: the same at each attempt and for no other message: the Message-ID is made of it


class Mailer(Protocol):
    """Sends mail. `parts[Mailer]` is the installation's."""

    is_configured: bool  #: whether mail can leave at all; ask before promising somebody a message

    async def send(self, mail: Mail) -> None:
        """Hand `mail` over; when this returns, the server has taken it on.

        Whoever repeats an attempt that failed may send twice, under one Message-ID, by which mailboxes know doubles.

        Raises:
            MailRefused: it will never be taken: another attempt is useless. In a handler it makes a dead letter.
            MailUnavailable: it was not taken this time; try again later.
        """
        ...

    async def check(self) -> str:
        """Ask whether mail could be sent now, without sending any; what was found, for people.

        Raises:
            MailError: it could not; the text says why.
        """
        ...
