"""What is to be done so that two sides are alike: decided from what each has and what both had, doing nothing yet."""

from collections.abc import Iterator, Mapping
from typing import Final, Literal, NamedTuple

Direction = Literal["both", "up", "down"]
What = Literal["send", "fetch", "conflict", "remove_here", "remove_there", "left_here", "left_there", "alike"]

#: What each step means for people.
WORDS: Final[Mapping[What, str]] = {
    "send": "up",
    "fetch": "down",
    "conflict": "changed on both sides: both are kept",
    "remove_here": "removed here",
    "remove_there": "to the trash there",
    "left_here": "not there, left here",
    "left_there": "not here, left there",
    "alike": "",
}


class Step(NamedTuple):
    """One thing to be done with one path."""

    what: What
    path: str


def plan(
    here: Mapping[str, str],
    there: Mapping[str, str],
    common: Mapping[str, str],
    *,
    direction: Direction,
    delete: bool,
) -> Iterator[Step]:
    """Compare what is here and there by hash, path by path. Without `delete` nothing is removed on any side.

    A change wins over a removal; two different changes are both kept. Up, this side is right: what differs is sent as
    a new version, which keeps the one before. Down, the other side is right, but what was changed here is kept too.
    """
    for path in sorted(here.keys() | there.keys() | common.keys()):
        mine, theirs, base = here.get(path), there.get(path), common.get(path)
        if mine == theirs:
            what: What = "alike"
        elif direction == "up":
            what = _up(mine, delete=delete)
        elif direction == "down":
            what = _down(mine, theirs, base, delete=delete)
        else:
            what = _both(mine, theirs, base, delete=delete)
        yield Step(what, path)


def _up(mine: str | None, *, delete: bool) -> What:
    if mine is not None:
        return "send"
    return "remove_there" if delete else "left_there"


def _down(mine: str | None, theirs: str | None, base: str | None, *, delete: bool) -> What:
    if theirs is None:  # what was never there is not ours to remove
        return "remove_here" if delete and mine == base else "left_here"
    return "fetch" if mine in (None, base) else "conflict"


def _both(mine: str | None, theirs: str | None, base: str | None, *, delete: bool) -> What:
    if mine == base:
        if theirs is None:
            return "remove_here" if delete else "left_here"
        return "fetch"
    if theirs == base:
        if mine is None:
            return "remove_there" if delete else "left_there"
        return "send"
    if mine is None:
        return "fetch"
    return "send" if theirs is None else "conflict"
