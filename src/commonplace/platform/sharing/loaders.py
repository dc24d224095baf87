"""What others are shown of items, kind by kind: the apps' loaders, which their manifests name.

A kind without a loader cannot be shared.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from commonplace.platform.app import App, load
from commonplace.platform.database.session import ReadSession
from commonplace.platform.sharing.visits.linked import NOTHING, LinkedKind

Details = Mapping[UUID, Mapping[str, Any]]
Loader = Callable[[ReadSession, Sequence[UUID]], Awaitable[Details]]
"""Gives, for items of one kind, what is shown of each besides its name: JSON values, no secrets, nothing of others."""


class Loaders:
    """A part: the loaders of the apps that a process serves. Each is imported when it is first needed."""

    def __init__(self, apps: Iterable[App]) -> None:
        apps = tuple(apps)
        self._references = {kind: reference for app in apps for kind, reference in app.loaders.items()}
        self._linked = {kind: reference for app in apps for kind, reference in app.linked.items()}

    @property
    def kinds(self) -> Sequence[str]:
        """The kinds of item that can be shared here."""
        return list(self._references)

    def linked(self, kind: str) -> LinkedKind:
        """What can be had by a link of an item of this kind."""
        reference = self._linked.get(kind)
        if reference is None:
            return NOTHING
        found: LinkedKind = load(reference)
        return found

    async def details(self, session: ReadSession, items: Iterable[tuple[UUID, str]]) -> Details:
        """What is shown of these items, each given with its kind, in one query for each kind."""
        by_kind: dict[str, list[UUID]] = {}
        for item_id, kind in items:
            by_kind.setdefault(kind, []).append(item_id)
        found: dict[UUID, Mapping[str, Any]] = {}
        for kind, ids in by_kind.items():
            loader: Loader = load(self._references[kind])
            found.update(await loader(session, ids))
        return found
