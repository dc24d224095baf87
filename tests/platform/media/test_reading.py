"""What is read out of documents: their text, and what they tell about themselves."""

import gzip
from pathlib import Path

import pytest

from commonplace.platform.media.encodings import decoded_text
from commonplace.platform.media.found import MOST_TEXT_BYTES
from commonplace.platform.media.process import Media
from tests.platform.media import documents
from tests.platform.media.conftest import Look

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
