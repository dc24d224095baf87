"""Two installations: one with a life, which is backed up, and an empty one, into which it is restored."""

import io
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote
from uuid import UUID

import asyncpg
import httpx
import pytest
from asgi_lifespan import LifespanManager
from PIL import Image

from commonplace import application
from commonplace.apps.files.models import FILE
from commonplace.platform.backup.making import make_backup
from commonplace.platform.database.address import Address
from commonplace.platform.database.ids import new_id
from commonplace.platform.database.session import Database
from commonplace.platform.events.event import Event
from commonplace.platform.history import record as history
from commonplace.platform.parts import Parts
from commonplace.platform.storage.keys import Category, new_key
from commonplace.platform.storage.objects import register
from commonplace.platform.storage.protocol import ObjectStorage
from commonplace.settings import Settings, load_settings
from tests.visitor import Visitor


def picture() -> bytes:
    """A real photograph's size in miniature: enough for a thumbnail."""
    image = Image.effect_noise((400, 300), 80).convert("RGB")
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=90)
    return stream.getvalue()


@dataclass(frozen=True, kw_only=True)
class Kept(Event):
    """A file was kept."""

    name: ClassVar[str] = "test.kept"
    file_id: UUID


@dataclass
class Life:
    """What somebody did before the backup, and how the past looked."""

    contents: dict[str, bytes] = field(default_factory=dict)  #: by file id
    versions: dict[str, list[bytes]] = field(default_factory=dict)
    trashed: list[str] = field(default_factory=list)
    folder: str = ""
    then: datetime | None = None  #: a moment when the folder held what it does no more
    cursor: str = ""


@pytest.fixture
def database_address(cloned_database_address: Address) -> Address:
    """One that a test may alter: it is dumped, and restored over."""
    return cloned_database_address


@pytest.fixture
async def life(ana: Visitor, deliver: Callable[[], Awaitable[None]]) -> Life:
    """Files of all sizes, with versions, a folder, a trash, thumbnails and a past."""
    life = Life()

    async def upload(name: str, content: bytes, **query: str) -> str:
        answer = await ana.post("/api/files", params={"name": name, **query}, content=content)
        assert answer.status_code == 201, answer.text
        identifier: str = answer.json()["id"]
        life.contents[identifier] = content
        return identifier

    for name, size in [("empty", 0), ("one byte.txt", 1), ("größer 🎈.bin", 700_000), ("exact", 256 * 1024)]:
        await upload(name, secrets.token_bytes(size))
    for number in range(20):
        await upload(f"{number}.txt", secrets.token_bytes(100 + number))
    await upload("picture.jpg", picture())
    folder = (await ana.post("/api/folders", json={"name": "Reports", "parent_id": None})).json()["id"]
    draft = await upload("draft", b"one", folder_id=folder)
    life.versions[draft] = [b"one", b"two " * 100_000, b"three"]
    for content in life.versions[draft][1:]:
        assert (await ana.put(f"/api/files/{draft}/content", content=content)).status_code == 200
    life.contents[draft] = b"three"
    await deliver()  # saves the moment that "then" is as of
    life.then, life.folder = datetime.now(UTC), folder
    gone = await upload("gone", b"gone")
    for identifier in (gone, draft):
        assert (await ana.delete(f"/api/files/{identifier}")).status_code == 204
        life.trashed.append(identifier)
    del life.contents[gone], life.contents[draft]
    await deliver()
    life.cursor = (await ana.get("/api/sync")).json()["next"]
    return life


def _url(address: Address) -> str:
    authority = f"{quote(address.user)}:{quote(address.password or '', safe='')}"
    return f"postgresql://{authority}@/{address.database}?host={quote(address.host, safe='')}&port={address.port}"


@pytest.fixture
def other_environ(environ: dict[str, str], other_database_address: Address, tmp_path: Path) -> dict[str, str]:
    """The environment of the empty installation."""
    return {
        **environ,
        "DATABASE_URL": _url(other_database_address),
        "COMMONPLACE_DATA_DIR": str(tmp_path / "other"),
    }


@pytest.fixture
def other_settings(other_environ: dict[str, str]) -> Settings:
    return load_settings(other_environ, env_file=None)


@pytest.fixture
async def other_parts(other_settings: Settings) -> AsyncIterator[Parts]:
    """The parts of the empty installation, open as a command has them."""
    address = other_settings.database_address
    assert address is not None
    apps = application.served_apps(other_settings)
    async with application.opened(application.compose(other_settings, address, apps), apps) as parts:
        yield parts


@dataclass
class Served:
    """The restored installation at work: a client of nobody yet, and the parts behind it."""

    http: httpx.AsyncClient
    parts: Parts

    def __getattr__(self, name: str) -> Any:
        return getattr(self.http, name)


@pytest.fixture
def serve_other(other_settings: Settings) -> Callable[[], AbstractAsyncContextManager[Served]]:
    """`async with serve_other() as client`: start the other installation, which a restore must not meet running."""

    @asynccontextmanager
    async def serve() -> AsyncIterator[Served]:
        address = other_settings.database_address
        assert address is not None
        apps = application.served_apps(other_settings)
        parts = application.compose(other_settings, address, apps)
        built = application.build(other_settings, parts, apps)
        async with LifespanManager(built, startup_timeout=30, shutdown_timeout=30) as manager:
            transport = httpx.ASGITransport(app=manager.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=30) as http:
                yield Served(http, parts)

    return serve


@pytest.fixture
def backup_path(tmp_path: Path) -> Path:
    return tmp_path / "backup.tar"


@pytest.fixture(scope="session")
async def source(
    database_server: Address, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Settings, Parts]]:
    """An installation with three files, for all tests that leave it as it is."""
    name = f"backup_source_{os.getpid()}"
    connection = await asyncpg.connect(**database_server.driver_arguments())
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE commonplace_template STRATEGY wal_log")
    settings = load_settings(
        {
            "DATABASE_URL": _url(replace(database_server, database=name)),
            "COMMONPLACE_DATA_DIR": str(tmp_path_factory.mktemp("source")),
            "JWT__SECRET_KEY": "a-test-secret-of-the-length-that-is-asked-for-0123456789",
            "FILE_STORAGE__MINIMUM_FREE_BYTES": "0",
        },
        env_file=None,
    )
    address = settings.database_address
    assert address is not None
    apps = application.served_apps(settings)
    owner_id = new_id()
    async with application.opened(application.compose(settings, address, apps), apps) as parts:
        for content in (b"small" * 200, b"large" * 120_000, b"other" * 400):
            stored = await parts[ObjectStorage].put(new_key(Category.FILES), content)
            async with parts[Database].writing() as session:
                held = await register(session, owner_id, stored)
                file_id = new_id()
                await history.create(
                    session,
                    FILE,
                    id=file_id,
                    owner_id=owner_id,
                    parent_id=None,
                    title=content[:5].decode(),
                    values={
                        "object_id": held.id,
                        "size_bytes": len(content),
                        "media_type": "text/plain",
                        "sha256": stored.sha256_hex,
                    },
                    fact=Kept(file_id=file_id),
                    by=owner_id,
                )
        yield settings, parts
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


@pytest.fixture(scope="session")
async def made_once(source: tuple[Settings, Parts], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "backup.tar"
    await make_backup(source[1], path)
    return path


@pytest.fixture
def made(made_once: Path, backup_path: Path) -> Path:
    """A backup of the source, this test's own to spoil."""
    return Path(shutil.copy(made_once, backup_path))
