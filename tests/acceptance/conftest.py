"""Installations that tests start, kill and start again."""

import contextlib
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.served import Served


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """`installation()` makes one that is not started yet; all are ended afterwards."""
    made: list[Served] = []

    def make(**environ: str) -> Served:
        directory = tmp_path / f"installation-{len(made)}"
        directory.mkdir()
        made.append(Served(directory, **environ))
        return made[-1]

    yield make
    for served in made:
        end(served)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One that runs for all tests of a module that neither stop nor hurt it."""
    served = Served(tmp_path_factory.mktemp("shared")).start()
    yield served
    end(served)


def end(served: Served) -> None:
    """End every process of an installation, and remove what it kept."""
    served.close_clients()
    if served.process is not None and served.process.poll() is None:
        served.stop(signal.SIGTERM)
    for pid in served.tree():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    shutil.rmtree(served.directory, ignore_errors=True)
