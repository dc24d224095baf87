"""Thumbnails: three sizes of a 24-megapixel photograph, beside the better of Pillow and libvips making the largest."""

import asyncio
import statistics
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pyvips
from PIL import Image

from benchmarks.report import Result
from benchmarks.servers import Commonplace
from commonplace.platform.media.process import Media
from commonplace.platform.media.settings import MediaSettings


def thumbnails(directory: Path) -> Iterator[Result]:
    """Time for one picture, and what a reader feels while four are made."""
    photograph = directory / "photograph.jpg"
    _photograph(6000, 4000).write_to_file(str(photograph), Q=90)
    (directory / "out").mkdir()
    yield Result(
        "three thumbnails of 24 MP",
        asyncio.run(_ours(photograph, directory / "out")) * 1000,
        min(_best(lambda: _pillow(photograph)), _best(lambda: _vips(photograph))) * 1000,
        "better of Pillow, libvips",
        "ms",
        1.15,
        less_is_better=True,
    )
    ours = Commonplace(directory / "ours", LIMITS__REQUESTS_PER_ADDRESS="100000000")
    ours.sign_in()
    try:
        idle = _read_p95(ours, lambda: False)
        content = photograph.read_bytes()
        pending = [
            ours.client.post(f"/api/files?name={number}.jpg", content=content + bytes([number])).json()["id"]
            for number in range(4)
        ]

        def is_done() -> bool:
            while pending:
                if ours.client.get(f"/api/files/{pending[0]}").json()["processing"]["state"] == "pending":
                    return False
                pending.pop(0)
            return True

        busy = _read_p95(ours, is_done)
        yield Result("p95 of a get, four being made", busy, idle, "idle", "ms", 2.0, less_is_better=True)
    finally:
        ours.stop()


def _photograph(width: int, height: int) -> pyvips.Image:
    """Something with the statistics of a photograph: smooth shapes with a little grain."""
    shapes = pyvips.Image.perlin(width, height, cell_size=256).linear(60, 128)
    grain = pyvips.Image.gaussnoise(width, height, sigma=6, mean=0)
    bands = [shapes + grain, shapes.fliphor() + grain, shapes.flipver() + grain]
    return bands[0].bandjoin(bands[1:]).cast("uchar").copy(interpretation="srgb")


async def _ours(photograph: Path, out: Path) -> float:
    media = Media(MediaSettings())
    try:
        times = []
        for _ in range(6):
            began = time.monotonic()
            rendered = await media.describe_and_render(photograph, out)
            times.append(time.monotonic() - began)
            assert rendered.state == "done", rendered.reason
        return min(times)
    finally:
        await media.close()


def _pillow(photograph: Path) -> None:
    image = Image.open(photograph)
    image.draft("RGB", (2048, 2048))
    image.thumbnail((2048, 2048))
    image.save(BytesIO(), "JPEG", quality=82)


def _vips(photograph: Path) -> None:
    pyvips.Image.thumbnail(str(photograph), 2048, height=2048).jpegsave_buffer(Q=82)


def _best(work: Callable[[], None]) -> float:
    times = []
    for _ in range(5):
        began = time.monotonic()
        work()
        times.append(time.monotonic() - began)
    return min(times)


def _read_p95(ours: Commonplace, is_over: Callable[[], bool]) -> float:
    times: list[float] = []
    deadline = time.monotonic() + 6
    while time.monotonic() < deadline:
        began = time.monotonic()
        ours.client.get("/auth/profile").raise_for_status()
        times.append((time.monotonic() - began) * 1000)
        if len(times) % 25 == 0 and is_over():
            break
    return statistics.quantiles(times, n=20)[-1]
