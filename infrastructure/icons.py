"""Draws the icons of the installed page from the app's own mark: `python -m infrastructure.icons`.

A device's launcher takes PNG only, and cuts a `maskable` icon to its own shape: the mark keeps within the middle. A
notice's `badge` is shown by its opacity alone.
"""

import re
import sys
from pathlib import Path
from typing import Any, Final

import pyvips

STATIC: Final = Path(__file__).parents[1] / "src/commonplace/platform/pages/static"
_INK: Final = "#faf7f0"
_GROUND: Final = "#2f6148"


def drawn(mark: str, *, ground: str, size: int, scale: float = 1.0) -> bytes:
    """The mark's lines on a ground, as a PNG of `size` pixels; `scale` shrinks the mark around the middle."""
    paths = "".join(re.findall(r"<path[^>]*/>", mark))
    group = f'<g transform="translate(16 16) scale({scale}) translate(-16 -16)" stroke="{_INK}">{paths}</g>'
    style = "<style>path{fill:none;stroke-linecap:round;stroke-linejoin:round}</style>"
    text = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">{style}{ground}{group}</svg>'
    image: Any = pyvips.Image.thumbnail_buffer(text.encode(), size)
    written: bytes = image.pngsave_buffer(strip=True, compression=9, palette=True)
    return written


def main() -> None:
    """Write them all."""
    mark = (STATIC / "icon.svg").read_text()
    rounded = f'<rect width="32" height="32" rx="7" fill="{_GROUND}"/>'
    full = f'<rect width="32" height="32" fill="{_GROUND}"/>'
    for name, content in {
        "icon-192": drawn(mark, ground=rounded, size=192),
        "icon-512": drawn(mark, ground=rounded, size=512),
        "maskable-512": drawn(mark, ground=full, size=512, scale=0.9),
        "touch-180": drawn(mark, ground=full, size=180),
        "badge-96": drawn(mark, ground="", size=96, scale=1.6),
    }.items():
        (STATIC / "icons" / f"{name}.png").write_bytes(content)
        sys.stdout.write(f"{name}.png: {len(content)} bytes\n")


if __name__ == "__main__":
    main()
