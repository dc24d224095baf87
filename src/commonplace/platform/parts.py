"""The parts an installation is composed of, found by their type.

`application.py` builds each part once and puts it here; requests, handlers and commands take what they need out of it.
Nothing below the composition root builds a part of its own.
"""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar, cast

T = TypeVar("T")


class MissingPart(LookupError):
    """A part was asked for that this process was not composed with."""


class Parts:
    """A typed collection: `parts[Database]` is the installation's `Database`."""

    def __init__(self) -> None:
        self._parts: dict[type[Any], Any] = {}
        self._closing: list[Callable[[], Awaitable[None]]] = []

    def add(self, part: object, *, as_: type[Any] | None = None) -> None:
        """Put `part` in under its own type, or under `as_` (a protocol or base class it implements)."""
        self._parts[as_ or type(part)] = part

    def on_close(self, close: Callable[[], Awaitable[None]]) -> None:
        """Have `close` awaited when the process ends, before the database goes; the last one added is the first."""
        self._closing.append(close)

    def closing(self) -> Iterator[Callable[[], Awaitable[None]]]:
        """What is to be closed, in the order for it."""
        return reversed(self._closing)

    def __getitem__(self, kind: type[T]) -> T:
        """The part of type `kind`.

        Raises:
            MissingPart: the process was composed without one.
        """
        try:
            return cast("T", self._parts[kind])
        except KeyError:
            raise MissingPart(f"This process has no {kind.__name__}; application.py composes the parts.") from None

    def __contains__(self, kind: type[Any]) -> bool:
        return kind in self._parts
