"""Values out of JSON that others wrote: each accessor answers its kind, or the empty one, whatever stands there."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any, Final

import msgspec

from commonplace.apps.tasks.errors import UnreadableImport

_BLOCKS: Final = frozenset({"p", "br", "div", "li", "tr", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote"})
_UNSHOWN: Final = frozenset({"script", "style", "head"})


def decoded(content: bytes) -> Any:
    """JSON in UTF-8.

    Raises:
        UnreadableImport: it is none.
    """
    try:
        return msgspec.json.decode(content.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise UnreadableImport(f"It is no JSON: {error}.") from None


def mapping(value: Any, *names: str) -> Mapping[str, Any]:
    """The object, or what is below it by these names."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def string(value: Mapping[str, Any], name: str) -> str:
    """The text of this name."""
    found = value.get(name)
    return found if isinstance(found, str) else ""


def number(value: Mapping[str, Any], name: str) -> int:
    """The whole number of this name."""
    found = value.get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) else 0


def objects(value: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each object of a list, with its path."""
    for index, one in enumerate(value if isinstance(value, list) else []):
        if isinstance(one, dict):
            yield f"{path}[{index}]", one


def strings(value: Any) -> list[str]:
    """The texts of a list."""
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def instant(text: str) -> datetime | None:
    """A moment with an offset, in UTC; None for none, and for the year 1, which stands for none."""
    try:
        moment = datetime.fromisoformat(text)
        return None if moment.tzinfo is None or moment.year == 1 else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


class _Text(HTMLParser):
    """Collects what a browser would show, paragraphs apart."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._unshown = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        """A block begins on a line of its own."""
        del attrs
        self._unshown += tag in _UNSHOWN
        if tag in _BLOCKS:
            self.pieces.append("\n")
        if tag == "li":
            self.pieces.append("- ")

    def handle_endtag(self, tag: str) -> None:
        """What is behind a block, too."""
        self._unshown -= tag in _UNSHOWN and self._unshown > 0
        if tag in _BLOCKS - {"br", "li"}:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        """Text."""
        if not self._unshown:
            self.pieces.append(data)


def shown_text(html: str) -> str:
    """HTML as plain text, at most one empty line between two others."""
    if "<" not in html and "&" not in html:
        return html.strip()
    parser = _Text()
    parser.feed(html)
    parser.close()
    lines = [line.strip() for line in "".join(parser.pieces).splitlines()]
    kept = [line for index, line in enumerate(lines) if line or (index and lines[index - 1])]
    return "\n".join(kept).strip()
