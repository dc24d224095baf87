"""Where versions are filed by their time: the cells of a binary tree over time.

Each version that is over stands under the smallest cell that holds its whole time (`platform.span_of`, made by the
migration). What was so at some time is therefore found under the cells that the time lies in, 21 of them.
"""

from datetime import datetime, timedelta
from typing import Final

#: Clocks may be set back, and what a transaction wrote becomes visible a little later: times only serve the index, and
#: a snapshot decides. Twice this is shorter than a leaf.
GRACE: Final = timedelta(hours=1)

_LEAF_SECONDS: Final = 8192
_LEAVES: Final = 2**20


def spans_around(at: datetime) -> list[int]:
    """The numbers of the cells that hold a version that may have been so at `at`, within `GRACE`."""
    cells: set[int] = set()
    for leaf in {_leaf(at - GRACE), _leaf(at + GRACE)}:
        cell = leaf
        while cell:
            cells.add(cell)
            cell >>= 1
    return sorted(cells)


def _leaf(at: datetime) -> int:
    return _LEAVES + min(max(int(at.timestamp()) // _LEAF_SECONDS, 0), _LEAVES - 1)
