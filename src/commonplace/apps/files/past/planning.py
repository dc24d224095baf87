"""What putting a folder back would change: found from what changed since, never by walking through all there is.

A file or folder whose newest version a moment does not see changed since; everything else is as it was. So a plan costs
what the owner has changed since then, however much the drive holds. What lies in a folder that comes or goes comes and
goes with it, in one version of the folder.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from commonplace.apps.files.models import FILE, FOLDER
from commonplace.apps.files.past import queries
from commonplace.apps.files.past.tree import Tree
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession
from commonplace.platform.history.asof import Moment

What = Literal["added", "removed", "changed", "moved", "renamed"]
How = Literal["state", "place", "trash"]
WHATS: Final[tuple[What, ...]] = ("added", "removed", "changed", "moved", "renamed")
MOST_INSIDE: Final = 10_000  #: of what lies in folders that come or go, so much is counted
_KINDS: Final = {kind.name: kind for kind in (FILE, FOLDER)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What would be done with one file or folder."""

    id: UUID
    kind: str
    what: What  #: seen from the folder: what would be there (again), no longer, or otherwise
    how: How  #: back to an earlier state, only back to an earlier place, or to the trash
    path: str  #: below the folder that is put back: where it would be, or where what is removed lies
    name: str  #: as it would be; of what is removed, as it is
    size_bytes: int | None  #: of the bytes that would come back, or go; None for a folder
    is_moved: bool
    is_renamed: bool
    is_replaced: bool  #: whether it would get other bytes
    version: int  #: as it is
    target_version: int | None  #: whose state or place would come back; None: it would go to the trash
    level: int  #: how deep it would lie
    below: tuple[UUID, ...]  #: the folders it would lie in, or lies in


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that would change, by path."""

    changes: Sequence[Change]
    lost: int  #: files and folders that stay as they are, since what they were then is kept no longer


async def plan(
    session: ReadSession,
    owner_id: UUID,
    root_id: UUID | None,
    moment: Moment,
    chosen: Iterable[UUID] | None = None,
) -> Plan:
    """What would change if a folder (None: the whole drive) were put back to how it was at the moment.

    With `chosen` only these files and folders of then or now, with what lies in them, and the folders that they need.
    """
    seen = {"epoch": moment.epoch, "snapshot": moment.snapshot}
    rows = await session.all(queries.CHANGED, owner_id=owner_id, at=moment.at, **seen)
    ids = {parent for row in rows for parent in (row.parent_id, row.past_parent_id) if parent is not None}
    then = Tree(root_id, await session.all(queries.ABOVE_THEN, ids=list(ids), **seen))
    now = Tree(root_id, await session.all(queries.ABOVE_NOW, ids=list(ids)))
    trees = _Trees(then, now, then.with_root(None), now.with_root(None))
    changes = [change for row in rows if not row.is_lost and (change := _change(row, trees)) is not None]
    if chosen is not None:
        changes = _only(changes, frozenset(chosen))
    lost = sum(bool(row.is_lost) for row in rows)
    return Plan(changes=sorted(changes, key=lambda change: (change.path, change.id)), lost=lost)


@dataclass(frozen=True, slots=True)
class _Trees:
    then: Tree
    now: Tree
    drive_then: Tree
    drive_now: Tree


def _change(row: Row, trees: _Trees) -> Change | None:
    """What would be done with one item that changed; None: nothing, by itself."""
    was_there = row.past_version is not None and row.past_trashed_at is None
    then_way = trees.then.way(row.past_parent_id) if was_there else None
    if then_way is not None:
        is_here = row.trashed_at is None and trees.now.way(row.parent_id) is not None
        return _back(row, trees, then_way, is_here=is_here)
    # It goes by itself where the folder that it lies in stays, or comes back; otherwise with that folder.
    way = trees.then.way(row.parent_id) if row.trashed_at is None else None
    if way is None:
        return None
    came_from_elsewhere = (
        was_there
        and trees.drive_then.way(row.past_parent_id) is not None
        and trees.drive_now.way(row.past_parent_id) is not None
    )
    return _made(
        row,
        "removed",
        "place" if came_from_elsewhere else "trash",
        way=way,
        path=[*trees.then.names(way), row.title],
        is_moved=came_from_elsewhere,
    )


def _back(row: Row, trees: _Trees, way: tuple[UUID, ...], *, is_here: bool) -> Change | None:
    """Back to its state of then: content, name and place, as far as they differ."""
    is_moved, is_renamed = row.parent_id != row.past_parent_id, row.title != row.past_title
    past = _KINDS[row.kind].current_state(row.past_state, row.past_schema)
    is_replaced = differs(past, row.state)
    if not (is_moved or is_renamed or is_replaced or row.trashed_at is not None):
        return None
    what: What = "added" if not is_here else "changed" if is_replaced else "moved" if is_moved else "renamed"
    return _made(
        row,
        what,
        "state",
        way=way,
        path=[*trees.then.names(way), row.past_title],
        is_moved=is_moved,
        is_renamed=is_renamed,
        is_replaced=is_replaced,
        size_bytes=past.get("size_bytes"),
    )


def _made(row: Row, what: What, how: How, *, way: tuple[UUID, ...], path: list[str], **more: Any) -> Change:
    flags: dict[str, Any] = {
        "is_moved": False,
        "is_renamed": False,
        "is_replaced": False,
        "size_bytes": (row.state or {}).get("size_bytes"),
    }
    return Change(
        id=row.id,
        kind=row.kind,
        what=what,
        how=how,
        path="/".join(path),
        name=path[-1],
        version=row.version,
        target_version=None if how == "trash" else row.past_version,
        level=len(way),
        below=way,
        **(flags | more),
    )


def differs(past: Mapping[str, Any], state: Mapping[str, Any]) -> bool:
    """Whether what the app keeps of an item is another in two states; what only one of them has does not count."""
    return any(past[name] != state[name] for name in past.keys() & state.keys())


def _only(changes: Sequence[Change], chosen: frozenset[UUID]) -> list[Change]:
    """Those of the chosen, of what lies in them, and of the folders that these would lie in."""
    by_id = {change.id: change for change in changes}
    kept = {change.id for change in changes if change.id in chosen or chosen & set(change.below)}
    for item_id in tuple(kept):
        if by_id[item_id].what != "removed":
            kept |= {folder for folder in by_id[item_id].below if folder in by_id}
    return [change for change in changes if change.id in kept]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """How many changes of one sort there are, how large their bytes, and what lies in the folders among them."""

    items: int
    size_bytes: int
    inside: int  #: up to `MOST_INSIDE`
    inside_bytes: int


async def sums(session: ReadSession, made: Plan) -> dict[What, Sum]:
    """Counts and sizes of a plan, by what is done."""
    found: dict[What, Sum] = {}
    for what in WHATS:
        some = [change for change in made.changes if change.what == what]
        folders = [change.id for change in some if change.kind == FOLDER.name and what in {"added", "removed"}]
        row = await session.first(queries.INSIDE, ids=folders, limit=MOST_INSIDE) if folders else None
        found[what] = Sum(
            items=len(some),
            size_bytes=sum(change.size_bytes or 0 for change in some),
            inside=0 if row is None else row["items"],
            inside_bytes=0 if row is None else row.size_bytes,
        )
    return found
