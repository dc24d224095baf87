"""Snippets: the piece of a text in which most of the words stand, and where in it they are."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from commonplace.platform.search.asking import Spelling
from commonplace.platform.search.wishes import Wishes
from commonplace.platform.search.words import folded_in_place, is_unspaced

LENGTH: Final = 180  #: characters of a snippet, about
_BEFORE: Final = 50
_MOST_PLACES: Final = 200  # at which words are found, of which the best piece is chosen
_SPACES: Final = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Marked:
    """A text and the places of the words that were looked for: pairs of where each begins and ends."""

    text: str
    marks: Sequence[tuple[int, int]] = ()


def pattern(wishes: Wishes, spelling: Spelling) -> re.Pattern[str] | None:
    """What finds the words that were asked for in a text `folded_in_place`; None: no words were."""
    ways = []
    for term in (*wishes.terms, *wishes.in_name):
        *before, last = term.words
        is_unspaced_script = all(map(is_unspaced, term.words))
        gap = r"[\W_]*" if is_unspaced_script else r"[\W_]+"
        phrase = "".join(re.escape(word) + gap for word in before) + re.escape(last)
        edge = "" if is_unspaced_script else r"(?![^\W_])"
        ways.append(phrase + (r"[^\W_]*" if term.is_open and not is_unspaced_script else edge))
        if len(term.words) == 1 and not term.is_exact:
            start = spelling.stems.get(last)
            if start is not None and not is_unspaced_script:
                ways.append(re.escape(start) + r"[^\W_]*")
            ways.extend(re.escape(other) + r"(?![^\W_])" for other in spelling.corrections.get(last, ()))
    if not ways:
        return None
    unspaced = [way for way in ways if is_unspaced(way[:1])]
    spaced = [way for way in ways if way not in unspaced]
    parts = ([rf"(?<![^\W_])(?:{'|'.join(spaced)})"] if spaced else []) + unspaced
    return re.compile("|".join(parts))


def marked(text: str, words: re.Pattern[str] | None) -> Marked:
    """A short text, whole, with its marks."""
    return Marked(text, () if words is None else tuple(_places(text, words)))


def snippet(text: str, words: re.Pattern[str] | None) -> Marked | None:
    """The piece of `text` with most different words that were asked for; None: none of them stands in it."""
    if words is None:
        return None
    places = list(islice(_places(text, words), _MOST_PLACES))
    if not places:
        return None
    start = max(places, key=lambda place: (_worth(text, places, place[0]), -place[0]))[0]
    begin = _word_edge(text, max(0, start - _BEFORE), start)
    end = min(len(text), begin + LENGTH)
    if end < len(text):
        space = text.rfind(" ", start + 1, end)
        end = space if space > start else end
    end = max(end, next(stop for first, stop in places if first == start))
    return _tidied(text[begin:end], [(a - begin, b - begin) for a, b in places if begin <= a and b <= end],
                   is_begun=begin > 0, is_ended=end < len(text))  # fmt: skip


def beginning(text: str) -> Marked | None:
    """The beginning of a text in which nothing is marked; None: there is none."""
    tidy = _SPACES.sub(" ", text[: LENGTH * 2]).strip()
    if not tidy:
        return None
    return Marked(tidy if len(tidy) <= LENGTH else tidy[: LENGTH - 1].rpartition(" ")[0] + " …")


def _places(text: str, words: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    for match in words.finditer(folded_in_place(text)):
        if match.end() > match.start():
            yield match.span()


def _worth(text: str, places: Sequence[tuple[int, int]], start: int) -> int:
    return len({text[a:b].casefold() for a, b in places if start <= a < start + LENGTH - _BEFORE})


def _word_edge(text: str, place: int, latest: int) -> int:
    """The beginning of the first word from `place` on."""
    if place == 0:
        return 0
    match = re.compile(r"\s").search(text, place, latest)
    return match.end() if match else place


def _tidied(text: str, marks: list[tuple[int, int]], *, is_begun: bool, is_ended: bool) -> Marked:
    """In one line, with the marks where their words are then."""
    pieces, found, last = ["… " if is_begun else ""], [], 0
    length = len(pieces[0])

    def add(piece: str) -> None:
        nonlocal length
        tidy = _SPACES.sub(" ", piece)
        pieces.append(tidy)
        length += len(tidy)

    for begin, end in marks:
        add(text[last:begin])
        first = length
        add(text[begin:end])
        found.append((first, length))
        last = end
    add(text[last:])
    return Marked("".join(pieces).rstrip() + (" …" if is_ended else ""), tuple(found))
