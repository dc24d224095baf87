"""A real SMTP server on loopback, with certificates of its own, that does what a test tells it."""

import ssl
import warnings
from asyncio import get_running_loop
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.certificates import Certificates, make_certificates

USER, PASSWORD = "cloud@example.org", "pä:ss/wo@rd"


@dataclass
class Post:
    """The server's end: what came, and what it answers."""

    port: int = 0
    envelopes: list[Envelope] = field(default_factory=list)
    were_encrypted: list[bool] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)  #: "RCPT" to "550 no", and so on; "die" breaks off

    async def handle_MAIL(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:  # noqa: N802
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self._answer("MAIL", server)

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:  # noqa: N802
        envelope.rcpt_tos.append(address)
        return self._answer("RCPT", server)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = self._answer("DATA", server)
        if answer.startswith("250"):
            self.envelopes.append(envelope)
            self.were_encrypted.append(
                session.ssl is not None or server.transport.get_extra_info("sslcontext") is not None
            )
        return answer

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        given = isinstance(data, LoginPassword) and (data.login.decode(), data.password.decode())
        return AuthResult(success=given == (USER, PASSWORD), handled=False)

    def _answer(self, command: str, server: SMTP) -> str:
        answer = self.answers.get(command, "250 OK")
        if answer == "die":
            server.transport.abort()
        return answer


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


Server = Callable[..., AbstractAsyncContextManager[Post]]


@pytest.fixture
def server(certificates: Certificates) -> Server:
    @asynccontextmanager
    async def serving(
        *, tls: str = "starttls", context: ssl.SSLContext | None = None, auth: bool = False, utf8: bool = True
    ) -> AsyncIterator[Post]:
        """A server that speaks `starttls`, `smtps`, or is `plain`."""
        post = Post()
        context = context or certificates.server
        loop = get_running_loop()

        def protocol() -> SMTP:
            with warnings.catch_warnings():  # it does not know that the socket below it is encrypted
                warnings.simplefilter("ignore", UserWarning)
                return made()

        def made() -> SMTP:
            return SMTP(
                post,
                hostname="mail.test",
                enable_SMTPUTF8=utf8,
                tls_context=context if tls == "starttls" else None,
                require_starttls=tls == "starttls",
                authenticator=post.authenticate if auth else None,
                auth_required=auth,
                auth_require_tls=tls == "starttls",
                loop=loop,
            )

        listening = await loop.create_server(protocol, "127.0.0.1", 0, ssl=context if tls == "smtps" else None)
        post.port = listening.sockets[0].getsockname()[1]
        try:
            yield post
        finally:
            listening.close()

    return serving
