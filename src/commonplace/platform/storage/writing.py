"""What every writer of an object does alike: it is committed or aborted, once, and nothing is left of a failure."""

import asyncio
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from commonplace.platform.storage.protocol import Stored


class Writing(ABC):
    """The end of an `ObjectWriter`: a storage adds how its bytes are finished and how they are discarded."""

    _is_open = True

    async def commit(self) -> Stored:
        """Make the object appear; see the protocol."""
        self._require_open()
        try:
            stored = await self._finish()
        except BaseException:
            await self.abort()
            raise
        self._is_open = False
        return stored

    async def abort(self) -> None:
        """Forget the object; see the protocol."""
        if self._is_open:
            self._is_open = False
            # Shielded: whoever cancels an upload twice must not leave anything behind.
            await asyncio.shield(self._discard())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.abort()

    def _require_open(self) -> None:
        if not self._is_open:
            raise ValueError("The writer was committed or aborted already.")

    @abstractmethod
    async def _finish(self) -> Stored:
        """Write what is held, and let the object appear."""

    @abstractmethod
    async def _discard(self) -> None:
        """Let go of what is held and of what was written."""
