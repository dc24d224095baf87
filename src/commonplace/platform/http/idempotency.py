"""`Idempotency-Key`: a request that is repeated with the same key happens once.

The first answer is stored in the transaction that makes the change, so neither can exist without the other. The same
key and request then give the first answer again (`Idempotent-Replayed: true`); another request under the key is 422,
and one whose first try is still running is 409. Keys are the caller's own and are kept for a day. Answers that are
errors are not kept: nothing happened, so the request may be repeated.
(After draft-ietf-httpapi-idempotency-key-header.)
"""

import hashlib
import hmac
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import Response

from commonplace.platform.database.bus import Bus
from commonplace.platform.database.query import Query
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database, ReadSession
from commonplace.platform.errors import BadRequest, Conflict, Problem
from commonplace.platform.parts import Parts

LONGEST_KEY: Final = 255
_STATE: Final = "commonplace.idempotency"
_KEPT_HEADERS: Final = ("content-type", "etag", "location")


class MalformedIdempotencyKey(BadRequest):
    """A key that is empty, too long, or not printable ASCII."""

    def __init__(self) -> None:
        super().__init__(f"`Idempotency-Key` must be 1 to {LONGEST_KEY} printable ASCII characters.")


class IdempotencyKeyReused(Problem):
    """The key belongs to another request."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self) -> None:
        super().__init__("This `Idempotency-Key` was used for a different request. Use a new key for a new request.")


class StillRunning(Conflict):
    """The first request with this key has not ended."""

    def __init__(self) -> None:
        super().__init__("The first request with this `Idempotency-Key` is still running.", retry_after_seconds=1)


# A claim whose process is gone (its bus connection ended) is free; so is one whose lease is over.
_CLAIM = Query(
    text("""
    INSERT INTO platform.idempotency AS held (caller_id, key, operation, process, lease_until)
    VALUES (:caller_id, :key, :operation, CAST(:process AS text), clock_timestamp() + interval '1 hour')
    ON CONFLICT (caller_id, key) DO UPDATE SET
        operation = excluded.operation, process = excluded.process, lease_until = excluded.lease_until,
        created_at = clock_timestamp()
    WHERE held.status IS NULL AND (held.lease_until < clock_timestamp() OR held.process IS NOT NULL AND NOT EXISTS (
        SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = held.process))
    """)
)
_FIND = Query(
    text("""
    SELECT operation, fingerprint, status, headers, body FROM platform.idempotency
    WHERE caller_id = :caller_id AND key = :key
    """)
)
_FINISH = Query(
    text("""
    UPDATE platform.idempotency SET
        fingerprint = :fingerprint, status = :status, headers = :headers, body = :body, lease_until = NULL
    WHERE caller_id = :caller_id AND key = :key
    """)
)
_GIVE_UP = Query(
    text("DELETE FROM platform.idempotency WHERE caller_id = :caller_id AND key = :key AND status IS NULL")
)
FORGET = Query(text("DELETE FROM platform.idempotency WHERE created_at < clock_timestamp() - interval '1 day'"))


class Attempt:
    """One request with a key, from its claim to its stored answer."""

    def __init__(self, parts: Parts, caller_id: UUID, key: str, operation: str) -> None:
        self._parts = parts
        self._caller_id = caller_id
        self._key = key
        self._operation = operation
        self._earlier: Row | None = None
        self.fingerprint: bytes | None = None  #: SHA-256 of the request's content; a streaming route sets it at the end

    @property
    def is_repetition(self) -> bool:
        """Whether the first answer is known: the request's content is then only compared, nothing happens."""
        return self._earlier is not None

    async def claim(self) -> None:
        """Take the key, or find the answer that it got before.

        Raises:
            StillRunning: another request holds it.
            IdempotencyKeyReused: it was used for another method or path.
        """
        async with self._parts[Database].reading() as session:
            if await session.execute(
                _CLAIM, **self._who, operation=self._operation, process=self._parts[Bus].application_name
            ):
                return
            earlier = await session.first(_FIND, **self._who)
        if earlier is None or earlier.status is None:
            raise StillRunning
        if earlier.operation != self._operation:
            raise IdempotencyKeyReused
        self._earlier = earlier

    def replay(self) -> Response:
        """The first answer.

        Raises:
            IdempotencyKeyReused: the content differs from that of the first request.
        """
        earlier = self._earlier
        if earlier is None or not hmac.compare_digest(earlier.fingerprint or b"", self.fingerprint or b""):
            raise IdempotencyKeyReused
        headers = {**earlier.headers, "Idempotent-Replayed": "true"}
        return Response(earlier.body, status_code=earlier.status, headers=headers)

    async def finish(self, session: ReadSession, response: Response) -> None:
        """Store the answer in the transaction that made the change."""
        headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
        await session.execute(
            _FINISH,
            **self._who,
            fingerprint=self.fingerprint,
            status=response.status_code,
            headers=headers,
            body=bytes(response.body),
        )

    async def give_up(self) -> None:
        """Nothing happened; the key is free again."""
        async with self._parts[Database].reading() as session:
            await session.execute(_GIVE_UP, **self._who)

    @property
    def _who(self) -> dict[str, Any]:
        return {"caller_id": self._caller_id, "key": self._key}


def key_of(request: Request) -> str | None:
    """The request's key, if it has one.

    Raises:
        MalformedIdempotencyKey: it is not one.
    """
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not 0 < len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise MalformedIdempotencyKey
    return key


def remember(request: Request, attempt: Attempt) -> None:
    """Let the route find its attempt with `attempt_of`."""
    request.scope[_STATE] = attempt


def attempt_of(request: Request) -> Attempt | None:
    """The attempt of a request that came with a key."""
    attempt: Attempt | None = request.scope.get(_STATE)
    return attempt


async def fingerprint_of(request: Request) -> bytes:
    """SHA-256 over the query, the content type and the body."""
    digest = hashlib.sha256(request.url.query.encode())
    digest.update(b"\0" + request.headers.get("content-type", "").encode() + b"\0")
    digest.update(await request.body())
    return digest.digest()
