"""How an API token is written: `cp_`, forty characters of chance, and six that check the others.

By the prefix people and scanners of published code can tell what they see, and by the checksum they can tell it from
something that only looks like it; a mistyped one costs no look into the database. 40 characters of 62 are 238 bits, so
a plain SHA-256 is enough to store: nobody can try them all.
"""

import re
import secrets
import string
import zlib
from typing import Final

PREFIX: Final = "cp_"
PATTERN: Final = r"cp_[0-9A-Za-z]{46}"  #: for scanners; the last six characters are the checksum
_LETTERS: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_CHANCE: Final = 40
_CHECK: Final = 6  # CRC-32 in base 62
_SHAPE: Final = re.compile(PATTERN)


def new_token() -> str:
    """A token that nobody has seen before."""
    text = PREFIX + "".join(secrets.choice(_LETTERS) for _ in range(_CHANCE))
    return text + _checksum(text)


def is_well_formed(text: str) -> bool:
    """Whether an installation of ours can have made this token."""
    return bool(_SHAPE.fullmatch(text)) and _checksum(text[:-_CHECK]) == text[-_CHECK:]


def _checksum(text: str) -> str:
    number = zlib.crc32(text.encode())
    digits = []
    for _ in range(_CHECK):
        number, digit = divmod(number, len(_LETTERS))
        digits.append(_LETTERS[digit])
    return "".join(reversed(digits))
