"""How mail leaves, as the operator sets it: `MAIL__URL`, `MAIL__FROM`."""

import ssl
from importlib.util import find_spec
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from commonplace.platform.messages.address import MailAddress, parse_mail_address
from commonplace.platform.messages.mailbox import Mailbox, parse_mailbox

DEFAULT_URL = "file:./mail"
DEFAULT_SENDER = "Commonplace <commonplace@localhost>"


class MailSettings(BaseModel):
    """How mail leaves."""

    model_config = ConfigDict(populate_by_name=True)

    url: SecretStr | None = Field(
        default=None,
        description="`smtp://user:password@host:587` (STARTTLS is required; a relay of your own network may have"
        " `?starttls=never`), `smtps://user:password@host:465`, `ses://region` (Amazon SES; needs the extra `aws`), or"
        " `file:./mail`: one .eml a message, below COMMONPLACE_DATA_DIR. Left out: `file:./mail`, but in production no"
        " mail. Empty: no mail.",
    )
    sender: str | None = Field(
        default=None,
        validation_alias="from",
        description="Who messages are from: `Commonplace <cloud@example.org>`. Needed with a mail server.",
    )
    trusted_certificates: Path | None = Field(
        default=None, description="Certificates (PEM) to trust for the mail server, instead of those of the system."
    )
    timeout_seconds: float = Field(default=30.0, gt=0, le=300, description="How long sending one message may take.")
    is_production: bool = Field(default=False, description="Follows ENVIRONMENT; there is no need to set it.")

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and value.get_secret_value().strip():
            parse_mail_address(value.get_secret_value())
        return value

    @field_validator("sender")
    @classmethod
    def _is_a_mailbox(cls, value: str | None) -> str | None:
        if value is None or not value.strip():
            return None
        parse_mailbox(value)
        return value

    @field_validator("trusted_certificates", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("trusted_certificates")
    @classmethod
    def _is_readable(cls, value: Path | None) -> Path | None:
        if value is not None:
            try:
                ssl.create_default_context(cafile=value)
            except OSError:
                raise ValueError("cannot be read, or holds no certificate in PEM form") from None
        return value

    @property
    def address(self) -> MailAddress | None:
        """Where mail goes; None when it goes nowhere."""
        if self.url is None:
            return None if self.is_production else parse_mail_address(DEFAULT_URL)
        text = self.url.get_secret_value().strip()
        return parse_mail_address(text) if text else None

    @property
    def mailbox(self) -> Mailbox:
        """Who messages are from."""
        return parse_mailbox(self.sender or DEFAULT_SENDER)

    @property
    def lacks_boto3(self) -> bool:
        """Whether mail is to go by Amazon SES, and what speaks to it is not installed."""
        return self.address is not None and self.address.scheme == "ses" and find_spec("boto3") is None

    @property
    def lacks_sender(self) -> bool:
        """Whether messages would go out to the world from nobody."""
        return self.sender is None and self.address is not None and self.address.scheme != "file"
