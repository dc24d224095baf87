"""Kinds of item: what the record has to know of a table to keep its history."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlmodel import SQLModel

State = Mapping[str, Any]
ITEM_COLUMNS: Final = frozenset(
    {
        "id",
        "kind",
        "owner_id",
        "parent_id",
        "title",
        "name_key",
        "version",
        "created_at",
        "updated_at",
        "trashed_at",
        "placed_at",
    }
)


class NoWayForward(LookupError):
    """A state is older than the oldest one its app can read: an upgrade function is missing."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Kind:
    """One kind of item: its name, its table, and how states written by earlier releases are read.

    The table has an `id`, which is the item's, and columns of its own; everything in `ITEM_COLUMNS` stands in
    `platform.item` and must not be repeated. What machines derive does not belong in it: each row is a version's state.
    """

    name: str  #: stable for ever
    table: type[SQLModel]
    schema: int = 1  #: number of the present shape of a state
    upgrades: Mapping[int, Callable[[State], State]] = field(default_factory=dict)  #: from n to n + 1
    path: str | None = None  #: where a person sees it, with `{id}`
    icon: str = "file"
    is_container: bool = False  #: whether other items name it as their parent

    def __post_init__(self) -> None:
        repeated = (set(self.columns) & ITEM_COLUMNS) - {"id"}
        if repeated:
            raise TypeError(f"The table of {self.name} repeats {', '.join(sorted(repeated))} of platform.item.")

    @property
    def qualified_table(self) -> str:
        """The table's name with its schema."""
        return str(self.table.__table__.fullname)  # type: ignore[attr-defined]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the table's columns, in its order."""
        return tuple(column.name for column in self.table.__table__.columns)  # type: ignore[attr-defined]

    def current_state(self, state: State, schema: int) -> State:
        """A stored state, brought to the present shape.

        Raises:
            NoWayForward: there is no function from some number on the way.
        """
        while schema < self.schema:
            if schema not in self.upgrades:
                raise NoWayForward(f"{self.name}: no upgrade of a state from schema {schema}.")
            state = self.upgrades[schema](state)
            schema += 1
        return state
