"""Which passwords are common: found in leaks again and again, and so the first that anybody tries.

The list is a file of sorted digests, five bytes each; `infrastructure/common_passwords.py` says where it comes from and
writes it. Capital letters make no difference: who tries `password` tries `Password` too.
"""

import hashlib
import unicodedata
from bisect import bisect_left
from functools import cache
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).with_suffix(".bin")
_BYTES: Final = 5


def is_common(password: str) -> bool:
    """Whether the password is one of the list."""
    wanted, table = digest(folded(password)), _table()
    place = bisect_left(range(len(table) // _BYTES), wanted, key=lambda at: table[at * _BYTES : (at + 1) * _BYTES])
    return table[place * _BYTES : (place + 1) * _BYTES] == wanted


def folded(password: str) -> str:
    """What the digest is made of: equal for passwords that differ in case or width only."""
    return unicodedata.normalize("NFKC", password).casefold()


def digest(word: str) -> bytes:
    """The first bytes of its SHA-256."""
    return hashlib.sha256(word.encode("utf-8", "surrogatepass")).digest()[:_BYTES]


@cache
def _table() -> bytes:
    return FILE.read_bytes()
