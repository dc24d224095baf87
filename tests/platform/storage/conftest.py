"""Storages under test: a directory, the same encrypted, and a bucket of a SeaweedFS of this test worker's own."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from commonplace.platform.storage.build import build_storage
from commonplace.platform.storage.local import LocalStorage
from commonplace.platform.storage.protocol import ObjectStorage
from commonplace.platform.storage.settings import StorageSettings
from commonplace.platform.storage.signing import UrlSigner
from tests.seaweedfs import S3Server

SECRET = b"a secret of the tests"
ENCRYPTION_KEY = bytes(range(32))


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """As PostgreSQL in these tests: which steps are synced, and when, is tested by itself (TestDurability)."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def s3_settings() -> Callable[..., StorageSettings]:
    """`s3_settings(endpoint_url, **changes)`: settings for a server of the test's own."""
    return lambda endpoint_url, **changes: S3Server(endpoint_url).settings(**changes)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The directory of local storages."""
    return tmp_path / "objects"


MakeLocal = Callable[..., Awaitable[LocalStorage]]


@pytest.fixture
async def local(root: Path) -> AsyncIterator[MakeLocal]:
    """`await local()`: a storage over `root`, started; arguments as for `LocalStorage`."""
    async with AsyncExitStack() as stack:

        async def make(directory: Path = root, **arguments: Any) -> LocalStorage:
            arguments = {"minimum_free_bytes": 0, "signer": UrlSigner(SECRET), **arguments}
            return await stack.enter_async_context(LocalStorage(directory, **arguments))

        yield make


@pytest.fixture
async def s3(s3_server: S3Server, tmp_path: Path) -> AsyncIterator[ObjectStorage]:
    async with build_storage(s3_server.settings(), tmp_path, SECRET) as storage:
        yield storage


@pytest.fixture(params=["local", "encrypted", "s3"])
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ObjectStorage]:
    """Each kind of storage, built from settings as the application builds it."""
    if request.param == "s3":
        settings = request.getfixturevalue("s3_server").settings()
    else:
        key = ENCRYPTION_KEY.hex() if request.param == "encrypted" else None
        settings = StorageSettings(minimum_free_bytes=0, encryption_key=key)
    async with build_storage(settings, tmp_path, SECRET) as storage:
        yield storage


@pytest.fixture
def folder() -> str:
    """A folder of this test's own: the bucket is shared."""
    return f"files/{uuid4().hex}"


@pytest.fixture
def key(folder: str) -> str:
    return f"{folder}/object.bin"


@pytest.fixture
def files(root: Path) -> Callable[[], list[str]]:
    """Every file below `root`, hidden ones included, except locks."""

    def list_them() -> list[str]:
        return sorted(
            os.path.relpath(os.path.join(above, name), root)  # noqa: PTH118 — over os.walk.
            for above, _, names in os.walk(root)
            for name in names
            if not name.endswith(".lock")
        )

    return list_them
