"""What is asked for, out of what a person types: words, phrases, what must not be there, and filters written as words.

    holiday "two weeks" -rome type:pdf size:>10MB in:"Summer 2023" tag:family before:2024 kind:file owner:ben

A filter that cannot be understood is left out with a hint, for it may be half-typed; what merely looks like one
(`http://…`, `10:30`) is words.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, Final
from uuid import UUID

from commonplace.platform.search.words import folded

_TOKEN: Final = re.compile(
    r"""(?P<minus>-)?(?:(?P<key>[a-z]+):(?=\S))?(?:"(?P<quoted>[^"]*)(?:"|$)|(?P<plain>[^\s"]+))""", re.IGNORECASE
)
MOST_TERMS: Final = 24  #: words and phrases that are heeded
_UNITS: Final = {
    "": 1, "b": 1, "k": 10**3, "kb": 10**3, "m": 10**6, "mb": 10**6, "g": 10**9, "gb": 10**9, "t": 10**12,
    "tb": 10**12, "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip
_SIZE: Final = re.compile(r"(\d{1,9}(?:[.,]\d{1,3})?)\s*([kmgt]?i?b?)", re.IGNORECASE)
_LARGEST: Final = 2**62
#: What people call types of files, as beginnings of media types; what is none of them is the ending of a name.
TYPES: Final = {
    "image": ("image/",),
    "picture": ("image/",),
    "photo": ("image/",),
    "video": ("video/",),
    "film": ("video/",),
    "audio": ("audio/",),
    "music": ("audio/",),
    "sound": ("audio/",),
    "text": ("text/",),
    "pdf": ("application/pdf",),
    "document": (
        "application/pdf",
        "application/msword",
        "application/rtf",
        "application/vnd.oasis.opendocument.text",
        "application/vnd.openxmlformats-officedocument.wordprocessingml",
    ),
    "spreadsheet": (
        "text/csv",
        "application/vnd.ms-excel",
        "application/vnd.oasis.opendocument.spreadsheet",
        "application/vnd.openxmlformats-officedocument.spreadsheetml",
    ),
    "presentation": (
        "application/vnd.ms-powerpoint",
        "application/vnd.oasis.opendocument.presentation",
        "application/vnd.openxmlformats-officedocument.presentationml",
    ),
    "archive": (
        "application/zip",
        "application/gzip",
        "application/x-tar",
        "application/x-7z",
        "application/x-bzip",
        "application/x-xz",
        "application/vnd.rar",
    ),
    "mail": ("message/rfc822",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A word, or words that stand in a row."""

    words: tuple[str, ...]  #: folded
    is_exact: bool = False  #: whether it was quoted: neither other endings nor typing errors will do
    is_open: bool = False  #: whether it is still being typed: it is a beginning


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is asked for. Of each filter with several values one will do; different filters all have to be met."""

    terms: Sequence[Term] = ()
    excluded: Sequence[Term] = ()
    in_name: Sequence[Term] = ()  #: of `name:`, to be found in the name
    kinds: Sequence[str] = ()
    types: Sequence[str] = ()  #: as they were written; see `TYPES`
    tags: Sequence[str] = ()  #: folded; each has to be there
    smallest: int | None = None  #: bytes
    largest: int | None = None
    since: datetime | None = None
    until: datetime | None = None  #: the first moment that is too late
    containers: Sequence[str] = ()  #: folded names of what it lies in, or ids
    people: Sequence[str] = ()  #: folded names of owners, or `me`
    is_shared: bool | None = None  #: whether it is somebody else's
    place: str | None = None  #: folded
    near: tuple[float, float, float] | None = None  #: latitude, longitude, kilometres
    hints: Sequence[str] = ()  #: what was not understood, and how it is written

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked for."""
        return replace(self, hints=()) == Wishes()


@dataclass(slots=True)
class _Reading:
    """A query while it is read."""

    zone: tzinfo
    kinds: Sequence[str]
    given: dict[str, Any] = field(default_factory=dict)
    hints: list[str] = field(default_factory=list)

    def add(self, name: str, value: Any) -> None:
        self.given.setdefault(name, []).append(value)

    def narrow(self, name: str, value: Any, *, lower: bool) -> None:
        """A bound, of which the narrower counts."""
        known = self.given.get(name)
        self.given[name] = value if known is None else max(known, value) if lower else min(known, value)


def read_wishes(query: str, *, zone: tzinfo = UTC, kinds: Sequence[str] = (), is_typing: bool = True) -> Wishes:
    """What is asked for by `query`; days are those of `zone`, `kinds` are the kinds that there are.

    With `is_typing` the last word is a beginning, unless a space or a quotation mark comes behind it.
    """
    reading = _Reading(zone, kinds)
    matches = list(_TOKEN.finditer(query.replace("\0", " ")))
    for match in matches:
        key = (match["key"] or "").lower()
        value = match["quoted"] if match["quoted"] is not None else match["plain"]
        if key in _FILTERS and not match["minus"]:
            hint = _FILTERS[key](reading, value)
            if hint is not None:
                reading.hints.append(hint)
            continue
        words = tuple(folded(f"{key} {value}" if key else value).split())
        if not words:
            continue
        is_exact = match["quoted"] is not None
        is_open = is_typing and match is matches[-1] and not is_exact and match.end() == len(query)
        term = Term(words=words, is_exact=is_exact, is_open=is_open and not match["minus"])
        reading.add("excluded" if match["minus"] else "terms", term)
    given = reading.given
    for name in ("terms", "excluded", "in_name"):
        if len(given.get(name, ())) > MOST_TERMS:
            given[name] = given[name][:MOST_TERMS]
            reading.hints.append(f"The first {MOST_TERMS} words are looked for.")
    wishes: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    return Wishes(**wishes, hints=tuple(reading.hints))


def period(text: str, zone: tzinfo) -> tuple[datetime, datetime] | None:
    """The beginning and the end of a year, a month or a day of `zone`, such as 2024, 2024-05, 2024-05-17, today."""
    today = datetime.now(zone).date()
    named = {"today": today, "yesterday": today - timedelta(days=1)}.get(text.lower())
    try:
        if named is not None:
            first, last = named, named
        elif match := re.fullmatch(r"(\d{4})", text):
            first, last = date(int(match[1]), 1, 1), date(int(match[1]), 12, 31)
        elif match := re.fullmatch(r"(\d{4})[-/.](\d{1,2})", text):
            first = date(int(match[1]), int(match[2]), 1)
            last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        elif match := re.fullmatch(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})", text):
            first = last = date(int(match[1]), int(match[2]), int(match[3]))
        else:
            return None
        # In UTC, as far as its calendar goes: a zone may lead out of it.
        begin = datetime.combine(first, time(), zone).astimezone(UTC)
        return begin, datetime.combine(last + timedelta(days=1), time(), zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _kind(reading: _Reading, value: str) -> str | None:
    wanted = value.lower().replace("-", "_")
    for name in (wanted, wanted.removesuffix("s")):
        found = [kind for kind in reading.kinds if name == kind] or [
            kind for kind in reading.kinds if kind.endswith(f"_{name}")
        ]
        if found:
            reading.given.setdefault("kinds", []).extend(found)
            return None
    return f"There is no kind “{value}”; there are {', '.join(reading.kinds)}."


def _size(reading: _Reading, value: str) -> str | None:
    hint = f"“{value}” is no size. Write size:>10MB, size:<200kB or size:1MB..5MB."
    low, dots, high = value.partition("..")
    comparison = re.match(r"[<>]?=?", value)
    sign = comparison[0] if comparison else ""
    bounds = [_bytes(part) for part in ((low, high) if dots else (value[len(sign) :],))]
    if any(bound is None for bound in bounds):
        return hint
    if dots:
        smallest, largest = bounds
    elif sign.startswith(">"):
        smallest, largest = bounds[0] + (sign == ">"), None  # type: ignore[operator]
    elif sign.startswith("<"):
        smallest, largest = None, bounds[0] - (sign == "<")  # type: ignore[operator]
    else:  # about that size
        smallest, largest = int(bounds[0] * 0.9), int(bounds[0] * 1.1)  # type: ignore[operator]
    if smallest is not None:
        reading.narrow("smallest", smallest, lower=True)
    if largest is not None:
        reading.narrow("largest", largest, lower=False)
    return None


def _bytes(text: str) -> int | None:
    match = _SIZE.fullmatch(text.strip())
    if match is None or match[2].lower() not in _UNITS:
        return None
    return min(int(float(match[1].replace(",", ".")) * _UNITS[match[2].lower()]), _LARGEST)


def _date(which: str) -> Callable[[_Reading, str], str | None]:
    def read(reading: _Reading, value: str) -> str | None:
        found = period(value, reading.zone)
        if found is None:
            return f"“{value}” is no date. Write {which}:2024, {which}:2024-05 or {which}:2024-05-17."
        begin, end = found
        if which in {"after", "on"}:
            reading.narrow("since", begin if which == "on" else end, lower=True)
        if which in {"before", "on"}:
            reading.narrow("until", end if which == "on" else begin, lower=False)
        return None

    return read


def _is(reading: _Reading, value: str) -> str | None:
    if value.lower() not in {"shared", "mine"}:
        return "Write is:shared for what others share with you, or is:mine for what is yours."
    reading.given["is_shared"] = value.lower() == "shared"
    return None


def _near(reading: _Reading, value: str) -> str | None:
    hint = f"“{value}” is no place. Write near:48.21,16.37 or near:48.21,16.37,5 (degrees, kilometres)."
    try:
        numbers = [float(part) for part in value.split(",")]
    except ValueError:
        return hint
    latitude, longitude, kilometres = [*numbers, 10.0][:3] if len(numbers) in {2, 3} else (999.0, 0.0, 0.0)
    if not (abs(latitude) <= 90 and abs(longitude) <= 180 and 0 < kilometres <= 20_000):  # noqa: PLR2004 - degrees, km
        return hint
    reading.given["near"] = (latitude, longitude, kilometres)
    return None


def _text(name: str, *, needs: str) -> Callable[[_Reading, str], str | None]:
    def read(reading: _Reading, value: str) -> str | None:
        try:
            words = str(UUID(value)) if name == "containers" else folded(value)
        except ValueError:
            words = folded(value)
        if not words:
            return f"Write {needs}."
        reading.add(name, words)
        return None

    return read


def _type(reading: _Reading, value: str) -> str | None:
    wanted = value.lower().strip(". ")
    if not re.fullmatch(r"[\w.+*/-]{1,100}", wanted):
        return f"“{value}” is no type. Write type:pdf, type:image or type:text/plain."
    reading.add("types", wanted)
    return None


def _name(reading: _Reading, value: str) -> str | None:
    words = tuple(folded(value).split())
    if not words:
        return "Write name:report for what has the word in its name."
    reading.add("in_name", Term(words=words, is_open=True))
    return None


def _place(reading: _Reading, value: str) -> str | None:
    words = folded(value)
    if not words:
        return "Write place:vienna for what was made there."
    reading.given["place"] = words
    return None


_FILTERS: Final[dict[str, Callable[[_Reading, str], str | None]]] = {
    "type": _type,
    "kind": _kind,
    "size": _size,
    "in": _text("containers", needs='in:holiday, or in:"Summer 2023", for what lies in a folder or list'),
    "tag": _text("tags", needs="tag:family"),
    "before": _date("before"),
    "after": _date("after"),
    "on": _date("on"),
    "date": _date("on"),
    "owner": _text("people", needs="owner:ben, or owner:me"),
    "person": _text("people", needs="person:ben"),
    "from": _text("people", needs="from:ben"),
    "is": _is,
    "name": _name,
    "place": _place,
    "near": _near,
}
