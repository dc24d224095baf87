"""Paths that requirements fix, rewritten to the canonical ones before routing: `/auth/login` to `/api/auth/login`.

One table, made of the apps' manifests; OpenAPI lists the aliases from the same one. A rewrite is not a redirect: the
client sees nothing of it.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from starlette.types import Scope

from commonplace.platform.app import Alias


class Aliases:
    """The table. The longest prefix that fits wins; a prefix fits whole segments only."""

    def __init__(self, aliases: Iterable[Alias] = ()) -> None:
        ordered = sorted(aliases, key=lambda alias: len(alias.path), reverse=True)
        self.all: Sequence[Alias] = ordered
        self._by_first_segment: dict[str, list[tuple[str, str]]] = {}
        for alias in ordered:
            entry = (alias.path.rstrip("/"), alias.canonical.rstrip("/"))
            self._by_first_segment.setdefault(_first_segment(alias.path), []).append(entry)

    def rewrite(self, scope: Scope) -> None:
        """Let `scope` ask for the canonical path."""
        path: str = scope["path"]
        candidates = self._by_first_segment.get(_first_segment(path))
        for prefix, canonical in candidates or ():
            if path == prefix or path.startswith(prefix + "/"):
                scope["path"] = canonical + path[len(prefix) :]
                raw: bytes | None = scope.get("raw_path")
                if raw is not None and raw.startswith(prefix.encode()):
                    scope["raw_path"] = canonical.encode() + raw[len(prefix) :]
                return

    def add_to(self, openapi: dict[str, Any]) -> None:
        """List each aliased path beside its canonical one, with the same operations (and ids of their own)."""
        paths: dict[str, Any] = openapi.get("paths", {})
        for path, item in list(paths.items()):
            for alias in self.all:
                canonical = alias.canonical.rstrip("/")
                if path == canonical or path.startswith(canonical + "/"):
                    paths[alias.path.rstrip("/") + path[len(canonical) :]] = _aliased(item, path)


def _first_segment(path: str) -> str:
    end = path.find("/", 1)
    return path[1:] if end < 0 else path[1:end]


def _aliased(item: dict[str, Any], canonical: str) -> dict[str, Any]:
    return {
        key: {
            **operation,
            "operationId": f"{operation.get('operationId', key)}_alias",
            "x-alias-of": canonical,
        }
        if isinstance(operation, dict)
        else operation
        for key, operation in item.items()
    }
