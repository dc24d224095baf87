"""A part of the tree of folders, as it is or was: the way from a root down to a folder."""

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from commonplace.platform.database.row import Row


class Link(NamedTuple):
    """Where a folder lies, and under which name."""

    parent_id: UUID | None
    title: str
    is_trashed: bool


class Tree:
    """Folders below a root; None is the top level of the drive. What lies elsewhere, or in the trash, is outside."""

    def __init__(self, root_id: UUID | None, links: Iterable[Row]) -> None:
        """`links` are rows with `id`, `parent_id`, `title` and `trashed_at`, with all that are above each other."""
        self._links = {row.id: Link(row.parent_id, row.title, row.trashed_at is not None) for row in links}
        self._ways: dict[UUID | None, tuple[UUID, ...] | None] = {None: None, root_id: ()}

    def way(self, folder_id: UUID | None) -> tuple[UUID, ...] | None:
        """The folders from below the root down to this one; none for the root itself; None when it is outside."""
        pending: list[UUID] = []
        at = folder_id
        while at not in self._ways:
            link = self._links.get(at) if at is not None else None
            if at is None or link is None or link.is_trashed:
                self._ways[at] = None
                break
            pending.append(at)
            at = link.parent_id
        way = self._ways[at]
        for one in reversed(pending):
            way = None if way is None else (*way, one)
            self._ways[one] = way
        return self._ways[folder_id]

    def names(self, way: Iterable[UUID]) -> list[str]:
        """The names of the folders of a way."""
        return [self._links[folder_id].title for folder_id in way]

    def with_root(self, root_id: UUID | None) -> "Tree":
        """The same folders, below another root."""
        other = Tree(root_id, ())
        other._links = self._links
        return other
