"""Mail by SMTP (RFC 5321), over TLS unless the operator said otherwise."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import aiosmtplib

from commonplace.platform.messages.address import MailAddress
from commonplace.platform.messages.composing import Composed, compose
from commonplace.platform.messages.errors import MailRefused, MailUnavailable
from commonplace.platform.messages.mail import Mail
from commonplace.platform.messages.mailbox import Mailbox, one_line

_GOODBYE_SECONDS: Final = 2.0
_LONGEST_REASON: Final = 300  #: characters of a server's answer that are told
_PERMANENT: Final = 500


class SmtpMailer:
    """Sends each message over a connection of its own."""

    is_configured = True

    def __init__(
        self, address: MailAddress, sender: Mailbox, *, timeout_seconds: float, trusted_certificates: Path | None = None
    ) -> None:
        self._address = address
        self._sender = sender
        self._timeout_seconds = timeout_seconds
        self._trusted_certificates = trusted_certificates
        self._tls: ssl.SSLContext | None = None

    async def send(self, mail: Mail) -> None:
        """See `Mailer.send`."""
        message = compose(mail, self._sender)
        async with self._server() as server:
            await self._hand_over(server, message)

    async def check(self) -> str:
        """Connect, encrypt and sign in; nothing is sent."""
        async with self._server() as server:
            try:
                await server.noop()
            except (aiosmtplib.SMTPException, OSError) as error:
                raise MailUnavailable(f"{self._address} {_reason(error)}") from error
        return f"{self._address} answers"

    @contextlib.asynccontextmanager
    async def _server(self) -> AsyncIterator[aiosmtplib.SMTP]:
        """A server that has greeted us and let us in, within the time that all of it may take.

        Raises:
            MailUnavailable: it has not, or time is up.
        """
        server = self._client()
        try:
            async with asyncio.timeout(self._timeout_seconds):
                try:
                    await server.connect()
                    if server.is_ehlo_or_helo_needed:
                        await server.ehlo()
                except (aiosmtplib.SMTPException, OSError, ValueError) as error:
                    raise MailUnavailable(f"{self._address} {_reason(error)}") from error
                yield server
                with contextlib.suppress(aiosmtplib.SMTPException, OSError):  # the message is handed over by now
                    async with asyncio.timeout(_GOODBYE_SECONDS):
                        await server.quit()
        except TimeoutError as error:
            detail = f"{self._address} gave no answer within {self._timeout_seconds:g} s."
            raise MailUnavailable(detail) from error
        finally:
            server.close()

    def _client(self) -> aiosmtplib.SMTP:
        if self._tls is None:
            self._tls = ssl.create_default_context(cafile=self._trusted_certificates)
            self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
        return aiosmtplib.SMTP(
            hostname=self._address.host,
            port=self._address.port,
            username=self._address.user,
            password=self._address.password,
            local_hostname=_own_name(),
            timeout=None,  # ours is over all of it
            use_tls=self._address.scheme == "smtps",
            start_tls=self._address.starttls,
            tls_context=self._tls,
        )

    async def _hand_over(self, server: aiosmtplib.SMTP, message: Composed) -> None:
        if message.needs_utf8 and not server.supports_extension("smtputf8"):
            raise MailRefused(f"{self._address} takes no addresses with letters outside ASCII before the @ (SMTPUTF8).")
        options = [f"SIZE={len(message.content)}"] if server.supports_extension("size") else []
        options += ["SMTPUTF8"] if message.needs_utf8 else []
        encoding = "utf-8" if message.needs_utf8 else "ascii"
        try:
            await server.mail(message.sender.address, options=options, encoding=encoding)
            await server.rcpt(message.recipient.address, encoding=encoding)
            await server.data(message.content)
        except aiosmtplib.SMTPResponseException as error:
            # A server's answer may repeat the address; errors are logged, and addresses have no place in a log.
            reason = _reason(error).replace(message.recipient.address, "the address")
            kind = MailRefused if error.code >= _PERMANENT else MailUnavailable
            raise kind(f"{self._address} {reason}") from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise MailUnavailable(f"{self._address} {_reason(error)}") from error


def _own_name() -> str:
    """What we call ourselves to a server: our full name, or the form for who has none (RFC 5321, section 4.1.4)."""
    name = socket.gethostname()
    return name if "." in name and name.isascii() else "[127.0.0.1]"


def _reason(error: Exception) -> str:
    """What a server answered, or what became of the connection, as the end of a sentence."""
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        what = f"refused the user or the password ({error.code} {error.message})"
    elif isinstance(error, aiosmtplib.SMTPResponseException):
        what = f"answered {error.code} {error.message}"
    elif isinstance(error, ssl.SSLCertVerificationError):
        what = f"has a certificate that cannot be trusted: {error.verify_message}"
    elif isinstance(error.__cause__, ssl.SSLCertVerificationError):
        what = f"has a certificate that cannot be trusted: {error.__cause__.verify_message}"
    else:
        what = f"could not be used: {error}"
    return one_line(what)[:_LONGEST_REASON].rstrip(".") + "."
