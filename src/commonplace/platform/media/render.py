"""Pictures into smaller pictures, with libvips. Runs in the child process only: foreign bytes are decoded here.

One pass over the source makes the largest size, using what the format offers for reading small (JPEG and WebP decode
at a half, a quarter or an eighth); the smaller sizes are made from that one. Colours become sRGB, orientation is
applied, all metadata is left behind.
"""

import logging
import math
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, Final

os.environ["VIPS_CONCURRENCY"] = "1"  # Read when libvips is loaded: one picture shall not take every core.

import msgspec
import pyvips

from commonplace.platform.media.endings import ends_early
from commonplace.platform.media.exif import Exif, read_exif
from commonplace.platform.media.formats import FORMATS, HEIC, HEIC_BYTES_PER_PIXEL, Format
from commonplace.platform.media.found import Found, facts_of
from commonplace.platform.media.heic import HOW_TO_GET_IT, HeicUnreadable, MissingExtra, open_heic
from commonplace.platform.media.rendering import Failure, NotRendered
from commonplace.platform.media.square import Square
from commonplace.platform.media.wire import Form, Image, Job, Outcome

#: Mean of seven photographs at 1024 pixels: quality 75 is 92 kB (SSIM 0.960), 82 is 112 kB (0.968), 90 is 205 kB
#: (0.978): there libvips turns to full colour resolution, which doubles the bytes for what nobody sees. Optimised
#: Huffman tables would save 2 % of the bytes for three times the time.
JPEG_QUALITY: Final = 82
#: Effort 4 is 3 % smaller than 2 and takes twice as long (1024 pixels: 63 ms and 32 ms; JPEG takes 3.4 ms).
WEBP_QUALITY: Final = 80
WEBP_EFFORT: Final = 2
WEBP_ALPHA_QUALITY: Final = 90
#: As good to look at as the JPEG. A page of text at 1024 pixels: effort 0 is 70 kB, 2 is 55 kB and takes three times as
#: long, 4 is 54 kB and takes twenty times as long. WebP is 170 kB.
AVIF_QUALITY: Final = 52
AVIF_EFFORT: Final = 1

_SWAPPED_ORIENTATIONS: Final = range(5, 9)
_SHOWN: Final = {"srgb", "b-w"}
_SRGB_MARKS: Final = (b"sRGB", "sRGB".encode("utf-16-be"))  # In a profile's description, version 2 and version 4.
_PROFILE: Final = "icc-profile-data"
_OPAQUE: Final = 255
_SHRINKS: Final = (1, 2, 4, 8)  # What libjpeg divides by while decoding.
_SAMPLES_AT_HALF_COLOUR: Final = 1.5  # For each pixel: one of light, and a quarter of one of each colour.
_LONGEST_QUOTE: Final = 200
_TIMES: Final = "\N{MULTIPLICATION SIGN}"

#: What libvips and the libraries below it say when a file ends too early.
_TRUNCATED: Final = re.compile(
    r"truncat|premature|unexpected end|end of (?:file|input|stream|image)|\beof\b|not enough data", re.IGNORECASE
)
_NO_MEMORY: Final = re.compile(
    r"out of memory|memory alloc|alloc\w* failed|unable to allocate|cannot allocate", re.IGNORECASE
)
_NO_SPACE: Final = re.compile(r"no space left|disk quota|file too large", re.IGNORECASE)


class _Warnings(logging.Handler):
    """What libvips warns of during a job. After some failures it warns, and goes on with black pixels."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.serious: str | None = None

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if self.serious is None and (_NO_MEMORY.search(message) or "error in tile" in message):
            self.serious = message


_warnings = _Warnings()


class _Refused(Exception):
    """The picture is not rendered, for a reason that can be told."""

    def __init__(self, code: Failure | NotRendered, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


#: What foreign bytes may cause, and the machine.
_FOREIGN_ERRORS: Final = (_Refused, pyvips.Error, HeicUnreadable, MemoryError, OSError)


@dataclass(frozen=True, kw_only=True)
class _Picture:
    """A source whose header was read; no pixel is decoded before `scaled_down`."""

    width: int  #: As shown, after orientation.
    height: int
    exif: Exif
    decode_bytes: float  #: What decoding takes for the pixels; 0 when it goes by rows.
    scaled_down: Callable[[int], pyvips.Image]  #: The picture with its longest side at most so long.


@cache
def prepare() -> None:
    """Block every reader of libvips but those of `FORMATS`, and its cache, which would only hold memory here."""
    pyvips.cache_set_max(0)
    pyvips.block_untrusted_set(True)  # noqa: FBT003 - libvips' signature
    pyvips.operation_block_set("VipsForeignLoad", True)  # noqa: FBT003
    for known in FORMATS.values():
        pyvips.operation_block_set(known.loader_class, False)  # noqa: FBT003
    logging.getLogger("pyvips").addHandler(_warnings)


def render(job: Job) -> Outcome:
    """Do a job. Whatever is wrong with the file is told in the outcome; only a defect of ours raises."""
    prepare()
    pyvips.vips_lib.vips_error_clear()  # Warnings of the job before would show in this one's messages.
    _warnings.serious = None
    known = Outcome()
    try:
        picture = _heic(job) if job.media_type == HEIC else _opened(job)
        known = Outcome(
            width=picture.width, height=picture.height, taken_at=picture.exif.taken_at, found=_found(picture)
        )
        _check(picture, job)
        images = tuple(_written(picture, job) if job.square is None else _cut(picture, job, job.square))
        if _warnings.serious is not None:
            raise pyvips.Error(_warnings.serious)
        return msgspec.structs.replace(known, images=images)
    except _FOREIGN_ERRORS as error:
        refused = _told(error, job)
        return msgspec.structs.replace(known, code=refused.code, text=refused.text)


def _opened(job: Job) -> _Picture:
    expected = FORMATS[job.media_type]
    image = pyvips.Image.new_from_source(pyvips.Source.new_from_file(job.source), "", access="sequential")
    if image.get("vips-loader") != expected.loader:
        raise _Refused("unreadable", f"The file begins like {job.media_type} and goes on as something else.")
    width, height = image.width, image.height
    if _field(image, "orientation") in _SWAPPED_ORIENTATIONS:
        width, height = height, width

    has_profile = bool(image.get_typeof(_PROFILE))

    def scaled_down(size: int) -> pyvips.Image:
        scaled = shrunk(size)
        return scaled if has_profile else _without_profile(scaled)

    def shrunk(size: int) -> pyvips.Image:
        source = pyvips.Source.new_from_file(job.source)
        if expected.shrinks:  # libvips alone would decode 6000 pixels at full size to make 2048: 120 ms instead of 80.
            factor = max(n for n in _SHRINKS if n == 1 or max(width, height) >= size * n)
            options = f"shrink={factor},fail_on=error"
            loaded = pyvips.Image.new_from_source(source, options, access="sequential")
            return loaded.thumbnail_image(size, height=size, size="down")
        return pyvips.Image.thumbnail_source(source, size, height=size, size="down", option_string="fail_on=error")

    return _Picture(
        width=width,
        height=height,
        exif=_exif(image, job),
        decode_bytes=image.width * image.height * _bytes_per_pixel(image, expected),
        scaled_down=scaled_down,
    )


def _heic(job: Job) -> _Picture:
    try:
        heic = open_heic(job.source)
    except MissingExtra:
        raise _Refused("missing_extra", HOW_TO_GET_IT) from None
    return _Picture(
        width=heic.width,
        height=heic.height,
        exif=read_exif(heic.exif) if heic.exif else Exif(),
        decode_bytes=heic.width * heic.height * HEIC_BYTES_PER_PIXEL,
        scaled_down=lambda size: heic.decode().thumbnail_image(size, height=size, size="down"),
    )


def _without_profile(image: pyvips.Image) -> pyvips.Image:
    """`image` without the profile that libvips gave it: ink that has none is shown by one of its own.

    It lets go of that profile's bytes before the image is done, and reading them then ends the process.
    """
    if image.get_typeof(_PROFILE):
        image = image.copy()
        image.remove(_PROFILE)
    return image


def _field(image: pyvips.Image, name: str) -> Any:
    return image.get(name) if image.get_typeof(name) else None


def _found(picture: _Picture) -> Found:
    """What the picture tells besides its pixels."""
    facts = facts_of(width=picture.width, height=picture.height, **picture.exif.facts())
    return Found(facts=facts, place=picture.exif.place)


def _exif(image: pyvips.Image, job: Job) -> Exif:
    if job.media_type == "image/tiff":  # The file itself has the form of EXIF; libvips hands out no block of it.
        with Path(job.source).open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as mapped:
            return read_exif(mapped)
    exif = _field(image, "exif-data")
    return read_exif(exif) if exif else Exif()


def _bytes_per_pixel(image: pyvips.Image, known: Format) -> float:
    """What decoding takes for each pixel, where it is not done by rows. Measured; see `formats`."""
    if _field(image, "jpeg-multiscan"):  # All coefficients are kept, two bytes each, until the last scan is read.
        samples: float = image.bands
        if _field(image, "jpeg-chroma-subsample") == "4:2:0":
            samples = _SAMPLES_AT_HALF_COLOUR
        return 2.0 * samples + 1
    if known.loader.startswith("png") and _field(image, "interlaced"):
        return float(image.bands * (2 if image.format == "ushort" else 1) + 2)
    return known.whole_bytes_per_pixel


def _check(picture: _Picture, job: Job) -> None:
    size = f"{picture.width:,} {_TIMES} {picture.height:,}"
    if picture.width * picture.height > job.max_pixels:
        limit = job.max_pixels // 1_000_000
        raise _Refused("too_many_pixels", f"{size} is over the limit of {limit:,} megapixels.")
    if picture.decode_bytes > job.decode_bytes:
        needed, limit = int(picture.decode_bytes / 1e6), job.decode_bytes // 1_000_000
        raise _Refused(
            "too_much_memory",
            f"{size} as {job.media_type} takes about {needed:,} MB to decode, over the limit of {limit:,} MB.",
        )


def _written(picture: _Picture, job: Job) -> Iterator[Image]:
    """Write a file for each size, the largest first, each from the one before; yield them in the order asked for."""
    longest = max(picture.width, picture.height)
    lengths = {size: min(size, longest) for size in job.sizes}
    images: dict[int, Image] = {}
    scaled: pyvips.Image | None = None
    for length in sorted(set(lengths.values()), reverse=True):
        if scaled is None:
            scaled = _shown(picture.scaled_down(length).copy_memory())
        else:
            scaled = scaled.thumbnail_image(length, height=length, size="down").copy_memory()
        images[length] = _save(scaled, Path(job.target_directory, str(length)), job.form)
    for size in job.sizes:
        yield msgspec.structs.replace(images[lengths[size]], size=size)


def _cut(picture: _Picture, job: Job, square: Square) -> Iterator[Image]:
    """Write the square part of a picture for each size, never enlarged; yield them in the order asked for.

    The picture is decoded no larger than the largest square needs, and of that no more is held than the square.
    """
    side = square.within(picture.width, picture.height)[2]
    longest = max(picture.width, picture.height)
    scaled = picture.scaled_down(min(longest, math.ceil(longest * max(job.sizes) / side)))
    left, top, side = square.within(scaled.width, scaled.height)
    cut = _shown(scaled.extract_area(left, top, side, side).copy_memory())
    for size in job.sizes:
        length = min(size, side)
        image = cut.thumbnail_image(length, height=length, size="down").copy_memory()
        yield msgspec.structs.replace(_save(image, Path(job.target_directory, str(size)), job.form), size=size)


def _shown(image: pyvips.Image) -> pyvips.Image:
    """`image` with 8 bits, as sRGB or grey, and without an alpha channel that hides nothing."""
    profile = _field(image, _PROFILE)
    if profile and not any(mark in profile for mark in _SRGB_MARKS):
        try:
            image = image.icc_transform("srgb", embedded=True, intent="relative", black_point_compensation=True)
            image = image.copy_memory()
        except pyvips.Error:
            pyvips.vips_lib.vips_error_clear()  # A broken profile: the colours are shown as if it had none.
    if image.interpretation not in _SHOWN or image.format != "uchar":
        image = image.colourspace("b-w" if image.interpretation in {"b-w", "grey16"} else "srgb").cast("uchar")
    if image.hasalpha() and image.extract_band(image.bands - 1).min() == _OPAQUE:
        image = image.extract_band(0, n=image.bands - 1)
    return image.copy_memory()


def _save(image: pyvips.Image, stem: Path, form: Form | None) -> Image:
    if form == "avif":
        path, media_type = stem.with_suffix(".avif"), "image/avif"
        image.heifsave(str(path), compression="av1", Q=AVIF_QUALITY, effort=AVIF_EFFORT, keep="none")
    elif form == "webp" or image.hasalpha():
        path, media_type = stem.with_suffix(".webp"), "image/webp"
        image.webpsave(str(path), Q=WEBP_QUALITY, effort=WEBP_EFFORT, alpha_q=WEBP_ALPHA_QUALITY, keep="none")
    else:
        path, media_type = stem.with_suffix(".jpg"), "image/jpeg"
        image.jpegsave(str(path), Q=JPEG_QUALITY, keep="none")
    return Image(
        size=0,
        path=str(path),
        media_type=media_type,
        width=image.width,
        height=image.height,
        size_bytes=path.stat().st_size,
    )


def _told(error: Exception, job: Job) -> _Refused:
    """What to tell of an error that the file, or the machine, has caused."""
    if isinstance(error, _Refused):
        return error
    if not Path(job.source).exists():
        return _Refused("source_missing", "The file is gone.")
    said = " ".join(str(error).split())
    if isinstance(error, MemoryError) or _NO_MEMORY.search(said):
        return _Refused("too_much_memory", "Decoding takes more memory than the limit allows.")
    if _NO_SPACE.search(said):
        return _Refused("no_space", "There is no room to write the thumbnails.")
    if _TRUNCATED.search(said) or ends_early(Path(job.source)):
        return _Refused("truncated", "The file ends before the picture does; upload it again.")
    return _Refused("unreadable", f"The picture is damaged or of an unusual kind ({said[:_LONGEST_QUOTE]}).")
