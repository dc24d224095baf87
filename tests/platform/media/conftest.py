"""A `Media` for a module's tests, so that not each of them waits for libvips to load."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from commonplace.platform.media.process import SIZES, Media
from commonplace.platform.media.rendering import Rendered
from commonplace.platform.media.settings import MediaSettings

Render = Callable[..., Awaitable[Rendered]]


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
