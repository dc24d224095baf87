"""What other machines counted, so that limits hold for all of them together.

Processes of one machine count exactly, in shared memory (`shared_windows`). Machines tell each other four times a
second what they counted, of whatever comes near a limit; what the others counted is then part of every count. So an
installation of `n` machines lets in no more than its limit and what comes within a quarter of a second. One that is far
from every limit tells nothing. While the exchange is away each machine counts for itself.
"""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final, Protocol

import structlog

EXCHANGE_SECONDS: Final = 0.25
NEAR: Final = 0.1  #: a count is told from this part of its limit on
_AWAY_SECONDS: Final = 1.0  # after a failure
_MOST_KEYS: Final = 1000  # in one exchange; further ones wait for the next
_log = structlog.get_logger(__name__)


class RateExchange(Protocol):
    """Where machines meet: Valkey or PostgreSQL."""

    async def exchange(self, machine: bytes, counts: Mapping[bytes, tuple[float, float]]) -> Mapping[bytes, float]:
        """Tell this machine's counts, each with its window's seconds; for each key what all others counted together.

        What was told counts for less as time goes by, and for nothing after its window.
        """


class SharedRates:
    """A part: the counts of the other machines, as of a moment ago."""

    def __init__(self, exchange: RateExchange, *, secret: bytes, clock: Callable[[], float] = time.monotonic) -> None:
        """Keys are told as keyed hashes: addresses of clients stand nowhere."""
        self.machine: bytes | None = None  #: whose counts these are; processes of one machine have the same
        self._exchange = exchange
        self._secret = hashlib.blake2b(secret, digest_size=32, person=b"request rates").digest()
        self._clock = clock
        self._mine: dict[str, tuple[float, float]] = {}
        self._others: dict[str, tuple[float, float, float]] = {}  # count, window's seconds, when it was told
        self._is_away = False

    def others(self, key: str) -> float:
        """What the other machines counted under `key` within its window, as far as is known."""
        told = self._others.get(key)
        if told is None:
            return 0.0
        counted, window_seconds, at = told
        return max(0.0, counted * (1 - (self._clock() - at) / window_seconds))

    def tell(self, key: str, counted: float, window_seconds: float) -> None:
        """Have the others know, with the next exchange, what this machine counted under `key`."""
        self._mine[key] = (counted, window_seconds)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Exchange counts until the block ends."""
        task = asyncio.create_task(self._keep_exchanging())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def exchange_once(self) -> None:
        """Tell what there is to tell, and learn the others' counts of the same keys; alone when that fails."""
        told = {key: self._mine.pop(key) for key in list(self._mine)[:_MOST_KEYS]}
        if not told or self.machine is None:
            return
        hidden = {hashlib.blake2b(key.encode(), key=self._secret, digest_size=16).digest(): key for key in told}
        try:
            answer = await self._exchange.exchange(self.machine, {name: told[key] for name, key in hidden.items()})
        except Exception as error:  # noqa: BLE001 - whatever is wrong there, requests are counted here
            if not self._is_away:
                _log.warning("limits.counted_by_machine", reason=repr(error))
            self._is_away = True
            self._others.clear()
            return
        self._is_away = False
        now = self._clock()
        self._others = {key: told for key, told in self._others.items() if now - told[2] < told[1]}
        for name, counted in answer.items():
            key = hidden[name]
            self._others[key] = (counted, told[key][1], now)

    async def _keep_exchanging(self) -> None:
        while True:
            await asyncio.sleep(_AWAY_SECONDS if self._is_away else EXCHANGE_SECONDS)
            await self.exchange_once()
