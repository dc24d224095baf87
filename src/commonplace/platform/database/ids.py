"""Identifiers: UUIDs of version 7 (RFC 9562, section 5.7), whose order is about that of their making.

New rows so land at the right edge of an index instead of all over it. PostgreSQL has `uuidv7()` from version 18 only,
and a caller often needs the id before the row exists, so they are made here.
"""

import os
import time
from typing import Final
from uuid import UUID

_VERSION_7: Final = 0x7 << 76
_VARIANT: Final = 0b10 << 62
_CHANCE_BYTES: Final = 10  # 80 bits, of which 74 are used
_AT_ONCE: Final = 128

# Asking the system for chance is a call that lets other threads go first; so it is asked for many ids at once. A child
# must not use up the same numbers as its parent.
_chances: list[int] = []
os.register_at_fork(after_in_child=_chances.clear)


def new_id() -> UUID:
    """A fresh identifier: 48 bits of Unix milliseconds, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    try:
        chance = _chances.pop()
    except IndexError:
        chance = _ask()
    high = (chance >> 62) & 0xFFF
    low = chance & ((1 << 62) - 1)
    return UUID(int=(milliseconds & ((1 << 48) - 1)) << 80 | _VERSION_7 | high << 64 | _VARIANT | low)


def _ask() -> int:
    """Fill up, and give one back; several threads may be here at once."""
    chance = os.urandom(_CHANCE_BYTES * _AT_ONCE)
    fresh = [
        int.from_bytes(chance[start : start + _CHANCE_BYTES], "big") for start in range(0, len(chance), _CHANCE_BYTES)
    ]
    given = fresh.pop()
    _chances.extend(fresh)
    return given
