"""Secrets that are rotated while a process runs.

The secret is looked at every few minutes, and at once when the database refuses the password: the next connection is
opened with the new one, while those that are open go on. Other parts say by `on_jwt_secret` that they want to know of a
new `JWT__SECRET_KEY`. When one process sees a new version it tells the others.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog

from commonplace.platform.database.address import MalformedAddress, parse_address
from commonplace.platform.database.bus import Bus
from commonplace.platform.database.session import Database
from commonplace.platform.secrets.manager import (
    DATABASE_URL,
    JWT_SECRET,
    PREVIOUS_JWT_SECRET,
    Secret,
    SecretUnreadable,
    read,
)
from commonplace.platform.secrets.settings import SecretsSettings

ROTATED: Final = "secrets.rotated"  #: bus channel; payload {"version": …}
_FEWEST_SECONDS: Final = 1.0  # between two looks that refused passwords ask for
_log = structlog.get_logger(__name__)

TakeSecret = Callable[[str, str | None], None]
"""Takes the new `JWT__SECRET_KEY`, and the one before."""


class SecretsWatch:
    """Keeps one process's database and secrets at what the secret says."""

    def __init__(self, settings: SecretsSettings, database: Database, bus: Bus, *, jwt_secret: str) -> None:
        """Of a process that was started with this `JWT__SECRET_KEY`."""
        self._settings = settings
        self._database = database
        self._bus = bus
        self._version: str | None = None
        self._jwt_secret = jwt_secret
        self._takers: list[TakeSecret] = []
        self._looking = asyncio.Lock()
        self._looked = float("-inf")
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        bus.subscribe(ROTATED, self._hear)

    def on_jwt_secret(self, take: TakeSecret) -> None:
        """Call `take` when there is a new `JWT__SECRET_KEY`."""
        self._takers.append(take)

    async def start(self) -> None:
        """Begin to look. What is there now is what the process was started with."""
        self._database.on_refused = self.look
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def look(self) -> bool:
        """Read the secret; whether it is another than before. While it cannot be read, what was read holds."""
        before = self._version
        async with self._looking:
            if self._version != before:
                return True  # somebody else has just seen it
            now = asyncio.get_running_loop().time()
            if now - self._looked < _FEWEST_SECONDS:
                return False
            self._looked = now
            try:
                secret = await asyncio.to_thread(read, self._settings, database=self._database.address)
            except SecretUnreadable as error:
                _log.warning("secrets.unreadable", why=str(error))
                return False
            if secret.version == self._version:
                return False
            is_first = self._version is None
            changed = self._take(secret)
        if changed or not is_first:
            _log.info("secrets.rotated")
            await self._bus.publish(ROTATED, {"version": secret.version})
        return changed

    def _take(self, secret: Secret) -> bool:
        self._version = secret.version
        return any([self._take_address(secret.values), self._take_jwt_secret(secret.values)])

    def _take_address(self, values: Mapping[str, str]) -> bool:
        try:
            address = parse_address(values[DATABASE_URL]) if DATABASE_URL in values else None
        except MalformedAddress as error:
            _log.error("secrets.database_url_unreadable", why=str(error))
            return False
        if address is None or address == self._database.address:
            return False
        self._bus.take_address(self._database.address, address)
        self._database.take_address(address)
        return True

    def _take_jwt_secret(self, values: Mapping[str, str]) -> bool:
        secret = values.get(JWT_SECRET)
        if secret is None or secret == self._jwt_secret:
            return False
        self._jwt_secret = secret
        for take in self._takers:
            take(secret, values.get(PREVIOUS_JWT_SECRET))
        return True

    def _hear(self, payload: dict[str, Any]) -> None:
        if payload.get("version", "") != self._version:
            self._looked = float("-inf")
            self._wake.set()

    async def _run(self) -> None:
        while True:
            await self.look()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.refresh_seconds):
                    await self._wake.wait()
            self._wake.clear()
