"""Files made to do harm, or only damaged, end as a stated result, in bounded memory."""

import asyncio
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pillow_heif
import pytest

from commonplace.platform.media.process import Media
from commonplace.platform.media.settings import MediaSettings
from tests.platform.media.conftest import Render
from tests.platform.media.pictures import (
    RED,
    encoded,
    gif,
    jpeg_claiming,
    noise,
    png,
    png_chunk,
    quarters,
    svg,
    tiff,
    tiff_of_tiles,
)

pytestmark = pytest.mark.anyio

MEGABYTE = 1_000_000


def zeros_deflated(size_bytes: int) -> bytes:
    packer = zlib.compressobj(1)
    return b"".join(packer.compress(bytes(MEGABYTE)) for _ in range(size_bytes // MEGABYTE)) + packer.flush()


def billion_laughs() -> bytes:
    entities = '<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    return b"<!DOCTYPE svg [" + entities.encode() + b"]>" + svg("<text>&a9;</text>")


def endless_references() -> bytes:
    """Each group draws the one before ten times: 10^9 rectangles."""
    groups = '<g id="g0"><rect width="1" height="1"/></g>'
    for n in range(1, 10):
        groups += f'<g id="g{n}">' + f'<use xlink:href="#g{n - 1}"/>' * 10 + "</g>"
    return svg(f'<defs>{groups}</defs><use xlink:href="#g9"/>')


def png_with(kind: bytes, data: bytes) -> bytes:
    return png(2, 2, rows=bytes(6), extra=png_chunk(kind, data))


HOSTILE: dict[str, tuple[Callable[[], bytes], str, str, str | None]] = {
    # name: (content, media type, state, code)
    "empty": (bytes, "application/x-empty", "none", "empty"),
    "huge PNG": (lambda: png(40_000, 40_000), "image/png", "failed", "too_many_pixels"),
    "hugest PNG": (lambda: png(2**31 - 1, 2**31 - 1), "image/png", "failed", "unreadable"),
    "PNG without pixels": (lambda: png(100, 100), "image/png", "failed", "unreadable"),
    "PNG with no width": (lambda: png(0, 100), "image/png", "failed", "unreadable"),
    "interlaced PNG": (lambda: png(16_000, 16_000, interlaced=True), "image/png", "failed", "too_much_memory"),
    "PNG signature alone": (lambda: b"\x89PNG\r\n\x1a\n", "image/png", "failed", "truncated"),
    "PNG with a text bomb": (
        lambda: png_with(b"zTXt", b"a\0\0" + zeros_deflated(100 * MEGABYTE)),
        "image/png",
        "done",
        None,
    ),
    "PNG with a profile bomb": (
        lambda: png_with(b"iCCP", b"a\0\0" + zeros_deflated(100 * MEGABYTE)),
        "image/png",
        "done",
        None,
    ),
    "huge GIF canvas": (lambda: gif(65_535, 65_535), "image/gif", "failed", "too_many_pixels"),
    "large GIF canvas": (lambda: gif(16_000, 16_000), "image/gif", "failed", "too_much_memory"),
    "GIF and script": (lambda: b"GIF89a/*" + b"x" * 50 + b"*/=1;alert(1)", "image/gif", "failed", "unreadable"),
    "huge JPEG": (lambda: jpeg_claiming(65_000, 65_000), "image/jpeg", "failed", "too_many_pixels"),
    "JPEG larger than its pixels": (lambda: jpeg_claiming(1000, 1000), "image/jpeg", "done", None),
    "JPEG signature alone": (lambda: b"\xff\xd8\xff", "image/jpeg", "failed", "truncated"),
    "JPEG signature and HTML": (lambda: b"\xff\xd8\xff<script>alert(1)</script>", "image/jpeg", "failed", "unreadable"),
    "JPEG signature and a GIF": (lambda: b"\xff\xd8\xff" + gif(5, 5), "image/jpeg", "failed", "unreadable"),
    "huge TIFF": (lambda: tiff(100_000, 100_000, b"x"), "image/tiff", "failed", "too_many_pixels"),
    "TIFF whose table is its own next": (
        lambda: tiff(20, 20, bytes(400), next_table=8),
        "image/tiff",
        "done",
        None,
    ),
    "TIFF without its pixels": (lambda: tiff(200, 200, b"x"), "image/tiff", "failed", "unreadable"),
    "TIFF whose table is nowhere": (
        lambda: b"II*\x00" + struct.pack("<I", 5000) + bytes(9),
        "image/tiff",
        "failed",
        "truncated",
    ),
    "HTML called a photograph": (lambda: b"<html><script>alert(1)</script>", "text/html", "none", "not_a_picture"),
    "SVG with script": (
        lambda: svg(f'<script>alert(1)</script><rect onload="alert(1)" width="9" height="9" fill="rgb{RED}"/>'),
        "image/svg+xml",
        "done",
        None,
    ),
    "huge SVG": (lambda: svg("", "1e6", "1e6"), "image/svg+xml", "failed", "too_many_pixels"),
    "SVG of endless text": (billion_laughs, "image/svg+xml", "failed", "unreadable"),
    "SVG that is not XML": (lambda: svg("<g>"), "image/svg+xml", "failed", "unreadable"),
}


async def test_hostile_files_end_as_stated_results_and_the_process_lives_on(media: Media, render: Render) -> None:
    await render(encoded(quarters(), "JPEG"))
    (child,) = media._idle
    results = {}
    for name, (content, *_) in HOSTILE.items():
        rendered = await render(content(), name="holiday.jpg", sizes=(64,))
        results[name] = [rendered.media_type, rendered.state, rendered.reason_code]
        assert bool(rendered.renditions) is (rendered.state == "done")

    assert results == {name: expected for name, (_, *expected) in HOSTILE.items()}
    assert media._idle == [child]  # None of them has killed it.
    status = Path(f"/proc/{child._process.pid}/status").read_text()
    peak_kilobytes = int(status.split("VmHWM:")[1].split()[0])
    assert peak_kilobytes < 200_000


@pytest.mark.long
async def test_svg_of_endless_references_ends(render: Render) -> None:
    """It takes 5 s until librsvg has seen enough."""
    rendered = await render(endless_references(), sizes=(64,))

    assert (rendered.state, rendered.reason_code) == ("failed", "unreadable")


async def test_too_many_pixels_are_told_with_the_limit(render: Render) -> None:
    rendered = await render(png(40_000, 40_000))

    assert rendered.reason == (
        "too_many_pixels: 40,000 \N{MULTIPLICATION SIGN} 40,000 is over the limit of 268 megapixels."
    )
    assert (rendered.width, rendered.height) == (40_000, 40_000)


async def test_the_limit_of_pixels_is_a_setting(tmp_path: Path) -> None:
    media = Media(MediaSettings(max_megapixels=1))
    results = {}
    for width in (1000, 2000):
        (tmp_path / "a").write_bytes(encoded(quarters(width, 1000), "JPEG"))
        results[width] = (await media.describe_and_render(tmp_path / "a", tmp_path)).reason_code
    await media.close()

    assert results == {1000: None, 2000: "too_many_pixels"}


@pytest.mark.parametrize("across", [64, 128])  # Of 128 libvips makes a black picture, and warns.
async def test_a_picture_that_needs_more_memory_than_foreseen_is_refused(tmp_path: Path, across: int) -> None:
    media = Media(MediaSettings(memory_megabytes=256))
    (tmp_path / "a").write_bytes(tiff_of_tiles(across, side=1024))  # libvips keeps the row of tiles: 4 MB each.
    rendered = await media.describe_and_render(tmp_path / "a", tmp_path)
    after = await _render_after(media, tmp_path)
    await media.close()

    assert (rendered.state, rendered.reason_code) == ("failed", "too_much_memory")
    assert after.state == "done"


async def _render_after(media: Media, directory: Path) -> Any:
    (directory / "b").write_bytes(encoded(quarters(), "JPEG"))
    return await media.describe_and_render(directory / "b", directory)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9, 0.999])
@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("WEBP", {"lossless": True}),
        ("AVIF", {}),
        ("GIF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("HEIF", {}),
    ],
)
async def test_a_picture_that_was_cut_off_is_told_so(
    render: Render, form: str, options: dict[str, Any], share: float
) -> None:
    if form == "HEIF":
        pillow_heif.register_heif_opener()
    whole = encoded(noise(120, 90), form, **options)
    rendered = await render(whole[: int(len(whole) * share)], sizes=(64,))

    assert (rendered.state, rendered.reason_code) == ("failed", "truncated")
    assert rendered.reason == "truncated: The file ends before the picture does; upload it again."


@pytest.mark.parametrize("attribute", ["href", "xlink:href"])
async def test_svg_fetches_nothing(render: Render, tmp_path: Path, attribute: str) -> None:
    (tmp_path / "secret.png").write_bytes(encoded(quarters(100, 80), "PNG"))
    asked = asyncio.Event()
    server = await asyncio.start_server(lambda _reader, _writer: asked.set(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    images = "".join(
        f'<image {attribute}="{address}" width="100" height="80"/>'
        for address in (f"file://{tmp_path}/secret.png", "secret.png", f"http://127.0.0.1:{port}/a.png")
    )
    style = f"<style>@import url(http://127.0.0.1:{port}/a.css); @import url(secret.css);</style>"
    with_images = await render(svg(style + images), name="a.svg", sizes=(100,))
    seen = with_images.renditions[0].path.read_bytes()
    empty = await render(svg(""), name="b.svg", sizes=(100,))
    server.close()
    await server.wait_closed()

    assert seen == empty.renditions[0].path.read_bytes()
    assert not asked.is_set()


@pytest.mark.long
async def test_damage_anywhere_is_a_result(render: Render) -> None:
    """Every byte of the head of each format turned over, one at a time."""
    for form in ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "AVIF"):
        whole = encoded(quarters(24, 16), form)
        for position in range(0, min(len(whole), 400), 7):
            damaged = bytearray(whole)
            damaged[position] ^= 0xFF
            rendered = await render(bytes(damaged), sizes=(16,))
            assert rendered.reason_code != "crashed", (form, position)
