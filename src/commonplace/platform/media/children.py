"""One process that reads foreign files, as the server sees it: started, given a job, listened to, ended."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Sequence
from typing import Final

import msgspec

from commonplace.platform.media.wire import LENGTH, MAX_MESSAGE_BYTES, AnyJob, Limits, Outcome, framed

#: All that a child gets of the environment: the rest holds secrets and is none of its business.
_ENVIRONMENT: Final = ("PATH", "HOME", "LANG", "LC_", "TMPDIR", "LD_LIBRARY_PATH", "PYTHON", "COVERAGE_")
_LAST_WORDS_BYTES: Final = 2000
_ENDING_SECONDS: Final = 5.0


class ChildDied(Exception):
    """The process ended, or stopped making sense, before it answered."""

    def __init__(self, exit_code: int | None, last_words: str) -> None:
        super().__init__(f"exit code {exit_code}")
        self.exit_code = exit_code
        self.last_words = last_words

    def outcome(self) -> Outcome:
        """What it means for the file under work."""
        if self.exit_code == -signal.SIGXCPU:
            return Outcome(code="timeout", text="Reading it took more processor time than the limit allows.")
        if "failed to allocate" in self.last_words or "MemoryError" in self.last_words:
            return Outcome(code="too_much_memory", text="Decoding takes more memory than the limit allows.")
        how = f"exit code {self.exit_code}"
        if self.exit_code is not None and self.exit_code < 0:
            how = signal.strsignal(-self.exit_code) or f"signal {-self.exit_code}"
        return Outcome(code="crashed", text=f"The program that reads files crashed on this one, twice ({how}).")


class Child:
    """One running process; used for one job at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._last_words = b""
        self._listening = asyncio.create_task(self._listen())
        self.jobs = 0
        self.retirement: asyncio.TimerHandle | None = None

    @classmethod
    async def start(cls, command: Sequence[str], limits: Limits) -> "Child":
        """Start a process.

        Raises:
            OSError: the system has no process or no memory to give.
        """
        environment = {name: value for name, value in os.environ.items() if name.startswith(_ENVIRONMENT)}
        environment["MALLOC_ARENA_MAX"] = "2"  # glibc would reserve 64 MB of the addresses it may have for each thread
        pipe = asyncio.subprocess.PIPE
        arguments = (*command, msgspec.json.encode(limits).decode())
        return cls(
            await asyncio.create_subprocess_exec(*arguments, stdin=pipe, stdout=pipe, stderr=pipe, env=environment)
        )

    @property
    def is_gone(self) -> bool:
        """Whether it is known to have ended."""
        return self._process.returncode is not None

    async def run(self, job: AnyJob) -> Outcome:
        """Have `job` done.

        Raises:
            ChildDied: instead of an answer; the process is gone.
        """
        self.jobs += 1
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None, "started with pipes"  # noqa: S101 - for the type checker
        assert stdout is not None, "started with pipes"  # noqa: S101
        try:
            stdin.write(framed(job))
            await stdin.drain()
            (length,) = LENGTH.unpack(await stdout.readexactly(LENGTH.size))
            if length > MAX_MESSAGE_BYTES:
                raise ConnectionError("not an answer")  # noqa: TRY301 - the same end as a broken pipe
            return msgspec.json.decode(await stdout.readexactly(length), type=Outcome)
        except (ConnectionError, asyncio.IncompleteReadError, msgspec.DecodeError):
            await self.end(patience_seconds=0.5)  # The pipe closes a moment before the process can be reaped.
            raise ChildDied(self._process.returncode, self._last_words.decode("utf-8", "replace")) from None

    def kill(self) -> None:
        """End it now, whatever it does. Whoever waits in `run` is told that it died."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def end(self, *, patience_seconds: float = _ENDING_SECONDS) -> None:
        """Let it leave by closing its input, kill it when it does not, and wait until it is gone."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(patience_seconds):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()
        await self._listening

    async def _listen(self) -> None:
        """Keep the end of what it prints: the message of an abort, or a traceback."""
        stderr = self._process.stderr
        while stderr is not None and (words := await stderr.read(4096)):
            self._last_words = (self._last_words + words)[-_LAST_WORDS_BYTES:]
