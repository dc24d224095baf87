"""Documents and archives made to do harm end as a stated result, in bounded memory, and what reads them lives on."""

import gzip
import io
import tarfile
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from commonplace.platform.media.found import MOST_ENTRIES, MOST_TEXT_BYTES
from commonplace.platform.media.process import Media
from commonplace.platform.media.settings import MediaSettings
from commonplace.platform.media.types import UNKNOWN, may_be_inline
from tests.platform.media import documents
from tests.platform.media.conftest import Look
from tests.platform.media.pictures import encoded, png, quarters

pytestmark = pytest.mark.anyio

MEGABYTE = 1_000_000
LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>'


def deflated(size_bytes: int, content: bytes = b" ") -> bytes:
    packer = zlib.compressobj(9)
    block = content * (MEGABYTE // len(content))
    return b"".join(packer.compress(block) for _ in range(size_bytes // MEGABYTE)) + packer.flush()


def pages_in_a_circle() -> bytes:
    """Kids that are their own grandparents, and the catalog's pages themselves."""
    circle = b"<</Type/Pages/Parent 2 0 R/Kids[2 0 R 7 0 R 4 0 R]/Count 3>>"
    return documents.pdf("One", kids=["4 0 R", "7 0 R", "2 0 R"], count=9, extra=[b"null", circle])


def bomb_of_a_page(megabytes: int) -> bytes:
    """One page whose contents inflate to so much."""
    content = deflated(megabytes * MEGABYTE, b"0 0 m 9 9 l S ")
    return documents.pdf(
        "One",
        kids=["6 0 R"],
        extra=[
            b"<</Type/Page/Parent 2 0 R/Contents 7 0 R/Resources<<>>>>",
            documents.stream(content, "/Filter/FlateDecode"),
        ],
    )


def overlapping_zip() -> bytes:
    """Many entries that share the bytes of one."""
    content = bytearray(documents.packed({"a": b"x" * 10 * MEGABYTE}))
    directory = content.index(b"PK\x01\x02")
    end = content.index(b"PK\x05\x06")
    entry = bytes(content[directory:end])
    many = 11_000
    tail = bytearray(content[end:])
    tail[8:12] = many.to_bytes(2, "little") * 2
    tail[12:16] = (len(entry) * many).to_bytes(4, "little")
    return bytes(content[:directory]) + entry * many + bytes(tail)


def claims_a_vast_directory() -> bytes:
    content = bytearray(documents.packed({"a": b"x" * 40}) + bytes(33 * MEGABYTE))
    end = content.index(b"PK\x05\x06")
    tail = bytearray(content[end : end + 22])
    tail[12:16] = (33 * MEGABYTE).to_bytes(4, "little")
    return bytes(content) + bytes(tail)


def names_in_every_script() -> bytes:
    names = ["Ñandú.txt", "ファイル.txt", "קובץ.txt", "\u202etxt.exe", "a\nb", "<script>alert(1)</script>", "😀" * 200]
    return documents.packed(dict.fromkeys(names, b"x"))


def vast_header() -> bytes:
    """A tar whose first header says that two gigabytes of names follow, and a gzip that brings them."""
    entry = tarfile.TarInfo("x")
    entry.type, entry.size = tarfile.XHDTYPE, 2_000 * MEGABYTE
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1) as packed:
        packed.write(entry.tobuf(tarfile.USTAR_FORMAT))
        for _ in range(400):
            packed.write(bytes(MEGABYTE))
    return out.getvalue()


#: Name: content, state, code, and whether something was found.
HOSTILE: dict[str, tuple[Callable[[], bytes], str, str | None]] = {
    "bomb.docx": (lambda: documents.docx("a" * 3 * MEGABYTE), "done", None),
    "laughs.docx": (lambda: documents.docx("&b;", head=LAUGHS), "failed", "refused"),
    "laughs.odt": (
        lambda: documents.packed(
            {"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": LAUGHS + "<x/>"}
        ),
        "failed",
        "refused",
    ),
    "deep.docx": (lambda: documents.docx("<a>" * 100_000), "failed", "refused"),
    "empty.docx": (lambda: documents.docx("a")[:-30], "failed", "truncated"),
    "laughs.epub": (
        lambda: documents.packed(
            {"mimetype": "application/epub+zip", "META-INF/container.xml": LAUGHS + "<container/>"}
        ),
        "failed",
        "refused",
    ),
    "circle.pdf": (pages_in_a_circle, "done", None),
    "many.pdf": (lambda: documents.pdf("One", count=2**31 - 1), "done", None),
    "vast.pdf": (lambda: documents.pdf("One", size="0 0 1e30 1"), "done", None),
    "cut.pdf": (lambda: documents.pdf("One")[:200], "failed", "unreadable"),
    "script.pdf": (
        lambda: documents.pdf("One", information="/Title(<script>alert\\(1\\)</script>)"),
        "done",
        None,
    ),
    "deep.rtf": (lambda: b"{\\rtf1 " + b"{" * 200_000 + b"end", "done", None),
    "deep.html": (lambda: b"<!doctype html>" + b"<div>" * 20_000 + b"end", "done", None),
    "marks.html": (lambda: b"<!doctype html>" + b"<![" * 2000 + b"<!--" * 2000, "done", None),
    "nested.eml": (
        lambda: b"".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n".encode() for n in range(1200)),
        "failed",
        "too_much_memory",
    ),
    "overlap.zip": (overlapping_zip, "done", None),
    "directory.zip": (claims_a_vast_directory, "failed", "refused"),
    "names.zip": (names_in_every_script, "done", None),
    "cut.tar.gz": (lambda: documents.tar(["a", "b"] * 200, "gz")[:-30], "done", None),
}


@pytest.fixture(scope="module")
async def media() -> AsyncIterator[Media]:
    """One with patience: what is held to a result here must not depend on how busy the machine is."""
    media = Media(MediaSettings(timeout_seconds=300))
    yield media
    await media.close()


async def test_hostile_documents_end_as_stated_results_and_the_process_lives_on(media: Media, look: Look) -> None:
    await look("warm.pdf", documents.pdf("Warm"))
    (child,) = media._idle
    results = {}
    for name, (content, *_) in HOSTILE.items():
        looked = await look(name, content())
        assert len((looked.found.text or "").encode()) <= MOST_TEXT_BYTES
        assert len(looked.found.entries or ()) <= MOST_ENTRIES
        results[name] = [looked.found.state, None if looked.found.reason is None else looked.found.reason.split(":")[0]]

    assert results == {name: expected for name, (_, *expected) in HOSTILE.items()}
    assert media._idle == [child]  # None of them has killed it.
    status = Path(f"/proc/{child._process.pid}/status").read_text()
    assert int(status.split("VmHWM:")[1].split()[0]) < 450_000


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("bomb.pdf", lambda: bomb_of_a_page(300)),
        ("spaces.docx", lambda: documents.docx(" " * 900 * MEGABYTE)),
        ("white.docx", lambda: documents.docx("a", head=" " * 900 * MEGABYTE)),
        ("zeros.tar.gz", lambda: gzip.compress(documents.tar(["a"], size=900 * MEGABYTE), 1)),
        ("header.tar.gz", vast_header),
    ],
)
async def test_bombs_are_bounded_in_time_and_memory(
    media: Media, look: Look, name: str, content: Callable[[], bytes]
) -> None:
    looked = await look(name, content())
    assert looked.state in {"done", "failed"}
    after = await look("after.pdf", documents.pdf("After"))
    assert after.found.text == "After"


async def test_a_picture_that_a_document_brings_is_foreign_like_any_other(look: Look) -> None:
    parts: dict[str, str | bytes] = {"docProps/thumbnail.jpeg": b"\xff\xd8\xff<script>alert(1)</script>"}
    looked = await look("a.docx", documents.docx("Text", **parts))
    assert looked.found.text == "Text"
    assert looked.rendered is not None
    assert (looked.state, looked.rendered.state, looked.rendered.reason_code) == ("done", "none", "no_cover")


async def test_what_is_two_things_at_once_is_one_here_and_runs_as_neither(look: Look) -> None:
    script = b"<html><script>alert(1)</script>"
    archive = documents.packed({"evil.html": script})
    picture = encoded(quarters(), "JPEG")
    for name, content, media_type, text in (
        ("a.zip", documents.pdf("One") + archive, "application/pdf", "One"),
        ("a.html", documents.pdf("One") + script, "application/pdf", "One"),
        ("a.pdf", archive + script, "application/zip", "evil.html"),
        ("a.html", picture + script + archive, "image/jpeg", None),
        ("a.jpg", script + archive, UNKNOWN, None),
        ("a.pdf", script + b"%PDF-1.7", "text/html", "%PDF-1.7"),
    ):
        looked = await look(name, content)
        assert (looked.media_type, looked.found.text) == (media_type, text), (name, content[:8])
        assert may_be_inline(media_type) is (media_type == "image/jpeg")


@pytest.mark.long
async def test_two_hundred_megapixels_are_read_row_by_row(media: Media, look: Look) -> None:
    looked = await look("a.png", png(20_000, 10_000, rows=bytes(20_001) * 10_000))
    assert looked.rendered is not None
    assert (looked.state, looked.rendered.width) == ("done", 20_000)
    status = Path(f"/proc/{media._idle[0]._process.pid}/status").read_text()
    assert int(status.split("VmHWM:")[1].split()[0]) < 450_000
