"""Rich Text Format: control words in groups, by the specification 1.9.1 as far as text goes."""

import codecs
import re
from typing import Final

from commonplace.platform.media.found import Found, facts_of
from commonplace.platform.media.reading.source import Collected, Read, Source

_MOST_BYTES: Final = 32_000_000
_DEEPEST: Final = 5000
_TOKEN: Final = re.compile(
    rb"\\([a-z]{1,32})(-?\d{1,10})?[ ]?|\\'([0-9a-f]{2})|\\([^a-z'])|([{}])|[\r\n]+|([^\\{}\r\n]+)",
    re.IGNORECASE | re.DOTALL,
)
#: Groups whose text is none of the document's.
_SILENT: Final = frozenset(
    b"fonttbl colortbl stylesheet listtable listoverridetable rsidtbl generator info pict object header footer headerl"
    b" headerr headerf footerl footerr footerf themedata colorschememapping datastore latentstyles xmlnstbl fldinst"
    b" mmathPr bkmkstart bkmkend".split()
)
_SIGNS: Final = {
    b"par": "\n",
    b"line": "\n",
    b"page": "\n\f",
    b"sect": "\n",
    b"row": "\n",
    b"cell": "\t",
    b"tab": "\t",
    b"emdash": "\u2014",
    b"endash": "\u2013",
    b"lquote": "\u2018",
    b"rquote": "\u2019",
    b"ldblquote": "\u201c",
    b"rdblquote": "\u201d",
    b"bullet": "\u2022",
    b"~": "\N{NO-BREAK SPACE}",
    b"_": "-",
    b"{": "{",
    b"}": "}",
    b"\\": "\\",
}
_FACTS: Final = {b"title": "title", b"author": "author", b"subject": "subject"}


class _Group:
    """What holds within a pair of braces."""

    __slots__ = ("fact", "is_silent", "skipped")

    def __init__(self, is_silent: bool, skipped: int, fact: str | None) -> None:
        self.is_silent = is_silent
        self.skipped = skipped  # characters behind a Unicode one, for programs that know none
        self.fact = fact


def read(source: Source) -> Read:
    """The text, and the title and author that the file says it has."""
    with source.path.open("rb") as file:
        data = file.read(_MOST_BYTES)
    reading = _Reading()
    for match in _TOKEN.finditer(data):
        if not reading.take(match):
            break
    text, is_cut = reading.collected.found()
    return Read(Found(text=text, is_cut=is_cut or len(data) == _MOST_BYTES, facts=facts_of(**reading.facts)))


class _Reading:
    """Goes through the tokens."""

    def __init__(self) -> None:
        self.collected = Collected()
        self.facts: dict[str, str] = {}
        self._codec = "windows-1252"
        self._groups = [_Group(is_silent=False, skipped=1, fact=None)]
        self._to_skip = 0
        self._bytes = b""  # a character may have two

    def take(self, match: "re.Match[bytes]") -> bool:
        """Whether to go on behind this token."""
        word, number, byte, sign, brace, plain = match.groups()
        if byte is not None or plain is not None:
            self._characters(bytes.fromhex(byte.decode()) if byte is not None else plain)
        else:
            self._flush()
            if brace == b"{":
                top = self._groups[-1]
                if len(self._groups) > _DEEPEST:
                    return False
                self._groups.append(_Group(top.is_silent, top.skipped, top.fact))
            elif brace == b"}":
                if len(self._groups) > 1:
                    self._groups.pop()
            elif sign == b"*":
                self._groups[-1].is_silent = True
            elif sign is not None:
                self._text(_SIGNS.get(sign, ""))
            elif word is not None:
                self._word(word, int(number) if number else None)
        return not self.collected.is_full

    def _word(self, word: bytes, number: int | None) -> None:
        top = self._groups[-1]
        if word in _FACTS:
            top.fact = _FACTS[word]
        elif word in _SILENT:
            top.is_silent = True
        elif word == b"ansicpg" and number:
            self._take_code_page(number)
        elif word == b"uc" and number is not None:
            top.skipped = max(0, min(number, 10))
        elif word == b"u" and number is not None:
            code = number % 65_536
            self._text("\N{REPLACEMENT CHARACTER}" if 0xD800 <= code <= 0xDFFF else chr(code))  # noqa: PLR2004
            self._to_skip = top.skipped
        elif word in _SIGNS:
            self._text(_SIGNS[word])

    def _take_code_page(self, number: int) -> None:
        name = f"cp{number}" if number != 65_001 else "utf-8"  # noqa: PLR2004 - Windows' name for it
        try:
            self._codec = codecs.lookup(name).name
        except LookupError:
            return

    def _characters(self, data: bytes) -> None:
        skipped = min(self._to_skip, len(data))
        self._to_skip -= skipped
        self._bytes += data[skipped:]

    def _flush(self) -> None:
        if self._bytes:
            text, self._bytes = self._bytes.decode(self._codec, "replace"), b""
            self._text(text)

    def _text(self, text: str) -> None:
        top = self._groups[-1]
        if top.fact is not None:
            self.facts[top.fact] = (self.facts.get(top.fact, "") + text)[:2000]
        elif not top.is_silent:
            self.collected.add(text)
