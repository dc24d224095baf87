"""Static files: those of the platform and of each app, under addresses that change with their content.

`/static/<digest>/platform/css/tokens.css`: one digest stands for all files, so relative addresses inside stylesheets
and modules keep working, and browsers may keep everything for ever. Only files that were found at the start are served;
a path is looked up, never walked.
"""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from commonplace.platform.app import App

MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
}
"""What is served at all; other files of a `static` folder (licences, manifests) are not for browsers."""

_COMPRESSIBLE: Final = {".css", ".js", ".svg"}
_SHORTEST_COMPRESSED: Final = 512  # bytes; below it the headers weigh more


@dataclass(frozen=True)
class Asset:
    """One static file. Its bytes are read when they are first asked for, and kept: all of them are under 1 MB."""

    path: Path

    @property
    def media_type(self) -> str:
        """For `Content-Type`."""
        return MEDIA_TYPES[self.path.suffix]

    @cached_property
    def content(self) -> bytes:
        """The bytes."""
        return self.path.read_bytes()

    @cached_property
    def compressed(self) -> bytes | None:
        """The bytes, gzipped; None where that gains nothing."""
        if self.path.suffix not in _COMPRESSIBLE or len(self.content) < _SHORTEST_COMPRESSED:
            return None
        return gzip.compress(self.content, mtime=0)


class Assets:
    """All static files of an installation, by name: `platform/css/tokens.css`, `files/js/listing.js`."""

    def __init__(self, roots: tuple[tuple[str, Path], ...]) -> None:
        """`roots`: the first part of the names, and the folder that it stands for."""
        self.by_name = {
            f"{root}/{path.relative_to(folder).as_posix()}": Asset(path)
            for root, folder in roots
            for path in sorted(folder.rglob("*"))
            if path.suffix in MEDIA_TYPES and path.is_file()
        }

    @cached_property
    def digest(self) -> str:
        """Stands for the names and contents of all files."""
        sha = hashlib.sha256()
        for name, asset in self.by_name.items():
            sha.update(f"{name}\0{len(asset.content)}\0".encode() + asset.content)
        return sha.hexdigest()[:12]

    def url(self, name: str) -> str:
        """The address of a file.

        Raises:
            LookupError: there is no such file: a template names one that was renamed.
        """
        if name not in self.by_name:
            raise LookupError(f"There is no static file {name}.")
        return f"/static/{self.digest}/{name}"

    def urls(self) -> list[str]:
        """The addresses of all files."""
        return [self.url(name) for name in self.by_name]


def folder_of(app: App, name: str) -> Path | None:
    """The folder `name` beside the app's pages; None when the app has no pages, or no such folder."""
    if app.pages is None:
        return None
    package = app.pages.partition(":")[0].rpartition(".")[0]
    spec = find_spec(package) if package else None
    for location in (spec.submodule_search_locations if spec else None) or ():
        folder = Path(location) / name
        if folder.is_dir():
            return folder
    return None


def assets_of(apps: tuple[App, ...] | list[App]) -> Assets:
    """The static files of the platform and of these apps; the same object for the same apps."""
    own = (("platform", Path(__file__).parent / "static"),)
    return _assets(own + tuple((app.name, folder) for app in apps if (folder := folder_of(app, "static"))))


@lru_cache(maxsize=8)
def _assets(roots: tuple[tuple[str, Path], ...]) -> Assets:
    return Assets(roots)
