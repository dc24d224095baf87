"""A server with the live part alone, people with sessions, facts to tell about their items."""

import asyncio
import contextlib
import hashlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import UUID

import httpx
import pytest
import uvicorn
import websockets
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from sqlalchemy import text
from websockets.asyncio.client import ClientConnection

from commonplace.platform.database.address import Address
from commonplace.platform.database.bus import Bus
from commonplace.platform.database.ids import new_id
from commonplace.platform.database.session import Database, WriteSession
from commonplace.platform.database.settings import DatabaseSettings
from commonplace.platform.events.event import Event
from commonplace.platform.events.log import WAKE, tell
from commonplace.platform.http import front
from commonplace.platform.identity.settings import JwtSettings
from commonplace.platform.identity.tokens import AccessTokens, SigningKey, VerifyingKey
from commonplace.platform.identity.verifier import SESSION_ENDED, Identity, LiveSession
from commonplace.platform.live.api import router
from commonplace.platform.live.hub import Hub
from commonplace.platform.live.settings import LiveSettings
from commonplace.platform.parts import Parts

KID = "0123456789abcdef"


@dataclass(frozen=True, kw_only=True)
class Noted(Event):
    """Something happened to somebody's note."""

    name: ClassVar[str] = "note.noted"
    number: int


class OneKey:
    """A key source with one key."""

    def __init__(self) -> None:
        self.private = Ed25519PrivateKey.generate()

    async def signing_key(self) -> SigningKey:
        return SigningKey(kid=KID, private_key=self.private)

    async def verifying_key(self, kid: str) -> VerifyingKey | None:
        return VerifyingKey(kid=kid, public_key=self.private.public_key()) if kid == KID else None

    async def verifying_keys(self) -> Sequence[VerifyingKey]:
        return [VerifyingKey(kid=KID, public_key=self.private.public_key())]


@dataclass
class Sessions:
    """The sessions of an installation without accounts."""

    live: dict[UUID, LiveSession] = field(default_factory=dict)
    cookies: dict[bytes, UUID] = field(default_factory=dict)
    reads: int = 0

    async def live_session(self, session_id: UUID) -> LiveSession | None:
        self.reads += 1
        return self.live.get(session_id)

    async def live_api_token(self, digest: bytes) -> LiveSession | None:
        raise NotImplementedError

    async def live_session_of_cookie(self, digest: bytes) -> LiveSession | None:
        return await self.live_session(self.cookies.get(digest, new_id()))


@dataclass
class Person:
    """Somebody with one session."""

    id: UUID
    session_id: UUID
    token: str
    cookie: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


class _Quiet(uvicorn.Server):
    """A server in the test's own loop, which leaves the process's signals alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Installation:
    """Web processes (all in this one), people, and facts to tell."""

    def __init__(self, address: Address, database: Database) -> None:
        self.database = database
        self.sessions = Sessions()
        self.tokens = AccessTokens(OneKey(), JwtSettings())
        self._address = address
        self._open = contextlib.AsyncExitStack()

    async def start(self, **settings: Any) -> "Web":
        """One more web process."""
        web = Web(self, LiveSettings(**settings))
        await self._open.enter_async_context(web.running())
        return web

    async def close(self) -> None:
        await self._open.aclose()

    def bus(self) -> Bus:
        return Bus(self._address, DatabaseSettings())

    def new_database(self) -> Database:
        return Database(self._address, DatabaseSettings(pool_size=3))

    async def person(self, *, access_seconds: int = 3600, person_id: UUID | None = None) -> Person:
        person_id, session_id, cookie = person_id or new_id(), new_id(), secrets.token_urlsafe(32)
        self.sessions.live[session_id] = LiveSession(
            session_id=session_id, person_id=person_id, role="user", expires_at=time.time() + 86_400
        )
        self.sessions.cookies[hashlib.sha256(cookie.encode()).digest()] = session_id
        tokens = AccessTokens(
            self.tokens.keys, JwtSettings(), clock=lambda: time.time() - JwtSettings().access_seconds + access_seconds
        )
        token = await tokens.issue(person_id=person_id, session_id=session_id, role="user")
        return Person(person_id, session_id, token, cookie)

    async def note(self, owner: Person, *numbers: int) -> None:
        async with self.database.writing() as session:
            for number in numbers:
                await self.note_in(session, owner, number)

    async def note_in(self, session: WriteSession, owner: Person, number: int) -> None:
        """The same, in a transaction that is open already."""
        await tell(session, Noted(number=number), owner_id=owner.id, by=owner.id)

    async def fat_note(self, owner: Person, count: int) -> None:
        """Many notes of 10 kB each, to fill a connection's buffers."""
        async with self.database.writing() as session:
            await session.execute(
                text(
                    "INSERT INTO platform.event (epoch, at, name, owner_id, payload)"
                    " SELECT epoch.current, clock_timestamp(), 'note.noted', :owner,"
                    " jsonb_build_object('number', number, 'text', repeat('x', 10000))"
                    " FROM platform.epoch, generate_series(1, CAST(:count AS int)) AS number"
                ),
                owner=owner.id,
                count=count,
            )
            session.news = True

    async def count(self, owner: Person) -> int:
        """How many notes somebody has."""
        async with self.database.reading() as session:
            count: int = await session.scalar(
                text("SELECT count(*) FROM platform.event WHERE owner_id = :owner"), owner=owner.id
            )
        return count

    async def begin_the_log_anew(self) -> None:
        """As a restore does."""
        async with self.database.writing() as session:
            await session.execute(text("UPDATE platform.epoch SET current = current + 1"))

    async def note_item(self, owner: Person, item_id: UUID, number: int) -> None:
        """As `history.change` tells it: with the item in the envelope."""
        async with self.database.writing() as session:
            await session.execute(
                text(
                    "INSERT INTO platform.event (epoch, at, name, kind, item_id, version, owner_id, by, payload)"
                    " SELECT epoch.current, clock_timestamp(), 'note.noted', 'note', :item, 3, :owner, :owner,"
                    " jsonb_build_object('number', CAST(:number AS int)) FROM platform.epoch"
                ),
                item=item_id,
                owner=owner.id,
                number=number,
            )
            session.news = True


class Web:
    """One web process: its own hub and bus, on a port of its own."""

    def __init__(self, installation: Installation, settings: LiveSettings) -> None:
        self.installation = installation
        self.bus = installation.bus()
        self.database = installation.new_database()
        self.parts = Parts()
        for part in (self.bus, self.database, settings):
            self.parts.add(part)
        self.parts.add(Identity(tokens=installation.tokens, sessions=installation.sessions, bus=self.bus))
        self.hub = Hub(self.parts)
        self.parts.add(self.hub)
        app = FastAPI()
        app.state.parts = self.parts
        app.include_router(router)
        self.app = front.build(app)
        self.http = httpx.AsyncClient(verify=False)  # noqa: S501 - plain HTTP: it saves loading certificates
        self.port = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Web"]:
        config = uvicorn.Config(
            self.app, port=0, lifespan="off", log_config=None, ws_per_message_deflate=False, access_log=False
        )
        server = _Quiet(config)
        await self.bus.start()
        async with self.hub.running():
            serving = asyncio.create_task(server.serve())
            while not server.started:
                await asyncio.sleep(0.005)
            self.port = server.servers[0].sockets[0].getsockname()[1]
            try:
                yield self
            finally:
                await self.http.aclose()
                await self.hub.close()
                server.should_exit = True
                await serving
        await self.bus.close()
        await self.database.close()

    @contextlib.asynccontextmanager
    async def connect(
        self,
        person: Person | None = None,
        *,
        since: str | None = None,
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> AsyncIterator["Listener"]:
        query = "" if since is None else f"?since={since}"
        headers = headers if headers is not None else (person.headers if person else {})
        uri = f"ws://127.0.0.1:{self.port}/api/live{query}"
        async with websockets.connect(uri, additional_headers=headers, compression=None, **options) as socket:
            yield Listener(socket)

    async def get(self, path: str, person: Person | None = None, **parameters: Any) -> httpx.Response:
        url = f"http://127.0.0.1:{self.port}{path}"
        return await self.http.get(url, params=parameters, headers=person.headers if person else {})


class Listener:
    """A client, and what it has heard."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.cursor: str | None = None
        self.numbers: list[int] = []
        self.events: list[dict[str, Any]] = []

    async def hear(self, seconds: float = 10) -> dict[str, Any]:
        async with asyncio.timeout(seconds):
            message: dict[str, Any] = json.loads(await self.socket.recv())
        if "cursor" in message:
            self.cursor = message["cursor"]
            self.events.extend(message["events"])
            self.numbers.extend(event["payload"]["number"] for event in message["events"])
        return message

    async def hear_until(self, count: int, seconds: float = 20) -> list[int]:
        async with asyncio.timeout(seconds):
            while len(self.numbers) < count:
                await self.hear(seconds)
        return self.numbers

    async def closed(self, seconds: float = 10) -> int | None:
        """Read to the end; the code with which the server closed."""
        async with asyncio.timeout(seconds):
            try:
                while True:
                    await self.hear(seconds)
            except websockets.ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd else None


@pytest.fixture
def database_address(shared_database_address: Address) -> Address:
    """One database for all: each test has people of its own, and the log only grows."""
    return shared_database_address


@pytest.fixture
async def installation(database_address: Address, database: Database) -> AsyncIterator[Installation]:
    bus = Bus(database_address, DatabaseSettings())
    await bus.start()
    database.on_news = lambda: bus.wake(WAKE)
    installation = Installation(database_address, database)
    installation.sessions_bus = bus  # type: ignore[attr-defined]
    yield installation
    await installation.close()
    await bus.close()


@pytest.fixture
def end_session(installation: Installation) -> Callable[[Person], Awaitable[bool]]:
    """As signing out does: first in the database, then told to every process, then answered."""

    async def end(person: Person) -> bool:
        del installation.sessions.live[person.session_id]
        bus: Bus = installation.sessions_bus  # type: ignore[attr-defined]
        return await bus.publish_and_wait(SESSION_ENDED, {"sids": [str(person.session_id)]})

    return end
