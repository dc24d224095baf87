"""How an app takes its items out of an archive: what it checks, and what it tells."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from commonplace.platform.events.event import Event


class NotTaken(Exception):
    """Something of an archive is not taken; the text says why, to the person."""


class StoredHere(NamedTuple):
    """Bytes of the archive, as this installation has them."""

    id: UUID
    sha256: str
    size_bytes: int
    media_type: str  #: by their content


@dataclass(frozen=True, slots=True, kw_only=True)
class Arriving:
    """One state of one item, as an app checks it. Nothing in it is believed."""

    title: str
    state: Mapping[str, Any]  #: in the present shape, as far as its number says the truth
    parent_kind: str | None  #: what it lies in here
    object: StoredHere | None  #: the bytes that its `object_id` names
    ids: Mapping[str, UUID]  #: what became of the items that `refers` named; of others nothing


def _nothing(_state: Mapping[str, Any]) -> Iterable[str]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """How items of one kind are read in."""

    values: Callable[[Arriving], dict[str, Any]]  #: the table's columns; raises `NotTaken`
    title: Callable[[str], str]  #: the title as it may be; raises `NotTaken`
    fact: Callable[[UUID, Mapping[str, Any]], Event]  #: what is told of an item with these columns
    parents: frozenset[str] = frozenset()  #: kinds that it may lie in
    numbered: Callable[[str, int], str] | None = None  #: another name where it is taken; None: names may be alike
    refers: Callable[[Mapping[str, Any]], Iterable[str]] = _nothing  #: ids of other items in a state
