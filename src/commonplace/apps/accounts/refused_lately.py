"""What was refused a moment ago, so that it can be refused again without asking the database."""

from collections import OrderedDict


class RefusedLately:
    """What a process has refused in the last seconds: who hammers on is told so again without any other work."""

    def __init__(self, *, limit: int = 10_000, longest_seconds: float = 5.0) -> None:
        """Remember `limit` refusals, each for `longest_seconds` at most: a limit may be lifted meanwhile."""
        self._limit = limit
        self._longest_seconds = longest_seconds
        self._until: OrderedDict[tuple[bytes, str], tuple[float, float]] = OrderedDict()

    def note(self, who: tuple[bytes, str], now: float, seconds: float) -> None:
        """Remember that `who` has to wait for `seconds` from `now`."""
        self._until[who] = (now + seconds, now + min(seconds, self._longest_seconds))
        self._until.move_to_end(who)
        if len(self._until) > self._limit:
            self._until.popitem(last=False)

    def wait_seconds(self, who: tuple[bytes, str], now: float) -> float:
        """How long `who` has to wait still, as far as is remembered; 0 when it is not."""
        until, forget_at = self._until.get(who, (now, now))
        if now >= forget_at:
            self._until.pop(who, None)
            return 0.0
        return until - now
