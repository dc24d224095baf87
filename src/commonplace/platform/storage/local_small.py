"""Small objects, written in groups.

Making one small file durable costs two waits for the disk; a group costs hardly more. So what arrives while a group is
being written waits and goes with the next one. Nobody waits for company: an object that comes alone is written alone.
"""

import asyncio
from collections import deque
from collections.abc import Sequence

from commonplace.platform.storage.local_disk import LocalDisk, NewObject
from commonplace.platform.storage.protocol import Stored

GROUPS = 2  # written at a time: one waits for the disk while the other prepares its files
GROUP_LIMIT = 64  # objects; of less than 256 kB each


class SmallWrites:
    """Collects small objects on the event loop and has them written by threads."""

    def __init__(self, disk: LocalDisk) -> None:
        self._disk = disk
        self._waiting: deque[tuple[NewObject, asyncio.Future[Stored]]] = deque()
        self._workers: set[asyncio.Task[None]] = set()

    async def put(self, new: NewObject) -> Stored:
        """Write one object; durable on return. A caller that is cancelled leaves a whole object, or none."""
        (future,) = self._enqueue([new])
        return await future

    async def put_many(self, objects: Sequence[NewObject]) -> list[Stored]:
        """Write all of them; the first error is raised after all were tried."""
        outcomes = await asyncio.gather(*self._enqueue(objects), return_exceptions=True)
        stored = []
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
            stored.append(outcome)
        return stored

    async def finish(self) -> None:
        """Wait until nothing is being written."""
        await asyncio.gather(*self._workers)

    def _enqueue(self, objects: Sequence[NewObject]) -> list[asyncio.Future[Stored]]:
        loop = asyncio.get_running_loop()
        futures: list[asyncio.Future[Stored]] = [loop.create_future() for _ in objects]
        self._waiting.extend(zip(objects, futures, strict=True))
        if len(self._workers) < GROUPS:
            worker = loop.create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)
        return futures

    async def _work(self) -> None:
        while self._waiting:
            group = [self._waiting.popleft() for _ in range(min(len(self._waiting), GROUP_LIMIT))]
            group = [(new, future) for new, future in group if not future.cancelled()]
            try:
                written = self._disk.run(self._disk.put_batch, [new for new, _ in group])
                (answer,) = await asyncio.gather(written, return_exceptions=True)
                # An exception here is a defect; each caller gets it.
                outcomes: Sequence[Stored | BaseException] = (
                    [answer] * len(group) if isinstance(answer, BaseException) else answer
                )
                for (_, future), outcome in zip(group, outcomes, strict=True):
                    _settle(future, outcome)
            finally:
                for _, future in group:
                    future.cancel()  # Nothing, unless this worker was cancelled itself.


def _settle(future: asyncio.Future[Stored], outcome: Stored | BaseException) -> None:
    if future.done():
        return  # Its caller was cancelled.
    if isinstance(outcome, BaseException):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
