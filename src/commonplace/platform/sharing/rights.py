"""Who may do what with an item, decided in one place, as SQL.

An item's owner may do everything with it, nobody else anything: grants and links come with a later release, and then
change this file only. What one may not see does not exist, so a query that starts from `visible` answers 404 by itself.

An item can be seen while neither it nor any container above it is in the trash. Trashing a folder writes one row,
whatever it holds; so the chain of parents is the truth, and it is followed here (one index look-up a level).
"""

from typing import Final, Literal

Action = Literal["read", "write"]

_OWNER: Final = "{item}.owner_id = CAST(:{person} AS uuid)"
_MAY: Final[dict[Action, str]] = {"read": _OWNER, "write": _OWNER}


def may(action: Action, *, item: str = "item", person: str = "person_id") -> str:
    """The condition that the person in the parameter `person` may do `action` with the row `item` of `platform.item`.

    It says nothing about the trash: see `visible`.
    """
    return _MAY[action].format(item=item, person=person)


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


def open_container(container: str, *, kind: str | None = None, person: str = "person_id") -> str:
    """The condition that the container whose id is the expression `container` can be seen, and the person may fill it.

    With `kind` only a container of that kind will do.
    """
    of_kind = "" if kind is None else f" AND container.kind = '{kind}'"
    return (
        f"EXISTS (SELECT FROM platform.item AS container WHERE container.id = {container}{of_kind}"
        f" AND {visible('write', item='container', person=person)})"
    )
