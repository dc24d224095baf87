"""The folder in which the processes of one installation share small counts while they run: `<data>/run`.

Each file in it belongs to one living process, which holds a lock (`flock`) on it for as long as it lives: the kernel
lets go of the lock however the process ends, and a process number that is used again deceives nobody. Nothing in it
matters after the last process ended.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SHARED_SUFFIX = ".shared"  #: written by several processes: see `prepare`
PROCESS_SUFFIX = ".process"  #: written by the one process that holds its lock


def path(data_directory: Path) -> Path:
    """The run directory of the installation in `data_directory`; made when it is not there, private to its owner."""
    directory = data_directory / "run"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory


def prepare(data_directory: Path) -> Path:
    """`path`, emptied of what earlier processes left; for the first process of a `serve` or `worker` to call.

    When no process of this installation lives, everything is removed: counts start at zero. Otherwise nothing is:
    what ended processes counted is still part of the sum.
    """
    directory = path(data_directory)
    with directory_lock(directory):
        if not any(is_held(file) for file in directory.glob(f"*{PROCESS_SUFFIX}")):
            for file in directory.glob("*.*"):
                if file.suffix in (SHARED_SUFFIX, PROCESS_SUFFIX):
                    file.unlink(missing_ok=True)
    return directory


@contextmanager
def directory_lock(directory: Path) -> Iterator[None]:
    """Nobody else creates or removes files in `directory` while the block runs."""
    descriptor = os.open(directory / "directory.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def try_hold(file: Path) -> int | None:
    """Open `file` (made when missing) and lock it while this process lives: its descriptor; None: another has it."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def is_held(file: Path) -> bool:
    """Whether a living process holds `file`."""
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)
