"""PDF, with pdfium: text, facts, and pages as pictures. Scripts in it are never run: this build has no engine for them.

pdfium guards against pages that are their own parents; how long the rest may take is bounded by pages, by time and by
what the process may hold.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pypdfium2

from commonplace.platform.media.found import Found, facts_of
from commonplace.platform.media.reading.source import Collected, Read, Source, Unreadable
from commonplace.platform.media.wire import Image, Outcome, PageJob

MOST_PAGES: Final = 5000  #: whose text is read
_COVER_PIXELS: Final = 2048
_WEBP_QUALITY: Final = 82
_LEAST_POINTS: Final = 1.0


def read(source: Source) -> Read:
    """The text of its pages, a form feed between them, what it says of itself, and its first page as a picture."""
    with _opened(source.path) as document:
        pages = len(document)
        text, is_late = _text(document, source)
        collected, is_cut = text.found()
        information = _information(document)
        found = Found(
            text=collected,
            is_cut=is_cut,
            reason="timeout: Not all of its pages were read in the time there is." if is_late else None,
            facts=facts_of(
                pages=pages,
                title=information.get("Title"),
                author=information.get("Author"),
                subject=information.get("Subject"),
            ),
        )
        cover = source.folder / "cover.png"
        try:
            _drawn(document, 1, _COVER_PIXELS).pngsave(str(cover), compression=1, keep="none")
        except (pypdfium2.PdfiumError, Unreadable):
            return Read(found)
    return Read(found, cover)


def draw_page(job: PageJob) -> Outcome:
    """Draw a page into the folder of the job, as WebP: letters stay sharp in it."""
    try:
        with _opened(Path(job.source)) as document:
            picture = _drawn(document, job.page, job.size)
            path = Path(job.target_directory, f"{job.page}.webp")
            picture.webpsave(str(path), Q=_WEBP_QUALITY, effort=2, keep="none")
    except Unreadable as refused:
        return Outcome(code=refused.code, text=refused.text)
    except pypdfium2.PdfiumError as error:
        return Outcome(code="unreadable", text=f"The page cannot be drawn ({error}).")
    except FileNotFoundError:
        return Outcome(code="source_missing", text="The file is gone.")
    image = Image(
        size=job.size,
        path=str(path),
        media_type="image/webp",
        width=picture.width,
        height=picture.height,
        size_bytes=path.stat().st_size,
    )
    return Outcome(images=(image,), width=picture.width, height=picture.height)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise Unreadable("encrypted", "It needs a password to be opened.") from error
        raise Unreadable("unreadable", "It is damaged: pdfium cannot open it.") from error
    try:
        yield document
    finally:
        document.close()


def _text(document: Any, source: Source) -> tuple[Collected, bool]:
    """The text of the pages, and whether the time was over before the last."""
    collected = Collected()
    for number in range(min(len(document), MOST_PAGES)):
        if source.is_late:
            return collected, True
        if collected.is_full:
            break
        with suppress(pypdfium2.PdfiumError):  # a page that is broken hides none of the others
            page = document[number]
            words = page.get_textpage()
            if number:
                collected.add("\n\f")
            collected.add(words.get_text_range().replace("\r\n", "\n"))
            words.close()
            page.close()
    collected.is_cut = collected.is_cut or len(document) > MOST_PAGES
    return collected, False


def _information(document: Any) -> dict[str, str]:
    with suppress(pypdfium2.PdfiumError, ValueError):
        return dict(document.get_metadata_dict(skip_empty=True))
    return {}


def _drawn(document: Any, number: int, pixels: int) -> Any:
    """A page on white, its longer side so many pixels: whatever size it claims, it takes no more memory."""
    import pyvips  # noqa: PLC0415 - whoever only reads does not load it

    if not 1 <= number <= len(document):
        raise Unreadable("unreadable", f"It has {len(document)} pages.")
    page = document[number - 1]
    longest = max(page.get_size())
    if not longest >= _LEAST_POINTS:  # also what is no number
        raise Unreadable("unreadable", "The page has no size.")
    bitmap = page.render(scale=pixels / longest, rev_byteorder=True, prefer_bgrx=False, may_draw_forms=False)
    width, height, bands = bitmap.width, bitmap.height, bitmap.n_channels
    stride_pixels = bitmap.stride // bands
    data = bytes(bitmap.buffer)
    bitmap.close()
    page.close()
    if bitmap.stride % bands:  # rows padded to whole words: the padding is no pixel
        rows = (data[row * bitmap.stride : row * bitmap.stride + width * bands] for row in range(height))
        data, stride_pixels = b"".join(rows), width
    picture = pyvips.Image.new_from_memory(data, stride_pixels, height, bands, "uchar")
    return picture.crop(0, 0, width, height).extract_band(0, n=min(bands, 3)).copy(interpretation="srgb")
