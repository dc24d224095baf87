"""How well a search finds what people mean: queries with what they should lead to, and how many do.

For any search: give `relevance` a function that asks and says what it found, the best first.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

Ask = Callable[[str], Awaitable[Sequence[str]]]


@dataclass(frozen=True)
class Labelled:
    """A query and what somebody who types it looks for."""

    query: str
    wanted: frozenset[str]  #: any of these will do; empty: nothing should be found
    within: int = 3  #: among so many of the first

    @classmethod
    def of(cls, query: str, *wanted: str, within: int = 3) -> "Labelled":
        return cls(query, frozenset(wanted), within)

    def is_met_by(self, found: Sequence[str]) -> bool:
        """Whether it is there, early enough."""
        if not self.wanted:
            return not found
        return bool(self.wanted & set(found[: self.within]))


@dataclass
class Relevance:
    """What came of a set of labelled queries."""

    asked: int = 0
    misses: list[str] = field(default_factory=list)  #: each query that did not lead there, and where it led

    @property
    def ratio(self) -> float:
        return 1 - len(self.misses) / self.asked


async def relevance(ask: Ask, queries: Iterable[Labelled]) -> Relevance:
    """Ask each of them."""
    outcome = Relevance()
    for labelled in queries:
        found = await ask(labelled.query)
        outcome.asked += 1
        if not labelled.is_met_by(found):
            outcome.misses.append(f"{labelled.query!r}: {list(found[:5])}, and not {sorted(labelled.wanted)}")
    return outcome
