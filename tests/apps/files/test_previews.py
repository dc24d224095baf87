"""What texts look like in the preview, and that nothing in them runs, loads, or takes long."""

from typing import Any

import pytest

from commonplace.apps.files import previews
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
    assert "cannot be shown as text" in (await drawn(picture)).text
    assert (await drawn(code, ben)).status_code == 404
