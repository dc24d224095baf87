"""What is read out of documents: their text, and what they tell about themselves."""

import gzip
import os
import struct
from pathlib import Path

import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from commonplace.platform.media.encodings import decoded_text
from commonplace.platform.media.found import MOST_TEXT_BYTES
from commonplace.platform.media.process import Media
from commonplace.platform.media.settings import MediaSettings
from tests.platform.media import documents
from tests.platform.media.conftest import Look
from tests.platform.media.pictures import encoded, quarters

pytestmark = pytest.mark.anyio

TEXTS = {
    "utf-8": "Grüße aus Köln, naïve café \u2014 \u201cquoted\u201d",
    "utf-16": "Any text at all",
    "windows-1252": "Grüße aus Köln, naïve café und Straßen überall",
    "windows-1251": "Съешь же ещё этих мягких французских булок, да выпей чаю",
    "koi8-r": "Съешь же ещё этих мягких французских булок, да выпей чаю",
    "windows-1250": "Zażółć gęślą jaźń, a potem idź do domu przez łąkę",
    "windows-1253": "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία και τον κόσμο",
    "shift_jis": "いろはにほへと ちりぬるを 日本語の文章です",
    "euc_jp": "いろはにほへと ちりぬるを 日本語の文章です",
    "euc_kr": "다람쥐 헌 쳇바퀴에 타고파, 한국어 문장입니다",
    "gb18030": "我们在这里生活 中国的人民和时间都很重要",
}


class TestPlainTexts:
    async def test_are_decoded_whatever_they_are_encoded_in(self) -> None:
        for encoding, text in TEXTS.items():
            found, name = decoded_text((text + "\n").encode(encoding) * 3, is_whole=True)
            assert found.replace("\ufeff", "") == (text + "\n") * 3, (encoding, name)

    async def test_are_kept_up_to_a_length_and_that_is_said(self, look: Look) -> None:
        looked = await look("a.txt", "ä".encode() * MOST_TEXT_BYTES)
        assert looked.found.is_cut
        assert looked.found.text is not None
        assert len(looked.found.text.encode()) == MOST_TEXT_BYTES

    async def test_of_markdown_the_first_heading_is_its_title(self, look: Look) -> None:
        looked = await look("a.md", b"---\ntags: [x]\n---\n\n# Bread *and* salt\n\nText")
        assert looked.found.facts == {"encoding": "utf-8", "title": "Bread *and* salt", "lines": 7}
        assert looked.rendered is None


class TestPDF:
    async def test_gives_text_facts_and_its_first_page(self, look: Look) -> None:
        content = documents.pdf("Harbour at dawn", "Second page", information="/Title(The sea)/Author(Ana)")
        looked = await look("a.pdf", content)
        assert (looked.state, looked.found.reason) == ("done", None)
        assert looked.found.text == "Harbour at dawn\n\fSecond page"
        assert looked.found.facts == {"pages": 2, "title": "The sea", "author": "Ana"}
        assert looked.rendered is not None
        (rendition,) = looked.rendered.renditions
        assert (rendition.width, rendition.height) == (64, 43)

    async def test_a_page_is_drawn_by_its_number(self, media: Media, tmp_path: Path) -> None:
        (tmp_path / "a.pdf").write_bytes(documents.pdf("One", "Two"))
        drawn = await media.draw_page(tmp_path / "a.pdf", tmp_path, page=2, size=300)
        assert (drawn.state, drawn.width, drawn.height) == ("done", 300, 200)
        assert drawn.renditions[0].path.read_bytes()[8:12] == b"WEBP"
        beyond = await media.draw_page(tmp_path / "a.pdf", tmp_path, page=3, size=300)
        assert beyond.reason == "unreadable: It has 2 pages."


RTF = (
    rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Times;}}{\info{\title Bread}{\author Ana}}"
    rb"\f0 Gr\'fc\'dfe \u8212? and {\b salt}\par{\*\generator x;}end}"
)
MAIL = (
    b"From: Ana <ana@example.org>\r\nTo: ben@example.org\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"Date: Fri, 01 May 2026 12:30:00 +0200\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>The <b>harbour</b></p><script>no()</script>\r\n"
    b"--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=bill.pdf\r\n\r\nx\r\n--b--\r\n"
)
PAGE = (
    b"<!doctype html><html lang=en><head><meta charset=windows-1252><title>A page</title><style>no</style></head>"
    b"<body>Caf\xe9<script>no()</script><p>one <b>two</b> three<ul><li>four</ul><svg><text>no</text></svg></body>"
)
PARAGRAPHS = "<text:h>Head</text:h><text:p>a<text:s text:c='3'/>b<text:tab/>c <text:span>d</text:span></text:p>"

#: Name, content, media type, text, facts.
DOCUMENTS: list[tuple[str, bytes, str, str, dict[str, object]]] = [
    (
        "a.docx",
        documents.docx("Harbour at dawn", "Second"),
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "Harbour at dawn\nSecond",
        {"title": "The sea", "author": "Ana", "pages": 3},
    ),
    (
        "a.xlsx",
        documents.xlsx(),
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "bread\t12.5\nsalt",
        {"sheets": ["Pantry"]},
    ),
    (
        "a.pptx",
        documents.pptx(*(f"slide {number}" for number in range(1, 12))),
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "\n".join(f"slide {number}" for number in range(1, 12)),
        {"slides": 11},
    ),
    *(
        (
            f"a.{ending}",
            documents.odt(PARAGRAPHS, kind),
            f"application/vnd.oasis.opendocument.{kind}",
            "Head\na   b\tc d",
            {"title": "The sea", "pages": 2},
        )
        for ending, kind in (("odt", "text"), ("ods", "spreadsheet"), ("odp", "presentation"))
    ),
    (
        "a.epub",
        documents.epub("last", "Call me"),
        "application/epub+zip",
        "Call me\n\n\nlast",
        {"title": "Moby", "language": "en"},
    ),
    ("a.rtf", RTF, "application/rtf", "Grüße \u2014 and salt\nend", {"title": "Bread", "author": "Ana"}),
    (
        "a.eml",
        MAIL,
        "message/rfc822",
        "Grüße\nAna <ana@example.org>\nben@example.org\n\nThe harbour\nbill.pdf",
        {
            "title": "Grüße",
            "author": "Ana <ana@example.org>",
            "to": "ben@example.org",
            "sent_at": "2026-05-01T12:30:00+02:00",
            "attachments": ["bill.pdf"],
        },
    ),
    (
        "a.html",
        PAGE,
        "text/html",
        "Café\none two three\n\nfour",
        {"title": "A page", "language": "en", "encoding": "cp1252"},
    ),
    ("a.srt", b"1\n00:00:01,000 --> 00:00:02,000\nHello\n", "application/x-subrip", "", {}),
]


async def test_documents_give_their_text_and_what_they_tell_of_themselves(look: Look) -> None:
    for name, content, media_type, text, facts in DOCUMENTS:
        looked = await look(name, content)
        assert (looked.media_type, looked.state, looked.found.reason) == (media_type, "done", None), name
        if text:
            assert (looked.found.text, looked.found.facts) == (text, facts), name


class TestArchives:
    async def test_are_listed_whatever_they_are_packed_by(self, look: Look) -> None:
        names = ["photos/", "photos/Hafen \u2014 früh.jpg", "../../etc/passwd"]
        archives = {"a.zip": documents.packed(dict.fromkeys(names, b"12345"))}
        archives |= {f"a.tar{form}": documents.tar(names[1:], form) for form in ("", "gz", "bz2", "xz")}  # type: ignore[arg-type]
        for name, content in archives.items():
            looked = await look(name, content)
            assert looked.found.entries is not None, name
            assert [entry.name for entry in looked.found.entries][-2:] == names[1:]
            assert {entry.size_bytes for entry in looked.found.entries} == {5}
            assert looked.found.facts["entries"] == len(looked.found.entries)

    async def test_one_compressed_file_is_none(self, look: Look) -> None:
        looked = await look("a.gz", gzip.compress(b"only a text"))
        assert (looked.state, looked.found.reason) == ("none", "not_an_archive: It is one compressed file.")


def box(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def mp4() -> bytes:
    """The outermost structure of a film of five seconds, 640 by 360."""
    header = box(b"mvhd", bytes(12) + struct.pack(">II", 600, 3000) + bytes(80))
    track = box(b"tkhd", bytes(76) + struct.pack(">II", 640 << 16, 360 << 16))
    kind = box(b"mdia", box(b"minf", box(b"stbl", box(b"stsd", bytes(8) + box(b"avc1", bytes(70))))))
    return (
        box(b"ftyp", b"isom" + bytes(4) + b"isom")
        + box(b"mdat", bytes(50))
        + box(b"moov", header, box(b"trak", track, kind))
    )


def element(number: int, content: bytes) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big") + bytes([0x80 | len(content)]) + content


def matroska() -> bytes:
    information = element(0x2AD7B1, (1_000_000).to_bytes(3, "big")) + element(0x4489, struct.pack(">d", 5000.0))
    track = element(0x86, b"V_VP9") + element(0xE0, element(0xB0, b"\x02\x80") + element(0xBA, b"\x01\x68"))
    segment = element(0x1549A966, information) + element(0x1654AE6B, element(0xAE, track))
    return element(0x1A45DFA3, element(0x4282, b"matroska")) + element(0x18538067, segment) + bytes(4)


def avi() -> bytes:
    header = struct.pack("<I12xI12xII16x", 100_000, 50, 0, 0)
    header = struct.pack("<IIIIIIIIII16x", 100_000, 0, 0, 0, 50, 0, 0, 0, 640, 360)
    return b"RIFF\0\0\0\0AVI LIST\0\0\0\0hdrlavih" + struct.pack("<I", 56) + header


def mp3() -> bytes:
    """A second of silence with a title, the words of a song, and a cover."""
    cover = encoded(quarters(100, 80), "JPEG")
    frames = b""
    for name, content in {
        b"TIT2": b"\x03Harbour",
        b"TPE1": b"\x03Ana",
        b"USLT": b"\x03eng\x00The tide comes in",
        b"APIC": b"\x00image/jpeg\x00\x03\x00" + cover,
    }.items():
        frames += name + struct.pack(">IH", len(content), 0) + content
    size = len(frames)
    length = bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\x00\x00" + length + frames + (b"\xff\xfb\x90\x00" + bytes(413)) * 40


async def test_sound_tells_what_its_tags_tell_and_shows_its_cover(look: Look) -> None:
    looked = await look("a.mp3", mp3())
    facts = looked.found.facts
    assert (looked.media_type, facts["title"], facts["artist"]) == ("audio/mpeg", "Harbour", "Ana")
    assert (facts["duration_seconds"], facts["sample_rate_hz"]) == (pytest.approx(1.04, abs=0.1), 44100)
    assert looked.found.text == "Harbour\nAna\nThe tide comes in"
    assert looked.rendered is not None
    assert [rendition.width for rendition in looked.rendered.renditions] == [64]


async def test_film_tells_its_length_and_size_without_any_program(look: Look) -> None:
    for name, content, codecs in (("a.mp4", mp4(), ["avc1"]), ("a.mkv", matroska(), ["V_VP9"]), ("a.avi", avi(), None)):
        facts = dict((await look(name, content)).found.facts)
        assert facts.pop("codecs", None) == codecs, name
        assert facts == {"duration_seconds": 5.0, "width": 640, "height": 360}, name


async def test_a_frame_of_a_film_is_taken_by_a_program_that_may_open_this_file_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In place of `ffmpeg`: a program that writes down how it was called, and gives a picture."""
    (tmp_path / "frame.png").write_bytes(encoded(quarters(80, 60), "PNG"))
    program = tmp_path / "ffmpeg"
    program.write_text(
        f'#!/bin/sh\necho "$@" > {tmp_path}/called\nfor last; do :; done\ncp {tmp_path}/frame.png "${{last#file:}}"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    (tmp_path / "film").write_bytes(mp4())
    (tmp_path / "folder").mkdir()
    media = Media(MediaSettings())
    looked = await media.look(tmp_path / "film", tmp_path / "folder", sizes=(64,), name="a.mp4")
    await media.close()

    assert looked.rendered is not None
    assert (looked.rendered.state, looked.rendered.width, looked.rendered.height) == ("done", 640, 360)
    called = (tmp_path / "called").read_text()
    assert f"-protocol_whitelist file -f mov -ss 0.500 -i file:{tmp_path}/film" in called


def raw(orientation: int) -> bytes:
    """A raw picture as cameras make it: a TIFF that tells of itself, a small preview and a large one, other bytes."""
    entries = [(0x010F, 2, 6, b"Nikon\0"), (0x0110, 2, 6, b"Nikon\0"), (0x0112, 3, 1, struct.pack("<H", orientation))]
    body, values = b"", b""
    start = 8 + 2 + 12 * len(entries) + 4
    for tag, kind, count, value in entries:
        place = value.ljust(4, b"\0") if len(value) <= 4 else struct.pack("<I", start + len(values))
        values += value if len(value) > 4 else b""
        body += struct.pack("<HHI", tag, kind, count) + place
    head = b"II*\x00" + struct.pack("<IH", 8, len(entries)) + body + bytes(4) + values
    previews = (encoded(quarters(width, width * 3 // 4), "JPEG") for width in (320, 800))
    return head + b"\xff\xd8\xff\xc4\x00\x01" + bytes(100).join(previews) + bytes(1000)


async def test_a_raw_picture_shows_the_preview_of_its_camera(look: Look) -> None:
    upright = await look("a.nef", raw(1))
    assert (upright.media_type, upright.found.facts["camera"]) == ("image/x-nikon-nef", "Nikon")
    assert upright.rendered is not None
    assert (upright.rendered.width, upright.rendered.height) == (800, 600)
    turned = await look("a.nef", raw(6))
    assert turned.rendered is not None
    (rendition,) = turned.rendered.renditions
    assert (turned.rendered.width, rendition.width, rendition.height) == (600, 48, 64)


async def test_a_photograph_tells_where_and_by_what_it_was_taken(look: Look) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Canon", "Canon EOS R5"
    exif[0x8769] = {
        0x9003: "2026:05:01 12:30:00",
        0x829A: IFDRational(1, 200),
        0x829D: IFDRational(28, 10),
        0x8827: 400,
        0xA434: "RF 50mm",
    }
    exif[0x8825] = {1: "N", 2: (59.0, 54.0, 50.04), 3: "W", 4: (10.0, 45.0, 7.92)}
    found = (await look("a.jpg", encoded(quarters(), "JPEG", exif=exif))).found
    assert found.place is not None
    assert (found.place.latitude, found.place.longitude) == pytest.approx((59.9139, -10.7522))
    assert found.facts == {
        "width": 160,
        "height": 120,
        "camera": "Canon EOS R5",
        "lens": "RF 50mm",
        "taken_at": "2026-05-01T12:30:00",
        "exposure_seconds": 0.005,
        "f_number": 2.8,
        "iso": 400,
    }
