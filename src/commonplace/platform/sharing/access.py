"""What a person may do with an item that a transaction has locked: the rules of `rights`, for a row in the hand.

An item's name and place belong to the container it lies in: the name is one of the container's names, and moving or
trashing takes something out of it. So whoever was granted an item alone may change what it holds, and nothing of where
it stands; whoever may write in its container may do that too.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, get_args
from uuid import UUID

from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession
from commonplace.platform.errors import Problem
from commonplace.platform.sharing.errors import NotYoursToShare, OtherOwner, PlaceNotYours, ReadOnly
from commonplace.platform.sharing.rights import Action, may, open_container, written_since

Refusal = Callable[[], Problem]
"""Makes what is raised where the person may not even see the item: the app's own «not found»."""

# The row may lie in a container that others can see and this person cannot, so the two are asked for by themselves.
_ACCESS = Query(
    text(f"""
    SELECT item.id, {", ".join(f"{may(action)} AS {action}" for action in get_args(Action))},
        EXISTS (SELECT FROM platform.item AS place WHERE place.id = item.parent_id AND {may("write", item="place")})
            AS write_place,
        {written_since()} AS past_since
    FROM platform.item WHERE item.id = ANY(CAST(:ids AS uuid[]))
    """)
)
_IS_OPEN = Query(text(f"SELECT {open_container('CAST(:id AS uuid)')}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What one person may do with one item."""

    actions: frozenset[Action]  #: what they may do with the item itself
    may_place: bool  #: whether they may rename, move and trash it
    is_owner: bool
    past_since: datetime | None  #: versions that ended before are not theirs to see; None: all of them are

    def may(self, action: Action) -> bool:
        """Whether the person may do this with the item."""
        return action in self.actions


_ACTIONS: Final = get_args(Action)
_EVERYTHING: Final = Access(actions=frozenset(_ACTIONS), may_place=True, is_owner=True, past_since=None)


async def access_of(session: ReadSession, person_id: UUID, item: Row) -> Access:
    """What the person may do with `item`, a row with `id`, `owner_id` and `updated_at`; an owner costs no query.

    Whoever may not write sees of the past nothing: only the version that is the newest.
    """
    return (await access_of_each(session, person_id, [item]))[item.id]


async def access_of_each(session: ReadSession, person_id: UUID, items: Sequence[Row]) -> Mapping[UUID, Access]:
    """What the person may do with each of these items, as `access_of`, in one query for all."""
    others = {item.id: item for item in items if item.owner_id != person_id}
    rights = dict.fromkeys((item.id for item in items), _EVERYTHING)
    found: Sequence[Any] = ()
    if others:
        found = await session.all(_ACCESS, ids=list(others), person_id=person_id)
    for row in found:
        rights[row.id] = Access(
            actions=frozenset(action for action in _ACTIONS if row[action]),
            may_place=row.write_place,
            is_owner=False,
            past_since=others[row.id].updated_at if row.past_since is None else row.past_since,
        )
    return rights


async def require(
    session: ReadSession, person_id: UUID, locked: Row | None, action: Action, refusal: Refusal
) -> tuple[Row, Access]:
    """The locked item, if it can be seen and the person may do `action` with it; and what else they may.

    Raises:
        Problem: what `refusal` makes: there is no such item, or they may not see it.
        ReadOnly, NotYoursToShare: they may see it, but not do this.
    """
    if locked is None or locked.trashed_at is not None or locked.is_hidden:
        raise refusal()
    access = await access_of(session, person_id, locked)
    if not access.may("read"):
        raise refusal()
    if not access.may(action):
        raise NotYoursToShare if action == "share" else ReadOnly
    return locked, access


async def require_in_place(session: ReadSession, person_id: UUID, locked: Row | None, refusal: Refusal) -> Row:
    """The locked item, if the person may rename, move and trash it.

    Raises:
        Problem: what `refusal` makes: there is no such item, or they may not see it.
        ReadOnly: they may only look at it.
        PlaceNotYours: they may change what it holds, but it was shared with them by itself.
    """
    row, access = await require(session, person_id, locked, "write", refusal)
    if not access.may_place:
        raise PlaceNotYours
    return row


async def require_restore(session: ReadSession, person_id: UUID, locked: Row | None, refusal: Refusal) -> Row:
    """The locked item, if the person may take it out of the trash, or if there is nothing to take it out of.

    Whoever is not the owner can put it back only where it lay, in a container that they can see and write in.

    Raises:
        Problem: what `refusal` makes.
    """
    if locked is None:
        raise refusal()
    access = await access_of(session, person_id, locked)
    if access.is_owner:
        return locked
    is_away = locked.trashed_at is not None or locked.is_hidden
    if not access.may("read") or (
        is_away and not (access.may_place and await session.scalar(_IS_OPEN, id=locked.parent_id, person_id=person_id))
    ):
        raise refusal()
    return locked


def refuse_other_owner(locked: Row, new_owner_id: UUID) -> None:
    """Refuse to move an item where everything belongs to somebody else.

    Raises:
        OtherOwner: it does.
    """
    if locked.owner_id != new_owner_id:
        raise OtherOwner
