"""The connection to a Valkey (or Redis) server that all processes of an installation have: `VALKEY_URL`.

Nothing is kept there that matters for longer than a window or a wake-up. While the server is away everything goes on,
with less shared; whoever uses it says how.
"""

import hashlib
from typing import TYPE_CHECKING, Any, Final, cast

import structlog

if TYPE_CHECKING:
    from redis.asyncio import Redis

TIMEOUT_SECONDS: Final = 1.0  #: for a connection, and for an answer
_CONNECTIONS: Final = 10
_SCHEMES: Final = {"valkey://": "redis://", "valkeys://": "rediss://"}  # the same protocol under its other names
_log = structlog.get_logger(__name__)


class ValkeyAway(Exception):
    """The server cannot be reached, or refused the command."""


class Valkey:
    """A part: lazily connected, so a process that never counts or waits opens no connection."""

    def __init__(self, url: str, *, installation: bytes) -> None:
        """With the server's address, and what only this installation knows: several may share one server."""
        scheme, separator, rest = url.partition("://")
        self._url = _SCHEMES.get(scheme + separator, scheme + separator) + rest
        self.prefix = f"commonplace:{hashlib.blake2b(installation, digest_size=8, person=b'valkey').hexdigest()}:"
        self._redis: Redis | None = None
        self._is_away = False

    @property
    def redis(self) -> "Redis":
        """The client, which connects by itself. Prefer `run`, which tells how it failed."""
        if self._redis is None:
            from redis.asyncio import Redis  # noqa: PLC0415 - a fifth of a second, only where it is used
            from redis.asyncio.retry import Retry  # noqa: PLC0415
            from redis.backoff import NoBackoff  # noqa: PLC0415

            self._redis = Redis.from_url(
                self._url,
                socket_timeout=TIMEOUT_SECONDS,
                socket_connect_timeout=TIMEOUT_SECONDS,
                max_connections=_CONNECTIONS,
                retry=Retry(NoBackoff(), 1),  # once more: a connection that was idle may be gone
            )
        return self._redis

    async def run(self, command: str, *arguments: Any) -> Any:
        """What the server answers to one command.

        Raises:
            ValkeyAway: it cannot be reached, or refuses.
        """
        from redis.exceptions import RedisError  # noqa: PLC0415 - loaded with the client

        try:
            answer = await cast("Any", self.redis).execute_command(command, *arguments)
        except (RedisError, OSError, TimeoutError) as error:
            self.tell(is_away=True, reason=repr(error))
            raise ValkeyAway(f"cannot be reached: {error}.") from error
        self.tell(is_away=False)
        return answer

    def tell(self, *, is_away: bool, reason: str = "") -> None:
        """Log when the server goes, and when it comes back."""
        if is_away and not self._is_away:
            _log.warning("valkey.away", reason=reason)
        elif self._is_away and not is_away:
            _log.info("valkey.back")
        self._is_away = is_away

    async def check(self) -> None:
        """Whether it answers, for `/health`.

        Raises:
            ValkeyAway: it does not.
        """
        await self.run("PING")

    async def close(self) -> None:
        """Close the connections."""
        redis, self._redis = self._redis, None
        if redis is not None:
            await redis.aclose()
