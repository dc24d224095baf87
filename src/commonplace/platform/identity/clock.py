"""The time that decides whether a credential is still valid. Tests put another clock among the parts."""

import time


class Clock:
    """The machine's clock."""

    def time(self) -> float:
        """Seconds since 1970, UTC."""
        return time.time()
