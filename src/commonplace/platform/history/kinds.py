"""All kinds of item that a process knows, by name: the kinds in the manifests of the apps it serves."""

from collections.abc import Iterable, Iterator

from commonplace.platform.app import App, load
from commonplace.platform.history.kind import Kind


class Kinds:
    """A part: `parts[Kinds]["file"]`. The tables are loaded when they are first asked for."""

    def __init__(self, apps: Iterable[App]) -> None:
        self._references = [reference for app in apps for reference in app.kinds]
        self._by_name: dict[str, Kind] | None = None

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._known().values())

    def __getitem__(self, name: str) -> Kind:
        """The kind of this name.

        Raises:
            KeyError: no app that is served here has it.
        """
        return self._known()[name]

    def _known(self) -> dict[str, Kind]:
        if self._by_name is None:
            kinds: list[Kind] = [load(reference) for reference in self._references]
            self._by_name = {kind.name: kind for kind in kinds}
        return self._by_name
