"""HEIC, as iPhones make it, through the optional pillow-heif.

The libvips wheel has no HEVC decoder. pillow-heif has one, but its wheel bundles an encoder under the GPL, so
Commonplace does not depend on it: who wants HEIC thumbnails installs `commonplace[heic]`.
"""

from dataclasses import dataclass
from typing import Any, Final

import pyvips

HOW_TO_GET_IT: Final = "HEIC pictures need the extra `heic`: pip install 'commonplace[heic]'."

_BANDS: Final = {"L": (1, "b-w"), "LA": (2, "b-w"), "RGB": (3, "srgb"), "RGBA": (4, "srgb")}
#: As pillow-heif documents them: bad, cut off, unsupported, anything else, too little memory.
_LIBHEIF_ERRORS: Final = (ValueError, EOFError, SyntaxError, RuntimeError, OSError)


class MissingExtra(Exception):
    """pillow-heif is not installed."""


class HeicUnreadable(Exception):
    """libheif cannot read the file; the message is its own."""


@dataclass(frozen=True)
class Heic:
    """A HEIC file whose header was read."""

    file: Any
    width: int  #: As shown: orientation is applied when it is decoded.
    height: int
    exif: bytes | None

    def decode(self) -> pyvips.Image:
        """All its pixels, with the colour profile attached.

        Raises:
            HeicUnreadable: the picture is damaged, or its pixels have a form that this does not read.
        """
        try:
            pixels = self.file.data
        except _LIBHEIF_ERRORS as error:
            raise HeicUnreadable(str(error)) from error
        bands, interpretation = _BANDS.get(self.file.mode, (0, ""))
        width, height = self.file.size
        if not bands or self.file.stride % bands:
            raise HeicUnreadable(f"pixels of the form {self.file.mode}")
        row = self.file.stride // bands  # Longer than the picture is wide when rows are padded.
        image = pyvips.Image.new_from_memory(pixels, row, height, bands, "uchar").copy(interpretation=interpretation)
        image = image.crop(0, 0, width, height)
        profile = self.file.info.get("icc_profile")
        if profile:
            image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
        return image


def open_heic(path: str) -> Heic:
    """Read the header of the HEIC file at `path`.

    Raises:
        MissingExtra: pillow-heif is not installed.
        HeicUnreadable: the file is damaged or no HEIC at all.
    """
    try:
        import pillow_heif  # noqa: PLC0415 - optional, and only pictures of this kind shall pay for loading it
    except ImportError:
        raise MissingExtra from None
    pillow_heif.options.DECODE_THREADS = 1
    pillow_heif.options.THUMBNAILS = pillow_heif.options.DEPTH_IMAGES = pillow_heif.options.AUX_IMAGES = False
    try:
        file = pillow_heif.open_heif(path, convert_hdr_to_8bit=True)
    except _LIBHEIF_ERRORS as error:
        raise HeicUnreadable(str(error)) from error
    width, height = file.size
    return Heic(file, width, height, file.info.get("exif"))
