"""Asking an issuer: over HTTPS, for a few seconds, and never for more than a megabyte."""

import json
import ssl
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import httpx

_TIMEOUT: Final = httpx.Timeout(6.0, connect=3.0)
_LARGEST_ANSWER: Final = 1_048_576  # bytes; what issuers say of themselves has about 5,000


@cache
def _trusted() -> ssl.SSLContext:
    """Whom TLS trusts: read once a process, for it takes a tenth of a second."""
    return httpx.create_ssl_context()


class AnswerUnusable(Exception):
    """There is no answer, or none that can be read. `status` is 0 where none came."""

    def __init__(self, why: str, *, status: int = 0, error: str | None = None) -> None:
        super().__init__(why)
        self.status = status
        self.error = error  #: as OAuth names it, where the answer does: `invalid_grant`


class Web:
    """Answers of issuers as JSON. Redirects are not followed: nobody but the issuer itself is to be asked."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """`transport` stands in the place of the network."""
        self.transport = transport

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The object at this address.

        Raises:
            AnswerUnusable: there is none.
        """
        return await self._ask("GET", url, headers=headers)

    async def post(
        self,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        basic: tuple[str, str] | None = None,
    ) -> dict[str, Any]:
        """The object that is answered to a form, or to `content`.

        Raises:
            AnswerUnusable: there is none; also for every status but 200.
        """
        return await self._ask("POST", url, headers=headers, data=form, content=content, auth=basic)

    async def _ask(self, method: str, url: str, **what: Any) -> dict[str, Any]:
        body = b""
        try:
            async with (
                httpx.AsyncClient(transport=self.transport, timeout=_TIMEOUT, verify=_trusted()) as client,
                client.stream(method, url, **what) as answer,
            ):
                async for piece in answer.aiter_bytes():
                    body += piece
                    if len(body) > _LARGEST_ANSWER:
                        raise AnswerUnusable("the answer is too long", status=answer.status_code)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise AnswerUnusable(type(error).__name__) from error
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            document = None
        if answer.status_code != httpx.codes.OK:
            named = document.get("error") if isinstance(document, dict) else None
            raise AnswerUnusable(
                f"status {answer.status_code}",
                status=answer.status_code,
                error=named if isinstance(named, str) else None,
            )
        if not isinstance(document, dict):
            raise AnswerUnusable("the answer is no JSON object", status=answer.status_code)
        return document
