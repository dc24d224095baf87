"""Who may do what with an item, decided in one place, as SQL.

An item's owner may do everything with it. Anybody else may do what a grant says, on the item itself or on a container
above it: a grant flows down `item.parent_id`. What lies in a container has the container's owner, always; so there is
one owner to a tree, and whoever may do something with a container may do it with all that lies in it. What one may not
see does not exist, so a query that starts from `visible` answers 404 by itself.

An item can be seen while neither it nor any container above it is in the trash. Trashing a folder writes one row,
whatever it holds; so the chain of parents is the truth, and it is followed here (one index look-up a level).

The owner comes first in every condition, and grants are looked at only where it is somebody else: owners pay nothing.
How a grant reaches an item stands in the database's function `platform.granted_since`, which the migration made.
In a list of what lies in one container, ask for the container once (`open_container`), never for each row. In a list of
everything (search, space, sync) the chains of a hundred thousand rows would be too dear: there, ask once for the
containers that are out of sight (`in_sight`), and compare.
"""

from collections.abc import Sequence
from typing import Final, Literal

Action = Literal["read", "comment", "write", "share"]
Level = Literal["view", "comment", "edit", "own"]

LEVELS: Final[tuple[Level, ...]] = ("view", "comment", "edit", "own")  #: each includes those before it
_NEEDED: Final[dict[Action, Level]] = {"read": "view", "comment": "comment", "write": "edit", "share": "own"}


def may(action: Action, *, item: str = "item", person: str = "person_id") -> str:
    """The condition that the person in the parameter `person` may do `action` with the row `item` of `platform.item`.

    It says nothing about the trash: see `visible`.
    """
    return allows(action, item=item, person=f"CAST(:{person} AS uuid)")


def allows(action: Action, *, item: str = "item", person: str) -> str:
    """The same as `may` for a `person` who stands in the statement as an expression."""
    return f"({item}.owner_id = {person} OR {_since(_levels_for(action), item, person)} IS NOT NULL)"


def own(*, item: str = "item", person: str = "person_id") -> str:
    """The condition that `item` belongs to the person: for lists of what is one's own, which an index can find."""
    return f"{item}.owner_id = CAST(:{person} AS uuid)"


def visible(action: Action = "read", *, item: str = "item", person: str = "person_id") -> str:
    """The condition that the person may do `action` with `item`, and that neither it nor what it lies in is trashed."""
    return f"({may(action, item=item, person=person)} AND {item}.trashed_at IS NULL AND NOT {hidden(item)})"


def hidden(item: str = "item") -> str:
    """The condition that a container above `item` is in the trash."""
    return f"""
    ({item}.parent_id IS NOT NULL AND EXISTS (
        WITH RECURSIVE above AS (
            SELECT ancestor.parent_id, ancestor.trashed_at FROM platform.item AS ancestor
            WHERE ancestor.id = {item}.parent_id
            UNION ALL
            SELECT ancestor.parent_id, ancestor.trashed_at FROM platform.item AS ancestor
            JOIN above ON ancestor.id = above.parent_id
        )
        SELECT FROM above WHERE trashed_at IS NOT NULL
    ))"""


def in_sight(kinds: Sequence[str], *, item: str = "item", owners: str = "ARRAY[CAST(:person_id AS uuid)]") -> str:
    """The condition that neither `item` nor a container above it is in the trash, for lists of everything.

    `owners` is an expression for the ids of all owners whose items are listed, `kinds` are the kinds of containers that
    these can lie in. The containers out of sight are found once a query, and each row is compared with them. It says
    what `hidden` says, at once and exactly: there is nothing that a job would have to keep up to date.
    """
    names = ", ".join(f"'{kind}'" for kind in kinds)
    return f"""
    ({item}.trashed_at IS NULL AND ({item}.parent_id IS NULL OR {item}.parent_id NOT IN (
        SELECT out_of_sight.id FROM platform.hidden_containers({owners}, ARRAY[{names}]) AS out_of_sight (id))))"""


def open_container(
    container: str, *, action: Action = "write", kind: str | None = None, person: str = "person_id"
) -> str:
    """The condition that the container whose id is the expression `container` can be seen, and the person may fill it.

    With `kind` only a container of that kind will do; with the action `read` the person need only see what is in it.
    """
    of_kind = "" if kind is None else f" AND container.kind = '{kind}'"
    return (
        f"EXISTS (SELECT FROM platform.item AS container WHERE container.id = {container}{of_kind}"
        f" AND {visible(action, item='container', person=person)})"
    )


def seen_since(*, item: str = "item", person: str) -> str:
    """The time since when `person` (an expression), who is not the owner, could see `item`; NULL: they cannot.

    It is when the grant was given, or when the item came into the shared container, whichever was later. What happened
    to the item before is not theirs to know.
    """
    return _since(LEVELS, item, person)


def written_since(*, item: str = "item", person: str = "person_id") -> str:
    """The time since when the person, who is not the owner, could write in `item`: their past of it; NULL: they cannot.

    Who may see the past are owners and editors.
    """
    return _since(_levels_for("write"), item, f"CAST(:{person} AS uuid)")


def _levels_for(action: Action) -> tuple[Level, ...]:
    """The levels of a grant that allow `action`."""
    return LEVELS[LEVELS.index(_NEEDED[action]) :]


def _since(levels: tuple[Level, ...], item: str, person: str) -> str:
    # A function of the database: a subquery would be made ready for each statement, also where an owner asks.
    names = ", ".join(f"'{level}'" for level in levels)
    return f"platform.granted_since({item}.id, {person}, ARRAY[{names}])"
