"""A `Media` for a module's tests, so that not each of them waits for libvips to load."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from commonplace.platform.media.process import SIZES, Media
from commonplace.platform.media.rendering import Looked, Rendered
from commonplace.platform.media.settings import MediaSettings

Render = Callable[..., Awaitable[Rendered]]
Look = Callable[[str, bytes], Awaitable[Looked]]


@pytest.fixture
def settings() -> MediaSettings:
    return MediaSettings()


@pytest.fixture(scope="module")
async def media() -> AsyncIterator[Media]:
    media = Media(MediaSettings())
    yield media
    await media.close()


@pytest.fixture
def render(media: Media, tmp_path: Path) -> Render:
    """Render bytes under a name."""

    async def render(content: bytes, name: str = "picture", sizes: Sequence[int] = SIZES) -> Rendered:
        source = tmp_path / name
        source.write_bytes(content)
        renditions = tmp_path / "renditions"
        renditions.mkdir(exist_ok=True)
        return await media.describe_and_render(source, renditions, sizes=sizes, name=name)

    return render


@pytest.fixture
def look(media: Media, tmp_path: Path) -> Look:
    """Look at bytes under a name."""
    numbers = itertools.count()

    async def look(name: str, content: bytes) -> Looked:
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        source = tmp_path / "source"
        source.write_bytes(content)
        return await media.look(source, folder, sizes=(64,), name=name)

    return look
