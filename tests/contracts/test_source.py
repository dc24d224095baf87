"""Rules of the house that a machine can check; each failure says what to do instead."""

import ast
import re
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "commonplace"
LONGEST_FUNCTION = 80
LONGEST_FILE = 500


def modules(under: str = "") -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((SOURCE / under).rglob("*.py")):
        yield str(path.relative_to(SOURCE)), ast.parse(path.read_text())


def tracked() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    return [ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_init_files_are_empty() -> None:
    full = [str(path.relative_to(ROOT)) for path in SOURCE.rglob("__init__.py") if path.read_text().strip()]
    assert not full, f"Importing a package must load nothing; move what is in {full} to a module with a name."


def test_only_the_platform_commits() -> None:
    found = [
        f"{name}:{node.lineno}"
        for name, tree in modules()
        if not name.startswith("platform/database/")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr == "commit" and _text(node.func.value) in ("session", "connection", "self._session")
    ]
    assert not found, f"{found}: the unit of work commits (platform/http/unit.py, Database.writing), nobody else."


def test_apps_raise_problems_not_http_exceptions() -> None:
    found = [
        f"{name}:{node.lineno}"
        for name, tree in modules("apps")
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id == "HTTPException"
    ]
    assert not found, f"{found}: raise a Problem of the app's errors.py, whose class is the stable type."


def test_reads_of_an_app_stand_in_its_queries() -> None:
    found = [
        f"{name}:{node.lineno}"
        for name, tree in modules("apps")
        if not name.endswith(("queries.py", "models.py")) and "/migrations/" not in name
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("select", "text")
    ]
    assert not found, f"{found}: SQL of an app stands in its queries.py, beside who may see what."


def test_events_of_an_app_import_the_platform_only() -> None:
    found = [
        f"{name}: {imported}"
        for name, tree in modules("apps")
        if name.endswith("/events.py")
        for node in ast.walk(tree)
        for imported in _imports(node)
        if imported.startswith("commonplace.") and not imported.startswith("commonplace.platform")
    ]
    assert not found, f"{found}: other apps import events.py, so it must bring nothing of its own app along."


def test_imports_of_other_apps_are_events_only() -> None:
    found = [
        f"{name}: {imported}"
        for name, tree in modules("apps")
        for node in ast.walk(tree)
        for imported in _imports(node)
        if (match := re.match(r"commonplace\.apps\.(\w+)\.(\w+)", imported))
        if match[1] != name.split("/")[1] and match[2] != "events"
    ]
    assert not found, f"{found}: subscribe to the other app's facts instead of calling it."


def test_functions_and_files_stay_readable() -> None:
    long = [
        f"{name}:{node.lineno} {node.name}"
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        if (node.end_lineno or node.lineno) - node.lineno >= LONGEST_FUNCTION
    ]
    assert not long, f"{long}: over {LONGEST_FUNCTION} lines; split them by what they do."
    files = [name for name, _ in modules() if len((SOURCE / name).read_text().splitlines()) > LONGEST_FILE]
    assert not files, f"{files}: over {LONGEST_FILE} lines; split them by subject."


def test_migrations_can_go_back() -> None:
    for name, tree in modules():
        if "/migrations/" in name and not name.endswith("__init__.py"):
            down = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "downgrade")
            assert not isinstance(down.body[-1], (ast.Pass, ast.Raise)), f"{name}: write a true downgrade."


def test_a_branch_of_migrations_is_a_line() -> None:
    for folder in sorted({path.parent for path in SOURCE.rglob("migrations/[0-9]*.py")}):
        names = sorted(path.name for path in folder.glob("[0-9]*.py"))
        numbers = [int(name.split("_")[0]) for name in names]
        assert all(after == before + 1 for before, after in pairwise(numbers)), f"{folder}: {names}"


@pytest.mark.parametrize(
    "pattern", [r"https?://[\w.]*(pypi|pythonhosted|npmjs|debian)\.", r"--index-url", r"(?<!\w)/work/"]
)
def test_no_address_of_a_registry_or_a_machine_stands_in_the_project(pattern: str) -> None:
    found = [
        str(path.relative_to(ROOT))
        for path in tracked()
        if path.suffix in {".py", ".txt", ".toml", ".md", ".js", ".css", ".html", ".json", ".yaml", ".yml", ""}
        if path != Path(__file__) and re.search(pattern, path.read_text(errors="ignore"))
    ]
    assert not found, f"{found} name {pattern}: pin by name and hash, and let the reader's own settings find the rest."


@pytest.mark.parametrize("name", [".env", "data/postgres/cluster", ".venv/bin/python"])
def test_what_must_stay_out_of_git_is_ignored(name: str) -> None:
    assert subprocess.run(["git", "check-ignore", "-q", name], cwd=ROOT, check=False).returncode == 0


def test_every_dependency_is_pinned_with_hashes() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        for line in re.sub(r"\\\n", " ", path.read_text()).splitlines():
            if line.strip() and not line.lstrip().startswith("#"):
                assert "==" in line, f"{path.name}: {line[:60]}"
                assert "--hash=sha256:" in line, f"{path.name}: {line[:60]}"


def _text(node: ast.expr) -> str:
    return ast.unparse(node)


def _imports(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
