"""An app that gives notices, a clock that tests set, and the mail that was sent."""

import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from commonplace.installed import APPS
from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database
from commonplace.platform.events import log
from commonplace.platform.identity.clock import Clock
from commonplace.platform.messages.errors import MailUnavailable
from commonplace.platform.messages.mail import Mail, Mailer
from commonplace.platform.parts import Parts
from tests import doorbell

Ring = Callable[..., Awaitable[None]]
Sent = Callable[[], Sequence[EmailMessage]]


class SetClock(Clock):
    """A clock that stands where a test has put it, or goes as the machine's."""

    at: datetime | None = None

    def time(self) -> float:
        return super().time() if self.at is None else self.at.timestamp()


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


class Post:
    """Mail of notices, which a test can have fail; other apps' mail goes nowhere."""

    def __init__(self, mailer: Mailer) -> None:
        self._mailer = mailer
        self.is_configured = True
        self.attempts: list[Mail] = []
        self.failures = 0  #: attempts from now on that fail after the server took the message

    async def send(self, mail: Mail) -> None:
        if not mail.message_key.startswith("notice:"):
            return
        self.attempts.append(mail)
        await self._mailer.send(mail)
        if self.failures:
            self.failures -= 1
            raise MailUnavailable("The server died after it had taken the message.")

    async def check(self) -> str:
        return await self._mailer.check()


@pytest.fixture
def parts(parts: Parts, clock: SetClock) -> Parts:
    parts.add(clock, as_=Clock)
    parts.add(Post(parts[Mailer]), as_=Mailer)
    return parts


@pytest.fixture
def post(parts: Parts) -> Post:
    mailer: Any = parts[Mailer]
    assert isinstance(mailer, Post)
    return mailer


@pytest.fixture
def environ(environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    doorbell.write(tmp_path / "code")
    monkeypatch.syspath_prepend(str(tmp_path / "code"))
    yield environ | {
        "APPS": ",".join([*APPS, "doorbell.manifest:app"]),
        "PUBLIC_URL": "https://cloud.example.org",
    }
    for name in [name for name in sys.modules if name.split(".")[0] == "doorbell"]:
        del sys.modules[name]


@pytest.fixture
def ring(app: Any, parts: Parts) -> Ring:
    """`await ring(ana, ben, who="Cleo")`: the bell is rung at their door; it is dispatched by `deliver`."""

    async def tell(*residents: Any, who: str = "Cleo", path: str | None = None, listener: Any = None) -> None:
        from doorbell.events import BellRung  # type: ignore[import-not-found]

        fact = BellRung(
            who=who,
            residents=tuple(UUID(resident.person["id"]) for resident in residents),
            path=path,
            listener=None if listener is None else UUID(listener.person["id"]),
        )
        async with parts[Database].writing() as session:
            await log.tell(session, fact, owner_id=None, by=None)

    return tell


@pytest.fixture
def sent(tmp_path: Path) -> Sent:
    """The messages in the mail folder."""

    def read() -> Sequence[EmailMessage]:
        found = []
        for path in sorted((tmp_path / "data" / "mail").glob("*.eml")):
            message = message_from_bytes(path.read_bytes(), policy=policy.default)
            assert isinstance(message, EmailMessage)
            found.append(message)
        return found

    return read


@pytest.fixture
def again(parts: Parts) -> Callable[[], Awaitable[None]]:
    """`await again()`: the dispatcher delivers everything in the log once more, as after a restored cursor."""

    async def rewind() -> None:
        async with parts[Database].writing() as session:
            await session.execute(
                Query(text("UPDATE platform.consumer SET epoch = 0, xid = '0', seq = 0 WHERE name = 'dispatcher'"))
            )

    return rewind
