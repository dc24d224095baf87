"""Questions to the index: terms as PostgreSQL's `tsquery`, and what else is needed to ask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from commonplace.platform.search.wishes import Term, Wishes
from commonplace.platform.search.words import common_beginning, is_unspaced

#: The stemmers of PostgreSQL by the language of who asks; others are asked with those of English.
STEMMERS: Final = {
    language: f"{name}_stem"
    for language, name in {
        "ar": "arabic", "ca": "catalan", "da": "danish", "de": "german", "el": "greek", "en": "english",
        "es": "spanish", "fi": "finnish", "fr": "french", "hu": "hungarian", "it": "italian", "lt": "lithuanian",
        "nb": "norwegian", "nl": "dutch", "no": "norwegian", "pt": "portuguese", "ro": "romanian", "ru": "russian",
        "sv": "swedish", "tr": "turkish",
    }.items()
}  # fmt: skip
SHORT: Final = 3  #: a beginning of fewer letters is looked for in names only: in texts too much begins with it
_SHORTEST_STEM: Final = 4
_LONGEST_ENDING: Final = 4


def stemmer(language: str) -> str:
    """The name of the dictionary for a language, given as a BCP 47 tag."""
    return STEMMERS.get(language.partition("-")[0].lower(), "english_stem")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The words of a query, as the index is asked for them. An empty text asks for nothing."""

    everywhere: str  #: what the words of an entry have to match
    in_names: str  #: what its names have to match, besides
    not_in_words: str  #: what its words must not match, where `everywhere` does not say so
    public: str  #: `everywhere` without the words of places, which only owners find by
    exact: str  #: the very words, for ranking
    any_name: str  #: what names are ranked by: every term


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """What else words may be looked for as."""

    stems: Mapping[str, str] = field(default_factory=dict)  #: a word to the beginning that its other forms share
    corrections: Mapping[str, Sequence[str]] = field(default_factory=dict)  #: a mistyped word to what it may mean


def plain_words(wishes: Wishes) -> list[str]:
    """The single words that other endings and typing errors are thought of for."""
    return sorted({term.words[0] for term in wishes.terms if len(term.words) == 1 and not term.is_exact})


def beginning(word: str, stem: str | None) -> str | None:
    """What other forms of a word begin with; None: only the word itself will do."""
    if stem is None or len(word) < _SHORTEST_STEM or not word.isalpha():
        return None
    shared = common_beginning(word, stem)
    return shared if len(shared) >= SHORT and len(word) - len(shared) <= _LONGEST_ENDING else word


def question(wishes: Wishes, spelling: Spelling) -> Question:
    """How the index is asked for the terms of `wishes`."""
    short = [term for term in wishes.terms if _is_short(term)]
    long = [term for term in wishes.terms if not _is_short(term)]
    unwanted = [_phrase(term) for term in wishes.excluded]
    excluded = [f"!{phrase}" for phrase in unwanted]
    everywhere = [_loose(term, spelling, with_places=True) for term in long]
    public = [_loose(term, spelling, with_places=False) for term in long]
    named = [_phrase(term) for term in (*short, *wishes.in_name)]
    return Question(
        everywhere=" & ".join(everywhere + excluded) if everywhere else "",
        in_names=" & ".join(named),
        not_in_words="" if everywhere else " | ".join(unwanted),
        public=" & ".join(public + excluded) if public else "",
        exact=" & ".join(_phrase(Term(words=term.words)) for term in wishes.terms),
        any_name=" & ".join(_loose(term, spelling, with_places=False) for term in wishes.terms),
    )


def _is_short(term: Term) -> bool:
    word = term.words[-1]
    return term.is_open and len(term.words) == 1 and len(word) < SHORT and not is_unspaced(word)


def _phrase(term: Term) -> str:
    *before, last = term.words
    ending = ":*" if term.is_open and not is_unspaced(last) else ""
    return f"({' <-> '.join([*map(_quoted, before), _quoted(last) + ending])})"


def _loose(term: Term, spelling: Spelling, *, with_places: bool) -> str:
    if term.is_exact or len(term.words) > 1:
        return _phrase(term)
    word = term.words[0]
    ways = [_phrase(term)]
    start = spelling.stems.get(word)
    if start is not None and not is_unspaced(word):
        ways.append(f"{_quoted(start)}:*")
    ways.extend(_quoted(other) for other in spelling.corrections.get(word, ()))
    if with_places:
        ways.append(_quoted(f"@{word}") + (":*" if term.is_open else ""))
    return f"({' | '.join(ways)})"


def _quoted(word: str) -> str:
    # Folded words hold letters and digits; nothing in them is written otherwise in a query.
    return f"'{word}'"
