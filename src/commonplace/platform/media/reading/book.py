"""E-books (EPUB): zip archives of pages of HTML, in an order that a package document tells."""

import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from commonplace.platform.media.found import Found, facts_of
from commonplace.platform.media.reading.markup import Page, walk
from commonplace.platform.media.reading.packed import Packed
from commonplace.platform.media.reading.source import Collected, Read, Source, Unreadable

_CONTAINER: Final = "META-INF/container.xml"
_MOST_PAGE_BYTES: Final = 4_000_000
_MOST_COVER_BYTES: Final = 20_000_000


class _Package:
    """What the package document says."""

    def __init__(self, folder: str) -> None:
        self.facts: dict[str, Any] = {}
        self.cover_id: str | None = None
        self.order: list[str] = []
        self.parts: dict[str, str] = {}
        self._folder = folder
        self._within = ""

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._within = name
        if name == "item":
            identifier, address = attributes.get("id", ""), attributes.get("href", "")
            self.parts[identifier] = posixpath.normpath(posixpath.join(self._folder, unquote(address)))
            if "cover-image" in attributes.get("properties", "").split():
                self.cover_id = identifier
        elif name == "itemref":
            self.order.append(attributes.get("idref", ""))
        elif name == "meta" and attributes.get("name") == "cover":
            self.cover_id = self.cover_id or attributes.get("content")

    def end(self, _name: str) -> None:
        self._within = ""

    def data(self, text: str) -> None:
        name = {"title": "title", "creator": "author", "language": "language"}.get(self._within)
        if name is not None:
            self.facts[name] = (self.facts.get(name, "") + text)[:2000]


def read(source: Source) -> Read:
    """The text of a book in the order of its pages, what it says of itself, and its cover."""
    collected = Collected()
    with Packed(source) as packed:
        package = _package(packed)
        for identifier in package.order:
            name = package.parts.get(identifier, "")
            if collected.is_full or packed.is_spent:
                collected.is_cut = True
                break
            page = packed.whole(name, _MOST_PAGE_BYTES)
            if page:
                Page(collected).take(page)
                collected.add("\n")
        text, is_cut = collected.found()
        found = Found(text=text, is_cut=is_cut or packed.is_spent, facts=facts_of(**package.facts))
        cover = packed.whole(package.parts.get(package.cover_id or "", ""), _MOST_COVER_BYTES)
    path: Path | None = None
    if cover:
        path = source.folder / "cover"
        path.write_bytes(cover)
    return Read(found, path)


def _package(packed: Packed) -> _Package:
    address = ""

    def start(name: str, attributes: Mapping[str, str]) -> None:
        nonlocal address
        if name == "rootfile" and not address:
            address = attributes.get("full-path", "")

    walk(packed.pieces(_CONTAINER), start=start)
    if address not in packed.names:
        raise Unreadable("unreadable", "It does not say where its pages are.")
    package = _Package(posixpath.dirname(address))
    walk(packed.pieces(address), start=package.start, end=package.end, data=package.data)
    return package
