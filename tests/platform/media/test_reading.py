"""What is read out of documents: their text, and what they tell about themselves."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from commonplace.platform.media.encodings import decoded_text
from commonplace.platform.media.found import MOST_TEXT_BYTES
from commonplace.platform.media.process import Media
from commonplace.platform.media.rendering import Looked
from tests.platform.media import documents

pytestmark = pytest.mark.anyio

Look = Callable[[str, bytes], Awaitable[Looked]]


@pytest.fixture
def look(media: Media, tmp_path: Path) -> Look:
    """Look at bytes under a name."""
    numbers = iter(range(100))

    async def look(name: str, content: bytes) -> Looked:
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        source = tmp_path / "source"
        source.write_bytes(content)
        return await media.look(source, folder, sizes=(64,), name=name)

    return look


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
