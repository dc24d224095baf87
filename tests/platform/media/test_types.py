"""What files are is told from their bytes."""

import io
import json
import random
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commonplace.platform.media.types import EMPTY, HEAD_BYTES, UNKNOWN, detect, may_be_inline
from tests.platform.media.pictures import encoded, gif, png, quarters, svg

OFFICE = "application/vnd.openxmlformats-officedocument."


def zipped(*entries: tuple[str, str], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w", method) as archive:
            for name, content in entries:
                archive.writestr(name, content)
        return file.getvalue()


def streamed_zip(*entries: tuple[str, str]) -> bytes:
    """As a program writes it that cannot seek back: sizes stand behind the data."""

    class Unseekable(io.RawIOBase):
        def __init__(self) -> None:
            self.written = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override]
            self.written += data
            return len(data)

    file = Unseekable()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            with archive.open(name, "w") as entry:
                entry.write(content.encode())
    return bytes(file.written)


def office(main_part: str) -> tuple[str, str]:
    return "[Content_Types].xml", f'<Types><Override ContentType="application/vnd.{main_part}"/></Types>'


WORD = office("openxmlformats-officedocument.wordprocessingml.document.main+xml")
EXCEL = office("openxmlformats-officedocument.spreadsheetml.sheet.main+xml")
EXCEL_MACRO = office("ms-excel.sheet.macroEnabled.main+xml")
POWERPOINT = office("openxmlformats-officedocument.presentationml.presentation.main+xml")
ODT = ("mimetype", "application/vnd.oasis.opendocument.text")
STORED = zipfile.ZIP_STORED
PICTURE = quarters()


def ftyp(brand: bytes, *compatible: bytes) -> bytes:
    box = b"ftyp" + brand + bytes(4) + b"".join(compatible)
    return (len(box) + 4).to_bytes(4, "big") + box + bytes(64)


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"", EMPTY),
        (encoded(PICTURE, "JPEG"), "image/jpeg"),
        (encoded(PICTURE, "PNG"), "image/png"),
        (encoded(PICTURE, "WEBP"), "image/webp"),
        (encoded(PICTURE, "AVIF"), "image/avif"),
        (encoded(PICTURE, "GIF"), "image/gif"),
        (encoded(PICTURE, "TIFF"), "image/tiff"),
        (encoded(PICTURE, "BMP"), "image/bmp"),
        (encoded(PICTURE, "JPEG2000"), "image/jp2"),
        (encoded(PICTURE, "PDF"), "application/pdf"),
        (gif(3, 3), "image/gif"),
        (ftyp(b"heic"), "image/heic"),
        (ftyp(b"mif1", b"heic", b"mif1"), "image/heic"),
        (ftyp(b"mif1", b"mif1", b"avif"), "image/avif"),
        (ftyp(b"isom", b"mp41"), "video/mp4"),
        (ftyp(b"M4A "), "audio/mp4"),
        (ftyp(b"qt  "), "video/quicktime"),
        (ftyp(b"3gp5"), "video/3gpp"),
        (b"\xff\x0a\x00\x01", "image/jxl"),
        (b"fLaC" + bytes(60), "audio/flac"),
        (b"ID3\x04" + bytes(60), "audio/mpeg"),
        (b"OggS" + bytes(60), "audio/ogg"),
        (b"OggS" + bytes(24) + b"\x80theora" + bytes(40), "video/ogg"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt \x00", "audio/wav"),
        (b"\x1a\x45\xdf\xa3" + bytes(4) + b"\x42\x82\x84webm" + bytes(50), "video/webm"),
        (b"wOF2" + bytes(60), "font/woff2"),
        (b"SQLite format 3\x00" + bytes(60), "application/vnd.sqlite3"),
        (b"\x1f\x8b\x08\x00" + bytes(60), "application/gzip"),
        (b"MZ\x90\x00" + bytes(60), "application/vnd.microsoft.portable-executable"),
        (b"\x7fELF\x02\x01\x01" + bytes(60), "application/x-executable"),
        (b"{\\rtf1\\ansi}", "application/rtf"),
        (b"%!PS-Adobe-3.0\n", "application/postscript"),
    ],
)
def test_a_binary_file_is_what_its_bytes_say(content: bytes, media_type: str) -> None:
    assert detect(content, name="holiday.txt") == media_type


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (zipped(("a.txt", "x")), "application/zip"),
        (zipped(), "application/zip"),
        (zipped(("word/document.xml", "x")), "application/zip"),  # Called like Word's, but no Word document.
        (zipped(WORD, ("word/document.xml", "x")), OFFICE + "wordprocessingml.document"),
        (zipped(EXCEL), OFFICE + "spreadsheetml.sheet"),
        (zipped(EXCEL_MACRO), "application/vnd.ms-excel.sheet.macroEnabled.12"),
        (zipped(POWERPOINT), OFFICE + "presentationml.presentation"),
        (zipped(("_rels/.rels", "x" * 500), WORD), OFFICE + "wordprocessingml.document"),
        (zipped(WORD, method=STORED), OFFICE + "wordprocessingml.document"),
        (streamed_zip(("_rels/.rels", "x"), WORD), OFFICE + "wordprocessingml.document"),
        (zipped(("a.docx", zipped(WORD).decode("latin-1")), method=STORED), "application/zip"),
        (zipped(ODT, method=STORED), "application/vnd.oasis.opendocument.text"),
        (zipped(("mimetype", "application/epub+zip"), method=STORED), "application/epub+zip"),
        (zipped(("mimetype", "text/html"), method=STORED), "application/zip"),
        (zipped(("META-INF/MANIFEST.MF", "x")), "application/java-archive"),
        (zipped(("AndroidManifest.xml", "x")), "application/vnd.android.package-archive"),
        (zipped(WORD)[:40], "application/zip"),
        (b"PK\x03\x04", "application/zip"),
        (b"PK\x03\x04" + b"\xff" * 60, "application/zip"),
    ],
)
def test_a_zip_is_a_document_only_when_its_contents_say_so(content: bytes, media_type: str) -> None:
    assert detect(content, name="a.docx") == media_type


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"<!DOCTYPE html><title>x</title>", "text/html"),
        (b"\n\n <!-- a -->\n<!doctype HTML>", "text/html"),
        (b"<script>alert(1)</script>", "text/html"),
        (b"<IMG src=x onerror=alert(1)>", "text/html"),
        (b"\xef\xbb\xbf<html><body>", "text/html"),
        ("<html>".encode("utf-16"), "text/html"),
        ("<html>".encode("utf-32"), "text/html"),
        (svg("<script>alert(1)</script>"), "image/svg+xml"),
        (b'<?xml version="1.0"?>\n<!-- made by hand -->\n' + svg(""), "image/svg+xml"),
        (b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://x"><svg/>', "image/svg+xml"),
        (b'<svg:svg xmlns:svg="http://www.w3.org/2000/svg"/>', "image/svg+xml"),
        (b'<?xml version="1.0"?><feed/>', "application/xml"),
        (b'<feed xmlns="http://www.w3.org/2005/Atom"/>', "application/xml"),
        (b"<?xml version", "application/xml"),
        (b"<!-- " + b"-" * 70_000, "application/xml"),  # What follows cannot be seen.
        (b"<3 is a heart", "text/plain"),
        (b"a < b and <b>bold</b>", "text/plain"),
    ],
)
@pytest.mark.parametrize("name", ["holiday.jpg", "notes.txt", ""])
def test_markup_is_found_whatever_it_is_called(content: bytes, media_type: str, name: str) -> None:
    assert detect(content[:HEAD_BYTES], name=name) == media_type


@pytest.mark.parametrize(
    ("content", "name", "media_type"),
    [
        (b"Dear diary", "diary.txt", "text/plain"),
        (b"Dear diary", "diary.jpg", "text/plain"),
        (b"# Title", "README.md", "text/markdown"),
        (b"import os", "a.PY", "text/x-python"),
        (b"#!/usr/bin/env python3\n", "tool", "text/x-python"),
        (b"#!/bin/bash\n", "tool", "text/x-shellscript"),
        (b"a,b\n1,2\n", "a.csv", "text/csv"),
        (b"a;b\n1;2\n3;4\n", "", "text/csv"),
        (b'a,b\n"x, y",2\n3,4\n', "", "text/csv"),
        (b"One, two.\nThree.\nFour, five, six.\n", "", "text/plain"),
        (b"a,b\n1,2\n3,4\n", "poem.txt", "text/plain"),
        (b'{"a": [1, 2]}', "a.txt", "application/json"),
        (b"[1, 2", "", "text/plain"),
        (b"{not json}", "", "text/plain"),
        (json.dumps([{"number": number} for number in range(9000)]).encode()[:HEAD_BYTES], "", "application/json"),
        (b"[" * HEAD_BYTES, "", "application/json"),
        (b"[" * 5000, "", "text/plain"),
        (b"BEGIN:VCARD\r\nVERSION:4.0\r\n", "x", "text/vcard"),
        (b"BEGIN:VCALENDAR\r\n", "x", "text/calendar"),
        (b"WEBVTT\n\n", "x", "text/vtt"),
        ("Grüße aus Köln, und viel mehr Text".encode("latin-1"), "x.txt", "text/plain"),
        ("語" * 30_000, "x.txt", "text/plain"),
        (b"BMW builds cars", "x.bmp", "text/plain"),
        (b"GIFT list", "x.gif", "text/plain"),
        (b"ID3 is a tag", "x.mp3", "text/plain"),
        (b"\x1b[31mred\x1b[0m", "x.log", "text/plain"),
    ],
)
def test_text_is_told_apart_by_content_and_name(content: bytes | str, name: str, media_type: str) -> None:
    head = content.encode() if isinstance(content, str) else content
    assert detect(head[:HEAD_BYTES], name=name) == media_type


@pytest.mark.parametrize("content", [b"\x00", b"\x00\x01\x02\x03", b"BM\x00\x01", b"GIF\x00\x01\x02", b"text\x00text"])
def test_what_is_nothing_known_is_bytes(content: bytes) -> None:
    assert detect(content, name="a.html") == UNKNOWN


def test_noise_is_bytes() -> None:
    noise = random.Random(7)
    found = {detect(b"\x00" + noise.randbytes(300), name="x.svg") for _ in range(300)}
    assert found == {UNKNOWN}


@given(st.binary(max_size=200), st.text(max_size=20))
def test_any_bytes_have_a_type(content: bytes, name: str) -> None:
    assert "/" in detect(content, name=name)


@given(
    st.sampled_from([b"PK\x03\x04", b"<?xml", b"<!--", b"{", b"\x89PNG", b"\x00\x00\x00\x20ftyp", b"\xff\xfe"]),
    st.binary(max_size=200),
)
def test_any_bytes_behind_a_signature_have_a_type(signature: bytes, content: bytes) -> None:
    assert "/" in detect(signature + content, name="")


@pytest.mark.parametrize(
    ("media_type", "inline"),
    [
        ("image/jpeg", True),
        ("image/avif", True),
        ("IMAGE/PNG", True),
        ("video/mp4", True),
        ("audio/mpeg", True),
        ("text/plain", True),
        ("text/plain; charset=utf-8", True),
        ("image/svg+xml", False),
        ("text/html", False),
        ("application/xhtml+xml", False),
        ("application/xml", False),
        ("text/javascript", False),
        ("text/css", False),
        ("application/pdf", False),
        ("application/octet-stream", False),
        ("image/jpeg2", False),
        ("", False),
    ],
)
def test_only_what_runs_nothing_is_shown_in_the_browser(media_type: str, inline: bool) -> None:
    assert may_be_inline(media_type) is inline


def test_a_png_called_jpg_is_a_png() -> None:
    assert detect(png(1, 1, rows=b"\x00\x00"), name="holiday.jpg") == "image/png"
