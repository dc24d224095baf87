"""Words: how text is cut into them, alike when it is indexed and when it is asked for.

Letters lose case and accents, so that `Übung`, `ÜBUNG` and `ubung` are one word; what is neither letter nor digit parts
words, so that `IMG_0001.jpg` is three. Scripts without spaces are cut into single letters, and found as phrases.
"""

import re
import unicodedata
import zlib
from collections.abc import Iterable
from typing import Final

#: Letters that Unicode does not decompose, as people type them who have no key for them.
_SPELLED: Final = str.maketrans(
    {
        "ß": "ss",
        "æ": "ae",
        "œ": "oe",
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "ł": "l",
        "þ": "th",
        "\N{LATIN SMALL LETTER DOTLESS I}": "i",
        "ħ": "h",
        "ŋ": "n",
    }
)
#: Thai, Lao, Khmer and Burmese; kana, Chinese and Japanese ideographs. (Korean parts its words.)
_UNSPACED: Final = re.compile(
    "([\u0e01-\u0e3a\u0e40-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[\U00020000-\U0003ffff])"
)
_BETWEEN: Final = re.compile(r"[\W_]+")
_SHORTEST, _LONGEST = 4, 24  #: of words that are compared with mistyped ones


def folded(text: str) -> str:
    """The words of a text in order, a space between each: no case, no accents, no punctuation."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
        text = "".join(letter for letter in text if not unicodedata.combining(letter))
        text = text.casefold().translate(_SPELLED)
        text = _UNSPACED.sub(r" \1 ", text)
        text = text.encode(errors="ignore").decode()  # half a surrogate pair is no letter
    else:
        text = text.lower()
    return _BETWEEN.sub(" ", text).strip()


def is_unspaced(word: str) -> bool:
    """Whether a folded word is a letter of a script that puts no spaces between words."""
    return _UNSPACED.fullmatch(word) is not None


class _OneToOne(dict[int, str]):
    """What each letter is compared as; looked up once a letter."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        plain = unicodedata.normalize("NFKD", letter).casefold().translate(_SPELLED)
        self[code] = found = plain[0] if plain and plain[0].isalnum() else letter
        return found


_ONE_TO_ONE: Final = _OneToOne()


def folded_in_place(text: str) -> str:
    """The text without case and accents, letter for letter: places in it are places in the text."""
    return text.translate(_ONE_TO_ONE)


def can_be_mistyped(word: str) -> bool:
    """Whether a folded word is one that typing errors are forgiven in: letters, neither few nor many."""
    return _SHORTEST <= len(word) <= _LONGEST and word.isalpha()


def near(word: str) -> list[int]:
    """A word's neighbourhood: it, and it without each of its letters, as numbers of 32 bits.

    Two words that differ by one letter (added, left out, another, or two that changed places) share a neighbour; this
    is how SymSpell looks for them (W. Garbe). Few that differ by more do: `distance` says which.
    """
    shorter = (word[:place] + word[place + 1 :] for place in range(len(word)))
    return sorted({zlib.crc32(one.encode()) - 2**31 for one in (word, *shorter)})


def distance(one: str, other: str) -> int:
    """How many letters were added, left out or changed, or changed places with the next (Damerau and Levenshtein)."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, last, row = row, before, [i]
        for j, wanted in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]


def closest(word: str, found: Iterable[str], *, limit: int = 4) -> list[str]:
    """Those of the words that `word` may have been meant as, the likeliest first: the beginning is seldom mistyped."""
    most = 1 if len(word) < 6 else 2  # noqa: PLR2004 - in a short word two errors leave nothing to go by
    ranked = sorted((distance(word, other), other[0] != word[0], abs(len(other) - len(word)), other) for other in found)
    return [other for errors, *_, other in ranked if 0 < errors <= most][:limit]


def common_beginning(one: str, other: str) -> str:
    """The letters with which both begin."""
    length = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return one[:length]


def phrases(text: str) -> list[tuple[str, ...]]:
    """Folded words by what stood together: `a b-c` gives `a` and the phrase of `b` and `c`."""
    return [tuple(words) for part in text.split() if (words := folded(part).split())]
