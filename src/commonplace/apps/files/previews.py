"""What a text looks like in the preview: code in colours, Markdown as it reads, CSV as a table, the rest in lines.

Everything here is inert: text is escaped, or cleaned down to a short list of tags. The work is bounded by how much is
looked at, and runs beside the event loop. Heavy libraries are loaded when the first preview asks for them.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup, escape

from commonplace.platform.media.texts import CSV, decoded, decoded_as_old

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

MOST_BYTES: Final = 384 * 1024  #: that are looked at; what is longer is shown up to there
MOST_FOUND: Final = 200_000  #: characters of the text that was found in a document
MOST_LINES: Final = 4000
MOST_COLOURED: Final = 96 * 1024  #: characters; longer code is shown without colours, which take too long
MOST_ROWS: Final = 1000
MOST_CELLS: Final = 60  #: of a row
LONGEST_CELL: Final = 400  #: characters
_LONGEST_LINE: Final = 4000  #: a line that is longer makes no code that a person reads: it is shown without colours
_MARKDOWN: Final = re.compile(r"\.(md|markdown)$", re.IGNORECASE)
_TABLE: Final = re.compile(r"\.(csv|tsv|tab)$", re.IGNORECASE)
_TABLE_TYPES: Final = (CSV, "text/tab-separated-values")
_TEXTS: Final = re.compile(r"text/|image/svg\+xml|application/(json|xml|toml|yaml|x-sh|x-empty|postscript|sql)")
_TAGS: Final = (
    "a", "blockquote", "br", "code", "del", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s", "span",
    "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A text as the preview shows it."""

    kind: str  #: `code`, `markdown`, `table`, `found`, `archive`, or `nothing` where nothing can be shown
    language: str = ""  #: of code: `Python`
    lines: Sequence[Markup] = ()  #: of code, each whole by itself
    prose: Markup = field(default_factory=Markup)
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    paragraphs: Sequence[str] = ()  #: the text that was found in a document
    entries: Sequence[Mapping[str, Any]] = ()  #: of an archive: name, size_bytes, is_folder
    number: int = 0  #: of entries in the archive
    is_cut: bool = False  #: there is more than is shown


def is_text(media_type: str) -> bool:
    """Whether a file of this type is shown as text."""
    return _TEXTS.match(media_type) is not None


def preview_of(name: str, media_type: str, head: bytes, *, is_whole: bool) -> Preview:
    """The preview of a text from its first `MOST_BYTES`; takes up to a second, so call it in a thread."""
    text = decoded(head)
    if text is None:
        text = decoded_as_old(head)
    if text is None:
        return Preview(kind="nothing")
    if media_type == "text/markdown" or _MARKDOWN.search(name):
        return Preview(kind="markdown", prose=_prose(text), is_cut=not is_whole)
    if media_type in _TABLE_TYPES or _TABLE.search(name):
        table = _table(text, is_whole=is_whole)
        if table is not None:
            return table
    return _code(name, text, is_whole=is_whole)


def found_in(
    text: str | None, entries: Sequence[Mapping[str, Any]] | None, facts: Mapping[str, Any] | None, *, is_cut: bool
) -> Preview:
    """The preview of a document or an archive: its text, or what is in it, as far as it was read."""
    if entries:
        number = int((facts or {}).get("entries") or len(entries))
        return Preview(kind="archive", entries=entries, number=number, is_cut=number > len(entries))
    if text and text.strip():
        paragraphs = [part.strip() for part in re.split(r"\n\s*\n|\f", text) if part.strip()]
        return Preview(kind="found", paragraphs=paragraphs, is_cut=is_cut or len(text) >= MOST_FOUND)
    return Preview(kind="nothing")


def _prose(text: str) -> Markup:
    """Markdown as HTML: nothing in it runs, loads, or looks like a part of the page."""
    import nh3  # noqa: PLC0415 - only previews of Markdown need it

    cleaned = nh3.clean(
        _markdown().render(text),
        tags=set(_TAGS),
        attributes={"a": {"href", "title"}, "ol": {"start"}},
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )
    return Markup(cleaned)  # noqa: S704 - cleaned


@cache
def _markdown() -> "MarkdownIt":
    from markdown_it import MarkdownIt  # noqa: PLC0415 - as above

    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 20}).enable(["table", "strikethrough"])
    parser.add_render_rule("heading_open", _lower_heading)
    parser.add_render_rule("heading_close", _lower_heading)
    parser.add_render_rule("image", _only_words)
    return parser


def _lower_heading(self: Any, tokens: Sequence[Any], index: int, options: Any, env: Any) -> str:
    """The dialog has headings of its own above those of the text."""
    token = tokens[index]
    token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
    return str(self.renderToken(tokens, index, options, env))


def _only_words(self: Any, tokens: Sequence[Any], index: int, options: Any, env: Any) -> str:  # noqa: ARG001 - its shape
    """A picture in a text is named, not loaded: whoever wrote the text would learn who reads it, and when."""
    return f"<em>{escape(tokens[index].content)}</em>"


def _table(text: str, *, is_whole: bool) -> Preview | None:
    """The first rows of a table; None when it is none."""
    lines = text.splitlines()
    sample = "\n".join(lines[:20])
    delimiter = max(",;\t|", key=sample.count)
    reader = csv.reader(lines if is_whole else lines[:-1], delimiter=delimiter)
    rows: list[list[str]] = []
    try:
        for row in reader:
            rows.append([cell[:LONGEST_CELL] for cell in row[:MOST_CELLS]])
            if len(rows) > MOST_ROWS:
                break
    except csv.Error:
        return None
    if not rows or len(rows[0]) < 2:  # noqa: PLR2004 - one column is a list of lines
        return None
    width = max(len(row) for row in rows)
    even = [row + [""] * (width - len(row)) for row in rows]
    is_cut = not is_whole or len(rows) > MOST_ROWS
    return Preview(kind="table", head=even[0], rows=even[1 : MOST_ROWS + 1], is_cut=is_cut)


def _code(name: str, text: str, *, is_whole: bool) -> Preview:
    """Text in lines, in the colours of its language where its name tells one."""
    all_lines = text.expandtabs(4).splitlines()
    shown = all_lines[:MOST_LINES]
    is_cut = not is_whole or len(all_lines) > MOST_LINES
    lexer = None if any(len(line) > _LONGEST_LINE for line in shown) else _lexer_of(name)
    source = "\n".join(shown)
    if lexer is None or len(source) > MOST_COLOURED:
        return Preview(kind="code", lines=[escape(line) for line in shown], is_cut=is_cut)
    from pygments import highlight  # noqa: PLC0415 - it is heavy, and loaded with the first code that is looked at
    from pygments.formatters import HtmlFormatter  # noqa: PLC0415 - as above

    coloured = highlight(source, lexer, HtmlFormatter(nowrap=True))  # each line opens and closes its own spans
    lines = [Markup(line) for line in coloured.rstrip("\n").split("\n")]  # noqa: S704 - escaped by Pygments
    return Preview(kind="code", language=lexer.name, lines=lines, is_cut=is_cut)


def _lexer_of(name: str) -> Any:
    from pygments.lexers import get_lexer_for_filename  # noqa: PLC0415 - as above
    from pygments.util import ClassNotFound  # noqa: PLC0415 - as above

    try:
        lexer = get_lexer_for_filename(name, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None
    return None if lexer.name == "Text only" else lexer
