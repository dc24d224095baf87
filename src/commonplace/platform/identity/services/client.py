"""Asks the auth service. A question is answered within seconds, or refused: nobody is let in unasked."""

import asyncio
import itertools
from collections.abc import Sequence
from typing import Final, TypeVar

import httpx
import msgspec
import structlog

from commonplace.platform.identity.errors import AccountsUnavailable
from commonplace.platform.identity.services.signature import HEADER, ServiceKey

ANSWER_WITHIN_SECONDS: Final = 4.0  #: with all tries
_CONNECT_SECONDS: Final = 1.0
_READ_SECONDS: Final = 2.0
_TRIES: Final = 4
_PAUSE_SECONDS: Final = 0.05  # before a try after the first round: a process that restarts needs a moment
_CONNECTIONS: Final = 20
_OK: Final = 200
_log = structlog.get_logger(__name__)
T = TypeVar("T")


class AccountsClient:
    """Asks the processes of the auth service, one after another until one answers.

    All questions are reads, so one whose connection broke is simply asked again. A name is resolved at each new
    connection, and every address it has is tried; so processes may come and go behind it.
    """

    def __init__(
        self, urls: Sequence[str], key: ServiceKey, *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        """With the addresses of the service (`http://accounts:8000`); nothing is connected yet."""
        self._urls = [url.rstrip("/") for url in urls]
        self._turns = itertools.cycle(range(len(self._urls)))
        self._key = key
        self._transport = transport
        self._http: httpx.AsyncClient | None = None

    async def ask(self, path: str, question: msgspec.Struct | None, answer: type[T]) -> T:
        """The answer to a question at `path`; GET without one.

        Raises:
            AccountsUnavailable: nobody answered in time, or not as an auth service of this installation does.
        """
        method, body = ("GET", b"") if question is None else ("POST", msgspec.json.encode(question))
        try:
            async with asyncio.timeout(ANSWER_WITHIN_SECONDS):
                content = await self._asked(method, path, body)
            return msgspec.json.decode(content, type=answer)
        except TimeoutError as error:
            raise AccountsUnavailable from error
        except msgspec.DecodeError as error:
            _log.warning("accounts.answered_otherwise", path=path)
            raise AccountsUnavailable from error

    async def check(self) -> None:
        """Whether a process of the service answers, for `/health`.

        Raises:
            AccountsUnavailable: none does.
        """
        try:
            async with asyncio.timeout(ANSWER_WITHIN_SECONDS):
                await self._asked("GET", "/health/live", b"")
        except TimeoutError as error:
            raise AccountsUnavailable from error

    async def close(self) -> None:
        """Close the connections."""
        http, self._http = self._http, None
        if http is not None:
            await http.aclose()

    async def _asked(self, method: str, path: str, body: bytes) -> bytes:
        reason = ""
        first = next(self._turns)  # each question begins at the next address: the load is shared
        for turn in range(max(_TRIES, len(self._urls))):
            if turn >= len(self._urls):
                await asyncio.sleep(_PAUSE_SECONDS)
            url = self._urls[(first + turn) % len(self._urls)]
            headers = {HEADER: self._key.sign(method, path, body), "Content-Type": "application/json"}
            try:
                response = await self._client().request(method, url + path, content=body or None, headers=headers)
            except httpx.TransportError as error:
                reason = repr(error)
                continue
            if response.status_code == _OK:
                return response.content
            reason = f"status {response.status_code}"
        _log.warning("accounts.unreachable", path=path, reason=reason)
        raise AccountsUnavailable

    def _client(self) -> httpx.AsyncClient:
        if self._http is None:
            self._http = httpx.AsyncClient(
                timeout=httpx.Timeout(_READ_SECONDS, connect=_CONNECT_SECONDS),
                limits=httpx.Limits(max_connections=_CONNECTIONS, keepalive_expiry=5.0),
                transport=self._transport,
                trust_env=False,
                follow_redirects=False,
            )
        return self._http
