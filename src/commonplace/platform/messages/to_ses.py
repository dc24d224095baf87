"""Mail by Amazon SES over its API (`SendRawEmail`), with the credentials that AWS's own tools would find.

Needs the extra `aws`: boto3 is loaded at the first message. SES writes a `Message-ID` of its own into what it sends;
so ours goes as `References` too, by which mailboxes put doubles together.
"""

import asyncio
from importlib import import_module
from typing import Any, Final

from commonplace.platform.messages.address import MailAddress
from commonplace.platform.messages.composing import Composed, compose
from commonplace.platform.messages.errors import MailRefused, MailUnavailable
from commonplace.platform.messages.mail import Mail
from commonplace.platform.messages.mailbox import Mailbox, one_line

_LONGEST_REASON: Final = 300
#: What SES answers about this one message. All else (rights, quota, pauses, a domain not yet verified) is about us.
_ABOUT_THE_MESSAGE: Final = frozenset({"MessageRejected", "InvalidParameterValue", "ValidationError"})
_SENDER_UNVERIFIED: Final = ("not verified", "not have authority")


class SesMailer:
    """Sends each message by one call, in a thread."""

    is_configured = True

    def __init__(self, address: MailAddress, sender: Mailbox, *, timeout_seconds: float) -> None:
        self._address = address
        self._sender = sender
        self._timeout_seconds = timeout_seconds
        self._made: Any = None

    async def send(self, mail: Mail) -> None:
        """See `Mailer.send`."""
        message = compose(mail, self._sender, is_renamed=True)
        if message.needs_utf8:
            raise MailRefused(f"{self._address} takes no addresses with letters outside ASCII before the @ (SMTPUTF8).")
        await self._ask(self._send, message)

    async def check(self) -> str:
        """Ask for the quota; nothing is sent. The credentials need `ses:GetSendQuota` beside `ses:SendRawEmail`."""
        quota: Any = await self._ask(self._quota)
        return (
            f"{self._address} answers: {quota['SentLast24Hours']:g} of {quota['Max24HourSend']:g} messages a day sent"
        )

    async def _ask(self, call: Any, *arguments: Any) -> Any:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await asyncio.to_thread(call, *arguments)
        except TimeoutError as error:
            detail = f"{self._address} gave no answer within {self._timeout_seconds:g} s."
            raise MailUnavailable(detail) from error

    def _send(self, message: Composed) -> None:
        client, exceptions = self._client()
        try:
            client.send_raw_email(
                Source=message.sender.address,
                Destinations=[message.recipient.address],
                RawMessage={"Data": message.content},
            )
        except exceptions.ClientError as error:
            # An answer may repeat the address; errors are logged, and addresses have no place in a log.
            reason = self._reason(error).replace(message.recipient.address, "the address")
            kind = MailRefused if _is_about_the_message(error) else MailUnavailable
            raise kind(reason) from None
        except exceptions.BotoCoreError as error:
            raise MailUnavailable(self._reason(error)) from error

    def _quota(self) -> Any:
        client, exceptions = self._client()
        try:
            return client.get_send_quota()
        except (exceptions.ClientError, exceptions.BotoCoreError) as error:
            raise MailUnavailable(self._reason(error)) from error

    def _client(self) -> tuple[Any, Any]:
        exceptions = import_module("botocore.exceptions")
        if self._made is None:
            config = import_module("botocore.config").Config(
                connect_timeout=self._timeout_seconds,
                read_timeout=self._timeout_seconds,
                retries={"total_max_attempts": 1},  # the delivery is repeated, with a wait in between
            )
            try:
                self._made = (
                    import_module("boto3")
                    .session.Session()
                    .client(
                        "ses",
                        region_name=self._address.host,
                        endpoint_url=self._address.endpoint,
                        aws_access_key_id=self._address.user,
                        aws_secret_access_key=self._address.password,
                        config=config,
                    )
                )
            except (exceptions.BotoCoreError, ValueError) as error:
                raise MailUnavailable(self._reason(error)) from error
        return self._made, exceptions

    def _reason(self, error: Exception) -> str:
        return one_line(f"{self._address}: {error}")[:_LONGEST_REASON].rstrip(".") + "."


def _is_about_the_message(error: Any) -> bool:
    told = error.response.get("Error", {})
    return told.get("Code") in _ABOUT_THE_MESSAGE and not any(
        text in told.get("Message", "") for text in _SENDER_UNVERIFIED
    )
