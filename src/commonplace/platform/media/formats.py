"""The kinds of pictures that are rendered, and what decoding each of them costs.

A picture read row by row takes the same little memory at any size; one that its format or libvips decodes as a whole
takes memory for every pixel. The figures are peak resident memory, measured with pictures of 6 to 268 megapixels.
"""

from dataclasses import dataclass
from typing import Final

HEIC: Final = "image/heic"
SVG: Final = "image/svg+xml"


@dataclass(frozen=True, kw_only=True)
class Format:
    """How libvips reads one kind of picture."""

    loader: str  #: As libvips names it in `vips-loader`.
    loader_class: str  #: As libvips blocks and unblocks it.
    shrinks: bool = False  #: Can be decoded at a fraction of its size, for a fraction of the work.
    whole_bytes_per_pixel: float = 0.0  #: When decoded as a whole; 0: by rows, or only sometimes (see `render`).


FORMATS: Final = {
    "image/jpeg": Format(loader="jpegload_source", loader_class="VipsForeignLoadJpeg", shrinks=True),
    "image/png": Format(loader="pngload_source", loader_class="VipsForeignLoadPng"),
    "image/apng": Format(loader="pngload_source", loader_class="VipsForeignLoadPng"),
    "image/webp": Format(loader="webpload_source", loader_class="VipsForeignLoadWebp", whole_bytes_per_pixel=6.0),
    "image/avif": Format(loader="heifload_source", loader_class="VipsForeignLoadHeif", whole_bytes_per_pixel=18.0),
    "image/gif": Format(loader="gifload_source", loader_class="VipsForeignLoadNsgif", whole_bytes_per_pixel=9.0),
    "image/tiff": Format(loader="tiffload_source", loader_class="VipsForeignLoadTiff"),
    SVG: Format(loader="svgload_source", loader_class="VipsForeignLoadSvg"),
}
#: Decoded by pillow-heif: see `heic`.
HEIC_BYTES_PER_PIXEL: Final = 8.0
