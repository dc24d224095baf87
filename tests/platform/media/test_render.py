"""Pictures become smaller pictures."""

import io
from pathlib import Path
from typing import Any

import pillow_heif
import pytest
import pyvips
from PIL import Image, ImageCms, TiffImagePlugin

from commonplace.platform.media.process import Media
from commonplace.platform.media.rendering import Rendered
from commonplace.platform.media.settings import MediaSettings
from tests.platform.media.conftest import Render
from tests.platform.media.pictures import (
    BLUE,
    EXIF_TABLE,
    GREEN,
    RED,
    TAKEN,
    TAKEN_OFFSET,
    WHITE,
    encoded,
    exif,
    held,
    noise,
    quarters,
    svg,
)

pytestmark = pytest.mark.anyio

Pixel = tuple[int, ...]


def pixels(path: Path, *at: tuple[float, float]) -> list[Pixel]:
    """The pixels at the given fractions of width and height."""
    with Image.open(path) as image:
        image.load()
        return [image.getpixel((int(x * image.width), int(y * image.height))) for x, y in at]  # type: ignore[misc]


def near(found: Any, expected: Pixel, tolerance: int = 20) -> bool:
    return len(found) == len(expected) and all(abs(a - b) <= tolerance for a, b in zip(found, expected, strict=True))


def shows_quarters(path: Path) -> bool:
    corners = pixels(path, (0.2, 0.2), (0.8, 0.2), (0.2, 0.8), (0.8, 0.8))
    return all(near(found[:3], colour) for found, colour in zip(corners, (RED, GREEN, BLUE, WHITE), strict=True))


def boxes(rendered: Rendered) -> list[tuple[int, int, int]]:
    return [(rendition.size, rendition.width, rendition.height) for rendition in rendered.renditions]


async def test_a_photograph_is_rendered_in_every_size(render: Render) -> None:
    rendered = await render(encoded(quarters(3000, 2000), "JPEG"))

    assert (rendered.state, rendered.reason, rendered.media_type) == ("done", None, "image/jpeg")
    assert (rendered.width, rendered.height) == (3000, 2000)
    assert boxes(rendered) == [(256, 256, 171), (1024, 1024, 683), (2048, 2048, 1365)]
    for rendition in rendered.renditions:
        assert rendition.media_type == "image/jpeg"
        assert rendition.size_bytes == rendition.path.stat().st_size > 0
        with Image.open(rendition.path) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (rendition.width, rendition.height))
        assert shows_quarters(rendition.path)


async def test_a_small_picture_is_never_enlarged(render: Render) -> None:
    rendered = await render(encoded(quarters(300, 200), "JPEG"))

    assert boxes(rendered) == [(256, 256, 171), (1024, 300, 200), (2048, 300, 200)]
    assert rendered.renditions[1].path == rendered.renditions[2].path


async def test_sizes_come_back_in_the_order_asked_for(render: Render) -> None:
    rendered = await render(encoded(quarters(), "PNG"), sizes=(100, 20, 50))

    assert boxes(rendered) == [(100, 100, 75), (20, 20, 15), (50, 50, 38)]


@pytest.mark.parametrize("orientation", range(1, 9))
async def test_a_picture_stands_upright_however_the_camera_was_held(render: Render, orientation: int) -> None:
    # 64 is less than half of 160, so that libjpeg's own reduction takes part.
    rendered = await render(held(quarters(160, 120), orientation, quality=95), sizes=(64, 1024))

    assert (rendered.width, rendered.height) == (160, 120)
    assert boxes(rendered) == [(64, 64, 48), (1024, 160, 120)]
    assert all(shows_quarters(rendition.path) for rendition in rendered.renditions)


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF"])
async def test_orientation_is_applied_in_every_format(render: Render, form: str) -> None:
    rendered = await render(held(quarters(160, 120), 6, form), sizes=(64,))

    assert (rendered.state, rendered.width, rendered.height) == ("done", 160, 120)
    assert boxes(rendered) == [(64, 64, 48)]
    assert shows_quarters(rendered.renditions[0].path)


@pytest.mark.parametrize(
    ("form", "options", "media_type"),
    [
        ("JPEG", {"progressive": True}, "image/jpeg"),
        ("PNG", {}, "image/png"),
        ("WEBP", {}, "image/webp"),
        ("WEBP", {"lossless": True}, "image/webp"),
        ("AVIF", {}, "image/avif"),
        ("GIF", {}, "image/gif"),
        ("TIFF", {}, "image/tiff"),
        ("TIFF", {"compression": "tiff_lzw"}, "image/tiff"),
        ("HEIF", {"quality": 90}, "image/heic"),
    ],
)
async def test_every_format_is_rendered(render: Render, form: str, options: dict[str, Any], media_type: str) -> None:
    if form == "HEIF":
        pillow_heif.register_heif_opener()
    rendered = await render(encoded(quarters(), form, **options), sizes=(64, 1024))

    assert (rendered.state, rendered.media_type) == ("done", media_type)
    assert boxes(rendered) == [(64, 64, 48), (1024, 160, 120)]
    assert all(shows_quarters(rendition.path) for rendition in rendered.renditions)


@pytest.mark.parametrize(("form", "height"), [("BMP", 120), ("ICO", 120), ("JPEG2000", 120)])
async def test_a_picture_without_a_reader_is_kept_without_thumbnails(render: Render, form: str, height: int) -> None:
    rendered = await render(encoded(quarters(160, height), form))

    assert (rendered.state, rendered.reason_code, rendered.renditions) == ("none", "unsupported_format", ())


async def test_heic_without_its_extra_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: MediaSettings
) -> None:
    pillow_heif.register_heif_opener()
    (tmp_path / "a.heic").write_bytes(encoded(quarters(), "HEIF"))
    (tmp_path / "pillow_heif.py").write_text("raise ImportError('not installed')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    media = Media(settings)
    rendered = await media.describe_and_render(tmp_path / "a.heic", tmp_path)
    await media.close()

    assert (rendered.state, rendered.media_type) == ("none", "image/heic")
    assert rendered.reason is not None
    assert rendered.reason.startswith("missing_extra: ")
    assert "pip install 'commonplace[heic]'" in rendered.reason


async def test_nothing_but_pixels_is_left(render: Render) -> None:
    tags = exif(orientation=1, model="SECRET-CAMERA", taken="2024:01:02 03:04:05", latitude=(48.0, 12.0, 3.0))
    source = encoded(
        quarters(400, 300),
        "JPEG",
        exif=tags,
        comment=b"SECRET-COMMENT",
        xmp=b"<x:xmpmeta>SECRET-XMP</x:xmpmeta>",
        icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
    )
    assert source.count(b"SECRET") == 3
    rendered = await render(source)

    assert rendered.state == "done"
    for rendition in rendered.renditions:
        content = rendition.path.read_bytes()
        assert b"SECRET" not in content
        assert b"Exif" not in content
        with Image.open(rendition.path) as image:
            assert not image.getexif()
            assert "icc_profile" not in image.info


async def test_colours_become_srgb(render: Render) -> None:
    profile = bytes(pyvips.Operation.call("profile_load", "p3"))
    rendered = await render(
        encoded(Image.new("RGB", (80, 60), (200, 100, 100)), "PNG", icc_profile=profile), sizes=(40,)
    )

    srgb = ImageCms.profileToProfile(
        Image.new("RGB", (1, 1), (200, 100, 100)), io.BytesIO(profile), ImageCms.createProfile("sRGB")
    )
    assert srgb is not None
    expected = srgb.getpixel((0, 0))
    assert isinstance(expected, tuple)
    assert not near(expected, (200, 100, 100), 6)  # Else the test could not tell.
    assert near(pixels(rendered.renditions[0].path, (0.5, 0.5))[0], expected, 4)


async def test_a_broken_colour_profile_is_ignored(render: Render) -> None:
    rendered = await render(encoded(quarters(), "PNG", icc_profile=b"no profile at all" * 20), sizes=(64,))

    assert rendered.state == "done"
    assert shows_quarters(rendered.renditions[0].path)


async def test_cmyk_becomes_rgb(render: Render) -> None:
    picture = encoded(Image.new("CMYK", (80, 60), (255, 0, 0, 0)), "JPEG", quality=95)
    for _ in range(5):  # libvips lets go of its own profile too early: whether that shows is chance
        rendered = await render(picture, sizes=(40,))
        assert rendered.state == "done"
        red, green, blue = pixels(rendered.renditions[0].path, (0.5, 0.5))[0]
        assert red < 90 < green < blue  # Cyan ink is not the screen's cyan.


async def test_16_bits_become_8(render: Render) -> None:
    rendered = await render(encoded(Image.new("I;16", (80, 60), 0x8000), "PNG"), sizes=(40,))

    with Image.open(rendered.renditions[0].path) as image:
        assert (image.mode, image.getextrema()) in [("L", (value, value)) for value in (127, 128, 129)]


@pytest.mark.parametrize(("mode", "ink"), [("LA", (100,)), ("RGBA", (200, 50, 50))])
async def test_transparency_is_kept(render: Render, mode: str, ink: Pixel) -> None:
    picture = Image.new(mode, (160, 120), (*ink, 0))
    picture.paste((*ink, 255), (0, 0, 80, 120))
    rendered = await render(encoded(picture, "PNG"), sizes=(64, 32))

    for rendition in rendered.renditions:
        assert rendition.media_type == "image/webp"
        left, right = pixels(rendition.path, (0.2, 0.5), (0.8, 0.5))
        assert near(left, (*(ink if len(ink) == 3 else ink * 3), 255), 12)
        assert right[3] == 0


async def test_an_alpha_channel_that_hides_nothing_makes_no_webp(render: Render) -> None:
    rendered = await render(encoded(quarters().convert("RGBA"), "PNG"), sizes=(64,))

    assert rendered.renditions[0].media_type == "image/jpeg"
    assert shows_quarters(rendered.renditions[0].path)


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
async def test_the_first_frame_of_an_animation_is_taken(render: Render, form: str) -> None:
    frames = [Image.new("RGB", (160, 120), colour) for colour in (GREEN, RED, BLUE)]
    rendered = await render(encoded(frames[0], form, save_all=True, append_images=frames[1:]), sizes=(64,))

    assert (rendered.state, rendered.width, rendered.height) == ("done", 160, 120)
    assert near(pixels(rendered.renditions[0].path, (0.5, 0.5))[0][:3], GREEN)


async def test_a_very_long_picture_keeps_a_row_of_pixels(render: Render) -> None:
    rendered = await render(encoded(Image.new("RGB", (5000, 2), RED), "JPEG"))

    assert boxes(rendered) == [(256, 256, 1), (1024, 1024, 1), (2048, 2048, 1)]


async def test_svg_is_drawn(render: Render) -> None:
    drawing = svg(
        f'<rect width="50" height="80" fill="rgb{RED}"/><rect x="50" width="50" height="80" fill="rgb{BLUE}"/>'
    )
    rendered = await render(drawing, sizes=(50, 1024))

    assert (rendered.state, rendered.media_type) == ("done", "image/svg+xml")
    assert boxes(rendered) == [(50, 50, 40), (1024, 100, 80)]
    left, right = pixels(rendered.renditions[0].path, (0.2, 0.5), (0.8, 0.5))
    assert near(left, RED)
    assert near(right, BLUE)


@pytest.mark.parametrize("name", ["a[page=1].jpg", "a[1]", "ü \N{SNOWFLAKE}.jpg", "-n", "a\nb", "x" * 200])
async def test_a_name_is_only_a_name(render: Render, name: str) -> None:
    assert (await render(encoded(quarters(), "JPEG"), name=name, sizes=(64,))).state == "done"


async def test_a_directory_with_brackets_is_only_a_directory(media: Media, tmp_path: Path) -> None:
    target = tmp_path / "a[Q=1]"
    target.mkdir()
    (tmp_path / "a.jpg").write_bytes(encoded(noise(100, 100), "JPEG"))
    rendered = await media.describe_and_render(tmp_path / "a.jpg", target)

    assert [path.parent for path in target.iterdir()] == [target]
    assert rendered.renditions[0].path.exists()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"])
async def test_the_time_of_exposure_is_read(render: Render, form: str) -> None:
    if form == "HEIF":
        pillow_heif.register_heif_opener()
    tags = exif(model="Camera", taken="2024:07:01 18:30:05", offset="+02:00")
    rendered = await render(encoded(quarters(), form, exif=tags), sizes=(64,))

    assert rendered.state == "done"
    assert rendered.taken_at is not None
    assert rendered.taken_at.isoformat() == "2024-07-01T18:30:05+02:00"


async def test_the_time_of_exposure_of_a_tiff_is_read(render: Render) -> None:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[EXIF_TABLE] = {TAKEN: "2024:07:01 18:30:05", TAKEN_OFFSET: "-05:30"}
    rendered = await render(encoded(quarters(), "TIFF", tiffinfo=tags), sizes=(64,))

    assert rendered.taken_at is not None
    assert rendered.taken_at.isoformat() == "2024-07-01T18:30:05-05:30"


async def test_a_time_without_offset_stays_naive(render: Render) -> None:
    rendered = await render(encoded(quarters(), "JPEG", exif=exif(taken="2024:07:01 18:30:05")), sizes=(64,))

    assert rendered.taken_at is not None
    assert rendered.taken_at.isoformat() == "2024-07-01T18:30:05"
    assert rendered.taken_at.tzinfo is None


@pytest.mark.parametrize(
    "damage", [b"Exif\x00\x00" + b"\xff" * 300, b"Exif\x00\x00II*\x00", b"Exif\x00\x00MM\x00*\x00"]
)
async def test_corrupt_exif_costs_the_time_and_nothing_else(render: Render, damage: bytes) -> None:
    rendered = await render(encoded(quarters(), "JPEG", exif=damage), sizes=(64,))

    assert (rendered.state, rendered.taken_at) == ("done", None)
    assert shows_quarters(rendered.renditions[0].path)
