"""Fixtures for accounts: a clock that tests set, clients at any address, a second process on the same database."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from asgi_lifespan import LifespanManager
from sqlalchemy import text

from commonplace import application
from commonplace.apps.accounts.context import Accounts
from commonplace.platform.database.session import Database
from commonplace.platform.identity.clock import Clock
from commonplace.platform.parts import Parts

PASSWORD = "correct horse battery"
ClientAt = Callable[..., httpx.AsyncClient]
Rows = Callable[..., Any]


class SetClock(Clock):
    """A clock that goes on by itself, and jumps when a test says so."""

    def __init__(self) -> None:
        self.ahead_seconds = 0.0

    def time(self) -> float:
        return super().time() + self.ahead_seconds

    def pass_(self, seconds: float) -> None:
        self.ahead_seconds += seconds


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def parts(parts: Parts, clock: SetClock) -> Parts:
    parts.add(clock, as_=Clock)
    return parts


@pytest.fixture
def accounts(app: Any, parts: Parts) -> Accounts:
    return parts[Accounts]


@pytest.fixture
async def client_at(app: Any) -> AsyncIterator[ClientAt]:
    """`client_at("203.0.113.7")`: a client at that address; `of=` another process's application."""
    made: list[httpx.AsyncClient] = []

    def make(address: str = "127.0.0.1", *, of: Any = None) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=of or app, client=(address, 40_000))
        made.append(httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=30))
        return made[-1]

    yield make
    for client in made:
        await client.aclose()


@pytest.fixture
async def other_process(app: Any, settings: Any, apps: Any, clock: SetClock) -> AsyncIterator[Any]:
    """The application as a second process would run it: parts and memory of its own, the same database."""
    parts = application.compose(settings, settings.database_address, apps)
    parts.add(clock, as_=Clock)
    async with LifespanManager(application.build(settings, parts, apps)) as manager:
        yield manager.app


@pytest.fixture
def rows(database: Database) -> Rows:
    """`await rows("SELECT …", name=value)`: what the database holds, as dictionaries."""

    async def read(statement: str, **parameters: Any) -> list[dict[str, Any]]:
        async with database.reading() as session:
            return [dict(row) for row in await session.all(text(statement), **parameters)]

    return read


@pytest.fixture
def told(rows: Rows) -> Callable[..., Any]:
    """`await told("session.ended")`: the payloads of the events of that name, oldest first."""

    async def read(name: str) -> list[dict[str, Any]]:
        events = await rows("SELECT payload FROM platform.event WHERE name = :name ORDER BY seq", name=name)
        return [event["payload"] for event in events]

    return read


async def sign_in(client: Any, email: str, password: str = PASSWORD) -> httpx.Response:
    answer: httpx.Response = await client.post("/auth/login", json={"email": email, "password": password})
    return answer
