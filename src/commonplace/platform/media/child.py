"""The process that reads foreign files: `python -m commonplace.platform.media.child LIMITS`, started by `process`.

It takes jobs from its standard input, one after the other, and answers on its standard output. It may die at any
moment, by a bug in a decoder, the kernel or its own limits, and takes nothing with it: it has no database, no secrets
in its environment, and no web framework in its memory.
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from commonplace.platform.media.wire import AnyJob, Job, Limits, Outcome, PageJob, framed, read_frame

#: Address space beyond the memory limit: libvips and its relatives map 180 MB, threads reserve 64 MB each unused.
_UNUSED_ADDRESSES: Final = 1 << 30
_OOM_SCORE: Final = 500  # When the machine runs out of memory, this goes before the database does.
_SET_PARENT_DEATH_SIGNAL: Final = 1  # prctl(2)
_SET_NO_NEW_PRIVILEGES: Final = 38


def main() -> None:
    """Impose the limits, and work until the other side closes the pipe."""
    limits = msgspec.json.decode(sys.argv[1], type=Limits)
    _impose(limits)
    jobs, answers = _pipes()
    while (frame := read_frame(jobs)) is not None:
        job: AnyJob = msgspec.json.decode(frame, type=AnyJob)
        _limit_cpu(job.cpu_seconds)
        answers.write(framed(_done(job)))
        answers.flush()


def _done(job: AnyJob) -> Outcome:
    """Do a job. What it needs is loaded now, under the limits, and stays loaded for the next of its kind."""
    if isinstance(job, Job):
        from commonplace.platform.media.render import render  # noqa: PLC0415

        return render(job)
    if isinstance(job, PageJob):
        from commonplace.platform.media.reading.pdf import draw_page  # noqa: PLC0415

        return draw_page(job)
    from commonplace.platform.media.reading.source import read  # noqa: PLC0415

    return read(job)


def _impose(limits: Limits) -> None:
    """Give up what reading pictures does not need. What an operating system does not have is left out."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches the whole terminal; the server decides what ends when.
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        libc.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    if os.getppid() != limits.parent_pid:
        sys.exit(0)  # The server died before the line above could tell us so.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(_OOM_SCORE), encoding="ascii")
    os.nice(limits.niceness)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for kind, most in (
        (resource.RLIMIT_DATA, limits.memory_bytes),
        (resource.RLIMIT_AS, limits.memory_bytes + _UNUSED_ADDRESSES),
        (resource.RLIMIT_FSIZE, limits.output_bytes),
    ):
        with contextlib.suppress(ValueError, OSError):  # macOS refuses some of these.
            resource.setrlimit(kind, (most, most))


def _pipes() -> tuple[BinaryIO, BinaryIO]:
    """The pipes to the server, out of reach of anything that prints: standard output now leads to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return sys.stdin.buffer, answers


def _limit_cpu(seconds: int) -> None:
    """Let this job use `seconds` of processor time; the kernel ends the process when it wants more."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))


if __name__ == "__main__":
    main()
