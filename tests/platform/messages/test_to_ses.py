"""Mail by Amazon SES, against moto's server."""

import importlib.util
import os
from collections.abc import Iterator
from email import message_from_string, policy
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from commonplace.platform.messages.build import build_mailer
from commonplace.platform.messages.errors import MailRefused, MailUnavailable
from commonplace.platform.messages.mail import Mail, Mailer
from commonplace.platform.messages.settings import MailSettings
from commonplace.settings import SettingsRefused, load_settings

pytestmark = pytest.mark.anyio
SENDER = "cloud@example.org"
REGION = "eu-central-1"
MAIL = Mail(to="Zoë <zoe@example.org>", subject="Grüße", text="Text\n", message_key="event-1")


@pytest.fixture(scope="module")
def ses() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def mailer_at(endpoint: str, *, sender: str = SENDER, seconds: float = 10) -> Mailer:
    url = f"ses://AKIAEXAMPLE:se%2Fcret@{REGION}?endpoint={endpoint}"
    settings = MailSettings.model_validate({"url": url, "from": sender, "timeout_seconds": seconds})
    assert "se/cret" not in repr(settings.address) + str(settings.address)
    return build_mailer(settings, Path(os.devnull))


def verify(endpoint: str) -> None:
    client = boto3.client(
        "ses", region_name=REGION, endpoint_url=endpoint, aws_access_key_id="a", aws_secret_access_key="b"
    )
    client.verify_email_identity(EmailAddress=SENDER)


def sent() -> list[Any]:
    from moto.ses.models import ses_backends

    backend: Any = ses_backends["123456789012"][REGION]
    return list(backend.sent_messages)


async def test_a_message_goes_out_and_its_double_can_be_known(ses: str) -> None:
    mailer = mailer_at(ses)
    with pytest.raises(MailUnavailable, match="ses://eu-central-1"):
        await mailer.send(MAIL)  # a sender that is not verified is the operator's to mend: the message waits
    verify(ses)
    before = len(sent())
    await mailer.send(MAIL)
    await mailer.send(MAIL)
    await mailer.send(Mail(to="zoe@example.org", subject="Hi", text="Text\n", message_key="event-2"))
    one, double, other = (message_from_string(raw.raw_data, policy=policy.default) for raw in sent()[before:])
    assert (one["Subject"], one["To"], one["From"]) == ("Grüße", "Zoë <zoe@example.org>", SENDER)
    assert one["References"] == one["Message-ID"] == double["References"] != other["References"]
    assert one.get_content().strip() == "Text"
    assert "messages a day" in await mailer.check()


async def test_what_can_never_go_is_refused_and_what_may_go_later_is_not(ses: str) -> None:
    verify(ses)
    mailer = mailer_at(ses)
    with pytest.raises(MailRefused):
        await mailer.send(Mail(to="zoë@example.org", subject="Hi", text="", message_key="event-3"))
    nowhere = mailer_at("http://127.0.0.1:9", seconds=2)
    with pytest.raises(MailUnavailable):
        await nowhere.send(MAIL)
    with pytest.raises(MailUnavailable):
        await nowhere.check()


def test_without_boto3_the_start_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"MAIL__URL": f"ses://{REGION}", "MAIL__FROM": SENDER}
    assert load_settings(environ, env_file=None).mail.address is not None
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "commonplace.platform.messages.settings.find_spec", lambda name: None if name == "boto3" else find(name)
    )
    with pytest.raises(SettingsRefused, match=r"MAIL__URL: .*commonplace\[aws\]"):
        load_settings(environ, env_file=None)
