"""What was found in a file, in words for the details panel: author, pages, camera, how long it plays."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from commonplace.platform.pages.formats import size

_WORDS: Final = {
    "camera": "Camera",
    "entries": "Entries",
    "sent_at": "Sent",
    "to": "To",
    "unpacked_bytes": "Unpacked",
}
#: What is of no use to who looks, and what the panel tells by itself.
_UNTOLD: Final = frozenset({"encoding", "language", "width", "height", "taken_at", "orientation"})
_MOST: Final = 14


def words_of(facts: Mapping[str, Any] | None) -> list[tuple[str, Any]]:
    """Pairs of a word and what is told under it, in the order in which they were found; `_MOST` at most."""
    told = [
        (_WORDS.get(name) or name.removesuffix("_seconds").replace("_", " ").capitalize(), _value(name, value))
        for name, value in (facts or {}).items()
        if name not in _UNTOLD and value not in (None, "", [], {})
    ]
    return told[:_MOST]


def place_of(latitude: float | None, longitude: float | None) -> str:
    """A place on the earth as people write it: `51.4769° N, 0.0005° W`; empty where none is known."""
    if latitude is None or longitude is None:
        return ""
    north, east = "N" if latitude >= 0 else "S", "E" if longitude >= 0 else "W"
    return f"{abs(latitude):.4f}° {north}, {abs(longitude):.4f}° {east}"


def _value(name: str, value: Any) -> Any:
    if name.endswith("_bytes") and isinstance(value, int):
        return size(value)
    if name.endswith("_seconds") and isinstance(value, int | float):
        return _duration(float(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(str(one) for one in value)
    return str(value)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
