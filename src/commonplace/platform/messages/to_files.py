"""Mail into a directory, one .eml a message: for development, and for whoever sends it on by other means."""

import asyncio
import os
import secrets
from pathlib import Path

from commonplace.platform.messages.composing import Composed, compose
from commonplace.platform.messages.errors import MailUnavailable
from commonplace.platform.messages.mail import Mail
from commonplace.platform.messages.mailbox import Mailbox


class FileMailer:
    """Writes each message as a file named by its Message-ID, so that one sent twice is there once."""

    is_configured = True

    def __init__(self, directory: Path, sender: Mailbox) -> None:
        self.directory = directory
        self._sender = sender

    async def send(self, mail: Mail) -> None:
        """See `Mailer.send`; readers of the directory see a whole file or none."""
        message = compose(mail, self._sender)
        try:
            await asyncio.to_thread(self._write, message)
        except OSError as error:
            raise MailUnavailable(f"{self.directory} cannot be written to: {error.strerror}.") from error

    async def check(self) -> str:
        """Make the directory, if it is not there."""
        try:
            await asyncio.to_thread(self._make)
        except OSError as error:
            raise MailUnavailable(f"{self.directory} cannot be made: {error.strerror}.") from error
        if not os.access(self.directory, os.W_OK):
            raise MailUnavailable(f"{self.directory} cannot be written to.")
        return f"messages become files in {self.directory}"

    def _make(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    def _write(self, message: Composed) -> None:
        self._make()
        fresh = self.directory / f".{secrets.token_hex(8)}"
        try:
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(message.content)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self.directory / f"{message.id.partition('@')[0]}.eml")
        finally:
            fresh.unlink(missing_ok=True)
