"""Clusters to break: one is made for a worker, and each test gets a copy."""

import itertools
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from commonplace.platform.database.embedded.layout import Layout
from commonplace.platform.database.embedded.leftovers import owner, servers_of
from commonplace.platform.database.embedded.private import PrivateServer
from tests.platform.database.embedded.watching import command_line, kill, until

_numbers = itertools.count()
_PLENTY_BYTES = 2_000_000_000


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where clusters are put: in memory, where there is enough, for each test copies one of 40 MB."""
    memory = Path("/dev/shm")  # noqa: S108 - what it makes there has a name of its own.
    if not memory.is_dir() or shutil.disk_usage(memory).free < _PLENTY_BYTES:
        yield tmp_path_factory.mktemp("clusters")
        return
    with TemporaryDirectory(prefix="commonplace-test-", dir=memory, ignore_cleanup_errors=True) as directory:
        yield Path(directory)


@pytest.fixture(scope="session")
def made_once(place: Path) -> Path:
    """A data directory with a cluster, stopped in order."""
    directory = place / "made-once"
    server = PrivateServer(directory, durable=False)
    server.start()
    server.stop()
    return directory


@pytest.fixture
def empty_dir(place: Path) -> Iterator[Path]:
    """A data directory that does not exist yet; whatever runs on it at the end of the test is ended."""
    directory = place / f"data-{next(_numbers)}"
    yield directory
    layout = Layout(directory)
    told = owner(layout)
    if told is not None and os.fsencode(directory) in command_line(told[1]):
        kill(told[1], signal.SIGKILL)
    for pid in servers_of(layout.cluster):
        kill(pid, signal.SIGQUIT)
    until(lambda: not servers_of(layout.cluster), "the server to end")
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def data_dir(empty_dir: Path, made_once: Path) -> Path:
    """A data directory of the test's own, with a cluster."""
    shutil.copytree(made_once, empty_dir, symlinks=True)
    (empty_dir / "postgres").chmod(0o700)
    return empty_dir


@pytest.fixture
def environment() -> dict[str, str]:
    """For programs that tests start: they find Commonplace wherever this one found it."""
    source = Path(__file__).parents[4] / "src"
    return {**os.environ, "PYTHONPATH": str(source)}
