"""What a text is: markup, data, source, or plain.

A text's kind matters for safety only where a browser could run it: HTML, SVG and XML are found in the text itself,
whatever the file is called. Between harmless kinds of text (`.md`, `.csv`, `.py`) the name may decide, for nothing
else can.
"""

import codecs
import csv
import re
from typing import Final

import msgspec

PLAIN: Final = "text/plain"
HTML: Final = "text/html"
SVG: Final = "image/svg+xml"
XML: Final = "application/xml"
JSON: Final = "application/json"
CSV: Final = "text/csv"
MAIL: Final = "message/rfc822"

#: Longest first: the mark of UTF-32 begins with that of UTF-16.
_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
#: What no text contains. Bell, backspace and escape occur in the logs of terminals.
_BINARY_CHARACTERS: Final = re.compile("[\x00-\x06\x0e-\x1a\x1c-\x1f\ufffe\uffff]")
_HIGH_BYTES: Final = bytes(range(0x80, 0x100))
_MAX_HIGH_SHARE: Final = 0.3  # Greek in a one-byte encoding has 80 %, but so has noise: such a text is left unknown.

_BEGINNINGS: Final = (
    ("BEGIN:VCARD", "text/vcard"),
    ("BEGIN:VCALENDAR", "text/calendar"),
    ("WEBVTT", "text/vtt"),
)
_BY_EXTENSION: Final = {
    "c": "text/x-c",
    "cpp": "text/x-c++",
    "css": "text/css",
    "eml": MAIL,
    "csv": CSV,
    "go": "text/x-go",
    "h": "text/x-c",
    "htm": HTML,
    "html": HTML,
    "ics": "text/calendar",
    "java": "text/x-java",
    "js": "text/javascript",
    "markdown": "text/markdown",
    "md": "text/markdown",
    "mjs": "text/javascript",
    "php": "text/x-php",
    "py": "text/x-python",
    "rb": "text/x-ruby",
    "rs": "text/x-rust",
    "rst": "text/x-rst",
    "sh": "text/x-shellscript",
    "sql": "text/x-sql",
    "srt": "application/x-subrip",
    "tex": "text/x-tex",
    "toml": "text/x-toml",
    "ts": "text/x-typescript",
    "tsv": "text/tab-separated-values",
    "vcf": "text/vcard",
    "vtt": "text/vtt",
    "yaml": "text/yaml",
    "yml": "text/yaml",
}

_SKIPPED: Final = re.compile(
    r"\s*(?:(?P<declaration><\?)|(?P<comment><!--)|<!doctype\s+(?P<root>[\w:-]+)|)", re.IGNORECASE
)
_TAG: Final = re.compile(r"<(?:[a-z_][\w.-]*:)?([a-z_][\w.-]*)(?=[\s/>]|$)", re.IGNORECASE)
#: Elements that make a browser take a text for HTML (WHATWG, MIME Sniffing, section 7.1), and a few more.
_HTML_ELEMENTS: Final = re.compile(
    "a|article|b|base|body|br|button|center|div|dl|embed|font|form|frameset|h[1-6]|head|html|i|iframe|img|input|link|"
    "main|math|meta|nav|object|ol|p|pre|script|section|span|style|table|title|ul|video",
    re.IGNORECASE,
)
_JSON_BEGINNING: Final = re.compile(
    r'\s*(\{\s*(?:"(?:[^"\\]|\\.){0,200}"\s*:|\})|\[\s*(?:["{\[\]\-\d]|true|false|null))'
)
_INTERPRETER: Final = re.compile(r"#!.{0,100}\b(python|(?:ba|da|z|k)?sh)")
_MAIL_BEGINNING: Final = re.compile(r"(?:From [^\n]*\n)?[!-9;-~]{1,76}:[ \t\r\n]")
_CSV_SAMPLE_LINES: Final = 20
_CSV_FEWEST_LINES: Final = 3


def decoded(head: bytes) -> str | None:
    """`head` as text, or None when it is no text. A character cut at the end of `head` is dropped."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return _decoded_as(head[len(mark) :], encoding)
    return _decoded_as(head, "utf-8")


def decoded_as_old(head: bytes) -> str | None:
    """`head` as a text from before UTF-8, or None when it has control characters or too few plain letters.

    Which encoding it is makes no difference here; Latin-1 has a letter for each byte.
    """
    if len(head.translate(None, _HIGH_BYTES)) < (1 - _MAX_HIGH_SHARE) * len(head):
        return None
    return _decoded_as(head, "latin-1")


def _decoded_as(head: bytes, encoding: str) -> str | None:
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return None
    return None if _BINARY_CHARACTERS.search(text) else text


def text_type(text: str, *, name: str, whole: bool) -> str:
    """The media type of a text.

    Args:
        text: its beginning.
        name: the file's name; its extension decides between kinds of text that the content does not tell apart.
        whole: `text` is all of it, so that a grammar can be checked to the end.
    """
    markup = _markup_type(text)
    if markup is not None:
        return markup
    for beginning, media_type in _BEGINNINGS:
        if text.startswith(beginning):
            return media_type
    if _is_json(text, whole=whole):
        return JSON
    if interpreter := _INTERPRETER.match(text):
        return "text/x-python" if interpreter[1] == "python" else "text/x-shellscript"
    _, dot, extension = name.rpartition(".")
    if not dot and _is_csv(text, whole=whole):
        return CSV
    named = _BY_EXTENSION.get(extension.lower(), PLAIN)
    return PLAIN if named == MAIL and not _MAIL_BEGINNING.match(text) else named


def _markup_type(text: str) -> str | None:
    """HTML, SVG or XML by the first element, past declarations and comments; None when it begins with no tag."""
    position, is_xml = 0, False
    while (skipped := _SKIPPED.match(text, position)) and skipped.lastgroup is not None:
        root = (skipped["root"] or "").lower()
        if root in {"html", "svg"}:
            return HTML if root == "html" else SVG
        closing = "?>" if skipped["declaration"] else "-->" if skipped["comment"] else ">"
        end = text.find(closing, skipped.end())
        if end < 0:
            return XML
        position, is_xml = end + len(closing), True
    tag = _TAG.match(text, skipped.end() if skipped else position)
    if tag is None:
        return XML if is_xml else None
    if tag[1] == "svg":
        return SVG
    if _HTML_ELEMENTS.fullmatch(tag[1]):
        return HTML
    return XML if is_xml or " xmlns" in text[tag.start() : tag.start() + 2000] else None


def _is_json(text: str, *, whole: bool) -> bool:
    if not _JSON_BEGINNING.match(text):
        return False
    if not whole:
        return True
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _is_csv(text: str, *, whole: bool) -> bool:
    """At least three lines, all with the same number of cells, two or more: a chance hit in prose is unlikely."""
    lines = text.splitlines()[: _CSV_SAMPLE_LINES + 1]
    if not whole or len(lines) > _CSV_SAMPLE_LINES:
        lines = lines[:-1]  # It may be cut.
    lines = [line for line in lines if line.strip()]
    if len(lines) < _CSV_FEWEST_LINES:
        return False
    return any(_same_width(lines, delimiter) for delimiter in ",;\t|")


def _same_width(lines: list[str], delimiter: str) -> bool:
    try:
        widths = {len(row) for row in csv.reader(lines, delimiter=delimiter)}
    except csv.Error:
        return False
    return len(widths) == 1 and widths.pop() > 1
