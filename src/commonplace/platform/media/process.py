"""The server's side of reading foreign files: a process for it, started when there is work and replaced when it dies.

Decoders of pictures and documents are large programs in C fed with bytes from anywhere. They run in `child`, whose
death, by a bug, a limit or this side's impatience, is an answer here and not an error: see `rendering`.
"""

import asyncio
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, get_args

import msgspec
import structlog

from commonplace.platform.media.children import Child, ChildDied
from commonplace.platform.media.formats import FORMATS, HEIC
from commonplace.platform.media.found import Found
from commonplace.platform.media.plain import is_plain, read_plain
from commonplace.platform.media.readable import may_have_picture, reader_of
from commonplace.platform.media.rendering import Looked, NotRendered, Rendered, Rendition, State
from commonplace.platform.media.settings import MediaSettings
from commonplace.platform.media.square import Square
from commonplace.platform.media.types import EMPTY, HEAD_BYTES, UNKNOWN, detect
from commonplace.platform.media.wire import (
    AnyJob,
    Form,
    Job,
    Limits,
    Outcome,
    PageJob,
    ReadJob,
)

log = structlog.get_logger()

SIZES: Final = (256, 1024, 2048)

_COMMAND: Final = (sys.executable, "-P", "-m", "commonplace.platform.media.child")
_ATTEMPTS: Final = 2
_DECODING_SHARE: Final = 0.75  # Of the memory limit; the rest is Python, libvips (70 MB) and the smaller pictures.
_JOBS_PER_CHILD: Final = 500  # Then it is replaced, should a decoder leak.
_MEGABYTE: Final = 1_000_000


class Media:
    """Finds out what files are, reads them and renders pictures. Starts no process before there is work for one.

    Belongs to one event loop. Calls may be made at any number; they wait for a process in the order they came.
    """

    def __init__(self, settings: MediaSettings) -> None:
        self._settings = settings
        self._command: Sequence[str] = _COMMAND
        self._turns = asyncio.Semaphore(settings.processes)
        self._idle: list[Child] = []
        self._busy: set[Child] = set()
        self._endings: set[asyncio.Task[None]] = set()
        self._closing = False

    async def describe_and_render(
        self,
        source: Path,
        target_directory: Path,
        *,
        sizes: Sequence[int] = SIZES,
        name: str = "",
        square: Square | None = None,
        form: Form | None = None,
    ) -> Rendered:
        """Find out what `source` is and, when it is a picture, write it smaller.

        Args:
            source: a file; it is read, never changed.
            target_directory: where the renditions are written; it exists. On failure it may hold parts of them.
            sizes: the longest sides to make, in pixels. A picture is never enlarged: for a size beyond its own it is
                written in its own size.
            name: the file's name, which helps to tell kinds of text apart.
            square: the part to be shown, in the sizes asked for; none: all of it.
            form: what they are written as; none: JPEG, or WebP where something is transparent.

        Returns:
            What became of it. Nothing about the file, and no death of the process that reads it, raises.
        """
        try:
            media_type = await asyncio.to_thread(_detected, source, name)
        except OSError as error:
            return Rendered(
                state="failed",
                reason=f"source_missing: The file cannot be read ({error.strerror}).",
                media_type=UNKNOWN,
            )
        if media_type == HEIC or media_type in FORMATS:
            job = self._job(source, target_directory, media_type, sizes, square)
            job = msgspec.structs.replace(job, form=form)
            async with self._turns:
                return _rendered(media_type, await self._outcome(job))
        if media_type == EMPTY:
            reason = "empty: The file has no bytes."
        elif media_type.startswith("image/"):
            reason = f"unsupported_format: {media_type} pictures are kept, but get no thumbnails."
        else:
            reason = f"not_a_picture: The file is {media_type}."
        return Rendered(state="none", reason=reason, media_type=media_type)

    async def look(self, source: Path, target_directory: Path, *, sizes: Sequence[int] = SIZES, name: str) -> Looked:
        """Find out everything there is to know of a file: its pictures, its text, what it tells about itself.

        Args:
            source: a file; it is read, never changed.
            target_directory: an empty folder for what is written on the way, the renditions among it.
            sizes: the longest sides of the pictures to make, in pixels.
            name: the file's name; its extension tells kinds of text and of raw pictures apart, nothing else.
        """
        try:
            media_type = await asyncio.to_thread(_detected, source, name)
            if is_plain(media_type):
                found = await asyncio.to_thread(read_plain, source, media_type)
                return Looked(media_type=media_type, found=found)
        except OSError as error:
            failed = Outcome(code="source_missing", text=f"The file cannot be read ({error.strerror}).")
            return Looked(media_type=UNKNOWN, found=_found(failed))
        if media_type == HEIC or media_type in FORMATS:
            job = self._job(source, target_directory, media_type, sizes, None)
            async with self._turns:
                outcome = await self._outcome(job)
            return Looked(media_type=media_type, found=_found(outcome), rendered=_rendered(media_type, outcome))
        if reader_of(media_type) is not None:
            return await self._read(source, target_directory, media_type, sizes, name)
        if media_type.startswith("image/"):
            rendered = await self.describe_and_render(source, target_directory, sizes=sizes, name=name)
            return Looked(media_type=media_type, found=Found(state="none", reason=rendered.reason), rendered=rendered)
        return Looked(media_type=media_type, found=Found(state="none"))

    async def _read(
        self, source: Path, target_directory: Path, media_type: str, sizes: Sequence[int], name: str
    ) -> Looked:
        """Read a file, then render the picture that was found to stand for it: a foreign one, like any other."""
        async with self._turns:
            outcome = await self._outcome(self._read_job(source, target_directory, media_type, name))
        found = _found(outcome)
        rendered = _without_cover(media_type, found)
        if outcome.cover is not None:
            folder = target_directory / "renditions"
            await asyncio.to_thread(folder.mkdir)
            rendered = await self.describe_and_render(Path(outcome.cover), folder, sizes=sizes)
            if rendered.state != "done" and not rendered.may_pass:  # the file was read: its picture failed, not it
                why = (rendered.reason or "").partition(": ")[2]
                return Looked(
                    media_type=media_type,
                    found=found,
                    rendered=Rendered(
                        state="none",
                        reason=f"no_cover: The picture in it cannot be shown. {why}".strip(),
                        media_type=media_type,
                    ),
                )
            size = (found.facts.get("width"), found.facts.get("height"))
            rendered = replace(
                rendered,
                media_type=media_type,
                width=size[0] if isinstance(size[0], int) else None,
                height=size[1] if isinstance(size[1], int) else None,
            )
        return Looked(media_type=media_type, found=found, rendered=rendered)

    async def draw_page(self, source: Path, target_directory: Path, *, page: int, size: int) -> Rendered:
        """Draw a page of a PDF as a picture whose longer side has `size` pixels. The first page is 1."""
        async with self._turns:
            outcome = await self._outcome(self._page_job(source, target_directory, page, size))
        return _rendered("application/pdf", outcome)

    async def close(self) -> None:
        """End every process, also under work; those who wait are told `interrupted`."""
        self._closing = True
        for child in self._busy:
            child.kill()
        for child in list(self._idle):
            self._retire(child)
        for _ in range(self._settings.processes):  # Behind all who work or wait: each turn comes back at once now.
            await self._turns.acquire()
        for _ in range(self._settings.processes):
            self._turns.release()
        while self._endings:
            await asyncio.gather(*self._endings)

    def _job(
        self, source: Path, target_directory: Path, media_type: str, sizes: Sequence[int], square: Square | None
    ) -> Job:
        settings = self._settings
        return Job(
            source=str(source.absolute()),
            target_directory=str(target_directory.absolute()),
            media_type=media_type,
            sizes=tuple(sizes),
            square=square,
            max_pixels=settings.max_megapixels * _MEGABYTE + 999_999,  # 16,384 squared is 268.4 megapixels.
            decode_bytes=int(settings.memory_megabytes * _MEGABYTE * _DECODING_SHARE),
            cpu_seconds=math.ceil(settings.timeout_seconds),
        )

    def _read_job(self, source: Path, target_directory: Path, media_type: str, name: str) -> ReadJob:
        return ReadJob(
            source=str(source.absolute()),
            target_directory=str(target_directory.absolute()),
            media_type=media_type,
            name=name,
            seconds=self._settings.timeout_seconds / 2,
            cpu_seconds=math.ceil(self._settings.timeout_seconds),
        )

    def _page_job(self, source: Path, target_directory: Path, page: int, size: int) -> PageJob:
        return PageJob(
            source=str(source.absolute()),
            target_directory=str(target_directory.absolute()),
            page=page,
            size=size,
            cpu_seconds=math.ceil(self._settings.timeout_seconds),
        )

    async def _outcome(self, job: AnyJob) -> Outcome:
        """Run `job`, a second time in a new process when the first one dies: it may have died of something else."""
        outcome = Outcome()
        for _ in range(_ATTEMPTS):
            if self._closing:
                break
            try:
                return await self._attempt(job)
            except TimeoutError:
                limit = f"{self._settings.timeout_seconds:g} seconds"
                return Outcome(code="timeout", text=f"Reading it took longer than the limit of {limit}.")
            except OSError as error:
                log.warning("media.child_not_started", error=str(error))
                outcome = Outcome(code="interrupted", text="The system has no process to read the file; try again.")
            except ChildDied as death:
                if not self._closing:
                    log.warning("media.child_died", exit_code=death.exit_code, last_words=death.last_words)
                outcome = death.outcome()
                if outcome.code == "timeout":
                    break
        return Outcome(code="interrupted", text="The server is stopping; try again.") if self._closing else outcome

    async def _attempt(self, job: AnyJob) -> Outcome:
        child = self._rested() or await Child.start(self._command, self._limits())
        self._busy.add(child)
        if self._closing:  # It was started while `close` looked for children to kill.
            child.kill()
        answered = False
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                outcome = await child.run(job)
            answered = True
            return outcome
        finally:
            self._busy.discard(child)
            if not answered:  # Timed out, cancelled, or dead already: what it still might say belongs to nobody.
                child.kill()
                self._end(child)
            else:
                self._rest(child)

    def _rested(self) -> Child | None:
        """A child that waits for work, if there is one; those that died waiting are buried."""
        while self._idle:
            child = self._idle.pop()
            if child.retirement is not None:
                child.retirement.cancel()
            if not child.is_gone:
                return child
            self._end(child)
        return None

    def _limits(self) -> Limits:
        return Limits(
            parent_pid=os.getpid(),
            memory_bytes=self._settings.memory_megabytes * _MEGABYTE,
            output_bytes=self._settings.max_output_megabytes * _MEGABYTE,
            niceness=self._settings.niceness,
        )

    def _rest(self, child: Child) -> None:
        """Keep a child for the next job, for a while."""
        if self._closing or child.jobs >= _JOBS_PER_CHILD:
            self._end(child)
            return
        self._idle.append(child)
        loop = asyncio.get_running_loop()
        child.retirement = loop.call_later(self._settings.idle_seconds, self._retire, child)

    def _retire(self, child: Child) -> None:
        self._idle.remove(child)
        if child.retirement is not None:
            child.retirement.cancel()
        self._end(child)

    def _end(self, child: Child) -> None:
        ending = asyncio.create_task(child.end())
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)


def _detected(source: Path, name: str) -> str:
    with source.open("rb") as file:
        return detect(file.read(HEAD_BYTES), name=name)


def _found(outcome: Outcome) -> Found:
    """What reading found; where it failed, why."""
    if outcome.code is None:
        return outcome.found or Found(state="none")
    state: State = "none" if outcome.code in get_args(NotRendered) else "failed"
    return msgspec.structs.replace(outcome.found or Found(), state=state, reason=f"{outcome.code}: {outcome.text}")


def _without_cover(media_type: str, found: Found) -> Rendered | None:
    """What is said of the picture of a file in which there is none."""
    if not may_have_picture(media_type):
        return None
    if found.state == "failed":
        return Rendered(state="failed", reason=found.reason, media_type=media_type)
    reason = found.reason or "no_cover: Nothing in it can stand for it as a picture."
    return Rendered(state="none", reason=reason, media_type=media_type)


def _rendered(media_type: str, outcome: Outcome) -> Rendered:
    state: State = "done"
    if outcome.code is not None:
        state = "none" if outcome.code in get_args(NotRendered) else "failed"
    return Rendered(
        state=state,
        reason=None if outcome.code is None else f"{outcome.code}: {outcome.text}",
        media_type=media_type,
        width=outcome.width,
        height=outcome.height,
        taken_at=outcome.taken_at,
        renditions=tuple(
            Rendition(
                size=image.size,
                path=Path(image.path),
                media_type=image.media_type,
                width=image.width,
                height=image.height,
                size_bytes=image.size_bytes,
            )
            for image in outcome.images
        ),
    )
