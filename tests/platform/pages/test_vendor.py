"""Third-party files are what the manifest says, with their licences, and all of them are used."""

import hashlib
import json
import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[3] / "src" / "commonplace"
VENDOR = SOURCE / "platform" / "pages" / "static" / "vendor"
PACKAGES = json.loads((VENDOR / "manifest.json").read_text())


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package["package"])
def test_files_are_those_of_the_manifest(package: dict[str, dict[str, str]]) -> None:
    for name, digest in package["files"].items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest, name


def test_nothing_else_lies_there() -> None:
    listed = {name for package in PACKAGES for name in package["files"]} | {"manifest.json"}
    assert {path.relative_to(VENDOR).as_posix() for path in VENDOR.rglob("*") if path.is_file()} == listed


def test_each_package_comes_with_its_licence() -> None:
    for package in PACKAGES:
        assert any(name.endswith("/LICENSE") for name in package["files"]), package["package"]
        assert re.fullmatch(r"[\d.]+", package["version"])


def test_fonts_are_declared_and_declared_fonts_are_there() -> None:
    styles = (VENDOR.parent / "css" / "base.css").read_text()
    named = set(re.findall(r'url\("\.\./vendor/([^"]+)"\)', styles))
    assert named == {path.relative_to(VENDOR).as_posix() for path in VENDOR.rglob("*.woff2")}


def test_each_icon_is_used_and_each_that_is_used_is_there() -> None:
    sprite = (VENDOR / "lucide" / "icons.svg").read_text()
    there = set(re.findall(r'<symbol id="i-([a-z0-9-]+)"', sprite))
    sources = "\n".join(
        path.read_text()
        for pattern in ("*.html", "*.js", "manifest.py", "shown.py", "render.py", "kind.py", "models.py")
        for path in SOURCE.rglob(pattern)
        if VENDOR not in path.parents
    )
    assert not {name for name in there if f'"{name}"' not in sources}, "Unused icons: infrastructure/vendor_assets.py"
    named = set(re.findall(r'(?:ui\.icon|[^_.]icon)\("([a-z0-9-]+)"', sources)) | set(
        re.findall(r'\bicon: "([a-z0-9-]+)"', sources)
    )
    assert named <= there
