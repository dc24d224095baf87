"""What several processes remember together for seconds, in Valkey. It is a help and never the truth."""

from collections.abc import Mapping, Sequence
from typing import Final

from commonplace.platform.valkey.client import Valkey, ValkeyAway

MOST_KEYS: Final = 1000  #: in one question


class SharedCache:
    """A part where there is a Valkey. While that is away nothing is found, and nothing is kept."""

    def __init__(self, valkey: Valkey) -> None:
        self._valkey = valkey

    async def get(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """What is remembered of these keys, `MOST_KEYS` at most."""
        if not keys:
            return {}
        try:
            values = await self._valkey.run("MGET", *(self._name(key) for key in keys))
        except ValkeyAway:
            return {}
        return {key: value for key, value in zip(keys, values, strict=True) if value is not None}

    async def put(self, values: Mapping[str, bytes], seconds: float) -> None:
        """Remember these for some seconds."""
        try:
            for key, value in values.items():
                await self._valkey.run("SET", self._name(key), value, "PX", round(seconds * 1000))
        except ValkeyAway:
            return

    async def forget(self, keys: Sequence[str]) -> None:
        """Remember these no more."""
        if keys:
            try:
                await self._valkey.run("DEL", *(self._name(key) for key in keys))
            except ValkeyAway:
                return

    def _name(self, key: str) -> str:
        return f"{self._valkey.prefix}cache:{key}"
