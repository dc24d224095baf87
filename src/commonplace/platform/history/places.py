"""Places: where an item lies, whether it may lie there, and which names are free.

The place of an item is its container, or the top level of its owner. Among the live items of a place that have a
`name_key` no two have the same one; a unique index says so, and what is here only finds names that will pass it.
"""

import unicodedata
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.errors import Conflict, NotFound
from commonplace.platform.sharing.errors import ReadOnly
from commonplace.platform.sharing.rights import may, open_container, visible

_FEW: Final = 9  # numbers that are tried one by one; beyond them the search takes strides
_MOST: Final = 2**25
_STRIDES: Final = 16
_REMEMBERED: Final = 1000

#: Where the search for a free number ended lately: only hints, which other processes do not share.
_last_numbers: OrderedDict[tuple[UUID, str], int] = OrderedDict()


class ContainerNotFound(NotFound):
    """There is no such folder, or the caller may not see it."""

    def __init__(self) -> None:
        super().__init__("There is no such folder. It may have been moved to the trash; choose another one.")


class MoveIntoOwnSubtree(Conflict):
    """A container cannot be moved into itself or anything below it."""

    def __init__(self) -> None:
        super().__init__("A folder cannot be moved into itself or one of its subfolders; choose a target outside it.")


class TooDeep(Conflict):
    """Containers would lie in each other deeper than the limit."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"Folders can lie in each other {limit} levels deep at most; choose a place further up.")


_IS_OPEN = Query(text(f"SELECT {open_container('CAST(:id AS uuid)')}"))
_CONTAINER = Query(
    text(f"""
    SELECT item.owner_id, {may("write")} AS may_write FROM platform.item
    WHERE item.id = :id AND item.kind = :kind AND {visible()}
    """)
)
_DEPTH = Query(
    text("""
    WITH RECURSIVE above AS (
        SELECT id, parent_id, 1 AS level FROM platform.item WHERE id = :id
        UNION ALL
        SELECT item.id, item.parent_id, above.level + 1 FROM platform.item JOIN above ON item.id = above.parent_id
    )
    SELECT max(level) AS depth, coalesce(bool_or(id = ANY(CAST(:moved AS uuid[]))), false) AS is_below
    FROM above
    """)
)
_HEIGHT = Query(
    text("""
    WITH RECURSIVE below AS (
        SELECT item.id, item.kind, 1 AS level FROM platform.item WHERE item.id = ANY(CAST(:ids AS uuid[]))
        UNION ALL
        -- As the index of listings has it: of what lies there, only the containers are looked at. (`OFFSET 0` keeps it
        -- a look-up: the planner, who cannot know how many there will be, would rather read the whole table.)
        SELECT child.id, child.kind, below.level + 1 FROM below CROSS JOIN LATERAL (
            SELECT item.id, item.kind FROM platform.item WHERE coalesce(item.parent_id, item.owner_id) = below.id
            AND item.kind = below.kind AND item.trashed_at IS NULL OFFSET 0) AS child
    )
    SELECT max(level) FROM below
    """)
)
#: How many containers lie above the one of these that lies the least deep.
_LEAST_DEPTH = Query(
    text("""
    WITH RECURSIVE above AS (
        SELECT item.id AS of_id, item.parent_id FROM platform.item WHERE item.id = ANY(CAST(:ids AS uuid[]))
        UNION ALL
        SELECT above.of_id, item.parent_id FROM platform.item JOIN above ON item.id = above.parent_id
    )
    SELECT min(depth) FROM (SELECT count(*) - 1 AS depth FROM above GROUP BY of_id) AS each
    """)
)
_LOCK_MOVES = Query(
    text("SELECT pg_advisory_xact_lock(hashtextextended('move ' || CAST(CAST(:owner_id AS uuid) AS text), 0))")
)
_LOCK_NAME = Query(
    text("SELECT pg_advisory_xact_lock(hashtextextended(CAST(CAST(:place AS uuid) AS text) || ' ' || :name_key, 0))")
)
_FREE = Query(
    text("""
    SELECT number FROM unnest(CAST(:numbers AS bigint[]), CAST(:keys AS text[])) AS probe (number, key)
    WHERE NOT EXISTS (
        SELECT FROM platform.item WHERE coalesce(parent_id, owner_id) = :place AND name_key = probe.key
        AND trashed_at IS NULL AND name_key IS NOT NULL)
    ORDER BY number
    """)
)
_TAKEN = Query(
    text("""
    SELECT name_key FROM platform.item WHERE coalesce(parent_id, owner_id) = :place
    AND name_key = ANY(CAST(:keys AS text[])) AND trashed_at IS NULL AND name_key IS NOT NULL
    """)
)


def name_key(title: str) -> str:
    """What of a name is compared: its NFC, so that the same letters composed in another way are the same name."""
    return unicodedata.normalize("NFC", title)


async def is_open(session: ReadSession, person_id: UUID, container_id: UUID) -> bool:
    """Whether the container is there, can be seen, and the person may put things into it."""
    found: bool = await session.scalar(_IS_OPEN, id=container_id, person_id=person_id)
    return found


async def require_container(session: ReadSession, person_id: UUID, container_id: UUID | None, *, kind: str) -> UUID:
    """Refuse a container that is none of `kind`, or that the person may not put things into; None is the top level.

    Back comes to whom everything in it belongs: the container's owner, at the top level the person.

    Raises:
        ContainerNotFound: there is none that the person can see.
        ReadOnly: the person may see it, but put nothing into it.
    """
    if container_id is None:
        return person_id
    row = await session.first(_CONTAINER, id=container_id, person_id=person_id, kind=kind)
    if row is None:
        raise ContainerNotFound
    if not row.may_write:
        raise ReadOnly
    owner_id: UUID = row.owner_id
    return owner_id


async def require_depth(session: ReadSession, parent_id: UUID | None, *, limit: int) -> None:
    """Refuse a new container in `parent_id` when it would lie deeper than `limit`.

    Raises:
        TooDeep: it would.
    """
    if parent_id is None:
        return
    row = await session.first(_DEPTH, id=parent_id, moved=[])
    if row is not None and (row.depth or 0) >= limit:
        raise TooDeep(limit)


async def require_move(
    session: WriteSession, owner_id: UUID, container_id: UUID, target_id: UUID | None, *, limit: int
) -> None:
    """Refuse to move a container where it cannot lie; see `require_moves`.

    Raises:
        MoveIntoOwnSubtree: the target is the container itself, or below it.
        TooDeep: what is below it would lie deeper than `limit`.
    """
    await require_moves(session, owner_id, [container_id], target_id, limit=limit)


async def require_moves(
    session: WriteSession, owner_id: UUID, container_ids: Sequence[UUID], target_id: UUID | None, *, limit: int
) -> None:
    """Refuse to move containers where they cannot lie. One owner's moves wait for each other until the end.

    Without that, two moves at once could put each of two folders into the other.

    Raises:
        MoveIntoOwnSubtree: the target is one of the containers itself, or below it.
        TooDeep: what is below one would lie deeper than `limit`.
    """
    await lock_moves(session, owner_id)
    depth = await _depth_of_target(session, container_ids, target_id)
    # What comes to lie no deeper than it did fits, however much there is below it.
    if depth and depth > await session.scalar(_LEAST_DEPTH, ids=list(container_ids)):
        await _require_height(session, container_ids, depth, limit)


async def require_copies(
    session: ReadSession, container_ids: Sequence[UUID], target_id: UUID | None, *, limit: int
) -> None:
    """Refuse to copy containers, with what lies in them, where the copies cannot lie.

    Raises:
        MoveIntoOwnSubtree: the target is one of the containers itself, or below it.
        TooDeep: a copy would lie deeper than `limit`.
    """
    await _require_height(session, container_ids, await _depth_of_target(session, container_ids, target_id), limit)


async def _depth_of_target(session: ReadSession, container_ids: Sequence[UUID], target_id: UUID | None) -> int:
    if target_id is None:
        return 0
    target = await session.first(_DEPTH, id=target_id, moved=list(container_ids))
    if target is None or target.is_below:
        raise MoveIntoOwnSubtree
    return target.depth or 0


async def _require_height(session: ReadSession, container_ids: Sequence[UUID], depth: int, limit: int) -> None:
    height: int = await session.scalar(_HEIGHT, ids=list(container_ids))
    if depth + height > limit:
        raise TooDeep(limit)


async def lock_moves(session: WriteSession, owner_id: UUID) -> None:
    """Let one transaction at a time move this owner's containers; it holds until the transaction ends."""
    await session.execute(_LOCK_MOVES, owner_id=owner_id)


async def taken(session: ReadSession, place: UUID, titles: Sequence[str]) -> set[str]:
    """Which of these names are taken in the place (a container's id, or its owner's at the top level), as keys."""
    rows = await session.all(_TAKEN, place=place, keys=[name_key(title) for title in titles])
    return {row.name_key for row in rows}


async def lock_name(session: WriteSession, place: UUID, title: str) -> None:
    """Let one transaction at a time look for a free name beside `title`; two would find the same one."""
    await session.execute(_LOCK_NAME, place=place, name_key=name_key(title))


async def free_title(session: ReadSession, place: UUID, numbered: Callable[[int], str]) -> str:
    """A name that is free in the place: `numbered(2)`, or that of a later number.

    The least number up to 9; beyond, one behind a number that is taken. It takes one query, or a few more where there
    are many, however many there are; and one again where this process found the last one.
    """

    async def free_among(numbers: Sequence[int]) -> list[int]:
        keys = [name_key(numbered(number)) for number in numbers]
        return [row.number for row in await session.all(_FREE, numbers=list(numbers), keys=keys, place=place)]

    name = (place, numbered(2))
    last = _last_numbers.get(name, _FEW)
    free = await free_among([*range(2, _FEW + 1), *range(last + 1, last + 1 + _FEW)])
    number = free[0] if free else await _beyond(last + _FEW, free_among)
    if number > _FEW:
        _last_numbers[name] = number
        if len(_last_numbers) > _REMEMBERED:
            _last_numbers.popitem(last=False)
    return numbered(number)


async def _beyond(low: int, free_among: Callable[[Sequence[int]], Awaitable[list[int]]]) -> int:
    """A free number behind `low`, which is taken: first in strides that double, then between the last two."""
    strides = [low + 2**power for power in range(4, 25)]
    free = await free_among(strides)
    high = free[0] if free else low + _MOST
    low = max([low, *(number for number in strides if number < high)])
    while high - low > 1:
        step = max(1, (high - low) // _STRIDES)
        between = list(range(low + step, high, step))
        free = await free_among(between)
        first = free[0] if free else high
        low = max([low, *(number for number in between if number < first)])
        high = first
    return high
