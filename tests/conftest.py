"""Fixtures for all tests: a PostgreSQL for each test worker, a database cloned for each test, the application.

Tests commit: what is rolled back, no worker ever sees.
"""

import asyncio
import faulthandler
import io
import itertools
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import httpx
import pytest
from asgi_lifespan import LifespanManager
from sqlalchemy import text

from commonplace import application
from commonplace.platform.app import App
from commonplace.platform.database.address import Address
from commonplace.platform.database.embedded.private import PrivateServer
from commonplace.platform.database.migrate import migrate
from commonplace.platform.database.session import Database
from commonplace.platform.database.settings import DatabaseSettings
from commonplace.platform.events.registry import Registry
from commonplace.platform.events.worker import Worker
from commonplace.platform.parts import Parts
from commonplace.platform.telemetry import logs
from commonplace.platform.telemetry.settings import TelemetrySettings
from commonplace.settings import Settings, load_settings
from tests.emptied import EmptiedDatabase
from tests.scheduling import ByWhatTheyShare
from tests.seaweedfs import S3Server, SeaweedFS
from tests.threads_counted import count_threads
from tests.visitor import PASSWORD, Join, Visitor

LogLines = Callable[[], list[dict[str, Any]]]

TEMPLATE = "commonplace_template"
SECRET = "a-test-secret-of-the-length-that-is-asked-for-0123456789"
_END_SECONDS = 120
_numbers = itertools.count()


@pytest.hookimpl(trylast=True)
def pytest_sessionstart() -> None:
    """Coverage is running by now."""
    count_threads()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process that does not end after its last test says where it hangs, and ends."""
    capture = session.config.pluginmanager.getplugin("capturemanager")
    if capture is not None:
        capture.suspend_global_capture(in_=True)
    faulthandler.dump_traceback_later(_END_SECONDS, exit=True)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of the tests that drive a browser `make test` runs the walks; the others are long."""
    for item in items:
        if item.get_closest_marker("browser") and not item.get_closest_marker("walk"):
            item.add_marker(pytest.mark.long)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """The tests of a module that shares something dear stay together."""
    return ByWhatTheyShare(config, log)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes by their length: test workers have to agree on names, and a ZIP has the time in it."""
    return f"{argname}-{len(val)}-bytes" if isinstance(val, bytes) else None


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return ("asyncio", {"use_uvloop": True})


@pytest.fixture(scope="session")
def database_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """A PostgreSQL of this test worker's own, with a migrated template database. (`xmin` is the whole server's.)"""
    server = PrivateServer(tmp_path_factory.mktemp("postgres"), durable=False)
    address = Address(**server.start())
    asyncio.run(_make_template(address))
    yield address
    server.stop()


async def _make_template(address: Address) -> None:
    connection = await asyncpg.connect(**address.driver_arguments())
    await connection.execute(f"CREATE DATABASE {TEMPLATE}")
    await connection.close()
    locations = application.migration_locations(load_settings({}, env_file=None))
    await migrate(_named(address, TEMPLATE), locations)


def _named(address: Address, database: str) -> Address:
    return Address(
        host=address.host, port=address.port, user=address.user, password=address.password, database=database
    )


@pytest.fixture
def empty_database(database_server: Address) -> Iterator[Address]:
    """A database with nothing in it, for tests of migrations."""
    yield from _cloned(database_server, "template0")


@pytest.fixture
def database_address(_emptied_database: EmptiedDatabase) -> Address:
    """A migrated database with nothing in it. It serves all tests of this worker: leave its tables as they are."""
    _emptied_database.empty()
    return _emptied_database.address


@pytest.fixture
def cloned_database_address(database_server: Address) -> Iterator[Address]:
    """A migrated database of this test's own, which it may alter."""
    yield from _cloned(database_server, TEMPLATE)


@pytest.fixture
def other_database_address(database_server: Address) -> Iterator[Address]:
    """A second migrated database of this test's own."""
    yield from _cloned(database_server, TEMPLATE)


@pytest.fixture(scope="session")
def shared_database_address(database_server: Address) -> Iterator[Address]:
    """A migrated database for tests that leave each other alone, or clean up: a clone for each would cost too much."""
    yield from _cloned(database_server, TEMPLATE)


@pytest.fixture(scope="session")
def _emptied_database(database_server: Address) -> Iterator[EmptiedDatabase]:
    for address in _cloned(database_server, TEMPLATE):
        emptied = EmptiedDatabase(address)
        yield emptied
        emptied.close()


def _cloned(server: Address, template: str) -> Iterator[Address]:
    name = f"test_{os.getpid()}_{next(_numbers)}"

    async def execute(statement: str) -> None:
        connection = await asyncpg.connect(**server.driver_arguments())
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY wal_log"))
    yield _named(server, name)
    asyncio.run(execute(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
async def database(database_address: Address) -> AsyncIterator[Database]:
    """Sessions over this test's database."""
    database = Database(database_address, DatabaseSettings())
    yield database
    await database.close()


def database_url(address: Address) -> str:
    """The address as `DATABASE_URL` spells it."""
    authority = f"{quote(address.user)}:{quote(address.password or '', safe='')}"
    return f"postgresql://{authority}@/{address.database}?host={quote(address.host, safe='')}&port={address.port}"


@pytest.fixture
def environ(database_address: Address, tmp_path: Path) -> dict[str, str]:
    """The environment of the application under test; a test may change it before it asks for `app`."""
    return {
        "DATABASE_URL": database_url(database_address),
        "COMMONPLACE_DATA_DIR": str(tmp_path / "data"),
        "JWT__SECRET_KEY": SECRET,
        "ACCOUNTS__BCRYPT_COST": "4",
        "FILE_STORAGE__MINIMUM_FREE_BYTES": "0",
        "FILES__PICTURE_FORMS": "[]",  # what few tests look at would cost all of them
    }


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A SeaweedFS of this test worker's own."""
    seaweedfs = SeaweedFS(tmp_path_factory.mktemp("seaweedfs"))
    try:
        seaweedfs.start()
        yield seaweedfs.server
    finally:
        seaweedfs.kill()


@pytest.fixture
def settings(environ: dict[str, str]) -> Settings:
    return load_settings(environ, env_file=None)


@pytest.fixture
def apps(settings: Settings) -> tuple[App, ...]:
    return application.served_apps(settings)


@pytest.fixture
def parts(settings: Settings, apps: tuple[App, ...]) -> Parts:
    """The parts of the application; they are open while `app` is."""
    address = settings.database_address
    assert address is not None
    return application.compose(settings, address, apps)


@pytest.fixture
async def app(settings: Settings, parts: Parts, apps: tuple[App, ...]) -> AsyncIterator[Any]:
    """The whole ASGI application, started."""
    built = application.build(settings, parts, apps)
    async with LifespanManager(built, startup_timeout=30, shutdown_timeout=30) as manager:
        yield manager.app


@pytest.fixture
async def join(app: Any) -> AsyncIterator[Join]:
    """`await join("ana")`: a client signed in as a person of her own; `await join(None)` a client of nobody."""
    clients: list[httpx.AsyncClient] = []

    async def make(name: str | None = "ana") -> Visitor:
        http = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost", timeout=30)
        clients.append(http)
        if name is None:
            return Visitor(http)
        email = f"{name}@example.org"
        answer = await http.post("/auth/register", json={"email": email, "password": PASSWORD, "name": name.title()})
        assert answer.status_code == 201, answer.text
        person = answer.json()
        answer = await http.post("/auth/login", json={"email": email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return Visitor(http, email, answer.json(), person)

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
async def ana(join: Join) -> Visitor:
    return await join("ana")


@pytest.fixture
async def ben(join: Join) -> Visitor:
    return await join("ben")


@pytest.fixture
async def nobody(join: Join) -> Visitor:
    return await join(None)


@pytest.fixture
def deliver(
    app: Any,
    parts: Parts,
    settings: Settings,
) -> Callable[[], Awaitable[None]]:
    """`await deliver()`: run a worker until every event told so far was dispatched and every delivery has ended."""

    async def run() -> None:
        worker = Worker(parts, parts[Registry], settings.events)
        work = asyncio.create_task(worker.run())
        try:
            async with asyncio.timeout(60):
                while await _is_busy(parts[Database]):
                    await asyncio.sleep(0.02)
        finally:
            worker.stop()
            await work

    return run


async def _is_busy(database: Database) -> bool:
    async with database.reading() as session:
        waiting: bool = await session.scalar(
            text("""
            SELECT EXISTS (SELECT FROM platform.delivery)
            OR EXISTS (SELECT FROM platform.event, platform.consumer WHERE consumer.name = 'dispatcher'
                AND (event.epoch, event.xid, event.seq) > (consumer.epoch, consumer.xid, consumer.seq))
            """)
        )
    return waiting


@pytest.fixture
def log_lines() -> Iterator[LogLines]:
    """Logs go to memory for this test: call it to read the lines so far."""
    stream = io.BytesIO()
    logs.configure(TelemetrySettings(log_format="json"), stream=stream)

    def read() -> list[dict[str, Any]]:
        logs.flush()
        return [json.loads(line) for line in stream.getvalue().splitlines()]

    yield read
    logs.unconfigure()
