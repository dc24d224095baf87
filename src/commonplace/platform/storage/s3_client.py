"""Signed requests to one bucket, with bounded time and bounded retries: what obstore has no call for."""

import asyncio
import contextlib
import hashlib
import random
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta

import httpx
import structlog

from commonplace.platform.storage.credentials import CredentialSource
from commonplace.platform.storage.errors import StorageUnavailable
from commonplace.platform.storage.sigv4 import Signer

FIRST_PAUSE_SECONDS = 0.2  # before the second attempt; doubled for each further one
CONNECT_TIMEOUT_SECONDS = 5.0
PIECE = 256 * 1024  # bytes of a body that are written at a time
_EMPTY_SHA256 = hashlib.sha256().hexdigest()
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})

log = structlog.get_logger(__name__)


class S3Client:
    """Requests to a bucket.

    Args:
        bucket_url: The bucket's address, without a slash at the end.
        public_url: The same as browsers reach it; what is signed for them contains it.
        region: The bucket's region.
        credentials: Where credentials come from.
        timeout_seconds: How long one attempt may take.
        max_attempts: How often a request is tried.
    """

    def __init__(
        self,
        *,
        bucket_url: str,
        public_url: str,
        region: str,
        credentials: CredentialSource,
        timeout_seconds: float,
        max_attempts: int,
    ) -> None:
        self._bucket_url = bucket_url
        self._public_url = public_url
        self._region = region
        self._credentials = credentials
        self._timeout_seconds = timeout_seconds
        self._max_attempts = max_attempts
        self._http: httpx.AsyncClient | None = None  # made when it is needed: most requests go through obstore

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()

    async def send(
        self,
        method: str,
        key: str = "",
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        body_sha256: str = "",
        max_attempts: int | None = None,
        timeout_seconds: float | None = None,
    ) -> httpx.Response:
        """The answer to a request about an object, or about the bucket; also one of 404, 409 or 412.

        `body_sha256` is the hexadecimal digest of `body`; it may be left out where there is no body. `max_attempts` and
        `timeout_seconds` (of one attempt) can only be less than the client's own.

        Raises:
            StorageUnavailable: no usable answer came in all attempts, or the bucket refuses us.
        """
        attempts = max_attempts or self._max_attempts
        for attempt in range(1, attempts + 1):
            if attempt > 1:
                await asyncio.sleep(FIRST_PAUSE_SECONDS * 2 ** (attempt - 2) * random.uniform(0.5, 1.5))  # noqa: S311
            answer = None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_seconds):
                    answer = await self._attempt(
                        method, key, query or {}, headers or {}, body, body_sha256 or _EMPTY_SHA256
                    )
            if answer is not None and answer.status_code not in _AGAIN:
                break
        else:
            raise StorageUnavailable("The bucket does not answer; try again in a moment.")
        if answer.status_code in (401, 403):
            raise refused(answer.text)
        return answer

    async def sign(
        self,
        method: str,
        key: str,
        *,
        lifetime: timedelta,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """A URL for a request that others make."""
        signer = Signer(await self._credentials.get(), self._region)
        return signer.url(
            method,
            f"{self._public_url}/{key}",
            query=query or {},
            headers=headers or {},
            lifetime=lifetime,
            now=datetime.now(UTC),
        )

    async def _attempt(
        self, method: str, key: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes, body_sha256: str
    ) -> httpx.Response | None:
        """The answer, if one came in time."""
        signer = Signer(await self._credentials.get(), self._region)
        url = f"{self._bucket_url}/{key}" if key else self._bucket_url
        signed = signer.headers(
            method, url, query=query, headers=headers, payload_sha256=body_sha256, now=datetime.now(UTC)
        )
        if self._http is None:
            connect_seconds = min(self._timeout_seconds, CONNECT_TIMEOUT_SECONDS)
            self._http = httpx.AsyncClient(timeout=httpx.Timeout(self._timeout_seconds, connect=connect_seconds))
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await self._http.request(
                    method,
                    url,
                    params=dict(query),
                    headers={**signed, "content-length": str(len(body))},
                    content=_pieces(body) if len(body) > PIECE else body,
                )
        except (httpx.TransportError, TimeoutError) as error:
            log.warning("storage.s3_attempt_failed", method=method, error=type(error).__name__)
            return None


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    """The body bit by bit: handed over as one, it would be copied twice on its way to the socket."""
    for start in range(0, len(body), PIECE):
        yield body[start : start + PIECE]


def refused(answer: str) -> StorageUnavailable:
    """The problem of credentials that are wrong, or not enough. What exactly, the log says: it may name the key id."""
    log.error("storage.s3_refused", answer=answer[:500])
    return StorageUnavailable("The bucket refuses our credentials; the administrator has to check them.")
