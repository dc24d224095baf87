"""Ending with one's parent, however that ends."""

import ctypes
import os
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def die_with_parent(parent: int | None = None, *, by: signal.Signals = signal.SIGTERM) -> None:
    """Have the kernel send this process `by` when the thread that started it ends (Linux; elsewhere nothing).

    With `parent`, the process ends at once when that one is its parent no more: it ended before we could ask.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(by), 0, 0, 0)
        if parent is not None and os.getppid() != parent:
            os._exit(1)
