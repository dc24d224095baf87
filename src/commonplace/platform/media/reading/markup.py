"""XML, element by element, and the text of HTML.

XML of documents declares no entities, so a declaration is malice, and refused before it can mean anything: no entity
is ever expanded, no address ever opened. Nothing is built up in memory but what a reader keeps.
"""

import codecs
import re
from collections.abc import Callable, Iterable, Mapping
from html.parser import HTMLParser
from typing import Final
from xml.parsers import expat

from commonplace.platform.media.encodings import decoded_text
from commonplace.platform.media.found import Found, facts_of
from commonplace.platform.media.reading.source import Collected, Read, Source, Unreadable

Start = Callable[[str, Mapping[str, str]], None]
_MOST_HTML_BYTES: Final = 8_000_000
_DEEPEST: Final = 1000
_CHARSET: Final = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?\s*([\w.:-]{2,40})""", re.IGNORECASE)
_CHARSET_REACH: Final = 2048
_BLOCKS: Final = frozenset(
    {
        *("address", "article", "aside", "blockquote", "br", "caption", "dd", "div", "dl", "dt", "figcaption"),
        *("figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol"),
        *("p", "pre", "section", "table", "tbody", "td", "tfoot", "th", "thead", "title", "tr", "ul"),
    }
)
_SILENT: Final = frozenset({"script", "style", "template", "noscript", "svg", "math", "object", "iframe"})


class _EnoughRead(Exception):
    """Whoever listens has as much as it keeps."""


def enough() -> None:
    """Called by a listener: read no further."""
    raise _EnoughRead


def walk(
    pieces: Iterable[bytes],
    *,
    start: Start | None = None,
    end: Callable[[str], None] | None = None,
    data: Callable[[str], None] | None = None,
) -> None:
    """Go through an XML text. Names come without their namespaces; a text that is cut off ends quietly.

    Raises:
        Unreadable: it is no XML, declares a document type, or is nested deeper than documents are.
    """
    depth = 0

    def on_start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            raise Unreadable("refused", f"Its elements are nested more than {_DEEPEST:,} deep.")
        if start is not None:
            start(name.rpartition(" ")[2], {key.rpartition(" ")[2]: value for key, value in attributes.items()})

    def on_end(name: str) -> None:
        nonlocal depth
        depth -= 1
        if end is not None:
            end(name.rpartition(" ")[2])

    def on_declaration(*_: object) -> None:
        raise Unreadable("refused", "It declares a document type, by which text can be made to multiply.")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = on_start
    parser.EndElementHandler = on_end
    parser.CharacterDataHandler = data
    parser.StartDoctypeDeclHandler = on_declaration
    try:
        for piece in pieces:
            parser.Parse(piece, False)  # noqa: FBT003 - expat's signature
    except _EnoughRead:
        return
    except expat.ExpatError as error:
        raise Unreadable("unreadable", f"A part of it is no XML ({error}).") from error


def read(source: Source) -> Read:
    """The text of an HTML page as one would read it, its title, author and language."""
    with source.path.open("rb") as file:
        data = file.read(_MOST_HTML_BYTES + 1)
    page = Page()
    encoding = page.take(data[:_MOST_HTML_BYTES])
    text, is_cut = page.collected.found()
    return Read(
        Found(
            text=text,
            is_cut=is_cut or len(data) > _MOST_HTML_BYTES,
            facts=facts_of(title=page.title, author=page.author, language=page.language, encoding=encoding),
        )
    )


class Page(HTMLParser):
    """Collects what is to be read of HTML. Scripts and styles are skipped; nothing is loaded, nothing run."""

    def __init__(self, collected: Collected | None = None) -> None:
        super().__init__(convert_charrefs=True)
        self.collected = collected if collected is not None else Collected()
        self.title = ""
        self.author: str | None = None
        self.language: str | None = None
        self._silent: str | None = None  # the element whose end ends the silence
        self._is_in_title = False
        self._may_break = False

    def take(self, data: bytes) -> str:
        """Read the bytes of a page. Gives the name of their encoding."""
        declared = _declared(data)
        if declared is None:
            text, encoding = decoded_text(data, is_whole=True)
        else:
            text, encoding = data.decode(declared, "replace"), declared
        for begin in range(0, len(text), 65_536):
            if self.collected.is_full:
                self.collected.add(text[begin:])
                break
            self.feed(text[begin : begin + 65_536])
        else:
            self.close()
        return encoding

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what begins."""
        if self._silent is not None:
            return
        if tag in _SILENT:
            self._silent = tag
        elif tag == "title":
            self._is_in_title = True
        elif tag == "html":
            self.language = dict(attrs).get("lang")
        elif tag == "meta":
            given = dict(attrs)
            if (given.get("name") or "").lower() == "author":
                self.author = given.get("content")
        if tag in _BLOCKS:
            self._break()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element that ends where it begins silences nothing."""
        if tag not in _SILENT:
            self.handle_starttag(tag, attrs)
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        """Note what ends."""
        if tag == self._silent:
            self._silent = None
        elif tag == "title":
            self._is_in_title = False
        if tag in _BLOCKS:
            self._break()

    def handle_data(self, data: str) -> None:
        """Keep text."""
        if self._silent is not None:
            return
        if self._is_in_title:
            self.title += data[:500]
            return
        words = " ".join(data.split())
        if words:
            before = " " if data[0].isspace() and self._may_break else ""
            self.collected.add(before + words + (" " if data[-1].isspace() else ""))
            self._may_break = not data[-1].isspace()

    def parse_marked_section(self, i: int, report: int = 1) -> int:  # noqa: ARG002 - the library's signature
        """`<![` means nothing in HTML: a comment, as in browsers. The library would raise an AssertionError."""
        return self.parse_bogus_comment(i)

    def _break(self) -> None:
        if not self._is_in_title:
            self.collected.add("\n")
            self._may_break = False


def _declared(data: bytes) -> str | None:
    """The encoding that the page says it has, when that is one."""
    if data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return None
    named = _CHARSET.search(data[:_CHARSET_REACH])
    if named is None:
        return None
    try:
        found = codecs.lookup(named[1].decode("ascii"))
        "".encode(found.name)  # refuses what is a codec of something else than text
    except (LookupError, UnicodeError):
        return None
    return found.name
