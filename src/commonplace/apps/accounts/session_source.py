"""The sessions as `Identity` asks for them."""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from commonplace.apps.accounts import queries, token_queries
from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database
from commonplace.platform.identity.verifier import LiveSession

_USE_IS_NOTED_EVERY: Final = timedelta(minutes=1)


class StoredSessions:
    """A `SessionSource` over `accounts.session`. A read also notes the session's use, once a minute at most."""

    def __init__(self, *, database: Database, idle_days: int, clock: Callable[[], float]) -> None:
        self._database = database
        self._idle = timedelta(days=idle_days)
        self._clock = clock

    async def live_session(self, session_id: UUID) -> LiveSession | None:
        """The session of this id; None when it has ended or never was."""
        return await self._read(queries.LIVE_SESSION, session_id=session_id)

    async def is_live(self, session_id: UUID) -> bool:
        """Whether the session has neither ended nor expired; it is not noted as used."""
        async with self._database.reading() as session:
            return await session.first(queries.LIVE_SESSION, session_id=session_id, now=self._now) is not None

    async def live_session_of_cookie(self, digest: bytes) -> LiveSession | None:
        """The session of this cookie; None when it has ended or never was."""
        return await self._read(queries.LIVE_SESSION_OF_COOKIE, digest=digest)

    async def live_api_token(self, digest: bytes) -> LiveSession | None:
        """The API token with this digest; None when it was revoked, has expired or never was. It is a user's always."""
        now = self._now
        async with self._database.reading() as session:
            row = await session.first(token_queries.LIVE_TOKEN, digest=digest, now=now)
        if row is None:
            return None
        noted_before = now - _USE_IS_NOTED_EVERY
        if row.last_used_at is None or row.last_used_at < noted_before:
            async with self._database.writing() as session:
                await session.execute(token_queries.USE_TOKEN, token_id=row.id, now=now, noted_before=noted_before)
        return LiveSession(
            session_id=row.id,
            person_id=row.person_id,
            role="user",
            expires_at=math.inf if row.expires_at is None else row.expires_at.timestamp(),
            scopes=frozenset(row.scopes),
        )

    async def _read(self, query: Query, **which: Any) -> LiveSession | None:
        now = self._now
        async with self._database.reading() as session:
            row = await session.first(query, **which, now=now)
        if row is None:
            return None
        if now - row.last_used_at > _USE_IS_NOTED_EVERY:
            async with self._database.writing() as session:
                await session.execute(queries.USE_SESSION, session_id=row.id, now=now, idle_end=now + self._idle)
        return LiveSession(
            session_id=row.id,
            person_id=row.person_id,
            role=row.role,
            expires_at=row.expires_at.timestamp(),
            may_only_enrol=row.may_only_enrol,
        )

    @property
    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)
