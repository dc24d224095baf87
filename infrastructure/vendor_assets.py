"""Brings the third-party files that pages use into the source tree, with their licences and a manifest of hashes.

Run by a maintainer, with npm at hand:

    python infrastructure/vendor_assets.py

What it writes is committed; nobody who installs or runs Commonplace needs npm. `tests/platform/pages/test_vendor.py`
holds the files to the manifest. To add an icon, name it in `ICONS`; to update a package, change its version.
"""

import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

VENDOR: Final = Path(__file__).parents[1] / "src/commonplace/platform/pages/static/vendor"
MANIFEST: Final = VENDOR / "manifest.json"

# Those that templates, scripts and manifests name; a test says which are missing, and which nobody uses any more.
_ICON_NAMES: Final = """
    arrow-down arrow-up bell box calendar check chevron-down chevron-left chevron-right circle circle-alert cloud-off
    columns-3 download ellipsis eye file file-archive file-image file-music file-text file-video filter flag folder
    folder-input folder-plus folder-up history image info keyboard layout-grid link list list-checks list-tree
    loader-circle log-out monitor moon paperclip pencil plus repeat search settings sun trash-2 undo-2 upload user
    user-plus users x clipboard-paste clock maximize panel-left rows-3 scissors
    pause play zoom-in zoom-out
"""
ICONS: Final = tuple(_ICON_NAMES.split())


@dataclass(frozen=True)
class Package:
    """A package of the npm registry, and what is taken out of it."""

    name: str
    version: str
    licence: str  #: SPDX
    folder: str  #: below `static/vendor`
    files: tuple[tuple[str, str], ...]  #: (path in the package, name in the folder)


PACKAGES: Final = (
    Package(
        "htmx.org", "4.0.1", "0BSD", "htmx",
        (("dist/htmx.min.js", "htmx.min.js"), ("LICENSE", "LICENSE")),
    ),
    Package(
        "@fontsource-variable/newsreader", "5.3.0", "OFL-1.1", "newsreader",
        (
            ("files/newsreader-latin-opsz-normal.woff2", "newsreader-latin.woff2"),
            ("files/newsreader-latin-ext-opsz-normal.woff2", "newsreader-latin-ext.woff2"),
            ("files/newsreader-latin-wght-italic.woff2", "newsreader-italic-latin.woff2"),
            ("files/newsreader-latin-ext-wght-italic.woff2", "newsreader-italic-latin-ext.woff2"),
            ("LICENSE", "LICENSE"),
        ),
    ),
    Package(
        "@fontsource-variable/inter", "5.3.0", "OFL-1.1", "inter",
        (
            ("files/inter-latin-wght-normal.woff2", "inter-latin.woff2"),
            ("files/inter-latin-ext-wght-normal.woff2", "inter-latin-ext.woff2"),
            ("LICENSE", "LICENSE"),
        ),
    ),
    Package(
        "tus-js-client", "4.3.1", "MIT", "tus",
        (("dist/tus.min.js", "tus.min.js"), ("LICENSE", "LICENSE")),
    ),
    Package("lucide-static", "1.62.0", "ISC", "lucide", (("LICENSE", "LICENSE"),)),
)  # fmt: skip


def unpack(package: Package, into: Path) -> Path:
    """Fetch the package with npm, which checks its integrity; the folder of its contents."""
    spec = f"{package.name}@{package.version}"
    packed = subprocess.run(  # noqa: S603 - names from this file only
        ["npm", "pack", "--silent", spec],  # noqa: S607 - the maintainer's own
        cwd=into,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()[-1]
    target = into / package.folder
    with tarfile.open(into / packed) as archive:
        archive.extractall(target, filter="data")
    return target / "package"


def sprite(icons: Path) -> str:
    """One SVG with a symbol `i-<name>` for each icon of `ICONS`; strokes are styled by the page."""
    symbols = []
    for name in ICONS:
        drawing = (icons / f"{name}.svg").read_text()
        shapes = re.search(r"<svg[^>]*>(.*)</svg>", drawing, re.DOTALL)
        if shapes is None:
            raise ValueError(f"{name}.svg is not as expected.")
        body = re.sub(r"\s*\n\s*", "", shapes[1]).replace(" />", "/>")
        symbols.append(f'<symbol id="i-{name}" viewBox="0 0 24 24">{body}</symbol>')
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    """Write `static/vendor` anew."""
    entries = []
    with tempfile.TemporaryDirectory() as scratch:
        for package in PACKAGES:
            source = unpack(package, Path(scratch))
            folder = VENDOR / package.folder
            folder.mkdir(parents=True, exist_ok=True)
            for old in folder.iterdir():
                old.unlink()
            for path, name in package.files:
                (folder / name).write_bytes((source / path).read_bytes())
            if package.folder == "lucide":
                (folder / "icons.svg").write_text(sprite(source / "icons"))
            entries.append(
                {
                    "package": package.name,
                    "version": package.version,
                    "licence": package.licence,
                    "files": {f"{package.folder}/{path.name}": digest(path) for path in sorted(folder.iterdir())},
                }
            )
    MANIFEST.write_text(json.dumps(entries, indent=2) + "\n")
    sys.stdout.write(f"{sum(len(entry['files']) for entry in entries)} files in {VENDOR}\n")


if __name__ == "__main__":
    main()
