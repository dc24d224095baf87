"""Documents of Office Open XML (Word, Excel, PowerPoint) and OpenDocument: zip archives of XML."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from commonplace.platform.media.found import Found, facts_of
from commonplace.platform.media.reading.markup import enough, walk
from commonplace.platform.media.reading.packed import Packed
from commonplace.platform.media.reading.source import Collected, Read, Source

_MOST_SHARED_CHARACTERS: Final = 8_000_000  #: of the texts that cells of a workbook refer to
_MOST_COVER_BYTES: Final = 5_000_000
_MOST_SPACES: Final = 100
_LONGEST_CELL: Final = 100_000
_NUMBER: Final = re.compile(r"(\d+)\.xml$")
_COVERS: Final = ("docProps/thumbnail.jpeg", "docProps/thumbnail.png", "Thumbnails/thumbnail.png")
_FACTS: Final = {
    "title": "title",
    "creator": "author",
    "initial-creator": "first_author",
    "subject": "subject",
    "language": "language",
    "Pages": "pages",
    "Slides": "slides",
}
_COUNTED: Final = frozenset({"pages", "slides"})


def read(source: Source) -> Read:
    """Text, title, author, language, number of pages, slides or sheets, and the picture that the document brings."""
    collected = Collected()
    with Packed(source) as packed:
        facts = _facts(packed)
        if "word/document.xml" in packed.names:
            for part in ("word/document.xml", "word/footnotes.xml", "word/endnotes.xml", "word/comments.xml"):
                _paragraphs(packed, part, collected)
        elif "xl/workbook.xml" in packed.names:
            facts["sheets"] = _workbook(packed, collected)
        elif "ppt/presentation.xml" in packed.names:
            slides = _numbered(packed, "ppt/slides/slide")
            facts.setdefault("slides", len(slides))
            for part in (*slides, *_numbered(packed, "ppt/notesSlides/notesSlide")):
                _paragraphs(packed, part, collected)
        else:
            paragraphs = _Paragraphs(collected)
            walk(packed.pieces("content.xml"), start=paragraphs.start, end=paragraphs.end, data=paragraphs.data)
        text, is_cut = collected.found()
        found = Found(
            text=text,
            is_cut=is_cut or packed.is_spent,
            reason="timeout: It unpacks to more than is read, or takes longer." if packed.is_spent else None,
            facts=facts_of(**facts),
        )
        return Read(found, _cover(packed, source.folder))


def _facts(packed: Packed) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    within: list[str] = []

    def start(name: str, attributes: Mapping[str, str]) -> None:
        within.append(name)
        if name == "document-statistic" and attributes.get("page-count", "").isdecimal():
            facts["pages"] = int(attributes["page-count"][:9])

    def end(_name: str) -> None:
        within.pop()

    def data(text: str) -> None:
        name = _FACTS.get(within[-1] if within else "")
        if name in _COUNTED and text.isdecimal():
            facts[name] = int(text[:9])
        elif name is not None and name not in _COUNTED:
            facts[name] = (facts.get(name, "") + text)[:2000]

    for part in ("docProps/core.xml", "docProps/app.xml", "meta.xml"):
        if part in packed.names:
            walk(packed.pieces(part), start=start, end=end, data=data)
    first = facts.pop("first_author", None)
    return {"author": first, **facts} if first else facts


def _numbered(packed: Packed, beginning: str) -> list[str]:
    """The parts whose names begin so and end in a number, by that number."""
    found = ((name, _NUMBER.search(name)) for name in packed.names if name.startswith(beginning))
    return [name for name, match in sorted(found, key=lambda pair: int(pair[1][1][:9]) if pair[1] else 0) if match]


def _paragraphs(packed: Packed, part: str, collected: Collected) -> None:
    if part in packed.names and not collected.is_full:
        runs = _Runs(collected)
        walk(packed.pieces(part), start=runs.start, end=runs.end, data=runs.data)


class _Runs:
    """The text of a Word document or of a slide as it comes: runs (`t`) in paragraphs (`p`)."""

    def __init__(self, collected: Collected) -> None:
        self._collected = collected
        self._is_text = False

    def start(self, name: str, _attributes: Mapping[str, str]) -> None:
        self._is_text = name == "t"
        if name == "tab":
            self._collected.add("\t")
        elif name in {"br", "cr"}:
            self._collected.add("\n")

    def data(self, text: str) -> None:
        if self._is_text:
            self._collected.add(text)
            if self._collected.is_full:
                enough()

    def end(self, name: str) -> None:
        self._is_text = False
        if name == "p":
            self._collected.add("\n")


def _workbook(packed: Packed, collected: Collected) -> list[str]:
    """The cells of all sheets, a line a row, a tab between them. Gives the names of the sheets."""
    sheets: list[str] = []

    def start(name: str, attributes: Mapping[str, str]) -> None:
        if name == "sheet":
            sheets.append(attributes.get("name", ""))

    walk(packed.pieces("xl/workbook.xml"), start=start)
    shared = _shared(packed, collected)
    for part in _numbered(packed, "xl/worksheets/sheet"):
        if not collected.is_full:
            sheet = _Sheet(shared, collected)
            walk(packed.pieces(part), start=sheet.start, end=sheet.end, data=sheet.data)
    return sheets


def _shared(packed: Packed, collected: Collected) -> list[str]:
    """The texts that cells refer to by number."""
    strings: list[str] = []
    current: list[str] = []
    characters = 0
    within: list[str] = []

    def start(name: str, _attributes: Mapping[str, str]) -> None:
        within.append(name)

    def end(name: str) -> None:
        nonlocal characters
        within.pop()
        if name == "si":
            strings.append("".join(current))
            current.clear()
            characters += 1  # also of empty ones there may be only so many
            if characters > _MOST_SHARED_CHARACTERS:
                collected.is_cut = True
                enough()

    def data(text: str) -> None:
        nonlocal characters
        if within and within[-1] == "t" and "rPh" not in within:  # not the reading aid of Japanese
            current.append(text)
            characters += len(text)

    if "xl/sharedStrings.xml" in packed.names:
        walk(packed.pieces("xl/sharedStrings.xml"), start=start, end=end, data=data)
    return strings


class _Sheet:
    """The cells of a sheet as they come, a line a row."""

    def __init__(self, shared: list[str], collected: Collected) -> None:
        self._shared = shared
        self._collected = collected
        self._kind = self._value = ""
        self._is_value = False
        self._is_first = True

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "c":
            self._kind, self._value = attributes.get("t", ""), ""
        self._is_value = name in {"v", "t"}

    def data(self, text: str) -> None:
        if self._is_value:
            self._value = (self._value + text)[:_LONGEST_CELL]

    def end(self, name: str) -> None:
        self._is_value = False
        if name == "c" and self._value:
            told = self._told()
            self._collected.add(told if self._is_first else "\t" + told)
            self._is_first = False
        elif name == "row":
            if not self._is_first:
                self._collected.add("\n")
            self._is_first = True
            if self._collected.is_full:
                enough()

    def _told(self) -> str:
        if self._kind != "s":
            return self._value
        number = int(self._value[:9]) if self._value[:9].isdecimal() else len(self._shared)
        return self._shared[number] if number < len(self._shared) else ""


class _Paragraphs:
    """The paragraphs and headings of an OpenDocument as they come."""

    def __init__(self, collected: Collected) -> None:
        self._collected = collected
        self._depth = 0

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name in {"p", "h"}:
            self._depth += 1
        elif self._depth:
            self._collected.add(_white(name, attributes))

    def data(self, text: str) -> None:
        if self._depth:
            self._collected.add(text)
            if self._collected.is_full:
                enough()

    def end(self, name: str) -> None:
        if name in {"p", "h"}:
            self._depth -= 1
            self._collected.add("\n")
            if self._collected.is_full:
                enough()


def _white(name: str, attributes: Mapping[str, str]) -> str:
    """What an element for white space stands for; nothing for all others."""
    if name == "s":
        number = attributes.get("c", "1")[:4]
        return " " * min(int(number) if number.isdecimal() else 1, _MOST_SPACES)
    return {"tab": "\t", "line-break": "\n"}.get(name, "")


def _cover(packed: Packed, folder: Path) -> Path | None:
    """The picture that the program which wrote the document has put into it."""
    for name in _COVERS:
        if picture := packed.whole(name, _MOST_COVER_BYTES):
            path = folder / "cover"
            path.write_bytes(picture)
            return path
    return None
