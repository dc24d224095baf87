"""What a password may be (NIST SP 800-63B, section 5.1.1.2).

Length, and nothing about kinds of characters; none of those that are tried first because many people use them; and
nothing that is made of who the person is.
"""

import re
from collections.abc import Iterable
from typing import Final

from commonplace.apps.accounts.common_passwords import folded, is_common
from commonplace.apps.accounts.errors import PasswordNotAllowed

FEWEST_CHARACTERS: Final = 8
MOST_CHARACTERS: Final = 1024
_OURS: Final = "commonplace"
_SHORTEST_WORD: Final = 3  # characters; shorter ones stand in every sentence
_FEWEST_OF_THEIR_OWN: Final = 6  # characters that must be left without name and address
_WORDS: Final = re.compile(r"[^\W_]+")


def refuse_unfit(password: str, *, fewest: int = FEWEST_CHARACTERS, about: Iterable[str] = ()) -> None:
    """Refuse a password that nobody may choose, or that this person may not.

    `about` is what is known of the person: their name, their address.

    Raises:
        PasswordNotAllowed: it is too short, too long, common, or made of `about`.
    """
    if len(password) < fewest:
        raise PasswordNotAllowed(f"The password is too short: it needs at least {fewest} characters.")
    if len(password) > MOST_CHARACTERS:
        raise PasswordNotAllowed(f"The password is too long: it may have {MOST_CHARACTERS} characters at most.")
    if is_common(password):
        raise PasswordNotAllowed(
            "Many people use this password, so it is among the first that are tried. Take another, such as a sentence."
        )
    if _is_made_of(password, (*about, _OURS)):
        raise PasswordNotAllowed(
            "The password is little more than your name, your address or ours, which others know. Take another."
        )


def _is_made_of(password: str, about: Iterable[str]) -> bool:
    whole = "".join(_WORDS.findall(folded(password)))
    words = {word for text in about for word in _WORDS.findall(folded(text)) if len(word) >= _SHORTEST_WORD}
    rest = whole
    for word in sorted(words, key=len, reverse=True):
        rest = rest.replace(word, "")
    return rest != whole and len(rest) < _FEWEST_OF_THEIR_OWN
