"""Plain text as `format=flowed` (RFC 3676): short lines on the wire that a reader's window joins again."""

from collections.abc import Iterator
from typing import Final

WIDTH: Final = 72  #: characters; RFC 3676 section 4.2 asks for 78 at most
_STUFFED: Final = (" ", ">", "From ")


def flowed(text: str) -> str:
    """`text` with every line soft-wrapped at spaces; a word longer than a line (an address) stays whole."""
    return "\n".join(_stuff(line) for paragraph in text.splitlines() for line in _lines(paragraph)) + "\n"


def _lines(paragraph: str) -> Iterator[str]:
    """The lines of one paragraph: all but the last end in a space, which says that the next one belongs to it."""
    rest = paragraph if paragraph == "-- " else paragraph.rstrip()  # "-- " is the signature's mark (section 4.3)
    while len(rest) > WIDTH:
        at = rest.rfind(" ", 1, WIDTH)
        at = at if at > 0 and rest[:at].strip() else rest.find(" ", WIDTH)
        if at < 0:
            break
        yield rest[: at + 1]
        rest = rest[at + 1 :]
    yield rest


def _stuff(line: str) -> str:
    """Space-stuffing (section 4.4): what would be read as a quote, or altered on its way, gets a space before it."""
    return f" {line}" if line.startswith(_STUFFED) else line
