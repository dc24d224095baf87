"""Mail into files, and none at all; and what the settings make of MAIL__URL."""

from email import message_from_bytes, policy
from pathlib import Path

import pytest
from pydantic import ValidationError

from commonplace.platform.messages.address import parse_mail_address
from commonplace.platform.messages.build import build_mailer
from commonplace.platform.messages.errors import MailNotConfigured, MailUnavailable
from commonplace.platform.messages.mail import Mail
from commonplace.platform.messages.settings import MailSettings
from commonplace.settings import SettingsRefused, load_settings

pytestmark = pytest.mark.anyio

MAIL = Mail(to="zoe@example.org", subject="Hello", text="Text\n", message_key="event-1")
PRODUCTION = {
    "ENVIRONMENT": "production",
    "DATABASE_URL": "postgresql://u:hunter22@db.example.org/cloud?sslmode=require",
    "JWT__SECRET_KEY": "7f3b9a1c5e8d2f4a6b0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c1d0e9f8a",
}


async def test_each_message_becomes_one_file_below_the_data_directory(tmp_path: Path) -> None:
    mailer = build_mailer(MailSettings(), tmp_path)
    assert mailer.is_configured
    await mailer.check()
    await mailer.send(MAIL)
    await mailer.send(MAIL)
    await mailer.send(Mail(to="ana@example.org", subject="Hello", text="Text\n", message_key="event-1"))
    written = list((tmp_path / "mail").iterdir())
    assert [path.suffix for path in written] == [".eml", ".eml"]
    assert {path.stat().st_mode & 0o777 for path in written} == {0o600}
    tos = {message_from_bytes(path.read_bytes(), policy=policy.default)["To"] for path in written}
    assert tos == {"zoe@example.org", "ana@example.org"}


async def test_a_directory_that_cannot_be_written_is_a_reason_to_try_again(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("in the way")
    mailer = build_mailer(MailSettings(), tmp_path)
    with pytest.raises(MailUnavailable):
        await mailer.send(MAIL)
    with pytest.raises(MailUnavailable):
        await mailer.check()


async def test_production_sends_none_until_it_is_told_how(tmp_path: Path) -> None:
    mailer = build_mailer(load_settings(PRODUCTION, env_file=None).mail, tmp_path)
    assert not mailer.is_configured
    assert "no mail" in await mailer.check()
    with pytest.raises(MailNotConfigured, match="MAIL__URL"):
        await mailer.send(MAIL)
    assert not build_mailer(load_settings({"MAIL__URL": ""}, env_file=None).mail, tmp_path).is_configured


def test_a_server_is_told_with_the_sender() -> None:
    environ = {"MAIL__URL": "smtps://ana:pa%3Ass@mail.example.org", "MAIL__FROM": "Cloud <cloud@example.org>"}
    settings = load_settings(PRODUCTION | environ, env_file=None).mail
    assert settings.address is not None
    assert (settings.address.port, settings.address.user, settings.address.password) == (465, "ana", "pa:ss")
    assert "pa:ss" not in repr(settings.address) + str(settings.address) + repr(settings)
    assert settings.mailbox.address == "cloud@example.org"


def test_what_is_wrong_is_told_like_everything_else(tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused) as raised:
        load_settings({"MAIL__URL": "smtp://ana:hunter2@h/x", "MAIL__FROM": "nobody", "PORT": "x"}, env_file=None)
    told = {fault.name: str(fault) for fault in raised.value.faults}
    assert told.keys() == {"MAIL__URL", "MAIL__FROM", "PORT"}
    assert "hunter2" not in "".join(told.values())
    assert "Commonplace <cloud@example.org>" in told["MAIL__FROM"]
    with pytest.raises(SettingsRefused, match="MAIL__FROM: is not set"):
        load_settings({"MAIL__URL": "smtp://mail.example.org"}, env_file=None)
    with pytest.raises(SettingsRefused, match="MAIL__TRUSTED_CERTIFICATES"):
        load_settings({"MAIL__TRUSTED_CERTIFICATES": str(tmp_path)}, env_file=None)


@pytest.mark.parametrize(
    "url",
    [
        *("mail.example.org", "http://mail.example.org", "smtp://", "smtp://h:port", "smtp://h?starttls=maybe"),
        *("smtp://user@h", "smtp://user:p@h?starttls=never", "smtps://h?starttls=never", "smtp://h/path", "file:"),
        *(
            "file://host/mail",
            "smtp://h?timeout=3",
            "smtp://us%0Aer:p@h",
            "ses://",
            "ses://nowhere",
            "ses://eu-west-1:1",
        ),
        *("ses://key@eu-west-1", "ses://eu-west-1?endpoint=file:x", "ses://eu-west-1/x"),
    ],
)
def test_these_are_no_places_for_mail(url: str) -> None:
    with pytest.raises(ValueError):
        parse_mail_address(url)
    with pytest.raises(ValidationError):
        MailSettings.model_validate({"url": url})
