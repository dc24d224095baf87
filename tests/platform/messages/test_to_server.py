"""Mail to a real SMTP server: encrypted or not at all, permanent and temporary refusals told apart."""

import asyncio
import socket
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from commonplace.platform.events.registry import Discard
from commonplace.platform.messages.build import build_mailer
from commonplace.platform.messages.errors import MailRefused, MailUnavailable
from commonplace.platform.messages.mail import Mail, Mailer
from commonplace.platform.messages.settings import MailSettings
from tests.platform.messages.conftest import Certificates, Server

pytestmark = pytest.mark.anyio

MAIL = Mail(to="Zoë <zoe@example.org>", subject="Grüße", text="Hello\n", message_key="event-1")
QUOTED = "cloud%40example.org:p%C3%A4%3Ass%2Fwo%40rd@"


@pytest.fixture
def mailer(certificates: Certificates):
    def make(
        url: str, *, seconds: float = 5, trusted: Path | None = certificates.authority, sender: str | None = None
    ) -> Mailer:
        settings = MailSettings.model_validate(
            {
                "url": url,
                "from": sender or "Commonplace <cloud@example.org>",
                "timeout_seconds": seconds,
                "trusted_certificates": trusted,
            }
        )
        return build_mailer(settings, Path("nowhere"))

    return make


def received(content: object) -> EmailMessage:
    assert isinstance(content, bytes)
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def text_of(content: object) -> str:
    return received(content).get_content().replace("\r\n", "\n")


class TestSending:
    @pytest.mark.parametrize("scheme", ["smtp", "smtps"])
    async def test_over_tls_with_a_password(self, server: Server, mailer, scheme: str) -> None:
        async with server(tls="starttls" if scheme == "smtp" else "smtps", auth=True) as post:
            sender = mailer(f"{scheme}://{QUOTED}127.0.0.1:{post.port}")
            assert sender.is_configured
            assert await sender.check() == f"{scheme}://127.0.0.1:{post.port} answers"
            assert not post.envelopes
            await sender.send(MAIL)
        (envelope,) = post.envelopes
        assert post.were_encrypted == [True]
        assert (envelope.mail_from, envelope.rcpt_tos) == ("cloud@example.org", ["zoe@example.org"])
        message = received(envelope.content)
        assert (message["To"], message["Subject"]) == ("Zoë <zoe@example.org>", "Grüße")
        assert text_of(envelope.content) == "Hello\n"

    async def test_each_attempt_has_the_same_message_id(self, server: Server, mailer) -> None:
        async with server() as post:
            for key in ("a", "a", "b"):
                await mailer(f"smtp://127.0.0.1:{post.port}").send(
                    Mail(to="zoe@example.org", subject="x", text="y", message_key=key)
                )
        first, second, third = (received(envelope.content)["Message-ID"] for envelope in post.envelopes)
        assert first == second != third
        assert first.endswith("@example.org>")

    async def test_to_a_relay_of_ones_own_in_clear_only_when_told(self, server: Server, mailer) -> None:
        async with server(tls="plain") as post:
            await mailer(f"smtp://127.0.0.1:{post.port}?starttls=never").send(MAIL)
            assert post.were_encrypted == [False]
            with pytest.raises(MailUnavailable, match="STARTTLS"):
                await mailer(f"smtp://127.0.0.1:{post.port}").send(MAIL)
        assert len(post.envelopes) == 1

    async def test_letters_of_every_script(self, server: Server, mailer) -> None:
        mail = Mail(to="用户@例え.jp", subject="件名", text="本文\n", message_key="k")
        async with server() as post:
            await mailer(f"smtp://127.0.0.1:{post.port}").send(mail)
        (envelope,) = post.envelopes
        assert envelope.rcpt_tos == ["用户@xn--r8jz45g.jp"]
        assert "SMTPUTF8" in envelope.mail_options
        assert text_of(envelope.content) == "本文\n"
        async with server(utf8=False) as post:
            with pytest.raises(MailRefused, match="SMTPUTF8"):
                await mailer(f"smtp://127.0.0.1:{post.port}").send(mail)
            await mailer(f"smtp://127.0.0.1:{post.port}").send(MAIL)
        assert received(post.envelopes[0].content)["To"] == "Zoë <zoe@example.org>"


class TestTrust:
    async def test_a_certificate_for_another_host_is_refused(
        self, server: Server, mailer, certificates: Certificates
    ) -> None:
        for tls, scheme in (("starttls", "smtp"), ("smtps", "smtps")):
            async with server(tls=tls, context=certificates.other) as post:
                with pytest.raises(MailUnavailable, match=r"cannot be trusted: .*127\.0\.0\.1"):
                    await mailer(f"{scheme}://127.0.0.1:{post.port}").send(MAIL)
            assert not post.envelopes

    async def test_a_certificate_by_nobody_known_is_refused(self, server: Server, mailer) -> None:
        async with server() as post:
            with pytest.raises(MailUnavailable, match="cannot be trusted"):
                await mailer(f"smtp://127.0.0.1:{post.port}", trusted=None).send(MAIL)

    async def test_a_wrong_password_is_no_reason_to_give_the_message_up(self, server: Server, mailer) -> None:
        async with server(auth=True) as post:
            with pytest.raises(MailUnavailable, match="refused the user or the password") as raised:
                await mailer(f"smtp://cloud:hunter2@127.0.0.1:{post.port}").send(MAIL)
        assert "hunter2" not in str(raised.value)
        assert not post.envelopes


class TestRefusals:
    @pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
    async def test_5xx_is_for_good_and_4xx_is_not(self, server: Server, mailer, command: str) -> None:
        async with server() as post:
            sender = mailer(f"smtp://127.0.0.1:{post.port}")
            post.answers = {command: "550 5.1.1 <zoe@example.org> is unknown here"}
            with pytest.raises(MailRefused, match="answered 550") as raised:
                await sender.send(MAIL)
            assert isinstance(raised.value, Discard)
            assert "zoe@" not in str(raised.value), "errors are logged; addresses have no place there"
            post.answers = {command: "451 4.7.1 greylisted"}
            with pytest.raises(MailUnavailable, match="greylisted"):
                await sender.send(MAIL)
            assert not post.envelopes
            post.answers = {}
            await sender.send(MAIL)
        assert len(post.envelopes) == 1

    @pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
    async def test_a_server_that_dies_in_the_middle(self, server: Server, mailer, command: str) -> None:
        async with server() as post:
            sender = mailer(f"smtp://127.0.0.1:{post.port}")
            post.answers = {command: "die"}
            with pytest.raises(MailUnavailable):
                await sender.send(MAIL)
            post.answers = {}
            await sender.send(MAIL)
        assert len(post.envelopes) == 1

    async def test_a_server_that_is_not_there(self, mailer) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            sender = mailer(f"smtp://127.0.0.1:{taken.getsockname()[1]}")
            for ask in (sender.send(MAIL), sender.check()):
                with pytest.raises(MailUnavailable, match=r"127\.0\.0\.1"):
                    await ask

    async def test_a_server_that_says_nothing(self, mailer) -> None:
        async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        listening = await asyncio.start_server(silence, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        with pytest.raises(MailUnavailable, match=r"within 0\.3 s"):
            await mailer(f"smtp://127.0.0.1:{port}", seconds=0.3).send(MAIL)
        listening.close()

    @pytest.mark.parametrize(
        "address",
        [
            "zoe@example.org\r\nBcc: all@example.org",
            "zoe@example.org> SIZE=1\r\nRCPT TO:<all@example.org",
            "zoe @example.org",
            "zoe",
            "@example.org",
            "zoe@",
            "a" * 65 + "@example.org",
            "zoe@" + "a" * 64 + ".org",
        ],
    )
    async def test_no_such_address_reaches_a_server(self, server: Server, mailer, address: str) -> None:
        async with server() as post:
            with pytest.raises(MailRefused, match="address"):
                await mailer(f"smtp://127.0.0.1:{post.port}").send(
                    Mail(to=address, subject="x", text="y", message_key="k")
                )
        assert not post.envelopes
