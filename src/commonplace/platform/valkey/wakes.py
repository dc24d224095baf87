"""Wake-ups over Valkey: "there is something new" costs the database nothing then.

A NOTIFY takes a lock that every commit with one shares. What says that a session ended does not go this way: that has
to be known everywhere before it is answered, by all whom the database still answers.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from commonplace.platform.valkey.client import Valkey, ValkeyAway

_RECONNECT_SECONDS: Final = 0.5
_LISTEN_SECONDS: Final = 5.0  # then the server is asked whether it is still there


class ValkeyWakes:
    """A `WakeCarrier` of the bus."""

    def __init__(self, valkey: Valkey) -> None:
        self._valkey = valkey
        self._topic = f"{valkey.prefix}wakes"
        self._listening: asyncio.Task[None] | None = None

    async def start(self, heard: Callable[[str | None], None]) -> None:
        """Call `heard(channel)` for each wake-up; with None after a break: some may be lost."""
        if self._listening is None:
            self._listening = asyncio.create_task(self._keep_listening(heard))

    async def tell(self, channel: str) -> bool:
        """Wake every process that listens; False when the server is away."""
        try:
            await self._valkey.run("PUBLISH", self._topic, channel)
        except ValkeyAway:
            return False
        return True

    async def close(self) -> None:
        """Stop listening."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait({self._listening})
            self._listening = None

    async def _keep_listening(self, heard: Callable[[str | None], None]) -> None:
        from redis.exceptions import RedisError  # noqa: PLC0415 - loaded with the client

        while True:
            try:
                async with self._valkey.redis.pubsub() as listener:
                    await listener.subscribe(self._topic)
                    heard(None)
                    self._valkey.tell(is_away=False)
                    while True:
                        await self._hear(listener, heard)
            except (RedisError, OSError, TimeoutError) as error:
                self._valkey.tell(is_away=True, reason=repr(error))
                await asyncio.sleep(_RECONNECT_SECONDS)

    async def _hear(self, listener: Any, heard: Callable[[str | None], None]) -> None:
        message = await listener.get_message(ignore_subscribe_messages=True, timeout=_LISTEN_SECONDS)
        if message is None:
            await listener.ping()
        elif message["type"] == "message":
            heard(message["data"].decode())
