"""What an API token may do: scopes such as `files:read`, and the one place where they are held against a request.

A scope is the name of an app and `read` or `write`; write includes read. GET and HEAD read, every other method writes.
Whose paths those are is known from the routers of the apps: the first segment below `/api` belongs to one app. What
belongs to none, and an app whose manifest says that tokens have no business there, is closed to tokens.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from commonplace.platform.identity.caller import EVERYTHING, Caller
from commonplace.platform.identity.errors import ScopeMissing

READ, WRITE = "read", "write"
LEVELS: Final = (READ, WRITE)
SEARCH: Final = "search"  #: the first segment of `/api/search`, which finds items of the apps that a token may read
SYNC: Final = "sync"  #: the name under which the platform's own `/api/sync` is opened; it tells of every app
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_SEGMENTS: Final = 3  # "", "api", and what follows


class Scopes:
    """The scopes there are, and the paths that each opens."""

    def __init__(self, titles: Mapping[str, str]) -> None:
        """With the apps that tokens may be used for: name to title. Paths are added by `open`."""
        self.titles: Mapping[str, str] = {**titles, SYNC: "Changes of every app (sync)"}
        self._names = {SYNC: SYNC}  # first segment below /api, to the name in scopes

    @property
    def all(self) -> frozenset[str]:
        """Every scope that a token can have."""
        return frozenset(f"{name}:{level}" for name in self.titles for level in LEVELS if name != SYNC or level == READ)

    def open(self, name: str, paths: Iterable[str]) -> None:
        """Let the scopes of app `name` open these paths (`/api/files/{file_id}`).

        Raises:
            ValueError: another app has paths with the same first segment, so a scope could not tell them apart.
        """
        for path in paths:
            segments = path.split("/", _SEGMENTS)
            if len(segments) >= _SEGMENTS and segments[1] == "api":
                owner = self._names.setdefault(segments[2], name)
                if owner != name:
                    raise ValueError(
                        f"{path}: /api/{segments[2]} belongs to {owner}; {name} needs a prefix of its own."
                    )

    def refuse_unless_admitted(self, caller: Caller, method: str, path: str) -> None:
        """Hold what the caller's credential admits against a request; a person's own session admits everything.

        Raises:
            ScopeMissing: the token has not the scope that the request needs, or no scope would do.
        """
        if caller.scopes == EVERYTHING:
            return
        segments = path.split("/", _SEGMENTS)
        if segments[1:3] == ["api", SEARCH] and method in _SAFE and self._reads_some_app(caller):
            return
        name = self._names.get(segments[2]) if len(segments) >= _SEGMENTS and segments[1] == "api" else None
        if name is None or name not in self.titles:
            raise ScopeMissing(None)
        level = READ if method in _SAFE else WRITE
        if f"{name}:{WRITE}" not in caller.scopes and f"{name}:{level}" not in caller.scopes:
            raise ScopeMissing(f"{name}:{level}")

    def _reads_some_app(self, caller: Caller) -> bool:
        return any(
            scope.partition(":")[0] in self.titles and not scope.startswith(f"{SYNC}:") for scope in caller.scopes
        )
