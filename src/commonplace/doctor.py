"""`commonplace doctor`: what is configured, and whether each part answers."""

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import text

from commonplace import application
from commonplace.platform.database.bus import Bus
from commonplace.platform.database.embedded.errors import EmbeddedServerError
from commonplace.platform.database.query import Query
from commonplace.platform.database.schema import is_current
from commonplace.platform.database.session import Database
from commonplace.platform.errors import Problem
from commonplace.platform.messages.mail import Mailer
from commonplace.platform.parts import Parts
from commonplace.platform.storage.protocol import ObjectStorage
from commonplace.platform.valkey.client import Valkey, ValkeyAway
from commonplace.settings import Settings

_SERVER: Final = Query(text("SELECT version() AS version, current_database() AS name"))


@dataclass(frozen=True)
class Finding:
    """What was found of one part."""

    part: str
    is_well: bool
    text: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def examine(settings: Settings) -> list[Finding]:
    """Look at every part, also when another one is ill."""
    findings = [
        Finding(
            "settings",
            is_well=True,
            text=f"{settings.environment}, {settings.scheme}://{settings.host}:{settings.port}",
        ),
        _data_directory(settings),
    ]
    try:
        address, lease = application.database_of(settings)
    except (EmbeddedServerError, OSError) as error:
        return [*findings, Finding("database", is_well=False, text=str(error))]
    try:
        parts = application.compose(settings, address, application.served_apps(settings))
        return findings + asyncio.run(_ask(settings, parts))
    finally:
        if lease is not None:
            lease.close()


async def _ask(settings: Settings, parts: Parts) -> list[Finding]:
    database, bus, storage = parts[Database], parts[Bus], parts[ObjectStorage]

    async def ask_database() -> str:
        async with database.reading() as session:
            row = await session.first(_SERVER)
        kind = "embedded" if settings.database_url is None else "DATABASE_URL"
        return f"{kind}: {' '.join(row.version.split()[:2])}, database {row.name}" if row else "no answer"

    async def ask_schema() -> str:
        if not await is_current(database.address, application.migration_locations(settings)):
            raise Problem("is not that of this release; run `commonplace migrate`.")
        return "is that of this release"

    async def ask_bus() -> str:
        await bus.start()
        if not await bus.confirm():
            raise Problem("cannot listen; changes are noticed by polling.")
        return "listens"

    async def ask_storage() -> str:
        await storage.start()
        await storage.check()
        return f"{settings.file_storage.type} answers"

    questions: list[tuple[str, Callable[[], Awaitable[str]]]] = [
        ("database", ask_database),
        ("schema", ask_schema),
        ("bus", ask_bus),
        ("storage", ask_storage),
        ("mail", parts[Mailer].check),
    ]
    if Valkey in parts:

        async def ask_valkey() -> str:
            await parts[Valkey].check()
            return "answers"

        questions.append(("valkey", ask_valkey))
    try:
        return [await _finding(part, question) for part, question in questions]
    finally:
        await storage.close()
        await bus.close()
        if Valkey in parts:
            await parts[Valkey].close()
        await database.close()


async def _finding(part: str, question: Callable[[], Awaitable[str]]) -> Finding:
    try:
        async with asyncio.timeout(15):
            return Finding(part, is_well=True, text=await question())
    except TimeoutError:
        return Finding(part, is_well=False, text="gives no answer within 15 s.")
    except (Problem, OSError, ValkeyAway) as error:
        return Finding(part, is_well=False, text=str(error))


def _data_directory(settings: Settings) -> Finding:
    directory = settings.data_dir.resolve()
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    if not os.access(existing, os.W_OK):
        return Finding("data", is_well=False, text=f"{directory} cannot be written to; set COMMONPLACE_DATA_DIR.")
    free = shutil.disk_usage(existing).free
    return Finding("data", is_well=True, text=f"{directory}, {free / 1e9:.1f} GB free")
