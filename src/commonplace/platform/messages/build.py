"""The mailer that the settings describe."""

from pathlib import Path

from commonplace.platform.messages.absent import AbsentMailer
from commonplace.platform.messages.mail import Mailer
from commonplace.platform.messages.settings import MailSettings
from commonplace.platform.messages.to_files import FileMailer


def build_mailer(settings: MailSettings, data_dir: Path) -> Mailer:
    """Compose a mailer; nothing is connected or written before the first message."""
    address = settings.address
    if address is None:
        return AbsentMailer()
    if address.scheme == "file":
        return FileMailer(data_dir / address.directory, settings.mailbox)
    if address.scheme == "ses":
        from commonplace.platform.messages.to_ses import SesMailer  # noqa: PLC0415 - only where it is used

        return SesMailer(address, settings.mailbox, timeout_seconds=settings.timeout_seconds)
    from commonplace.platform.messages.to_server import SmtpMailer  # noqa: PLC0415 - only where it is used

    return SmtpMailer(
        address,
        settings.mailbox,
        timeout_seconds=settings.timeout_seconds,
        trusted_certificates=settings.trusted_certificates,
    )
