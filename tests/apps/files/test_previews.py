"""What texts look like in the preview, and that nothing in them runs, loads, or takes long."""

import io
import re
import zipfile
from typing import Any

import pytest

from commonplace.apps.files import previews
from commonplace.apps.files.found_words import place_of, words_of
from commonplace.apps.files.previews import Preview, preview_of
from tests.visitor import Visitor

pytestmark = pytest.mark.anyio


def of(name: str, text: str | bytes, media_type: str = "text/plain", *, is_whole: bool = True) -> Preview:
    head = text.encode() if isinstance(text, str) else text
    return preview_of(name, media_type, head, is_whole=is_whole)


def test_code_is_coloured_in_lines_that_are_each_whole() -> None:
    shown = of("a.py", 'def f():\n    """One\n    <b>two</b>."""\n')
    assert (shown.kind, shown.language, len(shown.lines)) == ("code", "Python", 3)
    for line in shown.lines:
        assert line.count("<span") == line.count("</span>")
    assert "&lt;b&gt;two" in shown.lines[2]


def test_a_text_that_is_no_code_is_escaped() -> None:
    shown = of("Lease.txt", "<script>alert(1)</script>\n\tWe agree.")
    assert [str(line) for line in shown.lines] == ["&lt;script&gt;alert(1)&lt;/script&gt;", "    We agree."]


@pytest.mark.parametrize("text", ["x = 1;" * 2000, "\n".join(["let letters = 12345;  // a line"] * 5000)])
def test_code_that_nobody_reads_is_not_coloured(text: str) -> None:
    shown = of("a.js", text)
    assert (shown.language, len(shown.lines) <= previews.MOST_LINES) == ("", True)
    assert shown.is_cut == (text.count("\n") > previews.MOST_LINES)


def test_markdown_reads_as_prose_and_is_inert() -> None:
    shown = of(
        "Notes.md",
        "# Title\n\n[a](https://example.org) [b](javascript:alert(1)) ![Quay <i>](https://example.org/x.png)\n\n"
        "<img src=x onerror=alert(1)><script>alert(1)</script>\n\n| a | b |\n|---|---|\n| 1 | 2 |\n",
    )
    html = str(shown.prose)
    assert "<h3>Title</h3>" in html
    assert 'href="https://example.org"' in html
    assert 'target="_blank"' in html
    assert "<td>1</td>" in html
    assert "<em>Quay &lt;i&gt;</em>" in html
    for never in ("<img", "<script", 'href="javascript', "onerror=alert(1)>"):
        assert never not in html


def test_a_table_is_bounded_and_even() -> None:
    rows = ["Date;Shop", "2026-06-14;Baker;too much", '2026-06-15;"a;b"', "2026"] + ["x;y"] * 1200
    shown = of("Budget.csv", "\n".join(rows), "text/csv")
    assert (shown.kind, shown.head, shown.is_cut) == ("table", ["Date", "Shop", ""], True)
    assert shown.rows[:3] == [["2026-06-14", "Baker", "too much"], ["2026-06-15", "a;b", ""], ["2026", "", ""]]
    assert len(shown.rows) == previews.MOST_ROWS


@pytest.mark.parametrize("text", ["one column\nonly", "", '"' + "x" * 140_000])
def test_what_is_no_table_is_shown_in_lines(text: str) -> None:
    assert of("a.csv", text, "text/csv").kind == "code"


@pytest.mark.parametrize(
    "content", ["Viele Grüße".encode("utf-16"), "Viele Grüße".encode(), "Viele Grüße".encode("latin-1")]
)
def test_texts_in_older_encodings_are_read(content: bytes) -> None:
    assert [str(line) for line in of("a.txt", content).lines] == ["Viele Grüße"]


def test_what_is_no_text_says_so() -> None:
    assert of("a.txt", b"\x00\x01\x02" * 100).kind == "nothing"


async def test_the_server_draws_a_preview_for_who_may_see_the_file(
    ana: Visitor, ben: Visitor, upload: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commonplace.apps.files.previews.MOST_BYTES", 64)
    code = await upload(ana, "a.py", b"import os\n")
    prose = await upload(ana, "a.md", b"# Title\n" + b"word " * 100)
    table = await upload(ana, "a.csv", b"a,b\n1,<i>\n")
    page = await upload(ana, "a.html", b"<html><script>alert(1)</script></html>")
    empty = await upload(ana, "a.txt", b"")
    picture = await upload(ana, "a.bin", bytes(range(256)))

    async def drawn(file: dict[str, Any], visitor: Visitor = ana) -> Any:
        return await visitor.get(f"/app/files/preview/{file['id']}", headers={"Accept": "text/html"})

    assert '<span class="kn">import</span>' in (await drawn(code)).text
    html = (await drawn(prose)).text
    assert "<h3>Title</h3>" in html
    assert "Only the beginning is shown." in html
    assert "<td>&lt;i&gt;</td>" in (await drawn(table)).text
    html = (await drawn(page)).text
    assert "&lt;" in html
    assert "<script" not in html
    assert "This file is empty." in (await drawn(empty)).text
    assert "There is no preview of this kind of file." in (await drawn(picture)).text
    assert (await drawn(code, ben)).status_code == 404


def test_documents_and_archives_show_what_was_found_in_them() -> None:
    shown = previews.found_in("One\n\n\nTwo\nlines\fThree", None, {}, is_cut=False)
    assert (shown.kind, list(shown.paragraphs), shown.is_cut) == ("found", ["One", "Two\nlines", "Three"], False)
    entries = [{"name": "a/", "is_folder": True}, {"name": "a/b.txt", "size_bytes": 12}]
    shown = previews.found_in(None, entries, {"entries": 5000}, is_cut=False)
    assert (shown.kind, shown.number, shown.is_cut) == ("archive", 5000, True)
    assert previews.found_in(" \n", [], None, is_cut=True).kind == "nothing"


async def test_what_was_found_is_told_beside_the_file(ana: Visitor, upload: Any, deliver: Any) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("Letters/Lease <b>.txt", "We agree.")
    zipped = await upload(ana, "Letters.zip", packed.getvalue())
    letter = await upload(ana, "Letter.rtf", rb"{\rtf1\ansi{\info{\author Ana Lind}}We agree \par to this.}")
    await deliver()
    html = (await ana.get(f"/app/files/preview/{zipped['id']}", headers={"Accept": "text/html"})).text
    assert "Letters/Lease &lt;b&gt;.txt" in html
    assert "1 entry" in html
    html = (await ana.get(f"/app/files/preview/{letter['id']}", headers={"Accept": "text/html"})).text
    assert "We agree" in html
    html = (await ana.get(f"/app/files/details/{letter['id']}", headers={"Accept": "text/html"})).text
    assert "<dt>Author</dt><dd>Ana Lind</dd>" in html


def test_facts_are_told_in_words() -> None:
    facts = {
        "camera": "Canon EOS", "duration_seconds": 3725.2, "pages": 1200, "unpacked_bytes": 1500, "encoding": "utf-8",
        "to": ["Ana", "Ben"], "has_forms": True, "width": 3, "subject": "",
    }  # fmt: skip
    told = [(word, re.sub(r"<[^>]+>", "", str(value))) for word, value in words_of(facts)]
    assert told == [
        ("Camera", "Canon EOS"), ("Duration", "1:02:05"), ("Pages", "1,200"), ("Unpacked", "2\N{NO-BREAK SPACE}kB"),
        ("To", "Ana, Ben"), ("Has forms", "yes"),
    ]  # fmt: skip
    assert words_of({"duration_seconds": 42}) == [("Duration", "0:42")]
    assert place_of(51.47691, -0.0005) == "51.4769° N, 0.0005° W"
    assert place_of(None, None) == ""
