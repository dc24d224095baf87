"""How many requests are let in: at once, a second, and from one address.

Told exactly: the counts of requests in a time are those of all processes of one machine (`shared_windows`), and what
other machines counted up to a quarter of a second ago (`shared_rates`). Requests that are refused are not counted.
Counts at once are of one process.
"""

import ipaddress
import time
from collections.abc import Callable
from math import ceil
from pathlib import Path

from commonplace.platform.errors import Problem
from commonplace.platform.http.context import is_loopback
from commonplace.platform.http.refusals import Overloaded, TooManyRequests
from commonplace.platform.http.settings import LimitsSettings
from commonplace.platform.http.shared_rates import NEAR, SharedRates
from commonplace.platform.http.shared_windows import SharedWindows, Window

_SECOND = 1.0
_EVERYBODY = ""  # the key of the count of all requests; no address is empty


class RequestLimits:
    """Limits of requests in a time."""

    def __init__(
        self,
        settings: LimitsSettings,
        *,
        exempt_loopback: bool,
        directory: Path | None,
        rates: SharedRates | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_second = settings.requests_per_second
        self._per_address = settings.requests_per_address
        self._window_seconds = settings.address_window_seconds
        self._exempt_loopback = exempt_loopback
        self._windows = SharedWindows(directory, clock=clock)
        self._rates = rates
        self._networks: dict[str, str] = {}

    def refusal(self, address: str) -> Problem | None:
        """Count a request from `address`, or say why it is refused."""
        if self._exempt_loopback and is_loopback(address):
            return None
        of_address = of_all = None
        if self._per_address:
            client = self._client(address)
            of_address = self._windows.address(client, self._window_seconds)
            wait = self._wait(of_address, client, self._per_address, self._window_seconds)
            if wait:
                return TooManyRequests(
                    limit="address",
                    requests=self._per_address,
                    window_seconds=self._window_seconds,
                    retry_after_seconds=wait,
                )
        if self._per_second:
            of_all = self._windows.total(_SECOND)
            wait = self._wait(of_all, _EVERYBODY, self._per_second, _SECOND)
            if wait:
                return TooManyRequests(
                    limit="installation", requests=self._per_second, window_seconds=1, retry_after_seconds=wait
                )
            of_all.count()
        if of_address is not None:
            of_address.count()
        return None

    def _wait(self, window: Window, key: str, limit: int, window_seconds: float) -> int:
        """0 when one more is within `limit`, with what other machines counted; else after how many seconds it will."""
        rates = self._rates
        if rates is None:
            return window.seconds_until_free(limit, window_seconds)
        others = rates.others(key)
        if others >= limit:
            wait = max(1, ceil(window_seconds * (1 - (limit - 1) / others)))
        else:
            wait = window.seconds_until_free(limit - round(others), window_seconds)
        if window.sliding >= limit * NEAR:
            rates.machine = rates.machine or self._windows.machine
            rates.tell(key, window.sliding if wait else window.sliding + 1, window_seconds)
        return wait

    def close(self) -> None:
        """Let go of the shared table."""
        self._windows.close()

    def _client(self, address: str) -> str:
        """Who counts as one client: an IPv4 address, or the /64 network of an IPv6 one, which one person has whole."""
        if ":" not in address:
            return address
        known = self._networks.get(address)
        if known is None:
            known = _network_of(address)
            if len(self._networks) > 10_000:  # noqa: PLR2004 - so that strangers cannot fill the memory
                self._networks.clear()
            self._networks[address] = known
        return known


class InFlight:
    """How much one process works on at once."""

    def __init__(self, settings: LimitsSettings) -> None:
        self.requests = 0
        self.streams = 0
        self.websockets = 0
        self._settings = settings

    def refusal(self, *, is_stream: bool) -> Problem | None:
        """Why no further request is let in; None when there is room."""
        if is_stream:
            limit = self._settings.streams_in_flight
            return Overloaded("uploads and downloads", limit) if self.streams >= limit else None
        limit = self._settings.requests_in_flight
        return Overloaded("requests", limit) if self.requests >= limit else None

    def websocket_refusal(self) -> Problem | None:
        """Why a WebSocket that is already counted is not let in; None when there is room."""
        limit = self._settings.websockets
        return Overloaded("live connections", limit) if self.websockets > limit else None


def _network_of(address: str) -> str:
    try:
        parsed = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((parsed, 64), strict=False))
